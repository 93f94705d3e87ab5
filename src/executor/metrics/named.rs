//! The metrics by their names. What they are is said to users in the table of `MetricsExporter`.

use crate::ledger::Stats;
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// A number of [`Stats`].
pub(super) struct OfStats {
    pub(super) name: &'static str,
    pub(super) read: fn(&Stats) -> u64,
    help: &'static str,
}

pub(super) const COUNTERS: [OfStats; 5] = [
    OfStats {
        name: "concurrent_futures_tasks_submitted_total",
        read: |stats| stats.submitted,
        help: "Tasks and items of maps that were handed over.",
    },
    OfStats {
        name: "concurrent_futures_tasks_succeeded_total",
        read: |stats| stats.succeeded,
        help: "Tasks and items of maps that ended with a value.",
    },
    OfStats {
        name: "concurrent_futures_tasks_failed_total",
        read: |stats| stats.failed,
        help: "Tasks and items of maps that ended with an error.",
    },
    OfStats {
        name: "concurrent_futures_tasks_cancelled_total",
        read: |stats| stats.cancelled,
        help: "Tasks and items of maps that were cancelled, stopped or refused.",
    },
    OfStats {
        name: "concurrent_futures_workers_restarted_total",
        read: |stats| stats.workers_restarted,
        help: "Workers that were started in the place of one that was lost.",
    },
];

pub(super) const GAUGES: [OfStats; 3] = [
    OfStats {
        name: "concurrent_futures_tasks_queued",
        read: |stats| stats.queued,
        help: "Tasks and items of maps that have not started.",
    },
    OfStats {
        name: "concurrent_futures_tasks_running",
        read: |stats| stats.running,
        help: "Tasks and items of maps that have started and not ended.",
    },
    OfStats {
        name: "concurrent_futures_spare_threads",
        read: |stats| stats.spare_threads,
        help: "Threads beyond the worker count, because workers wait inside tasks.",
    },
];

pub(super) const LEFT_OUT: &str = "concurrent_futures_notes_left_out_total";
pub(super) const QUEUE: &str = "concurrent_futures_task_queue_seconds";
pub(super) const RUN: &str = "concurrent_futures_task_run_seconds";
pub(super) const ENCODE: &str = "concurrent_futures_task_encode_seconds";
pub(super) const DECODE: &str = "concurrent_futures_task_decode_seconds";

/// Tells the program's recorder what the metrics are.
pub(super) fn describe() {
    for OfStats { name, help, .. } in COUNTERS {
        describe_counter!(name, Unit::Count, help);
    }
    for OfStats { name, help, .. } in GAUGES {
        describe_gauge!(name, Unit::Count, help);
    }
    describe_counter!(
        LEFT_OUT,
        Unit::Count,
        "Notes that the histograms miss, because there were too many at once."
    );
    let histograms = [
        (QUEUE, "From the submission of a task to its start."),
        (RUN, "How long the work of a task or item of a map took."),
        (ENCODE, "Encoding an argument or a result of a process pool."),
        (DECODE, "Decoding an argument or a result of a process pool."),
    ];
    for (name, help) in histograms {
        describe_histogram!(name, Unit::Seconds, help);
    }
}
