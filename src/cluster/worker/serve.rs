//! The threads of a worker: each takes its step again and again, with a session of its own, and a new one when that is lost.

use super::{
    super::broker::{Broker, Fault, Session},
    host::{Ending, Host},
    steps::{beat_step, fetch_step, finish_step, hear_step},
};
use crate::{sync::Arc, sys::clock};
use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::Duration,
};

/// The whole life of a worker that has its pool.
///
/// # Errors
///
/// Fails if the system has no threads for it.
pub(super) fn serve(host: &Arc<Host>, broker: &Arc<dyn Broker>) -> io::Result<Ending> {
    if let Some(ending) = enter(host, &**broker) {
        return Ok(ending);
    }
    start(host, broker, "fetch", fetch_step)?;
    start(host, broker, "hear", hear_step)?;
    start(host, broker, "beat", |host, session| {
        thread::sleep(host.config.beat_every);
        beat_step(host, session)
    })?;
    let guard = host.clone();
    thread::Builder::new().name("holds".to_owned()).spawn(move || {
        // Apart from all who may wait for the engine.
        while guard.ending().is_none() {
            thread::sleep(guard.config.hold_lost_after / 15);
            guard.let_go_of_what_is_lost();
        }
    })?;
    go_on(host, &**broker, |host, session| {
        host.wait_for_news();
        finish_step(host, session)
    });
    let ending = host.ending().unwrap_or(Ending::Drained);
    host.close_pool();
    if ending == Ending::Drained
        && let Ok(mut session) = broker.open()
    {
        // If that does not get through, others see that it is silent.
        let _ = session.retire(&host.worker);
    }
    Ok(ending)
}

/// Says that the worker is there. Gives why it cannot be, if so.
fn enter(host: &Arc<Host>, broker: &dyn Broker) -> Option<Ending> {
    let mut backoff = Backoff::default();
    while host.ending().is_none() {
        let entered = broker
            .open()
            .and_then(|mut session| beat_step(host, &mut *session));
        match entered {
            Ok(()) => {
                host.engine_is_there();
                return None;
            }
            Err(Fault::Refused(reason)) => host.end(Ending::Refused(reason)),
            Err(fault) => backoff.wait(host, &fault),
        }
    }
    host.ending()
}

type Step = fn(&Arc<Host>, &mut dyn Session) -> Result<(), Fault>;

fn start(host: &Arc<Host>, broker: &Arc<dyn Broker>, name: &str, step: Step) -> io::Result<()> {
    let (host, broker) = (host.clone(), broker.clone());
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        if catch_unwind(AssertUnwindSafe(|| go_on(&host, &*broker, step))).is_err() {
            // Half a worker would keep tasks and never finish them.
            host.end(Ending::Broken);
        }
    })?;
    Ok(())
}

/// Takes the step until the worker ends.
fn go_on(
    host: &Arc<Host>,
    broker: &dyn Broker,
    step: impl Fn(&Arc<Host>, &mut dyn Session) -> Result<(), Fault>,
) {
    let mut backoff = Backoff::default();
    let mut open: Option<Box<dyn Session>> = None;
    while host.ending().is_none() {
        let taken = match &mut open {
            Some(session) => step(host, &mut **session),
            None => broker.open().map(|session| open = Some(session)),
        };
        match taken {
            Ok(()) => {
                if open.is_some() {
                    backoff.reset();
                }
            }
            Err(fault) => {
                if !matches!(fault, Fault::Full(_)) {
                    open = None;
                }
                backoff.wait(host, &fault);
            }
        }
    }
}

/// Waits longer and longer between tries.
#[derive(Debug, Default)]
struct Backoff {
    tries: u32,
}

impl Backoff {
    const SHORTEST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(2);

    fn reset(&mut self) {
        self.tries = 0;
    }

    fn next(&mut self, noise: u64) -> Duration {
        let whole = Self::SHORTEST
            .saturating_mul(1 << self.tries.min(10))
            .min(Self::LONGEST);
        self.tries += 1;
        // Many workers lose the same server at the same time, and should not come back at once.
        whole / 2 + whole.mul_f64(f64::from(u8::try_from(noise % 256).unwrap_or(0)) / 512.0)
    }

    fn wait(&mut self, host: &Host, fault: &Fault) {
        if host.alone_for() > host.config.give_up_after {
            host.end(Ending::Alone(fault.to_string()));
            return;
        }
        let step = Duration::from_millis(50);
        let mut left = self.next(clock::precise() / 1_000);
        while left > Duration::ZERO && host.ending().is_none() {
            thread::sleep(left.min(step));
            left = left.saturating_sub(step);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_become_rarer_up_to_a_limit() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..12).map(|_| backoff.next(255)).collect();
        assert!(waits.is_sorted() && waits[0] <= Backoff::SHORTEST && waits[11] <= Backoff::LONGEST);
        assert!(waits[11] > Backoff::LONGEST / 2);
        backoff.reset();
        assert_eq!(backoff.next(0), Backoff::SHORTEST / 2);
    }
}
