//! Workers that a test starts itself, to do to them what it likes.

use crate::{
    harness::signal,
    server::{HOLD, POOL, Server},
};
use std::{
    env,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
};

pub(crate) struct Worker(Child);

impl Worker {
    pub(crate) fn start(server: &Server, slots: usize, more: &[(&str, &str)]) -> Self {
        Self::of(&env::current_exe().expect("this executable"), server, slots, more)
    }

    /// Of this executable, which may be a copy.
    pub(crate) fn of(program: &Path, server: &Server, slots: usize, more: &[(&str, &str)]) -> Self {
        let child = Command::new(program)
            .env("CONCURRENT_FUTURES_WORKER", server.url())
            .env("CONCURRENT_FUTURES_POOL", POOL)
            .env("CONCURRENT_FUTURES_WORKER_HOLD", HOLD.as_secs().to_string())
            .env("CONCURRENT_FUTURES_SLOTS", slots.to_string())
            .envs(more.iter().copied())
            .stdin(Stdio::null())
            .spawn()
            .expect("a worker starts");
        Self(child)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn signal(&self, number: i32) {
        signal(self.pid(), number);
    }

    /// How it has ended, if it has.
    pub(crate) fn try_ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().expect("it is a child")
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        self.0.wait().expect("it is a child")
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
