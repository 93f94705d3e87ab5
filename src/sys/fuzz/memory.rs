//! How much memory a call takes: the allocator of this crate's own tests counts, each thread for itself.
#![allow(unsafe_code)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    /// Bytes that the thread has allocated and not freed; less than nothing if it frees what others have allocated.
    static HELD: Cell<isize> = const { Cell::new(0) };
    /// The most there were.
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    // Neither has a destructor, so they are there until the thread is gone, and neither is allocated.
    let held = HELD.get() + bytes;
    HELD.set(held);
    MOST.set(MOST.get().max(held));
}

// SAFETY: everything is left to the system's allocator, whose contract is this one's. Counting allocates nothing and does not
// unwind.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: as the caller promised.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // While it moves, both are there.
        count(size.cast_signed());
        count(-layout.size().cast_signed());
        // SAFETY: as the caller promised.
        unsafe { System.realloc(at, layout, size) }
    }
}

/// Calls `work`, and says how many bytes more than before this thread held at most.
pub(crate) fn most_during<R>(work: impl FnOnce() -> R) -> (R, usize) {
    let before = HELD.get();
    MOST.set(before);
    let result = work();
    (result, usize::try_from(MOST.get() - before).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_that_was_held_at_once_is_counted() {
        let (kept, most) = most_during(|| {
            drop(vec![1_u8; 3000]);
            drop(vec![0_u8; 5000]);
            vec![1_u8; 1000]
        });
        assert!((5000..6000).contains(&most), "{most}");
        let (vector, most) = most_during(|| {
            let mut vector = vec![1_u8; 1000];
            vector.reserve_exact(9000);
            vector
        });
        assert!((11_000..12_000).contains(&most), "{most}");
        drop((kept, vector));
        assert_eq!(most_during(|| ()).1, 0);
    }
}
