//! The thread that drives the programs of futures (rules 7 and 8 of `README.md`). It is there while there are any.

use super::{
    Command, Error, Output,
    session::{Session, Turn},
};
use crate::{
    panic,
    sync::Arc,
    sync::global::Mutex,
    sys::{
        channel::{self, Until, poll},
        child::ChildProcess,
    },
};
use std::{
    mem,
    os::fd::{AsFd, OwnedFd},
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};

type Outcome = Result<Output, Error>;

/// After a failed wait.
const TICK: Duration = Duration::from_millis(10);

/// A program that was asked for: what its future and the caretaker share.
struct Ticket {
    program: String,
    state: Mutex<State>,
}

struct State {
    progress: Progress,
    waker: Option<Waker>,
    /// Its task was asked to stop.
    requested: bool,
}

enum Progress {
    Asked(Command),
    /// The caretaker starts it just now.
    Starting,
    Runs(Arc<ChildProcess>),
    Done(Outcome),
    /// Nobody waits for it any more.
    Abandoned,
}

/// What a future holds of its program. Dropped before the end, the program is killed with its group.
pub(super) struct Order(Arc<Ticket>);

/// What the world tells the caretaker.
struct Desk {
    tickets: Vec<Arc<Ticket>>,
    /// Rings for the caretaker, if there is one.
    bell: Option<OwnedFd>,
}

static DESK: Mutex<Desk> = Mutex::new(Desk {
    tickets: Vec::new(),
    bell: None,
});

impl Order {
    pub(super) fn place(command: Command) -> Result<Self, Error> {
        let ticket = Arc::new(Ticket {
            program: command.name(),
            state: Mutex::new(State {
                progress: Progress::Asked(command),
                waker: None,
                requested: false,
            }),
        });
        let mut desk = DESK.lock();
        desk.tickets.push(ticket.clone());
        match &desk.bell {
            Some(bell) => channel::ring(bell.as_fd()),
            None => match hire() {
                Ok(bell) => desk.bell = Some(bell),
                Err(error) => {
                    desk.tickets.pop();
                    let reason = format!("the system starts no thread for it: {error}");
                    return Err(Error::NotStarted {
                        program: ticket.program.clone(),
                        reason,
                    });
                }
            },
        }
        Ok(Self(ticket))
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>, requested: bool) -> Poll<Outcome> {
        let waker = cx.waker().clone();
        let mut state = self.0.state.lock();
        if let Progress::Done(_) = state.progress {
            let Progress::Done(outcome) = mem::replace(&mut state.progress, Progress::Abandoned) else {
                unreachable!("it is locked")
            };
            return Poll::Ready(outcome);
        }
        let is_news = requested && !state.requested;
        state.requested |= requested;
        let replaced = state.waker.replace(waker);
        drop(state);
        drop(replaced);
        if is_news {
            ring();
        }
        Poll::Pending
    }
}

impl Drop for Order {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        let progress = mem::replace(&mut state.progress, Progress::Abandoned);
        let waker = state.waker.take();
        drop(state);
        drop(waker);
        match progress {
            // Here and now: this process may be about to end.
            Progress::Runs(child) => child.kill_group(),
            Progress::Asked(_) | Progress::Starting => {}
            Progress::Done(_) | Progress::Abandoned => return,
        }
        ring();
    }
}

fn ring() {
    if let Some(bell) = &DESK.lock().bell {
        channel::ring(bell.as_fd());
    }
}

/// Starts the caretaker.
fn hire() -> std::io::Result<OwnedFd> {
    let (bell, hears) = channel::pair()?;
    thread::Builder::new()
        .name("programs".into())
        .spawn(move || {
            let mut charges = Vec::new();
            if panic::catch(|| care(&mut charges, &hears)).is_err() {
                // A mistake of this crate must not become a hang: those who wait are told when what they wait for is dropped.
                let mut desk = DESK.lock();
                desk.bell = None;
                let tickets = mem::take(&mut desk.tickets);
                drop(desk);
                charges.extend(tickets.into_iter().map(Charge::new));
            }
        })
        .map(|_| bell)
}

