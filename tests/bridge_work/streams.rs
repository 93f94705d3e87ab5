//! Maps and `as_completed` as streams: how far they read ahead, whom they wake, and who else gets a turn.

use super::{Gate, Kind, Pass, current_thread, on_every_bridge, within, yield_once};
use concurrent_futures::{AsyncBridge, Executor, TaskFuture, as_completed};
use futures::{StreamExt, stream::BoxStream};
use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    task::{Context, Poll},
};

/// One stream of each sort over `0..count`.
fn all_sorts(bridge: &AsyncBridge, count: usize, ahead: usize) -> [BoxStream<'static, usize>; 4] {
    let options = || bridge.options().buffer_size(ahead);
    let calls = options().map(|n| n, 0..count).into_stream();
    let futures = options().map_async(|n| async move { (yield_once().await, n).1 }, 0..count);
    let unordered = options().map_async(|n| async move { n }, 0..count).unordered();
    let completed = as_completed((0..count).map(|n| match n % 2 {
        0 => bridge.spawn(move || n),
        _ => bridge.spawn_async(async move { n }),
    }));
    [
        calls.map(Result::unwrap).boxed(),
        futures.into_stream().map(Result::unwrap).boxed(),
        unordered.into_stream().map(Result::unwrap).boxed(),
        completed.into_stream().map(|one| one.result().unwrap()).boxed(),
    ]
}

#[test]
fn streams_are_polled_by_any_runtime() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(2, 2);
        type BlockOn = fn(BoxStream<'static, usize>) -> usize;
        let sum: [BlockOn; 4] = [
            |stream| futures::executor::block_on(stream.fold(0, |sum, n| async move { sum + n })),
            |stream| smol::block_on(stream.fold(0, |sum, n| async move { sum + n })),
            |stream| current_thread().block_on(stream.fold(0, |sum, n| async move { sum + n })),
            |stream| {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(1)
                    .build();
                let summed = stream.fold(0, |sum, n| async move { sum + n });
                let runtime = runtime.unwrap();
                runtime.block_on(runtime.spawn(summed)).unwrap()
            },
        ];
        for block_on in sum {
            for stream in all_sorts(&bridge, 300, 16) {
                assert_eq!(block_on(stream), 44_850);
            }
        }
        // And by the bridge itself.
        for stream in all_sorts(&bridge, 300, 16) {
            let summed = bridge.spawn_async(stream.fold(0, |sum, n| async move { sum + n }));
            assert_eq!(summed.result().unwrap(), 44_850);
        }
    });
}

#[test]
fn a_slow_consumer_never_has_more_pulled_than_the_buffer_holds() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(2, 2);
        for ahead in [1, 2, 7, 64] {
            let pulled = Arc::new(AtomicUsize::new(0));
            let items = || {
                let pulled = pulled.clone();
                (0..500).inspect(move |_| _ = pulled.fetch_add(1, SeqCst))
            };
            let options = bridge.options().buffer_size(ahead);
            let streams = [
                options.map(|n| n, items()).into_stream().boxed(),
                options
                    .map_async(|n| async move { n }, items())
                    .into_stream()
                    .boxed(),
                options
                    .map_async(|n| async move { n }, items())
                    .unordered()
                    .into_stream()
                    .boxed(),
            ];
            // Each has pulled its first buffer.
            let before = pulled.swap(0, SeqCst);
            assert!(before <= 3 * ahead, "{before} for {ahead}");
            for mut stream in streams {
                pulled.store(ahead, SeqCst);
                futures::executor::block_on(async {
                    let mut yielded = 0;
                    while let Some(outcome) = stream.next().await {
                        outcome.unwrap();
                        yielded += 1;
                        assert!(pulled.load(SeqCst) <= yielded + ahead, "{yielded} {ahead}");
                        if yielded % 50 == 0 {
                            // Whatever goes on meanwhile pulls nothing.
                            let now = pulled.load(SeqCst);
                            bridge.spawn_async(yield_once()).await.unwrap();
                            assert_eq!(pulled.load(SeqCst), now);
                        }
                    }
                    assert_eq!((yielded, pulled.load(SeqCst)), (500, 500));
                });
            }
        }
    });
}

