//! A server of one's own: started here, reachable from here only, and gone with this process.

use super::{
    address::Address,
    broker::{Broker as _, Fault, redis::RedisBroker},
};
use crate::{ClusterError, sync::Arc, sys::child::ChildProcess, sys::program::Program};
use std::{
    env,
    ffi::OsString,
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc::{self, Sender},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// What the server is called, in the order in which it is looked for.
const NAMES: [&str; 2] = ["valkey-server", "redis-server"];

/// Until it answers. It takes some hundredths of that.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two looks whether it answers.
const TICK: Duration = Duration::from_millis(5);

/// Longer paths of sockets the system does not take.
const LONGEST_PATH: usize = 100;

/// A server on a socket in a folder that only this user can enter. Dropped, it is killed, and its folder removed.
#[derive(Debug)]
pub(crate) struct LocalServer {
    running: Option<Running>,
    program: PathBuf,
    arguments: Vec<OsString>,
    folder: TempDir,
}

/// The server's process, and the thread that has started it. The server dies with that thread, whatever ends it.
#[derive(Debug)]
struct Running {
    child: Arc<ChildProcess>,
    /// Dropped, it lets the thread go on, which then kills the server.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl LocalServer {
    /// Starts one, and waits until it answers.
    ///
    /// # Errors
    ///
    /// If there is none on this machine, or it does not start.
    pub(crate) fn start() -> Result<Self, ClusterError> {
        Self::start_with(&[])
    }

    /// With more arguments, which win over those that it has.
    fn start_with(more: &[&str]) -> Result<Self, ClusterError> {
        let program = find(env::var_os("PATH")).ok_or(ClusterError::NoServer)?;
        let folder = folder().map_err(ClusterError::Start)?;
        let socket = socket(folder.path()).into_os_string();
        let mut arguments: Vec<OsString> = ["--port", "0", "--unixsocketperm", "700", "--unixsocket"]
            .map(OsString::from)
            .into();
        arguments.push(socket);
        arguments.extend(["--dir", "."].map(OsString::from));
        arguments.extend(["--save", "", "--appendonly", "no", "--daemonize", "no"].map(OsString::from));
        arguments.extend(["--maxmemory-policy", "noeviction", "--databases", "1"].map(OsString::from));
        // An entry is looked for from the first one of its node: with short nodes it is removed in half the time.
        arguments.extend(["--stream-node-max-entries", "16"].map(OsString::from));
        arguments.extend(["--loglevel", "warning", "--logfile", "log"].map(OsString::from));
        arguments.extend(more.iter().map(OsString::from));
        let mut server = Self {
            running: None,
            program,
            arguments,
            folder,
        };
        server.run()?;
        Ok(server)
    }

    pub(crate) fn address(&self) -> Address {
        Address::of_socket(&socket(self.folder.path()))
    }

    /// The same, as a text to be read by workers.
    pub(crate) fn url(&self) -> String {
        format!("unix://{}", socket(self.folder.path()).display())
    }

    #[cfg(test)]
    pub(crate) fn pid(&self) -> u32 {
        self.running.as_ref().map_or(0, |running| running.child.pid())
    }

    fn run(&mut self) -> Result<(), ClusterError> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let running = Running::start(command).map_err(ClusterError::Start)?;
        let child = running.child.clone();
        self.running = Some(running);
        let broker = RedisBroker::new(self.address(), "local", "local")?;
        let end = Instant::now() + PATIENCE;
        loop {
            // That it wants a password is an answer, too.
            let Err(Fault::Away(fault)) = broker.open() else {
                return Ok(());
            };
            let has_died = child.has_died();
            if has_died || Instant::now() >= end {
                let what = if has_died { "has ended" } else { "does not answer" };
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                let program = self.program.display();
                let reason = format!("{program} {what}: {fault}; it says: {}", log.trim_end());
                return Err(ClusterError::Start(io::Error::other(reason)));
            }
            thread::sleep(TICK);
        }
    }
}

impl Running {
    fn start(mut command: Command) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel::<()>();
        let (started, start) = mpsc::sync_channel(1);
        let thread =
            thread::Builder::new()
                .name("cluster server".into())
                .spawn(move || match Program::start(&mut command) {
                    Ok((program, _)) => {
                        let _ = started.send(Ok(program.child().clone()));
                        let _ = stopped.recv();
                        // Kills it, and waits for its end.
                        drop(program);
                    }
                    Err(error) => drop(started.send(Err(error))),
                })?;
        let child = start
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("the thread that starts it has ended")))?;
        Ok(Self {
            child,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        // Before its folder.
        self.running = None;
    }
}

/// Made for this user alone.
fn folder() -> io::Result<TempDir> {
    let make = |below: &Path| {
        tempfile::Builder::new()
            .prefix("concurrent-futures-")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(below)
    };
    let folder = make(&env::temp_dir())?;
    if socket(folder.path()).as_os_str().len() <= LONGEST_PATH {
        return Ok(folder);
    }
    make(Path::new("/tmp"))
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("s")
}

/// The first server in these folders.
fn find(path: Option<OsString>) -> Option<PathBuf> {
    let folders: Vec<PathBuf> = env::split_paths(&path?).collect();
    let candidates = NAMES
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    candidates.into_iter().find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
#[path = "local_server_tests.rs"]
pub(crate) mod tests;
