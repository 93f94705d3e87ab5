//! The second half of a join while other threads may take it: a job in the frame of who called, and its entry in a queue.
#![allow(unsafe_code)]

use super::{
    super::{entry::Entry, worker::Worker},
    latch::Latch,
    lent::Lent,
};
use crate::{
    future::{host, waiter::Parker},
    panic::{self, Caught},
    running::{self, Carried},
    sync::Arc,
};
use std::{
    any::Any,
    cell::UnsafeCell,
    mem::{self, ManuallyDrop, MaybeUninit},
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
    /// There until the half is run.
    work: UnsafeCell<MaybeUninit<B>>,
    /// There once the half was run by another thread than the owner's.
    end: UnsafeCell<Option<Result<R, Caught>>>,
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
            work: UnsafeCell::new(MaybeUninit::new(work)),
            end: UnsafeCell::new(None),
        }
    }

    /// # Safety
    ///
    /// `header` is the beginning of a job of this type that was not run and is the caller's until the latch is opened.
    unsafe fn run(header: NonNull<Header>) {
        let job = header.cast::<Self>().as_ptr();
        // SAFETY: the job is there and the caller's; its work is there, for it was not run.
        let work = unsafe { (*(*job).work.get()).assume_init_read() };
        // SAFETY: the job is there, says the caller; and its owner does not leave the task that it is running before
        // the latch is open, which is after this.
        let end = unsafe { running::run_carried(&(*job).header.task, || panic::catch(work)) };
        // SAFETY: as above.
        unsafe { *(*job).end.get() = Some(end) };
    }

    /// Takes the work out.
    ///
    /// # Safety
    ///
    /// The caller is the owner and has the entry back, and does this once, and not [`end`](Self::end).
    #[inline]
    unsafe fn work(&self) -> B {
        // SAFETY: nobody but who has the entry takes the work; the owner has it, once, says the caller.
        unsafe { (*self.work.get()).assume_init_read() }
    }

    /// How the half has ended, if somebody has run it; or else the work.
    fn end(self) -> Result<Result<R, Caught>, B> {
        match self.end.into_inner() {
            Some(end) => Ok(end),
            // SAFETY: it is there, for it was not run, and who owns the job has not taken it.
            None => Err(unsafe { self.work.into_inner().assume_init() }),
        }
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
    pub(super) fn withdraw(self) {
        mem::forget(self);
    }

    #[inline]
    pub(in crate::thread) fn into_raw(self) -> NonNull<()> {
        let half = ManuallyDrop::new(self);
        half.0.cast()
    }

    /// # Safety
    ///
    /// The pointer is one of [`into_raw`](Self::into_raw), and is used once.
    pub(in crate::thread) unsafe fn from_raw(half: NonNull<()>) -> Self {
        Self(half.cast())
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

    /// Ends the life of the entry if it is that of this half, whose owner has got it back; else returns it.
    #[inline]
    pub(in crate::thread) fn withdraw(&self, entry: Entry) -> Result<(), Entry> {
        if entry.is_half_at(ptr::from_ref(self).cast()) {
            mem::forget(entry);
            Ok(())
        } else {
            Err(entry)
        }
    }

    pub(in crate::thread) fn is_over(&self) -> bool {
        self.latch.is_open()
    }

    /// Gets the entry back, or waits for the end of the half.
    fn get_back(&self, worker: &Worker) {
        let is_over = || self.latch.is_open();
        if worker.take_back(self) || worker.look_for(self) || host::spin(is_over) {
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
    // Nothing of it has to be dropped if the entry comes back as it went.
    let job = ManuallyDrop::new(Job::<B, RB>::new(b));
    // The job must not go before its entry is back or its latch open. Nothing on the way there unwinds; if it did, this would
    // end the program instead.
    let frame = Kept;
    worker.offer(Half(NonNull::from(&*job).cast()));
    match catch_unwind(AssertUnwindSafe(a)) {
        Ok(first) if worker.take_back(&job.header) => {
            mem::forget(frame);
            // SAFETY: the entry is back, so nobody else has the work.
            let work = unsafe { job.work() };
            (first, work())
        }
        first => finish(worker, &job, frame, first),
    }
}

/// The rest of a join that does not go as most do: somebody else has `b`, or `a` has panicked.
#[cold]
#[inline(never)]
fn finish<RA, B, RB>(
    worker: &Worker,
    job: &ManuallyDrop<Job<B, RB>>,
    frame: Kept,
    first: Result<RA, Box<dyn Any + Send>>,
) -> (RA, RB)
where
    B: FnOnce() -> RB + Send,
    RB: Send,
{
    // The place first: the wait may run callbacks, which may panic.
    let first = first.map_err(panic::caught);
    job.header.get_back(worker);
    mem::forget(frame);
    // SAFETY: the entry is back or the latch open, so the job is this thread's alone; nobody uses or drops it after this.
    let job = ManuallyDrop::into_inner(unsafe { ptr::read(job) });
    match (first, job.end()) {
        (Ok(first), Ok(Ok(second))) => (first, second),
        // Nobody has started it.
        (Ok(first), Err(work)) => (first, work()),
        (Ok(first), Ok(Err(caught))) => {
            panic::contain(|| drop(first));
            panic::resume(caught)
        }
        (Err(caught), second) => {
            panic::contain(|| drop(second));
            panic::resume(caught)
        }
    }
}

/// A frame that must not be unwound.
struct Kept;

impl Drop for Kept {
    fn drop(&mut self) {
        process::abort();
    }
}
