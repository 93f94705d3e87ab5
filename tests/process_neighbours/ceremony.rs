//! A program that uses a pool needs nothing but the pool: no call in `main`, no guard, no flag. And what happens where that
//! is switched off.

use crate::{
    cases::{Package, command, parent, plain},
    within,
};
use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

fn says(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_pool_in_main_is_all_there_is() {
    within(60, || {
        let (code, out, err) = says(command(parent()).0.arg("plain"));
        assert_eq!(
            (code, out.as_str(), err.as_str()),
            (Some(0), "main runs\n328350\n", "")
        );
    });
}

#[test]
fn tests_of_a_program_and_benchmarks_without_a_harness_need_no_more() {
    within(300, || {
        let package = plain();
        let (code, out, err) =
            says(&mut package.cargo(&["test", "--offline", "--quiet", "--test", "tested"]));
        assert!(code == Some(0) && out.contains("2 passed"), "{out}{err}");
        let bench = [
            "bench",
            "--offline",
            "--quiet",
            "--profile",
            "dev",
            "--bench",
            "bench",
        ];
        let (code, out, err) = says(&mut package.cargo(&bench));
        assert!(
            code == Some(0) && out.starts_with("the sum is 328350, after "),
            "{out}{err}"
        );
        assert_eq!(out.lines().count(), 1, "a worker ran main: {out}");
    });
}

#[test]
fn nextest_needs_no_more() {
    within(300, || {
        let version = Command::new(env!("CARGO"))
            .args(["nextest", "--version"])
            .output();
        if !version.is_ok_and(|output| output.status.success()) {
            println!("skipped: there is no cargo nextest here");
            return;
        }
        let mut command = plain().cargo(&[
            "nextest",
            "run",
            "--offline",
            "--test",
            "tested",
            "--color",
            "never",
        ]);
        // These tests may be run by it themselves.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("NEXTEST")) {
            command.env_remove(name);
        }
        let (code, out, err) = says(&mut command);
        assert!(code == Some(0) && err.contains("2 passed"), "{out}{err}");
    });
}

const MARKER: &str = "CONCURRENT_FUTURES_PROCESS_WORKER";

#[test]
fn a_program_that_was_marked_by_hand_does_not_run_main() {
    within(60, || {
        for value in ["", "1", "x:y", "1:1", ":", "18446744073709551616:1"] {
            let (code, out, err) = says(command(parent()).0.arg("plain").env(MARKER, value));
            assert_eq!((code, out.as_str()), (Some(70), ""), "{value:?}: {err}");
            assert!(
                err.contains(&format!("{MARKER} is set")) && err.contains("unset it"),
                "{err}"
            );
            assert_eq!(err.lines().count(), 1, "{err}");
        }
    });
}

/// A text that is not UTF-8 is no marker either.
#[test]
fn a_program_that_was_marked_with_garbage_does_not_run_main() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    within(60, || {
        let garbage = OsStr::from_bytes(b"\xff\xfe");
        let (code, out, err) = says(command(parent()).0.arg("plain").env(MARKER, garbage));
        assert_eq!((code, out.as_str()), (Some(70), ""), "{err}");
    });
}

/// `programs/bare.rs`, in a build without the constructor.
fn bare() -> &'static Path {
    static BARE: OnceLock<PathBuf> = OnceLock::new();
    BARE.get_or_init(|| {
        let package = Package::new("bare", &[("Cargo.toml", include_str!("programs/bare.toml"))]);
        let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("process_neighbours/bare-target");
        package.build_with(
            package
                .cargo(&["build", "--offline", "--quiet"])
                .env("CARGO_TARGET_DIR", &target)
                .env("RUSTFLAGS", "--cfg concurrent_futures_no_constructor"),
        );
        target.join("debug/bare")
    })
}

#[test]
fn without_the_constructor_and_without_init_a_pool_cannot_be_built() {
    within(300, || {
        let (code, out, err) = says(command(bare()).0.arg("without"));
        assert_eq!(code, Some(0), "{err}");
        assert!(out.starts_with("NotInitialized: "), "{out}");
        assert!(
            out.contains("`concurrent_futures::init()` as the first statement of `main`"),
            "{out}"
        );
        assert!(out.ends_with("\nchildren: 0\n"), "{out}");
    });
}

#[test]
fn without_the_constructor_init_is_enough() {
    within(300, || {
        let (code, out, err) = says(command(bare()).0.arg("with"));
        assert_eq!(
            (code, out.as_str(), err.as_str()),
            (Some(0), "main runs\n42\n", "")
        );
    });
}

/// A worker of a build that does not look: marked by hand, as a pool of another program might.
#[test]
fn without_the_constructor_init_refuses_a_marker_made_by_hand() {
    within(300, || {
        let (code, out, err) = says(command(bare()).0.arg("with").env(MARKER, "1:1"));
        assert_eq!((code, out.as_str()), (Some(70), ""), "{err}");
        assert!(err.contains("standard input is not the channel"), "{err}");
    });
}
