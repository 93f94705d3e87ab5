//! The two threads of a client.

use super::{Client, Engine, receive::Reader, send::Sent};
use crate::{
    cluster::broker::{Fault, Session},
    error::{TaskError, Unavailable},
    lifecycle::Stage,
    panic,
    remote::News,
    sync::Arc,
};
use std::{
    io,
    time::{Duration, Instant},
};

/// The lease of 60 s is renewed this often. While there are tasks, it is with each census: that is how it is noticed that the data is
/// gone of a server that goes on.
const RENEW: Duration = Duration::from_secs(15);

/// How often it is looked who is there: while there are tasks, and else.
const CENSUS: Duration = Duration::from_secs(1);
const IDLE_CENSUS: Duration = Duration::from_secs(5);

/// The same while somebody waits for workers to come.
const AWAITED_CENSUS: Duration = Duration::from_millis(20);

/// A full engine, or one that cannot be reached, is tried again after so long; the latter after longer and longer.
const FULL: Duration = Duration::from_millis(10);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What a thread knows of an engine that does not answer it.
struct Trouble {
    since: Option<Instant>,
    /// So long it waits before it tries again.
    pause: Duration,
}

impl Default for Trouble {
    fn default() -> Self {
        Self {
            since: None,
            pause: FIRST_PAUSE,
        }
    }
}

impl Client {
    pub(in crate::cluster) fn start(
        self: &Arc<Self>,
        session: Box<dyn Session>,
        reader: Reader,
    ) -> io::Result<()> {
        let receiver = self.clone();
        spawn("cluster-receive", self, move || receiver.receive(session, reader))?;
        let sender = self.clone();
        spawn("cluster-send", self, move || sender.send()).inspect_err(|_| self.end_badly())
    }

    fn send(&self) {
        let mut session: Option<(u64, Box<dyn Session>)> = None;
        let mut failing_since = None;
        loop {
            let generation = {
                let mut state = self.lock();
                loop {
                    if self.is_over(&state) {
                        state.stage = Stage::Closed;
                        drop(state);
                        return self.leave_sender(session.map(|(_, session)| session));
                    }
                    if state.stage == Stage::Closed {
                        drop(state);
                        return self.leave_sender(None);
                    }
                    if state.has_something_to_send(&self.ledger) && !state.must_resume {
                        break state.generation;
                    }
                    state.sender_sleeps = true;
                    self.to_send.wait(&mut state);
                }
            };
            match self.send_with(&mut session, generation) {
                Ok(()) => failing_since = None,
                Err(fault) => {
                    session = None;
                    self.lost_engine();
                    // Results may come in all the same: then nobody else notices that nothing goes out.
                    let since = *failing_since.get_or_insert_with(Instant::now);
                    if self.give_up_if_due(&fault, since) {
                        failing_since = None;
                    }
                }
            }
        }
    }

    fn send_with(&self, kept: &mut Option<(u64, Box<dyn Session>)>, generation: u64) -> Result<(), Fault> {
        if kept.as_ref().is_none_or(|(of, _)| *of != generation) {
            // One from before may belong to a server that is gone.
            *kept = None;
            *kept = Some((generation, self.open_to_send()?));
            if self.lock().must_resume {
                return Ok(());
            }
        }
        let Some((_, session)) = kept else { return Ok(()) };
        match self.send_step(&mut **session)? {
            Sent::Some => {}
            Sent::Full => self.pause(FULL),
            Sent::Nothing => {
                // What waits waits for results.
                let mut state = self.lock();
                if !state.flights.has_some_ashore()
                    && state.flights.errands.is_empty()
                    && !state.queue.is_empty()
                {
                    state.sender_sleeps = true;
                    self.to_send.wait_until(&mut state, Instant::now() + FIRST_PAUSE);
                    state.sender_sleeps = false;
                }
            }
        }
        Ok(())
    }

    /// A session to send with, on a server that was seen to have what the client thinks: it may be another one than was asked before.
    pub(super) fn open_to_send(&self) -> Result<Box<dyn Session>, Fault> {
        let mut session = self.broker.open()?;
        self.renew_step(&mut *session)?;
        Ok(session)
    }

