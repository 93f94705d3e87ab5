//! Which clients are known to be there: rule 10.

use super::super::broker::ClientId;
use std::{
    collections::{BTreeSet, HashMap},
    time::{Duration, Instant},
};

/// What the engine has said holds for so long.
const HOLDS_FOR: Duration = Duration::from_secs(1);

/// Of clients that nobody has asked after for so long nothing is kept.
const KEPT_FOR: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Clients(HashMap<ClientId, Standing>);

struct Standing {
    is_there: bool,
    as_of: Instant,
}

impl Clients {
    /// Those of `clients` that have to be asked after before anything of theirs runs.
    pub(super) fn unknown<'a>(
        &self,
        clients: impl IntoIterator<Item = &'a ClientId>,
        now: Instant,
    ) -> Vec<ClientId> {
        let unknown: BTreeSet<_> = clients
            .into_iter()
            .filter(|client| {
                self.0
                    .get(*client)
                    .is_none_or(|standing| now.saturating_duration_since(standing.as_of) >= HOLDS_FOR)
            })
            .collect();
        unknown.into_iter().cloned().collect()
    }

    /// The engine has said which of them are there.
    pub(super) fn note(&mut self, clients: &[ClientId], there: &[bool], now: Instant) {
        for (client, is_there) in clients.iter().zip(there) {
            let standing = Standing {
                is_there: *is_there,
                as_of: now,
            };
            self.0.insert(client.clone(), standing);
        }
    }

    /// Whether it was there when the engine was asked last.
    pub(super) fn is_there(&self, client: &ClientId) -> bool {
        self.0.get(client).is_some_and(|standing| standing.is_there)
    }

    pub(super) fn forget_old_ones(&mut self, now: Instant) {
        self.0
            .retain(|_, standing| now.saturating_duration_since(standing.as_of) < KEPT_FOR);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_engine_said_holds_for_a_second() {
        let (one, two) = (ClientId("one".into()), ClientId("two".into()));
        let mut clients = Clients::default();
        let now = Instant::now();
        assert_eq!(
            clients.unknown([&one, &two, &one], now),
            [one.clone(), two.clone()]
        );
        assert!(!clients.is_there(&one));
        clients.note(&[one.clone(), two.clone()], &[true, false], now);
        assert!(clients.unknown([&one, &two], now).is_empty());
        assert!(clients.is_there(&one) && !clients.is_there(&two));
        assert_eq!(clients.unknown([&two], now + HOLDS_FOR).len(), 1);
        clients.forget_old_ones(now + KEPT_FOR);
        assert!(!clients.is_there(&one));
    }
}
