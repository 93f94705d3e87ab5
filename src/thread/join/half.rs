//! The second half of a join while other threads may take it: a job in the frame of who called, and its entry in a queue.
#![allow(unsafe_code)]

use super::{super::worker::Worker, latch::Latch, lent::Lent};
use crate::{
    future::{host, waiter::Parker},
    panic::{self, Caught},
    running::{self, Carried},
    sync::Arc,
};
use std::{
    any::Any,
    cell::UnsafeCell,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    process,
    ptr::{self, NonNull},
    sync::OnceLock,
};

/// The entry of a half in a queue: the right to run it, or to give it back to its owner, which dropping it does. Who has it is the
/// only one but the owner who touches the job, and the owner leaves its frame only after it has got the entry back or the
/// latch is open.
pub(in crate::thread) struct Half(NonNull<Header>);

// SAFETY: what an entry gives access to are the closure and the result, which `fork` asks to be `Send`, the latch, which is made for
// two threads, the running task, which is `Sync`, and `Header::lent`, which is `Sync` too.
unsafe impl Send for Half {}

/// The part of a job that does not depend on what it runs.
pub(in crate::thread) struct Header {
    /// Runs the work of the job that begins at this address, and stores the result.
    run: unsafe fn(NonNull<Header>),
    /// The task that the owner is running.
    task: Carried,
    latch: Latch,
    /// Where the entry is, if it is not in the deque of the owner's seat.
    lent: OnceLock<Arc<Lent>>,
}

#[repr(C)]
struct Job<B, R> {
    header: Header,
    body: UnsafeCell<Body<B, R>>,
}

enum Body<B, R> {
    Work(B),
    Ended(Result<R, Caught>),
    Empty,
}

impl<B, R> Job<B, R>
where
    B: FnOnce() -> R + Send,
    R: Send,
{
    #[inline]
    fn new(work: B) -> Self {
        Self {
            header: Header {
                run: Self::run,
                task: running::carry(),
                latch: Latch::new(),
                lent: OnceLock::new(),
            },
            body: UnsafeCell::new(Body::Work(work)),
        }
    }

    /// # Safety
    ///
    /// `header` is the beginning of a job of this type, whose body is the caller's until the latch is opened.
    unsafe fn run(header: NonNull<Header>) {
        let job = header.cast::<Self>().as_ptr();
        // SAFETY: the job is there and its body nobody else's, says the caller.
        let body = unsafe { (*job).body.get() };
        // SAFETY: as above.
        if let Body::Work(work) = unsafe { mem::replace(&mut *body, Body::Empty) } {
            // SAFETY: the job is there, says the caller; and its owner does not leave the task that it is running before
            // the latch is open, which is after this.
            let result = unsafe { running::run_carried(&(*job).header.task, || panic::catch(work)) };
            // SAFETY: as above.
            unsafe { *body = Body::Ended(result) };
        }
    }

    /// The result, by the owner.
    ///
    /// # Safety
    ///
    /// The body is the caller's: it has the entry back, or has seen the open latch.
    #[inline]
    unsafe fn finish(&self) -> R {
        // SAFETY: the caller's promise.
        match unsafe { mem::replace(&mut *self.body.get(), Body::Empty) } {
            // Nobody has started it.
            Body::Work(work) => work(),
            Body::Ended(Ok(result)) => result,
            Body::Ended(Err(caught)) => panic::resume(caught),
            Body::Empty => unreachable!("a half is finished once"),
        }
    }

    /// Drops the work that nobody has started, or the result.
    ///
    /// # Safety
    ///
    /// As for [`finish`](Self::finish).
    #[cold]
    unsafe fn discard(&self) {
        // SAFETY: the caller's promise.
        let body = unsafe { mem::replace(&mut *self.body.get(), Body::Empty) };
        panic::contain(|| drop(body));
    }
}

