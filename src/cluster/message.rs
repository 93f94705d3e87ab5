//! What clients and workers tell each other: each message is one byte for the version, then a value in the crate's own wire format.
//!
//! Arguments and results are bytes here: they were encoded by who submitted, and are decoded by who runs them or waits for them.

use super::broker::{BlobKey, ClientId};
use crate::wire;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Another version is not read. The name of a queue has it too, so that two of them never meet.
pub(super) const VERSION: u8 = 1;

/// Longer ones do not go through the queue.
pub(super) const LONGEST_INLINE: usize = 256 * 1024;

/// Bytes, here or apart from the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Payload {
    Here(Vec<u8>),
    Apart(BlobKey),
}

/// Items for one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Task {
    pub(super) number: u64,
    pub(super) client: ClientId,
    /// Where the entry of the work lies in the executable, and a hash of its name.
    pub(super) entry: i64,
    pub(super) name_hash: u64,
    /// The name that the user gave to the task.
    pub(super) name: Option<String>,
    /// Data that many tasks share.
    pub(super) context: Option<BlobKey>,
    /// How many items, each with its length in front; one without that if it is bare.
    pub(super) items: u32,
    pub(super) bare: bool,
    /// The client wants to hear of the start at once, and how long the steps took.
    pub(super) announce: bool,
    pub(super) timed: bool,
    /// Which attempt at its task it is, from 1.
    pub(super) attempt: u32,
    /// So many workers were lost that had it, before it was handed back.
    pub(super) lost: u32,
    pub(super) payload: Payload,
}

/// How items have ended: one, unless it says how many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Outcome {
    /// The results of so many items in a row, encoded, one behind the other as `task::short` has them.
    Together { items: u32, values: Vec<u8> },
    /// Its result, encoded.
    Value(Vec<u8>),
    /// The same, apart from the queue.
    ValueApart(BlobKey),
    /// It is a vector of bytes as it is.
    Bare(Payload),
    /// As `task::failure` writes it.
    Failed(Vec<u8>),
    /// It did not run, and will not: it was taken back.
    Unrun,
}

/// What a worker tells a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Report {
    /// A task has ended. Outcomes of the items in their order.
    Ended {
        number: u64,
        /// Nanoseconds that its items took together.
        took: u64,
        outcomes: Vec<Outcome>,
        /// Where it ran and when, if that was asked for.
        ran: Vec<Ran>,
    },
    /// A task has started, on the process `pid` of the worker.
    Started { number: u64, worker: String, pid: u32 },
    /// A task lies in the queue again.
    Moved { number: u64 },
    /// Its payload or its context is not there (any more).
    Incomplete { number: u64 },
    /// A client's word to itself: these tasks were not at these positions when the row of results had got so far.
    Gone { places: Vec<(u64, u64, u64)> },
    /// All that has started on this worker was reported.
    Told { worker: String, question: u64 },
}

/// What a process did with some items, for who records. Times are microseconds of the engine's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ran {
    pub(super) worker: String,
    pub(super) pid: u32,
    pub(super) began: u64,
    /// Nanoseconds.
    pub(super) decode: u64,
    pub(super) run: u64,
    pub(super) encode: u64,
    pub(super) items: u32,
    pub(super) failed: u32,
    pub(super) died: bool,
}

/// What a client tells a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Request {
    /// What has not started of this task is to be given back, and what runs of it is to be treated so.
    Stop {
        client: ClientId,
        number: u64,
        running: Treatment,
    },
    /// The client wants to know what of its has started. Answered with [`Report::Told`] after the reports of that.
    Tell { client: ClientId, question: u64 },
}

/// What is to become of what runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Treatment {
    /// Nothing; the client wants to know whether it runs.
    Leave,
    AskToStop,
    /// A future is dropped at its next await.
    Drop,
    Kill,
}

/// What a worker says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WorkerRecord {
    pub(super) host: String,
    pub(super) pid: u32,
    pub(super) slots: u32,
    pub(super) labels: Vec<String>,
    /// The build, as in the keys.
    pub(super) build: String,
    /// Version of this crate.
    pub(super) version: String,
    pub(super) running: u32,
    pub(super) in_hand: u32,
    /// Processes of its pool that were replaced.
    pub(super) restarted: u64,
}

/// The bytes of a message.
pub(super) fn write<M: Serialize>(message: &M) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    wire::encode(message, &mut bytes).expect("the types above are always encoded");
    bytes
}

/// Reads a message.
///
/// # Errors
///
/// Says what is wrong with the bytes.
pub(super) fn read<M: DeserializeOwned>(bytes: &[u8]) -> Result<M, String> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => wire::decode(rest).map_err(|error| error.to_string()),
        Some((version, _)) => Err(format!(
            "it is of version {version} of the protocol, and not {VERSION}"
        )),
        None => Err("it is empty".to_owned()),
    }
}
