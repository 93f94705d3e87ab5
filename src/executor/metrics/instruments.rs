//! The recorder of the program, as one executor sees it during one round.

use super::named::{DECODE, ENCODE, QUEUE, RUN};
use crate::{running::WorkName, timeline};
use metrics::{Counter, Gauge, Histogram, Label, counter, gauge, histogram};
use std::{collections::HashMap, time::Duration};

/// Not kept from one round to the next: the program may install its recorder meanwhile.
pub(super) struct Instruments {
    /// Says whose they are.
    executor: Label,
    /// By where the compiler has put the name of the work.
    run: HashMap<usize, Histogram>,
    others: HashMap<(&'static str, Option<Value>), Histogram>,
}

/// What is encoded or decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Value {
    Argument,
    Result,
}

impl Value {
    fn label(self) -> Label {
        let name = match self {
            Self::Argument => "argument",
            Self::Result => "result",
        };
        Label::from_static_parts("value", name)
    }
}

impl Instruments {
    pub(super) fn of(executor: &str) -> Self {
        Self {
            executor: Label::new("executor", executor.to_owned()),
            run: HashMap::new(),
            others: HashMap::new(),
        }
    }

    pub(super) fn counter(&self, name: &'static str) -> Counter {
        counter!(name, vec![self.executor.clone()])
    }

    pub(super) fn gauge(&self, name: &'static str) -> Gauge {
        gauge!(name, vec![self.executor.clone()])
    }

    /// A task waited so many nanoseconds for its start.
    pub(super) fn queued(&mut self, nanos: u64) {
        self.other(QUEUE, None, nanos, 1);
    }

    /// So many items, or one task, took so many nanoseconds together.
    pub(super) fn ran(&mut self, work: WorkName, nanos: u64, items: u32) {
        let executor = &self.executor;
        let by_place = std::ptr::from_ref(work) as usize;
        let histogram = self.run.entry(by_place).or_insert_with(|| {
            let work = Label::new("work", timeline::short(work()));
            histogram!(RUN, vec![executor.clone(), work])
        });
        record(histogram, nanos, items);
    }

    pub(super) fn encoded(&mut self, value: Value, nanos: u64, items: u32) {
        self.other(ENCODE, Some(value), nanos, items);
    }

    pub(super) fn decoded(&mut self, value: Value, nanos: u64, items: u32) {
        self.other(DECODE, Some(value), nanos, items);
    }

    fn other(&mut self, name: &'static str, value: Option<Value>, nanos: u64, items: u32) {
        let executor = &self.executor;
        let histogram = self.others.entry((name, value)).or_insert_with(|| {
            let labels = [Some(executor.clone()), value.map(Value::label)];
            histogram!(name, labels.into_iter().flatten().collect::<Vec<_>>())
        });
        record(histogram, nanos, items);
    }
}

fn record(histogram: &Histogram, nanos: u64, items: u32) {
    if items > 0 {
        let each = Duration::from_nanos(nanos).as_secs_f64() / f64::from(items);
        histogram.record_many(each, items as usize);
    }
}
