use crate::{
    error::{CodecError, TaskError},
    wire,
};
use serde::{Serialize, de::DeserializeOwned};

/// A value that can cross to another process: serializable, owned, and free to change threads.
///
/// Implemented for every type that qualifies; there is nothing to write but
/// `#[derive(Serialize, Deserialize)]`. Every type crosses that survives a round trip through `serde_json` or
/// through `bincode`.
///
/// # Examples
///
/// ```
/// use concurrent_futures::Portable;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Job { path: String, tries: Option<u8> }
///
/// fn crosses<T: Portable>() {}
/// crosses::<Job>();
/// crosses::<Vec<(u32, Job)>>();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot cross to another process, which the verbs of `Executor` ask of every argument and result",
    label = "not portable: it, and all that is in it, must be owned, `Send`, and serde's `Serialize` and `Deserialize`",
    note = "for a type of your own: add `#[derive(serde::Serialize, serde::Deserialize)]`",
    note = "for a `Result` whose error is `std::io::Error`, a `Box<dyn Error>` or the like: pass on the error's text, \
            `.map_err(|error| error.to_string())`, or an error type of your own that derives both",
    note = "for a future: async work goes to `submit_async` or `map_async`",
    note = "for a socket, a file or a lock: pass what is needed to open it (an address, a path) and open it in the work",
    note = "if the work never leaves this process: call the method of the same name on the pool itself (`ThreadPool`, \
            `Inline`), which asks only for `Send`, instead of the one of a generic `E: Executor`"
)]
pub trait Portable: Serialize + DeserializeOwned + Send + 'static {}

// Otherwise the compiler speaks of the part of a value that is missing a trait, in serde's words, and of each trait apart.
#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + 'static> Portable for T {}

/// How values of type `T` get to where the work runs. The verbs choose it by their bounds.
pub trait Crossing<T>: Send + Sync + 'static {
    /// Whether values cross at all: where they do not, nothing that sends them is compiled.
    #[doc(hidden)]
    const CROSSES: bool;

    /// Appends `value` to `bytes`. `what` it is goes into the error.
    #[doc(hidden)]
    fn encode(what: &'static str, value: &T, bytes: &mut Vec<u8>) -> Result<(), TaskError>;

    /// Reads a value back.
    #[doc(hidden)]
    fn decode(what: &'static str, bytes: &[u8]) -> Result<T, TaskError>;

    /// A copy of `value` as it would arrive in another process.
    #[doc(hidden)]
    fn cross(what: &'static str, value: &T) -> Result<T, TaskError> {
        let mut bytes = Vec::new();
        Self::encode(what, value, &mut bytes)?;
        Self::decode(what, &bytes)
    }
}

/// The verbs of [`Executor`](crate::Executor): work for any backend, all arguments and results portable.
#[derive(Debug, Clone, Copy)]
pub struct Anywhere;

/// The verbs of an in-process backend itself: work may capture, values need no serde.
#[derive(Debug, Clone, Copy)]
pub struct InProcess;

impl<T: Portable> Crossing<T> for Anywhere {
    const CROSSES: bool = true;

    fn encode(what: &'static str, value: &T, bytes: &mut Vec<u8>) -> Result<(), TaskError> {
        wire::encode(value, bytes).map_err(|error| TaskError::Encode(CodecError::new(what, error)))
    }

    fn decode(what: &'static str, bytes: &[u8]) -> Result<T, TaskError> {
        wire::decode(bytes).map_err(|error| TaskError::Decode(CodecError::new(what, error)))
    }
}

impl<T: 'static> Crossing<T> for InProcess {
    const CROSSES: bool = false;

    fn encode(what: &'static str, _: &T, _: &mut Vec<u8>) -> Result<(), TaskError> {
        Err(TaskError::Encode(in_process_only(what)))
    }

    fn decode(what: &'static str, _: &[u8]) -> Result<T, TaskError> {
        Err(TaskError::Decode(in_process_only(what)))
    }
}

fn in_process_only(what: &'static str) -> CodecError {
    CodecError::new(
        what,
        "the task was made by an in-process method, whose values need not be portable; submit it through the verbs of \
         `Executor`",
    )
}
