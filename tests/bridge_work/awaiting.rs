//! Futures and streams that are polled from several places, and many at once.

use super::{Gate, Pass, current_thread, on_every_bridge, yield_once};
use concurrent_futures::{TaskFuture, as_completed};
use futures::{StreamExt, stream::FuturesUnordered};
use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::Context,
};

#[test]
fn a_future_that_moves_between_tasks_wakes_the_last_one() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(2, 2);
        for _ in 0..200 {
            let gate = Gate::new();
            let (one, other) = (gate.pass(), gate.pass());
            let mut futures = [
                bridge.spawn_async(async move { one.wait().await }),
                bridge.spawn(move || other.block()),
            ];
            let (first_woken, first) = counting_waker();
            for future in &mut futures {
                let polled = Pin::new(future).poll(&mut Context::from_waker(&first));
                assert!(polled.is_pending());
            }
            let moved = std::thread::spawn(move || {
                smol::block_on(async move {
                    for future in futures {
                        future.await.unwrap();
                    }
                });
            });
            gate.open();
            moved.join().unwrap();
            drop(first);
            // The first waker is not needed any more; it may have been called only if the end came before the move.
            assert!(first_woken.load(SeqCst) <= 2);
        }
    });
}

fn counting_waker() -> (Arc<AtomicUsize>, std::task::Waker) {
    struct Counts(Arc<AtomicUsize>);
    impl std::task::Wake for Counts {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    let count = Arc::new(AtomicUsize::new(0));
    (count.clone(), Arc::new(Counts(count)).into())
}

#[test]
fn a_future_polled_with_two_wakers_in_turn_wakes_the_last_and_only_that() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 1);
        for last in 0..2 {
            let gate = Gate::new();
            let (one, other) = (gate.pass(), gate.pass());
            let mut sorts: [Pin<Box<dyn Future<Output = ()>>>; 4] = [
                Box::pin({
                    let task = bridge.spawn_async(async move { one.wait().await });
                    async { drop(task.await) }
                }),
                Box::pin({
                    let task = bridge.spawn(move || other.block());
                    async { drop(task.await) }
                }),
                Box::pin({
                    let pass = gate.pass();
                    let map = bridge.map_async(move |()| pass_once(pass.clone()), [()]);
                    let mut stream = map.into_stream();
                    async move { drop(stream.next().await) }
                }),
                Box::pin({
                    let pass = gate.pass();
                    let mut stream = as_completed([bridge.spawn_async(pass_once(pass))]).into_stream();
                    async move { drop(stream.next().await) }
                }),
            ];
            let wakers = [counting_waker(), counting_waker()];
            for turn in 0..4 + last {
                for future in &mut sorts {
                    let mut context = Context::from_waker(&wakers[turn % 2].1);
                    assert!(future.as_mut().poll(&mut context).is_pending());
                }
            }
            let last = (3 + last) % 2;
            gate.open();
            super::wait_until(|| wakers[last].0.load(SeqCst) == sorts.len());
            assert_eq!(wakers[1 - last].0.load(SeqCst), 0);
            futures::executor::block_on(async {
                for future in sorts {
                    future.await;
                }
            });
        }
    });
}

async fn pass_once(pass: Pass) {
    pass.wait().await;
}

#[test]
fn a_thousand_futures_are_awaited_at_once() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(2, 2);
        let tasks = |count: usize| -> FuturesUnordered<TaskFuture<usize>> {
            (0..count)
                .map(|n| match n % 2 {
                    0 => bridge.spawn(move || n),
                    _ => bridge.spawn_async(async move { (yield_once().await, n).1 }),
                })
                .collect()
        };
        let sum = |tasks: FuturesUnordered<TaskFuture<usize>>| {
            tasks.fold(0, |sum, n| async move { sum + n.unwrap() })
        };
        assert_eq!(futures::executor::block_on(sum(tasks(1_000))), 499_500);
        assert_eq!(current_thread().block_on(sum(tasks(1_000))), 499_500);
        assert_eq!(smol::block_on(sum(tasks(1_000))), 499_500);
        let all = current_thread().block_on(futures::future::join_all(tasks(1_000)));
        assert_eq!(all.into_iter().map(Result::unwrap).sum::<usize>(), 499_500);
    });
}
