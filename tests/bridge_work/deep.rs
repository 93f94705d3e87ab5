//! Work that waits for work, with one place for blocking calls; chains and rings.

use super::on_every_bridge;
use concurrent_futures::AsyncBridge;
use futures::future::{BoxFuture, FutureExt};
use std::{sync::mpsc, time::Duration};

/// A blocking call waits for a future, which awaits a blocking call, and so on.
fn call_and_wait(bridge: &AsyncBridge, left: usize) -> usize {
    if left == 0 {
        return 0;
    }
    let inner = bridge.clone();
    1 + bridge
        .spawn_async(call_and_await(inner, left - 1))
        .result()
        .unwrap()
}

fn call_and_await(bridge: AsyncBridge, left: usize) -> BoxFuture<'static, usize> {
    async move {
        if left == 0 {
            return 0;
        }
        let inner = bridge.clone();
        1 + bridge
            .spawn(move || call_and_wait(&inner, left - 1))
            .await
            .unwrap()
    }
    .boxed()
}

fn only_calls(bridge: &AsyncBridge, left: usize) -> usize {
    if left == 0 {
        return 0;
    }
    let inner = bridge.clone();
    let mut next = bridge.spawn(move || only_calls(&inner, left - 1));
    match left % 3 {
        0 => 1 + next.result().unwrap(),
        1 => 1 + next.result_timeout(Duration::MAX).unwrap().unwrap(),
        _ => 1 + futures::executor::block_on(next).unwrap(),
    }
}

fn only_futures(bridge: AsyncBridge, left: usize) -> BoxFuture<'static, usize> {
    async move {
        if left == 0 {
            return 0;
        }
        1 + bridge
            .spawn_async(only_futures(bridge.clone(), left - 1))
            .await
            .unwrap()
    }
    .boxed()
}

#[test]
fn the_two_kinds_wait_for_each_other_a_hundred_deep_in_one_place() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 1);
        let inner = bridge.clone();
        assert_eq!(
            bridge.spawn(move || call_and_wait(&inner, 100)).result().unwrap(),
            100
        );
        let inner = bridge.clone();
        assert_eq!(
            bridge.spawn_async(call_and_await(inner, 100)).result().unwrap(),
            100
        );
        let inner = bridge.clone();
        assert_eq!(
            bridge.spawn(move || only_calls(&inner, 100)).result().unwrap(),
            100
        );
        let inner = bridge.clone();
        assert_eq!(
            bridge.spawn_async(only_futures(inner, 100)).result().unwrap(),
            100
        );
    });
}

#[test]
fn calls_that_wait_in_every_way_leave_the_only_place_to_what_they_wait_for() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 1);
        let inner = bridge.clone();
        let waiting = bridge.spawn(move || {
            let mapped: usize = inner.map(|n: usize| n, 0..100).map(Result::unwrap).sum();
            let polled: usize = inner
                .map_async(|n: usize| async move { n }, 0..100)
                .map(Result::unwrap)
                .sum();
            let calls = (0..10).map(|n| inner.spawn(move || n));
            let completed: usize = concurrent_futures::as_completed(calls)
                .map(|call| call.result().unwrap())
                .sum();
            let group = inner.group();
            for n in 0..10 {
                group.spawn(move || n);
                group.spawn_async(async move { n });
            }
            let joined: usize = group.join().unwrap().into_iter().sum();
            let other = concurrent_futures::ThreadPool::with_workers(1);
            let back = inner.clone();
            let around = other.spawn(move || back.spawn(|| 3).result().unwrap());
            (mapped, polled, completed, joined, around.result().unwrap())
        });
        assert_eq!(waiting.result().unwrap(), (4950, 4950, 45, 90, 3));
    });
}

#[test]
fn a_chain_of_five_hundred_tasks_each_starts_the_next() {
    fn link(bridge: AsyncBridge, left: usize, end: mpsc::Sender<usize>, hops: usize) {
        if left == 0 {
            return end.send(hops).unwrap();
        }
        let inner = bridge.clone();
        if left.is_multiple_of(2) {
            drop(bridge.spawn(move || link(inner, left - 1, end, hops + 1)));
        } else {
            drop(bridge.spawn_async(async move { link(inner, left - 1, end, hops + 1) }));
        }
    }
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 1);
        let (end, ends) = mpsc::channel();
        link(bridge, 500, end, 0);
        assert_eq!(ends.recv().unwrap(), 500);
    });
}

#[test]
fn messages_pass_along_fifty_tracks_of_two_hundred_tasks() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(2, 1);
        let (mut starts, mut ends) = (Vec::new(), Vec::new());
        for _ in 0..50 {
            let (start, mut from) = futures::channel::oneshot::channel::<usize>();
            starts.push(start);
            for _ in 0..200 {
                let (to, next) = futures::channel::oneshot::channel();
                let before = std::mem::replace(&mut from, next);
                drop(bridge.spawn_async(async move { to.send(before.await.unwrap() + 1).unwrap() }));
            }
            ends.push(from);
        }
        for (track, start) in starts.into_iter().enumerate() {
            start.send(track).unwrap();
        }
        for (track, end) in ends.into_iter().enumerate() {
            assert_eq!(futures::executor::block_on(end).unwrap(), track + 200);
        }
    });
}
