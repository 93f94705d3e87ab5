//! What a worker and the programs of its tasks inherit, and what a worker costs its parent.
#![cfg(target_os = "linux")]

use crate::{cases::Program, system, within};
use std::collections::HashSet;

#[test]
fn a_worker_has_the_first_three_and_one_socket_and_a_program_that_it_starts_the_first_three() {
    within(60, || {
        let mut program = Program::start(&["workers"]);
        let own: HashSet<_> = system::descriptors(program.child.id()).into_iter().collect();
        let mut workers = Vec::new();
        loop {
            match program.line().as_str() {
                "" => break,
                pid => workers.push(pid.parse().unwrap()),
            }
        }
        assert_eq!(workers.len(), 6);
        let mut sockets = HashSet::new();
        for pid in workers {
            let all = system::descriptors(pid);
            let [zero, one, two, (_, socket)] = &all[..] else {
                panic!("{all:?}")
            };
            assert_eq!(zero, &(0, "/dev/null".to_owned()));
            // Standard output and error are those of the parent.
            assert!(own.contains(one) && own.contains(two), "{all:?}");
            assert!(socket.starts_with("socket:"), "{all:?}");
            assert!(sockets.insert(socket.clone()), "two share {socket}");
        }
        // With the folder's own descriptor.
        let inside = program.line();
        assert_eq!(inside.split(' ').count(), 5, "{inside}");
        assert!(inside.starts_with("0 1 2 "), "{inside}");
        assert_eq!(program.line(), "0 1 2 3 ");
        program.say("end");
        assert!(program.ends().success());
    });
}

#[test]
fn a_worker_costs_its_parent_two_and_a_queued_task_none() {
    within(60, || {
        let mut program = Program::start(&["descriptors"]);
        let number =
            |line: String| -> Vec<usize> { line.split(' ').map(|word| word.parse().unwrap()).collect() };
        let before = number(program.line())[0];
        assert_eq!(before, 3);
        for workers in [1, 2, 8, 1] {
            let counts = number(program.line());
            let [built, warm, queued] = counts[..] else {
                panic!("{counts:?}")
            };
            assert!(built <= before + 2, "{counts:?}");
            assert!(warm <= built + 2 * workers, "{workers} workers: {counts:?}");
            assert_eq!(queued, warm, "{counts:?}");
            assert_eq!(number(program.line()), [before], "after the pool");
        }
    });
}
