//! Streams that are given up, time out, move, or compete.

use super::{Gate, current_thread, occupy, on_every_bridge};
use concurrent_futures::{Executor, TaskError, as_completed};
use futures::{Stream, StreamExt, future::Either, select, stream::BoxStream};
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    task::{Context, Waker},
    thread,
    time::Duration,
};

#[test]
fn dropping_a_stream_half_way_cancels_what_has_not_started() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 1);
        for blocking in [true, false] {
            let ran = Arc::new(AtomicUsize::new(0));
            let gate = Gate::new();
            let (pass, counter) = (gate.pass(), ran.clone());
            let (arrived, arrivals) = mpsc::channel();
            let work = move |n: usize| {
                counter.fetch_add(1, SeqCst);
                if n == 10 {
                    arrived.send(()).unwrap();
                    pass.block();
                }
                n
            };
            let options = bridge.options().buffer_size(100).chunk_size(1);
            let mut stream: BoxStream<_> = if blocking {
                options.map(work, 0..).into_stream().boxed()
            } else {
                let work = Arc::new(work);
                let work = move |n| {
                    let work = work.clone();
                    async move { work(n) }
                };
                options.map_async(work, 0..).into_stream().boxed()
            };
            futures::executor::block_on(async {
                for n in 0..10 {
                    assert_eq!(stream.next().await.unwrap().unwrap(), n);
                }
            });
            arrivals.recv().unwrap();
            drop(stream);
            gate.open();
            assert_eq!(bridge.spawn_async(async { 1 }).result().unwrap(), 1);
            assert_eq!(bridge.spawn(|| 1).result().unwrap(), 1);
            assert_eq!(ran.load(SeqCst), 11);
        }
        let stats = bridge.stats();
        assert!(stats.cancelled > 0, "{stats:?}");
    });
}

#[test]
fn a_stream_that_moves_to_another_task_wakes_that_one() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(2, 2);
        for round in 0..100 {
            let gate = Gate::new();
            let (one, other) = (gate.pass(), gate.pass());
            let blocked = gate.pass();
            let waits = move |n: u32| {
                let pass = one.clone();
                async move { (pass.wait().await, n).1 }
            };
            let mut stream = match round % 3 {
                0 => bridge.map_async(waits, 0..3).into_stream().boxed(),
                1 => bridge
                    .map(move |n| (blocked.block(), n).1, 0..3)
                    .into_stream()
                    .boxed(),
                _ => {
                    let futures = (0..3).map(|n| {
                        let pass = other.clone();
                        bridge.spawn_async(async move { (pass.wait().await, n).1 })
                    });
                    let completed = as_completed(futures).into_stream();
                    completed.map(|one| one.result()).boxed()
                }
            };
            let mut context = Context::from_waker(Waker::noop());
            assert!(Pin::new(&mut stream).poll_next(&mut context).is_pending());
            let moved = thread::spawn(move || {
                current_thread().block_on(async move {
                    let first = stream.next().await.unwrap().unwrap();
                    // And on to a task of its own.
                    let rest = tokio::spawn(
                        stream
                            .map(Result::unwrap)
                            .fold(first, |sum, n| async move { sum + n }),
                    );
                    rest.await.unwrap()
                })
            });
            gate.open();
            assert_eq!(moved.join().unwrap(), 3);
        }
    });
}

