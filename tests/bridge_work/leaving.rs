//! What is left behind: futures that nobody awaits any more, captured values, cycles, work that begins at the end.

use super::{Counted, Gate, Kind, current_thread, loosely_watched, occupy, on_every_bridge, settle, within};
use concurrent_futures::{AsyncBridge, Executor, Shutdown, TaskFuture};
use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
};

#[test]
fn a_task_goes_on_when_who_awaits_it_is_aborted_unless_it_was_to_be_cancelled() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 1);
        let gate = Gate::new();
        let (ran, runs) = mpsc::channel();
        // The only place of each kind is taken, so what is submitted now is queued.
        let busy = occupy(&bridge, gate.pass());
        let pass = gate.pass();
        let busy_call = bridge.spawn(move || pass.block());
        let work = |name: &'static str| {
            let ran = ran.clone();
            move || ran.send(name).unwrap()
        };
        let (detached, cancelled) = (work("future"), work("cancelled future"));
        let futures = [
            bridge.spawn(work("call")),
            bridge.spawn(work("cancelled call")).cancel_on_drop(),
            bridge.spawn_async(async move { detached() }),
            bridge.spawn_async(async move { cancelled() }).cancel_on_drop(),
        ];
        let handles: Vec<_> = futures.iter().map(TaskFuture::handle).collect();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        runtime.block_on(async move {
            let (awaiting, awaits) = mpsc::channel();
            let tasks = futures.map(|mut future| {
                let awaiting = awaiting.clone();
                tokio::spawn(async move {
                    assert!(futures::poll!(&mut future).is_pending());
                    awaiting.send(()).unwrap();
                    future.await
                })
            });
            for _ in &tasks {
                tokio::task::block_in_place(|| awaits.recv().unwrap());
            }
            for task in tasks {
                task.abort();
                assert!(task.await.unwrap_err().is_cancelled());
            }
        });
        let cancelled: Vec<_> = handles.iter().map(|handle| handle.is_cancelled()).collect();
        assert_eq!(cancelled, [false, true, false, true]);
        gate.open();
        busy.result().unwrap();
        busy_call.result().unwrap();
        bridge.shutdown(Shutdown::Finish);
        drop(ran);
        let mut ran: Vec<_> = runs.try_iter().collect();
        ran.sort_unstable();
        assert_eq!(ran, ["call", "future"]);
    });
}

#[test]
fn nothing_happens_when_the_loop_that_awaits_is_gone_when_the_task_ends() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 2);
        for round in 0..20 {
            let gate = Gate::new();
            let (one, other) = (gate.pass(), gate.pass());
            let alive = Arc::new(AtomicUsize::new(0));
            let (value, async_value) = (Counted::new(&alive), Counted::new(&alive));
            let call = bridge.spawn(move || (one.block(), value).1);
            let future = bridge.spawn_async(async move { (other.wait().await, async_value).1 });
            let handles = [call.handle(), future.handle()];
            let runtime = current_thread();
            let awaiting = runtime.spawn(async move { (call.await.is_ok(), future.await.is_ok()) });
            runtime.block_on(async {
                for _ in 0..5 {
                    tokio::task::yield_now().await;
                }
            });
            if round % 2 == 0 {
                drop(runtime);
                gate.open();
            } else {
                // At the same time.
                gate.open();
                drop(runtime);
            }
            drop(awaiting);
            super::wait_until(|| handles.iter().all(|handle| handle.is_done()));
            super::wait_until(|| alive.load(SeqCst) == 0);
        }
        assert_eq!(bridge.stats().succeeded, 40);
    });
}

#[test]
fn what_a_task_held_is_gone_when_it_has_ended_though_its_handles_are_kept() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 1);
        let alive = Arc::new(AtomicUsize::new(0));
        let counted = || Counted::new(&alive);
        let (captured, argument) = (counted(), counted());
        let mut call = bridge.submit(move |argument| drop((captured, argument)), argument);
        call.result_timeout(std::time::Duration::MAX).unwrap().unwrap();
        assert_eq!(alive.load(SeqCst), 0, "call");
        let (captured, argument) = (counted(), counted());
        let work = move |argument: Counted| async move {
            super::yield_once().await;
            drop((captured, argument));
        };
        let mut future = bridge.submit_async(work, argument);
        let handle = future.handle();
        future.result_timeout(std::time::Duration::MAX).unwrap().unwrap();
        assert_eq!(alive.load(SeqCst), 0, "future");
        let captured = counted();
        let failed = bridge.spawn_async(async move {
            let _captured = captured;
            super::yield_once().await;
            panic!("with what it holds");
        });
        super::wait_until(|| failed.is_done());
        super::wait_until(|| alive.load(SeqCst) == 0);
        let gate = Gate::new();
        let busy = occupy(&bridge, gate.pass());
        let captured = counted();
        let queued = bridge.spawn_async(async move { drop(captured) });
        assert!(queued.cancel());
        assert_eq!(alive.load(SeqCst), 0, "cancelled");
        gate.open();
        busy.result().unwrap();
        let captured = counted();
        let suspended = bridge.spawn_async(async move {
            let _captured = captured;
            pending::<()>().await;
        });
        settle(&bridge);
        assert!(suspended.kill());
        assert_eq!(alive.load(SeqCst), 0, "killed");
        drop((handle, call, future));
        assert!(failed.result().is_err() && suspended.result().is_err());
    });
}

