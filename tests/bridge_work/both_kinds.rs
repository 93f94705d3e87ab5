//! Futures on the runtime and blocking calls beside it, at the same time.

use super::{Gate, Kind, on_every_bridge, within, yield_once};
use concurrent_futures::{AsyncBridge, Executor, TaskFuture};
use std::{
    collections::HashSet,
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
};

#[test]
fn blocking_calls_run_on_other_threads_than_the_futures() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(2, 4);
        let here = |_: u32| thread::current().id();
        let polling: HashSet<_> = bridge
            .map_async(move |n| async move { here(n) }, 0..100)
            .map(Result::unwrap)
            .collect();
        let mut blocking: HashSet<_> = bridge.map(here, 0..100).map(Result::unwrap).collect();
        blocking.insert(bridge.submit(here, 1).result().unwrap());
        blocking.insert(bridge.spawn(move || here(1)).result().unwrap());
        assert!(polling.is_disjoint(&blocking), "{polling:?} {blocking:?}");
        assert!(!polling.contains(&thread::current().id()) && !blocking.contains(&thread::current().id()));
    });
}

#[test]
fn as_many_blocking_calls_run_at_once_as_may_and_never_more() {
    const MOST: usize = 6;
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, MOST);
        let gate = Gate::new();
        let running = Arc::new(AtomicUsize::new(0));
        let (arrived, arrivals) = mpsc::channel();
        let calls: Vec<_> = (0..15 * MOST)
            .map(|_| {
                let (running, arrived, pass) = (running.clone(), arrived.clone(), gate.pass());
                bridge.spawn(move || {
                    let at_once = running.fetch_add(1, SeqCst) + 1;
                    arrived.send(()).unwrap();
                    pass.block();
                    running.fetch_sub(1, SeqCst);
                    at_once
                })
            })
            .collect();
        (0..MOST).for_each(|_| arrivals.recv().unwrap());
        assert_eq!(bridge.stats().running, MOST as u64);
        assert!(arrivals.try_recv().is_err());
        gate.open();
        let most = calls.into_iter().map(|call| call.result().unwrap()).max();
        assert_eq!(most, Some(MOST));
    });
}

#[test]
fn ten_thousand_futures_are_suspended_at_once_beside_one_blocking_call() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(2, 1);
        let gate = Gate::new();
        let (arrived, arrivals) = mpsc::channel();
        let futures: Vec<_> = (0..10_000)
            .map(|n| {
                let (arrived, pass) = (arrived.clone(), gate.pass());
                bridge.spawn_async(async move {
                    arrived.send(()).unwrap();
                    pass.wait().await;
                    n
                })
            })
            .collect();
        futures.iter().for_each(|_| arrivals.recv().unwrap());
        assert_eq!(bridge.stats().running, 10_000);
        assert_eq!(bridge.spawn(|| 1).result().unwrap(), 1);
        assert!(futures.iter().all(|future| !future.is_done()));
        gate.open();
        let values = futures.into_iter().map(|future| future.result().unwrap());
        assert!(values.eq(0..10_000));
    });
}

#[test]
fn two_hundred_tasks_from_outside_and_five_hundred_from_inside_are_all_delivered() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(2, 2);
        let both = |bridge: &AsyncBridge, count: usize| -> Vec<TaskFuture<usize>> {
            (0..count)
                .map(|n| match n % 2 {
                    0 => bridge.spawn(move || n),
                    _ => bridge.spawn_async(async move { n }),
                })
                .collect()
        };
        for (n, future) in both(&bridge, 200).into_iter().enumerate() {
            assert_eq!(future.result().unwrap(), n);
        }
        let inner = bridge.clone();
        let called = bridge.spawn(move || -> usize {
            let futures = both(&inner, 500);
            futures.into_iter().map(|future| future.result().unwrap()).sum()
        });
        let inner = bridge.clone();
        let awaited = bridge.spawn_async(async move {
            let mut sum = 0;
            for future in both(&inner, 500) {
                sum += future.await.unwrap();
            }
            sum
        });
        let sum = (0..500).sum::<usize>();
        assert_eq!((called.result().unwrap(), awaited.result().unwrap()), (sum, sum));
    });
}

