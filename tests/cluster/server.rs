//! A server that a test may kill, wipe and ask what lies on it.

use crate::harness::{SOON, eventually};
use concurrent_futures::{Cluster, ClusterBuilder};
use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// The pool of the tests.
pub(crate) const POOL: &str = "tests";

/// A worker that was silent for so long is thought dead.
pub(crate) const HOLD: Duration = Duration::from_secs(3);

pub(crate) struct Server {
    folder: TempDir,
    /// The machine that it is on, if that is another than this, to `ip netns`.
    machine: Option<String>,
    more: Vec<String>,
    child: Option<Child>,
}

impl Server {
    /// One that has its data back after it was killed.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(more: &[&str]) -> Self {
        Self::start_at(None, more)
    }

    /// On another machine, as `ip netns` has them.
    pub(crate) fn start_on(machine: &str, more: &[&str]) -> Self {
        Self::start_at(Some(machine.to_owned()), more)
    }

    fn start_at(machine: Option<String>, more: &[&str]) -> Self {
        let mut server = Self {
            machine,
            folder: tempfile::tempdir().expect("a folder"),
            more: more.iter().map(|word| (*word).to_owned()).collect(),
            child: None,
        };
        server.run();
        server
    }

    /// Starts it, or starts it again.
    pub(crate) fn run(&mut self) {
        let folder = self.folder.path();
        let mut command = match &self.machine {
            None => Command::new(program()),
            Some(machine) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", machine]).arg(program());
                command
            }
        };
        let child = command
            .args(["--port", "0", "--unixsocketperm", "700", "--unixsocket", "s"])
            .args(["--appendonly", "yes", "--save", "", "--daemonize", "no"])
            .args(["--maxmemory-policy", "noeviction", "--databases", "1"])
            .args(["--loglevel", "warning", "--logfile", "log"])
            .args(&self.more)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        self.child = Some(child);
        eventually("the server answers", || {
            self.try_ask(&["PING"]).is_some_and(|said| said == ["PONG"])
        });
    }

    /// As the system does it when there is no memory left: nothing is said to anybody.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it runs");
            child.wait().expect("it is a child");
        }
    }

    /// Killed, and back at once with its data.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.run();
    }

    /// Killed, and back with nothing.
    pub(crate) fn replace(&mut self) {
        self.kill();
        for entry in fs::read_dir(self.folder.path()).expect("its folder").flatten() {
            let path = entry.path();
            let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
        }
        self.run();
    }

    /// All data is gone, connections live on.
    pub(crate) fn wipe(&self) {
        assert_eq!(self.ask(&["FLUSHALL"]), ["OK"]);
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    pub(crate) fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// A cluster on it, without workers unless more is said.
    pub(crate) fn cluster(&self) -> ClusterBuilder {
        let builder = Cluster::connect(&self.url()).expect("an address");
        builder.pool(POOL).hold(HOLD)
    }

    /// What it answers: all texts and numbers of it, one after the other.
    pub(crate) fn ask(&self, words: &[&str]) -> Vec<String> {
        self.try_ask(words)
            .unwrap_or_else(|| panic!("{words:?}: no answer"))
    }

    fn try_ask(&self, words: &[&str]) -> Option<Vec<String>> {
        let mut stream = UnixStream::connect(self.socket()).ok()?;
        stream.set_read_timeout(Some(SOON)).ok()?;
        write!(stream, "*{}\r\n", words.len()).ok()?;
        for word in words {
            write!(stream, "${}\r\n{word}\r\n", word.len()).ok()?;
        }
        let mut said = Vec::new();
        read(&mut BufReader::new(stream), &mut said)?;
        Some(said)
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.ask(&["KEYS", "*"])
    }

    /// Those with this behind the name of the pool and of the build: `c:` leases, `r:` results, `b:` payloads.
    pub(crate) fn keys_of(&self, kind: &str) -> Vec<String> {
        let mut keys = self.keys();
        keys.retain(|key| key.split_once("}:").is_some_and(|(_, of)| of.starts_with(kind)));
        keys
    }

    /// How many tasks lie in queues.
    pub(crate) fn queued(&self) -> usize {
        let length = |key: String| self.ask(&["XLEN", &key])[0].parse::<usize>().expect("a number");
        self.keys_of("q").into_iter().map(length).sum()
    }

    /// No task, result, payload or lease is left.
    pub(crate) fn assert_empty(&self) {
        eventually("the queue is empty", || self.queued() == 0);
        for kind in ["c:", "r:", "b:"] {
            let left = self.keys_of(kind);
            assert!(left.is_empty(), "left behind: {left:?}");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn program() -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    ["redis-server", "valkey-server"]
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|file| file.is_file())
        .expect("these tests need `redis-server` or `valkey-server` in PATH")
}

/// One answer, flat.
fn read(from: &mut impl BufRead, into: &mut Vec<String>) -> Option<()> {
    let mut line = String::new();
    from.read_line(&mut line).ok()?;
    let (kind, rest) = line.trim_end().split_at_checked(1)?;
    match kind {
        "$" => {
            let Ok(length) = rest.parse::<usize>() else {
                return Some(());
            };
            let mut bytes = vec![0; length + 2];
            from.read_exact(&mut bytes).ok()?;
            into.push(String::from_utf8_lossy(&bytes[..length]).into_owned());
        }
        "*" => {
            for _ in 0..rest.parse::<usize>().unwrap_or(0) {
                read(from, into)?;
            }
        }
        _ => into.push(rest.to_owned()),
    }
    Some(())
}
