//! What a program finds around it.

use crate::{
    alone::alone,
    backends::{everywhere, shell},
};
use concurrent_futures::subprocess::{Command, run};
use std::{ffi::OsString, fs::File, os::unix::ffi::OsStringExt};
use tempfile::TempDir;

#[test]
fn arguments_arrive_as_they_are() {
    alone(|| {
        let odd = OsString::from_vec(b"\xff $HOME *".to_vec());
        let output = everywhere(
            &Command::new("printf")
                .arg("<%s>")
                .args([odd, "".into(), "b c".into()]),
        )
        .unwrap();
        assert_eq!(output.stdout(), b"<\xff $HOME *><><b c>");
    });
}

#[test]
fn the_environment_is_that_of_this_process_with_the_changes() {
    alone(|| {
        let script = "echo ${PATH:+path} ${ADDED-none} ${CARGO_MANIFEST_DIR-none}";
        let output = everywhere(
            &shell(script)
                .env("ADDED", "there")
                .env_remove("CARGO_MANIFEST_DIR"),
        )
        .unwrap();
        assert_eq!(output.text().unwrap(), "path there none\n");
        let bare = Command::new("/usr/bin/env")
            .env("FORGOTTEN", "x")
            .env_clear()
            .env("ADDED", "there");
        assert_eq!(everywhere(&bare).unwrap().text().unwrap(), "ADDED=there\n");
    });
}

#[test]
fn the_folder_is_the_one_that_was_given() {
    alone(|| {
        let folder = TempDir::new().unwrap();
        let path = folder.path().canonicalize().unwrap();
        let output = everywhere(&shell("pwd -P").current_dir(&path)).unwrap();
        assert_eq!(output.text().unwrap().trim_end(), path.to_str().unwrap());
        let output = everywhere(&shell("pwd -P")).unwrap();
        assert_eq!(
            output.text().unwrap().trim_end(),
            std::env::current_dir().unwrap().to_str().unwrap()
        );
    });
}

#[cfg(target_os = "linux")]
#[test]
fn no_descriptor_of_ours_gets_there() {
    alone(|| {
        // What this process was given by its own parent goes on to everybody.
        let before = std::process::Command::new("ls")
            .arg("/proc/self/fd")
            .output()
            .unwrap();
        let _open = File::open("/dev/null").unwrap();
        let output = everywhere(&Command::new("ls").arg("/proc/self/fd").stdin("x")).unwrap();
        assert_eq!(
            output.text().unwrap(),
            std::str::from_utf8(&before.stdout).unwrap()
        );
    });
}

/// A line of `/proc/.../status` with a set of signals.
#[cfg(target_os = "linux")]
fn signals(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    u64::from_str_radix(line.trim_start_matches(':').trim(), 16).unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn no_signal_is_blocked_or_ignored_there_because_it_is_here() {
    alone(|| {
        // SAFETY: these settings are for this thread, which is here for this test; the set is valid.
        #[allow(unsafe_code)]
        unsafe {
            let mut blocked: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut blocked);
            libc::sigaddset(&raw mut blocked, libc::SIGTERM);
            libc::sigaddset(&raw mut blocked, libc::SIGUSR1);
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const blocked, std::ptr::null_mut());
        }
        let ours = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let pipe = 1 << (libc::SIGPIPE - 1);
        assert!(signals(&ours, "SigBlk") != 0 && signals(&ours, "SigIgn") & pipe != 0);
        // What the C library itself does with signals 32 and 33 when it starts a process is its own affair.
        let show = Command::new("sed").args(["-nE", r"s/^(Sig...:).*(.{7})$/\1\2/p", "/proc/self/status"]);
        let there = everywhere(&show).unwrap();
        let there = there.text().unwrap();
        assert_eq!(signals(there, "SigBlk"), 0);
        assert_eq!(
            signals(there, "SigIgn"),
            signals(&ours, "SigIgn") & !pipe & 0x0fff_ffff
        );
    });
}

/// A signal to the group of this process, such as Ctrl-C, is for this process to handle.
#[cfg(target_os = "linux")]
#[test]
fn a_program_leads_a_group_of_its_own() {
    alone(|| {
        let script = "test $(cut -d' ' -f5 /proc/$$/stat) = $$ && echo leader";
        assert_eq!(everywhere(&shell(script)).unwrap().text().unwrap(), "leader\n");
    });
}

/// `SIGPIPE`, which this process ignores, ends a program as its author expects.
#[test]
fn a_program_ends_at_a_broken_pipe() {
    alone(|| {
        let output = run(shell("yes | head -n 1")).unwrap();
        assert_eq!(output.text().unwrap(), "y\n");
        assert_eq!(output.stderr(), b"");
    });
}
