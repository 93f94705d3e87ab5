use super::Capability;
use std::fmt;

/// What became of a promise.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It was kept.
    Holds,
    /// It was not: the message of the panic that the case ended with.
    Fails(String),
    /// The case did not end in time: the executors that it used, by their debug output and their
    /// [`dump`](crate::Executor::dump).
    Hangs(String),
    /// It was not asked for, because it needs a capability that is not claimed.
    NotClaimed,
}

/// One promise of the suite, and what became of it.
#[derive(Debug, Clone)]
pub struct Promise {
    pub(super) topic: &'static str,
    pub(super) name: &'static str,
    pub(super) needs: Option<Capability>,
    pub(super) verdict: Verdict,
}

impl Promise {
    /// What it is about, such as `map`.
    pub fn topic(&self) -> &'static str {
        self.topic
    }

    /// The promise itself, such as `the_outcomes_come_in_the_order_of_the_items`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The capability that a backend must claim to be asked for it, if not every one is.
    pub fn needs(&self) -> Option<Capability> {
        self.needs
    }

    /// What became of it.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// Whether it was asked for and not kept.
    pub fn is_broken(&self) -> bool {
        matches!(self.verdict, Verdict::Fails(_) | Verdict::Hangs(_))
    }
}

/// Which promises a backend keeps.
///
/// Shown, it has a line for each topic, with the number of promises that hold, fail, hang, and are not claimed; then
/// every broken one with what the case said.
#[derive(Debug, Clone)]
#[must_use]
pub struct Report {
    backend: &'static str,
    claims: Vec<Capability>,
    /// Those of a topic lie together.
    promises: Vec<Promise>,
}

impl Report {
    pub(super) fn new(backend: &'static str, claims: Vec<Capability>, promises: Vec<Promise>) -> Self {
        Self {
            backend,
            claims,
            promises,
        }
    }

    /// Whether there was a promise to keep, and none is broken.
    pub fn holds(&self) -> bool {
        self.broken().next().is_none()
            && self
                .promises
                .iter()
                .any(|promise| promise.verdict == Verdict::Holds)
    }

    /// All promises of the topics that were asked about, topic by topic.
    pub fn promises(&self) -> &[Promise] {
        &self.promises
    }

    /// Those that were asked for and not kept.
    pub fn broken(&self) -> impl Iterator<Item = &Promise> {
        self.promises.iter().filter(|promise| promise.is_broken())
    }
}

/// A line of the table: how many hold, fail, hang, and are not claimed.
fn counts(promises: &[Promise]) -> [usize; 4] {
    let mut counts = [0; 4];
    for promise in promises {
        counts[match promise.verdict {
            Verdict::Holds => 0,
            Verdict::Fails(_) => 1,
            Verdict::Hangs(_) => 2,
            Verdict::NotClaimed => 3,
        }] += 1;
    }
    counts
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let claims: Vec<_> = self.claims.iter().map(ToString::to_string).collect();
        let claims = if claims.is_empty() {
            "nothing more".to_owned()
        } else {
            claims.join(", ")
        };
        writeln!(f, "{}, which claims {claims}\n", self.backend)?;
        writeln!(
            f,
            "{:<18}{:>7}{:>7}{:>7}{:>13}",
            "topic", "holds", "fails", "hangs", "not claimed"
        )?;
        let topics = self
            .promises
            .chunk_by(|one, next| one.topic == next.topic)
            .map(|topic| (topic[0].topic, topic));
        for (name, promises) in topics.chain([("in all", &*self.promises)]) {
            let [holds, fails, hangs, not_claimed] = counts(promises);
            writeln!(f, "{name:<18}{holds:>7}{fails:>7}{hangs:>7}{not_claimed:>13}")?;
        }
        for promise in self.broken() {
            let (word, text) = match &promise.verdict {
                Verdict::Fails(text) => ("fails", text),
                Verdict::Hangs(text) => ("hangs", text),
                Verdict::Holds | Verdict::NotClaimed => continue,
            };
            writeln!(f, "\n{word}: {}::{}", promise.topic, promise.name)?;
            for line in text.lines() {
                writeln!(f, "    {line}")?;
            }
        }
        Ok(())
    }
}
