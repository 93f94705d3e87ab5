//! Programs that are awaited, on any runtime or none.

use crate::{alone::alone, backends::shell, family::Family, harness::eventually};
use concurrent_futures::subprocess::{Command, Error, run_async};
use futures::{
    executor::block_on,
    future::{join_all, poll_fn},
};
use std::{fs, future::Future, pin::pin, task::Poll};

#[test]
fn no_runtime_is_needed() {
    alone(|| {
        assert_eq!(
            block_on(run_async(shell("echo there"))).unwrap().stdout(),
            b"there\n"
        );
    });
}

#[test]
fn any_runtime_will_do() {
    let through = || run_async(Command::new("cat").stdin("through"));
    assert_eq!(smol::block_on(through()).unwrap().stdout(), b"through");
    let tokio = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(tokio.block_on(through()).unwrap().stdout(), b"through");
    // One that ends before the program does.
    let family = Family::new();
    let pending = tokio.spawn(run_async(family.command()));
    tokio.block_on(tokio::task::yield_now());
    family.wait();
    drop(tokio);
    family.wait_until_gone("with its runtime");
    assert!(block_on(pending).unwrap_err().is_cancelled());
}

#[test]
fn nothing_starts_before_the_first_poll() {
    alone(|| {
        drop(run_async(Command::new("no-such-program")));
        let folder = tempfile::TempDir::new().unwrap();
        let future = run_async(shell("touch there").current_dir(folder.path()));
        assert!(!folder.path().join("there").exists());
        block_on(future).unwrap();
        assert!(folder.path().join("there").exists());
    });
}

#[test]
fn dropping_a_future_kills_its_program_with_its_group() {
    alone(|| {
        let family = Family::new();
        block_on(async {
            let mut future = pin!(run_async(family.command()));
            poll_fn(|cx| {
                assert!(future.as_mut().poll(cx).is_pending());
                Poll::Ready(())
            })
            .await;
            family.wait();
        });
        family.wait_until_gone("dropped");
    });
}

/// Whether it was started, is being started or waits for that.
#[test]
fn a_future_can_be_dropped_at_any_time() {
    alone(|| {
        for round in 0..50_u32 {
            let mut futures: Vec<_> = (0..4).map(|_| Box::pin(run_async(shell("sleep 1000")))).collect();
            block_on(async {
                for future in &mut futures {
                    assert!(futures::poll!(future).is_pending());
                }
            });
            for _ in 0..round * 20 {
                std::thread::yield_now();
            }
        }
    });
}

#[cfg(target_os = "linux")]
#[test]
fn two_hundred_programs_at_once_take_one_thread_which_ends_with_them() {
    alone(|| {
        let threads = || fs::read_dir("/proc/self/task").unwrap().count();
        let folder = tempfile::TempDir::new().unwrap();
        let before = threads();
        let script = "touch $0; while test -e wait; do sleep 0.1; done; echo $0";
        fs::write(folder.path().join("wait"), "").unwrap();
        let programs =
            (0..200).map(|n| run_async(shell(script).arg(format!("{n}")).current_dir(folder.path())));
        let waiter = std::thread::spawn({
            let programs = join_all(programs);
            move || block_on(programs)
        });
        eventually("all run", || fs::read_dir(folder.path()).unwrap().count() == 201);
        assert_eq!(threads(), before + 2);
        fs::remove_file(folder.path().join("wait")).unwrap();
        for (n, outcome) in waiter.join().unwrap().into_iter().enumerate() {
            assert_eq!(outcome.unwrap().text().unwrap(), format!("{n}\n"));
        }
        eventually("the thread has ended", || threads() == before);
    });
}

/// A program that fails to start is told through the same future, and holds up no other.
#[test]
fn failures_to_start_hold_up_nobody() {
    alone(|| {
        let commands = (0..40).map(|n| {
            if n % 2 == 0 {
                shell("exit 0")
            } else {
                Command::new("no-such-program")
            }
        });
        for (n, outcome) in block_on(join_all(commands.map(run_async)))
            .into_iter()
            .enumerate()
        {
            match outcome {
                Ok(_) => assert_eq!(n % 2, 0),
                Err(Error::NotFound { .. }) => assert_eq!(n % 2, 1),
                Err(other) => panic!("{other}"),
            }
        }
    });
}

/// One program that writes as fast as it can does not keep another one's output back.
#[test]
fn a_loud_program_does_not_drown_a_quiet_one() {
    alone(|| {
        block_on(async {
            let mut loud = pin!(run_async(
                shell("yes")
                    .stdout(concurrent_futures::subprocess::Sink::Capture)
                    .max_output(u64::MAX)
            ));
            assert!(futures::poll!(&mut loud).is_pending());
            for _ in 0..3 {
                let quiet = run_async(shell("echo quiet")).await.unwrap();
                assert_eq!(quiet.stdout(), b"quiet\n");
            }
        });
    });
}
