//! What the cluster asks of the engine between its machines: the one seam behind which Redis is.
//!
//! An engine keeps queues of tasks, from which each task is delivered to one worker at a time, and a row of results for every client.
//! Every operation happens whole or not at all. The rules that the rest of the cluster builds on are numbered in the `README.md` of this
//! folder's parent; each operation here names the ones that it keeps.

#[cfg(test)]
pub(crate) mod fake;
pub(crate) mod redis;
#[cfg(test)]
mod suite;

use std::{fmt, time::Duration};

/// The engine, as something to connect to.
pub(crate) trait Broker: Send + Sync + 'static {
    /// A connection of its own. Each thread has one: some operations wait.
    fn open(&self) -> Result<Box<dyn Session>, Fault>;

    /// Where it is, for messages: without a password.
    fn address(&self) -> String;
}

/// Why an operation has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// It cannot be reached, or went away: whether the operation has happened is not known. Trying again with a new session may help.
    #[error("{0}")]
    Away(String),
    /// It has no room for more at the moment. The operation has not happened; the session goes on.
    #[error("{0}")]
    Full(String),
    /// It will not do that for us: wrong password, not allowed, no such protocol. Trying again does not help.
    #[error("{0}")]
    Refused(String),
}

/// Names one client for as long as its lease is not lost; after that it takes another name. Letters and digits only.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub(crate) struct ClientId(pub(crate) String);

/// Names one worker: a process that fetches tasks. Letters and digits only.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub(crate) struct WorkerId(pub(crate) String);

/// Where an entry lies in a queue or in a row of results. Later entries have larger ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Position(pub(crate) u64, pub(crate) u64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0, self.1)
    }
}

/// Where an entry of a queue is: in the queue of tasks that ask for this label (none: the one that all workers read), at this position.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) label: Option<String>,
    pub(crate) position: Position,
}

/// A task on its way to the engine.
#[derive(Debug)]
pub(crate) struct Outgoing<'a> {
    /// Its number, which grows by each task that a client submits.
    pub(crate) number: u64,
    pub(crate) body: &'a [u8],
}

/// What became of a batch of submissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Submitted {
    /// So many of them, from the first one on, are stored, at these positions: `None` for what was stored by an earlier try whose answer
    /// got lost. The rest has no room.
    Stored(Vec<Option<Position>>),
    /// The engine does not know the client: its lease is over, or the data is gone. Nothing was stored.
    Unknown,
}

/// An entry of a client's row of results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) position: Position,
    pub(crate) body: Vec<u8>,
    /// Where the task lies now, if this is the notice that it was handed back.
    pub(crate) moved: Option<Position>,
}

/// A task that a client wants back.
#[derive(Debug, Clone)]
pub(crate) struct Recall {
    pub(crate) place: Place,
    /// What the worker that has it already is told.
    pub(crate) request: Vec<u8>,
}

/// What became of a [`Recall`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recalled {
    /// It was removed; no worker has ever had it.
    Removed,
    /// A worker has it, which was told.
    Told,
    /// It is not there: it has ended, was handed back and lies elsewhere now, or went with the data.
    Gone,
}

/// A task that a worker has in hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) place: Place,
    pub(crate) body: Vec<u8>,
    /// How often it was delivered, this time included.
    pub(crate) times: u32,
}

/// A task that has ended on a worker.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub(crate) place: Place,
    pub(crate) client: ClientId,
    /// For the client; `None` if nobody wants to hear of it.
    pub(crate) result: Option<Vec<u8>>,
}

/// A task that a worker will not run.
#[derive(Debug, Clone)]
pub(crate) struct Returned {
    pub(crate) place: Place,
    pub(crate) client: ClientId,
    /// The task, to be queued once more.
    pub(crate) body: Vec<u8>,
    /// What its client is told, together with where it lies now.
    pub(crate) notice: Vec<u8>,
}

/// A worker, as it has described itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Registered {
    pub(crate) worker: WorkerId,
    pub(crate) record: Vec<u8>,
    /// How long ago it was last heard of.
    pub(crate) silent_for: Duration,
}

/// Names a payload that is too long for a queue. Letters, digits and colons.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct BlobKey(pub(crate) String);

