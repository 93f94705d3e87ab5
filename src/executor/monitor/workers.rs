//! The rows of the workers, and what there is instead where not all have one.

use super::units::{bytes, duration};
use crate::executor::{Awaits, TaskDump, WorkerDump};
use ratatui::{
    style::{Color, Stylize},
    text::{Line, Span},
};
use std::{cmp::Reverse, collections::BTreeMap};

/// A longer name than this is cut off.
const MOST_NAME: usize = 24;

/// What a worker is doing, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    Busy,
    Waiting,
    Idle,
    /// A process that starts, ends, or was stopped or killed.
    Away,
}

impl Doing {
    pub(super) const ALL: [Self; 4] = [Self::Busy, Self::Waiting, Self::Idle, Self::Away];

    pub(super) fn of(worker: &WorkerDump) -> Self {
        if worker.pid.is_some() && worker.host.is_none() && worker.name != "process" {
            return Self::Away;
        }
        // Threads work on what lies on top; a process may poll several tasks.
        let on_top = match worker.pid {
            None => worker.tasks.last().into_iter().collect(),
            Some(_) => worker.tasks.iter().collect::<Vec<_>>(),
        };
        if on_top.is_empty() {
            Self::Idle
        } else if on_top.iter().all(|task| task.awaits.is_some()) && worker.deeper == 0 {
            Self::Waiting
        } else {
            Self::Busy
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Waiting => "waiting",
            Self::Idle => "idle",
            Self::Away => "away",
        }
    }

    pub(super) fn colour(self) -> Color {
        match self {
            Self::Busy => Color::Green,
            Self::Waiting => Color::Yellow,
            Self::Idle => Color::DarkGray,
            Self::Away => Color::Red,
        }
    }
}

/// At most `rows` lines. If that is too few, the workers are cells of a strip, and those have a line that are longest in their
/// task.
pub(super) fn lines<'a>(
    workers: &'a [WorkerDump],
    memory: &BTreeMap<u32, u64>,
    columns: u16,
    rows: u16,
) -> Vec<Line<'a>> {
    let mut workers: Vec<_> = workers.iter().collect();
    workers.sort_by_key(|worker| natural(worker));
    let rows = usize::from(rows);
    let mut lines = Vec::new();
    if workers.len() > rows {
        let columns = usize::from(columns.max(1));
        let cells = workers.chunks(columns).map(strip);
        // Half of the room at most.
        lines.extend(cells.take(rows.div_ceil(2)));
        workers.sort_by_key(|worker| Reverse(age(worker)));
        workers.truncate(rows - lines.len());
    }
    let names = workers.iter().map(|worker| Span::from(label(worker)).width());
    let widest = names.max().unwrap_or(0).min(MOST_NAME);
    lines.extend(workers.iter().map(|worker| line(worker, memory, widest)));
    lines
}

/// `worker-2` comes before `worker-10`, and processes stay where they are.
fn natural(worker: &WorkerDump) -> (&str, u64) {
    if worker.pid.is_some() {
        return ("", 0);
    }
    let text = worker
        .name
        .trim_end_matches(|character: char| character.is_ascii_digit());
    (text, worker.name[text.len()..].parse().unwrap_or(0))
}

/// In whole seconds, or those that are busy with short tasks would never keep their place.
fn age(worker: &WorkerDump) -> Option<u64> {
    worker.tasks.first().map(|task| task.age.as_secs())
}

/// A cell for each.
fn strip<'a>(workers: &[&WorkerDump]) -> Line<'a> {
    let cell = |worker: &&WorkerDump| {
        let doing = Doing::of(worker);
        let cell = match doing {
            Doing::Busy => "■",
            Doing::Waiting => "◧",
            Doing::Idle => "□",
            Doing::Away => "✕",
        };
        cell.fg(doing.colour())
    };
    Line::from(workers.iter().map(cell).collect::<Vec<_>>())
}

fn label(worker: &WorkerDump) -> String {
    match worker.pid {
        Some(pid) => format!("{} {pid}", worker.name),
        None => worker.name.clone(),
    }
}

fn line<'a>(worker: &'a WorkerDump, memory: &BTreeMap<u32, u64>, widest: usize) -> Line<'a> {
    let doing = Doing::of(worker);
    let mut spans = vec![cut(&label(worker), widest).into(), "  ".into()];
    spans.push(format!("{:<7}", doing.name()).fg(doing.colour()));
    let age = worker.tasks.first().map(|task| duration(task.age));
    spans.push(format!("{:>9}  ", age.unwrap_or_default()).into());
    if let Some(pid) = worker.pid {
        let memory = memory.get(&pid).map(|&memory| bytes(memory));
        spans.push(format!("{:>10}  ", memory.unwrap_or_default()).into());
    }
    for (at, task) in worker.tasks.iter().enumerate() {
        if at > 0 {
            spans.push(if worker.pid.is_some() { ", " } else { " › " }.dim());
        }
        spans.extend(of_task(task));
    }
    if worker.deeper > 0 {
        spans.push(format!(" › and {} more", worker.deeper).dim());
    }
    Line::from(spans)
}

/// The most telling first: the line may be cut off.
fn of_task(task: &TaskDump) -> Vec<Span<'_>> {
    let mut spans = Vec::new();
    match (&task.name, task.id) {
        (Some(name), _) => spans.push(printable(name).bold()),
        (None, Some(id)) => spans.push(format!("task {id}").into()),
        (None, None) => spans.push("items of a map".into()),
    }
    match task.awaits {
        None => {}
        Some(Awaits::Task(awaited)) => spans.push(format!(" waits for task {awaited}").yellow()),
        Some(Awaits::Other) => spans.push(" waits".yellow()),
    }
    if let (Some(_), Some(id)) = (&task.name, task.id) {
        spans.push(format!(" task {id}").dim());
    }
    spans.push(format!(" {}", task.work).dim());
    spans
}

/// Exactly so wide.
fn cut(text: &str, columns: usize) -> String {
    let text = printable(text);
    let mut cut = String::new();
    let mut width = 0;
    let is_whole = Span::from(text.as_str()).width() <= columns;
    let most = if is_whole {
        columns
    } else {
        columns.saturating_sub(1)
    };
    for character in text.chars() {
        let wider = width + Span::from(character.to_string()).width();
        if wider > most {
            break;
        }
        cut.push(character);
        width = wider;
    }
    if !is_whole && columns > 0 {
        cut.push('…');
        width += 1;
    }
    cut + &" ".repeat(columns - width)
}

/// A name is anything, a line break among it.
fn printable(text: &str) -> String {
    text.chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect()
}
