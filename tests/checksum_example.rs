//! The example `checksum` as a program: its lines, its complaints and its exit code.
#![cfg(unix)]

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    io::Write,
    os::unix::{
        ffi::OsStrExt,
        fs::{PermissionsExt, symlink},
    },
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{OnceLock, mpsc},
    time::Duration,
};
use tempfile::TempDir;

const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Every way to run it that the flags offer.
const WAYS: [(&str, &str); 8] = [
    ("threads", "1"),
    ("threads", "4"),
    ("processes", "1"),
    ("processes", "4"),
    ("inline", "1"),
    ("inline", "4"),
    ("checked", "1"),
    ("checked", "4"),
];

/// The example's binary, as this test's build has it.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        // target/debug/deps/checksum_example-… → target/debug
        let this = std::env::current_exe().unwrap();
        let build = this.parent().unwrap().parent().unwrap();
        let profile = match build.file_name().and_then(OsStr::to_str).unwrap() {
            "debug" => "dev",
            other => other,
        };
        // `cargo test` has just built it, but `cargo test --test checksum_example` builds no example. Cargo knows
        // whether there is anything to do; without a cargo, what lies there has to be right.
        let _ = Command::new(env!("CARGO"))
            .args([
                "build",
                "--quiet",
                "--offline",
                "--example",
                "checksum",
                "--profile",
                profile,
            ])
            .arg("--manifest-path")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
            .arg("--target-dir")
            .arg(build.parent().unwrap())
            .status();
        build.join("examples/checksum")
    })
}

fn checksum(args: &[&str], path: &Path) -> Output {
    let mut command = Command::new(binary());
    command.args(args).arg(path).stdin(Stdio::null());
    command.output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("complaints are text, whatever the names are")
}

/// What GNU `sha256sum` prints for these files, if it is there. (Others, and it before 9.0, escape other names.)
fn sha256sum(files: &[PathBuf]) -> Option<Vec<u8>> {
    let version = Command::new("sha256sum").arg("--version").output().ok()?.stdout;
    let version = String::from_utf8(version).ok()?;
    if !version.contains("GNU coreutils") || version.contains("GNU coreutils) 8.") {
        return None;
    }
    let output = Command::new("sha256sum").args(files).output().ok()?;
    output.status.success().then_some(output.stdout)
}

/// A folder with everything that has ever surprised a program that reads folders.
struct Tree {
    folder: TempDir,
    /// What can be hashed, in the order of the paths.
    files: Vec<PathBuf>,
    /// What cannot, with a part of the reason.
    problems: Vec<(PathBuf, &'static str)>,
}

impl Tree {
    /// How many files there are to be hashed: an unreadable one is one of them.
    fn listed(&self) -> usize {
        let unreadable = self.problems.iter().filter(|(_, reason)| *reason == "ermission");
        self.files.len() + unreadable.count()
    }