/// A program that the caretaker drives.
struct Charge {
    ticket: Arc<Ticket>,
    session: Option<Session>,
    /// When it is to be looked at next, if there is nothing at its descriptors before.
    next: Option<Instant>,
    /// It was told to stop.
    told: bool,
}

impl Charge {
    fn new(ticket: Arc<Ticket>) -> Self {
        Self {
            ticket,
            session: None,
            next: Some(Instant::now()),
            told: false,
        }
    }

    /// Starts the program; nothing if nobody wants it any more, or if it does not start.
    fn start(ticket: Arc<Ticket>) -> Option<Self> {
        let mut charge = Self::new(ticket);
        let command = {
            let mut state = charge.ticket.state.lock();
            if !matches!(state.progress, Progress::Asked(_)) {
                return None;
            }
            let Progress::Asked(command) = mem::replace(&mut state.progress, Progress::Starting) else {
                unreachable!("it is locked")
            };
            command
        };
        match Session::start(command) {
            Ok(session) => {
                let mut state = charge.ticket.state.lock();
                if let Progress::Starting = state.progress {
                    state.progress = Progress::Runs(session.child().clone());
                }
                drop(state);
                charge.session = Some(session);
                Some(charge)
            }
            Err(error) => {
                charge.settle(Err(error));
                None
            }
        }
    }

    /// Whether its task was asked to stop, and whether its future is gone.
    fn wishes(&self) -> (bool, bool) {
        let state = self.ticket.state.lock();
        let abandoned = matches!(state.progress, Progress::Abandoned);
        (abandoned || state.requested, abandoned)
    }

    /// False: it is over, one way or the other.
    fn advance(&mut self) -> bool {
        let (requested, abandoned) = self.wishes();
        self.told = requested;
        let Some(mut session) = self.session.take() else {
            return false;
        };
        if abandoned {
            session.child().kill_group();
        }
        match session.advance(requested) {
            Turn::Wait(until) => {
                self.next = until;
                self.session = Some(session);
                true
            }
            Turn::Over => {
                self.settle(session.conclude());
                false
            }
        }
    }

    /// The first outcome counts.
    fn settle(&self, outcome: Outcome) {
        let mut state = self.ticket.state.lock();
        if let Progress::Abandoned | Progress::Done(_) = state.progress {
            return;
        }
        state.progress = Progress::Done(outcome);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            panic::contain(|| waker.wake());
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.session = None;
        self.settle(Err(Error::Lost {
            program: self.ticket.program.clone(),
            reason: "the thread that looked after it has panicked".into(),
        }));
    }
}

fn care(charges: &mut Vec<Charge>, hears: &OwnedFd) {
    let mut ready = Vec::new();
    loop {
        let tickets = {
            let mut desk = DESK.lock();
            let tickets = mem::take(&mut desk.tickets);
            if tickets.is_empty() && charges.is_empty() {
                // Who comes from now on finds no bell.
                desk.bell = None;
                return;
            }
            tickets
        };
        charges.extend(tickets.into_iter().filter_map(Charge::start));
        if charges.is_empty() {
            continue;
        }

        let mut descriptors = vec![(hears.as_fd(), Until::Readable)];
        let mut last = Vec::with_capacity(charges.len());
        for charge in &*charges {
            if let Some(session) = &charge.session {
                session.descriptors(&mut descriptors);
            }
            last.push(descriptors.len());
        }
        let now = Instant::now();
        let time = charges.iter().filter_map(|charge| charge.next).min();
        let time = time.map(|next| next.saturating_duration_since(now));
        if poll(&descriptors, &mut ready, time).is_err() {
            // Out of memory, say. Nothing gets lost by looking a little later.
            thread::sleep(TICK);
        }
        ready.resize(descriptors.len(), false);
        channel::drain(hears.as_fd(), &mut Vec::new());

        let now = Instant::now();
        let (mut from, mut index) = (1, 0);
        charges.retain_mut(|charge| {
            let seen = ready[from..last[index]].contains(&true);
            (from, index) = (last[index], index + 1);
            let is_due = charge.next.is_some_and(|next| next <= now);
            let is_news = !charge.told && charge.wishes().0;
            !(seen || is_due || is_news) || charge.advance()
        });
    }
}
