//! Memory for large values in large pages: most of what it costs to send one is the first touch of fresh memory, page by
//! page.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;

/// From this size on it pays.
const LARGE: usize = 4 * 1024 * 1024;

/// Asks the system to back memory that is about to be written with large pages (2 MiB instead of 4 KiB on most machines). A
/// wish: nothing depends on it, and below a few MiB it is not even made.
pub(crate) fn prefer<T>(room: &mut [MaybeUninit<T>]) {
    if size_of_val(room) >= LARGE {
        wish(room);
    }
}

#[cfg(target_os = "linux")]
fn wish<T>(room: &mut [MaybeUninit<T>]) {
    use rustix::mm::{Advice, madvise};

    // The address has to be that of a page; 64 KiB is a multiple of all page sizes in use.
    const PAGE: usize = 64 * 1024;
    /// A large page on most machines. The ends of the room are no whole ones.
    const LARGE_PAGE: usize = 2 * 1024 * 1024;
    let start = room.as_mut_ptr().cast::<u8>();
    let end = size_of_val(room);
    let advise = |from: usize, to: usize, advice| {
        if from < to {
            // SAFETY: neither advice changes the contents or the protection of the memory, which belongs to `room` between
            // `from` and `to` (the system rounds the end up to a page: a wish may reach a little further, where it does as
            // little harm).
            let _ = unsafe { madvise(start.wrapping_add(from).cast(), to - from, advice) };
        }
    };
    let first = start.align_offset(PAGE);
    advise(first, end, Advice::LinuxHugepage);
    let first_large = start.align_offset(LARGE_PAGE);
    let last_large = end - (start.addr() + end) % LARGE_PAGE;
    if first_large < last_large {
        // What is left at both ends is had at once, which takes a third of the time that it takes page by page.
        advise(first, first_large, Advice::LinuxPopulateWrite);
        advise(last_large, end, Advice::LinuxPopulateWrite);
    }
}

#[cfg(not(target_os = "linux"))]
fn wish<T>(_: &mut [MaybeUninit<T>]) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_keeps_what_is_in_it() {
        for length in [0, 1, LARGE - 1, LARGE, 3 * LARGE + 12_345] {
            let mut bytes: Vec<u8> = Vec::with_capacity(length);
            bytes.resize(length / 2, 7);
            prefer(bytes.spare_capacity_mut());
            bytes.resize(length, 9);
            let (before, after) = bytes.split_at(length / 2);
            assert!(before.iter().all(|byte| *byte == 7) && after.iter().all(|byte| *byte == 9));
        }
    }
}
