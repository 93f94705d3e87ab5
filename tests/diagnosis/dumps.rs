use crate::{dump_until, find};
use concurrent_futures::{AsyncBridge, Awaits, Executor, Inline, ProcessPool, Shutdown, ThreadPool};
use std::{
    sync::{Arc, Barrier, mpsc},
    thread,
    time::Duration,
};

#[test]
fn a_pool_names_what_each_worker_runs_and_what_is_queued() {
    let pool = ThreadPool::builder().workers(2).name("crew").build().unwrap();
    let (release, gate) = mpsc::channel::<()>();
    let (started, has_started) = mpsc::channel();
    let reads = pool.options().name("reads the gate").spawn(move || {
        started.send(()).unwrap();
        gate.recv().is_ok()
    });
    has_started.recv().unwrap();

    // The other one may be on its way.
    let dump = dump_until(&pool, |dump| dump.workers.len() == 2);
    assert_eq!(dump.executor, "ThreadPool `crew`");
    let task = find(&dump, reads.id()).unwrap();
    assert_eq!(task.name.as_deref(), Some("reads the gate"));
    assert!(
        task.work.contains("a_pool_names_what_each_worker_runs"),
        "{}",
        task.work
    );
    assert_eq!(task.awaits, None);
    let idle = dump.workers.iter().filter(|worker| worker.tasks.is_empty());
    assert_eq!(idle.count(), 1);
    assert!(dump.workers.iter().all(|worker| worker.name.starts_with("crew-")));

    let shown = dump.to_string();
    assert!(
        shown.contains("`reads the gate`") && shown.contains(": idle"),
        "{shown}"
    );
    let debug = format!("{pool:?}");
    assert!(debug.contains("reads the gate"), "{debug}");

    // A task without a name on the same worker does not inherit one.
    release.send(()).unwrap();
    assert!(reads.result().unwrap());
    let names = || pool.dump().running().filter_map(|task| task.name.clone()).count();
    assert_eq!(pool.map(move |()| 1, [(); 9]).count() + names(), 9);
}

#[test]
fn ages_grow() {
    let pool = ThreadPool::with_workers(1);
    let (release, gate) = mpsc::channel::<()>();
    let stuck = pool.spawn(move || gate.recv().is_ok());
    let age = |least: Duration| {
        let is_old = |task: &concurrent_futures::TaskDump| task.age > least;
        let dump = dump_until(&pool, |dump| find(dump, stuck.id()).is_some_and(is_old));
        find(&dump, stuck.id()).unwrap().age
    };
    let first = age(Duration::ZERO);
    let second = age(first + Duration::from_millis(5));
    assert!(second < Duration::from_secs(600), "{second:?}");
    release.send(()).unwrap();
    assert!(stuck.result().unwrap());
}

#[test]
fn who_waits_for_whom_is_seen_on_one_stack_and_across_threads() {
    let pool = ThreadPool::with_workers(1);
    let (release, gate) = mpsc::channel::<()>();
    let (tell, ids) = mpsc::channel();
    let inside = pool.clone();
    // The waiter runs what it waits for, on its own stack.
    let outer = pool.spawn(move || {
        let inner = inside.spawn(move || gate.recv().is_ok());
        tell.send(inner.id()).unwrap();
        inner.result().unwrap()
    });
    let inner = ids.recv().unwrap();
    let dump = dump_until(&pool, |dump| find(dump, inner).is_some());
    let worker = dump
        .workers
        .iter()
        .find(|worker| worker.tasks.len() == 2)
        .unwrap();
    assert_eq!(
        [worker.tasks[0].id, worker.tasks[1].id],
        [Some(outer.id()), Some(inner)]
    );
    release.send(()).unwrap();
    assert!(outer.result().unwrap());

    // A task that has started elsewhere is waited for by parking.
    let (release, gate) = mpsc::channel::<()>();
    let (started, has_started) = mpsc::channel();
    let busy = pool.spawn(move || {
        started.send(()).unwrap();
        gate.recv().is_ok()
    });
    has_started.recv().unwrap();
    let awaited = busy.id();
    let other = ThreadPool::with_workers(1);
    let waiter = other.spawn(move || busy.result().unwrap());
    let awaits = Some(Awaits::Task(awaited));
    let dump = dump_until(&other, |dump| {
        find(dump, waiter.id()).is_some_and(|task| task.awaits == awaits)
    });
    assert!(dump.cycles.is_empty());
    assert!(
        dump.to_string().contains(&format!("waits for task {awaited}")),
        "{dump}"
    );
    release.send(()).unwrap();
    assert!(waiter.result().unwrap());
}

