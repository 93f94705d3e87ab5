//! Bridges come and go, wherever they are made.

use crate::{current_thread, eventually, gone, multi_thread, panic_of, suspended, watchdog::within};
use concurrent_futures::{AsyncBridge, AsyncBridgeBuilder, BuildError, Executor, Shutdown};
use std::{fs, sync::mpsc, thread, time::Duration};
use tokio::{runtime::Handle, task::LocalSet};

async fn nap() -> u32 {
    tokio::time::sleep(Duration::from_millis(1)).await;
    2
}

/// Made, used and dropped in the code that awaits this.
async fn lives() {
    let kinds: [fn() -> AsyncBridge; 3] = [
        AsyncBridge::new,
        || AsyncBridge::with_workers(1),
        || AsyncBridge::builder().on_drop(Shutdown::Kill).build().unwrap(),
    ];
    for make in kinds {
        let bridge = make();
        assert_eq!(bridge.spawn(|| 1).await.unwrap(), 1);
        assert_eq!(bridge.spawn_async(nap()).await.unwrap(), 2);
        gone(bridge).await;
        // Nobody has used this one, and nobody waits for it.
        drop(make());
    }
}

#[test]
fn a_bridge_is_made_used_and_dropped_in_async_code_of_tokio() {
    within(|| {
        for runtime in [current_thread(), multi_thread(1), multi_thread(2)] {
            runtime.block_on(lives());
            runtime.block_on(async { tokio::spawn(lives()).await.unwrap() });
            runtime.block_on(tokio::task::unconstrained(lives()));
            LocalSet::new().block_on(&runtime, async {
                tokio::task::spawn_local(lives()).await.unwrap();
            });
            let entered = runtime.enter();
            futures::executor::block_on(lives());
            drop(entered);
            runtime.block_on(async {
                let inside = tokio::task::spawn_blocking(|| futures::executor::block_on(lives()));
                inside.await.unwrap();
            });
        }
    });
}

#[test]
fn a_bridge_is_made_used_and_dropped_in_async_code_of_others() {
    within(|| {
        futures::executor::block_on(lives());
        smol::block_on(lives());
        smol::block_on(smol::spawn(lives()));
        let pool = concurrent_futures::ThreadPool::with_workers(1);
        pool.spawn_async(lives()).result().unwrap();
        let outer = AsyncBridge::with_workers(1);
        outer.spawn_async(lives()).result().unwrap();
        let inside = outer.spawn(|| futures::executor::block_on(lives()));
        inside.result().unwrap();
    });
}

#[test]
fn current_outside_of_a_runtime_names_the_cure() {
    within(|| {
        for text in [
            panic_of(AsyncBridge::current),
            panic_of(|| smol::block_on(async { AsyncBridge::current() })),
        ] {
            assert!(text.contains("outside of a tokio runtime"), "{text}");
            assert!(text.contains("AsyncBridge::new()"), "{text}");
        }
    });
}

#[test]
fn current_is_a_bridge_on_the_runtime_it_is_called_in() {
    within(|| {
        for runtime in [current_thread(), multi_thread(1)] {
            let id = runtime.handle().id();
            runtime.block_on(async {
                let bridge = AsyncBridge::current();
                let found = bridge.spawn_async(async { Handle::current().id() });
                assert_eq!(found.await.unwrap(), id);
                gone(bridge).await;
            });
            let entered = runtime.enter();
            let bridge = AsyncBridge::current();
            drop(entered);
            let found = bridge.spawn(|| Handle::current().id());
            assert_eq!(found.result().unwrap(), id);
        }
    });
}

#[test]
fn what_cannot_work_is_an_error_of_the_builder_on_every_runtime() {
    within(|| {
        let runtime = current_thread();
        let each = |check: fn(&BuildError) -> bool, text: &str, builder: fn() -> AsyncBridgeBuilder| {
            for error in [
                builder().build().unwrap_err(),
                builder().build_on(runtime.handle().clone()).unwrap_err(),
                builder().build_on_spawner(crate::SpawnOnSmol).unwrap_err(),
            ] {
                assert!(check(&error), "{error:?}");
                assert!(error.to_string().contains(text), "{error}");
            }
        };
        let builder = AsyncBridge::builder;
        assert!(
            builder()
                .workers(1)
                .max_blocking(1)
                .max_pending(1)
                .build()
                .is_ok()
        );
        each(
            |error| matches!(error, BuildError::NoWorkers),
            "at least one worker",
            || AsyncBridge::builder().workers(0),
        );
        each(
            |error| matches!(error, BuildError::NoBlocking),
            "`max_blocking`",
            || AsyncBridge::builder().max_blocking(0),
        );
        each(
            |error| matches!(error, BuildError::NoRoom),
            "`max_pending`",
            || AsyncBridge::builder().max_pending(0),
        );
        assert!(panic_of(|| AsyncBridge::with_workers(0)).contains("at least one worker"));
    });
}

