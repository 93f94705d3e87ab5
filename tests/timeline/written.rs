use crate::{calls, xml};
use concurrent_futures::{Executor, ThreadPool, Timeline};
use serde_json::Value;
use std::time::Duration;

fn events(timeline: &Timeline) -> Vec<Value> {
    let json: Value = serde_json::from_str(&timeline.to_chrome()).unwrap();
    json["traceEvents"].as_array().unwrap().clone()
}

fn of_phase<'a>(events: &'a [Value], phase: &'a str) -> impl Iterator<Item = &'a Value> {
    events.iter().filter(move |event| event["ph"] == phase)
}

/// One call, one call within it, a future, items of a map, and names that no format likes.
fn recorded() -> Timeline {
    let pool = ThreadPool::builder()
        .workers(2)
        .name("a \"crew\" & <co>")
        .build()
        .unwrap();
    let recording = pool.record();
    let theirs = pool.clone();
    let nested = pool
        .options()
        .name("says \"<&>\"\n\\ \u{1}")
        .spawn(move || theirs.spawn(|| 1).result().unwrap());
    assert_eq!(nested.result().unwrap(), 1);
    assert_eq!(pool.spawn_async(async { 2 }).result().unwrap(), 2);
    assert!(pool.spawn(|| panic!("</svg> & \"}}")).result().is_err());
    assert!(
        pool.map(|n: u32| std::hint::black_box(n), 0..1_000)
            .all(|outcome| outcome.is_ok())
    );
    recording.finish()
}

#[test]
fn every_slice_is_an_event_on_a_thread_with_a_name() {
    let timeline = recorded();
    let events = events(&timeline);
    let slices: Vec<_> = of_phase(&events, "X")
        .filter(|event| event["cat"] != "wire")
        .collect();
    assert_eq!(slices.len(), timeline.slices.len());
    for (event, slice) in slices.iter().zip(&timeline.slices) {
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        assert!((event["ts"].as_f64().unwrap() - micros(slice.from)).abs() < 1e-3);
        assert!((event["dur"].as_f64().unwrap() - micros(slice.length())).abs() < 1e-3);
        assert_eq!(event["args"]["items"], slice.items);
        let named = of_phase(&events, "M").find(|name| {
            name["name"] == "thread_name" && (&name["pid"], &name["tid"]) == (&event["pid"], &event["tid"])
        });
        assert_eq!(
            named.unwrap()["args"]["name"],
            timeline.lanes[slice.lane].name.as_str()
        );
    }
    assert!(
        slices
            .iter()
            .any(|event| event["name"] == "says \"<&>\"\n\\ \u{1}")
    );
}

#[test]
fn a_future_is_a_pair_and_a_child_has_an_arrow() {
    let timeline = recorded();
    let events = events(&timeline);
    let futures = timeline.tasks.iter().filter(|task| task.is_async).count();
    assert_eq!(futures, 1);
    assert_eq!(
        (of_phase(&events, "b").count(), of_phase(&events, "e").count()),
        (futures, futures)
    );
    let (from, to): (Vec<_>, Vec<_>) = (of_phase(&events, "s").collect(), of_phase(&events, "f").collect());
    assert_eq!((from.len(), to.len()), (1, 1));
    assert_eq!(from[0]["id"], to[0]["id"]);
    assert!(from[0]["ts"].as_f64() <= to[0]["ts"].as_f64());
    // How many tasks waited and ran: nothing is left in the end.
    let last = of_phase(&events, "C").last().unwrap();
    assert_eq!(
        (&last["args"]["queued"], &last["args"]["running"]),
        (&Value::from(0), &Value::from(0))
    );
}

#[test]
fn the_picture_is_xml_and_has_a_lane_for_each_thread() {
    let timeline = recorded();
    let svg = timeline.to_svg();
    let elements = xml::elements(&svg).unwrap();
    assert_eq!(
        elements.iter().filter(|name| *name == "svg").count(),
        1 + timeline.lanes.len() + 2
    );
    for lane in &timeline.lanes {
        let start: String = lane
            .name
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;");
        assert!(svg.contains(start.get(..10).unwrap_or(&start)), "{start}");
    }
    assert!(svg.contains("class=\"call failed\"") && svg.contains("&lt;/svg&gt; &amp; &quot;}"));
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
}

#[test]
fn an_empty_recording_is_a_picture_too() {
    let timeline = ThreadPool::with_workers(1).record().finish();
    assert!(xml::elements(&timeline.to_svg()).is_ok());
    assert!(!events(&timeline).is_empty() && timeline.items() == 0);
    assert!(timeline.to_string().contains("0 tasks"));
    let nothing = Timeline::default();
    assert!(xml::elements(&nothing.to_svg()).is_ok() && !events(&nothing).is_empty());
}

/// A hundred thousand slices that nobody could see apart are drawn as few.
#[test]
fn a_picture_stays_small() {
    let pool = ThreadPool::with_workers(2);
    let recording = pool.record();
    let futures: Vec<_> = (0..100_000).map(|n| pool.spawn(move || n)).collect();
    assert!(futures.into_iter().all(|future| future.result().is_ok()));
    let timeline = recording.finish();
    assert_eq!(calls(&timeline).count(), 100_000);
    assert!(timeline.to_svg().len() < 4_000_000, "{}", timeline.to_svg().len());
}
