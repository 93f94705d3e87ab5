//! What is published of one executor, round by round.

use super::{
    instruments::Instruments,
    named::{COUNTERS, GAUGES, LEFT_OUT, describe},
    shown::{Shown, Values},
    times::Times,
};
use crate::{
    ledger::{Ledger, Stats},
    running::record::Recorder,
};
use std::thread;

/// So many notes are kept from one round to the next.
const MOST_NOTES: usize = 1_000_000;

/// How often an executor is asked again that is busy with itself.
const LOOKS: usize = 64;

pub(super) struct Export {
    ledger: Ledger,
    recorder: Recorder,
    /// What the counters have been told so far.
    counted: [u64; COUNTERS.len()],
    shown: Shown,
    pub(super) times: Times,
}

impl Export {
    /// Of the executor that has this ledger.
    pub(super) fn of(ledger: Ledger) -> Self {
        let recorder = Recorder::new(MOST_NOTES);
        recorder.add(ledger.id().number());
        Self {
            shown: Shown::of(ledger.executor()),
            ledger,
            recorder,
            counted: [0; COUNTERS.len()],
            times: Times::default(),
        }
    }

    /// Publishes what has happened since the last time, to the recorder that is installed now.
    pub(super) fn publish(&mut self) {
        // Each time, as the recorder may be a new one.
        describe();
        let notes = self.recorder.take();
        let stats = self.stats();
        let mut instruments = self.instruments();
        for (counter, counted) in COUNTERS.iter().zip(&mut self.counted) {
            let count = (counter.read)(&stats);
            instruments
                .counter(counter.name)
                .increment(count.saturating_sub(*counted));
            *counted = count.max(*counted);
        }
        instruments.counter(LEFT_OUT).increment(notes.left_out);
        self.show(&instruments, GAUGES.map(|gauge| (gauge.read)(&stats)));
        self.times.tell(&notes, &mut instruments);
    }

    /// The last that is published: the gauges would tell for ever what stands now, as nobody looks any more.
    pub(super) fn withdraw_gauges(&self) {
        self.show(&self.instruments(), [0; GAUGES.len()]);
    }

    fn show(&self, instruments: &Instruments, values: Values) {
        for (gauge, value) in GAUGES.iter().zip(self.shown.set(values)) {
            instruments.gauge(gauge.name).set(as_float(value));
        }
    }

    /// Keeps so many notes from now on.
    #[cfg(test)]
    pub(super) fn keep(&self, notes: usize) {
        self.recorder.keep(notes);
    }

    fn instruments(&self) -> Instruments {
        Instruments::of(self.ledger.executor())
    }

    /// The counters, and what only the executor knows.
    fn stats(&self) -> Stats {
        let mut report = self.ledger.report_of_executor();
        for _ in 0..LOOKS {
            if !report.is_partial {
                break;
            }
            thread::yield_now();
            report = self.ledger.report_of_executor();
        }
        Stats {
            workers_restarted: report.workers_restarted,
            spare_threads: report.spare_threads,
            ..self.ledger.stats()
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "so many tasks are never there at once")]
fn as_float(count: u64) -> f64 {
    count as f64
}
