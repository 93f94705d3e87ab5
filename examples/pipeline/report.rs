//! What is printed: the totals on stdout, everything else on stderr.

use crate::memory::Memory;
use std::{
    fmt,
    io::{self, Write},
    time::Duration,
};

pub(crate) struct Totals {
    pub(crate) items: u64,
    pub(crate) failed: u64,
    pub(crate) bytes: u64,
    pub(crate) time: Duration,
    /// Produced and not yet counted, at the same time.
    pub(crate) most_under_way: u64,
    pub(crate) buffer: usize,
    pub(crate) memory: Memory,
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.time.as_secs_f64();
        #[allow(clippy::cast_precision_loss)] // For people to read.
        let rate = self.items as f64 / seconds;
        writeln!(
            f,
            "{:<12} {} of which {} failed",
            "items", self.items, self.failed
        )?;
        writeln!(f, "{:<12} {seconds:.2} s: {rate:.0} items/s", "time")?;
        writeln!(f, "{:<12} {} bytes", "written", self.bytes)?;
        let (most, buffer) = (self.most_under_way, self.buffer);
        writeln!(
            f,
            "{:<12} {most} items at most, with two buffers of {buffer}",
            "under way"
        )?;
        writeln!(
            f,
            "{:<20} {:>10} {:>10} {:>10}",
            "memory", "at 10 %", "at 100 %", "peak"
        )?;
        for process in &self.memory.processes {
            let [early, late, peak] = [process.early, process.late, process.peak].map(megabytes);
            writeln!(f, "{:<20} {early:>10} {late:>10} {peak:>10}", process.name)?;
        }
        Ok(())
    }
}

fn megabytes(bytes: Option<u64>) -> String {
    #[allow(clippy::cast_precision_loss)] // For people to read.
    bytes.map_or_else(|| "n/a".into(), |bytes| format!("{:.1} MB", bytes as f64 / 1e6))
}

/// Prints on stdout. A reader that has seen enough and left is no error.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// One line on stderr, as far as there is anybody to read it.
pub(crate) fn complain(message: &str) {
    let _ = writeln!(io::stderr(), "pipeline: {message}");
}
