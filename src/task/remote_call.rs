//! A task that runs elsewhere: its state and outcome here, its argument and result as bytes.
//!
//! That it has started is known here only later than it happened. So every decision that depends on it is made under
//! the carrier's lock, which knows ([`Carrier::intercept`](super::Carrier::intercept)); the state follows.
#![allow(unsafe_code)]

use super::{
    Answer, Argument, CarrierHandle, Load, Packed, Parcel, Reaction, RemoteCall, Run, RunContext, Start,
    Traits, Whereabouts,
};
use crate::{
    error::TaskError,
    future::{
        TaskId,
        core::{self, AnyCell, CallbacksRun, Cell, Core, Outcome},
        state::{Cancel, Phase, Snapshot},
    },
    ledger::{ExecutorId, Hold, Ledger},
    running::{TaskSpan, record},
    sync::{Arc, Mutex, atomic::AtomicU64},
    task::call::guarded,
    timer::{self, Armed, Deadline},
};
use std::time::Duration;

/// Reads a result.
pub(crate) type Decode<R> = fn(Packed<'_>) -> Result<R, TaskError>;

/// A task whose call is run by a carrier.
pub(crate) struct RemoteCell<R> {
    core: Core<R>,
    carrier: CarrierHandle,
    call: RemoteCall,
    decode: Decode<R>,
    place: AtomicU64,
    /// Somebody is to be told of the start.
    announces: bool,
    cargo: Mutex<Cargo>,
    traits: Option<Box<Traits>>,
}

/// The bytes of a task: its argument until it is loaded, its result until it is unpacked.
#[derive(Default)]
struct Cargo {
    argument: Option<Argument>,
    result: Option<Kept>,
    failure: Option<TaskError>,
    deadline: Option<Armed>,
    start: Option<Box<dyn Start>>,
    /// Its outcome is to be told when nothing of it runs any more; until then the executor has to be there.
    untold: Option<Hold>,
}

/// A packed result. Most are a number or a word, for which no memory is asked.
enum Kept {
    Short(u8, [u8; LONGEST_SHORT]),
    Long(Vec<u8>),
    Bare(Vec<u8>),
}

/// What fits into the place of a vector.
const LONGEST_SHORT: usize = 22;

impl Kept {
    fn of(bytes: &[u8]) -> Self {
        let mut short = [0; LONGEST_SHORT];
        match (u8::try_from(bytes.len()), short.get_mut(..bytes.len())) {
            (Ok(length), Some(place)) => {
                place.copy_from_slice(bytes);
                Self::Short(length, short)
            }
            _ => Self::Long(bytes.to_vec()),
        }
    }

    fn unpack<R>(self, decode: Decode<R>) -> Result<R, TaskError> {
        match self {
            Self::Short(length, bytes) => decode(Packed::Encoded(bytes[..usize::from(length)].into())),
            Self::Long(bytes) => decode(Packed::Encoded(bytes.into())),
            Self::Bare(bytes) => decode(Packed::Bare(bytes)),
        }
    }
}

impl<R: Send + 'static> RemoteCell<R> {
    pub(crate) fn new(
        executor: ExecutorId,
        carrier: CarrierHandle,
        call: RemoteCall,
        argument: Option<Argument>,
        decode: Decode<R>,
        traits: Option<Box<Traits>>,
        start: Option<Box<dyn Start>>,
    ) -> Arc<Self> {
        // Its submission is noted with how long the encoding took.
        let core = Core::unnoted(executor);
        let name = traits.as_ref().and_then(|traits| traits.name.as_ref());
        core.span().describe(&call.entry.name, name);
        Arc::new(Self {
            core,
            carrier,
            call,
            decode,
            place: AtomicU64::new(0),
            announces: start.is_some(),
            cargo: Mutex::new(Cargo {
                argument,
                start,
                ..Cargo::default()
            }),
            traits,
        })
    }

    fn timeout(&self) -> Option<Duration> {
        self.traits.as_ref()?.timeout
    }

    /// Whether another attempt may follow, which must not overlap with this one.
    fn may_be_followed(&self) -> bool {
        self.traits.as_ref().is_some_and(|traits| traits.may_be_followed)
    }

    /// Called under the carrier's lock, which wakes those who have room when it is free.
    fn has_started(&self, ledger: &Ledger) {
        if self.core.start() {
            ledger.started(1);
            ledger.give_room_quietly();
            if self.announces
                && let Some(start) = &self.cargo.lock().start
            {
                start.started();
            }
        }
    }

    /// Of what comes to its end here the carrier has mostly said before that it has started.
    fn must_have_started(&self) {
        if self.core.snapshot().phase() == Phase::Queued
            && let Some(ledger) = self.ledger()
        {
            self.has_started(&ledger);
        }
    }

    /// Its argument could not be encoded.
    pub(crate) fn could_not_be_sent(&self, reason: TaskError) {
        self.arrived(0, Answer::Failed(reason));
        if let Some(ledger) = self.ledger() {
            ledger.wake_who_has_room();
        }
    }

    fn fail(&self, reason: TaskError) {
        let mut cargo = self.cargo.lock();
        cargo.failure = Some(reason);
        cargo.deadline = None;
    }

    fn ledger(&self) -> Option<Ledger> {
        Ledger::of(self.core.executor())
    }

    /// Cancels a task that has not started. True if it will not; else `otherwise` is what happens to it.
    fn cancel_or(self: Arc<Self>, otherwise: Reaction) -> bool {
        if self.core.snapshot().is_settled() {
            return core::cancel(self);
        }
        let mut met = Cancel::TooLate;
        self.carrier.0.intercept(&*self, &mut |whereabouts| {
            if whereabouts == Whereabouts::Started
                && let Some(ledger) = self.ledger()
            {
                self.has_started(&ledger);
            }
            met = self.core.try_cancel();
            match met {
                Cancel::Requested => otherwise,
                _ => Reaction::Leave,
            }
        });
        core::cancelled(self, met)
    }
}

