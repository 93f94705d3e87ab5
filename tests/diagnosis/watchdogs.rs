use concurrent_futures::{
    AsyncBridge, Executor, Hang, HangReason, ProcessPool, Shared, Shutdown, ThreadPool, Watchdog,
    cancel_requested,
};
use std::{sync::mpsc, thread, time::Duration};

const LIMIT: Duration = Duration::from_millis(40);

fn watch(executor: &impl Executor) -> (Watchdog, mpsc::Receiver<Hang>) {
    let (tell, told) = mpsc::channel();
    let watchdog = executor.on_hang(LIMIT, move |hang| _ = tell.send(hang.clone()));
    (watchdog, told)
}

#[test]
fn a_task_that_runs_for_long_is_told_of_once() {
    let pool = ThreadPool::with_workers(2);
    let (watchdog, told) = watch(&pool);
    let (release, gate) = mpsc::channel::<()>();
    let stuck = pool.options().name("stuck").spawn(move || gate.recv().is_ok());
    let hang = told.recv().unwrap();
    assert_eq!(hang.reason, HangReason::LongTask(Some(stuck.id())));
    assert!(hang.to_string().contains("`stuck`"), "{hang}");
    // Others get on meanwhile, and nothing more is told of this one.
    let next = pool.options().name("next").spawn(|| thread::sleep(4 * LIMIT));
    assert_eq!(told.recv().unwrap().reason, HangReason::LongTask(Some(next.id())));
    next.result().unwrap();
    release.send(()).unwrap();
    assert!(stuck.result().unwrap());
    drop(watchdog);
    let more: Vec<_> = told.try_iter().map(|hang| hang.reason).collect();
    assert!(!more.contains(&HangReason::LongTask(None)), "{more:?}");
}

#[test]
fn a_task_of_a_process_is_told_of_too() {
    let pool = ProcessPool::with_workers(1);
    let (_watchdog, told) = watch(&pool);
    let stuck = pool.submit(
        |()| {
            while !cancel_requested() {
                thread::sleep(Duration::from_millis(1));
            }
        },
        (),
    );
    // Starting the worker may take longer than the limit: then everything stands still first.
    let long = HangReason::LongTask(Some(stuck.id()));
    assert!(told.iter().any(|hang| hang.reason == long));
    assert!(stuck.kill());
}

#[test]
fn what_is_told_knows_of_restarted_workers_and_spare_threads() {
    let processes = ProcessPool::with_workers(1);
    let dies = processes.submit(|()| -> () { std::process::abort() }, ());
    assert!(dies.result().is_err());
    let (_watchdog, told) = watch(&processes);
    let stuck = processes.submit(|()| while !cancel_requested() {}, ());
    let long = HangReason::LongTask(Some(stuck.id()));
    let hang = told.iter().find(|hang| hang.reason == long).unwrap();
    assert!(stuck.kill());
    assert_eq!(hang.dump.stats.workers_restarted, 1, "{hang}");

    // One task waits on a worker for another: its seat goes to a spare thread.
    let threads = ThreadPool::with_workers(1);
    let (_watchdog, told) = watch(&threads);
    let (release, gate) = mpsc::channel::<()>();
    let (started, has_started) = mpsc::channel();
    let other = ThreadPool::with_workers(1);
    let awaited = other.spawn(move || gate.recv().is_ok());
    let waits = threads.spawn(move || {
        started.send(()).unwrap();
        awaited.result().unwrap()
    });
    has_started.recv().unwrap();
    let stuck = threads.spawn(|| while !cancel_requested() {});
    let long = HangReason::LongTask(Some(stuck.id()));
    let hang = told.iter().find(|hang| hang.reason == long).unwrap();
    release.send(()).unwrap();
    assert!(waits.result().unwrap());
    threads.shutdown(Shutdown::Cancel);
    assert!(stuck.is_done());
    assert_eq!(hang.dump.stats.spare_threads, 1, "{hang}");
}

#[test]
fn a_standstill_is_told_of_once_until_something_moves() {
    let bridge = AsyncBridge::new();
    let (_watchdog, told) = watch(&bridge);
    let never = bridge.spawn_async(std::future::pending::<()>());
    let hang = told.recv().unwrap();
    assert_eq!(hang.reason, HangReason::Standstill);
    assert_eq!(hang.dump.suspended.len(), 1);
    // Something moves, and then nothing again.
    bridge.spawn_async(async {}).result().unwrap();
    assert_eq!(told.recv().unwrap().reason, HangReason::Standstill);
    assert!(never.kill());
}

#[test]
fn tasks_that_wait_for_each_other_are_told_of() {
    let pool = ThreadPool::with_workers(1);
    let (_watchdog, told) = watch(&pool);
    let (give, take) = mpsc::channel::<Shared<()>>();
    let (release, gate) = mpsc::channel::<()>();
    let own = pool.spawn(move || {
        let myself = take.recv().unwrap();
        while gate.try_recv().is_err() {
            assert!(myself.result_timeout(Duration::from_millis(300)).is_none());
        }
    });
    let id = own.id();
    let own = own.shared();
    give.send(own.clone()).unwrap();
    assert!(told.iter().any(|hang| hang.reason == HangReason::Cycle(vec![id])));
    release.send(()).unwrap();
    own.result().unwrap();
}

#[test]
fn it_neither_reports_idleness_nor_keeps_a_pool_nor_dies_of_a_panic() {
    let pool = ThreadPool::with_workers(1);
    let (tell, told) = mpsc::channel();
    let watchdog = pool.on_hang(LIMIT, move |hang| {
        tell.send(hang.reason.clone()).unwrap();
        panic!("in the report");
    });
    thread::sleep(4 * LIMIT);
    assert!(told.try_recv().is_err());
    for _ in 0..2 {
        let long = pool.spawn(|| thread::sleep(4 * LIMIT));
        let id = long.id();
        long.result().unwrap();
        assert!(told.iter().any(|reason| reason == HangReason::LongTask(Some(id))));
    }
    let closed = pool.closed();
    drop(pool);
    futures::executor::block_on(closed);
    drop(watchdog);
    // This ends because the report is dropped with the watchdog.
    assert!(told.iter().all(|reason| reason != HangReason::Standstill));
}

#[test]
fn the_plain_one_prints_and_ends_with_a_shutdown_under_way() {
    let pool = ThreadPool::with_workers(1);
    let watchdog = pool.watchdog(LIMIT);
    let long = pool.spawn(|| thread::sleep(3 * LIMIT));
    pool.shutdown(Shutdown::Finish);
    long.result().unwrap();
    drop(watchdog);
    assert_eq!(pool.stats().running, 0);
}
