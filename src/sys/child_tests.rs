//! The promises of `child.rs`, each with a pidfd and without.

use super::super::{channel, tests::alone, worker};
use super::*;
use std::{
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).stdin(Stdio::null());
    command
}

fn start(script: &str, own_group: bool, pidfd: bool) -> ChildProcess {
    let mut child = ChildProcess::start(&mut shell(script), own_group).unwrap();
    child.pidfd = child.pidfd.filter(|_| pidfd);
    child
}

/// Looks again and again, for what no descriptor reports. The time is only for the case that it fails.
fn until<T>(mut done: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "it never came");
        thread::sleep(Duration::from_millis(1));
    }
}

fn end_of(child: &ChildProcess) -> Reaped {
    until(|| Some(child.try_reap()).filter(|fate| *fate != Reaped::Running))
}

#[test]
fn the_status_is_reported_and_remembered() {
    for pidfd in [true, false] {
        let child = start("exit 7", false, pidfd);
        assert_eq!(end_of(&child), Reaped::Exited(7));
        assert_eq!(child.try_reap(), Reaped::Exited(7));
        assert!(!child.is_stopped());
        child.kill();
        let child = start("kill -TERM $$", false, pidfd);
        assert_eq!(end_of(&child), Reaped::Signalled(libc::SIGTERM));
    }
}

#[test]
fn a_running_child_runs_until_it_is_killed() {
    for pidfd in [true, false] {
        let child = start("exec sleep 1000", false, pidfd);
        assert_eq!(child.try_reap(), Reaped::Running);
        child.kill();
        assert_eq!(end_of(&child), Reaped::Signalled(libc::SIGKILL));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_death_can_be_polled() {
    let child = start("exec sleep 1000", false, true);
    let Some(fd) = child.death_fd() else { return };
    let mut ready = Vec::new();
    channel::poll_readable(&[fd], &mut ready, Some(Duration::ZERO)).unwrap();
    assert_eq!(ready, [false]);
    child.kill();
    channel::poll_readable(&[fd], &mut ready, None).unwrap();
    assert_eq!(ready, [true]);
    // It counts as dead only now: the kernel says so to both at once.
    assert_eq!(child.try_reap(), Reaped::Signalled(libc::SIGKILL));
}

#[test]
fn a_status_that_somebody_else_took_is_unknown() {
    for pidfd in [true, false] {
        let child = start("exit 7", true, pidfd);
        process::waitpid(Some(child.pid), process::WaitOptions::empty()).unwrap();
        assert_eq!(child.try_reap(), Reaped::Unknown);
        child.kill();
        child.kill_group();
        assert_eq!(child.try_reap(), Reaped::Unknown);
    }
}

/// A child whose own child lives on and holds one end of a channel; and the other end.
fn with_grandchild(pidfd: bool) -> (ChildProcess, OwnedFd) {
    let (here, there) = channel::pair().unwrap();
    let mut command = shell("sleep 1000 & exit 3");
    command.stdout(Stdio::from(there));
    let mut child = ChildProcess::start(&mut command, true).unwrap();
    child.pidfd = child.pidfd.filter(|_| pidfd);
    (child, here)
}

#[test]
fn the_group_dies_with_its_leader_and_the_status_is_kept() {
    for pidfd in [true, false] {
        let (child, alive) = with_grandchild(pidfd);
        assert_eq!(end_of(&child), Reaped::Exited(3));
        // Closed when the last process that holds it is dead.
        assert!(!channel::wait(alive.as_fd()));
    }
}

#[test]
fn a_group_can_be_killed_while_its_leader_is_a_zombie() {
    for pidfd in [true, false] {
        let (child, alive) = with_grandchild(pidfd);
        until(|| child.look(WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap());
        child.kill_group();
        assert!(!channel::wait(alive.as_fd()));
        assert_eq!(child.try_reap(), Reaped::Exited(3));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_group_whose_leader_somebody_else_reaped_dies_where_a_pidfd_can_mean_it() {
    let (child, alive) = with_grandchild(true);
    let (probe, probed) = with_grandchild(true);
    let knows = probe
        .pidfd
        .as_ref()
        .is_some_and(|fd| signal_group_by(fd.as_fd(), Signal::KILL));
    probe.kill_group();
    end_of(&probe);
    assert!(!channel::wait(probed.as_fd()));
    process::waitpid(Some(child.pid), process::WaitOptions::empty()).unwrap();
    if knows {
        assert_eq!(child.try_reap(), Reaped::Unknown);
        assert!(!channel::wait(alive.as_fd()));
    } else {
        // The test cleans up by number: the group is not empty.
        process::kill_process_group(child.pid, Signal::KILL).unwrap();
    }
}

#[test]
fn a_stopped_child_is_known() {
    for pidfd in [true, false] {
        let child = start("kill -STOP $$; exec sleep 1000", false, pidfd);
        until(|| child.is_stopped().then_some(()));
        assert_eq!(child.try_reap(), Reaped::Running);
        process::kill_process(child.pid, Signal::CONT).unwrap();
        until(|| (!child.is_stopped()).then_some(()));
        child.kill();
        assert_eq!(end_of(&child), Reaped::Signalled(libc::SIGKILL));
    }
}

#[test]
fn with_an_ignored_sigchld_a_death_is_seen_and_its_reason_is_unknown() {
    let Some(mut command) = alone(concat!(
        module_path!(),
        "::with_an_ignored_sigchld_a_death_is_seen_and_its_reason_is_unknown"
    )) else {
        worker::set_disposition(libc::SIGCHLD, libc::SIG_IGN, 0);
        for pidfd in [true, false] {
            let child = start("exec sleep 1000", false, pidfd);
            assert_eq!(child.try_reap(), Reaped::Running);
            child.kill();
            if let Some(fd) = child.death_fd() {
                channel::poll_readable(&[fd], &mut Vec::new(), None).unwrap();
                assert_eq!(child.try_reap(), Reaped::Unknown);
            }
            assert_eq!(end_of(&child), Reaped::Unknown);
        }
        return;
    };
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}
