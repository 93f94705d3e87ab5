//! What is counted over a whole run, and the report of it.

use concurrent_futures::TaskError;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    time::Duration,
};

#[derive(Default)]
pub(crate) struct Tally {
    sums: BTreeMap<String, u64>,
    most: BTreeMap<&'static str, u64>,
    /// Things of which it matters how many different ones there were.
    kinds: BTreeMap<&'static str, BTreeSet<String>>,
    notes: Vec<String>,
    pub(crate) problems: Vec<String>,
}

impl Tally {
    pub(crate) fn add(&mut self, what: &str, count: u64) {
        if let Some(sum) = self.sums.get_mut(what) {
            *sum += count;
        } else {
            self.sums.insert(what.to_owned(), count);
        }
    }

    pub(crate) fn most(&mut self, what: &'static str, value: u64) {
        let most = self.most.entry(what).or_default();
        *most = (*most).max(value);
    }

    pub(crate) fn kind(&mut self, what: &'static str, which: String) {
        self.kinds.entry(what).or_default().insert(which);
    }

    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    pub(crate) fn error(&mut self, error: &TaskError) {
        self.add(&format!("error: {}", name_of(error)), 1);
    }
}

fn name_of(error: &TaskError) -> &'static str {
    match error {
        TaskError::Panicked(_) => "panicked",
        TaskError::Cancelled => "cancelled",
        TaskError::TimedOut(_) => "timed out",
        TaskError::WaitTimedOut => "the wait timed out",
        TaskError::WorkerDied(_) => "worker died",
        TaskError::Encode(_) => "encode",
        TaskError::Decode(_) => "decode",
        TaskError::ShutDown => "shut down",
        _ => "another",
    }
}

pub(crate) struct Report<'a> {
    pub(crate) tally: &'a Tally,
    pub(crate) seed: u64,
    pub(crate) rounds: u64,
    pub(crate) time: Duration,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tally = self.tally;
        for (what, sum) in &tally.sums {
            writeln!(f, "{what:<44} {:>14}", grouped(*sum))?;
        }
        for (what, most) in &tally.most {
            writeln!(f, "{:<44} {:>14}", format!("most: {what}"), grouped(*most))?;
        }
        for (what, kinds) in &tally.kinds {
            writeln!(
                f,
                "{:<44} {:>14}",
                format!("different: {what}"),
                grouped(kinds.len() as u64)
            )?;
        }
        writeln!(f, "{:<44} {:>14}", "random rounds", grouped(self.rounds))?;
        writeln!(f, "{:<44} {:>12.1} s", "time", self.time.as_secs_f64())?;
        let memory = peak_memory().map_or_else(|| "n/a".into(), |bytes| format!("{} MB", bytes / 1_000_000));
        writeln!(f, "{:<44} {memory:>14}", "most memory of this process")?;
        writeln!(f, "{:<44} {:>14}", "seed", self.seed)?;
        for note in &tally.notes {
            writeln!(f, "note: {note}")?;
        }
        if tally.problems.is_empty() {
            writeln!(f, "all outcomes accounted for")
        } else {
            writeln!(f, "{} problems:", tally.problems.len())?;
            tally
                .problems
                .iter()
                .try_for_each(|problem| writeln!(f, "{problem}"))
        }
    }
}

/// 1234567 as 1,234,567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The most resident memory that this process has had. Only Linux tells.
fn peak_memory() -> Option<u64> {
    kilobytes("/proc/self/status", "VmHWM:")
}

/// What can be had without taking from others. Only Linux tells.
pub(crate) fn free_memory() -> Option<u64> {
    kilobytes("/proc/meminfo", "MemAvailable:")
}

fn kilobytes(file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}
