//! The messages of a link: a header that is the same size for all, and a body.

/// The header of a frame. Plain numbers: any bytes are a header, and the receiver checks each before it uses it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Header {
    /// Of header and body, as they lie in the ring; a multiple of eight.
    pub(crate) length: u32,
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) slot: u16,
    /// Bytes of the body, in the ring or, if `flags` says so, in the stream.
    pub(crate) body: u64,
    /// The number of the batch, or of the context.
    pub(crate) id: u64,
    /// Down: the place of the entry. Up: how long the batch took, in nanoseconds.
    pub(crate) entry: i64,
    /// Down: the hash of its name.
    pub(crate) name: u64,
    /// Down: the context of the call; 0 is none.
    pub(crate) context: u64,
    /// Down: items of the batch. Up: the item that is answered.
    pub(crate) item: u32,
    /// Down: which attempt at the task it is.
    pub(crate) attempt: u32,
    /// Down: whose log it is, and what is of interest in it (`process/logs`).
    pub(crate) log: u64,
}

pub(crate) const HEADER: usize = size_of::<Header>();

const _: () = assert!(HEADER == 64 && HEADER.is_multiple_of(8));

/// Skips the rest of the ring.
pub(super) const PAD: u8 = 0xFF;

/// From parent to worker.
pub(crate) mod down {
    /// Items to run. The slot says how many may.
    pub(crate) const BATCH: u8 = 1;
    /// Data that batches refer to.
    pub(crate) const CONTEXT: u8 = 2;
    /// The context of this id is no longer used.
    pub(crate) const FORGET: u8 = 3;
    /// Work to run before all other.
    pub(crate) const INITIALIZE: u8 = 4;
    /// Nothing more will come.
    pub(crate) const EXIT: u8 = 5;
}

/// From worker to parent.
pub(crate) mod up {
    /// The worker can take work.
    pub(crate) const READY: u8 = 1;
    /// The initializer failed: the body says how.
    pub(crate) const NOT_READY: u8 = 2;
    /// An item has started; only sent if the batch asks for it.
    pub(crate) const STARTED: u8 = 3;
    /// The result of an item.
    pub(crate) const VALUE: u8 = 4;
    /// The failure of an item.
    pub(crate) const FAILURE: u8 = 5;
    /// All items of the batch that will run here have.
    pub(crate) const END: u8 = 6;
    /// The worker waits for the body of this batch, context or initializer.
    pub(crate) const WANTED: u8 = 7;
    /// The worker has had enough and is leaving: nothing more is started here.
    pub(crate) const RETIRING: u8 = 8;
    /// How long items of the batch took; only sent if the batch asks for it, and before its last answer.
    pub(crate) const TIMES: u8 = 9;
}

/// The body comes through the stream.
pub(crate) const IN_BULK: u8 = 1;
/// The answer to this item is the last of its batch.
pub(crate) const LAST: u8 = 2;
/// The parent has to hear of the start.
pub(crate) const ANNOUNCE: u8 = 4;
/// The body is a bare vector of bytes (`task/packed.rs`).
pub(crate) const BARE: u8 = 8;
/// The parent records: it is to be told how long items took.
pub(crate) const TIMED: u8 = 16;
