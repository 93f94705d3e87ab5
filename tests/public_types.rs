//! What is `Send`, `Sync` and `'static`, and what method a receiver reaches.

use concurrent_futures::{
    AnyExecutor, AsCompleted, BuildError, CancelToken, Checked, CodecError, Executor, Group, Inline, Map,
    MapStream, Options, Requested, Scope, ScopedFuture, Shared, Stats, StillRunning, TaskError, TaskFuture,
    TaskHandle, TaskId, TaskPanic, ThreadPool, ThreadPoolBuilder, TrySubmitError, Waited, With, WorkerDeath,
};
use std::{error::Error, ops::Range, rc::Rc, sync::Arc};

fn send<T: Send>() {}
fn send_sync<T: Send + Sync>() {}
fn is_static<T: 'static>() {}
fn error<T: Error + Send + Sync + 'static>() {}

#[test]
fn handles_may_change_threads() {
    send_sync::<ThreadPool>();
    send_sync::<Inline>();
    send_sync::<Checked>();
    send_sync::<AnyExecutor>();
    send_sync::<TaskFuture<Vec<u8>>>();
    send_sync::<TaskFuture<std::cell::Cell<u8>>>(); // the value need not be `Sync`
    send_sync::<TaskHandle>();
    send_sync::<CancelToken>();
    send_sync::<Requested>();
    is_static::<CancelToken>();
    is_static::<Requested>();
    send_sync::<TaskId>();
    send_sync::<Shared<Arc<str>>>();
    send_sync::<Stats>();
    send_sync::<Group<u8, ThreadPool>>();
    send::<ThreadPoolBuilder>();
    send::<Map<Range<u8>, u8>>();
    send::<MapStream<Range<u8>, u8>>();
    send::<AsCompleted<TaskFuture<u8>>>();
    send::<Waited<u8>>();
    send_sync::<Options<ThreadPool>>();
    send_sync::<With<ThreadPool, u8>>();
    send_sync::<Scope<'_, '_>>();
    send::<ScopedFuture<'_, u8>>();
}

#[test]
fn errors_are_errors() {
    error::<TaskError>();
    error::<BuildError>();
    error::<StillRunning>();
    error::<TrySubmitError<u8>>();
    error::<CodecError>();
    send_sync::<TaskPanic>();
    send_sync::<WorkerDeath>();
    assert!(size_of::<TaskError>() <= 16);
    assert!(size_of::<TaskFuture<String>>() <= 24);
}

/// On a concrete pool, work may capture, whatever stands in front of the pool: no receiver reaches the trait's
/// strict verb of the same name.
#[test]
#[allow(clippy::needless_borrow)] // The receivers are the point.
fn every_receiver_of_a_pool_reaches_its_own_methods() {
    let captured = Arc::new(1);
    let pool = ThreadPool::with_workers(1);
    let work = || {
        let captured = captured.clone();
        move |n: i32| n + *captured
    };
    let (by_ref, by_ref_ref) = (&pool, &&pool);
    let (shared, boxed, counted) = (
        Arc::new(pool.clone()),
        Box::new(pool.clone()),
        Rc::new(pool.clone()),
    );
    let futures = [
        pool.submit(work(), 1),
        by_ref.submit(work(), 1),
        by_ref_ref.submit(work(), 1),
        shared.submit(work(), 1),
        boxed.submit(work(), 1),
        counted.submit(work(), 1),
        (&shared).submit(work(), 1),
        shared.options().submit(work(), 1),
        boxed.with(()).submit(|(), n| n, 2),
        Inline::new().submit(work(), 1),
        (&&Inline::new()).submit(work(), 1),
    ];
    for future in futures {
        assert_eq!(future.result().unwrap(), 2);
    }
}

#[test]
fn options_context_and_group_combine_in_any_order() {
    fn sums<E: Executor>(executor: &E) -> Vec<Vec<u32>> {
        let add = |offset: &u32, n: u32| offset + n;
        let groups = [
            executor.options().name("a").with(10_u32).group(),
            executor.with(10_u32).options().name("a").group(),
            executor.with(10_u32).name("a").chunk_size(2).group(),
        ];
        groups
            .map(|group| {
                (0..3).for_each(|n| group.submit(add, n));
                group.join().unwrap()
            })
            .to_vec()
    }
    assert_eq!(sums(&ThreadPool::with_workers(2)), vec![vec![10, 11, 12]; 3]);
    assert_eq!(sums(&Checked::new()), vec![vec![10, 11, 12]; 3]);
}
