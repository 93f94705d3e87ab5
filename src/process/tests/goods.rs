//! Items on their way to a worker, which remember what has become of each.

use crate::{
    error::TaskError,
    sync::{Arc, Mutex},
    task::{Answer, Anywhere, EntryOf, Load, Parcel, Plain, RemoteCall, parcel::push_item, short},
    wire,
};
use std::time::Duration;

/// How an item ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Answered,
    Lost,
    CameBack,
}

pub(super) struct Goods {
    call: RemoteCall,
    ends: Mutex<Vec<Option<End>>>,
    /// Somebody has stopped it: what has not ended does not any more.
    pub(super) is_stopped: Mutex<bool>,
}

fn work(n: u32) -> u32 {
    n
}

fn call_of<F: Fn(u32) -> u32 + Send + Sync + 'static>(_: F) -> RemoteCall {
    RemoteCall {
        entry: EntryOf::<Plain<F>, u32, u32, Anywhere>::CALL,
        context: None,
    }
}

impl Goods {
    /// So many items, of which the first is as long as said.
    pub(super) fn new(items: u32, length: usize) -> (Arc<dyn Parcel>, Arc<Self>, Load) {
        let mut bytes = Vec::new();
        for item in 0..items {
            let length = if item == 0 { length } else { 3 };
            let pushed: Result<(), ()> = push_item(&mut bytes, |bytes| {
                bytes.resize(bytes.len() + length, 7);
                Ok(())
            });
            pushed.expect("there is room");
        }
        let goods = Arc::new(Self {
            call: call_of(work),
            ends: Mutex::new(vec![None; items as usize]),
            is_stopped: Mutex::new(false),
        });
        let load = Load {
            first: 0,
            items,
            bytes,
            bare: false,
        };
        (goods.clone(), goods, load)
    }

    fn ends(&self, first: u64, items: u32, how: End) {
        let mut ends = self.ends.lock();
        for item in first..first + u64::from(items) {
            let end = &mut ends[usize::try_from(item).expect("few")];
            assert_eq!(*end, None, "item {item} ends twice, now {how:?}");
            *end = Some(how);
        }
    }

    /// Each item has ended, once.
    pub(super) fn check(&self) {
        let ends = self.ends.lock();
        assert!(
            *self.is_stopped.lock() || ends.iter().all(Option::is_some),
            "{ends:?}"
        );
    }
}

impl Parcel for Goods {
    fn call(&self) -> &RemoteCall {
        &self.call
    }

    fn name(&self) -> &'static str {
        "goods"
    }

    fn load(&self, _: usize) -> Option<(Load, bool)> {
        None
    }

    fn waiting(&self) -> usize {
        0
    }

    fn unload(&self, load: Load) -> bool {
        self.ends(load.first, load.items, End::CameBack);
        true
    }

    fn started(self: Arc<Self>, items: u32, _: &crate::ledger::Ledger) {
        assert!(items > 0);
    }

    fn arrived(&self, item: u64, answer: Answer<'_>) {
        self.ends(item, 1, End::Answered);
        // As its owner would read it.
        match answer {
            Answer::Value(bytes) => drop(wire::decode::<serde_json::Value>(bytes)),
            Answer::LargeValue(bytes) => drop(wire::decode::<serde_json::Value>(&bytes)),
            Answer::Bare(_) => {}
            Answer::Failed(error) => assert!(!error.to_string().is_empty()),
        }
    }

    /// A map counts on as many values as items.
    fn arrived_together(&self, first: u64, items: u32, values: &[u8]) {
        let (mut rest, mut found) = (values, 0);
        while let Some((value, behind)) = short::split(rest) {
            self.arrived(first + found, Answer::Value(value));
            (rest, found) = (behind, found + 1);
        }
        assert!(rest.is_empty() && found == u64::from(items));
    }

    fn lost(&self, item: Load, error: TaskError) {
        assert_eq!(item.items, 1);
        assert!(matches!(error, TaskError::WorkerDied(_)));
        self.ends(item.first, 1, End::Lost);
    }

    fn batch_ended(&self, items: u32, _: Duration) {
        assert!(items > 0);
    }

    fn tell(self: Arc<Self>, _: &crate::ledger::Ledger) {}

    fn refuse(self: Arc<Self>, _: TaskError) {}
}
