//! What the threads of a worker do, each as one step over its session: so a test can take the steps one by one.

use super::{
    super::{
        broker::{BlobKey, ClientId, Ended, Fault, Returned, Session},
        clock::Clock,
        message::{self, LONGEST_INLINE, Outcome, Payload, Report, Request, Treatment},
    },
    done::{Done, Which, size},
    forwarded::Forwarded,
    hears::{Hears, failed},
    host::Host,
    opening::take_in,
};
use crate::{
    error::{CodecError, TaskError},
    sync::{Arc, atomic::Ordering::SeqCst},
    task::Reaction,
};
use std::time::Instant;

/// Fetches as much as there is room for, and finishes what ends at once.
pub(super) fn fetch_step(host: &Arc<Host>, session: &mut dyn Session) -> Result<(), Fault> {
    host.fetching.store(true, SeqCst);
    let most = host.desk.lock().capacity(Instant::now());
    let mut taken = Ok(());
    if most > 0 {
        match session.fetch(&host.worker, &host.config.labels, most, host.config.longest_wait) {
            Ok(deliveries) => host.desk.lock().delivered(deliveries),
            Err(fault) => taken = Err(fault),
        }
    }
    let taken = taken.and_then(|()| take_in(host, session));
    host.fetching.store(false, SeqCst);
    taken?;
    host.attend();
    finish(host, session, Which::Small)?;
    host.pass_on_large();
    host.look_soon();
    if most == 0 {
        host.wait_for_room();
    }
    Ok(())
}

/// Tells the engine what there is to tell: what has started, what has ended, what is handed back.
pub(super) fn finish_step(host: &Arc<Host>, session: &mut dyn Session) -> Result<(), Fault> {
    host.drain_if_told();
    if host.desk.lock().has_untold() {
        host.carrier.0.look();
    }
    tell_starts(host, session)?;
    hand_back_overdue(host, session)?;
    finish(host, session, Which::All)?;
    host.start_next_alone();
    Ok(())
}

fn tell_starts(host: &Host, session: &mut dyn Session) -> Result<(), Fault> {
    let starts = host.desk.lock().take_starts(Instant::now());
    if starts.is_empty() {
        return Ok(());
    }
    let notices: Vec<_> = starts
        .iter()
        .map(|start| {
            let report = started(host, &start.work);
            (start.client.clone(), message::write(&report))
        })
        .collect();
    session
        .tell(&notices)
        .inspect_err(|_| host.desk.lock().starts_again(starts))
}

fn started(host: &Host, task: &Forwarded) -> Report {
    Report::Started {
        number: task.task().number,
        worker: host.worker().to_owned(),
        pid: task.pid(),
    }
}

/// Takes back from the pool what has not started of these, to be handed back.
pub(super) fn take_back(host: &Host, all: &[Arc<Forwarded>]) {
    for work in all {
        if let Some(task) = work.withdraw(&host.carrier) {
            let returned = Returned {
                place: work.place.clone(),
                client: task.client.clone(),
                notice: message::write(&Report::Moved { number: task.number }),
                body: message::write(&task),
            };
            host.desk.lock().hand_back(returned);
        }
    }
}

/// Rules 11 and 13.
fn hand_back_overdue(host: &Host, session: &mut dyn Session) -> Result<(), Fault> {
    let overdue = host.desk.lock().overdue(Instant::now());
    take_back(host, &overdue);
    let returned = host.desk.lock().take_returned();
    if returned.is_empty() {
        return Ok(());
    }
    match session.hand_back(&host.worker, &returned) {
        Ok(()) => {
            let mut desk = host.desk.lock();
            for returned in &returned {
                desk.finished(&returned.place);
            }
            Ok(())
        }
        Err(fault) => {
            host.desk.lock().returned_again(returned);
            Err(fault)
        }
    }
}

/// Finishes what has ended, in one step.
fn finish(host: &Host, session: &mut dyn Session, which: Which) -> Result<(), Fault> {
    let mut all = host.take_ends(which);
    if all.is_empty() {
        return Ok(());
    }
    let finished = put_apart(host, session, &mut all).and_then(|()| {
        let ended: Vec<_> = all.iter().map(ended).collect();
        session.finish(&host.worker, &ended)
    });
    let were_ours = match finished {
        Ok(were_ours) => were_ours,
        Err(fault) => {
            host.desk.lock().ends.put_back(all);
            return Err(fault);
        }
    };
    let mut desk = host.desk.lock();
    for done in &all {
        desk.finished(&done.place);
    }
    drop(desk);
    let unwanted: Vec<_> = all
        .iter()
        .zip(were_ours)
        // One that was ours when its answer got lost is not ours any more, and its result is wanted.
        .filter(|(done, was_ours)| !was_ours && !done.is_again)
        .flat_map(|(done, _)| blobs(done))
        .collect();
    if unwanted.is_empty() {
        Ok(())
    } else {
        session.remove(&unwanted)
    }
}

fn ended(done: &Done) -> Ended {
    Ended {
        place: done.place.clone(),
        client: done.client.clone(),
        result: done.report.as_ref().map(message::write),
    }
}

fn outcomes(done: &mut Done) -> &mut [Outcome] {
    match &mut done.report {
        Some(Report::Ended { outcomes, .. }) => outcomes,
        _ => &mut [],
    }
}

/// The results of a task that lie apart.
fn blobs(done: &Done) -> Vec<BlobKey> {
    let Some(Report::Ended { outcomes, .. }) = &done.report else {
        return Vec::new();
    };
    outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Outcome::ValueApart(key) | Outcome::Bare(Payload::Apart(key)) => Some(key.clone()),
            _ => None,
        })
        .collect()
}

