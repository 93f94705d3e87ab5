//! What an executor counts and measures, for the recorder that the program has installed with the crate `metrics`.

mod export;
mod instruments;
mod named;
mod shown;
#[cfg(test)]
mod tests;
mod times;

use super::companion::Companion;
use crate::{ledger::Ledger, panic::contain};
use export::Export;
use std::{fmt, time::Duration};

/// Exports what an executor counts and measures, until it is dropped. Made by
/// [`Executor::export_metrics`](super::Executor::export_metrics).
///
/// It publishes every so often, and once more when it is dropped, to the global recorder of the crate `metrics`, such as
/// `metrics-exporter-prometheus` installs. That one is to be there first: what was published before goes nowhere.
///
/// All metrics have the label `executor`: what it is, and its name, as in ``ThreadPool `worker` ``. Executors that
/// are called the same add up; a thread pool and a bridge can have a [name](crate::ThreadPoolBuilder::name) of their own. Times are in
/// seconds.
///
/// | metric | kind | what it is |
/// |---|---|---|
/// | `concurrent_futures_tasks_submitted_total` | counter | tasks and items of maps that were handed over |
/// | `concurrent_futures_tasks_succeeded_total` | counter | those that ended with a value |
/// | `concurrent_futures_tasks_failed_total` | counter | those that ended with an error, see [`Stats::failed`](crate::Stats::failed) |
/// | `concurrent_futures_tasks_cancelled_total` | counter | those that were cancelled, stopped or refused |
/// | `concurrent_futures_workers_restarted_total` | counter | workers that were started in the place of one that was lost |
/// | `concurrent_futures_notes_left_out_total` | counter | notes that the histograms miss, because there were too many at once |
/// | `concurrent_futures_tasks_queued` | gauge | tasks and items that have not started |
/// | `concurrent_futures_tasks_running` | gauge | those that have started and not ended |
/// | `concurrent_futures_spare_threads` | gauge | threads beyond the worker count, because workers wait inside tasks |
/// | `concurrent_futures_task_queue_seconds` | histogram | from the submission of a task to its start; not of items |
/// | `concurrent_futures_task_run_seconds` | histogram | how long the work of a task or item took; of a future, all its turns together |
/// | `concurrent_futures_task_encode_seconds` | histogram | of a process pool: encoding one value |
/// | `concurrent_futures_task_decode_seconds` | histogram | of a process pool: decoding one value |
///
/// `concurrent_futures_task_run_seconds` has a label `work` as well: the type of the work without its modules, as in
/// `import::{{closure}}`. There are as many as the program has kinds of work. The names that tasks are given are no label: there is no end to
/// those. The label `value` of the last two is `argument` or `result`.
///
/// Every attempt of a task with retries is measured by itself; items of a map that take less than a microsecond count with their
/// average. The counters never go down: where [`Stats`](crate::Stats) takes a count back, because a task that has failed is tried again
/// after all, they wait until it has caught up.
///
/// # What it costs
///
/// A thread, and what a [recording](crate::timeline) costs, whether the program has a recorder or not: some notes per task, kept from
/// one round to the next. The histograms miss what is beyond a million notes in one round (half a million calls on threads, 300,000 in
/// processes; some 100 MB); more rounds leave room for more.
///
/// It keeps no handle on the executor. Two exporters of one executor count everything twice.
///
/// # Examples
///
/// ```
/// # use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
/// # use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
/// # /// Stands for the one of the program.
/// # #[derive(Clone, Default)]
/// # struct Succeeded(Arc<AtomicU64>);
/// # impl Recorder for Succeeded {
/// #     fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
/// #     fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
/// #     fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
/// #     fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
/// #         if key.name() == "concurrent_futures_tasks_succeeded_total" {
/// #             return Counter::from_arc(self.0.clone());
/// #         }
/// #         Counter::noop()
/// #     }
/// #     fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
/// #         Gauge::noop()
/// #     }
/// #     fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
/// #         Histogram::noop()
/// #     }
/// # }
/// # let recorder = Succeeded::default();
/// # metrics::set_global_recorder(recorder.clone()).unwrap();
/// use concurrent_futures::{Executor, ThreadPool};
/// use std::time::Duration;
///
/// let pool = ThreadPool::builder().name("import").build().unwrap();
/// let exporter = pool.export_metrics(Duration::from_secs(10));
/// assert_eq!(pool.map(|n: u32| n + 1, 0..100).flatten().count(), 100);
///
/// drop(exporter);
/// // concurrent_futures_tasks_succeeded_total{executor="ThreadPool `import`"} 100
/// # assert_eq!(recorder.0.load(Ordering::Relaxed), 100);
/// ```
#[must_use = "it stops to export when it is dropped"]
pub struct MetricsExporter(#[expect(dead_code, reason = "it is there to be dropped")] Companion);

impl MetricsExporter {
    pub(super) fn of(ledger: Ledger, every: Duration) -> Self {
        // Here and not on its thread: what is submitted from now on is measured.
        let mut export = Export::of(ledger);
        Self(Companion::start("metrics", move |stop| {
            while !stop.is_over_after(every) {
                contain(|| export.publish());
            }
            contain(|| {
                export.publish();
                export.withdraw_gauges();
            });
        }))
    }
}

impl fmt::Debug for MetricsExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MetricsExporter(..)")
    }
}
