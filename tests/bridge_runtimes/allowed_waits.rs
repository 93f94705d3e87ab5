//! Where blocking is fine: in blocking sections, and where another thread takes over.

use crate::{Driven, SpawnOnSmol, multi_thread, watchdog::within};
use concurrent_futures::{AsyncBridge, Executor, ReturnWhen, Shutdown, ThreadPool, as_completed, wait};
use std::{process::Command, time::Duration};
use tokio::{
    runtime::Handle,
    task::{LocalSet, block_in_place, spawn_blocking, yield_now},
};

const LIMIT: Duration = Duration::from_secs(600);

/// Comes back to the runtime before it is ready.
async fn later(n: u64) -> u64 {
    yield_now().await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    n
}

/// Every wait, for both kinds of work, where the caller may block.
fn every_wait_goes_on(bridge: &AsyncBridge) {
    let one = || bridge.spawn_async(later(1));
    assert_eq!(one().result().unwrap(), 1);
    assert_eq!(one().result_timeout(LIMIT).unwrap().unwrap(), 1);
    assert_eq!(bridge.spawn(|| 2).result().unwrap(), 2);
    assert_eq!(
        bridge.map_async(later, 0..50).map(Result::unwrap).sum::<u64>(),
        1225
    );
    assert_eq!(
        bridge.map(|n: u64| n, 0..50).map(Result::unwrap).sum::<u64>(),
        1225
    );
    assert_eq!(
        as_completed((0..10).map(|n| bridge.spawn_async(later(n)))).count(),
        10
    );
    let waited = wait([one(), one()], ReturnWhen::AllCompleted, None);
    assert_eq!(waited.done.len(), 2);
    let group = bridge.group();
    (0..10).for_each(|n| group.spawn_async(later(n)));
    assert_eq!(group.join().unwrap(), (0..10).collect::<Vec<_>>());
    assert_eq!(one().shared().result().unwrap(), 1);
}

fn a_shutdown_goes_on(make: impl Fn() -> AsyncBridge) {
    for how in [Shutdown::Finish, Shutdown::Cancel, Shutdown::Kill] {
        let bridge = make();
        drop(bridge.spawn_async(later(1)));
        bridge.shutdown(how);
        assert!(bridge.spawn(|| 1).result().unwrap_err().is_shut_down());
    }
    let bridge = make();
    drop(bridge.spawn_async(later(1)));
    drop(bridge);
}

#[test]
fn blocking_sections_of_a_current_thread_runtime_wait_freely() {
    within(|| {
        let driven = Driven::start();
        let bridge = AsyncBridge::from_handle(driven.handle.clone());
        let inner = bridge.clone();
        let section = driven.handle.spawn_blocking(move || {
            every_wait_goes_on(&inner);
            a_shutdown_goes_on(AsyncBridge::current);
        });
        futures::executor::block_on(section).unwrap();
        let inner = bridge.clone();
        let own = bridge.spawn(move || {
            every_wait_goes_on(&inner);
            a_shutdown_goes_on(AsyncBridge::current);
        });
        own.result().unwrap();
        // A thread of the program's that has only entered it.
        let entered = driven.handle.enter();
        every_wait_goes_on(&bridge);
        drop(entered);
        every_wait_goes_on(&bridge);
    });
}

#[test]
fn blocking_calls_of_a_full_bridge_wait_for_each_other() {
    within(|| {
        fn chain(bridge: &AsyncBridge, left: u32) -> u32 {
            if left == 0 {
                return 0;
            }
            let inner = bridge.clone();
            let mut next = bridge.spawn(move || chain(&inner, left - 1));
            1 + next.result_timeout(LIMIT).unwrap().unwrap()
        }
        let driven = Driven::start();
        let builder = || AsyncBridge::builder().max_blocking(1);
        for bridge in [
            builder().build_on(driven.handle.clone()).unwrap(),
            builder().workers(1).build().unwrap(),
            builder().build_on_spawner(SpawnOnSmol).unwrap(),
        ] {
            let inner = bridge.clone();
            assert_eq!(bridge.spawn(move || chain(&inner, 50)).result().unwrap(), 50);
        }
    });
}

/// The places on a runtime with one worker where somebody may wait.
fn on_one_worker(wait: impl Fn() + Clone + Send + 'static) {
    let runtime = multi_thread(1);
    let spawned = |wait: Box<dyn FnOnce() + Send>| {
        runtime.block_on(async { tokio::spawn(async move { wait() }).await.unwrap() });
    };
    runtime.block_on(async { wait() });
    spawned(Box::new(wait.clone()));
    let there = wait.clone();
    spawned(Box::new(move || block_in_place(there)));
    let there = wait.clone();
    spawned(Box::new(move || block_in_place(|| block_in_place(there))));
    let there = wait.clone();
    runtime.block_on(async move { spawn_blocking(there).await.unwrap() });
    let there = wait.clone();
    runtime.block_on(tokio::task::unconstrained(async { block_in_place(there) }));
    // In a `LocalSet` the main thread blocks; the worker goes on.
    let there = wait.clone();
    LocalSet::new().block_on(&runtime, async move {
        there();
        tokio::task::spawn_local(async move { there() }).await.unwrap();
    });
}

