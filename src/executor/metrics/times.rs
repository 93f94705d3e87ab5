//! From notes to times: how long each task waited and ran.

use super::instruments::{Instruments, Value};
use crate::running::{
    Doing, WorkName,
    record::{Note, Notes, Passage, Ran, Share, What},
};
use std::collections::HashMap;

/// The tasks that have not ended, from one round to the next.
#[derive(Default)]
pub(super) struct Times {
    open: HashMap<u64, Open>,
}

/// What is known of a task.
struct Open {
    /// When it was submitted, until it has started.
    submitted: Option<u64>,
    /// Of a future.
    turns: Option<Steps>,
}

/// Where time went, in nanoseconds.
#[derive(Clone, Copy)]
struct Steps {
    work: WorkName,
    /// In a worker process: decoding the argument and encoding the result.
    crossing: Option<(u64, u64)>,
    run: u64,
}

impl Steps {
    fn of_call(ran: &Ran, began: u64) -> Self {
        Self {
            work: ran.work,
            crossing: None,
            run: ran.until.saturating_sub(began),
        }
    }

    fn of_share(share: &Share) -> Self {
        Self {
            work: share.work,
            // Of one that has died with its process nobody knows.
            crossing: (!share.died).then_some((share.decode, share.encode)),
            run: share.run,
        }
    }

    /// Another turn.
    fn add(&mut self, more: Self) {
        self.run += more.run;
        self.crossing = self
            .crossing
            .zip(more.crossing)
            .map(|(all, more)| (all.0 + more.0, all.1 + more.1));
    }

    /// They are those of so many items, or of one task.
    fn tell(self, items: u32, instruments: &mut Instruments) {
        instruments.ran(self.work, self.run, items);
        if let Some((decode, encode)) = self.crossing {
            instruments.decoded(Value::Argument, decode, items);
            instruments.encoded(Value::Result, encode, items);
        }
    }
}

impl Times {
    /// Tells what follows from the notes of this round.
    ///
    /// Those of different threads come in no order. Nothing is kept of a task that has ended, although work that was given up may be noted
    /// later still.
    pub(super) fn tell(&mut self, notes: &Notes, instruments: &mut Instruments) {
        let of_tasks = || {
            let notes = notes.list.iter();
            notes.filter_map(|note| Some((note.task?, note)))
        };
        for (task, note) in of_tasks() {
            if let What::Submitted { encoded, .. } = note.what {
                if let Some(until) = encoded {
                    instruments.encoded(Value::Argument, until.saturating_sub(note.at), 1);
                }
                let open = Open {
                    submitted: Some(note.at),
                    turns: None,
                };
                self.open.insert(task, open);
            }
        }
        for note in &notes.list {
            self.step(note, instruments);
        }
        for (task, note) in of_tasks() {
            if is_end(&note.what)
                && let Some(open) = self.open.remove(&task)
                && let Some(turns) = open.turns
            {
                turns.tell(1, instruments);
            }
        }
        if notes.left_out > 0 {
            // Ends may be among them, and tasks without an end would stay for ever.
            self.open.clear();
        }
    }

    fn step(&mut self, note: &Note, instruments: &mut Instruments) {
        match &note.what {
            What::Ran(ran) => {
                let is_turn = ran.doing == Doing::Polling;
                self.ran(
                    note,
                    Steps::of_call(ran, note.at),
                    is_turn,
                    ran.items,
                    instruments,
                );
            }
            What::Elsewhere(share) => {
                let steps = Steps::of_share(share);
                self.ran(note, steps, share.is_turn, share.items, instruments);
            }
            // Where nothing was encoded, items stay in this process, or each is a task of its own.
            What::Submitted { .. } | What::Ended(_) | What::Passed { busy: 0, .. } => {}
            What::Passed {
                passage, items, busy, ..
            } => match passage {
                Passage::In => instruments.encoded(Value::Argument, *busy, *items),
                Passage::Out => instruments.decoded(Value::Result, *busy, *items),
            },
        }
    }

    fn ran(&mut self, note: &Note, steps: Steps, is_turn: bool, items: u32, instruments: &mut Instruments) {
        // Items of a map are no tasks.
        let task = note.task.unwrap_or(u64::MAX);
        if let Some(open) = self.open.get_mut(&task)
            && let Some(submitted) = open.submitted.take()
        {
            instruments.queued(note.at.saturating_sub(submitted));
        }
        if !is_turn {
            steps.tell(items, instruments);
            // Of a call that has its value nothing more is noted.
            self.open.remove(&task);
        } else if let Some(open) = self.open.get_mut(&task) {
            match &mut open.turns {
                Some(turns) => turns.add(steps),
                first => *first = Some(steps),
            }
        }
    }

    #[cfg(test)]
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }
}

/// Whether a future is over with it: of one that has its value in another process, only its last turn says so.
fn is_end(what: &What) -> bool {
    match what {
        What::Ended(_) => true,
        What::Elsewhere(share) => share.is_turn && share.items > 0,
        _ => false,
    }
}
