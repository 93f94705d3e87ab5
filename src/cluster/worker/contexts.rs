//! Data that many tasks share: fetched once, kept while tasks use it.

use super::super::broker::{BlobKey, Fault, Session};
use crate::{
    sync::{Arc, Mutex},
    task::Shipment,
};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// What nobody has used for so long is dropped; who needs it later fetches it again.
const KEPT_FOR: Duration = Duration::from_secs(600);

#[derive(Default)]
pub(super) struct Contexts(Mutex<HashMap<BlobKey, (Arc<Shipment>, Instant)>>);

impl Contexts {
    /// The context of this name; `None` if it is not there.
    pub(super) fn get(
        &self,
        key: &BlobKey,
        session: &mut dyn Session,
        now: Instant,
    ) -> Result<Option<Arc<Shipment>>, Fault> {
        if let Some((context, used)) = self.0.lock().get_mut(key) {
            *used = now;
            return Ok(Some(context.clone()));
        }
        let Some(bytes) = session.get(key)? else {
            return Ok(None);
        };
        // Another thread may have fetched it meanwhile; then it is there twice for a while.
        let context = Shipment::new(bytes);
        let before = self.0.lock().insert(key.clone(), (context.clone(), now));
        drop(before);
        Ok(Some(context))
    }

    pub(super) fn drop_unused(&self, now: Instant) {
        let mut unused = Vec::new();
        self.0.lock().retain(|_, (context, used)| {
            let is_in_use = Arc::strong_count(context) > 1 || now.saturating_duration_since(*used) < KEPT_FOR;
            if !is_in_use {
                unused.push(context.clone());
            }
            is_in_use
        });
        // Without the lock: the pool is told to forget them.
        drop(unused);
    }
}
