//! Programs of their own that use this crate, built by cargo as a user's would be; and running them.

use crate::system;
use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

/// One build at a time: they share a target directory.
static BUILDING: Mutex<()> = Mutex::new(());

/// Where the cases lie, with their target directory.
fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("process_neighbours")
}

/// The source of a case.
pub(crate) fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/process_neighbours/programs")
        .join(name)
}

/// Written only if it differs, so that cargo's idea of what is fresh holds.
pub(crate) fn write(path: &Path, text: &str) {
    if fs::read_to_string(path).ok().as_deref() != Some(text) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// A package of its own, which needs no registry: the versions are those of this crate's own build.
pub(crate) struct Package(PathBuf);

impl Package {
    /// `files` are the manifest, without its dependency on this crate, and what belongs to it. `@crate@` and
    /// `@programs@` stand for the folders of this crate and of the programs.
    pub(crate) fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let _one = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
        let root = env!("CARGO_MANIFEST_DIR");
        let folder = folder().join(name);
        for (file, text) in files {
            let text = text
                .replace("@crate@", root)
                .replace("@programs@", source("").to_str().unwrap());
            write(&folder.join(file), &text);
        }
        if !folder.join("Cargo.lock").exists() {
            let _ = fs::copy(Path::new(root).join("Cargo.lock"), folder.join("Cargo.lock"));
        }
        Self(folder)
    }

    /// A cargo that works on it.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO"));
        command
            .args(arguments)
            .current_dir(&self.0)
            .env("CARGO_TARGET_DIR", folder().join("target"))
            .env_remove("RUSTFLAGS")
            .stdin(Stdio::null());
        command
    }

    /// Builds it; where cargo puts programs.
    pub(crate) fn build(&self) -> PathBuf {
        self.build_with(&mut self.cargo(&["build", "--offline", "--quiet"]));
        folder().join("target/debug")
    }

    pub(crate) fn build_with(&self, command: &mut Command) {
        let _one = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {text}", self.0.display());
    }
}

/// `programs/parent.rs`, of which each role is one program's `main`.
pub(crate) fn parent() -> &'static Path {
    static PARENT: OnceLock<PathBuf> = OnceLock::new();
    PARENT.get_or_init(|| plain().build().join("parent"))
}

/// The package that `parent` is in.
pub(crate) fn plain() -> Package {
    Package::new("plain", &[("Cargo.toml", include_str!("programs/plain.toml"))])
}

/// A running program, in a process group of its own. Nothing of it outlives this value.
pub(crate) struct Program {
    pub(crate) child: Child,
    /// In the environment of the program and of all that it starts.
    pub(crate) mark: String,
    lines: Option<BufReader<ChildStdout>>,
    input: Option<ChildStdin>,
}

/// A command that runs `program` as a user's shell would: with no descriptors but the first three, whatever the tests
/// were started with.
pub(crate) fn command(program: impl AsRef<OsStr>) -> (Command, String) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let mark = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
    let mut command = Command::new(program);
    command.env(system::MARK, &mark).env("RUST_BACKTRACE", "0");
    system::seclude(&mut command);
    (command, mark)
}

impl Program {
    /// Starts `parent` in a role, connected by pipes.
    pub(crate) fn start(role: &[&str]) -> Self {
        let (mut command, mark) = command(parent());
        Self::spawn(command.args(role).process_group(0), mark)
    }

    pub(crate) fn spawn(command: &mut Command, mark: String) -> Self {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        Self::of(child.unwrap(), mark)
    }

    pub(crate) fn of(mut child: Child, mark: String) -> Self {
        Self {
            lines: child.stdout.take().map(BufReader::new),
            input: child.stdin.take(),
            child,
            mark,
        }
    }

    /// The next line it prints.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.as_mut().unwrap().read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'), "it ended too early, after {line:?}");
        line.truncate(line.len() - 1);
        line
    }

    /// Reads lines up to this one.
    pub(crate) fn expect(&mut self, awaited: &str) {
        while self.line() != awaited {}
    }

    pub(crate) fn say(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Its output, to be read elsewhere.
    pub(crate) fn take_lines(&mut self) -> BufReader<ChildStdout> {
        self.lines.take().unwrap()
    }

    pub(crate) fn ends(mut self) -> ExitStatus {
        drop(self.input.take());
        self.child.wait().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        system::clean_up(&self.mark);
    }
}
