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
    label = "not portable: it must own its data, be `Send`, and implement serde's `Serialize` and `Deserialize`",
    note = "for a type of your own: add `#[derive(serde::Serialize, serde::Deserialize)]`",
    note = "for a socket, a file or a lock: pass what is needed to open it (an address, a path) and open it in the work",
    note = "if the work never leaves this process: call the method of the same name on the pool itself (`ThreadPool`, \
            `Inline`), which asks only for `Send`, instead of the one of a generic `E: Executor`"
)]
pub trait Portable: Serialize + DeserializeOwned + Send + 'static {}

impl<T: Serialize + DeserializeOwned + Send + 'static> Portable for T {}

/// How values of type `T` get to where the work runs. The verbs choose it by their bounds.
pub trait Crossing<T>: Send + Sync + 'static {
    /// A copy of `value` as it would arrive in another process. `what` it is goes into the error.
    #[doc(hidden)]
    fn cross(what: &'static str, value: &T) -> Result<T, TaskError>;
}

/// The verbs of [`Executor`](crate::Executor): work for any backend, all arguments and results portable.
#[derive(Debug, Clone, Copy)]
pub struct Anywhere;

/// The verbs of an in-process backend itself: work may capture, values need no serde.
#[derive(Debug, Clone, Copy)]
pub struct InProcess;

impl<T: Portable> Crossing<T> for Anywhere {
    fn cross(what: &'static str, value: &T) -> Result<T, TaskError> {
        let mut bytes = Vec::new();
        wire::encode(value, &mut bytes).map_err(|error| TaskError::Encode(CodecError::new(what, error)))?;
        wire::decode(&bytes).map_err(|error| TaskError::Decode(CodecError::new(what, error)))
    }
}

impl<T: 'static> Crossing<T> for InProcess {
    fn cross(what: &'static str, _: &T) -> Result<T, TaskError> {
        Err(TaskError::Encode(CodecError::new(
            what,
            "the task was made by an in-process method, whose values need not be portable; submit it through \
             the verbs of `Executor`",
        )))
    }
}