impl<R: Send + 'static> Parcel for RemoteCell<R> {
    fn call(&self) -> &RemoteCall {
        &self.call
    }

    fn name(&self) -> &str {
        AnyCell::name(self).unwrap_or_else(|| (self.call.entry.name)())
    }

    fn number(&self) -> Option<u64> {
        Some(self.core.id().number())
    }

    fn span(&self) -> &TaskSpan {
        self.core.span()
    }

    fn attempt(&self) -> u32 {
        self.traits.as_ref().map_or(1, |traits| traits.attempt())
    }

    fn tells_start(&self) -> bool {
        self.timeout().is_some() || self.announces
    }

    fn is_awaited(&self) -> bool {
        self.core.snapshot().is_watched()
    }

    fn place(&self) -> Option<&AtomicU64> {
        Some(&self.place)
    }

    fn load(&self, _: usize) -> Option<(Load, bool)> {
        if self.core.snapshot().phase() != Phase::Queued {
            return None;
        }
        let mut cargo = self.cargo.lock();
        let Argument { bytes, bare } = cargo.argument.take()?;
        let load = Load {
            first: 0,
            items: 1,
            bytes,
            bare,
        };
        Some((load, false))
    }

    fn waiting(&self) -> usize {
        usize::from(self.core.snapshot().phase() == Phase::Queued)
    }

    fn unload(&self, load: Load) -> bool {
        let waits = self.core.snapshot().phase() == Phase::Queued;
        if waits {
            let Load { bytes, bare, .. } = load;
            self.cargo.lock().argument = Some(Argument { bytes, bare });
        }
        waits
    }

    fn started(self: Arc<Self>, _: u32, ledger: &Ledger) {
        self.has_started(ledger);
        if let Some(limit) = self.timeout() {
            let mut cargo = self.cargo.lock();
            if cargo.deadline.is_none() {
                cargo.deadline = Some(timer::arm(&self, limit));
            }
        }
    }

    fn arrived(&self, _: u64, answer: Answer<'_>) {
        self.must_have_started();
        let result = match answer {
            Answer::Value(bytes) => Kept::of(bytes),
            Answer::LargeValue(bytes) => Kept::Long(bytes),
            Answer::Bare(bytes) => Kept::Bare(bytes),
            Answer::Failed(reason) => return self.fail(reason),
        };
        let mut cargo = self.cargo.lock();
        cargo.result = Some(result);
        cargo.deadline = None;
    }

    fn lost(&self, _: Load, error: TaskError) {
        self.must_have_started();
        self.fail(error);
    }

    fn tell(self: Arc<Self>, ledger: &Ledger) {
        let mut cargo = self.cargo.lock();
        let (failure, untold) = (cargo.failure.take(), cargo.untold.take());
        drop(cargo);
        match failure {
            Some(reason) => core::settle_failed(self, reason, ledger),
            None => core::settle_packed(self, ledger),
        }
        drop(untold);
    }

    fn refuse(self: Arc<Self>, reason: TaskError) {
        core::refuse_with(self, reason, CallbacksRun::Aside);
    }
}

