//! Steps of a round that are about single tasks.

use crate::{
    order::{Deed, Value, carry_out, carry_out_async},
    program::Program,
    subject::{Subject, WAYS},
};
use concurrent_futures::{
    Executor, NextCompleted, ReturnWhen, TaskError, TaskFuture, TrySubmitError, as_completed, race, wait,
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

impl<E: Subject> Program<'_, E> {
    pub(crate) fn submit(&mut self) {
        let deed = self.deed();
        let order = self.order(deed, false);
        let number = order.number;
        let future = Executor::submit(&self.executor, carry_out, order);
        self.held.push((number, future));
    }

    pub(crate) fn submit_async(&mut self) {
        let deed = self.deed();
        let order = self.order(deed, true);
        let number = order.number;
        let future = Executor::submit_async(&self.executor, carry_out_async, order);
        self.held.push((number, future));
    }

    pub(crate) fn burst(&mut self) {
        for _ in 0..self.random.within(20, 200) {
            let order = self.order(Deed::Return, false);
            let number = order.number;
            self.held
                .push((number, Executor::submit(&self.executor, carry_out, order)));
        }
    }

    /// A deadline, another attempt, or both.
    pub(crate) fn submit_with_options(&mut self) {
        let retries = self.random.within(0, 3);
        let deed = match self.random.below(3) {
            0 if retries > 0 => Deed::PanicFirst(self.random.within(1, 3)),
            1 if retries > 0 && E::IS_PROCESSES => Deed::CrashFirst(self.crash("a first attempt")),
            _ => self.deed(),
        };
        let is_async = self.random.one_in(2);
        let order = self.order(deed, is_async);
        let number = order.number;
        let mut options = Executor::options(&self.executor);
        if self.random.one_in(2) {
            options = options.timeout(Duration::from_micros(self.random.within(1, 3_000).into()));
            self.of(number).has_deadline = true;
            self.weather.is_disturbed = true;
        }
        let future = if retries > 0 {
            self.of(number).retries = retries;
            let again = |error: &TaskError| !error.is_cancelled();
            let options = options
                .retries(retries)
                .backoff(Duration::from_micros(50), Duration::from_micros(400))
                .retry_if(again);
            if is_async {
                options.submit_async(carry_out_async, order)
            } else {
                options.submit(carry_out, order)
            }
        } else if is_async {
            options.submit_async(carry_out_async, order)
        } else {
            options.submit(carry_out, order)
        };
        self.held.push((number, future));
    }

    pub(crate) fn try_submit(&mut self) {
        let order = self.order(Deed::Return, false);
        let number = order.number;
        match Executor::try_submit(&self.executor, carry_out, order) {
            Ok(future) => self.held.push((number, future)),
            Err(refused) => {
                let is_full = matches!(refused, TrySubmitError::Full(_));
                assert!(is_full || self.weather.strictest.is_some(), "shut down by nobody");
                assert_eq!(refused.into_inner().number, number);
                self.of(number).is_kept = true;
            }
        }
    }

    pub(crate) fn cancel_one(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let (number, future) = &self.held[self.random.below(self.held.len())];
        let number = *number;
        let was_done = future.is_done();
        if future.cancel() {
            assert!(
                future.is_done() && future.is_cancelled(),
                "cancelled, and not done"
            );
            let is_given_up = self.weather.gives_up();
            let expected = self.of(number);
            // What something else has stopped is answered with true as well, and may have run before.
            if was_done || is_given_up || expected.may_be_stopped {
                expected.may_be_stopped = true;
            } else {
                expected.is_cancelled = true;
            }
        }
        self.tally.add("cancels", 1);
    }

    pub(crate) fn kill_one(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let (number, future) = &self.held[self.random.below(self.held.len())];
        let number = *number;
        if future.kill() {
            self.of(number).may_be_stopped = true;
        }
        self.weather.is_disturbed = true;
        self.tally.add("kills", 1);
    }

    pub(crate) fn drop_one(&mut self) {
        let Some((number, future)) = self.any_held() else {
            return;
        };
        if self.random.one_in(2) {
            drop(future.cancel_on_drop());
            self.of(number).may_be_stopped = true;
        } else {
            drop(future);
        }
        self.tally.add("futures dropped", 1);
    }

    pub(crate) fn take_one(&mut self) {
        let Some((number, mut future)) = self.any_held() else {
            return;
        };
        let outcome = match self.random.below(3) {
            0 => future.result(),
            1 => futures::executor::block_on(future),
            _ => {
                let limit = Duration::from_micros(self.random.within(0, 500).into());
                match future.result_timeout(limit) {
                    Some(outcome) => outcome,
                    None => return self.held.push((number, future)),
                }
            }
        };
        self.see(number, &outcome);
    }

    pub(crate) fn add_callback(&mut self) {
        if let Some((number, future)) = self.any_held() {
            let called = Arc::new(AtomicU32::new(0));
            self.callbacks.push(called.clone());
            future.on_done(move |_| {
                called.fetch_add(1, SeqCst);
            });
            self.held.push((number, future));
        }
    }

    pub(crate) fn submit_from_callback(&mut self) {
        let Some((number, future)) = self.any_held() else {
            return;
        };
        let deed = self.deed();
        let order = self.order(deed, false);
        // A callback may run late, on a thread that is not the executor's.
        self.of(order.number).may_be_refused = true;
        let (executor, born) = (self.executor.clone(), self.born.clone());
        future.on_done(move |_| {
            let number = order.number;
            let future = Executor::submit(&executor, carry_out, order);
            born.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((number, future));
        });
        self.held.push((number, future));
    }

    pub(crate) fn shut_down_from_inside(&mut self) {
        let Some((number, future)) = self.any_held() else {
            return;
        };
        let how = self.random.pick(&WAYS);
        self.shut(how);
        let executor = self.executor.clone();
        future.on_done(move |_| executor.begin_shutdown(how));
        self.held.push((number, future));
        self.tally
            .kind("ways to shut down", format!("{} {how:?} from inside", E::NAME));
    }

    fn some_held(&mut self) -> Vec<(u32, TaskFuture<Value>)> {
        let some = self.random.below(self.held.len() + 1);
        (0..some).filter_map(|_| self.any_held()).collect()
    }

    pub(crate) fn collect_as_completed(&mut self) {
        let some = self.some_held();
        let most = self.random.below(some.len() + 1);
        let mut completed = as_completed(some);
        for _ in 0..most {
            let (number, future) = if self.random.one_in(4) {
                match completed.next_timeout(Duration::from_micros(200)) {
                    NextCompleted::Done(done) => done,
                    NextCompleted::TimedOut { .. } => continue,
                    NextCompleted::Exhausted => break,
                }
            } else {
                completed.next().expect("there are more")
            };
            assert!(future.is_done(), "completed, and not done");
            self.see(number, &future.result());
        }
        self.tally.add("as_completed", 1);
    }

    pub(crate) fn wait_for_some(&mut self) {
        let some = self.some_held();
        let numbers: HashMap<_, _> = some
            .iter()
            .map(|(number, future)| (future.id(), *number))
            .collect();
        let when = self.random.pick(&[
            ReturnWhen::FirstCompleted,
            ReturnWhen::FirstFailure,
            ReturnWhen::AllCompleted,
        ]);
        let limit = self
            .random
            .pick(&[None, Some(Duration::ZERO), Some(Duration::from_micros(300))]);
        let waited = wait(some.into_iter().map(|(_, future)| future), when, limit);
        assert_eq!(waited.done.len() + waited.pending.len(), numbers.len());
        assert!(waited.done.iter().all(|future| future.is_done()));
        if limit.is_none() && when == ReturnWhen::AllCompleted {
            assert!(waited.pending.is_empty(), "not all have completed");
        }
        let all = waited.done.into_iter().chain(waited.pending);
        self.held
            .extend(all.map(|future| (numbers[&future.id()], future)));
        self.tally.add("waits", 1);
    }

    pub(crate) fn race(&mut self) {
        let some = self.some_held();
        for (number, _) in &some {
            self.of(*number).may_be_stopped = true;
        }
        self.weather.is_disturbed = true;
        let runners = some.len();
        match race(some.into_iter().map(|(_, future)| future)).result() {
            Ok(value) => self.see(value.0, &Ok(value)),
            Err(failed) => assert_eq!(failed.errors().len(), runners),
        }
        self.tally.add("races", 1);
    }

    pub(crate) fn share(&mut self) {
        let Some((number, future)) = self.any_held() else {
            return;
        };
        let shared = future.shared();
        let other = shared.clone();
        let outcome = shared.result();
        assert_eq!(other.result().ok(), outcome.as_ref().ok().copied());
        self.see(number, &outcome);
    }

    /// There and back; some of them longer than what a worker's memory holds at a time.
    pub(crate) fn send_bytes(&mut self) {
        let length = self.random.pick(&[10, 70_000, 1 << 20, 5_000_000]) + self.random.below(1_000);
        let bytes: Vec<u8> = (0..length)
            .map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1])
            .collect();
        let turn = |mut bytes: Vec<u8>| {
            bytes.reverse();
            bytes
        };
        let future = Executor::submit(&self.executor, turn, bytes.clone());
        self.beside += 1;
        match future.result() {
            Ok(turned) => assert!(
                turned.iter().rev().eq(&bytes),
                "{length} bytes came back as others"
            ),
            Err(error) => {
                let stopped = self.weather.strictest.is_some() || self.weather.is_stormy;
                assert!(stopped, "{length} bytes: {error}");
                self.tally.error(&error);
            }
        }
        self.tally.most("bytes of a message", length as u64);
    }

    pub(crate) fn with_context_and_state(&mut self) {
        let scaled = Executor::with(&self.executor, 3_u64).submit(|factor: &u64, n: u64| factor * n, 14);
        let counted =
            Executor::with_state(&self.executor, || 40_u64).submit(|count: &mut u64, n: u64| *count + n, 2);
        self.beside += 2;
        for future in [scaled, counted] {
            match future.result() {
                Ok(value) => assert_eq!(value, 42),
                Err(error) => {
                    let stopped = self.weather.strictest.is_some() || self.weather.is_stormy;
                    assert!(stopped, "with a context: {error}");
                    self.tally.error(&error);
                }
            }
        }
    }

    pub(crate) fn kill_worker(&mut self) {
        let pids = self.executor.pids();
        if pids.is_empty() {
            return;
        }
        self.weather.is_stormy = true;
        let victim = pids[self.random.below(pids.len())];
        let signal = self.random.pick(&[Signal::KILL, Signal::SEGV, Signal::TERM]);
        if let Some(victim) = i32::try_from(victim).ok().and_then(Pid::from_raw) {
            // It may be gone already.
            let _ = kill_process(victim, signal);
            self.tally.add("workers killed from outside", 1);
        }
    }
}