#[test]
fn threads_are_named_after_their_bridge() {
    within(|| {
        let name = || thread::current().name().unwrap().to_owned();
        let bridge = AsyncBridge::builder().workers(2).name("io").build().unwrap();
        let mut polled: Vec<_> = (bridge.map_async(move |()| async move { name() }, [(); 50]))
            .map(Result::unwrap)
            .collect();
        polled.sort();
        polled.dedup();
        assert!(
            polled
                .iter()
                .all(|name| ["io-0", "io-1"].contains(&name.as_str())),
            "{polled:?}"
        );
        assert_eq!(bridge.spawn(name).result().unwrap(), "io-blocking-0");
        // Two at once, so there is a second thread.
        let (first_is_in, wait_for_first) = mpsc::channel();
        let (release, gate) = mpsc::channel::<()>();
        let first = bridge.spawn(move || {
            first_is_in.send(()).unwrap();
            let _ = gate.recv();
            thread::current().name().unwrap().to_owned()
        });
        wait_for_first.recv().unwrap();
        let second = bridge.spawn(name).result().unwrap();
        drop(release);
        let mut called = [first.result().unwrap(), second];
        called.sort();
        assert_eq!(called, ["io-blocking-0", "io-blocking-1"]);
        // On a runtime that is there, only the threads beside it are the bridge's.
        let runtime = multi_thread(1);
        let guest = (AsyncBridge::builder()
            .name("guest")
            .build_on(runtime.handle().clone()))
        .unwrap();
        assert_eq!(guest.spawn(name).result().unwrap(), "guest-blocking-0");
        let polled = guest.spawn_async(async move { name() }).result().unwrap();
        assert!(!polled.contains("guest"), "{polled}");
    });
}

#[test]
fn bridges_on_one_runtime_do_not_mix() {
    within(|| {
        let runtime = multi_thread(2);
        let make = |n: usize| {
            let builder = AsyncBridge::builder().max_blocking(1).name(format!("b{n}"));
            builder.build_on(runtime.handle().clone()).unwrap()
        };
        let bridges: Vec<_> = (0..20).map(make).collect();
        // A full house on the first is no business of the others.
        let (release, gate) = mpsc::channel::<()>();
        let busy = bridges[0].spawn(move || gate.recv().is_ok());
        let waiting = suspended(&bridges[0], std::future::pending::<()>());
        for (n, bridge) in bridges.iter().enumerate().skip(1) {
            let name = bridge.spawn(|| thread::current().name().map(String::from));
            assert_eq!(name.result().unwrap().unwrap(), format!("b{n}-blocking-0"));
            let others = bridges.clone();
            let inside = bridge.spawn_async(async move {
                let inside: Vec<_> = others.iter().map(|bridge| bridge.is_inside()).collect();
                inside
            });
            let inside = inside.result().unwrap();
            assert!(inside.iter().enumerate().all(|(m, inside)| *inside == (m == n)));
            assert_eq!(bridge.stats().succeeded, 2);
        }
        for (n, bridge) in bridges.iter().enumerate().skip(1) {
            let how = [Shutdown::Finish, Shutdown::Cancel, Shutdown::Kill][n % 3];
            bridge.shutdown(how);
        }
        assert!(!busy.is_done() && !waiting.is_done());
        release.send(()).unwrap();
        assert!(busy.result().unwrap());
        assert_eq!(bridges[0].spawn_async(async { 5 }).result().unwrap(), 5);
        bridges[0].shutdown(Shutdown::Kill);
        assert!(waiting.result().unwrap_err().is_cancelled());
    });
}

/// The threads of this process whose names begin like this.
#[cfg(target_os = "linux")]
fn threads(name: &str) -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    tasks
        .filter_map(|task| fs::read_to_string(task.path().join("comm")).ok())
        .filter(|comm| comm.starts_with(name))
        .count()
}

#[cfg(target_os = "linux")]
fn two_hundred_lives(name: &'static str, end: impl AsyncFn(AsyncBridge)) {
    for round in 0..200 {
        let bridge = AsyncBridge::builder().workers(2).name(name).build().unwrap();
        if round % 2 == 0 {
            assert_eq!(bridge.spawn(|| 1).result().unwrap(), 1);
        }
        if round % 3 == 0 {
            assert_eq!(bridge.spawn_async(nap()).result().unwrap(), 2);
        }
        futures::executor::block_on(end(bridge));
    }
    eventually("threads are left behind", || threads(name) == 0);
}

#[cfg(target_os = "linux")]
#[test]
fn two_hundred_bridges_leave_no_threads() {
    within(|| {
        // In async code, awaited or not.
        two_hundred_lives("awaited", gone);
        two_hundred_lives("left", async |bridge| drop(bridge));
        // Outside of it the threads are gone when `drop` returns.
        for _ in 0..200 {
            let bridge = AsyncBridge::builder().workers(2).name("outside").build().unwrap();
            assert_eq!(bridge.spawn(|| 1).result().unwrap(), 1);
            eventually("threads have no names", || threads("outside") >= 3);
            drop(bridge);
        }
        eventually("threads are left behind", || threads("outside") == 0);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn two_hundred_bridges_on_one_runtime_leave_no_threads() {
    within(|| {
        let runtime = multi_thread(1);
        for _ in 0..200 {
            let bridge = AsyncBridge::builder()
                .name("visitor")
                .build_on(runtime.handle().clone());
            let bridge = bridge.unwrap();
            assert_eq!(bridge.spawn(|| 1).result().unwrap(), 1);
            assert_eq!(bridge.spawn_async(nap()).result().unwrap(), 2);
        }
        eventually("threads are left behind", || threads("visitor") == 0);
    });
}
