//! What leaves this process: items of work, cut into batches that a worker elsewhere runs one after another.

use super::{Entry, Shipment, short};
use crate::{
    error::TaskError,
    ledger::Ledger,
    running::{TaskSpan, record::Share},
    sync::{Arc, atomic::AtomicU64},
};
use std::time::Duration;

/// Who brings parcels to workers elsewhere and their answers back: a pool of processes.
///
/// It owns the one lock under which it is decided whether an item has started, so that a cancellation is exact
/// although the item may lie in another process by then.
pub(crate) trait Carrier: Send + Sync {
    /// Takes a parcel that has something to load.
    fn carry(self: Arc<Self>, parcel: Arc<dyn Parcel>, admission: Admission);
    /// Takes in what has come back, and notes what has started.
    fn look(&self);
    /// The same, and finds out what has started, if that takes a question.
    fn look_closely(&self) {
        self.look();
    }
    /// Somebody is to be told of an answer ([`Parcel::is_awaited`]), who did not ask for it before.
    fn awaited(&self);
    /// Takes answers in until `done`, for a bounded moment. True if it is done.
    fn attend(&self, done: &dyn Fn() -> bool) -> bool;
    /// Takes the task back from its worker if it has not started there, and has `decide` say, before anything can
    /// change, what is to become of it.
    fn intercept(&self, task: &dyn Parcel, decide: &mut dyn FnMut(Whereabouts) -> Reaction);
    /// A context is no longer used.
    fn forget(&self, context: u64);
}

/// Somebody to be told that a task starts. Dropped without that, it will not.
pub(crate) trait Start: Send {
    /// May be called more than once, and under a lock.
    fn started(&self);
}

/// Whether a carrier that is shutting down has to take a parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Only from the inside: it is submitted now.
    New,
    /// It has been accepted before.
    Accepted,
}

/// A [`Carrier`], as an executor shows it to the verbs.
#[doc(hidden)]
#[derive(Clone)]
pub struct CarrierHandle(pub(crate) Arc<dyn Carrier>);

/// How far a task is that somebody wants to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whereabouts {
    /// It has not started, and will not before `decide` returns.
    Waiting,
    Started,
}

/// What is to become of a task that has started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reaction {
    /// It goes on.
    Leave,
    /// Its work is asked to stop.
    AskToStop,
    /// A future is dropped at its next await, and says so; its worker goes on.
    Drop,
    /// It is stopped; its outcome has been decided.
    Kill,
    /// It is stopped; its outcome has been decided, and is to be told when nothing of it runs any more.
    KillAndTell,
}

/// What is called with each item of a parcel.
#[derive(Clone)]
pub(crate) struct RemoteCall {
    pub(crate) entry: &'static Entry,
    pub(crate) context: Option<Arc<Shipment>>,
}

impl RemoteCall {
    pub(crate) fn is_async(&self) -> bool {
        matches!(self.entry.routine, super::Routine::Async(_))
    }
}

/// Items on their way, each as [`push_item`] wrote it.
pub(crate) struct Load {
    /// The number of the first item in its parcel.
    pub(crate) first: u64,
    pub(crate) items: u32,
    pub(crate) bytes: Vec<u8>,
    /// The bytes are the one item itself, a [bare](super::packed) vector.
    pub(crate) bare: bool,
}

/// How an item ended.
pub(crate) enum Answer<'a> {
    /// Its result, encoded.
    Value(&'a [u8]),
    /// The same, in a vector of its own.
    LargeValue(Vec<u8>),
    /// It is a vector of bytes, which crosses bare.
    Bare(Vec<u8>),
    Failed(TaskError),
}

