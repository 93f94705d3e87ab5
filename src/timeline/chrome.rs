//! A timeline in the JSON of Chrome's tracing: the "Trace Event Format", of which Perfetto reads the same parts.

use super::{Slice, SliceKind, TaskEnd, TaskTrace, Timeline, load::load, names::short};
use crate::future::TaskId;
use std::{collections::HashMap, fmt::Write, time::Duration};

/// Points of each curve of queued and running tasks.
const POINTS: usize = 1_000;

pub(super) fn write(timeline: &Timeline) -> String {
    let mut json = Events(String::from("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n"));
    let here = std::process::id();
    let process_of = |lane: usize| timeline.lanes[lane].pid.unwrap_or(here);
    json.name("process_name", here, 0, "this process");
    for (number, lane) in timeline.lanes.iter().enumerate() {
        if let Some(pid) = lane.pid {
            let executor = lane.executor.map_or("", |executor| &timeline.executors[executor]);
            json.name("process_name", pid, 0, &format!("{} of {executor}", lane.name));
        }
        json.name("thread_name", process_of(number), number + 1, &lane.name);
        json.event(&format!(
            r#""ph":"M","name":"thread_sort_index","pid":{},"tid":{},"args":{{"sort_index":{number}}}"#,
            process_of(number),
            number + 1
        ));
    }
    for slice in &timeline.slices {
        json.slice(timeline, slice, process_of(slice.lane));
    }
    let ran_first = first_slices(timeline);
    for task in &timeline.tasks {
        json.task(timeline, task, here);
        let both = task
            .parent
            .and_then(|parent| Some((task.submitted?, ran_first.get(&parent)?, ran_first.get(&task.id)?)));
        // In the slice of the one at that time, or not at all: the other ends of arrows would lie nowhere.
        if let Some((at, parent, first)) = both
            && (parent.from..=parent.to).contains(&at)
        {
            json.arrow(
                task,
                (process_of(parent.lane), parent.lane, at),
                (process_of(first.lane), first.lane, first.from),
            );
        }
    }
    for (number, executor) in timeline.executors.iter().enumerate() {
        for point in load(timeline, number, POINTS) {
            json.event(&format!(
                r#""ph":"C","name":{},"pid":{here},"ts":{},"args":{{"queued":{},"running":{}}}"#,
                quoted(&format!("tasks of {executor}")),
                micros(point.at),
                point.queued,
                point.running
            ));
        }
    }
    json.0.truncate(json.0.trim_end_matches([',', '\n']).len());
    json.0.push_str("\n]}\n");
    json.0
}

/// The first slice of each task.
fn first_slices(timeline: &Timeline) -> HashMap<TaskId, &Slice> {
    let mut first: HashMap<TaskId, &Slice> = HashMap::new();
    for slice in timeline.slices.iter().filter(|slice| slice.is_work()) {
        if let Some(task) = slice.task {
            let known = first.entry(task).or_insert(slice);
            if slice.from < known.from {
                *known = slice;
            }
        }
    }
    first
}

struct Events(String);

impl Events {
    fn event(&mut self, fields: &str) {
        let _ = writeln!(self.0, "{{{fields}}},");
    }

    fn name(&mut self, what: &str, process: u32, thread: usize, name: &str) {
        let name = quoted(name);
        self.event(&format!(
            r#""ph":"M","name":"{what}","pid":{process},"tid":{thread},"args":{{"name":{name}}}"#
        ));
    }

    fn slice(&mut self, timeline: &Timeline, slice: &Slice, process: u32) {
        let (name, category) = match slice.kind {
            SliceKind::Submit => ("submit".to_owned(), "caller"),
            SliceKind::Collect => ("collect".to_owned(), "caller"),
            SliceKind::Turn => (short(&slice.label), "turn"),
            SliceKind::Call => (short(&slice.label), "call"),
            SliceKind::Died => (format!("{} (died)", short(&slice.label)), "call"),
        };
        let mut more = String::new();
        if let Some(task) = slice.task {
            let _ = write!(more, r#""task":{task},"#);
        }
        if !slice.label.is_empty() {
            let _ = write!(more, r#""work":{},"#, quoted(&slice.label));
        }
        for (what, time) in [("decode_us", slice.decode), ("encode_us", slice.encode)] {
            if !time.is_zero() {
                let _ = write!(more, r#""{what}":{},"#, micros(time));
            }
        }
        self.event(&format!(
            r#""ph":"X","name":{},"cat":"{category}","pid":{process},"tid":{},"ts":{},"dur":{},"args":{{{more}"executor":{},"items":{},"failed":{}}}"#,
            quoted(&name),
            slice.lane + 1,
            micros(slice.from),
            micros(slice.length()),
            quoted(&timeline.executors[slice.executor]),
            slice.items,
            slice.failed,
        ));
        // What lies before and behind the work is part of it, for who looks closer.
        let work = slice.to.saturating_sub(slice.encode);
        if slice.kind == SliceKind::Call {
            for (what, from, time) in [
                ("decode", slice.from, slice.decode),
                ("encode", work, slice.encode),
            ] {
                if !time.is_zero() && slice.items <= 1 {
                    self.event(&format!(
                        r#""ph":"X","name":"{what}","cat":"wire","pid":{process},"tid":{},"ts":{},"dur":{}"#,
                        slice.lane + 1,
                        micros(from),
                        micros(time)
                    ));
                }
            }
        }
    }

    /// The whole life of a future, which has no lane.
    fn task(&mut self, timeline: &Timeline, task: &TaskTrace, here: u32) {
        let Some(from) = task.started.filter(|_| task.is_async) else {
            return;
        };
        let until = task.ended.unwrap_or(timeline.length);
        let name = quoted(&short(&task.label));
        let id = task.id;
        self.event(&format!(
            r#""ph":"b","name":{name},"cat":"async","id":{id},"pid":{here},"ts":{},"args":{{"task":{id},"end":{},"queued_us":{},"run_us":{}}}"#,
            micros(from),
            quoted(&end_of(task)),
            micros(task.queued().unwrap_or_default()),
            micros(task.run)
        ));
        self.event(&format!(
            r#""ph":"e","name":{name},"cat":"async","id":{id},"pid":{here},"ts":{}"#,
            micros(until)
        ));
    }

    /// From where a task was submitted inside another to where it ran.
    fn arrow(&mut self, task: &TaskTrace, from: (u32, usize, Duration), to: (u32, usize, Duration)) {
        for (phase, (process, lane, at)) in [("s", from), ("f", to)] {
            self.event(&format!(
                r#""ph":"{phase}","bp":"e","name":"submits","cat":"submits","id":{},"pid":{process},"tid":{},"ts":{}"#,
                task.id,
                lane + 1,
                micros(at)
            ));
        }
    }
}

pub(super) fn end_of(task: &TaskTrace) -> String {
    match &task.end {
        TaskEnd::Open => "has not ended".to_owned(),
        TaskEnd::Succeeded => "succeeded".to_owned(),
        TaskEnd::Cancelled => "cancelled".to_owned(),
        TaskEnd::Failed(error) => format!("failed: {error}"),
    }
}

/// Microseconds, with nanoseconds behind the point.
fn micros(time: Duration) -> String {
    let nanos = time.as_nanos();
    format!("{}.{:03}", nanos / 1_000, nanos % 1_000)
}

/// A string of JSON.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(letter);
            }
            _ if letter.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(letter));
            }
            _ => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}