    fn bytes(&self) -> u64 {
        self.files
            .iter()
            .map(|path| fs::metadata(path).unwrap().len())
            .sum()
    }
}

fn tree() -> Tree {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    fs::create_dir_all(root.join("nested/deep/er")).unwrap();
    let large: Vec<u8> = (0..3_000_001_u32).map(|n| (n % 251) as u8).collect();
    let contents: [(&[u8], &[u8]); 9] = [
        (b"empty", b""),
        (b"large", &large),
        (b"nested/plain", b"plain"),
        (b"nested/deep/er/file with spaces", b"spaces"),
        (b"nested-is-before-the-slash", b"-"),
        (b"line\nbreak", b"\n"),
        (b"back\\slash", b"\\"),
        (b"carriage\rreturn", b"\r"),
        (b"not \xff\xfe UTF-8", b"bytes"),
    ];
    let mut files: Vec<PathBuf> = Vec::new();
    for (name, bytes) in contents {
        let path = root.join(OsStr::from_bytes(name));
        match fs::write(&path, bytes) {
            Ok(()) => files.push(path),
            // Some systems keep only names that are UTF-8.
            Err(error) => assert!(path.to_str().is_none(), "{error}"),
        }
    }
    symlink("nested/plain", root.join("link")).unwrap();
    files.push(root.join("link"));
    files.sort_by(|a, b| a.as_os_str().cmp(b.as_os_str()));

    let mut problems = Vec::new();
    symlink("nowhere", root.join("dangling")).unwrap();
    problems.push((root.join("dangling"), "broken link"));
    symlink("../..", root.join("nested/deep/loop")).unwrap();
    problems.push((root.join("nested/deep/loop"), "circle"));
    symlink("itself", root.join("itself")).unwrap();
    problems.push((root.join("itself"), "symbolic links"));
    let fifo = root.join("fifo");
    if Command::new("mkfifo")
        .arg(&fifo)
        .status()
        .is_ok_and(|made| made.success())
    {
        symlink("fifo", root.join("link to fifo")).unwrap();
        problems.push((fifo, "FIFO"));
        problems.push((root.join("link to fifo"), "FIFO"));
    }
    let secret = root.join("secret");
    fs::write(&secret, "secret").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::File::open(&secret).is_err() {
        problems.push((secret, "ermission"));
    } else {
        // Nothing is unreadable to root.
        fs::remove_file(&secret).unwrap();
    }
    Tree {
        folder,
        files,
        problems,
    }
}

#[test]
fn prints_what_sha256sum_prints_and_reports_the_rest() {
    let tree = tree();
    let expected = sha256sum(&tree.files);
    for (backend, workers) in WAYS {
        let output = checksum(&["--backend", backend, "--workers", workers], tree.folder.path());
        let lines: Vec<&[u8]> = output.stdout.split_inclusive(|byte| *byte == b'\n').collect();
        assert_eq!(lines.len(), tree.files.len(), "{backend}");
        for escaped in [r"line\nbreak", r"back\\slash", r"carriage\rreturn"] {
            let line = lines
                .iter()
                .find(|line| line.trim_ascii().ends_with(escaped.as_bytes()));
            assert!(
                line.is_some_and(|line| line.starts_with(b"\\")),
                "{escaped} on {backend}"
            );
        }
        if let Some(expected) = &expected {
            assert_eq!(
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(expected)
            );
            assert_eq!(&output.stdout, expected);
        }
        let complaints = stderr(&output);
        for (path, reason) in &tree.problems {
            let named = format!("checksum: {path:?}: ");
            let lines: Vec<&str> = complaints
                .lines()
                .filter(|line| line.starts_with(&named))
                .collect();
            assert!(
                matches!(lines[..], [line] if line.contains(reason)),
                "{path:?} on {backend}: {complaints}"
            );
        }
        let (files, listed, bytes) = (tree.files.len(), tree.listed(), tree.bytes());
        let totals = format!("{files} of {listed} files hashed, {bytes} bytes");
        assert!(complaints.contains(&totals), "{totals}: {complaints}");
        let problems = format!(" {} problems\n", tree.problems.len());
        assert!(complaints.contains(&problems), "{problems}: {complaints}");
        assert!(complaints.contains("speed-up"), "{complaints}");
        assert_eq!(output.status.code(), Some(1), "{complaints}");
    }
}

#[test]
fn a_tree_without_problems_ends_well() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a"), "").unwrap();
    let output = checksum(&["--no-serial"], folder.path());
    let line = format!("{NOTHING}  {}\n", folder.path().join("a").display());
    assert_eq!(String::from_utf8(output.stdout.clone()).unwrap(), line);
    assert_eq!(output.status.code(), Some(0));
    assert!(!stderr(&output).contains("speed-up"));

    // A file is a tree as well, and so is a folder with nothing in it.
    let output = checksum(&["--no-serial"], &folder.path().join("a"));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), line);
    fs::remove_file(folder.path().join("a")).unwrap();
    let output = checksum(&[], folder.path());
    assert_eq!((output.stdout.len(), output.status.code()), (0, Some(0)));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let here = Path::new(".");
    let wrong: [&[&str]; 6] = [
        &["--workers", "0"],
        &["--workers", "many"],
        &["--backend", "quantum"],
        &["--bogus"],
        &["two", "paths"],
        &["--backend", "threads", "--workers"],
    ];
    for args in wrong {
        let output = checksum(args, here);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(
            output.stdout.is_empty() && stderr(&output).contains("--help"),
            "{args:?}"
        );
    }
    let output = checksum(&["--help"], here);
    assert_eq!(output.status.code(), Some(0));
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(
        help.contains("--backend inline|checked|threads|processes"),
        "{help}"
    );

    let missing = TempDir::new().unwrap().path().join("missing");
    let output = checksum(&[], &missing);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains(&format!("{missing:?}: ")));
}

