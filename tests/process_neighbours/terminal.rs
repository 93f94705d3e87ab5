//! Signals that a terminal sends to everything that runs in it.
#![cfg(target_os = "linux")]
#![allow(unsafe_code)]

use crate::{
    cases::{Program, command, parent},
    checkpoint::Checkpoint,
    system::{self, LONG, until},
    within,
};
use std::{
    fs::File,
    io::Write,
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::process::CommandExt,
    },
    process::Stdio,
    ptr,
};

/// A terminal: what the keyboard writes to, and what programs read from.
fn terminal() -> (File, OwnedFd) {
    let (mut keyboard, mut programs) = (0, 0);
    // SAFETY: the first two places are valid, the others may be null.
    let result = unsafe {
        libc::openpty(
            &raw mut keyboard,
            &raw mut programs,
            ptr::null_mut(),
            ptr::null(),
            ptr::null(),
        )
    };
    assert_eq!(result, 0, "no terminal");
    // SAFETY: both were just opened for us alone.
    let (keyboard, programs) = unsafe { (File::from_raw_fd(keyboard), OwnedFd::from_raw_fd(programs)) };
    for fd in [keyboard.as_raw_fd(), programs.as_raw_fd()] {
        // SAFETY: they are open.
        unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    (keyboard, programs)
}

#[test]
fn ctrl_c_is_the_parents_to_handle_and_ends_the_programs_of_tasks() {
    within(60, || {
        let (mut keyboard, programs) = terminal();
        let gate = Checkpoint::new();
        let (mut command, mark) = command(parent());
        let port = serde_json::to_string(&gate.address()).unwrap();
        command.args(["interrupted", &port]);
        // The leader of a new session, whose terminal is the one that it has as its standard input.
        // SAFETY: two system calls, which may be made between fork and exec.
        unsafe {
            command.pre_exec(|| {
                libc::setsid();
                match libc::ioctl(0, libc::TIOCSCTTY, 0) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                }
            });
        }
        let child = command
            .stdin(Stdio::from(programs))
            .stdout(Stdio::piped())
            .spawn();
        let mut program = Program::of(child.unwrap(), mark);
        let (mut ready, mut sleep) = (false, None);
        while !ready || sleep.is_none() {
            let line = program.line();
            ready |= line == "ready";
            sleep = sleep.or(line.strip_prefix("sleep ").map(|pid| pid.parse::<u32>().unwrap()));
        }
        gate.wait_for(1);
        let sleep = sleep.unwrap();
        // All are in the group that the terminal sends it to; the sleep is what it says, not a fork on its way.
        until("the sleep sleeps", LONG, || {
            std::fs::read_to_string(format!("/proc/{sleep}/comm")).is_ok_and(|name| name == "sleep\n")
        });
        assert_eq!(system::in_group(program.child.id()).len(), 5);
        keyboard.write_all(&[3]).unwrap();
        assert_eq!(program.line(), "handled");
        assert_eq!(program.line(), "the program: Some(2)");
        assert_eq!(program.line(), "2");
        // It still waits: the signal did not end its read.
        assert!(gate.seen().len() == 1);
        gate.open();
        assert_eq!(program.line(), "the task: 1");
        assert_eq!(program.line(), "3", "workers survive");
        assert!(program.ends().success());
    });
}

#[test]
fn a_group_that_is_stopped_and_continued_goes_on_and_loses_nothing() {
    within(120, || {
        for (signal, role) in [
            (libc::SIGTSTP, &["stopped"][..]),
            (libc::SIGSTOP, &["stopped"]),
            (libc::SIGSTOP, &["stopped", "with a group per worker"]),
        ] {
            let mut program = Program::start(role);
            let leader = program.child.id();
            program.expect("100");
            for round in 1..4 {
                program.expect(&(round * 500).to_string());
                let all = system::in_group(leader);
                system::send(-leader.cast_signed(), signal);
                until("all are stopped", LONG, || {
                    all.iter()
                        .all(|&pid| system::state(pid).is_none_or(|state| state == 'T'))
                });
                system::send(-leader.cast_signed(), libc::SIGCONT);
            }
            program.expect("all 4000");
            assert_eq!(program.line(), "restarted 0");
            assert!(program.ends().success());
        }
    });
}

#[test]
fn workers_that_alone_are_stopped_and_continued_lose_nothing() {
    within(60, || {
        let mut program = Program::start(&["stopped"]);
        let leader = program.child.id();
        for round in 1..5 {
            program.expect(&(round * 300).to_string());
            let workers: Vec<_> = system::in_group(leader)
                .into_iter()
                .filter(|pid| *pid != leader)
                .collect();
            assert_eq!(workers.len(), 2);
            workers
                .iter()
                .for_each(|pid| system::send(pid.cast_signed(), libc::SIGSTOP));
            until("they are stopped", LONG, || {
                workers.iter().all(|&pid| system::state(pid) == Some('T'))
            });
            workers
                .iter()
                .for_each(|pid| system::send(pid.cast_signed(), libc::SIGCONT));
        }
        program.expect("all 4000");
        assert_eq!(program.line(), "restarted 0");
    });
}
