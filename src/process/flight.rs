use super::{link::slot::Slot, logs, times::Times};
use crate::{
    error::{TaskError, WorkerDeath},
    ledger::Ledger,
    remote::News,
    running::record::{self, Share},
    sync::{Arc, atomic::Ordering::Relaxed},
    sys::clock,
    task::{Answer, Load, Parcel},
};
use std::time::Instant;

/// The memory of an argument is kept for the answer up to this size: a worker runs one call at a time.
const MOST_KEPT: usize = 64 * 1024 * 1024;

/// A batch that a worker has: which items, and how far they are.
pub(super) struct Flight {
    /// The number of the batch; no other of this pool has it.
    pub(super) id: u64,
    pub(super) parcel: Arc<dyn Parcel>,
    pub(super) load: Load,
    /// Items that were answered.
    pub(super) answered: u32,
    /// Items that are known to have started.
    noted: u32,
    /// Nobody wants to hear of it any more: it was stopped, or taken back.
    pub(super) abandoned: bool,
    /// Its task is to be told as soon as it has come to its end here, and may then be tried again: two attempts never
    /// overlap.
    pub(super) tells_its_end: bool,
    /// When a future that is to be dropped has to be gone.
    pub(super) drops_until: Option<Instant>,
    /// The process that is to tell how long its items took, and until when it has told; at first, when it was sent them.
    timed: Option<(u32, u64)>,
    /// Whose log it is.
    _log: logs::Key,
}

/// The name that was given to it, if one was.
fn name_of(parcel: &dyn Parcel) -> Option<Arc<str>> {
    let name = parcel.name();
    (name != (parcel.call().entry.name)()).then(|| name.into())
}

/// What a process did with a parcel is for it to know, and for who records its executor.
fn note(parcel: &dyn Parcel, at: u64, share: Share, ledger: &Ledger) {
    if parcel.wants_times() {
        parcel.took(at, &share);
    }
    let executor = ledger.id().number();
    if record::is_on(executor) {
        record::ran_elsewhere(executor, parcel.number(), at, share);
    }
}

impl Flight {
    pub(super) fn new(id: u64, parcel: Arc<dyn Parcel>, load: Load) -> Self {
        Self {
            id,
            parcel,
            load,
            answered: 0,
            noted: 0,
            abandoned: false,
            tells_its_end: false,
            drops_until: None,
            timed: None,
            _log: logs::Key::NONE,
        }
    }

    /// This process is to tell how long its items took.
    pub(super) fn timed(mut self, pid: Option<u32>) -> Self {
        self.timed = pid.map(|pid| (pid, clock::precise()));
        self
    }

    /// What is logged in it belongs to this one.
    pub(super) fn logged(self, key: logs::Key) -> Self {
        Self { _log: key, ..self }
    }

    /// Its worker has told how long some of its items took. False if nobody has asked it.
    pub(super) fn took(&mut self, all: impl Iterator<Item = Times>, ledger: &Ledger) -> bool {
        let Some((pid, until)) = &mut self.timed else {
            return false;
        };
        for times in all {
            *until = times.end();
            let items = times.items.min(self.load.items);
            let share = Share {
                host: None,
                pid: *pid,
                work: &self.parcel.call().entry.name,
                name: name_of(&*self.parcel),
                items,
                failed: times.failed.min(items),
                is_turn: self.parcel.call().is_async(),
                died: false,
                decode: times.decode,
                run: times.run,
                encode: times.encode,
            };
            note(&*self.parcel, times.at, share, ledger);
        }
        true
    }

    /// What was running comes to its end with its process.
    fn ran_to_death(&mut self, slot: &Slot, ledger: &Ledger) {
        let Some((pid, until)) = self.timed.take() else {
            return;
        };
        let now = clock::precise();
        let age = u64::try_from(slot.age().as_nanos()).unwrap_or(u64::MAX);
        let began = now.saturating_sub(age).max(until);
        let share = Share {
            host: None,
            pid,
            work: &self.parcel.call().entry.name,
            name: name_of(&*self.parcel),
            items: 1,
            failed: 1,
            is_turn: self.parcel.call().is_async(),
            died: true,
            decode: 0,
            run: now.saturating_sub(began),
            encode: 0,
        };
        note(&*self.parcel, began, share, ledger);
    }

    /// Its long argument has been sent. If a call runs on it, the answer may come where it was.
    pub(super) fn empty_load(&mut self) {
        if self.load.bytes.capacity() <= MOST_KEPT && !self.parcel.call().is_async() {
            self.load.bytes.clear();
        } else {
            self.load.bytes = Vec::new();
        }
    }

