use super::{
    Subject,
    checkpoint::Checkpoint,
    work::{ended, panic_message, panic_with, pass_and_panic, square},
};
use crate::{Executor, TaskError};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use std::panic::panic_any;

pub(crate) fn the_text_of_a_panic_reaches_the_caller<S: Subject>() {
    let executor = S::start(1);
    let fixed = |_: u64| -> u64 { panic!("fixed text") };
    assert_eq!(panic_message(executor.submit(fixed, 1).result()), "fixed text");
    assert_eq!(panic_message(executor.submit(panic_with, 1).result()), "no 1");
    let odd = |_: u64| -> u64 { panic_any(5_u8) };
    let message = panic_message(executor.submit(odd, 1).result());
    assert!(!message.is_empty());
    let unwrapped = |n: u64| u8::try_from(n).unwrap();
    assert!(panic_message(executor.submit(unwrapped, 300).result()).contains("TryFromInt"));
}

fn panic_here(n: u64) -> u64 {
    panic!("here {n}")
}
const HERE: u32 = line!() - 2;

pub(crate) fn a_panic_says_where_it_was<S: Subject>() {
    let executor = S::start(1);
    let error = executor.submit(panic_here, 1).result().unwrap_err();
    let TaskError::Panicked(panic) = &error else {
        panic!("{error:?}")
    };
    let location = panic.location().unwrap();
    assert!(
        location.contains("panics.rs") && location.contains(&format!(":{HERE}:")),
        "{location}"
    );
    let (display, debug) = (error.to_string(), format!("{error:?}"));
    assert!(
        display.contains("here 1") && display.contains("panics.rs"),
        "{display}"
    );
    assert!(debug.contains("here 1") && debug != display, "{debug}");
}

pub(crate) fn every_worker_survives_a_panic<S: Subject>() {
    let executor = S::start(4);
    for round in 0..3 {
        let failing: Vec<_> = (0..8).map(|n| executor.submit(panic_with, n)).collect();
        for (n, future) in failing.into_iter().enumerate() {
            assert_eq!(panic_message(future.result()), format!("no {n}"));
        }
        let working: Vec<_> = (0..8).map(|n| executor.submit(square, n)).collect();
        assert_eq!(
            working
                .into_iter()
                .map(|future| future.result().unwrap())
                .sum::<u64>(),
            140
        );
        assert_eq!(executor.stats().failed, 8 * (round + 1));
    }
}

pub(crate) fn a_panic_in_async_work_is_its_own<S: Subject>() {
    let executor = S::start(1);
    let before_the_future = |n: u64| -> std::future::Ready<u64> { panic!("no future {n}") };
    assert_eq!(
        panic_message(executor.submit_async(before_the_future, 1).result()),
        "no future 1"
    );
    let inside = |n: u64| async move { panic_with(n) };
    assert_eq!(panic_message(executor.submit_async(inside, 2).result()), "no 2");
    let after_a_suspension = |n: u64| async move {
        let mut yielded = false;
        std::future::poll_fn(|cx| {
            cx.waker().wake_by_ref();
            if std::mem::replace(&mut yielded, true) {
                ().into()
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
        panic_with(n)
    };
    assert_eq!(
        panic_message(executor.submit_async(after_a_suspension, 3).result()),
        "no 3"
    );
    assert_eq!(executor.submit(square, 2).result().unwrap(), 4);
}

/// Panics when it is dropped.
#[derive(Serialize, Deserialize)]
struct Bomb(u64);

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking() || self.0 == 0, "in a destructor");
    }
}

pub(crate) fn a_panic_in_the_destructor_of_an_argument_fails_its_task_only<S: Subject>() {
    let executor = S::start(1);
    if S::COPIES {
        // The caller's copy is dropped on the way; so the bomb is armed by the work.
        let armed = executor.submit(|mut bomb: Bomb| bomb.0 += 1, Bomb(0));
        assert_eq!(panic_message(armed.result()), "in a destructor");
    } else {
        let dropped = executor.submit(|bomb: Bomb| drop(bomb), Bomb(1));
        assert_eq!(panic_message(dropped.result()), "in a destructor");
    }
    assert_eq!(executor.submit(square, 2).result().unwrap(), 4);
}