#[test]
fn submissions_get_through_while_a_hundred_futures_yield_without_end() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(2, 1);
        let stop = Arc::new(AtomicBool::new(false));
        let busy: Vec<_> = (0..100)
            .map(|_| {
                let stop = stop.clone();
                bridge.spawn_async(async move {
                    while !stop.load(SeqCst) {
                        yield_once().await;
                    }
                })
            })
            .collect();
        for n in 0..50 {
            assert_eq!(bridge.spawn_async(async move { n }).result().unwrap(), n);
            assert_eq!(bridge.spawn(move || n).result().unwrap(), n);
        }
        assert!(busy.iter().all(|future| !future.is_done()));
        stop.store(true, SeqCst);
        busy.into_iter().for_each(|future| future.result().unwrap());
    });
}

#[test]
fn blocking_sections_on_the_only_thread_let_the_other_futures_go_on() {
    within(|| {
        let bridge = Kind::Own.bridge(1, 1);
        for receiver_first in [false, true] {
            let (send, receive) = mpsc::channel();
            let send = async move {
                yield_once().await;
                send.send(7).unwrap();
            };
            let (entered, enters) = mpsc::channel();
            let wait = async move {
                tokio::task::block_in_place(|| {
                    entered.send(()).unwrap();
                    receive.recv().unwrap()
                })
            };
            let (first, second) = if receiver_first {
                let waiting = bridge.spawn_async(wait);
                enters.recv().unwrap();
                (bridge.spawn_async(send), waiting)
            } else {
                (bridge.spawn_async(send), bridge.spawn_async(wait))
            };
            assert_eq!(second.result().unwrap(), 7);
            first.result().unwrap();
        }
        // Many sections at once, each waiting for the one that was submitted after it.
        let (first, last) = mpsc::channel::<u32>();
        let mut next = last;
        let chain: Vec<_> = (0..20)
            .map(|_| {
                let (tell, hear) = mpsc::channel();
                let wait = std::mem::replace(&mut next, hear);
                bridge.spawn_async(async move {
                    let heard = tokio::task::block_in_place(|| wait.recv().unwrap());
                    tell.send(heard + 1).unwrap();
                })
            })
            .collect();
        bridge
            .spawn_async(async move { first.send(0).unwrap() })
            .result()
            .unwrap();
        assert_eq!(next.recv().unwrap(), 20);
        chain.into_iter().for_each(|future| future.result().unwrap());
    });
}

#[test]
fn each_of_hundreds_of_blocking_calls_starts_although_the_others_block() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 512);
        let gate = Gate::new();
        let (arrived, arrivals) = mpsc::channel();
        let calls: Vec<_> = (0..512)
            .map(|n| {
                let (arrived, pass) = (arrived.clone(), gate.pass());
                let call = bridge.spawn(move || {
                    arrived.send(n).unwrap();
                    pass.block();
                });
                assert_eq!(arrivals.recv().unwrap(), n);
                call
            })
            .collect();
        gate.open();
        calls.into_iter().for_each(|call| call.result().unwrap());
    });
}

#[test]
fn on_a_fresh_bridge_two_calls_and_a_future_always_meet() {
    on_every_bridge(|kind| {
        for round in 0..512 {
            let bridge = kind.unwatched(1, 2);
            let both = Arc::new(Barrier::new(2));
            let there = both.clone();
            let other = bridge.spawn(move || there.wait().is_leader());
            let future = bridge.spawn_async(async move { round });
            let call = bridge.spawn(move || both.wait().is_leader());
            assert!(call.result().unwrap() != other.result().unwrap());
            assert_eq!(future.result().unwrap(), round);
        }
    });
}
