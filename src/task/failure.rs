//! A task's failure as bytes, on its way back from another process.

use crate::{
    error::{CodecError, TaskError, TaskPanic, WorkerDeath},
    wire,
};

const PANICKED: u8 = 1;
const NOT_ENCODED: u8 = 2;
const NOT_DECODED: u8 = 3;
const CANCELLED: u8 = 4;
/// Followed by a [`WorkerDeath`].
const WORKER_DIED: u8 = 5;

/// Kind, text, place, backtrace.
type Parts<'a> = (u8, &'a str, Option<&'a str>, Option<&'a str>);

/// Appends what can be told of `error`.
pub(crate) fn write(error: &TaskError, bytes: &mut Vec<u8>) {
    let text;
    let parts: Parts<'_> = match error {
        TaskError::Panicked(panic) => (PANICKED, panic.message(), panic.location(), panic.backtrace()),
        TaskError::Encode(error) => (NOT_ENCODED, error.reason(), Some(error.what()), None),
        TaskError::Decode(error) => (NOT_DECODED, error.reason(), Some(error.what()), None),
        TaskError::Cancelled => (CANCELLED, "", None, None),
        TaskError::WorkerDied(death) => {
            wire::encode(&(WORKER_DIED, death), bytes).expect("numbers and strings are always encoded");
            return;
        }
        other => {
            text = other.to_string();
            (PANICKED, &text, None, None)
        }
    };
    wire::encode(&parts, bytes).expect("numbers and strings are always encoded");
}

/// Reads it back. Bytes that make no sense are a failure as well.
pub(crate) fn read(bytes: &[u8]) -> TaskError {
    type Owned = (u8, String, Option<String>, Option<String>);
    if let Ok((WORKER_DIED, death)) = wire::decode::<(u8, WorkerDeath)>(bytes) {
        return TaskError::WorkerDied(death);
    }
    match wire::decode::<Owned>(bytes) {
        Ok((PANICKED, message, location, backtrace)) => {
            TaskError::Panicked(TaskPanic::from_elsewhere(message, location, backtrace))
        }
        Ok((NOT_ENCODED, reason, what, _)) => TaskError::Encode(CodecError::new(known(what), reason)),
        Ok((NOT_DECODED, reason, what, _)) => TaskError::Decode(CodecError::new(known(what), reason)),
        Ok((CANCELLED, ..)) => TaskError::Cancelled,
        Ok((kind, ..)) => unreadable(&format!("there is no failure of kind {kind}")),
        Err(error) => unreadable(&error.to_string()),
    }
}

fn unreadable(reason: &str) -> TaskError {
    TaskError::Decode(CodecError::new("the failure of the task", reason))
}

/// What could not cross; errors name it without owning it.
fn known(what: Option<String>) -> &'static str {
    const KNOWN: [&str; 5] = [
        "the argument",
        "the result",
        "the context",
        "the work",
        "the initializer",
    ];
    KNOWN
        .into_iter()
        .find(|known| Some(*known) == what.as_deref())
        .unwrap_or("a value")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(error: &TaskError) -> TaskError {
        let mut bytes = Vec::new();
        write(error, &mut bytes);
        read(&bytes)
    }

    #[test]
    fn failures_survive_the_way() {
        let panic = TaskPanic::from_elsewhere("no 7".into(), Some("a.rs:1:2".into()), Some("0: f".into()));
        let TaskError::Panicked(back) = there_and_back(&TaskError::Panicked(panic)) else {
            panic!("another kind");
        };
        assert_eq!(back.message(), "no 7");
        assert_eq!(
            (back.location(), back.backtrace()),
            (Some("a.rs:1:2"), Some("0: f"))
        );
        assert!(back.take_payload().is_none());

        let back = there_and_back(&TaskError::Encode(CodecError::new("the result", "not me")));
        assert_eq!(back.to_string(), "could not encode the result: not me");
        let back = there_and_back(&TaskError::Decode(CodecError::new("the argument", "what?")));
        assert_eq!(back.to_string(), "could not decode the argument: what?");
        assert!(there_and_back(&TaskError::Cancelled).is_cancelled());

        let death = WorkerDeath::by_signal(4711, 9).while_running("that");
        let TaskError::WorkerDied(back) = there_and_back(&TaskError::WorkerDied(death.clone())) else {
            panic!("another kind");
        };
        assert_eq!(back, death);
    }

    #[test]
    fn nonsense_is_a_failure_of_its_own() {
        for bytes in [&[][..], &[0xff; 40], b"no such thing"] {
            assert!(matches!(read(bytes), TaskError::Decode(_)));
        }
    }
}
