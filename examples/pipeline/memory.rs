//! How much memory the processes of the pipeline have in use. Only Linux tells.

use std::fs;

/// Looked at twice, early and late: what does not grow in between does not grow with the number of records.
#[derive(Default)]
pub(crate) struct Memory {
    early: Vec<(u32, Option<u64>)>,
    pub(crate) processes: Vec<Process>,
}

/// Numbers of bytes.
pub(crate) struct Process {
    /// The name of this process, or of a worker.
    pub(crate) name: String,
    pub(crate) early: Option<u64>,
    pub(crate) late: Option<u64>,
    pub(crate) peak: Option<u64>,
}

impl Memory {
    pub(crate) fn early(&mut self, workers: &[u32]) {
        self.early = with_this_process(workers)
            .map(|process| (process, status(process, "VmRSS:")))
            .collect();
    }

    pub(crate) fn late(&mut self, workers: &[u32]) {
        let look = |process| {
            let before = self.early.iter().find(|(id, _)| *id == process);
            let name = if process == std::process::id() {
                "this process".into()
            } else {
                format!("worker {process}")
            };
            Process {
                name,
                early: before.and_then(|(_, bytes)| *bytes),
                late: status(process, "VmRSS:"),
                peak: status(process, "VmHWM:"),
            }
        };
        self.processes = with_this_process(workers).map(look).collect();
    }
}

fn with_this_process(workers: &[u32]) -> impl Iterator<Item = u32> {
    std::iter::once(std::process::id()).chain(workers.iter().copied())
}

/// A line such as `VmRSS: 1234 kB` of what the system says about a process.
fn status(process: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}
