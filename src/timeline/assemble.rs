//! From notes that lie in no order to a timeline.

use super::{Lane, Slice, SliceKind, TaskEnd, TaskTrace, Timeline};
use crate::{
    future::TaskId,
    running::{
        Doing, WorkName,
        record::{End, Note, Notes, Passage, Ran, Share, What},
    },
    sync::Arc,
};
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

/// Makes the timeline of what was noted since then.
pub(super) fn assemble(
    notes: Notes,
    threads: &[Arc<str>],
    executors: &BTreeMap<u32, String>,
    since: u64,
    until: u64,
) -> Timeline {
    let mut desk = Assembly {
        since,
        threads,
        executors: executors
            .keys()
            .copied()
            .enumerate()
            .map(|(place, number)| (number, place))
            .collect(),
        labels: HashMap::new(),
        lanes: HashMap::new(),
        tasks: HashMap::new(),
        timeline: Timeline {
            length: Duration::from_nanos(until.saturating_sub(since)),
            executors: executors.values().cloned().collect(),
            left_out: notes.left_out,
            ..Timeline::default()
        },
    };
    for note in notes.list {
        desk.add(note);
    }
    desk.finish()
}

/// Where a slice lies.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Place {
    Thread(u32),
    /// Of this machine, or of another one.
    Process(Option<Arc<str>>, u32),
}

struct Assembly<'a> {
    since: u64,
    threads: &'a [Arc<str>],
    /// The places of the executors by their numbers.
    executors: HashMap<u32, usize>,
    /// The names of kinds of work, by where the compiler has put them.
    labels: HashMap<usize, Arc<str>>,
    lanes: HashMap<Place, usize>,
    tasks: HashMap<u64, TaskTrace>,
    timeline: Timeline,
}

