//! The suite can fail: backends that break a promise are found out, each where it breaks it.

mod broken;

use broken::{Flaw, report_on};
use concurrent_futures::conformance::{Capability, Promise, Report, Suite, Verdict};
use std::{collections::BTreeSet, time::Duration};

/// The broken promises, as `topic::name`.
fn broken(report: &Report) -> BTreeSet<String> {
    let name = |promise: &Promise| format!("{}::{}", promise.topic(), promise.name());
    report.broken().map(name).collect()
}

#[track_caller]
fn assert_breaks(report: &Report, promises: &[&str]) {
    let broken = broken(report);
    for promise in promises {
        assert!(broken.contains(*promise), "{promise} should be broken:\n{report}");
    }
    assert!(!report.holds());
}

#[test]
fn who_keeps_all_promises_has_a_clean_report() {
    let report = report_on(
        Flaw::Nothing,
        &Suite::new()
            .claim([Capability::InOrder])
            .topics(["submit", "stats", "order"]),
    );
    assert!(report.holds(), "{report}");
    assert_eq!(report.broken().count(), 0);
    for promise in report.promises() {
        let claimed = promise.needs().is_none_or(|needed| needed == Capability::InOrder);
        let expected = if claimed {
            Verdict::Holds
        } else {
            Verdict::NotClaimed
        };
        assert_eq!(*promise.verdict(), expected, "{}", promise.name());
    }
    let text = report.to_string();
    assert!(
        text.starts_with("conformance_kit::broken::Pool,") && text.contains("claims in_order\n"),
        "{text}"
    );
    let lines: Vec<Vec<_>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert!(lines.contains(&vec!["order", "2", "0", "0", "1"]), "{text}");
    assert!(lines.contains(&vec!["submit", "9", "0", "0", "6"]), "{text}");
}

#[test]
fn tasks_that_get_lost_are_found_out() {
    let report = report_on(
        Flaw::Forgets,
        &Suite::new()
            .topics(["submit", "map", "group"])
            .limit(Duration::from_secs(2)),
    );
    assert_breaks(
        &report,
        &[
            "submit::one_worker_runs_all_tasks",
            "submit::executors_do_not_mix_up_their_tasks",
            "group::the_values_come_in_the_order_of_submission",
        ],
    );
    let text = report.to_string();
    assert!(
        text.contains("\nfails: submit::one_worker_runs_all_tasks\n    ") && text.contains("ShutDown"),
        "{text}"
    );
}

#[test]
fn a_shutdown_that_is_ignored_is_found_out() {
    let report = report_on(
        Flaw::IsDeaf,
        &Suite::new()
            .topics(["shutdown", "submit"])
            .limit(Duration::from_secs(2)),
    );
    assert_breaks(&report, &["shutdown::who_submits_after_a_shutdown_is_told"]);
}

#[test]
fn an_order_that_is_claimed_and_not_kept_is_found_out() {
    let suite = Suite::new().topics(["order", "submit"]);
    let promise = "order::tasks_from_outside_start_in_the_order_of_their_submission";
    let report = report_on(Flaw::TakesTheNewest, &suite);
    assert!(report.holds(), "it claims nothing:\n{report}");
    let report = report_on(
        Flaw::TakesTheNewest,
        &suite.claim([Capability::InOrder]).limit(Duration::from_secs(5)),
    );
    assert_breaks(&report, &[promise]);
}

#[test]
fn fewer_at_once_than_there_are_workers_is_found_out() {
    let report = report_on(
        Flaw::Boasts,
        &Suite::new()
            .claim([Capability::AtOnce])
            .topics(["submit"])
            .limit(Duration::from_secs(2)),
    );
    assert_breaks(
        &report,
        &["submit::as_many_tasks_run_at_once_as_there_are_workers"],
    );
}

#[test]
fn a_backend_that_runs_nothing_hangs_and_the_report_goes_on() {
    let report = report_on(
        Flaw::RunsNothing,
        &Suite::new()
            .topics(["submit", "stats"])
            .limit(Duration::from_millis(300)),
    );
    assert!(!report.holds());
    let asked = report
        .promises()
        .iter()
        .filter(|promise| promise.needs().is_none());
    let (hang, others): (Vec<_>, Vec<_>) =
        asked.partition(|promise| matches!(promise.verdict(), Verdict::Hangs(_)));
    assert!(hang.len() > others.len(), "{report}");
    let Verdict::Hangs(executors) = hang[0].verdict() else {
        unreachable!()
    };
    assert!(executors.contains("RunsNothing"), "{executors}");
    assert!(report.to_string().contains("\nhangs: submit::"), "{report}");
}

#[test]
#[should_panic(expected = "no topic `sumbit`")]
fn a_topic_that_is_misspelt_is_not_passed_over() {
    let _ = report_on(Flaw::Nothing, &Suite::new().topics(["sumbit"]));
}

#[test]
fn who_was_asked_nothing_has_kept_nothing() {
    let report = report_on(Flaw::Nothing, &Suite::new().topics(["nesting"]));
    let is_unclaimed = |promise: &Promise| *promise.verdict() == Verdict::NotClaimed;
    assert!(!report.promises().is_empty() && report.promises().iter().all(is_unclaimed));
    assert!(!report.holds());
}