/// One connection. After [`Fault::Away`] it is of no further use.
pub(crate) trait Session: Send {
    /// The engine's clock, in microseconds since 1970.
    fn now(&mut self) -> Result<u64, Fault>;

    /// Stores a payload apart from the queues. It is removed when nobody has done so for long (an hour).
    fn put(&mut self, key: &BlobKey, bytes: &[u8]) -> Result<(), Fault>;
    fn get(&mut self, key: &BlobKey) -> Result<Option<Vec<u8>>, Fault>;
    fn remove(&mut self, keys: &[BlobKey]) -> Result<(), Fault>;

    /// All workers of this pool, of whatever build, but for those that have been silent for a minute.
    fn workers(&mut self) -> Result<Vec<Registered>, Fault>;

    // What a client asks.

    /// Makes a client known that is not yet. Its lease begins.
    fn enlist(&mut self, client: &ClientId) -> Result<(), Fault>;
    /// Renews the lease, and says which number the last task has that is stored or was; `None` if the lease is over or the data is
    /// gone, and the client is not known any more.
    fn renew(&mut self, client: &ClientId) -> Result<Option<u64>, Fault>;
    /// Stores tasks, in order, while fewer than `most` are in the queue for `label`. Numbers up to the last one that is
    /// stored are passed over, so that it can be repeated.
    fn submit(
        &mut self,
        client: &ClientId,
        label: Option<&str>,
        most: usize,
        batch: &[Outgoing<'_>],
    ) -> Result<Submitted, Fault>;
    /// The first entries behind `after`; if there are none, waits for the next for at most `wait`. Those up to `after` are removed.
    fn results(&mut self, client: &ClientId, after: Position, wait: Duration) -> Result<Vec<Arrival>, Fault>;
    /// Tells workers something; see [`hear`](Self::hear).
    fn ask(&mut self, requests: &[(WorkerId, Vec<u8>)]) -> Result<(), Fault>;
    /// Removes each task that no worker has had, and tells those that have the others.
    fn recall(&mut self, recalls: &[Recall]) -> Result<Vec<Recalled>, Fault>;
    /// The client is gone: its lease and its results are removed. What it has queued will not run.
    fn leave(&mut self, client: &ClientId) -> Result<(), Fault>;

    // What a worker asks.

    /// At most `most` tasks that ask for one of these labels or for none; waits for the first for at most `wait`.
    fn fetch(
        &mut self,
        worker: &WorkerId,
        labels: &[String],
        most: usize,
        wait: Duration,
    ) -> Result<Vec<Delivery>, Fault>;
    /// Takes over tasks of workers that have not renewed their hold on them for `idle`.
    fn reclaim(
        &mut self,
        worker: &WorkerId,
        labels: &[String],
        idle: Duration,
        most: usize,
    ) -> Result<Vec<Delivery>, Fault>;
    /// Says that the worker is there, what it is (`record`), and that it still has these tasks in hand. Returns those that it has lost to others.
    fn beat(&mut self, worker: &WorkerId, record: &[u8], in_hand: &[Place]) -> Result<Vec<Place>, Fault>;
    /// Which of these clients are there.
    fn living(&mut self, clients: &[ClientId]) -> Result<Vec<bool>, Fault>;
    /// Removes each task from its queue and gives its result to its client, if the worker still has it and the client is there. Says for each
    /// whether that was so.
    fn finish(&mut self, worker: &WorkerId, ended: &[Ended]) -> Result<Vec<bool>, Fault>;
    /// Puts tasks back that the worker still has and whose client is there, in one step each with the notice.
    fn hand_back(&mut self, worker: &WorkerId, returned: &[Returned]) -> Result<(), Fault>;
    /// Tells clients that are there.
    fn tell(&mut self, notices: &[(ClientId, Vec<u8>)]) -> Result<(), Fault>;
    /// What clients have told the worker since it was last asked; waits for at most `wait`.
    fn hear(&mut self, worker: &WorkerId, wait: Duration) -> Result<Vec<Vec<u8>>, Fault>;
    /// The worker is gone. What it has in hand, if anything, is taken over by others in time.
    fn retire(&mut self, worker: &WorkerId) -> Result<(), Fault>;
}
