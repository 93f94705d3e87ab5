//! The async tasks of a worker: several futures at once on its one thread.

use super::{
    super::{
        link::{
            Link,
            frame::{Header, LAST, TIMED},
            slot::TO_BE_DROPPED,
        },
        times::Notebook,
    },
    running::RunningBatch,
    serve::{flags_of, kind_of},
    wire::{Wire, orphaned},
};
use crate::{
    error::TaskError,
    running::{self, Doing, record::Marks, run_as},
    sync::Arc,
    sys::{channel, clock},
    task::{Pending, Verdict, failure},
};
use futures::{
    future::{AbortHandle, Abortable, Aborted},
    stream::{FuturesUnordered, StreamExt},
};
use std::{
    future::Future,
    os::fd::{AsFd, OwnedFd},
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    task::{Context, Poll, Wake, Waker},
    time::Instant,
};

pub(super) struct Futures {
    link: Link,
    running: FuturesUnordered<Task>,
    /// How each one is dropped before its end.
    stops: Vec<(u16, AbortHandle)>,
    /// Made for the first future: most workers have none.
    alarm: Option<Arc<Alarm>>,
}

/// Wakes the worker out of its sleep when a future can go on.
struct Alarm {
    woken: AtomicBool,
    asleep: AtomicBool,
    hear: OwnedFd,
    ring: OwnedFd,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Set before the look at `asleep`; the sleeper does it the other way round.
        self.woken.store(true, SeqCst);
        if self.asleep.swap(false, SeqCst) {
            channel::ring(self.ring.as_fd());
        }
    }
}

/// A future, and which batch it answers.
struct Task {
    header: Header,
    started: Instant,
    batch: Arc<RunningBatch>,
    pending: Abortable<Pending>,
    /// How long its turns took, if somebody wants to know.
    times: Option<Notebook>,
}

/// A future that has ended.
struct Ended {
    header: Header,
    started: Instant,
    outcome: Result<(Verdict, Vec<u8>), Aborted>,
    times: Option<Notebook>,
}

impl Future for Task {
    type Output = Ended;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Ended> {
        let this = &mut *self;
        let pending = Pin::new(&mut this.pending);
        let began = this.times.as_ref().map(|_| clock::precise());
        let polled = run_as(&this.batch, Doing::Polling, || pending.poll(context));
        if let Some((times, began)) = this.times.as_mut().zip(began) {
            let failed = matches!(&polled, Poll::Ready(Err(_) | Ok((Verdict::Failure, _))));
            times.add_turn(began, polled.is_ready(), failed);
        }
        if polled.is_ready() {
            this.batch.ends();
        }
        polled.map(|outcome| Ended {
            header: this.header,
            started: this.started,
            outcome,
            times: this.times.take(),
        })
    }
}

impl Futures {
    pub(super) fn new(link: Link) -> Self {
        Self {
            link,
            running: FuturesUnordered::new(),
            stops: Vec::new(),
            alarm: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.running.len()
    }

    /// Takes a future in; it is polled from now on.
    pub(super) fn start(&mut self, header: &Header, make: impl FnOnce() -> Pending) {
        let alarm = self.alarm.get_or_insert_with(|| {
            let (hear, ring) = channel::pair().expect("a worker has room for two descriptors");
            Arc::new(Alarm {
                woken: AtomicBool::new(false),
                asleep: AtomicBool::new(false),
                hear,
                ring,
            })
        });
        alarm.woken.store(true, SeqCst);
        let batch = RunningBatch::new(&self.link, header);
        let is_timed = header.flags & TIMED != 0;
        Marks::are_wanted(is_timed);
        let began = is_timed.then(clock::precise);
        let pending = run_as(&batch, Doing::Polling, make);
        let times = began.map(|began| {
            let mut times = Notebook::default();
            times.add_turn(began, false, false);
            times
        });
        let (handle, registration) = AbortHandle::new_pair();
        self.stops.push((header.slot, handle));
        self.running.push(Task {
            header: *header,
            started: Instant::now(),
            batch,
            pending: Abortable::new(pending, registration),
            times,
        });
    }

    /// Gives every future that can go on its turn, and answers for those that end.
    /// Says whether one has ended.
    pub(super) fn poll(&mut self, wire: &mut Wire) -> bool {
        let Some(alarm) = &self.alarm else { return false };
        for (slot, handle) in &self.stops {
            if self.link.slot(*slot as usize).asked() == TO_BE_DROPPED {
                handle.abort();
                // What the future has told others of its request is not to get lost with it.
                running::raised();
            }
        }
        if !alarm.woken.swap(false, SeqCst) {
            return false;
        }
        let before = self.running.len();
        let waker = Waker::from(alarm.clone());
        let mut context = Context::from_waker(&waker);
        while let Poll::Ready(Some(ended)) = self.running.poll_next_unpin(&mut context) {
            let Ended {
                header,
                started,
                outcome,
                times,
            } = ended;
            self.stops.retain(|(slot, _)| *slot != header.slot);
            if let Some(mut times) = times {
                wire.tell_times(&header, times.take());
            }
            let (verdict, answer) = outcome.unwrap_or_else(|Aborted| {
                let mut answer = Vec::new();
                failure::write(&TaskError::Cancelled, &mut answer);
                (Verdict::Failure, answer)
            });
            let header = Header {
                kind: kind_of(verdict),
                flags: LAST | flags_of(verdict),
                slot: header.slot,
                id: header.id,
                entry: i64::try_from(started.elapsed().as_nanos()).unwrap_or(i64::MAX),
                ..Header::default()
            };
            wire.answer(header, &answer);
        }
        self.running.len() < before
    }

    /// Waits until a future can go on, or (if `for_frames`) a frame comes.
    pub(super) fn wait(&mut self, wire: &mut Wire, for_frames: bool) {
        let Some(alarm) = &self.alarm else { return };
        let is_ready = |wire: &Wire| {
            alarm.woken.load(SeqCst)
                || for_frames && wire.down.has_next()
                || self.stops.iter().any(|(slot, handle)| {
                    self.link.slot(*slot as usize).asked() == TO_BE_DROPPED && !handle.is_aborted()
                })
        };
        let since = Instant::now();
        if !wire.spin(since, is_ready) {
            wire.tell_before_sleep();
            alarm.asleep.store(true, SeqCst);
            wire.link.going_to_sleep();
            if !is_ready(wire) {
                let mut ready = Vec::new();
                let _ = channel::poll_readable(&[wire.socket(), alarm.hear.as_fd()], &mut ready, None);
                let mut unused = Vec::new();
                if channel::drain(wire.socket(), &mut unused).closed {
                    orphaned();
                }
                channel::drain(alarm.hear.as_fd(), &mut unused);
            }
            alarm.asleep.store(false, SeqCst);
            wire.link.awake();
        }
        wire.waited(since);
    }
}
