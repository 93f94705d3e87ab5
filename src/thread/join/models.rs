//! Loom models of a half between its owner and another thread: every interleaving (with at most three preemptions).
//!
//! The body of a job is an `UnsafeCell` that loom watches: an access of one side that does not come after the last one of the
//! other is reported. A model cannot park a thread, so the owner ends where it would, and its waker is asked.

use super::latch::Latch;
use crate::sync::{Arc, Mutex, UnsafeCell};
use loom::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    thread,
};
use std::task::{Wake, Waker};

#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// What lies in the frame of the owner. The owner's last access stands for the end of the frame: it writes to what the other
/// thread would touch if it came too late.
struct Frame {
    latch: Latch,
    result: UnsafeCell<u32>,
}

impl Frame {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            latch: Latch::new(),
            result: UnsafeCell::new(0),
        })
    }

    /// Another thread runs the half.
    #[allow(unsafe_code)]
    fn run(&self) {
        // SAFETY: the latch is shut, so the body is this thread's; loom checks that.
        self.result.with_mut(|result| unsafe { *result = 7 });
        // SAFETY: called once, and the frame is there until then.
        unsafe { Latch::open(&raw const self.latch) };
    }

    /// The owner has seen the open latch: it takes the result and leaves.
    #[allow(unsafe_code)]
    fn leave(&self) -> u32 {
        // SAFETY: the latch is open, so all of it is this thread's; loom checks that.
        self.latch
            .waker
            .with_mut(|waker| drop(unsafe { (*waker).take() }));
        // SAFETY: as above.
        self.result
            .with_mut(|result| unsafe { std::mem::replace(&mut *result, 99) })
    }
}

#[test]
fn the_owner_sees_the_open_latch_or_is_woken() {
    loom::model(|| {
        let frame = Frame::new();
        let other = thread::spawn({
            let frame = frame.clone();
            move || frame.run()
        });
        let bell = Arc::new(Bell::default());
        if frame.latch.is_open() {
            assert_eq!(frame.leave(), 7);
            other.join().unwrap();
            return;
        }
        #[allow(unsafe_code)]
        // SAFETY: this is the owner, and it does so once.
        let waits = unsafe { frame.latch.wake_with(Waker::from(bell.clone())) };
        // It may see the latch open before it is woken.
        let leaves = frame.latch.is_open();
        assert!(leaves || waits);
        if leaves {
            assert_eq!(frame.leave(), 7);
        }
        other.join().unwrap();
        assert_eq!(bell.0.load(SeqCst), usize::from(waits));
        if !leaves {
            assert!(frame.latch.is_open());
            assert_eq!(frame.leave(), 7);
        }
    });
}

/// A half that was lent: the owner takes it back, or another thread finds it in its queue.
#[test]
fn a_lent_half_is_taken_by_one() {
    loom::model(|| {
        let frame = Frame::new();
        let lent = Arc::new(Mutex::new(Some(())));
        let other = thread::spawn({
            let (frame, lent) = (frame.clone(), lent.clone());
            move || {
                let half = lent.lock().take();
                if half.is_some() {
                    frame.run();
                }
                half.is_some()
            }
        });
        let taken_back = lent.lock().take().is_some();
        if taken_back || frame.latch.is_open() {
            // The frame may end here: the other thread must not touch it any more.
            assert_eq!(frame.leave(), if taken_back { 0 } else { 7 });
        }
        assert_ne!(other.join().unwrap(), taken_back);
    });
}
