//! Deadlines: one thread for the whole program that is started by the first deadline and sleeps without one.

use crate::sync::{
    Arc,
    global::{Condvar, Mutex},
};
use std::{
    collections::BTreeMap,
    sync::Weak,
    task::Waker,
    thread,
    time::{Duration, Instant},
};

/// Somebody with a deadline. Called on the timer's thread, which supervises: must not run foreign code there.
pub(crate) trait Deadline: Send + Sync {
    fn passed(self: Arc<Self>);
}

/// A deadline that is set for as long as this lives.
#[must_use]
pub(crate) struct Armed {
    key: Option<Key>,
    /// Kept alive, if nobody else does.
    #[allow(dead_code)]
    owner: Option<Arc<dyn Deadline>>,
}

/// The number tells deadlines of the same instant apart.
type Key = (Instant, u64);

struct Timer {
    state: Mutex<Pending>,
    earlier: Condvar,
}

struct Pending {
    deadlines: BTreeMap<Key, Weak<dyn Deadline>>,
    next_number: u64,
    running: bool,
}

static TIMER: Timer = Timer {
    state: Mutex::new(Pending {
        deadlines: BTreeMap::new(),
        next_number: 0,
        running: false,
    }),
    earlier: Condvar::new(),
};

/// Sets a deadline `after` from now. One that lies beyond what the clock can express never passes.
pub(crate) fn arm(whose: &Arc<impl Deadline + 'static>, after: Duration) -> Armed {
    let Some(at) = Instant::now().checked_add(after) else {
        return Armed {
            key: None,
            owner: None,
        };
    };
    let whose: Weak<dyn Deadline> = Arc::downgrade(&(whose.clone() as Arc<dyn Deadline>));
    let mut pending = TIMER.state.lock();
    pending.next_number += 1;
    let key = (at, pending.next_number);
    pending.deadlines.insert(key, whose);
    if !pending.running {
        // If the system starts no thread now, the next deadline tries again.
        pending.running = thread::Builder::new().name("deadlines".into()).spawn(run).is_ok();
    } else if pending
        .deadlines
        .first_key_value()
        .is_some_and(|(first, _)| *first == key)
    {
        TIMER.earlier.notify_one();
    }
    Armed {
        key: Some(key),
        owner: None,
    }
}

/// As [`arm`], for somebody whom nobody else keeps.
pub(crate) fn arm_owned(whose: &Arc<impl Deadline + 'static>, after: Duration) -> Armed {
    let mut armed = arm(whose, after);
    armed.owner = Some(whose.clone());
    armed
}

/// A deadline that wakes somebody.
pub(crate) struct Alarm(Mutex<Waker>);

impl Alarm {
    pub(crate) fn new(waker: Waker) -> Arc<Self> {
        Arc::new(Self(Mutex::new(waker)))
    }

    /// From now on it is this one that is woken.
    pub(crate) fn set(&self, waker: &Waker) {
        self.0.lock().clone_from(waker);
    }
}

impl Deadline for Alarm {
    fn passed(self: Arc<Self>) {
        let waker = self.0.lock().clone();
        waker.wake();
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let removed = TIMER.state.lock().deadlines.remove(&key);
            drop(removed);
        }
    }
}

fn run() {
    let mut pending = TIMER.state.lock();
    loop {
        match pending.deadlines.first_key_value().map(|(key, _)| *key) {
            None => TIMER.earlier.wait(&mut pending),
            Some((at, _)) if at > Instant::now() => {
                TIMER.earlier.wait_until(&mut pending, at);
            }
            Some(key) => {
                let whose = pending.deadlines.remove(&key).and_then(|whose| whose.upgrade());
                drop(pending);
                if let Some(whose) = whose {
                    crate::panic::contain(|| whose.passed());
                }
                pending = TIMER.state.lock();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    struct Bell(mpsc::Sender<&'static str>, &'static str);
    impl Deadline for Bell {
        fn passed(self: Arc<Self>) {
            self.0.send(self.1).unwrap();
        }
    }

    #[test]
    fn deadlines_pass_in_order_and_not_once_disarmed() {
        let (tx, rx) = mpsc::channel();
        let bell = |name| Arc::new(Bell(tx.clone(), name));
        let (late, early, never, disarmed) = (bell("late"), bell("early"), bell("never"), bell("disarmed"));
        let start = Instant::now();
        let _never = arm(&never, Duration::MAX);
        let _late = arm(&late, Duration::from_millis(500));
        drop(arm(&disarmed, Duration::from_millis(250)));
        let _early = arm(&early, Duration::from_millis(20));
        if start.elapsed() > Duration::from_millis(250) {
            return; // This thread stood still for so long that nothing can be said.
        }
        assert_eq!(rx.recv().unwrap(), "early");
        assert_eq!(rx.recv().unwrap(), "late");
        assert!(rx.try_recv().is_err());
    }
}
