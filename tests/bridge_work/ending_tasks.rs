//! Deadlines of futures.

use super::{Counted, Gate, occupy, on_every_bridge, settle, yield_once};
use concurrent_futures::{Executor, Shutdown, TaskError};
use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    time::Duration,
};

const SOON: Duration = Duration::from_millis(20);

/// Tells that it was dropped.
struct Tells(mpsc::Sender<()>);

impl Drop for Tells {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[test]
fn a_suspended_future_is_dropped_at_its_deadline() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 1);
        let (tell, hear) = mpsc::channel();
        let kept = Tells(tell.clone());
        let late = bridge.options().timeout(SOON).spawn_async(async move {
            let _kept = kept;
            pending::<()>().await;
        });
        assert!(late.result().unwrap_err().is_timed_out());
        hear.recv().unwrap();
        // Nobody keeps the future of the next one.
        let kept = Tells(tell);
        let abandoned = bridge.options().timeout(SOON).spawn_async(async move {
            let _kept = kept;
            tokio::sync::Semaphore::new(0).acquire().await.unwrap().forget();
        });
        drop(abandoned);
        hear.recv().unwrap();
        assert!(hear.recv().is_err());
    });
}

#[test]
fn a_future_whose_deadline_passes_in_a_poll_is_dropped_at_its_next_await() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 1);
        let gate = Gate::new();
        let pass = gate.pass();
        let (tell, hear) = mpsc::channel();
        let went_on = Arc::new(AtomicBool::new(false));
        let (kept, flag) = (Tells(tell), went_on.clone());
        let late = bridge.options().timeout(SOON).spawn_async(async move {
            let _kept = kept;
            pass.block();
            yield_once().await;
            flag.store(true, SeqCst);
        });
        // The deadline resolves it although it is still being polled.
        assert!(late.result().unwrap_err().is_timed_out());
        assert!(hear.try_recv().is_err());
        gate.open();
        hear.recv().unwrap();
        assert!(!went_on.load(SeqCst));
    });
}

#[test]
fn a_future_whose_deadline_passes_while_it_waits_for_its_next_turn_gets_none() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 1);
        let (first, busy) = (Gate::new(), Gate::new());
        let pass = first.pass();
        let (tell, hear) = mpsc::channel();
        let went_on = Arc::new(AtomicBool::new(false));
        let (kept, flag) = (Tells(tell), went_on.clone());
        let late = bridge.options().timeout(10 * SOON).spawn_async(async move {
            let _kept = kept;
            pass.wait().await;
            flag.store(true, SeqCst);
        });
        settle(&bridge);
        let occupied = occupy(&bridge, busy.pass());
        first.open();
        match late.result() {
            Err(error) => assert!(error.is_timed_out()),
            // The machine was so slow that the deadline passed before all that.
            Ok(()) => unreachable!("its only thread is busy"),
        }
        busy.open();
        occupied.result().unwrap();
        hear.recv().unwrap();
        assert!(!went_on.load(SeqCst));
    });
}

#[test]
fn a_future_that_wakes_itself_without_end_ends_at_its_deadline() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 1);
        let (tell, hear) = mpsc::channel();
        let kept = Tells(tell);
        let busy = bridge.options().timeout(SOON).spawn_async(async move {
            let _kept = kept;
            loop {
                yield_once().await;
            }
        });
        let ended: Result<(), TaskError> = busy.result();
        assert!(ended.unwrap_err().is_timed_out());
        hear.recv().unwrap();
    });
}

#[test]
fn a_thousand_deadlines_at_once_end_each_future_once_and_leave_the_quick_ones_alone() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(2, 1);
        let alive = Arc::new(AtomicUsize::new(0));
        let options = bridge.options().timeout(SOON);
        let slow: Vec<_> = (0..1_000)
            .map(|_| {
                let counted = Counted::new(&alive);
                options.spawn_async(async move {
                    let _counted = counted;
                    pending::<()>().await;
                })
            })
            .collect();
        let patient = bridge.options().timeout(Duration::from_secs(3_600));
        let quick = patient.map_async(|n: u32| async move { (yield_once().await, n).1 }, 0..1_000);
        assert!(quick.map(Result::unwrap).eq(0..1_000));
        for future in slow {
            assert!(future.result().unwrap_err().is_timed_out());
        }
        bridge.shutdown(Shutdown::Finish);
        assert_eq!(alive.load(SeqCst), 0);
        let stats = bridge.stats();
        assert_eq!((stats.failed, stats.succeeded), (1_000, 1_000));
    });
}

#[test]
fn a_deadline_that_races_the_end_gives_one_of_both_outcomes() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(2, 2);
        let mut late = 0;
        for round in 0..300_u64 {
            let limit = Duration::from_micros(round * 3);
            let alive = Arc::new(AtomicUsize::new(0));
            let counted = Counted::new(&alive);
            let task = bridge.options().timeout(limit).spawn_async(async move {
                let _counted = counted;
                for _ in 0..round {
                    yield_once().await;
                }
                round
            });
            match task.result() {
                Ok(value) => assert_eq!(value, round),
                Err(error) => late += u64::from(error.is_timed_out()),
            }
            super::wait_until(|| alive.load(SeqCst) == 0);
        }
        bridge.shutdown(Shutdown::Finish);
        let stats = bridge.stats();
        assert_eq!((stats.failed, stats.succeeded), (late, 300 - late));
    });
}
