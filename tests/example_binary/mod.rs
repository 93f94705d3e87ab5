//! Where the binary of an example is.

use std::{
    ffi::OsStr,
    path::PathBuf,
    process::Command,
    sync::{Mutex, PoisonError},
};

/// The example's binary, as this test's build has it.
pub(crate) fn binary(example: &str) -> PathBuf {
    // target/debug/deps/fetch_example-… → target/debug
    let this = std::env::current_exe().unwrap();
    let build = this.parent().unwrap().parent().unwrap();
    let profile = match build.file_name().and_then(OsStr::to_str).unwrap() {
        "debug" => "dev",
        other => other,
    };
    // `cargo test` has just built it, but `cargo test --test fetch_example` builds no example. Cargo knows whether there
    // is anything to do; without a cargo, what lies there has to be right.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--offline", "--profile", profile])
        .args(["--example", example])
        .arg("--manifest-path")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .arg("--target-dir")
        .arg(build.parent().unwrap())
        .status();
    build.join("examples").join(example)
}
