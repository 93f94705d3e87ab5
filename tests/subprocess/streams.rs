//! What goes in and comes out, in whatever order.

use crate::{
    alone::alone,
    backends::{everywhere, everywhere_at_its_limit, shell},
    family::{is_alive, pid_in},
    harness::{eventually, signal},
};
use concurrent_futures::subprocess::{Command, Error, Output, Sink, Stream, run};
use std::{fs, time::Duration};
use tempfile::TempDir;

const MANY: usize = 5 << 20;

#[test]
fn more_than_a_pipe_holds_goes_both_ways_at_once() {
    alone(|| {
        let bytes: Vec<u8> = (0..=255).cycle().take(MANY).collect();
        let output = everywhere(&Command::new("cat").stdin(bytes.clone())).unwrap();
        assert!(output.stdout() == bytes);
        // It writes first and reads later.
        let script = format!("head -c {MANY} /dev/zero; cat >&2");
        let output = run(shell(&script).stdin(bytes.clone())).unwrap();
        assert!(output.stdout().len() == MANY && output.stderr() == bytes);
    });
}

#[test]
fn standard_input_that_is_not_given_is_empty() {
    alone(|| {
        assert_eq!(everywhere(&Command::new("cat")).unwrap().stdout(), b"");
        assert_eq!(everywhere(&Command::new("cat").stdin("")).unwrap().stdout(), b"");
    });
}

#[test]
fn a_program_need_not_read_its_standard_input() {
    alone(|| {
        let bytes = vec![0; MANY];
        assert_eq!(
            everywhere(&shell("echo done").stdin(bytes.clone()))
                .unwrap()
                .stdout(),
            b"done\n"
        );
        assert_eq!(
            run(shell("exec <&-; sleep 0.1; echo done").stdin(bytes.clone()))
                .unwrap()
                .stdout(),
            b"done\n"
        );
        assert_eq!(run(shell("head -c 3").stdin(bytes)).unwrap().stdout(), [0; 3]);
    });
}

/// A program may reset `SIGPIPE`, as tools on the command line do.
#[test]
fn a_pipe_that_nobody_reads_costs_no_signal() {
    alone(|| {
        // SAFETY: the default action is one; it is for this process, which is here for this test.
        #[allow(unsafe_code)]
        unsafe {
            libc::signal(libc::SIGPIPE, libc::SIG_DFL)
        };
        for _ in 0..3 {
            assert_eq!(
                run(shell("exec <&-; echo done").stdin(vec![0; MANY]))
                    .unwrap()
                    .stdout(),
                b"done\n"
            );
            let future =
                concurrent_futures::subprocess::run_async(shell("exec <&-; echo done").stdin(vec![0; MANY]));
            assert_eq!(::futures::executor::block_on(future).unwrap().stdout(), b"done\n");
        }
    });
}

#[test]
fn a_program_may_close_its_output_and_go_on() {
    alone(|| {
        let folder = TempDir::new().unwrap();
        let script = "echo first; exec >&- 2>&-; sleep 0.2; echo late > late; exit 4";
        let error = run(shell(script).current_dir(folder.path())).unwrap_err();
        assert!(
            matches!(&error, Error::Failed { output } if output.code() == Some(4)),
            "{error}"
        );
        assert_eq!(error.output().unwrap().stdout(), b"first\n");
        assert!(folder.path().join("late").exists());
    });
}

/// As a shell does, which goes on when the program has ended.
#[test]
fn what_a_program_leaves_running_is_left_alone_and_not_waited_for() {
    alone(|| {
        let folder = TempDir::new().unwrap();
        // The file goes up in one piece, so who sees it sees all.
        let script = "(echo of the child; sh -c 'echo $$ > new; mv new child; exec sleep 1000') & \
                      while ! test -e child; do sleep 0.01; done; echo of the parent";
        for command in [
            shell(script).current_dir(folder.path()),
            shell(script).current_dir(folder.path()).stderr(Sink::Discard),
        ] {
            let outcome = run(command).unwrap();
            let mut lines: Vec<&str> = outcome.text().unwrap().lines().collect();
            lines.sort_unstable();
            assert_eq!(lines, ["of the child", "of the parent"]);
            let child = pid_in(&folder.path().join("child"));
            assert!(is_alive(child));
            signal(child, libc::SIGKILL);
            eventually("it is gone", || !is_alive(child));
            fs::remove_file(folder.path().join("child")).unwrap();
        }
        let error = run(shell("while :; do echo more; sleep 0.01; done & echo $! >&2"));
        let chatty = error.unwrap();
        assert!(
            chatty.text().unwrap().lines().all(|line| line == "more"),
            "{chatty:?}"
        );
        signal(
            chatty.stderr_text().unwrap().trim().parse().unwrap(),
            libc::SIGKILL,
        );
    });
}

