//! What waits in a queue: a task, or the second half of a join.
#![allow(unsafe_code)]

use super::join::Half;
use crate::{
    sync::Arc,
    task::{Run, Task},
};
use std::{
    mem::{self, ManuallyDrop},
    ptr::{self, NonNull},
};

/// A task or a half, in two words, which a queue copies through registers: as an `enum` of both it goes through memory, and then a push
/// takes three times as long.
///
/// Dropping it is dropping what it is.
pub(super) struct Entry {
    /// A word of the task's pointer, or the address of the half.
    first: NonNull<()>,
    /// The other word of the task's pointer, which is not null; or null.
    second: *const (),
}

const _: () = assert!(size_of::<Option<Entry>>() == size_of::<Task>());

// SAFETY: it is a task or a half, both of which are `Send`.
unsafe impl Send for Entry {}

/// What an [`Entry`] is.
pub(super) enum Opened {
    Task(Task),
    Half(Half),
}

impl Entry {
    pub(super) fn of_task(task: Task) -> Self {
        let task = task.into_inner();
        // SAFETY: an `Arc` of a trait object is two pointers, neither of which is null: that of the object and that of its table. In
        // which order they lie does not matter.
        let [first, second] = unsafe { mem::transmute::<Arc<dyn Run>, [NonNull<()>; 2]>(task) };
        Self {
            first,
            second: second.as_ptr(),
        }
    }

    #[inline]
    pub(super) fn of_half(half: Half) -> Self {
        Self {
            first: half.into_raw(),
            second: ptr::null(),
        }
    }

    /// Whether it is the half at this address.
    #[inline]
    pub(super) fn is_half_at(&self, address: *const ()) -> bool {
        ptr::eq(self.first.as_ptr(), address) && self.second.is_null()
    }

    pub(super) fn open(self) -> Opened {
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is not dropped and not used after this.
        unsafe { this.take() }
    }

    /// # Safety
    ///
    /// Called once in the life of an entry.
    unsafe fn take(&self) -> Opened {
        match NonNull::new(self.second.cast_mut()) {
            // SAFETY: these are the two words that `of_task` has taken the pointer apart to, and it is made of them once.
            Some(second) => Opened::Task(Task::new(unsafe {
                mem::transmute::<[NonNull<()>; 2], Arc<dyn Run>>([self.first, second])
            })),
            // SAFETY: this is the pointer of `of_half`, and it is made a half once.
            None => Opened::Half(unsafe { Half::from_raw(self.first) }),
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        // SAFETY: an entry is dropped once, and one that was opened is not.
        drop(unsafe { self.take() });
    }
}
