use super::{occupy, pool, within};
use concurrent_futures::{TaskError, TaskFuture};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
};

#[test]
fn callbacks_run_on_a_worker_and_not_in_the_waiter() {
    within(|| {
        let pool = pool(1);
        let (release, busy) = occupy(&pool);
        let (tell, told) = mpsc::channel();
        busy.on_done(move |_| tell.send(thread::current().name().map(String::from)).unwrap());
        release.send(()).unwrap();
        busy.result().unwrap();
        assert_eq!(told.recv().unwrap().as_deref(), Some("worker-0"));
    });
}

#[test]
fn a_long_chain_of_cancellations_needs_no_stack() {
    within(|| {
        let pool = pool(1);
        let (release, busy) = occupy(&pool);
        let mut next = pool.spawn(|| ()).handle();
        let mut futures = Vec::new();
        for _ in 0..20_000 {
            let future = pool.spawn(|| ());
            let following = std::mem::replace(&mut next, future.handle());
            future.on_done(move |_| {
                following.cancel();
            });
            futures.push(future);
        }
        assert!(next.cancel());
        assert!(futures.iter().all(TaskFuture::is_cancelled));
        release.send(()).unwrap();
        busy.result().unwrap();
    });
}

#[test]
fn callbacks_added_while_the_task_ends_all_run_once() {
    within(|| {
        let pool = pool(2);
        for _ in 0..500 {
            let called = Arc::new(AtomicUsize::new(0));
            let future = pool.spawn(|| 1);
            for _ in 0..10 {
                let called = called.clone();
                future.on_done(move |_| {
                    called.fetch_add(1, SeqCst);
                });
            }
            assert_eq!(future.result().unwrap(), 1);
            assert_eq!(called.load(SeqCst), 10);
        }
    });
}

#[test]
fn a_callback_may_wait_for_a_task_that_is_queued_behind_it() {
    within(|| {
        let pool = pool(1);
        let (release, busy) = occupy(&pool);
        let behind = pool.spawn(|| 5);
        let (tell, told) = mpsc::channel();
        busy.on_done(move |_| tell.send(behind.result().unwrap()).unwrap());
        release.send(()).unwrap();
        busy.result().unwrap();
        assert_eq!(told.recv().unwrap(), 5);
    });
}

#[test]
fn a_callback_that_waits_for_its_own_task_is_told_instead_of_hanging() {
    within(|| {
        let pool = pool(1);
        let (release, busy) = occupy(&pool);
        let future = Arc::new(std::sync::Mutex::new(None::<TaskFuture<u8>>));
        let queued = pool.spawn(|| 6);
        let (tell, told) = mpsc::channel();
        let own = future.clone();
        queued.on_done(move |_| {
            let own = own.lock().unwrap().take().unwrap();
            let waiting = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| own.result().is_ok()));
            tell.send(waiting.unwrap_err().downcast_ref::<String>().cloned())
                .unwrap();
        });
        *future.lock().unwrap() = Some(queued);
        release.send(()).unwrap();
        busy.result().unwrap();
        assert!(told.recv().unwrap().unwrap().contains("waits for that task"));
    });
}

#[test]
fn a_panicking_callback_of_a_failed_task_changes_nothing() {
    within(|| {
        let pool = pool(1);
        let (release, busy) = occupy(&pool);
        let failing = pool.spawn(|| -> u8 { panic!("the task") });
        failing.on_done(|_| panic!("the callback"));
        release.send(()).unwrap();
        busy.result().unwrap();
        let Err(TaskError::Panicked(panic)) = failing.result() else {
            panic!("another outcome")
        };
        assert_eq!(panic.message(), "the task");
        assert_eq!(pool.spawn(|| 1).result().unwrap(), 1);
    });
}
