//! Every outcome, the same on every backend.

use crate::{
    alone::alone,
    backends::{everywhere, everywhere_at_its_limit, shell},
    family::Family,
};
use concurrent_futures::{
    ThreadPool,
    subprocess::{Command, Error, Stream, run, run_async},
};
use std::time::Duration;

#[test]
fn what_a_program_writes_arrives() {
    alone(|| {
        let output = everywhere(&shell("echo out; echo err >&2")).unwrap();
        assert_eq!(output.text().unwrap(), "out\n");
        assert_eq!(output.stderr_text().unwrap(), "err\n");
        assert_eq!(output.stderr_lossy(), "err\n");
        assert_eq!(
            (output.code(), output.success(), output.program()),
            (Some(0), true, "sh")
        );
        assert_eq!(output.into_stdout(), b"out\n");
    });
}

#[test]
fn the_time_it_took_is_told() {
    alone(|| {
        let output = run(shell("sleep 0.05")).unwrap();
        assert!(output.time() >= Duration::from_millis(50), "{output:?}");
    });
}

#[test]
fn a_program_that_is_not_there_is_not_found() {
    alone(|| {
        let error = everywhere(&Command::new("no-such-program")).unwrap_err();
        assert!(matches!(&error, Error::NotFound { program } if program == "no-such-program"));
        assert!(
            error.to_string().contains("`no-such-program` on the PATH"),
            "{error}"
        );
        let error = everywhere(&Command::new("/no/such/program")).unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error}");
        assert!(error.to_string().contains("check the path"), "{error}");
        // No PATH, no program.
        let error = everywhere(&Command::new("no-such-program").env_clear()).unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error}");
    });
}

#[test]
fn another_code_than_0_is_an_error_with_the_last_words() {
    alone(|| {
        let script = "echo result; for n in 1 2 3 4 5 6 7; do echo line $n >&2; done; exit 3";
        let error = everywhere(&shell(script)).unwrap_err();
        let Error::Failed { output } = &error else {
            panic!("{error}")
        };
        assert_eq!((output.code(), output.stdout()), (Some(3), &b"result\n"[..]));
        let message = error.to_string();
        assert!(
            message.starts_with("`sh` exited with code 3; the end of its stderr:\n    line 3\n"),
            "{message}"
        );
        assert!(message.ends_with("\n    line 7"), "{message}");

        let output = everywhere(&shell(script).check(false)).unwrap();
        assert_eq!((output.code(), output.success()), (Some(3), false));
    });
}

#[test]
fn a_signal_is_an_error_also_unchecked() {
    alone(|| {
        let error = everywhere(&shell("echo last; kill -SEGV $$").check(false)).unwrap_err();
        let Error::Signalled { signal: 11, output } = &error else {
            panic!("{error}")
        };
        assert_eq!((output.code(), output.stdout()), (None, &b"last\n"[..]));
        assert_eq!(error.to_string(), "`sh` was ended by signal 11 (SIGSEGV)");
    });
}

#[test]
fn at_its_time_limit_a_program_is_stopped_and_what_it_wrote_is_kept() {
    alone(|| {
        everywhere_at_its_limit(
            |limit| shell("echo first; sleep 1000; echo second").timeout(limit),
            |output| !output.stdout().is_empty(),
            |error, output| {
                assert_eq!((output.code(), output.stdout()), (None, &b"first\n"[..]));
                let message = error.to_string();
                assert!(
                    message.starts_with("`sh` was stopped at its time limit of "),
                    "{message}"
                );
            },
        );
    });
}

#[test]
fn too_much_output_stops_a_program_and_names_the_stream() {
    alone(|| {
        let error = everywhere(&shell("yes >&2").max_output(100_000)).unwrap_err();
        let Error::TooMuchOutput {
            stream: Stream::Stderr,
            limit: 100_000,
            ..
        } = error
        else {
            panic!("{error}")
        };
        let message = error.to_string();
        assert!(
            message.contains("its stderr") && message.contains("100000 bytes"),
            "{message}"
        );
        let error = everywhere(&shell("yes").max_output(0)).unwrap_err();
        let Error::TooMuchOutput {
            stream: Stream::Stdout,
            limit: 0,
            ..
        } = error
        else {
            panic!("{error}")
        };
    });
}

#[test]
fn output_that_is_no_text_is_told_where_text_is_asked_for() {
    alone(|| {
        let output = everywhere(&shell(r"printf 'ab\377'; printf '\300' >&2")).unwrap();
        assert_eq!((output.stdout(), output.stderr()), (&b"ab\xff"[..], &b"\xc0"[..]));
        let error = output.text().unwrap_err();
        assert!(matches!(
            error,
            Error::NotUtf8 {
                stream: Stream::Stdout,
                valid_up_to: 2,
                ..
            }
        ));
        assert!(
            error
                .to_string()
                .contains("stdout of `sh` is no UTF-8 from byte 2 on"),
            "{error}"
        );
        assert!(matches!(
            output.stderr_text(),
            Err(Error::NotUtf8 {
                stream: Stream::Stderr,
                valid_up_to: 0,
                ..
            })
        ));
        assert_eq!(output.stderr_lossy(), "\u{fffd}");
    });
}

/// Where the system is told not to keep them, statuses are lost; programs are not.
#[test]
fn a_status_that_somebody_else_collects_is_told_as_lost() {
    alone(|| {
        // SAFETY: it is for this process, which is here for this test.
        #[allow(unsafe_code)]
        unsafe {
            libc::signal(libc::SIGCHLD, libc::SIG_IGN)
        };
        for outcome in [
            run(shell("exit 3")),
            futures::executor::block_on(run_async(shell("exit 3"))),
        ] {
            let error = outcome.unwrap_err();
            assert!(matches!(error, Error::Lost { .. }), "{error}");
            assert!(error.to_string().contains("SIGCHLD"), "{error}");
        }
        // It can still be stopped, with its group.
        let family = Family::new();
        let pool = ThreadPool::with_workers(1);
        let stopped = pool.submit(run, family.command());
        family.wait();
        stopped.cancel();
        assert!(matches!(stopped.result().unwrap(), Err(Error::Cancelled { .. })));
        family.wait_until_gone("stopped");
    });
}