#[test]
fn a_stream_that_times_out_says_so_once_and_cancels_what_has_not_started() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 1);
        let soon = Duration::from_millis(20);
        for sort in 0..2 {
            let gate = Gate::new();
            let (pass, blocked) = (gate.pass(), gate.pass());
            let busy = occupy(&bridge, gate.pass());
            let busy_call = bridge.spawn(move || blocked.block());
            let (ran, runs) = mpsc::channel();
            let stream = if sort == 0 {
                let map = bridge.map(move |n: u32| ran.send(n).unwrap(), 0..100);
                map.timeout(soon).into_stream().boxed()
            } else {
                let work = move |n| {
                    let (ran, pass) = (ran.clone(), pass.clone());
                    async move {
                        ran.send(n).unwrap();
                        pass.wait().await;
                    }
                };
                bridge.map_async(work, 0..100).timeout(soon).into_stream().boxed()
            };
            let outcomes: Vec<_> = futures::executor::block_on(stream.collect());
            assert!(matches!(outcomes[..], [Err(TaskError::WaitTimedOut)]));
            gate.open();
            busy.result().unwrap();
            busy_call.result().unwrap();
            bridge.spawn(|| ()).result().unwrap();
            super::settle(&bridge);
            assert_eq!(runs.try_iter().count(), 0);
        }
        // One that is in time, with a limit that is far away, and one whose first members were in time.
        let patient = bridge.map_async(|n: u32| async move { n }, 0..100);
        let patient = patient.timeout(Duration::from_secs(3_600)).into_stream();
        let sum = futures::executor::block_on(patient.fold(0, |sum, n| async move { sum + n.unwrap() }));
        assert_eq!(sum, 4_950);
        let gate = Gate::new();
        let pass = gate.pass();
        let work = move |n: u32| {
            let pass = pass.clone();
            async move {
                if n == 3 {
                    pass.wait().await;
                }
                n
            }
        };
        let stream = bridge.map_async(work, 0..5).timeout(50 * soon).into_stream();
        let outcomes: Vec<_> = smol::block_on(stream.collect());
        assert_eq!(outcomes.len(), 4);
        assert!(outcomes[..3].iter().all(Result::is_ok));
        assert!(matches!(outcomes[3], Err(TaskError::WaitTimedOut)));
    });
}

#[test]
fn selecting_between_two_streams_loses_nothing_of_either() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(2, 2);
        let select_all = || async {
            let calls = bridge.options().buffer_size(8).map(|n: usize| n, 0..500);
            let futures = bridge
                .options()
                .buffer_size(8)
                .map_async(|n: usize| async move { (super::yield_once().await, n).1 }, 0..500);
            let (mut calls, mut futures) = (calls.into_stream().fuse(), futures.into_stream().fuse());
            let mut seen = [0, 0];
            loop {
                select! {
                    one = calls.select_next_some() => {
                        assert_eq!(one.unwrap(), seen[0]);
                        seen[0] += 1;
                    }
                    one = futures.select_next_some() => {
                        assert_eq!(one.unwrap(), seen[1]);
                        seen[1] += 1;
                    }
                    complete => return seen,
                }
            }
        };
        assert_eq!(futures::executor::block_on(select_all()), [500, 500]);
        assert_eq!(current_thread().block_on(select_all()), [500, 500]);
        // The branch that loses is dropped and asked again: its future and its place in the stream stay.
        let gate = Gate::new();
        let pass = gate.pass();
        let mut slow = bridge
            .map_async(move |n: u32| pass_then(pass.clone(), n), 0..2)
            .into_stream();
        let mut quick = bridge.map(|n: u32| n, 0..50).into_stream();
        current_thread().block_on(async {
            for n in 0..50 {
                match futures::future::select(slow.next(), quick.next()).await {
                    Either::Left(_) => unreachable!("the gate is shut"),
                    Either::Right((one, _)) => assert_eq!(one.unwrap().unwrap(), n),
                }
            }
            gate.open();
            assert_eq!(slow.next().await.unwrap().unwrap(), 0);
            assert_eq!(slow.next().await.unwrap().unwrap(), 1);
            assert!(slow.next().await.is_none() && quick.next().await.is_none());
            assert!(slow.next().await.is_none());
        });
    });
}

async fn pass_then(pass: super::Pass, n: u32) -> u32 {
    pass.wait().await;
    n
}

#[test]
fn a_stream_ends_when_its_bridge_is_killed_under_it() {
    on_every_bridge(|kind| {
        let bridge = kind.unwatched(1, 1);
        let gate = Gate::new();
        let (pass, blocked) = (gate.pass(), gate.pass());
        let futures = bridge
            .map_async(move |n: u32| pass_then(pass.clone(), n), 0..100)
            .into_stream();
        let calls = bridge
            .map(move |n: u32| (blocked.block(), n).1, 0..100)
            .into_stream();
        let consumers = [futures.boxed(), calls.boxed()]
            .map(|stream| thread::spawn(move || current_thread().block_on(stream.collect::<Vec<_>>())));
        bridge.begin_shutdown(concurrent_futures::Shutdown::Kill);
        gate.open();
        for consumer in consumers {
            for outcome in consumer.join().unwrap() {
                match outcome {
                    Ok(value) => assert!(value < 100),
                    Err(error) => assert!(error.is_cancelled() || error.is_shut_down(), "{error}"),
                }
            }
        }
        bridge.shutdown(concurrent_futures::Shutdown::Kill);
        super::watchdog::assert_books_are_closed(&bridge);
    });
}
