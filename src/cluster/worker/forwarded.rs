//! A task of a client on its way through the worker's process pool. Its bytes are moved; what is in them is for the process that
//! runs it, and for its client.

use super::{
    super::{
        broker::{BlobKey, Place},
        message::{Outcome, Payload, Ran, Task},
    },
    hears::{End, Hears, failed},
    outcomes::Outcomes,
};
use crate::{
    error::TaskError,
    ledger::Ledger,
    running::record::Share,
    sync::{Arc, Mutex, atomic::AtomicU64},
    task::{Admission, Answer, CarrierHandle, Load, Parcel, Reaction, RemoteCall, Whereabouts},
};
use std::time::Duration;

pub(super) struct Forwarded {
    pub(super) place: Place,
    /// Without its payload.
    task: Task,
    /// Where the payload lies, if it is not in the message.
    apart: Option<BlobKey>,
    call: RemoteCall,
    in_pool: AtomicU64,
    hears: Arc<dyn Hears>,
    state: Mutex<State>,
}

#[allow(clippy::struct_excessive_bools)] // They are answers to different questions.
struct State {
    /// What no process has, in pieces.
    waiting: Vec<Load>,
    outcomes: Outcomes,
    /// The pool has it in its queue, or will.
    carried: bool,
    /// What waits goes to no process.
    withheld: bool,
    /// What comes back will not run.
    closed: bool,
    has_started: bool,
    /// Its end was told, or nobody wants to hear of it.
    is_over: bool,
    /// Its outcome is decided, and told when nothing of it runs any more.
    dies: bool,
    /// The process that got the last batch of it.
    pid: u32,
    took: Duration,
    ran: Vec<Ran>,
}

impl Forwarded {
    /// `bytes` are those of its items, however they came here.
    pub(super) fn new(
        place: Place,
        mut task: Task,
        bytes: Vec<u8>,
        call: RemoteCall,
        hears: Arc<dyn Hears>,
    ) -> Arc<Self> {
        let apart = match std::mem::replace(&mut task.payload, Payload::Here(Vec::new())) {
            Payload::Here(_) => None,
            Payload::Apart(key) => Some(key),
        };
        let load = Load {
            first: 0,
            items: task.items,
            bytes,
            bare: task.bare,
        };
        Arc::new(Self {
            place,
            apart,
            call,
            in_pool: AtomicU64::new(0),
            hears,
            state: Mutex::new(State {
                outcomes: Outcomes::of(task.items),
                waiting: vec![load],
                carried: true,
                withheld: false,
                closed: false,
                has_started: false,
                is_over: false,
                dies: false,
                pid: 0,
                took: Duration::ZERO,
                ran: Vec::new(),
            }),
            task,
        })
    }

    pub(super) fn task(&self) -> &Task {
        &self.task
    }

    /// The process that runs it, or ran some of it last.
    pub(super) fn pid(&self) -> u32 {
        self.state.lock().pid
    }

    /// Gives it to the pool.
    pub(super) fn start(self: Arc<Self>, pool: &CarrierHandle) {
        pool.0.clone().carry(self, Admission::New);
    }

    /// What has not started of it will not: that is its outcome. What runs is treated so. True if something of it has started.
    pub(super) fn stop(&self, pool: &CarrierHandle, running: Reaction) -> bool {
        self.close();
        let is_single = self.place().is_some();
        let mut has_started = false;
        pool.0.intercept(self, &mut |whereabouts| {
            if whereabouts == Whereabouts::Waiting {
                return Reaction::Leave;
            }
            has_started = true;
            match running {
                Reaction::Kill if is_single => {
                    let mut state = self.state.lock();
                    state.outcomes.fail_the_rest(&self.failed(TaskError::Cancelled));
                    state.dies = true;
                    Reaction::KillAndTell
                }
                running => running,
            }
        });
        if running == Reaction::Kill && !is_single {
            let rest = self.failed(TaskError::Cancelled);
            self.state.lock().outcomes.fail_the_rest(&rest);
        }
        self.conclude();
        has_started || self.state.lock().has_started
    }

    /// Nobody wants to hear of it any more: it is stopped as far as it has not started, what runs is treated so, and its end is told to
    /// nobody.
    pub(super) fn give_up(&self, pool: &CarrierHandle, running: Reaction) {
        self.state.lock().is_over = true;
        self.stop(pool, running);
    }

    /// Takes it back from the pool if nothing of it has started: gives the task as it came. Else it goes on.
    pub(super) fn withdraw(self: &Arc<Self>, pool: &CarrierHandle) -> Option<Task> {
        self.state.lock().withheld = true;
        pool.0.intercept(&**self, &mut |_| Reaction::Leave);
        let mut state = self.state.lock();
        let waiting: u32 = state.waiting.iter().map(|load| load.items).sum();
        if waiting == self.task.items && !state.has_started && !state.closed && !state.is_over {
            state.is_over = true;
            let mut pieces = std::mem::take(&mut state.waiting);
            pieces.sort_unstable_by_key(|load| load.first);
            drop(state);
            let mut task = self.task.clone();
            task.payload = match &self.apart {
                Some(key) => Payload::Apart(key.clone()),
                None => Payload::Here(pieces.into_iter().flat_map(|load| load.bytes).collect()),
            };
            return Some(task);
        }
        state.withheld = false;
        let again = waiting > 0 && !std::mem::replace(&mut state.carried, true);
        drop(state);
        if again {
            pool.0.clone().carry(self.clone(), Admission::Accepted);
        }
        self.conclude();
        None
    }