#[test]
fn readers_that_leave_early_are_no_problem() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a"), "").unwrap();
    let nobody_reads = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        writer
    };
    let run = |backend: &str, stdout: Stdio, stderr: Stdio| {
        let mut command = Command::new(binary());
        command
            .args(["--backend", backend])
            .arg(folder.path())
            .stdin(Stdio::null());
        command
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .unwrap()
            .wait_with_output()
            .unwrap()
    };
    for backend in ["threads", "processes"] {
        let output = run(backend, nobody_reads().into(), Stdio::piped());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(
            stderr(&output).contains("1 of 1 files hashed"),
            "{}",
            stderr(&output)
        );
        let output = run(backend, Stdio::piped(), nobody_reads().into());
        assert_eq!(output.status.code(), Some(0));
        assert!(output.stdout.starts_with(NOTHING.as_bytes()));
    }
}

#[test]
fn a_file_that_grows_meanwhile_is_hashed_or_reported() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    fs::write(&path, vec![b'x'; 8_000_000]).unwrap();
    let mut log = fs::File::options().append(true).open(&path).unwrap();
    let (stop, stopped) = mpsc::channel::<()>();
    // It never stops growing while it is read: to read on until the end would be to read for ever.
    let growing = std::thread::spawn(move || {
        while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
            log.write_all(&[b'x'; 10_000]).unwrap();
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    let output = checksum(&["--no-serial"], folder.path());
    drop(stop);
    growing.join().unwrap();
    let hashed = !output.stdout.is_empty();
    let reported = stderr(&output).contains(&format!("{path:?}: changed while it was read"));
    assert!(hashed != reported, "{}", stderr(&output));
    assert_eq!(output.status.code(), Some(i32::from(reported)));
}

#[test]
fn files_that_vanish_meanwhile_are_hashed_or_reported() {
    const FILES: usize = 2_000;
    for (backend, workers) in WAYS {
        let folder = TempDir::new().unwrap();
        let paths: Vec<PathBuf> = (0..FILES)
            .map(|n| folder.path().join(format!("{n:04}")))
            .collect();
        for path in &paths {
            fs::write(path, []).unwrap();
        }
        let child = Command::new(binary())
            .args(["--no-serial", "--backend", backend, "--workers", workers])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let doomed: Vec<PathBuf> = paths.iter().rev().step_by(2).cloned().collect();
        let deleting =
            std::thread::spawn(move || doomed.iter().for_each(|path| fs::remove_file(path).unwrap()));
        let output = child.wait_with_output().unwrap();
        deleting.join().unwrap();

        let complaints = stderr(&output);
        let mut fates: BTreeMap<PathBuf, &str> = BTreeMap::new();
        for line in String::from_utf8(output.stdout.clone()).unwrap().lines() {
            let (digest, path) = line.split_once("  ").unwrap();
            assert_eq!(digest, NOTHING);
            assert_eq!(fates.insert(path.into(), "hashed"), None, "{path} twice");
        }
        let hashed = fates.len();
        for line in complaints.lines() {
            if let Some((path, _)) = line
                .strip_prefix("checksum: \"")
                .and_then(|line| line.split_once("\": "))
            {
                assert_eq!(fates.insert(path.into(), "reported"), None, "{path} twice");
            }
        }
        // What was gone before the folder was read is in neither; what was listed is in one of them.
        let totals = format!("checksum: {hashed} of {} files hashed", fates.len());
        assert!(complaints.contains(&totals), "{totals}: {complaints}");
        for (number, path) in paths.iter().enumerate() {
            let doomed = number % 2 == 1;
            assert!(doomed || fates.get(path) == Some(&"hashed"), "{path:?} was lost");
        }
        assert_eq!(output.status.code(), Some(i32::from(hashed < fates.len())));
    }
}