    /// The memory of the argument for an answer of this length, if it is about as large.
    pub(super) fn room_for(&mut self, length: u64) -> Option<Vec<u8>> {
        let room = &self.load.bytes;
        let is_right = room.is_empty()
            && (length..=length.saturating_add(length / 8)).contains(&(room.capacity() as u64));
        is_right.then(|| std::mem::take(&mut self.load.bytes))
    }

    /// Notes that so many of its items have started.
    pub(super) fn note_started(&mut self, started: u32, ledger: &Ledger) {
        if started > self.noted && !self.abandoned {
            self.parcel.clone().started(started - self.noted, ledger);
        }
        self.noted = self.noted.max(started);
    }

    /// The next item was answered.
    pub(super) fn answer(&mut self, answer: Answer<'_>, ledger: &Ledger, news: &mut News) {
        // Of a batch that was given up a worker may go on to answer more than there is.
        let item = self.load.first + u64::from(self.answered);
        self.answered = self.answered.saturating_add(1);
        self.note_started(self.answered, ledger);
        if !self.abandoned {
            self.parcel.arrived(item, answer);
            news.tell(&self.parcel);
        }
    }

    /// So many more items were answered, with values as [`short`](crate::task::short) has them.
    pub(super) fn answer_together(&mut self, items: u32, values: &[u8], ledger: &Ledger, news: &mut News) {
        self.note_started(self.answered.saturating_add(items), ledger);
        let first = self.load.first + u64::from(self.answered);
        self.answered = self.answered.saturating_add(items);
        if !self.abandoned {
            self.parcel.arrived_together(first, items, values);
            news.tell(&self.parcel);
        }
    }

    /// Takes back what has not started, but for so many items of it.
    pub(super) fn take_back(&mut self, slot: &Slot, keep: u32, ledger: &Ledger, news: &mut News) {
        let (started, new, old) = slot.take_back(keep);
        // The worker can write there: it is believed as far as it can be right. What was answered had started.
        let new = new
            .max(self.noted)
            .clamp(self.answered.min(self.load.items), self.load.items);
        self.note_started(started.min(self.load.items), ledger);
        if new < old && new < self.load.items && !self.abandoned {
            let load = self.load.split_off(new);
            if new == 0 {
                self.leave_place();
                self.abandoned = true;
            }
            news.came_back(self.parcel.unload(load), &self.parcel);
        }
    }

    /// It has ended, or is given up: its task is nowhere now.
    pub(super) fn leave_place(&self) {
        if let Some(place) = self.parcel.place() {
            place.store(0, Relaxed);
        }
    }

    /// Nothing of it runs any more.
    pub(super) fn let_go(self, news: &mut News) {
        let list = if self.tells_its_end {
            &mut news.tell
        } else {
            &mut news.gone
        };
        list.push(self.parcel);
    }

    /// Its worker is dead: what was running is lost, what had not started runs elsewhere.
    pub(super) fn bury(mut self, slot: &Slot, death: &WorkerDeath, ledger: &Ledger, news: &mut News) {
        let (started, _) = slot.progress();
        if started > self.answered {
            self.ran_to_death(slot, ledger);
        }
        if self.abandoned {
            return self.let_go(news);
        }
        // What a dead worker left behind is not trusted any further than it can be right.
        let started = started.max(self.noted).clamp(self.answered, self.load.items);
        self.note_started(started, ledger);
        self.leave_place();
        let unstarted = self.load.split_off(started);
        // One item, as a rule; more if the worker sent nonsense, so that its answers are not read.
        let mut lost = self.load.split_off(self.answered);
        while lost.items > 0 {
            let behind = lost.split_off(1);
            let error = TaskError::WorkerDied(death.clone().while_running(self.parcel.name()));
            self.parcel.lost(lost, error);
            news.tell(&self.parcel);
            lost = behind;
        }
        if unstarted.items > 0 {
            news.came_back(self.parcel.unload(unstarted), &self.parcel);
        }
    }

    /// What runs is stopped; its outcome is `Cancelled`. What has not started is given back.
    pub(super) fn kill(&mut self, slot: &Slot, ledger: &Ledger, news: &mut News) {
        self.take_back(slot, 0, ledger, news);
        if self.answered < self.load.items && !self.abandoned {
            self.ran_to_death(slot, ledger);
        }
        // What was not given back has started, whatever the slot says now. What it has answered and nobody has taken in
        // counts as running.
        while self.answered < self.load.items && !self.abandoned {
            self.answer(Answer::Failed(TaskError::Cancelled), ledger, news);
        }
        self.abandon();
    }

    /// Whatever comes of it now is of no interest.
    pub(super) fn abandon(&mut self) {
        if !self.abandoned {
            self.leave_place();
            self.abandoned = true;
        }
    }
}
