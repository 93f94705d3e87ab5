//! From a delivery to something that the pool can run, or to why it cannot.

use super::{
    super::{
        broker::{Delivery, Fault, Session},
        message::{self, Outcome, Payload, Report, Task},
    },
    desk::{Label, Verdict, verdict},
    done::Done,
    forwarded::Forwarded,
    hears::{Hears, failed},
    host::Host,
    steps::treat,
};
use crate::{
    error::{TaskError, WorkerDeath},
    remote::{EntryPlace, resolve},
    sync::{Arc, atomic::Ordering::Relaxed},
    task::{RemoteCall, parcel::split_item},
};
use std::time::Instant;

/// What becomes of a delivery.
enum Opened {
    Runs(Label, Arc<Forwarded>),
    IsOver(Done),
}

/// Takes everything that was delivered to the pool. What it has not come to because of a fault stays on the desk.
pub(super) fn take_in(host: &Arc<Host>, session: &mut dyn Session) -> Result<(), Fault> {
    let mut deliveries = host.desk.lock().open_all().into_iter();
    let taken = take_in_all(host, session, &mut deliveries);
    host.desk.lock().opened(deliveries);
    host.start_next_alone();
    taken
}

fn take_in_all(
    host: &Arc<Host>,
    session: &mut dyn Session,
    deliveries: &mut std::vec::IntoIter<Delivery>,
) -> Result<(), Fault> {
    let tasks: Vec<Result<Task, String>> = deliveries
        .as_slice()
        .iter()
        .map(|delivery| message::read(&delivery.body))
        .collect();
    ask_after_clients(host, session, &tasks)?;
    for task in tasks {
        let Some(delivery) = deliveries.as_slice().first() else {
            break;
        };
        let opened = open(host, session, delivery, task)?;
        let place = deliveries.next().map(|delivery| delivery.place);
        match (opened, place) {
            (Opened::Runs(label, task), Some(place)) => {
                let (client, number) = (label.client.clone(), label.number);
                let mut desk = host.desk.lock();
                let may_start = desk.admit(place, label, task.clone(), Instant::now());
                let asked = desk.asked_before(&client, number);
                drop(desk);
                if may_start {
                    task.clone().start(&host.carrier);
                }
                if let Some(treatment) = asked {
                    treat(host, &task, treatment);
                }
            }
            (Opened::IsOver(done), _) => {
                host.desk.lock().ends.push(done);
                host.tell_finisher();
            }
            (_, None) => {}
        }
    }
    Ok(())
}

/// Rule 10.
fn ask_after_clients(
    host: &Host,
    session: &mut dyn Session,
    tasks: &[Result<Task, String>],
) -> Result<(), Fault> {
    let now = Instant::now();
    let clients = tasks.iter().flatten().map(|task| &task.client);
    let unknown = host.desk.lock().clients.unknown(clients, now);
    if !unknown.is_empty() {
        let there = session.living(&unknown)?;
        host.desk.lock().clients.note(&unknown, &there, now);
    }
    Ok(())
}

fn open(
    host: &Arc<Host>,
    session: &mut dyn Session,
    delivery: &Delivery,
    task: Result<Task, String>,
) -> Result<Opened, Fault> {
    let place = delivery.place.clone();
    let mut task = match task {
        Ok(task) => task,
        Err(reason) => return Ok(malformed(host, delivery, &reason)),
    };
    let over = |client, report| Ok(Opened::IsOver(Done::new(place.clone(), client, report)));
    if !host.desk.lock().clients.is_there(&task.client) {
        // If the client is there after all, because the data went back in time, it submits the task again.
        let report = Report::Incomplete { number: task.number };
        return over(task.client, Some(report));
    }
    if let Err(reason) = check(&task) {
        return Ok(malformed(host, delivery, reason));
    }
    // It is handed back with what it has behind it.
    task.lost = task.lost.saturating_add(delivery.times.saturating_sub(1));
    let times = task.lost.saturating_add(1);
    if verdict(times) == Verdict::Fail {
        let death = WorkerDeath::again_and_again(task.lost);
        let death = match &task.name {
            Some(name) => death.while_running(name),
            None => death,
        };
        let report = all_failed(host, &task, TaskError::WorkerDied(death));
        return over(task.client, Some(report));
    }
    let entry = match resolve(EntryPlace {
        offset: task.entry,
        name: task.name_hash,
    }) {
        Ok(entry) => entry,
        Err(error) => {
            let report = all_failed(host, &task, error);
            return over(task.client, Some(report));
        }
    };
    let incomplete = Report::Incomplete { number: task.number };
    let context = match &task.context {
        None => None,
        Some(key) => match host.contexts.get(key, session, Instant::now())? {
            None => return over(task.client, Some(incomplete)),
            context => context,
        },
    };
    let bytes = match &mut task.payload {
        Payload::Here(bytes) => std::mem::take(bytes),
        Payload::Apart(key) => match session.get(key)? {
            None => return over(task.client, Some(incomplete)),
            Some(bytes) => bytes,
        },
    };
    let call = RemoteCall { entry, context };
    if let Err(reason) = check_items(&task, &bytes, call.is_async()) {
        return Ok(malformed(host, delivery, reason));
    }
    let label = Label {
        client: task.client.clone(),
        number: task.number,
        is_async: call.is_async(),
        times,
    };
    let hears: Arc<dyn Hears> = host.clone();
    Ok(Opened::Runs(
        label,
        Forwarded::new(place, task, bytes, call, hears),
    ))
}

/// More items than a batch can have are not believed: there would have to be memory for their outcomes.
fn check(task: &Task) -> Result<(), &'static str> {
    /// Far more than a client puts into one.
    const MOST_ITEMS: u32 = 1 << 20;
    match task.items {
        0 => Err("it has no items"),
        MOST_ITEMS.. => Err("it has more items than any"),
        2.. if task.bare => Err("it has many items, and is bare"),
        _ => Ok(()),
    }
}

/// The pool trusts the parcels that it is given, so the items are counted here.
fn check_items(task: &Task, bytes: &[u8], is_async: bool) -> Result<(), &'static str> {
    if is_async && task.items > 1 {
        return Err("it has many items, and is async");
    }
    if task.bare {
        return Ok(());
    }
    let mut rest = bytes;
    for _ in 0..task.items {
        let Some((_, behind)) = split_item(rest) else {
            return Err("it ends before its last item");
        };
        rest = behind;
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err("there is more than its items")
    }
}

fn all_failed(host: &Host, task: &Task, error: TaskError) -> Report {
    let outcome: Outcome = failed(error, host.host());
    Report::Ended {
        number: task.number,
        took: 0,
        outcomes: vec![outcome; task.items as usize],
        ran: Vec::new(),
    }
}

/// Rule 16: it is removed, whoever sent it.
fn malformed(host: &Host, delivery: &Delivery, reason: &str) -> Opened {
    use super::super::broker::ClientId;
    if host.malformed.fetch_add(1, Relaxed) == 0 {
        eprintln!(
            "concurrent-futures worker: a message in the queue makes no sense: {reason}. It was removed, and so will others be"
        );
    }
    let nobody = ClientId(String::new());
    Opened::IsOver(Done::new(delivery.place.clone(), nobody, None))
}
