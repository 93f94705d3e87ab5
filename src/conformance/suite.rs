use super::{
    Capability, Report, Subject,
    cases::{self, Case},
    report::{Promise, Verdict},
    watchdog::{self, Trouble},
};
use std::{
    any::{Any, type_name},
    num::NonZero,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

/// Asks a backend for all promises, and reports which of them hold.
///
/// The same as [`Suite::report`] of a suite of all topics; the docs of [the module](super#a-report) have an example.
pub fn report<S: Subject>(claims: impl IntoIterator<Item = Capability>) -> Report {
    Suite::new().claim(claims).report::<S>()
}

/// What a backend is asked for, where it is not [everything](report()).
///
/// # Examples
///
/// ```
/// use concurrent_futures::conformance::{Capability, Suite};
/// use std::time::Duration;
///
/// let suite = Suite::new()
///     .claim([Capability::AtOnce])
///     .topics(["stats", "wait"])
///     .limit(Duration::from_secs(600));
/// assert!(format!("{suite:?}").contains("AtOnce"));
/// ```
#[derive(Debug, Clone)]
pub struct Suite {
    claims: Vec<Capability>,
    topics: Option<Vec<String>>,
    limit: Duration,
}

impl Suite {
    /// All topics, no claims, and a minute for each case.
    pub fn new() -> Self {
        Self {
            claims: Vec::new(),
            topics: None,
            limit: watchdog::LIMIT,
        }
    }

    /// Holds the backend to these capabilities too.
    #[must_use]
    pub fn claim(mut self, capabilities: impl IntoIterator<Item = Capability>) -> Self {
        self.claims.extend(capabilities);
        self.claims.sort_unstable();
        self.claims.dedup();
        self
    }

    /// Asks about these topics alone: `submit`, `map`, `shutdown` and so on, as in a report.
    #[must_use]
    pub fn topics<T: Into<String>>(mut self, topics: impl IntoIterator<Item = T>) -> Self {
        self.topics = Some(topics.into_iter().map(Into::into).collect());
        self
    }

    /// How long a case may take before it counts as hanging. The default is far more than any of them needs on a slow
    /// and busy machine.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs the cases, as many at the same time as there are cores.
    ///
    /// A case that hangs is left behind, with its thread and its executors, and the next one has its turn. Work panics
    /// in many cases on purpose, and the panic hook hears of it: a program that wants to show nothing but the report
    /// sets a silent one.
    ///
    /// # Panics
    ///
    /// If there is no such topic.
    ///
    /// # Examples
    ///
    /// See [the module](super#a-report).
    pub fn report<S: Subject>(&self) -> Report {
        let cases = self.chosen(cases::all::<S>());
        let verdicts: Vec<_> = cases.iter().map(|_| Mutex::new(None)).collect();
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
                scope.spawn(|| {
                    loop {
                        let place = next.fetch_add(1, Ordering::Relaxed);
                        let Some(case) = cases.get(place) else { return };
                        *verdicts[place].lock().unwrap() = Some(self.verdict(case));
                    }
                });
            }
        });
        let promises = cases.iter().zip(verdicts).map(|(case, verdict)| Promise {
            topic: case.topic,
            name: case.name,
            needs: case.capability,
            verdict: verdict.into_inner().unwrap().expect("each has had its turn"),
        });
        Report::new(
            type_name::<S::Executor>(),
            self.claims.clone(),
            promises.collect(),
        )
    }

    fn chosen(&self, mut cases: Vec<Case>) -> Vec<Case> {
        // What belongs to one topic in several groups comes together.
        cases.sort_by_key(|case| case.topic);
        if let Some(topics) = &self.topics {
            for topic in topics {
                assert!(cases.iter().any(|case| case.topic == topic), "no topic `{topic}`");
            }
            cases.retain(|case| topics.iter().any(|topic| topic == case.topic));
        }
        cases
    }

    fn verdict(&self, case: &Case) -> Verdict {
        if case
            .capability
            .is_some_and(|capability| !self.claims.contains(&capability))
        {
            return Verdict::NotClaimed;
        }
        let name = format!("{}::{}", case.topic, case.name);
        match watchdog::watch(name, self.limit, case.run) {
            Ok(()) => Verdict::Holds,
            Err(Trouble::Panics(payload)) => Verdict::Fails(message(&*payload)),
            Err(Trouble::Hangs(executors)) => Verdict::Hangs(executors),
        }
    }
}

impl Default for Suite {
    fn default() -> Self {
        Self::new()
    }
}

/// The text of a panic.
fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a text").to_owned()
}