/// Rule 12: stores long results before the message that names them.
fn put_apart(host: &Host, session: &mut dyn Session, all: &mut [Done]) -> Result<(), Fault> {
    /// Shorter ones are not worth an operation of their own, however many of them there are.
    const WORTH_IT: usize = 16 * 1024;
    for done in all {
        let client = done.client.0.clone();
        let mut inline = 0;
        for outcome in outcomes(done) {
            let length = size(outcome);
            if inline + length <= LONGEST_INLINE || length < WORTH_IT {
                inline += length;
                continue;
            }
            let (Outcome::Value(bytes) | Outcome::Bare(Payload::Here(bytes))) = &*outcome else {
                continue;
            };
            let number = host.next_blob.fetch_add(1, SeqCst);
            let key = BlobKey(format!("{client}:{}:{number}", host.worker.0));
            *outcome = match session.put(&key, bytes) {
                Ok(()) if matches!(outcome, Outcome::Value(_)) => Outcome::ValueApart(key),
                Ok(()) => Outcome::Bare(Payload::Apart(key)),
                Err(Fault::Refused(reason)) => failed(
                    TaskError::Encode(CodecError::new("the result", reason)),
                    host.host(),
                ),
                Err(fault) => return Err(fault),
            };
        }
    }
    Ok(())
}

/// Does what clients ask for.
pub(super) fn hear_step(host: &Arc<Host>, session: &mut dyn Session) -> Result<(), Fault> {
    let requests = session.hear(&host.worker, host.config.longest_wait)?;
    // Of all steps this is the one that asks the engine all the time: others may have nothing to do with it for long.
    host.engine_is_there();
    for request in requests {
        match message::read(&request) {
            Ok(Request::Stop {
                client,
                number,
                running,
            }) => {
                let task = host.desk.lock().asked(&client, number, running, Instant::now());
                if let Some(task) = task {
                    treat(host, &task, running);
                }
            }
            Ok(Request::Tell { client, question }) => tell_how_it_stands(host, session, &client, question)?,
            Err(_) => {} // Rule 16.
        }
    }
    Ok(())
}

/// Tells a client what of its has started.
fn tell_how_it_stands(
    host: &Host,
    session: &mut dyn Session,
    client: &ClientId,
    question: u64,
) -> Result<(), Fault> {
    host.carrier.0.look();
    let starts = host.desk.lock().take_starts_of(client);
    let answer = Report::Told {
        worker: host.worker().to_owned(),
        question,
    };
    let reports = starts
        .iter()
        .map(|start| started(host, &start.work))
        .chain([answer]);
    let notices: Vec<_> = reports
        .map(|report| (client.clone(), message::write(&report)))
        .collect();
    session
        .tell(&notices)
        .inspect_err(|_| host.desk.lock().starts_again(starts))
}

/// Somebody wants to stop a task: what has not started will not; of what has, its client hears that.
pub(super) fn treat(host: &Host, task: &Arc<Forwarded>, running: Treatment) {
    let reaction = match running {
        Treatment::Leave => Reaction::Leave,
        Treatment::AskToStop => Reaction::AskToStop,
        Treatment::Drop => Reaction::Drop,
        Treatment::Kill => Reaction::Kill,
    };
    if task.stop(&host.carrier, reaction) {
        host.desk.lock().tell_start_again(&task.place);
    }
    host.tell_finisher();
}

/// Renews what the worker holds, looks who is still there, and takes over what others have lost.
pub(super) fn beat_step(host: &Arc<Host>, session: &mut dyn Session) -> Result<(), Fault> {
    let began = Instant::now();
    *host.clock.lock() = Clock::compare(session)?;
    let record = message::write(&host.record());
    let holds = host.desk.lock().holds();
    let lost = session.beat(&host.worker, &record, &holds)?;
    let lost: Vec<_> = {
        let mut desk = host.desk.lock();
        lost.iter().filter_map(|place| desk.lost(place)).collect()
    };
    // They run elsewhere by now, and should not run twice at a time.
    give_up(host, &lost);
    host.renewed(began);
    stop_work_of_the_dead(host, session)?;
    let now = Instant::now();
    host.contexts.drop_unused(now);
    let most = {
        let mut desk = host.desk.lock();
        desk.clients.forget_old_ones(now);
        desk.capacity(now)
    };
    if most > 0 {
        let (labels, idle) = (&host.config.labels, host.config.hold_lost_after);
        let deliveries = session.reclaim(&host.worker, labels, idle, most)?;
        host.desk.lock().delivered(deliveries);
        take_in(host, session)?;
    }
    Ok(())
}

/// Rule 10.
fn stop_work_of_the_dead(host: &Host, session: &mut dyn Session) -> Result<(), Fault> {
    let clients = host.desk.lock().clients_in_hand();
    if clients.is_empty() {
        return Ok(());
    }
    let there = session.living(&clients)?;
    let abandoned = {
        let mut desk = host.desk.lock();
        desk.clients.note(&clients, &there, Instant::now());
        desk.abandon()
    };
    give_up(host, &abandoned);
    host.tell_finisher();
    Ok(())
}

/// What has not started goes first: it must not start in the place of what is stopped.
fn give_up(host: &Host, tasks: &[Arc<Forwarded>]) {
    for running in [Reaction::Leave, Reaction::Kill] {
        for task in tasks {
            task.give_up(&host.carrier, running);
        }
    }
}
