//! Waiting for many descriptors at once.

use rustix::{
    event::{self, PollFd, PollFlags, Timespec},
    io::Errno,
};
use std::{io, os::fd::BorrowedFd, time::Duration};

/// What a descriptor is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// There is something to read, or nothing will ever be.
    Readable,
    /// There is room to write, or nobody will ever read it.
    Writable,
}

/// Blocks until one of `fds` is readable, closed by the other end or broken, or the time is up (`None`: never), and
/// says which in `ready`, in the order of `fds`. A signal ends the wait with nothing ready: the caller looks around and
/// comes again.
pub(crate) fn poll_readable(
    fds: &[BorrowedFd<'_>],
    ready: &mut Vec<bool>,
    timeout: Option<Duration>,
) -> io::Result<()> {
    let readable: Vec<_> = fds.iter().map(|fd| (*fd, Until::Readable)).collect();
    poll(&readable, ready, timeout)
}

/// As [`poll_readable`], each descriptor until what stands beside it.
pub(crate) fn poll(
    fds: &[(BorrowedFd<'_>, Until)],
    ready: &mut Vec<bool>,
    timeout: Option<Duration>,
) -> io::Result<()> {
    // `poll`, not `select`: that one stops at descriptor 1023.
    let mut polled: Vec<_> = fds
        .iter()
        .map(|(fd, until)| {
            let flags = match until {
                Until::Readable => PollFlags::IN,
                Until::Writable => PollFlags::OUT,
            };
            PollFd::from_borrowed_fd(*fd, flags)
        })
        .collect();
    ready.clear();
    match event::poll(&mut polled, timeout.map(whole_milliseconds).as_ref()) {
        // Hang-up and error come without being asked for; a reader then learns more.
        Ok(_) => ready.extend(polled.iter().map(|fd| !fd.revents().is_empty())),
        Err(Errno::INTR) => ready.resize(fds.len(), false),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// Rounded up, so that the time is really over when the wait is; at most 24 days, which is all that the call takes on
/// some systems. Who waits longer comes again.
fn whole_milliseconds(time: Duration) -> Timespec {
    let milliseconds = time.as_nanos().div_ceil(1_000_000);
    let milliseconds = i32::try_from(milliseconds).unwrap_or(i32::MAX);
    Timespec {
        tv_sec: i64::from(milliseconds / 1000),
        tv_nsec: (milliseconds % 1000 * 1_000_000).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::channel::{pair, ring};
    use super::*;
    use std::{os::fd::AsFd, time::Instant};

    #[test]
    fn what_has_a_byte_or_is_closed_is_ready_and_the_rest_is_not() {
        let (rung, bell) = pair().unwrap();
        let (silent, _other) = pair().unwrap();
        let (closed, gone) = pair().unwrap();
        drop(gone);
        ring(bell.as_fd());
        let mut ready = vec![true; 9];
        // A process that another test starts may hold a copy of what was dropped for a moment.
        poll_readable(&[closed.as_fd()], &mut ready, None).unwrap();
        assert_eq!(ready, [true]);
        poll_readable(&[rung.as_fd(), silent.as_fd(), closed.as_fd()], &mut ready, None).unwrap();
        assert_eq!(ready, [true, false, true]);
    }

    #[test]
    fn a_wait_with_nothing_ready_lasts_its_time() {
        let (silent, _other) = pair().unwrap();
        let mut ready = Vec::new();
        let begun = Instant::now();
        poll_readable(&[silent.as_fd()], &mut ready, Some(Duration::from_micros(1_500))).unwrap();
        assert!(begun.elapsed() >= Duration::from_millis(2));
        assert_eq!(ready, [false]);
    }

    #[test]
    fn times_are_rounded_up_and_cut() {
        let of = |time| {
            let time = whole_milliseconds(time);
            (time.tv_sec, time.tv_nsec)
        };
        assert_eq!(of(Duration::ZERO), (0, 0));
        assert_eq!(of(Duration::from_nanos(1)), (0, 1_000_000));
        assert_eq!(of(Duration::from_millis(1_001)), (1, 1_000_000));
        assert_eq!(of(Duration::MAX), (2_147_483, 647_000_000));
    }

    #[test]
    fn descriptors_beyond_1024_are_polled_too() {
        let (rung, bell) = pair().unwrap();
        // Where the limit does not allow such a number there is nothing to test.
        let Ok(high) = rustix::io::fcntl_dupfd_cloexec(&rung, 1_500) else {
            return;
        };
        ring(bell.as_fd());
        let mut ready = Vec::new();
        poll_readable(&[high.as_fd()], &mut ready, None).unwrap();
        assert_eq!(ready, [true]);
    }
}