impl Assembly<'_> {
    fn at(&self, nanos: u64) -> Duration {
        Duration::from_nanos(nanos.saturating_sub(self.since))
    }

    fn lane(&mut self, place: Place) -> usize {
        let threads = self.threads;
        let lanes = &mut self.timeline.lanes;
        *self.lanes.entry(place.clone()).or_insert_with(|| {
            let (name, pid) = match place {
                Place::Thread(number) => (
                    threads.get(number as usize).map_or("", |name| name).to_owned(),
                    None,
                ),
                Place::Process(None, pid) => (format!("process {pid}"), Some(pid)),
                Place::Process(Some(host), pid) => (format!("process {pid} on {host}"), Some(pid)),
            };
            lanes.push(Lane {
                name,
                executor: None,
                pid,
            });
            lanes.len() - 1
        })
    }

    fn label(&mut self, work: WorkName, name: Option<Arc<str>>) -> Arc<str> {
        let by_place = std::ptr::from_ref(work) as usize;
        name.unwrap_or_else(|| {
            self.labels
                .entry(by_place)
                .or_insert_with(|| work().into())
                .clone()
        })
    }

    fn task(&mut self, number: u64, executor: usize) -> &mut TaskTrace {
        self.tasks.entry(number).or_insert_with(|| TaskTrace {
            id: TaskId::of_number(number),
            executor,
            label: "".into(),
            is_async: false,
            parent: None,
            submitted: None,
            started: None,
            ended: None,
            end: TaskEnd::Open,
            encode_argument: Duration::ZERO,
            decode_argument: Duration::ZERO,
            run: Duration::ZERO,
            encode_result: Duration::ZERO,
            decode_result: Duration::ZERO,
        })
    }

    fn add(&mut self, note: Note) {
        let Note {
            thread,
            executor,
            task,
            at,
            what,
        } = note;
        let Some(executor) = self.executors.get(&executor).copied() else {
            return;
        };
        let from = self.at(at);
        match what {
            What::Submitted { by, encoded } => {
                let Some(number) = task else { return };
                let encoded = encoded.map(|until| self.at(until));
                let trace = self.task(number, executor);
                trace.submitted = Some(from);
                trace.parent = by.map(TaskId::of_number);
                if let Some(to) = encoded {
                    let encode = to.saturating_sub(from);
                    trace.encode_argument = encode;
                    let slice = Slice {
                        executor,
                        task: Some(TaskId::of_number(number)),
                        from,
                        to,
                        items: 1,
                        ..self.passage(thread, Passage::In, encode)
                    };
                    self.timeline.slices.push(slice);
                }
            }
            What::Ended(end) => {
                if let Some(number) = task {
                    let task = self.task(number, executor);
                    task.ended = Some(from);
                    task.end = match end {
                        End::Succeeded => TaskEnd::Succeeded,
                        End::Cancelled => TaskEnd::Cancelled,
                        End::Failed(error) => TaskEnd::Failed(error.to_string()),
                    };
                }
            }
            What::Ran(ran) => self.ran(thread, executor, task, from, ran),
            What::Elsewhere(share) => self.ran_elsewhere(executor, task, from, share),
            What::Passed {
                passage,
                until,
                items,
                busy,
            } => {
                let slice = Slice {
                    executor,
                    task: task.map(TaskId::of_number),
                    from,
                    to: self.at(until),
                    items,
                    ..self.passage(thread, passage, Duration::from_nanos(busy))
                };
                if let Some(number) = task {
                    self.task(number, executor).decode_result += slice.decode;
                }
                self.timeline.slices.push(slice);
            }
        }
    }

    /// Something that this thread does for who uses it, busy for so long with encoding or decoding.
    fn passage(&mut self, thread: u32, passage: Passage, busy: Duration) -> Slice {
        let (kind, encode, decode) = match passage {
            Passage::In => (SliceKind::Submit, busy, Duration::ZERO),
            Passage::Out => (SliceKind::Collect, Duration::ZERO, busy),
        };
        Slice {
            lane: self.lane(Place::Thread(thread)),
            kind,
            executor: 0,
            task: None,
            label: "".into(),
            from: Duration::ZERO,
            to: Duration::ZERO,
            items: 0,
            failed: 0,
            decode,
            encode,
        }
    }

    fn ran(&mut self, thread: u32, executor: usize, task: Option<u64>, from: Duration, ran: Ran) {
        let label = self.label(ran.work, ran.name);
        let to = self.at(ran.until);
        let is_async = ran.doing == Doing::Polling;
        if let Some(number) = task {
            let task = self.task(number, executor);
            task.label = label.clone();
            task.is_async |= is_async;
            task.started = Some(task.started.map_or(from, |before| before.min(from)));
            task.run += to.saturating_sub(from);
        }
        let lane = self.lane(Place::Thread(thread));
        self.timeline.lanes[lane].executor.get_or_insert(executor);
        self.timeline.slices.push(Slice {
            lane,
            kind: if is_async {
                SliceKind::Turn
            } else {
                SliceKind::Call
            },
            executor,
            task: task.map(TaskId::of_number),
            label,
            from,
            to,
            items: ran.items,
            failed: ran.failed,
            decode: Duration::ZERO,
            encode: Duration::ZERO,
        });
    }

    fn ran_elsewhere(&mut self, executor: usize, task: Option<u64>, from: Duration, share: Share) {
        let label = self.label(share.work, share.name);
        let [decode, run, encode] = [share.decode, share.run, share.encode].map(Duration::from_nanos);
        if let Some(number) = task {
            let task = self.task(number, executor);
            task.label = label.clone();
            task.is_async |= share.is_turn;
            task.started = Some(task.started.map_or(from, |before| before.min(from)));
            task.decode_argument += decode;
            task.run += run;
            task.encode_result += encode;
        }
        let lane = self.lane(Place::Process(share.host, share.pid));
        self.timeline.lanes[lane].executor.get_or_insert(executor);
        self.timeline.slices.push(Slice {
            lane,
            kind: if share.died {
                SliceKind::Died
            } else if share.is_turn {
                SliceKind::Turn
            } else {
                SliceKind::Call
            },
            executor,
            task: task.map(TaskId::of_number),
            label,
            from,
            to: from + decode + run + encode,
            items: share.items,
            failed: share.failed,
            decode,
            encode,
        });
    }

    fn finish(self) -> Timeline {
        let Self {
            mut timeline,
            mut tasks,
            ..
        } = self;
        // What runs a task does not know yet how it ends; the last that it did is what failed.
        let mut last: HashMap<TaskId, usize> = HashMap::new();
        for (number, slice) in timeline
            .slices
            .iter()
            .enumerate()
            .filter(|(_, slice)| slice.is_work())
        {
            if let Some(task) = slice.task {
                let known = last.entry(task).or_insert(number);
                if timeline.slices[*known].to < slice.to {
                    *known = number;
                }
            }
        }
        for (task, number) in last {
            let slice = &mut timeline.slices[number];
            let Some(task) = tasks.get_mut(&task.number()) else {
                continue;
            };
            match task.end {
                TaskEnd::Failed(_) => slice.failed = 1,
                // What has run to its end, and of which nothing else is noted, has its value.
                TaskEnd::Open if slice.is_last_of_its_task(&timeline.lanes) => {
                    task.end = TaskEnd::Succeeded;
                    task.ended = Some(slice.to);
                }
                _ => {}
            }
        }
        timeline.tasks = tasks.into_values().collect();
        timeline
            .tasks
            .sort_by_key(|task| (task.submitted.or(task.started), task.id));
        // The program's own threads first, then each executor's workers by name.
        let mut order: Vec<_> = (0..timeline.lanes.len()).collect();
        order.sort_by_key(|lane| {
            let lane = &timeline.lanes[*lane];
            (lane.executor, lane.pid, natural(&lane.name))
        });
        let mut place_of = vec![0; order.len()];
        for (place, lane) in order.iter().enumerate() {
            place_of[*lane] = place;
        }
        timeline.lanes = order.iter().map(|lane| timeline.lanes[*lane].clone()).collect();
        for slice in &mut timeline.slices {
            slice.lane = place_of[slice.lane];
        }
        timeline
            .slices
            .sort_by_key(|slice| (slice.lane, slice.from, std::cmp::Reverse(slice.to)));
        timeline
    }
}

/// So that `worker-10` comes behind `worker-9`.
fn natural(name: &str) -> (String, u64) {
    let digits = name.len()
        - name
            .trim_end_matches(|letter: char| letter.is_ascii_digit())
            .len();
    let (head, number) = name.split_at(name.len() - digits);
    (head.to_owned(), number.parse().unwrap_or(0))
}
