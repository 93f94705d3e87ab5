//! Cancelling and killing a future in every state it can be in, from everywhere.

use super::{Gate, Kind, Pass, occupy, on_every_bridge, settle};
use concurrent_futures::{AsyncBridge, Executor, TaskFuture, TaskHandle};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
    mpsc,
};

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Queued,
    Polled,
    Suspended,
    Done,
    Taken,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Who {
    Test,
    /// On the thread that polls.
    Runtime,
    /// In the callback of another task.
    Callback,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum How {
    Cancel,
    Kill,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Owner {
    Keeps,
    DropsBefore,
    DropsAfter,
}

type Job = Box<dyn FnOnce() + Send>;

/// Counts how often it is dropped.
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// A future that has been brought into a state.
struct Scene {
    /// Runs what it is sent on the polling thread, if that is kept busy.
    jobs: mpsc::Sender<Job>,
    gate: Gate,
    subject: TaskFuture<u32>,
    drops: Arc<AtomicUsize>,
    /// The last handle waits for what the others above hold up: it goes after them.
    bridge: AsyncBridge,
}

/// A task that keeps its thread and does what it is told there, until nobody is left to tell it.
fn obey(orders: &mpsc::Receiver<Job>) {
    while let Ok(job) = orders.recv() {
        job();
    }
}

fn subject(
    drops: &Arc<AtomicUsize>,
    orders: Option<mpsc::Receiver<Job>>,
    polled: mpsc::Sender<()>,
    pass: Pass,
) -> impl Future<Output = u32> + Send + 'static {
    let dropped = Dropped(drops.clone());
    async move {
        let _dropped = dropped;
        polled.send(()).unwrap();
        if let Some(orders) = orders {
            obey(&orders);
        }
        pass.wait().await;
        7
    }
}

fn set(kind: Kind, state: State) -> Scene {
    let bridge = kind.unwatched(1, 1);
    let gate = Gate::new();
    let drops = Arc::new(AtomicUsize::new(0));
    let (jobs, orders) = mpsc::channel::<Job>();
    let (polled, polls) = mpsc::channel();
    let mut orders = Some(orders);
    if state == State::Queued {
        let (started, starts) = mpsc::channel();
        let orders = orders.take().unwrap();
        drop(bridge.spawn_async(async move {
            started.send(()).unwrap();
            obey(&orders);
        }));
        starts.recv().unwrap();
    }
    let orders = orders.filter(|_| state == State::Polled);
    let mut subject = bridge.spawn_async(subject(&drops, orders, polled, gate.pass()));
    if state != State::Queued {
        polls.recv().unwrap();
    }
    if state == State::Suspended {
        settle(&bridge);
    }
    if matches!(state, State::Done | State::Taken) {
        gate.open();
        super::wait_until(|| subject.is_done());
        settle(&bridge);
    }
    if state == State::Taken {
        let taken = subject.result_timeout(std::time::Duration::MAX);
        assert_eq!(taken.unwrap().unwrap(), 7);
    }
    Scene {
        jobs,
        gate,
        subject,
        drops,
        bridge,
    }
}

/// Has somebody act on the task, and gives their answer together with how often its future was dropped by then.
fn act(scene: &Scene, state: State, whose: Who, handle: &TaskHandle, how: How) -> (bool, usize) {
    let (answer, answered) = mpsc::channel();
    let (handle, drops) = (handle.clone(), scene.drops.clone());
    let job: Job = Box::new(move || {
        let done = match how {
            How::Cancel => handle.cancel(),
            How::Kill => handle.kill(),
        };
        answer.send((done, drops.load(SeqCst))).unwrap();
    });
    match whose {
        Who::Test => job(),
        Who::Runtime if matches!(state, State::Queued | State::Polled) => scene.jobs.send(job).unwrap(),
        Who::Runtime => drop(scene.bridge.spawn_async(async move { job() })),
        Who::Callback => {
            let gate = Gate::new();
            let pass = gate.pass();
            let trigger = scene.bridge.spawn(move || pass.block());
            trigger.on_done(move |_| job());
        }
    }
    answered.recv().unwrap()
}

fn one(kind: Kind, state: State, whose: Who, how: How, owner: Owner) {
    let mut scene = set(kind, state);
    let handle = scene.subject.handle();
    let mut kept = None;
    let expected = match (state, how) {
        (State::Queued, _) | (State::Polled | State::Suspended, How::Kill) => true,
        (State::Polled | State::Suspended, How::Cancel) | (State::Done | State::Taken, _) => false,
    };
    let spare = scene.bridge.spawn(|| 0);
    match owner {
        Owner::DropsBefore => drop(std::mem::replace(&mut scene.subject, spare)),
        Owner::Keeps | Owner::DropsAfter => kept = Some(std::mem::replace(&mut scene.subject, spare)),
    }
    let (done, drops) = act(&scene, state, whose, &handle, how);
    assert_eq!(done, expected);
    let ended = matches!(state, State::Done | State::Taken);
    let gone = ended || expected && state != State::Polled;
    assert_eq!(drops, usize::from(gone), "when it was told");
    assert_eq!(handle.is_done(), ended || expected);
    assert_eq!(handle.is_cancelled(), expected);
    if owner == Owner::DropsAfter {
        drop(kept.take());
    }
    scene.gate.open();
    drop(scene.jobs);
    match kept.map(|future| (state == State::Taken, future)) {
        None | Some((true, _)) => {}
        Some((false, future)) if expected => assert!(future.result().unwrap_err().is_cancelled()),
        Some((false, future)) => assert_eq!(future.result().unwrap(), 7),
    }
    // Again, and too late: nothing happens any more.
    scene.bridge.shutdown(concurrent_futures::Shutdown::Finish);
    assert_eq!(handle.is_cancelled(), expected);
    assert!(handle.is_done());
    handle.kill();
    assert_eq!(scene.drops.load(SeqCst), 1, "each future is dropped once");
    let books = scene.bridge.stats();
    assert_eq!(books.cancelled, u64::from(expected), "{books:?}");
    super::watchdog::assert_books_are_closed(&scene.bridge);
}

#[test]
fn in_each_state_a_future_is_ended_by_whom_it_may_be_and_dropped_once() {
    on_every_bridge(|kind| {
        for state in [
            State::Queued,
            State::Polled,
            State::Suspended,
            State::Done,
            State::Taken,
        ] {
            for who in [Who::Test, Who::Runtime, Who::Callback] {
                for how in [How::Cancel, How::Kill] {
                    for owner in [Owner::Keeps, Owner::DropsBefore, Owner::DropsAfter] {
                        eprintln!("{state:?} {who:?} {how:?} {owner:?}");
                        one(kind, state, who, how, owner);
                    }
                }
            }
        }
    });
}

#[test]
fn who_hears_that_a_future_was_ended_finds_it_dropped() {
    on_every_bridge(|kind| {
        for (state, how) in [
            (State::Queued, How::Cancel),
            (State::Queued, How::Kill),
            (State::Suspended, How::Kill),
        ] {
            let scene = set(kind, state);
            let (tell, hear) = mpsc::channel();
            let drops = scene.drops.clone();
            scene
                .subject
                .on_done(move |_| tell.send(drops.load(SeqCst)).unwrap());
            let handle = scene.subject.handle();
            act(&scene, state, Who::Test, &handle, how);
            assert_eq!(hear.recv().unwrap(), 1, "{state:?} {how:?}");
        }
    });
}

#[test]
fn who_hears_of_a_shutdown_finds_the_suspended_future_dropped() {
    on_every_bridge(|kind| {
        let scene = set(kind, State::Suspended);
        let (tell, hear) = mpsc::channel();
        let drops = scene.drops.clone();
        scene
            .subject
            .on_done(move |_| tell.send(drops.load(SeqCst)).unwrap());
        scene.bridge.shutdown(concurrent_futures::Shutdown::Kill);
        assert_eq!(hear.recv().unwrap(), 1);
    });
}

#[test]
fn a_thousand_queued_futures_are_cancelled_while_the_thread_that_polls_is_busy() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 1);
        let gate = Gate::new();
        let busy = occupy(&bridge, gate.pass());
        let ran = Arc::new(AtomicUsize::new(0));
        let futures: Vec<_> = (0..1_000)
            .map(|n| {
                let ran = ran.clone();
                bridge.spawn_async(async move { (n, ran.fetch_add(1, SeqCst)).0 })
            })
            .collect();
        for future in futures.iter().step_by(2) {
            assert!(future.cancel() && future.is_cancelled());
        }
        gate.open();
        busy.result().unwrap();
        for (n, future) in futures.into_iter().enumerate() {
            match future.result() {
                Ok(value) => assert_eq!((value, n % 2), (n, 1)),
                Err(error) => assert!(error.is_cancelled() && n % 2 == 0),
            }
        }
        assert_eq!(ran.load(SeqCst), 500);
    });
}