#[test]
fn one_worker_of_tokio_is_replaced_while_its_task_waits() {
    within(|| {
        on_one_worker(|| {
            let bridge = AsyncBridge::current();
            every_wait_goes_on(&bridge);
            a_shutdown_goes_on(AsyncBridge::current);
        });
    });
}

#[test]
fn one_worker_is_replaced_while_a_task_of_the_bridge_itself_waits() {
    within(|| {
        let runtime = multi_thread(1);
        let (own, guest) = (
            AsyncBridge::with_workers(1),
            AsyncBridge::from_handle(runtime.handle().clone()),
        );
        for bridge in [own, guest] {
            let inner = bridge.clone();
            let first = bridge.spawn_async(async move {
                every_wait_goes_on(&inner);
                yield_now().await;
                every_wait_goes_on(&inner);
            });
            first.result().unwrap();
        }
    });
}

#[test]
fn nested_waits_go_on_with_one_worker() {
    within(|| {
        fn chain(bridge: &AsyncBridge, left: u32) -> u32 {
            if left == 0 {
                return 0;
            }
            let inner = bridge.clone();
            let next = bridge.spawn_async(async move {
                yield_now().await;
                chain(&inner, left - 1)
            });
            1 + next.result().unwrap()
        }
        on_one_worker(|| {
            let bridge = AsyncBridge::current();
            let inner = bridge.clone();
            let nested = bridge.spawn_async(async move { chain(&inner, 20) });
            assert_eq!(nested.result().unwrap(), 20);
        });
    });
}

#[test]
fn a_thread_pools_task_that_needs_the_runtime_is_waited_for_on_its_only_worker() {
    within(|| {
        let pool = ThreadPool::with_workers(1);
        on_one_worker(move || {
            let (handle, bridge) = (Handle::current(), AsyncBridge::current());
            let there = handle.clone();
            let through = pool.spawn(move || there.block_on(there.spawn(later(7))).unwrap());
            assert_eq!(through.result().unwrap(), 7);
            let through = pool.spawn(move || bridge.spawn_async(later(8)).result().unwrap());
            assert_eq!(through.result().unwrap(), 8);
        });
    });
}

#[test]
fn waits_inside_tasks_go_on_over_the_threads_of_this_crate() {
    within(|| {
        let bridge = AsyncBridge::from_spawner(ThreadPool::with_workers(1));
        let inner = bridge.clone();
        let own = bridge.spawn_async(async move {
            every_wait_goes_on(&inner);
            yield_now().await;
            every_wait_goes_on(&inner);
            a_shutdown_goes_on(|| AsyncBridge::from_spawner(ThreadPool::with_workers(1)));
        });
        own.result().unwrap();
    });
}

#[test]
fn blocking_calls_wait_freely_on_every_runtime() {
    within(|| {
        let single = futures::executor::ThreadPool::builder()
            .pool_size(1)
            .create()
            .unwrap();
        for bridge in [
            AsyncBridge::with_workers(1),
            AsyncBridge::from_spawner(single),
            AsyncBridge::from_spawner(SpawnOnSmol),
            AsyncBridge::from_spawner(ThreadPool::with_workers(1)),
        ] {
            let inner = bridge.clone();
            bridge.spawn(move || every_wait_goes_on(&inner)).result().unwrap();
        }
    });
}

#[test]
fn the_program_reads_nothing_of_how_it_is_found_out_whether_a_thread_may_block() {
    const INSIDE: &str = "BRIDGE_RUNTIMES_QUIET";
    if std::env::var_os(INSIDE).is_some() {
        // The worker refuses `block_in_place` here, by a panic that nobody is to read of.
        let runtime = multi_thread(1);
        LocalSet::new().block_on(&runtime, async { every_wait_goes_on(&AsyncBridge::current()) });
        runtime.block_on(async { every_wait_goes_on(&AsyncBridge::current()) });
        let spawned = runtime.spawn(async { every_wait_goes_on(&AsyncBridge::current()) });
        runtime.block_on(spawned).unwrap();
        let driven = Driven::start();
        let guest = AsyncBridge::from_handle(driven.handle.clone());
        let entered = driven.handle.enter();
        every_wait_goes_on(&guest);
        drop(entered);
        return;
    }
    within(|| {
        let name =
            "allowed_waits::the_program_reads_nothing_of_how_it_is_found_out_whether_a_thread_may_block";
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture", "--test-threads=1"])
            .env(INSIDE, "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(
            String::from_utf8_lossy(&output.stdout).contains("1 passed"),
            "{output:?}"
        );
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    });
}
