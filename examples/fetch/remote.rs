//! A [`server`](crate::server) in a process of its own, as this process sees it: each of the two has all the
//! descriptors that one process may have, and what the server needs is not counted as what the downloads need.

use crate::site::Site;
use std::{
    env,
    io::{self, BufRead, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// The server ends when this is dropped.
pub(crate) struct Remote {
    pub(crate) port: u16,
    process: Child,
    /// `None` tells the server to end.
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Remote {
    pub(crate) fn start(site: Site) -> io::Result<Self> {
        let mut process = Command::new(env::current_exe()?)
            .arg("--serve")
            .arg(format!("--latency={}", site.latency.as_millis()))
            .arg(format!("--crowd={}", site.crowd))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = process.stdin.take();
        let stdout = BufReader::new(process.stdout.take().expect("it is piped"));
        let mut remote = Self {
            port: 0,
            process,
            stdin,
            stdout,
        };
        remote.port = remote.says()?;
        Ok(remote)
    }

    /// Ends the server, which knows how many downloads there were at the same time.
    pub(crate) fn end(mut self) -> io::Result<usize> {
        self.stdin = None;
        self.says()
    }

    /// The number in the next line.
    fn says<N: std::str::FromStr>(&mut self) -> io::Result<N> {
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        // It has said on stderr why it had to end.
        line.trim()
            .parse()
            .map_err(|_| io::Error::other("the server is gone"))
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.stdin = None;
        _ = self.process.wait();
    }
}
