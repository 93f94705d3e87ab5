use crate::{calls, slices, task};
use concurrent_futures::{
    AsyncBridge, Executor, Inline, Shutdown, ThreadPool,
    timeline::{SliceKind, TaskEnd},
};
use std::{sync::mpsc, time::Duration};

#[test]
fn a_task_is_submitted_starts_and_ends_in_this_order() {
    let pool = ThreadPool::builder().workers(1).name("crew").build().unwrap();
    let recording = pool.record();
    let first = pool
        .options()
        .name("first")
        .spawn(|| std::thread::current().name().map(str::to_owned));
    let id = first.id();
    let thread = first.result().unwrap().unwrap();
    let timeline = recording.finish();

    let trace = task(&timeline, id);
    assert_eq!(
        (&*trace.label, &trace.end, trace.is_async, trace.parent),
        ("first", &TaskEnd::Succeeded, false, None)
    );
    let (submitted, started, ended) = (
        trace.submitted.unwrap(),
        trace.started.unwrap(),
        trace.ended.unwrap(),
    );
    assert!(submitted <= started && started <= ended && ended <= timeline.length);
    assert_eq!(trace.queued(), started.checked_sub(submitted));

    let [slice] = slices(&timeline, id)[..] else {
        panic!("one call")
    };
    assert_eq!(
        (slice.kind, slice.from, slice.items, slice.failed),
        (SliceKind::Call, started, 1, 0)
    );
    assert!(slice.to <= ended && slice.length() == trace.run);
    assert_eq!(timeline.lanes[slice.lane].name, thread);
    assert_eq!(timeline.executors, ["ThreadPool `crew`"]);
    assert_eq!(timeline.lanes[slice.lane].executor, Some(0));
}

#[test]
fn ends_say_how() {
    let pool = ThreadPool::with_workers(1);
    let recording = pool.record();
    let panics = pool.spawn(|| panic!("no bread"));
    let (release, gate) = mpsc::channel::<()>();
    let busy = pool.spawn(move || gate.recv().is_ok());
    let cancelled = pool.spawn(|| ());
    assert!(cancelled.cancel());
    release.send(()).unwrap();
    let ids = [panics.id(), busy.id(), cancelled.id()];
    assert!(panics.result().is_err() && busy.result().unwrap());
    pool.shutdown(Shutdown::Finish);
    let late = pool.spawn(|| ());
    let late_id = late.id();
    assert!(late.result().is_err());

    let timeline = recording.finish();
    let [panics, busy, cancelled] = ids.map(|id| task(&timeline, id));
    assert!(
        matches!(&panics.end, TaskEnd::Failed(error) if error.contains("no bread")),
        "{:?}",
        panics.end
    );
    assert_eq!(busy.end, TaskEnd::Succeeded);
    assert_eq!(
        (&cancelled.end, cancelled.started, cancelled.queued()),
        (&TaskEnd::Cancelled, None, None)
    );
    assert_eq!(task(&timeline, late_id).end, TaskEnd::Cancelled);
}

#[test]
fn a_task_knows_in_which_it_was_submitted() {
    let pool = ThreadPool::with_workers(2);
    let recording = pool.record();
    let theirs = pool.clone();
    let parent = pool.spawn(move || {
        let child = theirs.spawn(|| 1);
        (child.id(), child.result().unwrap())
    });
    let parent_id = parent.id();
    let (child, _) = parent.result().unwrap();
    let timeline = recording.finish();
    assert_eq!(task(&timeline, child).parent, Some(parent_id));
    assert_eq!(task(&timeline, parent_id).parent, None);
}

#[test]
fn every_item_of_a_map_is_counted_once() {
    let pool = ThreadPool::with_workers(2);
    let recording = pool.record();
    let failed = pool
        .map(
            |n: u32| {
                assert!(n % 100 != 7, "unlucky");
                n
            },
            0..5_000,
        )
        .filter(Result::is_err)
        .count();
    let timeline = recording.finish();
    assert_eq!((failed, timeline.items()), (50, 5_000));
    assert_eq!(calls(&timeline).map(|slice| slice.failed).sum::<u32>(), 50);
    let submitted = timeline
        .slices
        .iter()
        .filter(|slice| slice.kind == SliceKind::Submit);
    assert_eq!(submitted.map(|slice| slice.items).sum::<u32>(), 5_000);
    assert!(timeline.tasks.is_empty());
}