pub(crate) fn a_panic_in_the_destructor_of_a_lost_result_harms_nobody<S: Subject>() {
    let executor = S::start(1);
    drop(executor.submit(Bomb, 1));
    drop(executor.submit_async(|n: u64| async move { Bomb(n) }, 1));
    // Whoever drops the future, early or late, does not see the panic either.
    drop(ended(executor.submit(Bomb, 1)));
    drop(ended(executor.submit_async(|n: u64| async move { Bomb(n) }, 1)));
    for n in 0..20 {
        assert_eq!(executor.submit(square, n).result().unwrap(), square(n));
    }
}

/// Fails, or panics, on its way to another process.
struct Stays(u8);

impl Serialize for Stays {
    fn serialize<T: Serializer>(&self, serializer: T) -> Result<T::Ok, T::Error> {
        match self.0 {
            0 => Err(ser::Error::custom("it stays here")),
            1 => panic!("it panics on the way out"),
            n => n.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Stays {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            2 => Err(de::Error::custom("it does not arrive")),
            3 => panic!("it panics on arrival"),
            n => Ok(Self(n)),
        }
    }
}

pub(crate) fn a_value_that_does_not_cross_fails_its_task_only<S: Subject>() {
    let executor = S::start(1);
    for n in 0..4 {
        let argument = executor.submit(|stays: Stays| stays.0, Stays(n)).result();
        let result = executor.submit(Stays, n).result().map(|stays| stays.0);
        for (what, outcome) in [("the argument", argument), ("the result", result)] {
            let expected = match n {
                0 => "it stays here",
                1 => "it panics on the way out",
                2 => "it does not arrive",
                _ => "it panics on arrival",
            };
            match outcome {
                Ok(value) => assert_eq!((value, S::COPIES), (n, false)),
                Err(TaskError::Encode(error)) => {
                    assert_eq!((error.what(), n), (what, 0));
                    assert!(error.reason().contains(expected), "{error}");
                }
                Err(TaskError::Decode(error)) => {
                    assert_eq!((error.what(), n), (what, 2));
                    assert!(error.reason().contains(expected), "{error}");
                }
                failed => assert!(panic_message(failed).contains(expected)),
            }
        }
    }
    assert_eq!(executor.submit(square, 2).result().unwrap(), 4);
}

pub(crate) fn an_item_that_does_not_cross_fails_alone<S: Subject>() {
    let executor = S::start(2);
    let items = [9, 0, 9, 1, 9, 2, 9, 3, 9].map(Stays);
    let outcomes: Vec<_> = executor
        .options()
        .chunk_size(3)
        .map(|stays: Stays| stays.0, items)
        .collect();
    assert_eq!(outcomes.len(), 9);
    for (place, outcome) in outcomes.iter().enumerate() {
        assert_eq!(
            outcome.is_ok(),
            place % 2 == 0 || !S::COPIES,
            "{place}: {outcome:?}"
        );
    }
}

pub(crate) fn panics_at_the_same_moment_stay_apart<S: Subject>() {
    let executor = S::start(4);
    let checkpoint = Checkpoint::new();
    let futures: Vec<_> = (0..4)
        .map(|n| executor.submit(pass_and_panic, (checkpoint.address(), n)))
        .collect();
    checkpoint.wait_for(4);
    checkpoint.open();
    for (n, future) in futures.into_iter().enumerate() {
        assert_eq!(
            panic_message(future.result()),
            format!("after the checkpoint: {n}")
        );
    }
    let working: Vec<_> = (0..4).map(|n| executor.submit(square, n)).collect();
    assert!(working.into_iter().all(|future| future.result().is_ok()));
}