impl Half {
    /// Runs the half on this thread, which is not the owner's. Panics go to the owner.
    pub(in crate::thread) fn run(self) {
        // SAFETY: this entry is alive, so the owner waits and the body is this thread's; `run` belongs to the job that the header
        // begins.
        unsafe { (self.0.as_ref().run)(self.0) };
        // Dropping the entry opens the latch.
    }

    /// Gives the half back to its owner, who runs it then.
    pub(in crate::thread) fn hand_back(self) {
        drop(self);
    }

    /// Puts the half into an entry that may be left behind.
    pub(in crate::thread) fn lend(self) -> Arc<Lent> {
        let header = self.0;
        let lent = Arc::new(Lent::new(self));
        // SAFETY: the entry is alive, so its owner has not left.
        let before = unsafe { header.as_ref() }.lent.set(lent.clone());
        debug_assert!(before.is_ok(), "a half is lent once");
        lent
    }

    /// Ends the life of an entry that the owner has got back.
    #[inline]
    pub(in crate::thread) fn withdraw(self) {
        mem::forget(self);
    }

    #[inline]
    pub(in crate::thread) fn is_of(&self, header: &Header) -> bool {
        ptr::eq(self.0.as_ptr(), header)
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        // SAFETY: as long as there is an entry, the owner waits for it or for the latch. There is one entry, and it ends here.
        unsafe { Latch::open(&raw const (*self.0.as_ptr()).latch) };
    }
}

impl Header {
    /// Where the entry is, if it is not in the deque of the owner's seat.
    pub(in crate::thread) fn lent(&self) -> Option<&Lent> {
        self.lent.get().map(|lent| &**lent)
    }

    pub(in crate::thread) fn is_over(&self) -> bool {
        self.latch.is_open()
    }

    /// Gets the entry back, or waits for the end of the half.
    #[inline]
    fn get_back(&self, worker: &Worker) {
        if !worker.take_back(self) {
            self.wait();
        }
    }

    #[cold]
    fn wait(&self) {
        let is_over = || self.latch.is_open();
        if host::spin(is_over) {
            return;
        }
        let parker = Parker::of_this_thread();
        // SAFETY: this is the owner, who waits once.
        if !unsafe { self.latch.wake_with(parker.waker()) } {
            return;
        }
        let park = || {
            while !is_over() {
                parker.park(None);
            }
        };
        // Where nobody can take this thread's place, it keeps it and waits all the same: the half lies in this frame.
        if catch_unwind(AssertUnwindSafe(|| host::blocking(park))).is_err() {
            park();
        }
    }
}

/// Offers `b` to others, runs `a`, and then `b` too if nobody has taken it.
#[inline]
pub(super) fn fork<A, B, RA, RB>(worker: &Worker, a: A, b: B) -> (RA, RB)
where
    A: FnOnce() -> RA + Send,
    B: FnOnce() -> RB + Send,
    RA: Send,
    RB: Send,
{
    let job = Job::<B, RB>::new(b);
    // The job must not go before `get_back` has returned. Nothing on the way there unwinds; if it did, this would end the
    // program instead.
    let frame = Kept;
    worker.offer(Half(NonNull::from(&job).cast()));
    match catch_unwind(AssertUnwindSafe(a)) {
        Ok(first) => {
            job.header.get_back(worker);
            mem::forget(frame);
            // SAFETY: `get_back` has returned.
            let second = unsafe { job.finish() };
            (first, second)
        }
        Err(payload) => {
            let caught = failed(worker, &job.header, payload);
            mem::forget(frame);
            // SAFETY: `failed` has called `get_back`.
            unsafe { job.discard() };
            panic::resume(caught)
        }
    }
}

/// `a` has panicked.
#[cold]
fn failed(worker: &Worker, header: &Header, payload: Box<dyn Any + Send>) -> Caught {
    // The place first: the wait may run callbacks, which may panic.
    let caught = panic::caught(payload);
    header.get_back(worker);
    caught
}

/// A frame that must not be unwound.
struct Kept;

impl Drop for Kept {
    fn drop(&mut self) {
        process::abort();
    }
}