/// One task, or the items of a map.
///
/// All but [`tell`](Self::tell) and [`refuse`](Self::refuse) are called under the carrier's lock: they move bytes
/// and run no foreign code.
pub(crate) trait Parcel: Send + Sync {
    fn call(&self) -> &RemoteCall;
    fn name(&self) -> &str;
    /// The number of the task, if it is one and not many.
    fn number(&self) -> Option<u64> {
        None
    }
    /// For who traces the program.
    fn span(&self) -> &TaskSpan {
        &TaskSpan::NONE
    }
    /// Which attempt at its task it is, from 1.
    fn attempt(&self) -> u32 {
        1
    }
    /// Whether the carrier has to learn of the start at once, because something counts from it.
    fn tells_start(&self) -> bool {
        false
    }
    /// Where the carrier notes in which batch a task is; a map has many.
    fn place(&self) -> Option<&AtomicU64> {
        None
    }
    /// Cuts the next batch. `None` if nothing waits: then the parcel has to be carried again once something does.
    /// With it comes whether more waits, so that the parcel stays with the carrier.
    fn load(&self, workers: usize) -> Option<(Load, bool)>;
    /// How many items wait.
    fn waiting(&self) -> usize;
    /// Whether they are worth a batch for a worker that is busy and would not get to them now. While they are not, more may
    /// come.
    fn is_worth_a_batch(&self) -> bool {
        true
    }
    /// Takes items back that were loaded and have not started. True if the parcel has to be carried again.
    fn unload(&self, load: Load) -> bool;
    /// So many items of a batch have started, the last of them just now.
    fn started(self: Arc<Self>, items: u32, ledger: &Ledger);
    /// An item has ended.
    fn arrived(&self, item: u64, answer: Answer<'_>);
    /// Consecutive items have ended with these values, which are as [`short`] says and as many.
    fn arrived_together(&self, first: u64, _items: u32, values: &[u8]) {
        let mut rest = values;
        let mut item = first;
        while let Some((value, behind)) = short::split(rest) {
            self.arrived(item, Answer::Value(value));
            (item, rest) = (item + 1, behind);
        }
    }
    /// Whether anybody has asked to be told of the next answer. While nobody has, answers may lie with the worker
    /// until it needs something.
    fn is_awaited(&self) -> bool {
        true
    }
    /// An item has not survived its worker.
    fn lost(&self, item: Load, error: TaskError);
    /// A batch of it has gone to this process.
    fn sent_to(&self, _pid: u32) {}
    /// Whether it wants to know how long the steps of its items take, recorded or not.
    fn wants_times(&self) -> bool {
        false
    }
    /// So long they took, from this time on.
    fn took(&self, _at: u64, _share: &Share) {}
    /// A batch has ended; its items took so long.
    fn batch_ended(&self, _items: u32, _took: Duration) {}
    /// Tells who waits what has arrived.
    fn tell(self: Arc<Self>, ledger: &Ledger);
    /// Wakes who waits if there is something for them.
    fn wake_reader(&self) {}
    /// What has not started will not run.
    fn refuse(self: Arc<Self>, reason: TaskError);
}

/// The length that stands for "all that follows", for an item too long for four bytes.
const THE_REST: u32 = u32::MAX;

/// Appends an item that `encode` writes; after a failure the bytes are as they were.
pub(crate) fn push_item<E>(
    bytes: &mut Vec<u8>,
    encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let start = bytes.len();
    bytes.extend_from_slice(&[0; 4]);
    if let Err(error) = encode(bytes) {
        bytes.truncate(start);
        return Err(error);
    }
    let length = u32::try_from(bytes.len() - start - 4).unwrap_or(THE_REST);
    bytes[start..start + 4].copy_from_slice(&length.to_le_bytes());
    Ok(())
}

/// Splits the first item off; `None` if the bytes do not hold one.
pub(crate) fn split_item(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    match u32::from_le_bytes(*length) {
        THE_REST => Some((rest, &[])),
        length => rest.split_at_checked(length as usize),
    }
}

impl Load {
    /// Splits off all items behind the first `items`.
    pub(crate) fn split_off(&mut self, items: u32) -> Load {
        let bytes = if items == 0 {
            std::mem::take(&mut self.bytes)
        } else if items == self.items {
            Vec::new()
        } else {
            let mut rest = &self.bytes[..];
            for _ in 0..items {
                rest = split_item(rest).map_or(&[], |(_, rest)| rest);
            }
            self.bytes.split_off(self.bytes.len() - rest.len())
        };
        let split = Load {
            first: self.first + u64::from(items),
            items: self.items - items,
            bytes,
            bare: self.bare,
        };
        self.items = items;
        split
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(items: &[&[u8]]) -> Load {
        let mut bytes = Vec::new();
        for item in items {
            push_item(&mut bytes, |bytes| {
                bytes.extend_from_slice(item);
                Ok::<(), ()>(())
            })
            .unwrap();
        }
        Load {
            first: 10,
            items: u32::try_from(items.len()).unwrap(),
            bytes,
            bare: false,
        }
    }

    #[test]
    fn items_are_split_where_they_were_joined() {
        let mut first = load(&[b"one", b"", b"three"]);
        let second = first.split_off(1);
        assert_eq!(split_item(&first.bytes), Some((&b"one"[..], &b""[..])));
        assert_eq!((first.items, second.first, second.items), (1, 11, 2));
        let (empty, rest) = split_item(&second.bytes).unwrap();
        assert!(empty.is_empty());
        assert_eq!(split_item(rest), Some((&b"three"[..], &b""[..])));
    }

    #[test]
    fn an_item_that_fails_leaves_nothing() {
        let mut bytes = b"before".to_vec();
        let failed = push_item(&mut bytes, |bytes| {
            bytes.push(1);
            Err("no")
        });
        assert_eq!((failed, &bytes[..]), (Err("no"), &b"before"[..]));
    }

    #[test]
    fn lengths_beyond_the_bytes_are_seen() {
        assert_eq!(split_item(&[9, 0, 0, 0, 1]), None);
        assert_eq!(split_item(&[9, 0]), None);
        assert_eq!(
            split_item(&[0xff, 0xff, 0xff, 0xff, 1]),
            Some((&[1][..], &[][..]))
        );
    }
}