#[test]
fn output_up_to_the_limit_is_kept_and_one_byte_more_is_too_much() {
    alone(|| {
        let both = "head -c 70000 /dev/zero; head -c 30000 /dev/zero >&2";
        let output = everywhere(&shell(both).max_output(100_000)).unwrap();
        assert_eq!((output.stdout().len(), output.stderr().len()), (70_000, 30_000));
        let error = everywhere(&shell(both).max_output(99_999)).unwrap_err();
        assert!(matches!(error, Error::TooMuchOutput { .. }), "{error}");
    });
}

#[test]
fn a_hundred_megabytes_are_too_much_unless_it_is_said_otherwise() {
    alone(|| {
        const HUNDRED: u64 = 100_000_000;
        let command = shell("head -c 100000000 /dev/zero");
        let error = everywhere(&command).unwrap_err();
        let Error::TooMuchOutput {
            stream: Stream::Stdout,
            limit,
            ..
        } = error
        else {
            panic!("{error}")
        };
        assert_eq!((limit, Command::MAX_OUTPUT), (64 << 20, 64 << 20));
        let output = run(command.clone().max_output(HUNDRED)).unwrap();
        assert_eq!(output.stdout().len() as u64, HUNDRED);
        // What is not captured does not count.
        assert_eq!(
            run(command.stdout(Sink::Discard).max_output(0)).unwrap().stdout(),
            b""
        );
    });
}

#[test]
fn a_stream_can_be_thrown_away_or_passed_on() {
    alone(|| {
        let speak = shell("echo out; echo err >&2");
        let output = everywhere(&speak.clone().stderr(Sink::Discard)).unwrap();
        assert_eq!((output.stdout(), output.stderr()), (&b"out\n"[..], &b""[..]));
        // What a program that is started here passes on is seen by who started this.
        let folder = TempDir::new().unwrap();
        let file = fs::File::create(folder.path().join("file")).unwrap();
        // SAFETY: both descriptors are open, and this process is here for this test.
        #[allow(unsafe_code)]
        let saved = unsafe {
            let saved = libc::dup(2);
            libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&file), 2);
            saved
        };
        let outcome = run(speak.stderr(Sink::Inherit));
        // SAFETY: as above.
        #[allow(unsafe_code)]
        unsafe {
            libc::dup2(saved, 2);
            libc::close(saved);
        }
        let output = outcome.unwrap();
        assert_eq!((output.stdout(), output.stderr()), (&b"out\n"[..], &b""[..]));
        assert_eq!(fs::read(folder.path().join("file")).unwrap(), b"err\n");
    });
}

#[test]
fn grace_lets_a_program_put_things_in_order_and_say_so() {
    alone(|| {
        let script = "trap 'echo tidied; exit 0' TERM; echo ready; while :; do sleep 0.01; done";
        // What the shell says about the end of its `sleep` depends on the shell.
        let command = |script| move |limit| shell(script).stderr(Sink::Discard).timeout(limit);
        let is_ready = |output: &Output| !output.stdout().is_empty();
        everywhere_at_its_limit(
            |limit| command(script)(limit).grace(Duration::from_secs(60)),
            is_ready,
            |_, output| {
                assert_eq!(
                    (output.code(), output.text().unwrap()),
                    (Some(0), "ready\ntidied\n")
                );
            },
        );
        // One that does not is killed.
        let stubborn = "trap '' TERM; echo ready; while :; do sleep 0.01; done";
        everywhere_at_its_limit(
            |limit| command(stubborn)(limit).grace(Duration::from_millis(50)),
            is_ready,
            |_, output| {
                assert_eq!((output.code(), output.text().unwrap()), (None, "ready\n"));
            },
        );
    });
}
