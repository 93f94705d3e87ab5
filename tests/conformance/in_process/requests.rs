//! Tokens that other threads hold: they outlive their task and see what became of it, and keep nothing alive.

use super::{occupy, pool, within};
use concurrent_futures::{CancelToken, Executor, Shutdown};
use futures::executor::block_on;
use std::{
    future::pending,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

#[test]
fn a_request_that_comes_too_late_leaves_the_token_as_it_was() {
    within(|| {
        let pool = pool(1);
        let done = pool.submit(|()| CancelToken::current(), ());
        let handle = done.handle();
        let token = done.result().unwrap();
        assert!(!handle.cancel() && !handle.kill());
        assert!(!token.is_requested());
        let failed = pool.options().timeout(Duration::from_millis(20));
        let in_time = failed.submit(|()| CancelToken::current(), ());
        let handle = in_time.handle();
        let token = in_time.result().unwrap();
        thread::sleep(Duration::from_millis(40));
        assert!(!token.is_requested() && handle.is_done());
        let group = pool.group();
        group.submit(|()| CancelToken::current(), ());
        let tokens = group.join().unwrap();
        assert!(!tokens[0].is_requested());
    });
}

#[test]
fn a_token_that_was_raised_stays_raised_when_everything_else_is_gone() {
    within(|| {
        let pool = pool(2);
        let (send, receive) = mpsc::channel();
        let asked = pool.spawn(move || {
            let token = CancelToken::current();
            send.send(token.clone()).unwrap();
            block_on(token.requested());
        });
        let token = receive.recv().unwrap();
        assert!(!asked.cancel());
        asked.result().unwrap();
        pool.shutdown(Shutdown::Finish);
        drop(pool);
        assert!(token.is_requested() && token.clone().is_requested());
        block_on(token.requested());
        assert!(format!("{token:?}").contains("is_requested: true"));
    });
}

#[test]
fn a_token_keeps_no_suspended_task_alive() {
    within(|| {
        let pool = pool(1);
        let guard = Arc::new(());
        let (send, receive) = mpsc::channel();
        let inside = guard.clone();
        let suspended = pool.spawn_async(async move {
            let token = CancelToken::current();
            send.send(token.clone()).unwrap();
            pending::<()>().await;
            drop((token, inside));
        });
        let token = receive.recv().unwrap();
        // Nobody can wake it and nobody has its future: that is its end, whoever has its token.
        drop(suspended);
        pool.shutdown(Shutdown::Finish);
        assert_eq!(Arc::strong_count(&guard), 1);
        drop(token);
    });
}

#[test]
fn who_waits_for_a_request_alone_can_be_woken_by_it() {
    within(|| {
        let pool = pool(1);
        let (send, receive) = mpsc::channel();
        let inside = send.clone();
        drop(pool.spawn_async(async move {
            let token = CancelToken::current();
            inside.send("suspended").unwrap();
            token.requested().await;
            inside.send("heard").unwrap();
        }));
        drop(send);
        assert_eq!(receive.recv().unwrap(), "suspended");
        pool.spawn(|| ()).result().unwrap();
        pool.shutdown(Shutdown::Cancel);
        assert_eq!(receive.recv().unwrap(), "heard");
    });
}

#[test]
fn a_wait_that_is_given_up_leaves_no_waker() {
    within(|| {
        let pool = pool(1);
        let (send, receive) = mpsc::channel();
        let asked = pool.spawn(move || {
            let token = CancelToken::current();
            send.send(token.clone()).unwrap();
            block_on(token.requested());
        });
        let token = receive.recv().unwrap();
        let guard = Arc::new(Waker);
        for _ in 0..1_000 {
            let waker = std::task::Waker::from(guard.clone());
            let mut waiting = Box::pin(token.requested());
            for _ in 0..2 {
                assert!(
                    waiting
                        .as_mut()
                        .poll(&mut std::task::Context::from_waker(&waker))
                        .is_pending()
                );
            }
        }
        assert_eq!(Arc::strong_count(&guard), 1);
        assert!(!asked.cancel());
        asked.result().unwrap();
    });
}

struct Waker;

impl std::task::Wake for Waker {
    fn wake(self: Arc<Self>) {
        panic!("nobody waits");
    }
}

#[test]
fn a_waker_that_panics_keeps_the_request_from_nobody() {
    within(|| {
        let pool = pool(1);
        let (send, receive) = mpsc::channel();
        let asked = pool.spawn(move || {
            let token = CancelToken::current();
            send.send(token.clone()).unwrap();
            block_on(token.requested());
        });
        let token = receive.recv().unwrap();
        let waker = std::task::Waker::from(Arc::new(Waker));
        let mut waiting = Box::pin(token.requested());
        assert!(
            waiting
                .as_mut()
                .poll(&mut std::task::Context::from_waker(&waker))
                .is_pending()
        );
        assert!(!asked.cancel());
        asked.result().unwrap();
        assert!(
            waiting
                .as_mut()
                .poll(&mut std::task::Context::from_waker(&waker))
                .is_ready()
        );
    });
}

#[test]
fn a_task_has_its_own_token_while_it_helps_another() {
    within(|| {
        let pool = pool(1);
        let inner = pool.clone();
        let (send, receive) = mpsc::channel();
        let outer = pool.spawn(move || {
            // The waiter runs the child on its own thread.
            let child = inner.spawn(CancelToken::current).result().unwrap();
            let own = CancelToken::current();
            send.send(()).unwrap();
            block_on(own.requested());
            (child.is_requested(), own.is_requested())
        });
        receive.recv().unwrap();
        assert!(!outer.cancel());
        assert_eq!(outer.result().unwrap(), (false, true));
    });
}

#[test]
fn a_queued_task_that_is_cancelled_has_no_token_to_raise() {
    within(|| {
        let pool = pool(1);
        let (release, busy) = occupy(&pool);
        let queued = pool.spawn(CancelToken::current);
        assert!(queued.cancel());
        drop(release);
        busy.result().unwrap();
        assert!(!pool.spawn(CancelToken::current).result().unwrap().is_requested());
    });
}

#[test]
fn an_attempt_that_passes_its_deadline_raises_its_token() {
    within(|| {
        let pool = pool(1);
        let (send, receive) = mpsc::channel();
        let late = move |()| {
            let send = send.clone();
            async move {
                send.send(CancelToken::current()).unwrap();
                pending::<()>().await;
            }
        };
        let options = pool.options().retries(1).timeout(Duration::from_millis(10));
        assert!(
            options
                .submit_async(late, ())
                .result()
                .unwrap_err()
                .is_timed_out()
        );
        let tokens: Vec<_> = receive.try_iter().collect();
        let raised: Vec<_> = tokens.iter().map(CancelToken::is_requested).collect();
        assert_eq!(raised, [true, true]);
    });
}

#[test]
fn a_shutdown_asks_nothing_of_a_task_that_has_ended() {
    within(|| {
        let pool = pool(1);
        let done = pool.submit(|()| CancelToken::current(), ());
        let handle = done.handle();
        let token = done.result().unwrap();
        pool.shutdown(Shutdown::Cancel);
        assert!(handle.is_done() && !token.is_requested());
    });
}
