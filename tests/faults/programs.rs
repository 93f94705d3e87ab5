//! A program that is built in another way than this one.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// Built by cargo as a user's would be. It needs no registry: the versions are those of this crate's own build.
fn aborting() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("faults");
    let manifest = include_str!("programs/aborting.toml")
        .replace("@crate@", env!("CARGO_MANIFEST_DIR"))
        .replace(
            "@programs@",
            &format!("{}/", root.join("tests/faults/programs").display()),
        );
    let package = folder.join("aborting");
    fs::create_dir_all(&package).expect("a folder");
    let path = package.join("Cargo.toml");
    // Written only if it differs, so that cargo's idea of what is fresh holds.
    if fs::read_to_string(&path).ok().as_ref() != Some(&manifest) {
        fs::write(&path, manifest).expect("a file");
    }
    if !package.join("Cargo.lock").exists() {
        fs::copy(root.join("Cargo.lock"), package.join("Cargo.lock")).expect("a file");
    }
    let built = Command::new(env!("CARGO"))
        .args(["build", "--offline", "--quiet"])
        .current_dir(&package)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .env_remove("RUSTFLAGS")
        .stdin(Stdio::null())
        .output()
        .expect("cargo");
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    folder.join("target/debug/aborting")
}

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(aborting());
    command.args(arguments).stdin(Stdio::null());
    command.output().expect("it can be started")
}

#[test]
fn a_panic_that_aborts_is_a_death_in_a_worker_and_the_end_of_a_program_with_threads() {
    let output = run(&[]);
    let mut expected = String::new();
    for n in 0..10 {
        let _ = if n % 2 == 1 {
            writeln!(expected, "{n}")
        } else {
            writeln!(expected, "{n} died of Some(6)")
        };
    }
    expected += "died twice: true\n11\n";
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let output = run(&["threads"]);
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("2 is even"),
        "{output:?}"
    );
}
