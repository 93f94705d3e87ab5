//! Programs that cannot be started: why not, and what to do.

use crate::{
    alone::alone,
    backends::{everywhere, shell},
};
use concurrent_futures::subprocess::{Command, Error};
use std::{fs, os::unix::fs::PermissionsExt, path::Path};
use tempfile::TempDir;

fn file(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn reason(command: &Command) -> String {
    match everywhere(command).unwrap_err() {
        Error::NotStarted { reason, .. } => reason,
        other => panic!("{other}"),
    }
}

#[test]
fn a_folder_that_cannot_be_entered_is_told_from_a_program_that_is_missing() {
    alone(|| {
        let folder = TempDir::new().unwrap();
        let missing = folder.path().join("missing");
        let error = everywhere(&shell("true").current_dir(&missing)).unwrap_err();
        let Error::NoFolder {
            program,
            folder: told,
            reason,
        } = &error
        else {
            panic!("{error}")
        };
        assert_eq!((program.as_str(), Path::new(told)), ("sh", missing.as_path()));
        assert!(reason.contains("No such file"), "{reason}");

        let plain = folder.path().join("plain");
        file(&plain, "", 0o644);
        let error = everywhere(&shell("true").current_dir(&plain)).unwrap_err();
        assert!(
            matches!(&error, Error::NoFolder { reason, .. } if reason.contains("Not a directory")),
            "{error}"
        );

        let error = everywhere(&Command::new("./missing").current_dir(folder.path())).unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error}");
    });
}

#[test]
fn a_file_that_may_not_be_run_is_no_missing_program() {
    alone(|| {
        let folder = TempDir::new().unwrap();
        let plain = folder.path().join("plain");
        file(&plain, "#!/bin/sh\n", 0o644);
        let reason = reason(&Command::new(&plain));
        assert!(
            reason.contains("Permission denied") && reason.contains("chmod"),
            "{reason}"
        );
    });
}

#[test]
fn a_missing_interpreter_is_no_missing_program() {
    alone(|| {
        let folder = TempDir::new().unwrap();
        file(&folder.path().join("script"), "#!/no/such/interpreter\n", 0o755);
        let absolute = reason(&Command::new(folder.path().join("script")));
        assert!(absolute.contains("interpreter"), "{absolute}");
        let relative = reason(&Command::new("./script").current_dir(folder.path()));
        assert!(relative.contains("interpreter"), "{relative}");
    });
}

#[test]
fn arguments_that_the_system_does_not_take_are_told() {
    alone(|| {
        let long = reason(&Command::new("true").arg("x".repeat(10 << 20)));
        assert!(long.contains("too long") && long.contains("stdin"), "{long}");
        let zero = reason(&Command::new("true").arg("a\0b"));
        assert!(zero.contains("nul byte"), "{zero}");
    });
}