    /// What waits, and what comes back, will not run.
    fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        for load in std::mem::take(&mut state.waiting) {
            state.outcomes.unrun(&load);
        }
    }

    /// Tells of its end if it has come to it, once.
    fn conclude(&self) {
        let mut state = self.state.lock();
        if state.is_over || state.dies || !state.outcomes.are_all_there() {
            return;
        }
        state.is_over = true;
        let end = End {
            outcomes: state.outcomes.take(),
            took: state.took,
            ran: std::mem::take(&mut state.ran),
        };
        drop(state);
        self.hears.ended(self, end);
    }

    fn failed(&self, error: TaskError) -> Outcome {
        failed(error, self.hears.host())
    }
}

impl Parcel for Forwarded {
    fn call(&self) -> &RemoteCall {
        &self.call
    }

    fn name(&self) -> &str {
        self.task
            .name
            .as_deref()
            .unwrap_or_else(|| (self.call.entry.name)())
    }

    fn attempt(&self) -> u32 {
        self.task.attempt
    }

    fn tells_start(&self) -> bool {
        self.task.announce
    }

    fn place(&self) -> Option<&AtomicU64> {
        (self.task.items == 1).then_some(&self.in_pool)
    }

    fn load(&self, _: usize) -> Option<(Load, bool)> {
        let mut state = self.state.lock();
        if state.withheld {
            state.carried = false;
            return None;
        }
        let load = state.waiting.pop();
        state.carried = !state.waiting.is_empty();
        load.map(|load| (load, state.carried))
    }

    fn waiting(&self) -> usize {
        let state = self.state.lock();
        if state.withheld {
            return 0;
        }
        state.waiting.iter().map(|load| load.items as usize).sum()
    }

    fn unload(&self, load: Load) -> bool {
        let mut state = self.state.lock();
        if state.closed {
            state.outcomes.unrun(&load);
            return false;
        }
        state.waiting.push(load);
        !state.withheld && !std::mem::replace(&mut state.carried, true)
    }

    fn sent_to(&self, pid: u32) {
        self.state.lock().pid = pid;
    }

    fn started(self: Arc<Self>, _: u32, _: &Ledger) {
        let is_first = !std::mem::replace(&mut self.state.lock().has_started, true);
        if is_first {
            self.hears.started(&self);
        }
    }

    fn arrived(&self, item: u64, answer: Answer<'_>) {
        let outcome = match answer {
            Answer::Value(bytes) => return self.state.lock().outcomes.set_value(item, bytes),
            Answer::LargeValue(bytes) => Outcome::Value(bytes),
            Answer::Bare(bytes) => Outcome::Bare(Payload::Here(bytes)),
            Answer::Failed(error) => self.failed(error),
        };
        self.state.lock().outcomes.set(item, outcome);
    }

    fn arrived_together(&self, first: u64, items: u32, values: &[u8]) {
        self.state.lock().outcomes.set_together(first, items, values);
    }

    fn lost(&self, item: Load, error: TaskError) {
        let failed = self.failed(error);
        self.state.lock().outcomes.set(item.first, failed);
    }

    fn wants_times(&self) -> bool {
        self.task.timed
    }

    fn took(&self, at: u64, share: &Share) {
        let ran = Ran {
            worker: self.hears.worker().to_owned(),
            pid: share.pid,
            began: self.hears.engine_time(at),
            decode: share.decode,
            run: share.run,
            encode: share.encode,
            items: share.items,
            failed: share.failed,
            died: share.died,
        };
        self.state.lock().ran.push(ran);
    }

    fn batch_ended(&self, _: u32, took: Duration) {
        self.state.lock().took += took;
    }

    fn tell(self: Arc<Self>, _: &Ledger) {
        // Of what was killed there is no other news than that it is gone.
        self.state.lock().dies = false;
        self.conclude();
    }

    /// Something came back that will not run.
    fn wake_reader(&self) {
        self.conclude();
    }

    /// No process can be had for it. When the pool ends, the worker does: others take the task over.
    fn refuse(self: Arc<Self>, reason: TaskError) {
        if reason.is_cancellation() {
            return;
        }
        let failed = self.failed(reason);
        let mut state = self.state.lock();
        for load in std::mem::take(&mut state.waiting) {
            for item in load.first..load.first + u64::from(load.items) {
                state.outcomes.set(item, failed.clone());
            }
        }
        drop(state);
        self.conclude();
    }
}
