//! Work that many tests use.

use super::checkpoint::Address;
use crate::{ReturnWhen, TaskError, TaskFuture, cancel_requested, wait};
use futures::channel::oneshot;
use std::thread;

pub fn square(n: u64) -> u64 {
    n * n
}

/// Tells the checkpoint, and goes on.
pub fn announce((at, number): (Address, u64)) -> u64 {
    at.announce(number);
    number
}

/// Tells the checkpoint, and waits there.
pub fn pass((at, number): (Address, u64)) -> u64 {
    at.pass(number);
    number
}

/// Waits at the checkpoint and panics then.
pub fn pass_and_panic((at, number): (Address, u64)) -> u64 {
    at.pass(number);
    panic!("after the checkpoint: {number}")
}

pub fn panic_with(number: u64) -> u64 {
    panic!("no {number}")
}

pub fn panic_at_multiples_of_four(number: u64) -> u64 {
    assert!(!number.is_multiple_of(4), "{number} is a multiple of four");
    number
}

/// Runs until it is asked to stop.
pub fn until_asked_to_stop(number: u64) -> u64 {
    while !cancel_requested() {
        thread::yield_now();
    }
    number
}

/// Tells the checkpoint, and then runs until it is asked to stop.
pub fn announce_until_asked_to_stop((at, number): (Address, u64)) -> u64 {
    at.announce(number);
    until_asked_to_stop(number)
}

/// As [`pass`], suspended instead of blocked.
pub async fn pass_async((at, number): (Address, u64)) -> u64 {
    let (passed, gate) = oneshot::channel();
    thread::spawn(move || {
        at.pass(number);
        let _ = passed.send(());
    });
    let _ = gate.await;
    number
}

/// The text of the panic that an outcome reports.
pub fn panic_message<R>(outcome: Result<R, TaskError>) -> String {
    match outcome {
        Err(TaskError::Panicked(panic)) => panic.message().to_owned(),
        Err(other) => panic!("another error: {other:?}"),
        Ok(_) => panic!("a value"),
    }
}

/// The same future, done, and its outcome ready to be taken.
pub fn ended<R: Send + 'static>(future: TaskFuture<R>) -> TaskFuture<R> {
    wait([future], ReturnWhen::AllCompleted, None).done.remove(0)
}
