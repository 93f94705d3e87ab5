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
const KEPT: usize = 1_024;

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
        let page = self.turn_page(&mut pad.notes.lock());
        self.hand_over(page);
    }

    /// As [`collect`](Self::collect) of every thread. All are stopped for it at one moment, so that no recorder gets a note before
    /// those that led to it.
    fn collect_all(&self) {
        let mut open: Vec<_> = self.pads.iter().map(|pad| pad.notes.lock()).collect();
        // An empty page is changed only to let its memory go.
        let to_turn = open
            .iter_mut()
            .filter(|notes| !notes.is_empty() || self.recorders.is_empty());
        let pages: Vec<_> = to_turn.map(|notes| self.turn_page(notes)).collect();
        drop(open);
        pages.into_iter().for_each(|page| self.hand_over(page));
    }

    fn turn_page(&self, notes: &mut Vec<Note>) -> Vec<Note> {
        let fresh = Vec::with_capacity(if self.recorders.is_empty() { 0 } else { KEPT });
        mem::replace(notes, fresh)
    }

    fn hand_over(&self, page: Vec<Note>) {
        let page = Arc::new(page);
        for recorder in &self.recorders {
            recorder.keep(&page);
        }
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
    pages: Mutex<Pages>,
}

/// Pages of notes, each of one thread, in the order in which it made them. Not copied: there are many, and several recorders may have
/// the same.
#[derive(Default)]
struct Pages {
    list: Vec<Arc<Vec<Note>>>,
    /// How many of their notes are this recorder's.
    count: usize,
    left_out: usize,
}

impl Kept {
    fn is_mine(&self, note: &Note, executors: &BTreeSet<u32>) -> bool {
        note.at >= self.since && executors.contains(&note.executor)
    }

    fn keep(&self, page: &Arc<Vec<Note>>) {
        let executors = self.executors.lock();
        let mine = page.iter().filter(|note| self.is_mine(note, &executors)).count();
        drop(executors);
        let mut pages = self.pages.lock();
        if mine > 0 && pages.count < self.most.load(Relaxed) {
            pages.list.push(page.clone());
            pages.count += mine;
        } else {
            pages.left_out += mine;
        }
    }

    /// The notes of these pages, as many as are to be kept.
    fn read(&self, pages: &Pages) -> Notes {
        let executors = self.executors.lock();
        let most = self.most.load(Relaxed);
        let mine = pages
            .list
            .iter()
            .flat_map(|page| page.iter())
            .filter(|note| self.is_mine(note, &executors));
        let list: Vec<_> = mine.take(most).cloned().collect();
        let left_out = (pages.count + pages.left_out).saturating_sub(list.len());
        Notes {
            list,
            left_out: left_out as u64,
        }
    }
}

/// Notes of several threads, each thread's in the order in which it made them.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) list: Vec<Note>,
    /// For so many more there was no room.
    pub(crate) left_out: u64,
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
            pages: Mutex::default(),
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
        self.0.read(&self.0.pages.lock())
    }

    /// All notes since the last time this was asked, which are then forgotten.
    #[cfg(feature = "metrics")]
    pub(crate) fn take(&self) -> Notes {
        let desk = DESK.lock();
        desk.collect_all();
        let pages = mem::take(&mut *self.0.pages.lock());
        drop(desk);
        self.0.read(&pages)
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
