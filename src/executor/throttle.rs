//! How many tasks of an executor may start in a time: `builder().rate_limit(n, per)`.
//!
//! Counted are starts, not submissions: a task that was let through has a *ration* in its work, which notes the moment at
//! which it starts. Until then it counts as one that starts now; so however late workers come to what was let through, no
//! more than `n` start within any `per`.

use super::launch::Way;
use crate::{
    ledger::{Hold, Ledger, Waiting},
    panic,
    sync::{Arc, Mutex},
    task::Start,
    timer::{self, Armed, Deadline},
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
    sync::Weak,
    time::{Duration, Instant},
};

/// The rate limit of an executor, as it shows it to the verbs.
#[doc(hidden)]
#[derive(Clone)]
pub struct Throttle(Arc<Shared>);

struct Shared {
    most: usize,
    per: Duration,
    ledger: Ledger,
    state: Mutex<State>,
    me: Weak<Self>,
}

#[derive(Default)]
struct State {
    /// When the last tasks started, as far as that is within `per`; the oldest first.
    starts: VecDeque<Instant>,
    /// The number of the task that came last.
    came: u64,
    /// Those who wait, by their numbers.
    waiting: BTreeMap<u64, Way>,
    /// The numbers of those that were let through and have not started.
    on_the_way: BTreeSet<u64>,
    /// Set while there are some.
    hold: Option<Hold>,
    /// When the oldest start will be of no account any more.
    next: Option<Armed>,
    /// A thread lets tasks through.
    launching: bool,
}

/// The part that a task has in the rate.
pub(crate) struct Ration {
    number: u64,
    throttle: Arc<Shared>,
}

impl Throttle {
    /// At most `most` starts within any `per`.
    fn new(most: usize, per: Duration, ledger: Ledger) -> Self {
        Self(Arc::new_cyclic(|me| Shared {
            most,
            per,
            ledger,
            state: Mutex::default(),
            me: me.clone(),
        }))
    }

    /// The throttle of an executor with this limit.
    pub(crate) fn of(limit: Option<(usize, Duration)>, ledger: &Ledger) -> Option<Self> {
        limit.map(|(most, per)| Self::new(most, per, ledger.clone()))
    }

    pub(super) fn ration(&self) -> Ration {
        let mut state = self.0.state.lock();
        state.came += 1;
        Ration {
            number: state.came,
            throttle: self.0.clone(),
        }
    }

    /// Lets the task with this number through, now or when the rate allows it.
    pub(super) fn join(&self, number: u64, way: Way) {
        let this = &self.0;
        let mut state = this.state.lock();
        state.waiting.insert(number, way);
        if state.hold.is_none() {
            let me: Weak<dyn Waiting> = this.me.clone();
            state.hold = Some(this.ledger.hold_for(me));
        }
        drop(state);
        if this.ledger.stop_requested() {
            this.stopped();
        }
        this.let_through();
    }
}

impl Shared {
    fn let_through(&self) {
        let mut state = self.state.lock();
        if state.launching {
            return;
        }
        state.launching = true;
        while self.has_place(&mut state)
            && let Some((number, way)) = state.waiting.pop_first()
        {
            state.on_the_way.insert(number);
            drop(state);
            panic::contain(|| way.go(&self.ledger));
            state = self.state.lock();
        }
        state.launching = false;
        let hold = if state.waiting.is_empty() {
            state.hold.take()
        } else {
            self.wait_for_next(&mut state);
            None
        };
        drop(state);
        drop(hold);
    }

    fn has_place(&self, state: &mut State) -> bool {
        let now = Instant::now();
        while state
            .starts
            .front()
            .is_some_and(|start| now.saturating_duration_since(*start) >= self.per)
        {
            state.starts.pop_front();
        }
        state.starts.len() + state.on_the_way.len() < self.most
    }

    fn wait_for_next(&self, state: &mut State) {
        if let Some(oldest) = state.starts.front()
            && let Some(me) = self.me.upgrade()
        {
            let wait = self.per.saturating_sub(oldest.elapsed());
            state.next = Some(timer::arm(&me, wait));
        }
    }
}

impl Deadline for Shared {
    fn passed(self: Arc<Self>) {
        self.let_through();
    }
}

impl Waiting for Shared {
    fn stopped(&self) {
        let mut state = self.state.lock();
        let (waiting, hold) = (std::mem::take(&mut state.waiting), state.hold.take());
        drop(state);
        for way in waiting.into_values() {
            panic::contain(|| way.go(&self.ledger));
        }
        drop(hold);
    }
}

impl Ration {
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

impl Start for Ration {
    /// Launches nothing, because locks may be held.
    fn started(&self) {
        let mut state = self.throttle.state.lock();
        if state.on_the_way.remove(&self.number) {
            state.starts.push_back(Instant::now());
            if !state.waiting.is_empty() && !state.launching {
                self.throttle.wait_for_next(&mut state);
            }
        }
    }
}

impl Drop for Ration {
    /// A task that will never start leaves its place to another.
    fn drop(&mut self) {
        let mut state = self.throttle.state.lock();
        let waiting = state.waiting.remove(&self.number);
        let was_on_the_way = state.on_the_way.remove(&self.number);
        let hold = if state.waiting.is_empty() && !state.launching {
            state.hold.take()
        } else {
            None
        };
        drop(state);
        drop((waiting, hold));
        if was_on_the_way {
            self.throttle.let_through();
        }
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle")
            .field("most", &self.0.most)
            .field("per", &self.0.per)
            .finish_non_exhaustive()
    }
}
