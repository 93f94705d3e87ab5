use crate::dump_until;
use concurrent_futures::{AsyncBridge, Dump, Executor, Shared, Shutdown, TaskFuture, TaskId, ThreadPool};
use futures::channel::oneshot;
use std::{sync::mpsc, time::Duration};

fn has_cycle(dump: &Dump, mut expected: Vec<TaskId>) -> bool {
    expected.sort();
    dump.cycles.iter().any(|cycle| {
        let mut cycle = cycle.clone();
        cycle.sort();
        cycle == expected
    })
}

/// Two tasks, on these two pools, each of which waits for the other for as long as the limit says.
fn circle_on(first: &ThreadPool, second: &ThreadPool) -> [TaskFuture<()>; 2] {
    let ((give, take), (give_back, take_back)) = (mpsc::channel(), mpsc::channel());
    let wait_for = |other: mpsc::Receiver<Shared<()>>, release: mpsc::Receiver<()>| {
        move || {
            let other = other.recv().unwrap();
            // Waits that have a limit, so that the test can end.
            while other.result_timeout(Duration::from_millis(500)).is_none() && release.try_recv().is_err() {}
        }
    };
    let ((end, ends), (end_other, other_ends)) = (mpsc::channel(), mpsc::channel());
    let a = first.spawn(wait_for(take, ends));
    let b = second.spawn(wait_for(take_back, other_ends));
    let ids = [a.id(), b.id()];
    let (shared_a, shared_b) = (a.shared(), b.shared());
    give.send(shared_b.clone()).unwrap();
    give_back.send(shared_a.clone()).unwrap();
    let dump = dump_until(first, |dump| has_cycle(dump, ids.to_vec()));
    let shown = dump.to_string();
    assert!(shown.contains("A CIRCLE: task"), "{shown}");
    assert!(has_cycle(
        &dump_until(second, |dump| has_cycle(dump, ids.to_vec())),
        ids.to_vec()
    ));
    end.send(()).unwrap();
    end_other.send(()).unwrap();
    let watcher = ThreadPool::with_workers(2);
    [shared_a, shared_b].map(|shared| watcher.spawn(move || shared.result().unwrap()))
}

#[test]
fn two_that_wait_for_each_other_are_reported() {
    let pool = ThreadPool::with_workers(2);
    for task in circle_on(&pool, &pool) {
        task.result().unwrap();
    }
    assert!(pool.dump().cycles.is_empty());
}

#[test]
fn also_across_two_pools() {
    let (first, second) = (ThreadPool::with_workers(1), ThreadPool::with_workers(1));
    for task in circle_on(&first, &second) {
        task.result().unwrap();
    }
}

#[test]
fn also_if_they_are_futures_and_if_one_waits_for_itself() {
    let bridge = AsyncBridge::new();
    let (give, take) = oneshot::channel::<Shared<()>>();
    let own = bridge.spawn_async(async move {
        let myself = take.await.unwrap();
        let _ = myself.await;
    });
    let id = own.id();
    let own = own.shared();
    assert!(give.send(own.clone()).is_ok());
    let dump = dump_until(&bridge, |dump| !dump.cycles.is_empty());
    assert_eq!(dump.cycles, [vec![id]]);
    bridge.shutdown(Shutdown::Kill);
    assert!(own.result().unwrap_err().is_cancelled());
}

#[test]
fn a_chain_of_waits_is_none() {
    let pool = ThreadPool::with_workers(3);
    let (release, gate) = mpsc::channel::<()>();
    let last = pool.spawn(move || gate.recv().is_ok()).shared();
    let tasks: Vec<_> = (0..2)
        .map(|_| {
            let last = last.clone();
            pool.spawn(move || last.result().unwrap())
        })
        .collect();
    let dump = dump_until(&pool, |dump| {
        dump.running().filter(|task| task.awaits.is_some()).count() == 2
    });
    assert!(dump.cycles.is_empty(), "{dump}");
    release.send(()).unwrap();
    assert!(tasks.into_iter().all(|task| task.result().unwrap()));
}
