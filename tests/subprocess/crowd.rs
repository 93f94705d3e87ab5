//! Many programs.

use crate::{
    alone::alone,
    backends::{all, concurrent, shell},
    harness::{children, eventually},
};
use concurrent_futures::{
    AnyExecutor, Executor,
    subprocess::{self, Error},
};
use std::time::Duration;

#[test]
fn two_hundred_programs_through_four_workers_all_tell_their_own() {
    alone(|| {
        for backend in all() {
            let executor = AnyExecutor::with_workers(backend, 4);
            let commands = || {
                (0..200).map(|n| {
                    shell("cat; echo $0; exit $0")
                        .arg(format!("{}", n % 7))
                        .stdin(format!("{n} "))
                })
            };
            let check = |n: usize, outcome: Result<subprocess::Output, Error>| {
                let output = match outcome {
                    Ok(output) | Err(Error::Failed { output }) => output,
                    Err(other) => panic!("{backend}, {n}: {other}"),
                };
                assert_eq!(output.text().unwrap(), format!("{n} {}\n", n % 7), "{backend}");
                assert_eq!(output.code(), Some(i32::try_from(n % 7).unwrap()), "{backend}");
            };
            for (n, outcome) in executor.map(subprocess::run, commands()).enumerate() {
                check(n, outcome.unwrap());
            }
            let futures = executor
                .options()
                .max_in_flight(4)
                .map_async(subprocess::run_async, commands());
            for (n, outcome) in futures.enumerate() {
                check(n, outcome.unwrap());
            }
        }
    });
}

/// Whatever comes of them, nobody is left unburied, also while others go on.
#[test]
fn no_program_is_left_unburied() {
    alone(|| {
        for backend in concurrent() {
            let executor = AnyExecutor::with_workers(backend, 4);
            let commands = || {
                [
                    shell("exit 0"),
                    shell("exit 1"),
                    shell("kill -9 $$"),
                    shell("sleep 1000").timeout(Duration::from_millis(20)),
                    shell("yes").max_output(1000),
                    shell("sleep 0.3 & exit 0"),
                ]
                .into_iter()
                .cycle()
                .take(30)
            };
            executor
                .map(subprocess::run, commands())
                .for_each(|outcome| drop(outcome.unwrap()));
            executor
                .map_async(subprocess::run_async, commands())
                .for_each(|outcome| drop(outcome.unwrap()));
            // The executor is still there, and so are its workers.
            eventually("no zombies", || children().iter().all(|(_, state)| *state != 'Z'));
        }
    });
}