    /// Waits until something changes, at most so long.
    fn pause(&self, limit: Duration) {
        let mut state = self.lock();
        self.changed.wait_until(&mut state, Instant::now() + limit);
    }

    fn leave_sender(&self, session: Option<Box<dyn Session>>) {
        let name = {
            let mut state = self.lock();
            state.sender_has_left = true;
            state.name.clone()
        };
        self.changed.notify_all();
        // The receiver waits for results, and is to see that none will come.
        if let Some(mut session) = session.or_else(|| self.broker.open().ok()) {
            let _ = session.tell(&[(name, Vec::new())]);
        }
    }

    fn receive(&self, session: Box<dyn Session>, mut reader: Reader) {
        let mut session = Some(session);
        let mut trouble = Trouble::default();
        loop {
            match self.receive_with(session.take(), &mut reader, &mut trouble) {
                Ok(()) => break,
                Err(fault) => {
                    self.lost_engine();
                    let since = *trouble.since.get_or_insert_with(Instant::now);
                    if self.give_up_if_due(&fault, since) {
                        trouble.since = None;
                    }
                    if self.sleep_unless_closed(trouble.pause) {
                        break;
                    }
                    trouble.pause = (trouble.pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
        self.latch.open();
    }

    /// Sleeps while the engine is away. True if the client is closed.
    fn sleep_unless_closed(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        // What waits for a result that will not come now may be all that keeps the client open.
        self.to_send.notify_one();
        let mut state = self.lock();
        while !state.sender_has_left {
            if self.changed.wait_until(&mut state, until).timed_out() {
                break;
            }
        }
        state.sender_has_left
    }

    fn receive_with(
        &self,
        session: Option<Box<dyn Session>>,
        reader: &mut Reader,
        trouble: &mut Trouble,
    ) -> Result<(), Fault> {
        let mut session = match session {
            Some(session) => session,
            None => self.broker.open()?,
        };
        let session = &mut *session;
        let (mut renewed, mut counted) = (Instant::now(), Instant::now());
        loop {
            let (must_resume, has_left, is_idle, is_awaited) = {
                let state = self.lock();
                (
                    state.must_resume,
                    state.sender_has_left,
                    state.is_at_rest(),
                    state.is_awaited > 0 || state.fleet.slots() < self.config.own_slots,
                )
            };
            if has_left {
                let name = self.lock().name.clone();
                let _ = session.leave(&name);
                return Ok(());
            }
            if must_resume {
                self.resume(session, reader)?;
                *trouble = Trouble::default();
                renewed = Instant::now();
            }
            if renewed.elapsed() >= if is_idle { RENEW } else { CENSUS } {
                self.renew_step(session)?;
                renewed = Instant::now();
            }
            let census = match is_awaited {
                true => AWAITED_CENSUS,
                false if is_idle => IDLE_CENSUS,
                false => CENSUS,
            };
            if counted.elapsed() >= census {
                self.census_step(session)?;
                counted = Instant::now();
            }
            // Somebody may begin to wait for workers meanwhile.
            self.receive_step(session, reader, census.min(CENSUS))?;
        }
    }

    /// A mistake in this folder must not become a hang: nobody is left to take results in.
    fn end_badly(&self) {
        let mut news = News::default();
        let mut state = self.lock();
        state.stage = Stage::Closed;
        state.engine = Engine::Away;
        state.sender_has_left = true;
        self.ledger.refuse_from_now_on();
        let reason = TaskError::Unavailable(Unavailable::new("a thread of the cluster's client has ended"));
        state.fail_all(&reason, &self.ledger, &mut news);
        self.release(state, news);
        self.to_send.notify_all();
        self.changed.notify_all();
        self.latch.open();
    }
}

fn spawn(name: &str, client: &Arc<Client>, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let client = client.clone();
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            if panic::catch(run).is_err() {
                client.end_badly();
            }
        })
        .map(|_| ())
}
