//! What threads have used, as Linux counts it.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    process,
    time::Duration,
};

/// CPU time, and how often a thread has gone to sleep in a system call.
#[derive(Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    pub(crate) sleeps: u64,
}

/// By thread, because threads of earlier pools may end while one looks on.
pub(crate) struct Snapshot(HashMap<PathBuf, Usage>);

impl Snapshot {
    /// Of this process and of `children`.
    pub(crate) fn of_all(children: &[u32]) -> io::Result<Self> {
        let mut threads = HashMap::new();
        for process in children.iter().chain([&process::id()]) {
            for thread in fs::read_dir(format!("/proc/{process}/task"))? {
                let thread = thread?.path();
                // One that has ended since is of no interest.
                if let Ok(usage) = Usage::of_thread(&thread) {
                    threads.insert(thread, usage);
                }
            }
        }
        Ok(Self(threads))
    }

    /// As `of_all`, without the thread that runs `main` and only looks on.
    pub(crate) fn of_others(children: &[u32]) -> io::Result<Self> {
        let mut all = Self::of_all(children)?;
        all.0
            .remove(Path::new(&format!("/proc/{0}/task/{0}", process::id())));
        Ok(all)
    }

    pub(crate) fn since(&self, before: &Self) -> Usage {
        let mut sum = Usage::default();
        for (thread, now) in &self.0 {
            let then = before.0.get(thread).copied().unwrap_or_default();
            sum.cpu += now.cpu.saturating_sub(then.cpu);
            sum.sleeps += now.sleeps.saturating_sub(then.sleeps);
        }
        sum
    }
}

impl Usage {
    fn of_thread(thread: &Path) -> io::Result<Self> {
        let schedule = fs::read_to_string(thread.join("schedstat"))?;
        let nanos = schedule
            .split_whitespace()
            .next()
            .and_then(|nanos| nanos.parse().ok());
        let status = fs::read_to_string(thread.join("status"))?;
        let sleeps = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        Ok(Self {
            cpu: Duration::from_nanos(nanos.unwrap_or(0)),
            sleeps: sleeps.and_then(|sleeps| sleeps.trim().parse().ok()).unwrap_or(0),
        })
    }
}
