//! The rows: each is a way of stopping and a task that it meets, and how that is tried.

use super::{
    groups::{
        Whole, member_not_started, member_not_started_in_time, member_running, member_running_too_long,
    },
    maps::{GiveUp, item_not_started, item_running},
    subjects::{Kind, Subject},
    tasks::{Stop, beside_another, ended, next_timeout, queued, result_timeout, running},
    work::Act,
};
use concurrent_futures::Shutdown;

pub(crate) struct Row {
    pub(crate) way: &'static str,
    pub(crate) task: &'static str,
    /// `None` where this cannot be.
    pub(crate) observe: Option<Box<dyn FnOnce() -> String + Send>>,
}

const LOOKS: &str = "running, looks";
const IGNORES: &str = "running, does not look";
const SUSPENDED: &str = "suspended";
const AWAITS: &str = "waiting for the request";
const ACTS: [(Act, &str); 3] = [
    (Act::Looks, LOOKS),
    (Act::Ignores, IGNORES),
    (Act::Suspended, SUSPENDED),
];

const STOPS: [(Stop, &str); 5] = [
    (Stop::Deadline, "deadline"),
    (Stop::Cancel, "`cancel`"),
    (Stop::Kill, "`kill`"),
    (Stop::Shutdown(Shutdown::Cancel), "`Shutdown::Cancel`"),
    (Stop::Shutdown(Shutdown::Kill), "`Shutdown::Kill`"),
];

const WHOLES: [(Whole, &str); 3] = [
    (Whole::Fails, "failure in the group"),
    (Whole::Cancelled, "`Group::cancel`"),
    (Whole::Dropped, "group dropped"),
];

const GIVE_UPS: [(GiveUp, &str); 3] = [
    (GiveUp::Drop, "map dropped"),
    (GiveUp::Cancel, "`Map::cancel`"),
    (GiveUp::Timeout, "`Map::timeout`"),
];

/// All rows, in the order of the table, for one subject.
pub(crate) fn rows<S: Subject>() -> Vec<Row> {
    let mut rows = Rows(Vec::new());
    let waits = !S::ON_CALLER;
    let can_be = |act: Act| act != Act::Suspended || S::KIND == Kind::Futures;

    rows.add("`result_timeout`", LOOKS, waits, result_timeout::<S>);
    rows.add("`next_timeout`", LOOKS, waits, next_timeout::<S>);
    for (stop, way) in STOPS {
        rows.add(way, "queued", !S::ON_CALLER, move || queued::<S>(stop));
        let has_future = !S::ON_CALLER || !matches!(stop, Stop::Cancel | Stop::Kill);
        for (act, task) in ACTS {
            rows.add(way, task, can_be(act) && has_future, move || {
                running::<S>(stop, act)
            });
        }
        rows.add(way, AWAITS, has_future, move || running::<S>(stop, Act::Awaits));
        if matches!(stop, Stop::Deadline | Stop::Kill) {
            let can_be = S::KIND == Kind::Futures && !S::ON_CALLER;
            rows.add(way, "suspended beside another", can_be, move || {
                beside_another::<S>(stop)
            });
        }
        if stop != Stop::Deadline {
            rows.add(way, "ended", true, move || ended::<S>(stop));
        }
    }
    for (whole, way) in WHOLES {
        let has_queue = whole == Whole::Fails || !S::ON_CALLER;
        rows.add(way, "queued", has_queue, move || member_not_started::<S>(whole));
        // Who submits has it, until it has run.
        let can_be_here = whole != Whole::Dropped || !S::ON_CALLER;
        for (act, task) in ACTS {
            rows.add(way, task, can_be(act) && can_be_here, move || {
                member_running::<S>(whole, act)
            });
        }
    }
    let way = "deadline of the group";
    rows.add(way, "queued", true, member_not_started_in_time::<S>);
    for (act, task) in ACTS {
        rows.add(way, task, can_be(act), move || member_running_too_long::<S>(act));
    }
    for (how, way) in GIVE_UPS {
        rows.add(way, "queued", true, move || item_not_started::<S>(how));
        for (act, task) in ACTS {
            let can_be_here = how == GiveUp::Timeout || !S::ON_CALLER;
            rows.add(way, task, can_be(act) && can_be_here, move || {
                item_running::<S>(how, act)
            });
        }
        if how != GiveUp::Timeout {
            rows.add(way, AWAITS, !S::ON_CALLER, move || {
                item_running::<S>(how, Act::Awaits)
            });
        }
    }
    rows.0
}

struct Rows(Vec<Row>);

impl Rows {
    fn add(
        &mut self,
        way: &'static str,
        task: &'static str,
        can_be: bool,
        observe: impl FnOnce() -> String + Send + 'static,
    ) {
        let observe = can_be.then(|| Box::new(observe) as Box<dyn FnOnce() -> String + Send>);
        self.0.push(Row { way, task, observe });
    }
}
