//! What threads have used, as Linux counts it.

use std::{fs, io, process, time::Duration};

/// CPU time, and how often a thread has gone to sleep in a system call.
#[derive(Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    pub(crate) sleeps: u64,
}

impl Usage {
    /// Of this process and of `children` until now.
    pub(crate) fn of_all(children: &[u32]) -> io::Result<Self> {
        let mut sum = Self::default();
        for process in children.iter().chain([&process::id()]) {
            for thread in fs::read_dir(format!("/proc/{process}/task"))? {
                sum.add(&thread?.path().display().to_string())?;
            }
        }
        Ok(sum)
    }

    /// As `of_all`, without the thread that runs `main` and only looks on.
    pub(crate) fn of_others(children: &[u32]) -> io::Result<Self> {
        let mut main = Self::default();
        main.add(&format!("/proc/{0}/task/{0}", process::id()))?;
        Ok(Self::of_all(children)?.since(main))
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(before.cpu),
            sleeps: self.sleeps.saturating_sub(before.sleeps),
        }
    }

    fn add(&mut self, thread: &str) -> io::Result<()> {
        let schedule = fs::read_to_string(format!("{thread}/schedstat"))?;
        let nanos = schedule
            .split_whitespace()
            .next()
            .and_then(|nanos| nanos.parse().ok());
        self.cpu += Duration::from_nanos(nanos.unwrap_or(0));
        let status = fs::read_to_string(format!("{thread}/status"))?;
        let sleeps = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        self.sleeps += sleeps.and_then(|sleeps| sleeps.trim().parse().ok()).unwrap_or(0);
        Ok(())
    }
}
