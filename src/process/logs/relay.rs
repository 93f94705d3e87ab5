//! The parent's end of the pipe.

use super::{LEVEL_BITS, Record, number_of_filter};
use crate::{
    running::TaskSpan,
    sync::{
        Arc,
        global::{Condvar, Mutex},
    },
    sys::channel,
};
use std::{
    collections::HashMap,
    io::{PipeReader, PipeWriter, Read, Write},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::{self, ThreadId},
    time::{Duration, Instant},
};
use tracing::{Level, Span, dispatcher, level_filters::LevelFilter};

/// Whose subscriber is busy for so long may miss what comes last.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pid of a record that asks for an answer: that of no process.
const NOBODY: u32 = 0;

struct Relay {
    write_end: PipeWriter,
    /// Wakes the reader when spans have ended and nobody logs.
    bell: OwnedFd,
    spans: Mutex<Spans>,
    answered: Mutex<u64>,
    rang: Condvar,
    reader: OnceLock<ThreadId>,
}

#[derive(Default)]
struct Spans {
    by_key: HashMap<u64, Arc<Span>>,
    /// Those that are over, as soon as what was written before has been read.
    ended: Vec<u64>,
}

static RELAY: OnceLock<Option<Relay>> = OnceLock::new();

/// The one of this program; `None` while nobody listens, or if there are no descriptors or threads for it.
fn relay() -> Option<&'static Relay> {
    if !dispatcher::has_been_set() || LevelFilter::current() == LevelFilter::OFF {
        return None;
    }
    let relay = RELAY.get_or_init(|| {
        let (read_end, write_end) = std::io::pipe().ok()?;
        let (hears, bell) = channel::pair().ok()?;
        thread::Builder::new()
            .name("worker-logs".into())
            // Waits for the end of this.
            .spawn(move || RELAY.wait().as_ref().map(|relay| relay.read(read_end, &hears)))
            .ok()?;
        Some(Relay {
            write_end,
            bell,
            spans: Mutex::default(),
            answered: Mutex::new(0),
            rang: Condvar::new(),
            reader: OnceLock::new(),
        })
    });
    relay.as_ref()
}

/// What a new worker writes to, if anybody listens.
pub(in crate::process) fn write_end() -> Option<BorrowedFd<'static>> {
    relay().map(|relay| relay.write_end.as_fd())
}

/// Keeps the span of a batch for what its worker logs.
pub(in crate::process) struct Key(u64);

impl Key {
    pub(in crate::process) const NONE: Self = Self(0);
}

impl Drop for Key {
    fn drop(&mut self) {
        if self.0 != 0
            && let Some(Some(relay)) = RELAY.get()
        {
            let mut spans = relay.spans.lock();
            spans.ended.push(self.0);
            let is_first = spans.ended.len() == 1;
            drop(spans);
            if is_first {
                channel::ring(relay.bell.as_fd());
            }
        }
    }
}

/// The word that a batch of a task with this span carries: which span it is, and what level is of interest. 0 if nobody listens.
/// Runs no foreign code.
pub(in crate::process) fn word_for(span: &TaskSpan) -> (u64, Key) {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let level = number_of_filter(LevelFilter::current());
    if level == 0 {
        return (0, Key::NONE);
    }
    let Some(relay) = relay() else {
        return (0, Key::NONE);
    };
    let key = match span.get() {
        Some(span) => {
            let key = NEXT.fetch_add(1, Relaxed);
            relay.spans.lock().by_key.insert(key, span.clone());
            key
        }
        None => 0,
    };
    (key << LEVEL_BITS | u64::from(level), Key(key))
}

/// Waits until the subscriber has been told of all that was written so far.
pub(in crate::process) fn flush() {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let Some(Some(relay)) = RELAY.get() else { return };
    if relay.reader.get() == Some(&thread::current().id()) {
        // The subscriber itself.
        return;
    }
    let number = NEXT.fetch_add(1, Relaxed);
    let question = Record {
        key: number,
        pid: NOBODY,
        level: 0,
        target: String::new(),
        spans: String::new(),
        message: String::new(),
        fields: String::new(),
    };
    if (&relay.write_end).write_all(&question.to_bytes()).is_err() {
        return;
    }
    let until = Instant::now() + PATIENCE;
    let mut answered = relay.answered.lock();
    while *answered < number {
        if relay.rang.wait_until(&mut answered, until).timed_out() {
            return;
        }
    }
}

impl Relay {
    fn read(&self, mut from: PipeReader, hears: &OwnedFd) {
        let _ = self.reader.set(thread::current().id());
        let (mut bytes, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
        loop {
            let ended = std::mem::take(&mut self.spans.lock().ended);
            let mut ready = Vec::new();
            let may_wait = if ended.is_empty() {
                None
            } else {
                Some(Duration::ZERO)
            };
            let _ = channel::poll_readable(&[from.as_fd(), hears.as_fd()], &mut ready, may_wait);
            if ready.last() == Some(&true) {
                channel::drain(hears.as_fd(), &mut Vec::new());
            }
            if ready.first() == Some(&true) {
                // Not yet: what was written before they ended may be in there.
                self.spans.lock().ended.extend(ended);
                match from.read(&mut buffer) {
                    Ok(0) | Err(_) => return,
                    Ok(read) => bytes.extend_from_slice(&buffer[..read]),
                }
                loop {
                    match Record::take_from(&mut bytes) {
                        Ok(Some(record)) => self.tell(&record),
                        Ok(None) => break,
                        Err(()) => {
                            // A worker can write anything. Where the next record begins is not known any more.
                            tracing::warn!(target: "concurrent_futures", "a worker process logged something that makes no sense");
                            bytes.clear();
                        }
                    }
                }
            } else {
                // All that was written before they ended has been read.
                let mut spans = self.spans.lock();
                let gone: Vec<_> = ended.iter().filter_map(|key| spans.by_key.remove(key)).collect();
                drop(spans);
                crate::panic::contain(|| drop(gone));
            }
        }
    }

    fn tell(&self, record: &Record) {
        if record.pid == NOBODY {
            let mut answered = self.answered.lock();
            *answered = record.key.max(*answered);
            drop(answered);
            self.rang.notify_all();
            return;
        }
        let span = self.spans.lock().by_key.get(&record.key).cloned();
        crate::panic::contain(|| match &span {
            // To the subscriber that has the span, whoever else may listen.
            Some(span) => {
                span.with_subscriber(|(_, dispatch)| {
                    dispatcher::with_default(dispatch, || event(record, Some(span)));
                });
            }
            None => event(record, None),
        });
        crate::panic::contain(|| drop(span));
    }
}

/// Tells the subscriber of this thread.
fn event(record: &Record, span: Option<&Arc<Span>>) {
    let parent = span.and_then(|span| span.id());
    let Record {
        pid,
        target,
        spans,
        message,
        fields,
        ..
    } = record;
    macro_rules! at {
        ($level:expr) => {
            tracing::event!(
                target: "concurrent_futures::worker",
                parent: parent,
                $level,
                pid,
                worker_target = target.as_str(),
                worker_spans = (!spans.is_empty()).then_some(spans.as_str()),
                fields = (!fields.is_empty()).then_some(fields.as_str()),
                "{message}"
            )
        };
    }
    match record.level {
        1 => at!(Level::ERROR),
        2 => at!(Level::WARN),
        3 => at!(Level::INFO),
        4 => at!(Level::DEBUG),
        _ => at!(Level::TRACE),
    }
}
