//! The promises of `worker.rs`. Most tests run in a process of their own, which they change.

use super::{
    super::{channel, tests::alone},
    *,
};
use rustix::io::{FdFlags, fcntl_getfd};
use std::{
    io::Read,
    os::{fd::AsFd, unix::process::ExitStatusExt},
    process::{Command, Stdio},
    thread,
};

fn raise(signal: c_int) {
    // SAFETY: no conditions.
    unsafe { libc::raise(signal) };
}

fn succeeds(mut command: Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn standard_input_becomes_the_channel_and_reads_as_empty() {
    let Some(mut command) = alone(concat!(
        module_path!(),
        "::standard_input_becomes_the_channel_and_reads_as_empty"
    )) else {
        assert!(channel::is_socket(io::stdin()));
        let channel = take_over_stdin().unwrap();
        assert!(channel.as_raw_fd() >= 3);
        assert!(fcntl_getfd(&channel).unwrap().contains(FdFlags::CLOEXEC));
        assert!(!fcntl_getfd(io::stdin()).unwrap().contains(FdFlags::CLOEXEC));
        assert_eq!(io::stdin().read(&mut [0; 8]).unwrap(), 0);
        channel::send_text(channel.as_fd(), "here");
        return;
    };
    let (parent, worker) = channel::pair().unwrap();
    command.stdin(Stdio::from(worker));
    succeeds(command);
    let mut text = Vec::new();
    channel::drain(parent.as_fd(), &mut text);
    assert_eq!(text, b"here");
}

#[cfg(target_os = "linux")]
#[test]
fn a_parent_that_is_gone_is_noticed() {
    let Some(command) = alone(concat!(module_path!(), "::a_parent_that_is_gone_is_noticed")) else {
        let parent = std::os::unix::process::parent_id();
        assert!(die_with_parent(parent));
        assert!(!die_with_parent(parent + 1));
        return;
    };
    succeeds(command);
}

#[cfg(target_os = "linux")]
#[test]
fn a_worker_dies_when_the_thread_that_started_it_ends() {
    let Some(mut command) = alone(concat!(
        module_path!(),
        "::a_worker_dies_when_the_thread_that_started_it_ends"
    )) else {
        let channel = take_over_stdin().unwrap();
        assert!(die_with_parent(std::os::unix::process::parent_id()));
        channel::ring(channel.as_fd());
        channel::wait(channel.as_fd());
        return;
    };
    let (parent, worker) = channel::pair().unwrap();
    command.stdin(Stdio::from(worker));
    let (mut start, parent_end) = (move || command.spawn().unwrap(), parent.as_fd());
    let mut child = thread::scope(|scope| {
        scope
            .spawn(move || {
                let child = start();
                assert!(channel::wait(parent_end));
                child
            })
            .join()
            .unwrap()
    });
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
}

#[test]
fn an_interrupt_does_not_end_a_worker_but_a_program_that_it_starts() {
    let Some(command) = alone(concat!(
        module_path!(),
        "::an_interrupt_does_not_end_a_worker_but_a_program_that_it_starts"
    )) else {
        set_disposition(libc::SIGINT, libc::SIG_DFL, 0);
        ignore_interrupt();
        raise(libc::SIGINT);
        let status = Command::new("sh")
            .args(["-c", "kill -INT $$; exit 3"])
            .status()
            .unwrap();
        assert_eq!(status.signal(), Some(libc::SIGINT));
        return;
    };
    succeeds(command);
}

#[test]
fn interrupts_that_are_ignored_stay_so() {
    let Some(command) = alone(concat!(module_path!(), "::interrupts_that_are_ignored_stay_so")) else {
        set_disposition(libc::SIGINT, libc::SIG_IGN, 0);
        ignore_interrupt();
        assert_eq!(disposition(libc::SIGINT), libc::SIG_IGN);
        return;
    };
    succeeds(command);
}

#[test]
fn a_broken_pipe_does_not_end_a_worker() {
    let Some(command) = alone(concat!(module_path!(), "::a_broken_pipe_does_not_end_a_worker")) else {
        set_disposition(libc::SIGPIPE, libc::SIG_DFL, 0);
        ignore_broken_pipe();
        raise(libc::SIGPIPE);
        return;
    };
    succeeds(command);
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_is_cut_to_what_is_shown() {
    let named = |name: &'static str| {
        thread::spawn(move || {
            name_process(name);
            rustix::thread::name().unwrap().into_string().unwrap()
        })
        .join()
        .unwrap()
    };
    assert_eq!(named("worker 3"), "worker 3");
    assert_eq!(named("a name with\0out end"), "a name without ");
}

#[test]
fn memory_that_is_used_is_counted() {
    let Some(command) = alone(concat!(module_path!(), "::memory_that_is_used_is_counted")) else {
        let before = resident_bytes().unwrap();
        let block = std::hint::black_box(vec![1u8; 64 << 20]);
        let after = resident_bytes().unwrap();
        assert!(before > 0 && after - before >= 60 << 20, "{before} {after}");
        drop(block);
        return;
    };
    succeeds(command);
}

#[cfg(target_os = "linux")]
#[test]
fn memory_beyond_the_limit_is_refused_and_the_limit_can_not_be_raised() {
    let Some(command) = alone(concat!(
        module_path!(),
        "::memory_beyond_the_limit_is_refused_and_the_limit_can_not_be_raised"
    )) else {
        let mut block = Vec::<u8>::new();
        limit_memory(1 << 30).unwrap();
        limit_memory(1 << 40).unwrap();
        assert_eq!(process::getrlimit(Resource::As).current, Some(1 << 30));
        assert!(block.try_reserve_exact(1 << 30).is_err());
        assert!(block.try_reserve_exact(1 << 20).is_ok());
        return;
    };
    succeeds(command);
}

#[test]
fn a_removed_variable_is_gone_here_and_in_programs() {
    let Some(mut command) = alone(concat!(
        module_path!(),
        "::a_removed_variable_is_gone_here_and_in_programs"
    )) else {
        assert_eq!(variable("CONCURRENT_FUTURES_TEST").as_deref(), Some("x"));
        // SAFETY: the only test of this process; the other threads, if any, do not use the environment.
        unsafe { remove_variable(c"CONCURRENT_FUTURES_TEST") };
        assert_eq!(variable("CONCURRENT_FUTURES_TEST"), None);
        let status = Command::new("sh")
            .args(["-c", "test -z \"$CONCURRENT_FUTURES_TEST\""])
            .status()
            .unwrap();
        assert!(status.success());
        return;
    };
    command.env("CONCURRENT_FUTURES_TEST", "x");
    succeeds(command);
}
