//! Programs of which a part lies in shared libraries. A worker is the executable started again, and so has what the
//! executable is linked to; it is named by places in the executable, so that is where the crate has to be.
#![cfg(target_os = "linux")]

use crate::{
    cases::{Package, command, source},
    within,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

fn program(name: &str, dependencies: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
         [[bin]]\nname = \"{name}\"\npath = \"@programs@libraries/{name}.rs\"\n[dependencies]\n{dependencies}"
    )
}

fn library(name: &str, kind: &str, dependencies: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
         [lib]\ncrate-type = [\"{kind}\"]\npath = \"@programs@libraries/{name}.rs\"\n[dependencies]\n{dependencies}"
    )
}

const THIS: &str = "concurrent-futures = { path = \"@crate@\" }\n";

/// The folder with all programs and libraries.
fn built() -> &'static PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let package = Package::new(
            "libraries",
            &[
                (
                    "Cargo.toml",
                    "[workspace]\nmembers = [\"host\", \"plugin\"]\nresolver = \"3\"\n",
                ),
                ("plugin/Cargo.toml", &library("plugin", "cdylib", THIS)),
                (
                    "host/Cargo.toml",
                    &program("host", &format!("{THIS}libc = \"0.2\"\n")),
                ),
            ],
        );
        let folder = package.build();
        let this = artifact(&package);
        let own = folder.join("linked");
        fs::create_dir_all(&own).unwrap();
        let this = format!("concurrent_futures={this}");
        let beside = |name| format!("{name}={}", own.join(format!("lib{name}.so")).display());
        rustc(&own, "plain_work", "dylib", &[]);
        rustc(&own, "work_elsewhere", "bin", &[&this, &beside("plain_work")]);
        rustc(&own, "owner", "dylib", &[&this]);
        rustc(&own, "crate_elsewhere", "bin", &[&this, &beside("owner")]);
        folder
    })
}

/// The library that cargo has made of this crate for the programs of a package.
fn artifact(package: &Package) -> String {
    let output = package
        .cargo(&["build", "--offline", "--quiet", "--message-format=json"])
        .output()
        .unwrap();
    let messages = String::from_utf8(output.stdout).unwrap();
    let mut files = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).unwrap();
        let is_this = message["target"]["name"] == "concurrent_futures";
        is_this.then(|| message["filenames"][0].as_str().unwrap().to_owned())
    });
    files.next().unwrap()
}

/// Cargo would hand the flag for shared libraries to every crate there is, and build them all again.
fn rustc(own: &Path, name: &str, kind: &str, externs: &[&str]) {
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or("rustc".into()))
        .args([
            "--edition",
            "2024",
            "-C",
            "prefer-dynamic",
            "--crate-type",
            kind,
            "--crate-name",
            name,
        ])
        .arg(source(&format!("libraries/{name}.rs")))
        .arg("--out-dir")
        .arg(own)
        .arg("-L")
        .arg(format!("dependency={}", own.with_file_name("deps").display()))
        .args(externs.iter().flat_map(|path| ["--extern", path]))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Runs a program of these with the libraries that it is linked to.
fn run(name: &str, argument: Option<PathBuf>) -> String {
    let folder = built();
    let libraries = Command::new("rustc")
        .args(["--print", "target-libdir"])
        .output()
        .unwrap();
    let libraries = String::from_utf8(libraries.stdout).unwrap();
    let path = format!("{}/linked:{}", folder.display(), libraries.trim());
    let program = match name {
        "host" => folder.join(name),
        _ => folder.join("linked").join(name),
    };
    let (mut command, _) = command(program);
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .args(argument)
        .env("LD_LIBRARY_PATH", path)
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8(stdout).unwrap(),
        String::from_utf8(stderr).unwrap(),
    );
    assert!(status.success(), "{name}: {status}: {out}{err}");
    out
}

#[test]
fn work_may_lie_in_a_library_that_the_program_is_linked_to() {
    within(300, || {
        let out = run("work_elsewhere", None);
        let (place, sum) = out.split_once('\n').unwrap();
        assert!(
            place.ends_with("libplain_work.so"),
            "it lies in the program itself: {place}"
        );
        assert_eq!(sum, "9900\n");
    });
}

const MISPLACED: &str = "Misplaced: worker processes cannot be started from here: this code lies in a shared library, and a \
                         worker process is the executable started again, without it; link the crate into the executable";

#[test]
fn the_crate_in_a_library_says_that_it_is_misplaced() {
    within(300, || {
        let out = run("crate_elsewhere", None);
        assert_eq!(out, format!("main runs\n{MISPLACED}\n{MISPLACED}\n2\n"));
    });
}

#[test]
fn a_plugins_own_copy_is_misplaced_and_disturbs_nobody() {
    within(300, || {
        let out = run("host", Some(built().join("libplugin.so")));
        assert_eq!(out, format!("1\n2\n{MISPLACED}\n{MISPLACED}\n4\n5\n"));
    });
}
