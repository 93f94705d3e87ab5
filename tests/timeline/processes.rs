use crate::{calls, slices, task};
use concurrent_futures::{
    Executor, ProcessPool, Shutdown,
    timeline::{SliceKind, TaskEnd},
};
use std::time::Duration;

fn pid_of(_: Vec<String>) -> (u32, Vec<String>) {
    (std::process::id(), vec!["a result".into(); 10_000])
}

#[test]
fn a_task_in_a_process_has_its_steps_apart_on_one_clock() {
    let pool = ProcessPool::with_workers(1);
    let recording = pool.record();
    let future = pool.submit(pid_of, vec!["an argument".into(); 10_000]);
    let id = future.id();
    let (pid, _) = future.result().unwrap();
    let timeline = recording.finish();

    let trace = task(&timeline, id);
    let steps = [
        trace.encode_argument,
        trace.decode_argument,
        trace.run,
        trace.encode_result,
        trace.decode_result,
    ];
    assert!(steps.iter().all(|step| *step > Duration::ZERO), "{steps:?}");
    assert_eq!(trace.end, TaskEnd::Succeeded);

    let slices = slices(&timeline, id);
    let kinds = [SliceKind::Submit, SliceKind::Call, SliceKind::Collect];
    let [submit, call, collect] = kinds.map(|kind| slices.iter().find(|slice| slice.kind == kind).unwrap());
    assert_eq!(timeline.lanes[call.lane].pid, Some(pid));
    assert_eq!(timeline.lanes[submit.lane].pid, None);
    assert!(submit.to <= call.from && call.to <= trace.ended.unwrap() && call.to <= collect.from);
    assert_eq!(call.length(), call.decode + trace.run + call.encode);
    assert_eq!(
        (call.decode, call.encode),
        (trace.decode_argument, trace.encode_result)
    );
    assert!(call.label.ends_with("pid_of"), "{}", call.label);
}

#[test]
fn every_item_of_a_map_is_counted_once_and_named_after_the_work() {
    let pool = ProcessPool::with_workers(2);
    let recording = pool.record();
    let outcomes = pool.options().name("squares").map(
        |n: u64| {
            assert!(n % 1_000 != 7, "unlucky");
            n * n
        },
        0..20_000,
    );
    assert_eq!(outcomes.filter(Result::is_err).count(), 20);
    // A worker whose batch was taken over tells of it after the outcomes.
    pool.shutdown(Shutdown::Finish);
    let timeline = recording.finish();
    assert_eq!(timeline.items(), 20_000);
    assert_eq!(calls(&timeline).map(|slice| slice.failed).sum::<u32>(), 20);
    assert!(
        calls(&timeline).all(|slice| &*slice.label == "squares" && timeline.lanes[slice.lane].pid.is_some())
    );
    let of_callers = |kind| timeline.slices.iter().filter(move |slice| slice.kind == kind);
    assert_eq!(
        of_callers(SliceKind::Submit)
            .map(|slice| slice.items)
            .sum::<u32>(),
        20_000
    );
    assert_eq!(
        of_callers(SliceKind::Collect)
            .map(|slice| slice.items)
            .sum::<u32>(),
        20_000
    );
    assert!(
        of_callers(SliceKind::Submit)
            .all(|slice| slice.encode > Duration::ZERO && slice.encode <= slice.length())
    );
}

#[test]
fn a_call_that_kills_its_process_is_seen_on_it() {
    let pool = ProcessPool::with_workers(1);
    let recording = pool.record();
    let dies = pool.submit(|(): ()| std::process::abort(), ());
    let id = dies.id();
    let error = dies.result().map(|(): ()| ()).unwrap_err();
    let timeline = recording.finish();
    let concurrent_futures::TaskError::WorkerDied(death) = error else {
        panic!("{error}")
    };
    let last = slices(&timeline, id)
        .into_iter()
        .find(|slice| slice.kind == SliceKind::Died)
        .unwrap();
    assert_eq!(timeline.lanes[last.lane].pid, Some(death.pid()));
    assert!(matches!(&task(&timeline, id).end, TaskEnd::Failed(error) if error.contains("signal")));
}

#[test]
fn a_call_that_is_stopped_at_its_deadline_ends_there() {
    let pool = ProcessPool::with_workers(1);
    let recording = pool.record();
    let endless = pool.options().timeout(Duration::from_millis(30)).submit(
        |(): ()| loop {
            std::hint::spin_loop();
        },
        (),
    );
    let id = endless.id();
    assert!(endless.result().map(|(): ()| ()).unwrap_err().is_timed_out());
    // When the pool is closed, its process is dead and buried.
    pool.shutdown(Shutdown::Finish);
    let timeline = recording.finish();
    assert!(matches!(&task(&timeline, id).end, TaskEnd::Failed(_)));
    let stopped = slices(&timeline, id)
        .into_iter()
        .filter(|slice| slice.kind == SliceKind::Died)
        .count();
    assert_eq!(stopped, 1);
}

#[cfg(feature = "tokio")]
#[test]
fn a_future_in_a_process_has_turns() {
    let pool = ProcessPool::with_workers(1);
    let recording = pool.record();
    let naps = |n: u64| async move {
        tokio::time::sleep(Duration::from_millis(1)).await;
        n
    };
    let future = pool.submit_async(naps, 3);
    let id = future.id();
    assert_eq!(future.result().unwrap(), 3);
    let timeline = recording.finish();
    assert!(task(&timeline, id).is_async);
    let turns = slices(&timeline, id)
        .into_iter()
        .filter(|slice| slice.kind == SliceKind::Turn)
        .count();
    assert!(turns >= 2, "{turns}");
}

#[test]
fn a_worker_that_was_recorded_goes_on_without() {
    let pool = ProcessPool::with_workers(1);
    let recording = pool.record();
    let first: u32 = pool.submit(|(): ()| std::process::id(), ()).result().unwrap();
    drop(recording);
    let second: u32 = pool.submit(|(): ()| std::process::id(), ()).result().unwrap();
    let recording = pool.record();
    let third: u32 = pool.submit(|(): ()| std::process::id(), ()).result().unwrap();
    assert_eq!((first, first), (second, third));
    assert_eq!(calls(&recording.finish()).count(), 1);
}