#[test]
fn futures_that_wait_are_listed_with_what_they_wait_for() {
    let bridge = AsyncBridge::new();
    let (release, gate) = mpsc::channel::<()>();
    let blocks = bridge.spawn(move || gate.recv().is_ok());
    let awaited = blocks.id();
    let waits = bridge
        .options()
        .name("waits")
        .spawn_async(async move { blocks.await.unwrap() });
    let awaits = Some(Awaits::Task(awaited));
    let dump = dump_until(&bridge, |dump| {
        let is_it = |task: &&concurrent_futures::TaskDump| task.awaits == awaits;
        dump.suspended.iter().any(|task| is_it(&task))
    });
    let task = find(&dump, waits.id()).unwrap();
    assert_eq!(task.name.as_deref(), Some("waits"));
    assert!(
        task.work.contains("futures_that_wait_are_listed"),
        "{}",
        task.work
    );
    release.send(()).unwrap();
    assert!(waits.result().unwrap());
    assert_eq!(bridge.dump().suspended.len(), 0);
}

#[test]
fn processes_are_listed_with_their_pids_and_tasks() {
    let pool = ProcessPool::with_workers(1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate");
    let waits = |path: std::path::PathBuf| {
        while !path.exists() {
            thread::sleep(Duration::from_millis(1));
        }
        std::process::id()
    };
    let task = pool.options().name("waits").submit(waits, path.clone());
    let is_old = |task: &concurrent_futures::TaskDump| task.age > Duration::from_millis(5);
    let dump = dump_until(&pool, |dump| find(dump, task.id()).is_some_and(is_old));
    let worker = dump
        .workers
        .iter()
        .find(|worker| worker.tasks.iter().any(|running| running.id == Some(task.id())))
        .unwrap();
    let running = find(&dump, task.id()).unwrap();
    assert_eq!(running.name.as_deref(), Some("waits"));
    assert!(running.work.contains("processes_are_listed"), "{}", running.work);
    assert!(format!("{pool:?}").contains("`waits`"));
    std::fs::write(&path, "").unwrap();
    assert_eq!(task.result().unwrap(), worker.pid.unwrap());
}

#[test]
fn work_on_the_callers_thread_is_listed_under_its_name() {
    let inline = Inline::new();
    let seen = inline.clone();
    let look = move || {
        let name = inline.spawn(move || seen.dump().workers[0].name.clone());
        name.result().unwrap()
    };
    let caller = thread::Builder::new()
        .name("the caller".into())
        .spawn(look)
        .unwrap();
    assert_eq!(caller.join().unwrap(), "the caller");
}

#[test]
fn a_wait_by_polling_is_over_when_it_is() {
    let (inline, pool) = (Inline::new(), ThreadPool::with_workers(1));
    let (release, gate) = mpsc::channel::<()>();
    let awaited = pool.spawn(move || gate.recv().is_ok());
    let awaits = Some(Awaits::Task(awaited.id()));
    let looks = inline.clone();
    let releaser = thread::spawn(move || {
        dump_until(&looks, |dump| dump.running().any(|task| task.awaits == awaits));
        release.send(()).unwrap();
    });
    let inside = inline.clone();
    let after = inline.spawn(move || {
        assert!(futures::executor::block_on(awaited).unwrap());
        inside.dump().running().next().unwrap().awaits
    });
    assert_eq!(after.result().unwrap(), None);
    releaser.join().unwrap();
}

/// Deeper than what is kept for each thread.
#[test]
fn a_deep_stack_of_waits_is_cut_off_and_counted() {
    fn dive(pool: &ThreadPool, depth: usize) -> String {
        if depth == 0 {
            return pool.dump().to_string();
        }
        let inside = pool.clone();
        pool.spawn(move || dive(&inside, depth - 1)).result().unwrap()
    }
    let pool = ThreadPool::with_workers(1);
    let inside = pool.clone();
    let shown = pool.spawn(move || dive(&inside, 29)).result().unwrap();
    assert!(shown.contains("and 22 more on top of it"), "{shown}");
    assert!(pool.dump().workers.iter().all(|worker| worker.tasks.is_empty()));
}

/// Whatever the pool is in the middle of, who looks is not held up, and what is read makes sense.
#[test]
fn looking_never_blocks_and_never_reads_nonsense() {
    let pool = ThreadPool::with_workers(2);
    let rounds = Arc::new(Barrier::new(2));
    let (theirs, looks) = (rounds.clone(), pool.clone());
    let looker = thread::spawn(move || {
        theirs.wait();
        for _ in 0..300 {
            for task in looks.dump().running() {
                assert!(
                    task.work.contains("looking_never_blocks") && task.age < Duration::from_secs(600),
                    "{task:?}"
                );
            }
            assert!(format!("{looks:?}").contains("doing"));
        }
    });
    rounds.wait();
    while !looker.is_finished() {
        let named = pool.options().name("named");
        let tasks: Vec<_> = (0..100)
            .flat_map(|n| [named.spawn(move || n), pool.spawn(move || n)])
            .collect();
        assert_eq!(
            tasks.into_iter().map(|task| task.result().unwrap()).sum::<u64>(),
            9_900
        );
    }
    looker.join().unwrap();
    pool.shutdown(Shutdown::Finish);
    let dump = pool.dump();
    assert!(
        dump.workers.is_empty() && dump.running().next().is_none(),
        "{dump}"
    );
}
