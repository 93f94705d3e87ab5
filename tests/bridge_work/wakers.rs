//! Who is woken when, and wakers where nobody expects them.

use super::{Kind, on_every_bridge, settle, within, yield_once};
use concurrent_futures::{Executor, Shutdown};
use std::{
    cell::RefCell,
    future::poll_fn,
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    task::{Poll, Waker},
    thread,
};

#[test]
fn tasks_that_wake_themselves_take_turns() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 1);
        let log = Arc::new(Mutex::new(Vec::new()));
        let started = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..3)
            .map(|number| {
                let (log, started) = (log.clone(), started.clone());
                bridge.spawn_async(async move {
                    // A task that arrives while others take turns comes in anywhere, and these may be at their
                    // end by then.
                    started.fetch_add(1, SeqCst);
                    while started.load(SeqCst) < 3 {
                        yield_once().await;
                    }
                    for _ in 0..200 {
                        log.lock().unwrap().push(number);
                        yield_once().await;
                    }
                })
            })
            .collect();
        tasks.into_iter().for_each(|task| task.result().unwrap());
        let log = log.lock().unwrap();
        assert_eq!(log.len(), 600);
        for turns in log.windows(3) {
            assert!(
                turns[0] != turns[1] && turns[1] != turns[2] && turns[0] != turns[2],
                "{turns:?}"
            );
        }
    });
}

#[test]
fn a_task_that_is_woken_several_times_in_its_own_poll_is_polled_again() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(2, 1);
        for _ in 0..200 {
            let polls = Arc::new(AtomicUsize::new(0));
            let counter = polls.clone();
            let task = bridge.spawn_async(poll_fn(move |cx| {
                if counter.fetch_add(1, SeqCst) > 0 {
                    return Poll::Ready(());
                }
                let (one, other) = (cx.waker().clone(), cx.waker().clone());
                one.wake();
                cx.waker().wake_by_ref();
                thread::spawn(move || other.wake()).join().unwrap();
                Poll::Pending
            }));
            task.result().unwrap();
            assert_eq!(polls.load(SeqCst), 2);
        }
    });
}

#[test]
fn a_wake_up_that_races_the_poll_is_never_lost() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(2, 1);
        for _ in 0..500 {
            let (hand_over, take_over) = mpsc::channel::<Waker>();
            let woken = Arc::new(AtomicUsize::new(0));
            let flag = woken.clone();
            let task = bridge.spawn_async(poll_fn(move |cx| {
                if flag.load(SeqCst) == 1 {
                    return Poll::Ready(());
                }
                let _ = hand_over.send(cx.waker().clone());
                Poll::Pending
            }));
            let waker = take_over.recv().unwrap();
            woken.store(1, SeqCst);
            waker.wake();
            task.result().unwrap();
        }
    });
}

#[test]
fn threads_that_wake_one_task_at_the_same_time_get_it_polled_once_more_at_least() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(2, 1);
        let (hand_over, take_over) = mpsc::channel::<Waker>();
        let seen = Arc::new(AtomicUsize::new(0));
        let written = Arc::new(AtomicUsize::new(0));
        let (reader, source) = (seen.clone(), written.clone());
        let task = bridge.spawn_async(poll_fn(move |cx| {
            let value = source.load(SeqCst);
            reader.store(value, SeqCst);
            let _ = hand_over.send(cx.waker().clone());
            if value == usize::MAX {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }));
        let waker = take_over.recv().unwrap();
        for round in 1..=300 {
            let start = Barrier::new(4);
            written.store(round, SeqCst);
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        start.wait();
                        waker.wake_by_ref();
                    });
                }
            });
            super::wait_until(|| seen.load(SeqCst) == round);
        }
        written.store(usize::MAX, SeqCst);
        waker.wake();
        task.result().unwrap();
    });
}

/// Wakes when the thread that holds it goes.
struct WakesLate(Waker);

impl Drop for WakesLate {
    fn drop(&mut self) {
        self.0.wake_by_ref();
    }
}

thread_local!(static LATE: RefCell<Vec<WakesLate>> = const { RefCell::new(Vec::new()) });