#[test]
fn a_future_has_turns_and_a_life_around_them() {
    let bridge = AsyncBridge::from_spawner(ThreadPool::with_workers(1));
    let recording = bridge.record();
    let (wake, woken) = futures::channel::oneshot::channel::<u32>();
    let waits = bridge.spawn_async(async { woken.await.unwrap() });
    while bridge.dump().suspended.is_empty() {
        std::thread::yield_now();
    }
    wake.send(7).unwrap();
    let id = waits.id();
    assert_eq!(waits.result().unwrap(), 7);
    let timeline = recording.finish();
    let trace = task(&timeline, id);
    assert!(trace.is_async && trace.end == TaskEnd::Succeeded);
    let turns = slices(&timeline, id);
    assert!(turns.len() >= 2 && turns.iter().all(|turn| turn.kind == SliceKind::Turn));
    assert_eq!(
        trace.run,
        turns.iter().map(|turn| turn.length()).sum::<Duration>()
    );
    assert!(trace.ended.unwrap() >= trace.started.unwrap() + trace.run);
}

#[test]
fn only_what_is_asked_for_is_recorded_and_only_as_long() {
    let (pool, other) = (ThreadPool::with_workers(1), ThreadPool::with_workers(1));
    let before = pool.spawn(|| 0).result();
    let recording = pool.record();
    let both = pool.record().also(&other);
    let (mine, theirs) = (pool.spawn(|| 1), other.spawn(|| 2));
    let (mine_id, theirs_id) = (mine.id(), theirs.id());
    assert_eq!(
        [before, mine.result(), theirs.result()].map(Result::unwrap),
        [0, 1, 2]
    );
    let timeline = recording.finish();
    assert_eq!(
        timeline.tasks.iter().map(|task| task.id).collect::<Vec<_>>(),
        [mine_id]
    );
    pool.spawn(|| 3).result().unwrap();

    let timeline = both.timeline();
    assert_eq!(timeline.tasks.len(), 3);
    assert_eq!(timeline.executors.len(), 2);
    assert_ne!(
        task(&timeline, mine_id).executor,
        task(&timeline, theirs_id).executor
    );
    drop(both);
}

#[test]
fn what_there_is_no_room_for_is_counted() {
    let pool = ThreadPool::with_workers(1);
    let recording = pool.record().keep(10);
    let futures: Vec<_> = (0..100).map(|n| pool.spawn(move || n)).collect();
    assert!(futures.into_iter().all(|future| future.result().is_ok()));
    let timeline = recording.finish();
    // Submitted, and ran to its end.
    assert_eq!(timeline.left_out, 200 - 10);
    assert!(timeline.tasks.len() <= 10 && timeline.to_string().contains("190 notes were left out"));
}

#[test]
fn work_that_runs_on_top_of_its_waiter_lies_within_it() {
    let pool = ThreadPool::with_workers(1);
    let recording = pool.record();
    let theirs = pool.clone();
    let outer = pool.spawn(move || {
        let inner = theirs.spawn(|| ());
        let id = inner.id();
        inner.result().unwrap();
        id
    });
    let outer_id = outer.id();
    let inner_id = outer.result().unwrap();
    let timeline = recording.finish();
    let ([outer], [inner]) = (&slices(&timeline, outer_id)[..], &slices(&timeline, inner_id)[..]) else {
        panic!("one call each")
    };
    assert!(outer.from <= inner.from && inner.to <= outer.to);
    assert_eq!(outer.lane, inner.lane);
}

#[test]
fn the_callers_thread_is_a_lane_too() {
    let inline = Inline::new();
    let recording = inline.record();
    assert_eq!(inline.submit(|n: u32| n, 3).result().unwrap(), 3);
    let timeline = recording.finish();
    assert_eq!(
        (timeline.executors.as_slice(), timeline.tasks.len()),
        (["Inline".to_owned()].as_slice(), 1)
    );
    assert_eq!(calls(&timeline).count(), 1);
}

#[test]
fn threads_that_have_ended_are_in_it() {
    let recording;
    {
        let pool = ThreadPool::with_workers(2);
        recording = pool.record();
        let tasks: Vec<_> = (0..10).map(|n| pool.spawn(move || n)).collect();
        drop(tasks);
    }
    assert_eq!(
        recording
            .finish()
            .tasks
            .iter()
            .filter(|task| task.end == TaskEnd::Succeeded)
            .count(),
        10
    );
}
