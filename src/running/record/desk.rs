//! Where notes lie until somebody reads them: with the thread that made them, then with each recording that they belong to.

use super::Note;
use crate::{
    sync::{
        Arc,
        global::{
            Mutex,
            atomic::{
                AtomicU64, AtomicUsize,
                Ordering::{Relaxed, SeqCst},
            },
        },
    },
    sys::clock,
};
use std::{collections::BTreeSet, mem};

/// How many executors the switch can tell apart; more share a bit, and their notes are thrown away by who does not want them.
const BITS: u32 = 256;

/// A bit for each executor that is recorded, by its number.
static SWITCH: [AtomicU64; BITS as usize / 64] = [const { AtomicU64::new(0) }; BITS as usize / 64];

/// Whether somebody may record this executor.
#[inline]
pub(crate) fn is_on(executor: u32) -> bool {
    let bit = executor % BITS;
    SWITCH[bit as usize / 64].load(Relaxed) >> (bit % 64) & 1 == 1
}

/// So many notes a thread keeps to itself before it hands them over.
const KEPT: usize = 4_096;

/// The notes that one thread has made.
struct Pad {
    thread: u32,
    notes: Mutex<Vec<Note>>,
}

/// Locked before any [`Pad`], and before what a recorder keeps.
struct Desk {
    /// Of every thread that has made a note.
    pads: Vec<Arc<Pad>>,
    recorders: Vec<Arc<Kept>>,
    /// The names of the threads, by their number.
    threads: Vec<Arc<str>>,
}

static DESK: Mutex<Desk> = Mutex::new(Desk {
    pads: Vec::new(),
    recorders: Vec::new(),
    threads: Vec::new(),
});

/// A thread's own, until it ends.
struct Mine(Arc<Pad>);

impl Mine {
    fn new() -> Self {
        let name = std::thread::current().name().unwrap_or("unnamed").into();
        let mut desk = DESK.lock();
        let pad = Arc::new(Pad {
            thread: u32::try_from(desk.threads.len()).unwrap_or(u32::MAX),
            notes: Mutex::new(Vec::with_capacity(KEPT)),
        });
        desk.threads.push(name);
        desk.pads.push(pad.clone());
        Self(pad)
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        let mut desk = DESK.lock();
        desk.collect(&self.0);
        desk.pads.retain(|pad| !Arc::ptr_eq(pad, &self.0));
    }
}

thread_local!(static MINE: Mine = Mine::new());

/// Makes a note.
pub(super) fn put(mut note: Note) {
    // A thread that is ending has no place for it.
    let _ = MINE.try_with(|Mine(pad)| {
        note.thread = pad.thread;
        let mut notes = pad.notes.lock();
        notes.push(note);
        if notes.len() >= KEPT {
            drop(notes);
            DESK.lock().collect(pad);
        }
    });
}

impl Desk {
    /// Gives every recorder what is its own of what a thread has noted.
    fn collect(&self, pad: &Pad) {
        let mut notes = pad.notes.lock();
        let fresh = Vec::with_capacity(if self.recorders.is_empty() { 0 } else { KEPT });
        let taken = mem::replace(&mut *notes, fresh);
        drop(notes);
        for recorder in &self.recorders {
            recorder.keep(&taken);
        }
    }

    fn collect_all(&self) {
        self.pads.iter().for_each(|pad| self.collect(pad));
    }

    fn set_switch(&self) {
        let mut words = [0; SWITCH.len()];
        for recorder in &self.recorders {
            for bit in recorder.executors.lock().iter().map(|executor| executor % BITS) {
                words[bit as usize / 64] |= 1 << (bit % 64);
            }
        }
        for (switch, word) in SWITCH.iter().zip(words) {
            switch.store(word, SeqCst);
        }
    }
}

/// What a recorder has so far.
struct Kept {
    executors: Mutex<BTreeSet<u32>>,
    since: u64,
    most: AtomicUsize,
    notes: Mutex<Notes>,
}

/// Notes, each thread's in the order in which it made them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notes {
    pub(crate) list: Vec<Note>,
    /// For so many more there was no room.
    pub(crate) left_out: u64,
}

impl Kept {
    fn keep(&self, notes: &[Note]) {
        let executors = self.executors.lock();
        let most = self.most.load(Relaxed);
        let mut kept = self.notes.lock();
        for note in notes {
            if note.at < self.since || !executors.contains(&note.executor) {
                continue;
            }
            if kept.list.len() < most {
                kept.list.push(note.clone());
            } else {
                kept.left_out += 1;
            }
        }
    }
}

/// Keeps notes from when it is made until it is dropped.
pub(crate) struct Recorder(Arc<Kept>);

impl Recorder {
    /// Keeps at most so many notes: the first ones.
    pub(crate) fn new(most: usize) -> Self {
        let kept = Arc::new(Kept {
            executors: Mutex::default(),
            since: clock::precise(),
            most: AtomicUsize::new(most),
            notes: Mutex::new(Notes::default()),
        });
        DESK.lock().recorders.push(kept.clone());
        Self(kept)
    }

    /// Keeps at most so many from now on.
    pub(crate) fn keep(&self, most: usize) {
        self.0.most.store(most, Relaxed);
    }

    /// Records this executor, too.
    pub(crate) fn add(&self, executor: u32) {
        let desk = DESK.lock();
        self.0.executors.lock().insert(executor);
        desk.set_switch();
    }

    /// When it began, by [`clock::precise`].
    pub(crate) fn since(&self) -> u64 {
        self.0.since
    }

    /// All notes so far.
    pub(crate) fn notes(&self) -> Notes {
        DESK.lock().collect_all();
        self.0.notes.lock().clone()
    }

    /// The names of the threads, by the numbers that notes have.
    pub(crate) fn threads() -> Vec<Arc<str>> {
        DESK.lock().threads.clone()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let mut desk = DESK.lock();
        desk.recorders.retain(|recorder| !Arc::ptr_eq(recorder, &self.0));
        desk.set_switch();
        if desk.recorders.is_empty() {
            // Nobody wants them.
            desk.collect_all();
        }
    }
}
