//! The example `transcode` as a program: what it makes, what it complains about, and its exit code.
#![cfg(unix)]

mod example_binary;

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::OnceLock,
};
use tempfile::TempDir;

fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| example_binary::binary("transcode"))
}

fn transcode() -> Command {
    let mut command = Command::new(binary());
    command.stdin(Stdio::null());
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A machine on which only these programs are installed.
fn machine(folder: &Path, programs: &[&str]) -> PathBuf {
    let path = folder.join("bin");
    fs::create_dir_all(&path).unwrap();
    for program in programs {
        let found = Command::new("sh")
            .args(["-c", "command -v \"$0\"", program])
            .output()
            .unwrap();
        let found = String::from_utf8(found.stdout).unwrap();
        assert!(!found.is_empty(), "{program} is needed to test this");
        symlink(found.trim(), path.join(program)).unwrap();
    }
    path
}

fn unzipped(path: &Path) -> Vec<u8> {
    let output = Command::new("gzip").arg("-dc").arg(path).output().unwrap();
    assert!(output.status.success(), "{}", path.display());
    output.stdout
}

#[test]
fn files_go_through_the_tool_and_failures_are_listed_at_the_end() {
    for backend in ["threads", "processes", "inline"] {
        let folder = TempDir::new().unwrap();
        let file = |name: &str| folder.path().join(name);
        let names = ["one", "two $HOME", "-3", "four\n", "five"];
        for name in names {
            fs::write(file(name), name.repeat(10_000)).unwrap();
        }
        let output = transcode()
            .args(["--tool", "gzip", "--backend", backend, "--into"])
            .arg(file("made/of it"))
            .args(names.map(file))
            .arg(file("missing"))
            .output()
            .unwrap();
        let complaints = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{complaints}");
        for name in names {
            let made = file("made/of it").join(format!("{name}.gz"));
            assert!(
                unzipped(&made) == name.repeat(10_000).as_bytes(),
                "{name} on {backend}"
            );
        }
        assert!(!file("made/of it/missing.gz").exists());
        let lines: Vec<&str> = complaints.lines().collect();
        let [failure, totals] = lines[..] else {
            panic!("{complaints}")
        };
        assert!(
            failure.contains("missing") && failure.contains("exited with code"),
            "{complaints}"
        );
        assert!(
            totals.contains("5 of 6 files through gzip") && totals.contains("1 failed"),
            "{complaints}"
        );
    }
}

#[test]
fn without_a_file_it_makes_some() {
    let output = transcode().output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("8 of 8 files through "),
        "{}",
        stderr(&output)
    );
}

#[test]
fn without_a_tool_it_says_so() {
    let folder = TempDir::new().unwrap();
    let output = transcode()
        .env("PATH", machine(folder.path(), &[]))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("ffmpeg or gzip is not installed"),
        "{}",
        stderr(&output)
    );

    let only_gzip = TempDir::new().unwrap();
    let path = machine(only_gzip.path(), &["gzip", "sh"]);
    let output = transcode()
        .args(["--tool", "ffmpeg"])
        .env("PATH", &path)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("ffmpeg is not installed"),
        "{}",
        stderr(&output)
    );
    let output = transcode().env("PATH", &path).output().unwrap();
    assert!(
        stderr(&output).contains("8 of 8 files through gzip"),
        "{}",
        stderr(&output)
    );
}

/// Stands for the real one, which is not everywhere; the last argument but for its prefix is the file to be made.
#[test]
fn ffmpeg_is_taken_where_it_is_installed() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let path = machine(folder.path(), &["sh"]);
    let script =
        "#!/bin/sh\ntest \"$1\" = -version && exit\nfor last; do :; done\necho \"$*\" > \"${last#file:}\"\n";
    fs::write(path.join("ffmpeg"), script).unwrap();
    fs::set_permissions(path.join("ffmpeg"), fs::Permissions::from_mode(0o755)).unwrap();
    let film = folder.path().join("a film.mkv");
    fs::write(&film, "").unwrap();
    let output = transcode()
        .arg("--into")
        .arg(folder.path())
        .arg(&film)
        .env("PATH", path)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let arguments = fs::read_to_string(folder.path().join("a film.flac")).unwrap();
    assert!(
        arguments.contains(&format!("-i file:{}", film.display())),
        "{arguments}"
    );
}

#[test]
fn what_makes_no_sense_is_refused() {
    let wrong: [&[&str]; 5] = [
        &["--at-once", "0"],
        &["--at-once", "many"],
        &["--tool", "hammer"],
        &["--backend", "quantum"],
        &["--bogus"],
    ];
    for args in wrong {
        let output = transcode().args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains("--help"), "{args:?}");
    }
    let output = transcode().arg("--help").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .contains("Usage: transcode")
    );
    // Both would be written to the same file.
    let folder = TempDir::new().unwrap();
    let output = transcode()
        .args(["--tool", "gzip", "a/x", "b/x"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("a/x and b/x would both become"),
        "{}",
        stderr(&output)
    );
}
