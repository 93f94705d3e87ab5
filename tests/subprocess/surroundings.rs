//! What a program finds around it.

use crate::{
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

/// It also leads a group of its own.
#[cfg(target_os = "linux")]
#[test]
fn no_descriptor_and_no_signal_setting_of_ours_gets_there() {
    alone(|| {
        let _open = File::open("/dev/null").unwrap();
        // SAFETY: these settings are for this process, which is here for this test; the set is valid.
        #[allow(unsafe_code)]
        unsafe {
            let mut blocked: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut blocked);
            libc::sigaddset(&raw mut blocked, libc::SIGTERM);
            libc::sigaddset(&raw mut blocked, libc::SIGUSR1);
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const blocked, std::ptr::null_mut());
        }
        let script = "readlink -f /proc/$$/fd/* | grep -cv pipe; grep -E '^Sig(Blk|Ign)' /proc/$$/status; \
                      test $(cut -d' ' -f5 /proc/$$/stat) = $$ && echo leader";
        // Of the three standard ones, two are pipes, and the shell has none of its own.
        let quiet = shell(&format!(
            "ls /proc/$$/fd | wc -l; {}",
            script.split_once("; ").unwrap().1
        ));
        let output = everywhere(&quiet).unwrap();
        let lines: Vec<&str> = output.text().unwrap().lines().collect();
        assert_eq!(lines.len(), 4, "{lines:?}");
        assert_eq!(lines[0].trim(), "3", "{lines:?}");
        assert_eq!(
            lines[1].split_whitespace().last(),
            Some("0000000000000000"),
            "{lines:?}"
        );
        assert_eq!(
            lines[2].split_whitespace().last(),
            Some("0000000000000000"),
            "{lines:?}"
        );
        assert_eq!(lines[3], "leader");
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
