//! A little of everything, on any backend: it has to come out the same, whatever the machine is like.

use crate::harness::eventually;
use concurrent_futures::{
    AnyExecutor, AsyncBridge, Backend, Checked, Executor, Inline, ProcessPool, TaskError, ThreadPool,
    as_completed,
};
use std::time::Duration;

fn square(n: u64) -> u64 {
    n * n
}

async fn square_later(n: u64) -> u64 {
    n * n
}

fn fail(n: u64) -> u64 {
    panic!("no {n}")
}

/// Submits, maps, collects, groups, fails and times out.
pub(crate) fn round<E: Executor>(executor: &E, label: &str) {
    assert_eq!(executor.submit(square, 12).result().expect(label), 144, "{label}");
    assert_eq!(
        executor.submit_async(square_later, 5).result().expect(label),
        25,
        "{label}"
    );
    let sum: u64 = executor.map(square, 0..500).map(|n| n.expect(label)).sum();
    assert_eq!(sum, 41_541_750, "{label}");
    let tasks = (0..20).map(|n| (n, executor.submit(square, n)));
    let squares: u64 = as_completed(tasks)
        .map(|(_, task)| task.result().expect(label))
        .sum();
    assert_eq!(squares, 2470, "{label}");
    match executor.submit(fail, 7).result() {
        Err(TaskError::Panicked(panic)) => assert_eq!(panic.message(), "no 7", "{label}"),
        other => panic!("{label}: {other:?}"),
    }
    let limit = Duration::from_secs(100);
    assert_eq!(
        executor
            .options()
            .timeout(limit)
            .submit(square, 3)
            .result()
            .expect(label),
        9,
        "{label}"
    );
    assert_eq!(
        executor
            .options()
            .retries(2)
            .submit(square, 4)
            .result()
            .expect(label),
        16,
        "{label}"
    );
    eventually(label, || {
        let stats = executor.ledger().stats();
        (stats.queued, stats.running) == (0, 0)
    });
}

/// The round on all backends; on the thread pool also waits inside tasks.
pub(crate) fn everywhere(label: &str) {
    round(&Inline::new(), &format!("{label}: inline"));
    round(&Checked::new(), &format!("{label}: checked"));
    let pool = ThreadPool::new();
    round(&pool, &format!("{label}: threads"));
    let inner = pool.clone();
    let nested = pool.spawn(move || inner.submit(square, 6).result().expect("it runs"));
    assert_eq!(nested.result().expect(label), 36, "{label}");
    round(&AsyncBridge::new(), &format!("{label}: bridge"));
    round(&ProcessPool::new(), &format!("{label}: processes"));
    let any = AnyExecutor::new(Backend::Threads);
    round(&any, &format!("{label}: any"));
}
