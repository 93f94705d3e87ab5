//! A recorder that keeps what it is told.

use crate::sync::{
    Arc,
    global::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use metrics::{Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use std::collections::BTreeMap;

/// The name of a metric, and its labels.
type Series = (String, Vec<(String, String)>);

#[derive(Clone, Default)]
pub(super) struct Kept(Arc<Told>);

#[derive(Default)]
struct Told {
    counters: Mutex<BTreeMap<Series, Arc<AtomicU64>>>,
    gauges: Mutex<BTreeMap<Series, Arc<AtomicU64>>>,
    histograms: Mutex<BTreeMap<Series, Arc<Values>>>,
    units: Mutex<BTreeMap<String, Unit>>,
}

#[derive(Default)]
struct Values(Mutex<Vec<f64>>);

impl HistogramFn for Values {
    fn record(&self, value: f64) {
        self.0.lock().push(value);
    }
}

fn series(key: &Key) -> Series {
    let labels = key.labels();
    let labels = labels.map(|label| (label.key().to_owned(), label.value().to_owned()));
    (key.name().to_owned(), labels.collect())
}

impl Kept {
    /// The only series of this name and executor.
    fn one<T: Clone>(kept: &Mutex<BTreeMap<Series, T>>, name: &str, executor: &str) -> Option<T> {
        let kept = kept.lock();
        let of_executor = (String::from("executor"), executor.to_owned());
        let mut found = kept
            .iter()
            .filter(|((named, labels), _)| named == name && labels.contains(&of_executor));
        let one = found.next().map(|(_, value)| value.clone());
        assert!(found.next().is_none(), "there are several of {name}");
        one
    }

    /// Of `concurrent_futures_<name>_total`.
    pub(super) fn counter(&self, name: &str, executor: &str) -> u64 {
        let name = format!("concurrent_futures_{name}_total");
        let counter = Self::one(&self.0.counters, &name, executor);
        counter.expect("there is such a counter").load(Relaxed)
    }

    /// Of `concurrent_futures_<name>`.
    pub(super) fn gauge(&self, name: &str, executor: &str) -> f64 {
        let name = format!("concurrent_futures_{name}");
        let gauge = Self::one(&self.0.gauges, &name, executor);
        f64::from_bits(gauge.expect("there is such a gauge").load(Relaxed))
    }

    /// What all histograms `concurrent_futures_task_<name>_seconds` of the executor were told that have this label.
    pub(super) fn times(&self, name: &str, executor: &str, label: Option<(&str, &str)>) -> Vec<f64> {
        let name = format!("concurrent_futures_task_{name}_seconds");
        let wanted = [Some(("executor", executor)), label];
        let has = |labels: &[(String, String)], wanted: (&str, &str)| {
            labels
                .iter()
                .any(|(key, value)| (key.as_str(), value.as_str()) == wanted)
        };
        let kept = self.0.histograms.lock();
        let found = kept.iter().filter(|((named, labels), _)| {
            *named == name && wanted.into_iter().flatten().all(|label| has(labels, label))
        });
        found.flat_map(|(_, values)| values.0.lock().clone()).collect()
    }

    pub(super) fn unit(&self, name: &str) -> Option<Unit> {
        self.0.units.lock().get(name).copied()
    }

    /// The names of all metrics that were told anything.
    pub(super) fn names(&self) -> Vec<String> {
        let counters = self.0.counters.lock();
        let gauges = self.0.gauges.lock();
        let histograms = self.0.histograms.lock();
        let names = counters.keys().chain(gauges.keys()).chain(histograms.keys());
        names.map(|(name, _)| name.clone()).collect()
    }

    fn describe(&self, name: KeyName, unit: Option<Unit>) {
        let unit = unit.expect("every metric has a unit");
        self.0.units.lock().insert(name.as_str().to_owned(), unit);
    }
}

impl Recorder for Kept {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(name, unit);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(name, unit);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(name, unit);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.0.counters.lock().entry(series(key)).or_default().clone())
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.0.gauges.lock().entry(series(key)).or_default().clone())
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.0.histograms.lock().entry(series(key)).or_default().clone())
    }
}
