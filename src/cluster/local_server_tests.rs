//! Servers for tests, and what is tested of them.

use super::{LocalServer, PATIENCE, TICK, find};
use crate::{
    ClusterError,
    cluster::{
        address::Address,
        broker::{Broker as _, redis::RedisBroker},
    },
};
use rustix::process::{Pid, Signal, kill_process};
use std::{env, fs, net::TcpListener, os::unix::fs::PermissionsExt as _, path::Path, thread, time::Instant};

impl LocalServer {
    /// As from the command line. An empty value takes back what a start without it says.
    pub(crate) fn start_for_test(more: &[&str]) -> Self {
        Self::start_with(more).expect("tests of the cluster need `valkey-server` or `redis-server`")
    }

    /// Listens at a port of this machine, too: `kind` is `--port` or `--tls-port`.
    pub(crate) fn start_with_port(kind: &str, more: &[&str]) -> (Self, u16) {
        // Somebody else may take it in between.
        for _ in 0..20 {
            let port = free_port();
            let shown = port.to_string();
            let arguments = [&[kind, &shown, "--bind", "127.0.0.1"], more].concat();
            match Self::start_with(&arguments) {
                Ok(server) => return (server, port),
                Err(ClusterError::Start(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        panic!("there is no free port");
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// As `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.running = None;
    }

    /// Starts it again, with what it has kept.
    pub(crate) fn restart(&mut self) {
        self.running = None;
        self.run().unwrap();
    }

    /// All data goes, under the eyes of all sessions.
    pub(crate) fn wipe(&self) {
        self.ask(&["FLUSHALL"]);
    }

    pub(crate) fn ask(&self, words: &[&str]) -> redis::Value {
        let client = redis::Client::open(self.address().way().unwrap()).unwrap();
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query(&mut client.get_connection().unwrap()).unwrap()
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn exists(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[test]
fn a_server_is_there_until_it_is_dropped() {
    let server = LocalServer::start().unwrap();
    let (pid, folder) = (server.pid(), server.folder().to_owned());
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    let broker = RedisBroker::new(server.address(), "pool", "build").unwrap();
    broker.check().unwrap();
    assert!(broker.open().unwrap().now().unwrap() > 1_000_000_000_000_000);
    drop(server);
    assert!(!exists(pid) && !folder.exists());
    assert!(broker.open().is_err());
}

#[test]
fn a_server_survives_a_restart_with_what_it_was_told_to_keep() {
    let mut server = LocalServer::start_for_test(&["--appendonly", "yes", "--appendfsync", "always"]);
    server.ask(&["SET", "kept", "1"]);
    let first = server.pid();
    server.kill();
    assert!(!exists(first));
    server.restart();
    assert_ne!(server.pid(), first);
    assert_eq!(server.ask(&["EXISTS", "kept"]), redis::Value::Int(1));
    server.wipe();
    assert_eq!(server.ask(&["EXISTS", "kept"]), redis::Value::Int(0));
}

#[test]
fn a_server_that_does_not_start_says_why() {
    let error = LocalServer::start_with(&["--maxmemory", "much"]).unwrap_err();
    assert!(matches!(&error, ClusterError::Start(_)), "{error}");
    let began = Instant::now();
    let error = LocalServer::start_with(&["--port", "1", "--bind", "192.0.2.1"]).unwrap_err();
    let text = format!("{error:?}");
    assert!(text.contains("192.0.2.1") || text.contains("listen"), "{text}");
    assert!(began.elapsed() < PATIENCE, "it is not waited for what has ended");
}

#[test]
fn a_server_is_found_in_the_path() {
    assert_eq!(find(None), None);
    let folder = tempfile::tempdir().unwrap();
    let path = || Some(env::join_paths([Path::new("/nonexistent"), folder.path()]).unwrap());
    fs::write(folder.path().join("redis-server"), "").unwrap();
    assert_eq!(find(path()), None, "it is not executable");
    let mut expected = folder.path().join("redis-server");
    fs::set_permissions(&expected, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(find(path()), Some(expected));
    expected = folder.path().join("valkey-server");
    fs::copy(folder.path().join("redis-server"), &expected).unwrap();
    assert_eq!(find(path()), Some(expected));
}

#[test]
fn a_server_dies_with_the_thread_that_has_started_it() {
    let mut server = LocalServer::start().unwrap();
    let pid = server.pid();
    let running = server.running.as_mut().unwrap();
    running.stop = None;
    running.thread.take().unwrap().join().unwrap();
    let end = Instant::now() + PATIENCE;
    while exists(pid) && Instant::now() < end {
        thread::sleep(TICK);
    }
    assert!(!exists(pid));
}

#[test]
fn no_address_of_a_server_of_ones_own_is_for_others() {
    let server = LocalServer::start().unwrap();
    let shown = server.address().to_string();
    assert!(
        shown.starts_with("unix:///") && Address::parse(&shown, false, None).is_ok(),
        "{shown}"
    );
    assert_eq!(
        server.ask(&["CONFIG", "GET", "port"]),
        redis::Value::Array(vec![
            redis::Value::BulkString(b"port".to_vec()),
            redis::Value::BulkString(b"0".to_vec()),
        ])
    );
}