#[test]
fn tasks_that_hold_one_anothers_futures_are_freed_by_a_kill() {
    on_every_bridge(|kind| {
        let bridge = loosely_watched(kind.unwatched(1, 1));
        let alive = Arc::new(AtomicUsize::new(0));
        let mut hand_over = Vec::new();
        let mut futures = Vec::new();
        for _ in 0..10 {
            let (send, receive) = futures::channel::oneshot::channel::<TaskFuture<()>>();
            let counted = Counted::new(&alive);
            // Each holds a handle on the bridge too.
            let inner = bridge.clone();
            futures.push(bridge.spawn_async(async move {
                let _held = (counted, inner);
                let _ = receive.await.unwrap().await;
            }));
            hand_over.push(send);
        }
        futures.rotate_left(1);
        for (send, future) in hand_over.into_iter().zip(futures) {
            assert!(send.send(future).is_ok());
        }
        settle(&bridge);
        assert_eq!(alive.load(SeqCst), 10);
        bridge.shutdown(Shutdown::Kill);
        assert_eq!(alive.load(SeqCst), 0);
        // One that hears of the end of another may still end by itself.
        assert!(bridge.stats().cancelled > 0);
        super::watchdog::assert_books_are_closed(&bridge);
    });
}

/// Submits when it is dropped.
struct Submits {
    bridge: AsyncBridge,
    told: mpsc::Sender<[TaskFuture<u32>; 2]>,
}

impl Drop for Submits {
    fn drop(&mut self) {
        let futures = [self.bridge.spawn_async(async { 1 }), self.bridge.spawn(|| 2)];
        let _ = self.told.send(futures);
    }
}

#[test]
fn a_destructor_that_submits_during_a_shutdown_is_told() {
    on_every_bridge(|kind| {
        for how in [Shutdown::Finish, Shutdown::Cancel, Shutdown::Kill] {
            let bridge = kind.unwatched(1, 1);
            let (told, hears) = mpsc::channel();
            let gate = Gate::new();
            let pass = gate.pass();
            let submits = Submits {
                bridge: bridge.clone(),
                told: told.clone(),
            };
            // One suspended, one that does not start in time.
            let suspended = bridge.spawn_async(async move {
                let _submits = submits;
                pass.wait().await;
            });
            settle(&bridge);
            let busy = occupy(&bridge, gate.pass());
            let submits = Submits {
                bridge: bridge.clone(),
                told,
            };
            let queued = bridge.spawn_async(async move { drop(submits) });
            bridge.begin_shutdown(how);
            gate.open();
            busy.result().unwrap();
            bridge.shutdown(Shutdown::Finish);
            for future in hears.iter().flatten() {
                match future.result() {
                    Ok(value) => assert!(value < 3 && how == Shutdown::Finish),
                    Err(error) => assert!(error.is_shut_down() || error.is_cancelled(), "{error}"),
                }
            }
            assert_eq!(queued.result().is_ok(), how == Shutdown::Finish);
            assert_eq!(suspended.result().is_ok(), how != Shutdown::Kill);
            super::watchdog::assert_books_are_closed(&bridge);
        }
    });
}

#[test]
fn a_future_that_nobody_can_wake_or_ask_for_holds_up_no_shutdown() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 1);
        let alive = Arc::new(AtomicUsize::new(0));
        for _ in 0..10 {
            let counted = Counted::new(&alive);
            drop(bridge.spawn_async(async move {
                let _counted = counted;
                pending::<()>().await;
            }));
        }
        bridge.shutdown(Shutdown::Finish);
        assert_eq!(alive.load(SeqCst), 0);
        assert_eq!(bridge.stats().cancelled, 10);
    });
}

#[test]
fn a_suspended_task_may_hold_the_last_handle_of_its_bridge() {
    within(|| {
        for kind in Kind::ALL {
            let bridge = loosely_watched(kind.unwatched(1, 1));
            let closed = bridge.closed();
            let gate = Gate::new();
            let pass = gate.pass();
            let holder = Arc::new(Mutex::new(Some(bridge.clone())));
            let task = bridge.spawn_async(async move {
                pass.wait().await;
                let bridge = holder.lock().unwrap().take().unwrap();
                bridge.spawn(|| 5).await.unwrap()
            });
            settle(&bridge);
            drop(bridge);
            gate.open();
            assert_eq!(task.result().unwrap(), 5);
            futures::executor::block_on(closed);
        }
    });
}