#[test]
fn a_waker_may_be_called_from_the_destructor_of_a_thread_local() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 1);
        let (hand_over, take_over) = mpsc::channel::<Waker>();
        let mut polls = 0;
        let task = bridge.spawn_async(poll_fn(move |cx| {
            polls += 1;
            hand_over.send(cx.waker().clone()).unwrap();
            if polls == 2 {
                Poll::Ready(polls)
            } else {
                Poll::Pending
            }
        }));
        let waker = take_over.recv().unwrap();
        let holder = thread::spawn(move || LATE.with_borrow_mut(|late| late.push(WakesLate(waker))));
        assert_eq!(task.result().unwrap(), 2);
        holder.join().unwrap();
        // On a thread of the bridge itself: it goes when the bridge does.
        let waker = take_over.recv().unwrap();
        let held = bridge.spawn(move || LATE.with_borrow_mut(|late| late.push(WakesLate(waker))));
        held.result().unwrap();
        let endless = poll_fn(move |cx| {
            LATE.with_borrow_mut(|late| late.push(WakesLate(cx.waker().clone())));
            Poll::<()>::Pending
        });
        let endless = bridge.spawn_async(endless);
        settle(&bridge);
        bridge.shutdown(Shutdown::Kill);
        assert!(endless.result().unwrap_err().is_cancelled());
    });
}

#[test]
fn a_waker_that_outlives_its_task_or_its_bridge_does_nothing() {
    on_every_bridge(|kind| {
        for how in [Shutdown::Finish, Shutdown::Cancel, Shutdown::Kill] {
            let bridge = kind.unwatched(1, 1);
            let (hand_over, take_over) = mpsc::channel::<Waker>();
            let first = hand_over.clone();
            let ended = bridge.spawn_async(poll_fn(move |cx| {
                first.send(cx.waker().clone()).unwrap();
                Poll::Ready(1)
            }));
            let of_ended = take_over.recv().unwrap();
            of_ended.wake_by_ref();
            assert_eq!(ended.result().unwrap(), 1);
            of_ended.wake_by_ref();
            let killed = bridge.spawn_async(poll_fn(move |cx| {
                hand_over.send(cx.waker().clone()).unwrap();
                Poll::<()>::Pending
            }));
            let of_killed = take_over.recv().unwrap();
            settle(&bridge);
            assert!(killed.kill());
            of_killed.wake_by_ref();
            bridge.shutdown(how);
            of_killed.wake_by_ref();
            let stats = bridge.stats();
            drop(bridge);
            of_ended.wake();
            of_killed.wake();
            assert_eq!((stats.cancelled, stats.running, stats.queued), (1, 0, 0));
        }
    });
}

#[test]
fn parking_and_unparking_by_the_program_disturbs_nothing() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 2);
        for _ in 0..200 {
            let (tell, hear) = mpsc::channel();
            let inner = bridge.clone();
            let work = bridge.spawn(move || {
                // A token left over, and one that comes in the middle of a wait of this crate.
                thread::current().unpark();
                tell.send(thread::current()).unwrap();
                let mut sum = inner.spawn(|| 1).result().unwrap();
                sum += inner
                    .spawn_async(async { yield_once().await })
                    .result()
                    .map_or(0, |()| 1);
                thread::current().unpark();
                thread::park();
                sum
            });
            let thread = hear.recv().unwrap();
            thread.unpark();
            assert_eq!(work.result().unwrap(), 2);
            // The thread sleeps or works on something else by now.
            thread.unpark();
            thread::current().unpark();
            assert_eq!(bridge.spawn(|| 3).result().unwrap(), 3);
        }
    });
}

#[test]
fn unparks_of_the_polling_thread_disturb_nothing() {
    within(|| {
        for kind in Kind::ALL {
            let bridge = kind.bridge(1, 1);
            let polling = bridge.spawn_async(async { thread::current() }).result().unwrap();
            for n in 0..200 {
                polling.unpark();
                let task = bridge.spawn_async(async move {
                    thread::current().unpark();
                    yield_once().await;
                    n
                });
                polling.unpark();
                assert_eq!(task.result().unwrap(), n);
            }
        }
    });
}
