use crate::{error::TaskError, ledger::Ledger, sync::Arc, task::Parcel};

/// Parcels that something has happened to, for when the lock of their backend is free again.
#[derive(Default)]
pub(crate) struct News {
    /// To be told.
    pub(crate) tell: Vec<Arc<dyn Parcel>>,
    /// To be carried once more.
    pub(crate) again: Vec<Arc<dyn Parcel>>,
    /// What came back of it will not run if it was closed meanwhile, which nobody has told who waits for it.
    pub(crate) wake: Vec<Arc<dyn Parcel>>,
    /// To be cancelled.
    pub(crate) cancel: Vec<Arc<dyn Parcel>>,
    /// To fail for this reason, although nobody cancelled it.
    pub(crate) fail: Vec<(Arc<dyn Parcel>, TaskError)>,
    /// To be refused, for this reason.
    pub(crate) refuse: Vec<(Arc<dyn Parcel>, TaskError)>,
    /// Of no further use: dropped without the lock, for that may run foreign code.
    pub(crate) gone: Vec<Arc<dyn Parcel>>,
}

impl News {
    pub(crate) fn tell(&mut self, parcel: &Arc<dyn Parcel>) {
        if !self.tell.last().is_some_and(|last| Arc::ptr_eq(last, parcel)) {
            self.tell.push(parcel.clone());
        }
    }

    /// A load of this parcel came back.
    pub(crate) fn came_back(&mut self, to_be_carried: bool, parcel: &Arc<dyn Parcel>) {
        let list = if to_be_carried {
            &mut self.again
        } else {
            &mut self.wake
        };
        list.push(parcel.clone());
    }

    /// Whether there is nothing that anybody waits for.
    pub(crate) fn is_silent(&self) -> bool {
        self.tell.is_empty()
            && self.cancel.is_empty()
            && self.fail.is_empty()
            && self.refuse.is_empty()
            && self.wake.is_empty()
    }

    /// Passes it all on. Without that lock.
    pub(crate) fn publish(self, ledger: &Ledger) {
        debug_assert!(
            self.again.is_empty(),
            "what is to be carried again is put into the queue"
        );
        for parcel in self.tell {
            parcel.tell(ledger);
        }
        for parcel in self.cancel {
            parcel.refuse(TaskError::Cancelled);
        }
        for (parcel, reason) in self.fail.into_iter().chain(self.refuse) {
            parcel.refuse(reason);
        }
        for parcel in self.wake {
            parcel.wake_reader();
        }
    }
}