#[test]
fn a_hundred_thousand_ready_members_let_other_tasks_have_their_turn() {
    within(|| {
        const MEMBERS: usize = 100_000;
        let bridge = Kind::Own.bridge(1, 1);
        let both: [Vec<TaskFuture<usize>>; 2] = [(); 2].map(|()| {
            let futures: Vec<_> = (0..MEMBERS)
                .map(|n| bridge.spawn_async(async move { n }))
                .collect();
            concurrent_futures::wait(futures, concurrent_futures::ReturnWhen::AllCompleted, None).done
        });
        let [first, second] = both;
        let runtime = current_thread();
        let ready: [BoxStream<'static, ()>; 2] = [
            as_completed(first).into_stream().map(drop).boxed(),
            futures::stream::iter(second)
                .then(|one| async { drop(one.await) })
                .boxed(),
        ];
        let options = bridge.options().buffer_size(MEMBERS);
        let map = options.map_async(|n| async move { n }, 0..MEMBERS);
        let calls = options.map(|n| n, 0..MEMBERS);
        super::wait_until(|| bridge.stats().succeeded == 4 * MEMBERS as u64);
        let maps = [
            map.into_stream().map(drop).boxed(),
            calls.into_stream().map(drop).boxed(),
        ];
        for (number, stream) in ready.into_iter().chain(maps).enumerate() {
            let turns = runtime.block_on(async {
                let turns = Arc::new(AtomicUsize::new(0));
                let counter = turns.clone();
                let other = tokio::spawn(async move {
                    loop {
                        counter.fetch_add(1, SeqCst);
                        tokio::task::yield_now().await;
                    }
                });
                assert_eq!(stream.count().await, MEMBERS);
                other.abort();
                turns.load(SeqCst)
            });
            assert!(turns >= MEMBERS / 1_000, "stream {number}: {turns} turns");
        }
    });
}

/// Counts how often it is polled.
struct CountsPolls<F>(F, Arc<AtomicUsize>);

impl<F: Future + Unpin> Future for CountsPolls<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.1.fetch_add(1, SeqCst);
        Pin::new(&mut self.0).poll(cx)
    }
}

async fn pass_in_turn(passes: Arc<Vec<Pass>>, n: usize) -> usize {
    passes[n].wait().await;
    n
}

#[test]
fn who_awaits_a_stream_is_polled_about_once_per_member() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(2, 2);
        let gates: Vec<_> = (0..100).map(|_| Gate::new()).collect();
        for sort in 0..3 {
            let gates: Vec<_> = gates.iter().map(|_| Gate::new()).collect();
            let passes = Arc::new(gates.iter().map(Gate::pass).collect::<Vec<_>>());
            let work = move |n| pass_in_turn(passes.clone(), n);
            let stream = match sort {
                0 => bridge.map_async(work, 0..100).into_stream().boxed(),
                1 => bridge.map_async(work, 0..100).unordered().into_stream().boxed(),
                _ => {
                    let futures = (0..100).map(|n| bridge.spawn_async(work(n)));
                    as_completed(futures)
                        .into_stream()
                        .map(TaskFuture::result)
                        .boxed()
                }
            };
            let polls = Arc::new(AtomicUsize::new(0));
            let counted = polls.clone();
            let (arrived, arrivals) = mpsc::channel();
            let consumer = std::thread::spawn(move || {
                let mut stream = stream;
                let consume = async {
                    while let Some(outcome) = stream.next().await {
                        arrived.send(outcome.unwrap()).unwrap();
                    }
                };
                current_thread().block_on(CountsPolls(pin!(consume), counted));
            });
            for (n, gate) in gates.iter().enumerate() {
                gate.open();
                assert_eq!(arrivals.recv().unwrap(), n);
            }
            consumer.join().unwrap();
            let polls = polls.load(SeqCst);
            assert!(polls <= 250, "sort {sort}: {polls} polls for 100 members");
        }
    });
}