impl<R: Send + 'static> AnyCell for RemoteCell<R> {
    fn id(&self) -> TaskId {
        self.core.id()
    }

    fn executor(&self) -> ExecutorId {
        self.core.executor()
    }

    fn snapshot(&self) -> Snapshot {
        self.core.snapshot()
    }

    fn name(&self) -> Option<&str> {
        self.traits.as_ref()?.name.as_deref()
    }

    fn cancel(self: Arc<Self>) -> bool {
        self.cancel_or(Reaction::AskToStop)
    }

    fn kill(self: Arc<Self>) -> bool {
        if self.core.snapshot().is_settled() {
            return core::cancel(self);
        }
        let mut met = Cancel::TooLate;
        let mut killed = false;
        self.carrier.0.intercept(&*self, &mut |whereabouts| {
            if whereabouts == Whereabouts::Waiting {
                met = self.core.try_cancel();
                // Between the last answer and its delivery a task waits nowhere and has ended.
                return Reaction::Leave;
            }
            if let Some(ledger) = self.ledger() {
                self.has_started(&ledger);
            }
            killed = true;
            self.fail(TaskError::Cancelled);
            Reaction::Kill
        });
        if killed && let Some(ledger) = self.ledger() {
            self.tell(&ledger);
            return true;
        }
        core::cancelled(self, met)
    }

    fn stop(self: Arc<Self>) {
        if !self.call.is_async() {
            self.cancel();
            return;
        }
        self.cancel_or(Reaction::Drop);
    }

    fn look(&self) {
        if !self.core.snapshot().is_settled() {
            self.carrier.0.look();
        }
    }

    fn look_closely(&self) {
        match self.core.snapshot().phase() {
            Phase::Queued => self.carrier.0.look_closely(),
            _ => self.look(),
        }
    }
}

impl<R: Send + 'static> Cell<R> for RemoteCell<R> {
    fn core(&self) -> &Core<R> {
        &self.core
    }

    fn drop_work(&self) {
        let cargo = std::mem::take(&mut *self.cargo.lock());
        drop(cargo);
    }

    /// It runs elsewhere.
    fn help(self: Arc<Self>, _: &Ledger) {}

    fn attend(&self, ended: &dyn Fn() -> bool) -> bool {
        self.carrier.0.attend(ended)
    }

    fn awaited(&self) {
        // What lies here still is looked at when it is sent.
        if self.cargo.lock().argument.is_none() {
            self.carrier.0.awaited();
        }
    }

    fn unpack(&self) {
        let Some(kept) = self.cargo.lock().result.take() else {
            return;
        };
        let executor = self.core.executor().number();
        let since = record::now_if_on(executor);
        let outcome: Outcome<R> = guarded(|| kept.unpack(self.decode));
        if let Some(since) = since {
            record::decoded(executor, self.core.id().number(), since);
        }
        let ledger = if outcome.is_err() { self.ledger() } else { None };
        // SAFETY: `unpack` is called by the owner of a task that is `Done` or by who runs its callbacks, whose turns
        // do not overlap (see `Cell::unpack`), and the result was there, so this is the first call.
        unsafe { self.core.unpacked(outcome, ledger.as_ref()) };
    }

    fn upcast(self: Arc<Self>) -> Arc<dyn AnyCell> {
        self
    }
}

impl<R: Send + 'static> Deadline for RemoteCell<R> {
    fn passed(self: Arc<Self>) {
        let Some(limit) = self.timeout() else { return };
        let mut tell = false;
        self.carrier.0.intercept(&*self, &mut |whereabouts| {
            let Some(ledger) = self.ledger() else {
                return Reaction::Leave;
            };
            if whereabouts == Whereabouts::Waiting || self.cargo.lock().deadline.is_none() {
                return Reaction::Leave;
            }
            self.fail(TaskError::TimedOut(limit));
            if self.may_be_followed() {
                self.cargo.lock().untold = Some(ledger.hold());
                return Reaction::KillAndTell;
            }
            tell = true;
            Reaction::Kill
        });
        if tell && let Some(ledger) = self.ledger() {
            self.tell(&ledger);
        }
    }
}

/// A parcel does not run where it was made.
impl<R: Send + 'static> Run for RemoteCell<R> {
    fn run(self: Arc<Self>, _: &RunContext<'_>) -> Option<Arc<dyn Run>> {
        core::refuse(self, TaskError::ShutDown);
        None
    }

    fn refuse(self: Arc<Self>, reason: TaskError) {
        core::refuse(self, reason);
    }

    fn cancel_queued(self: Arc<Self>) -> Option<Arc<dyn Run>> {
        core::refuse(self, TaskError::Cancelled);
        None
    }
}
