//! The socket pair between a parent and its worker.
//!
//! Work travels through shared memory; the socket carries what memory can not: the descriptor of that memory, a ring that
//! wakes who sleeps, the last words of a worker, and, by being closed, the news that the other end is gone. That news can
//! be a little late: a process that is just being started holds copies of all descriptors until it execs.

pub(crate) use super::poll::{Until, poll, poll_readable};
use rustix::{
    io::Errno,
    net::{
        self, AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
    },
};
use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

/// The byte that means nothing but "look".
const RING: u8 = 1;

/// How much text of one worker is kept. A worker that says more is broken in a way that the beginning shows.
const TEXT_LIMIT: usize = 64 * 1024;

/// What one [`drain`] may read at most. A worker that sends without end shall not keep its parent from the others.
const DRAIN_LIMIT: usize = 4 * TEXT_LIMIT;

/// Two connected stream sockets that no started program inherits; the first is the parent's end.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    #[cfg(not(target_vendor = "apple"))]
    let flags = SocketFlags::CLOEXEC;
    #[cfg(target_vendor = "apple")]
    let flags = SocketFlags::empty();
    let (parent, worker) = net::socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    #[cfg(target_vendor = "apple")]
    for end in [&parent, &worker] {
        rustix::io::fcntl_setfd(end, rustix::io::FdFlags::CLOEXEC)?;
        // There is no flag for a single call there.
        net::sockopt::set_socket_nosigpipe(end, true)?;
    }
    Ok((parent, worker))
}

#[cfg(not(target_vendor = "apple"))]
const QUIET: SendFlags = SendFlags::NOSIGNAL;
#[cfg(target_vendor = "apple")]
const QUIET: SendFlags = SendFlags::empty();

/// Sends all `bytes` (at least one), and the other end gets a copy of `fd` with the first of them.
pub(crate) fn send_with_fd(to: BorrowedFd<'_>, bytes: &[u8], fd: BorrowedFd<'_>) -> io::Result<()> {
    if bytes.is_empty() {
        // A stream carries no descriptor without a byte.
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let fds = [fd];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fits = control.push(SendAncillaryMessage::ScmRights(&fds));
    debug_assert!(fits);
    let sent = rustix::io::retry_on_intr(|| net::sendmsg(to, &[IoSlice::new(bytes)], &mut control, QUIET))?;
    send_all(to, &bytes[sent..])
}

/// Blocks until there is a message, or a part of one: this is a stream. Gives the number of bytes, 0 if the other
/// end is gone, and the descriptor that came with them.
pub(crate) fn receive_with_fd(
    from: BorrowedFd<'_>,
    buffer: &mut [u8],
) -> io::Result<(usize, Option<OwnedFd>)> {
    #[cfg(target_os = "linux")]
    let flags = RecvFlags::CMSG_CLOEXEC;
    #[cfg(not(target_os = "linux"))]
    let flags = RecvFlags::empty();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = rustix::io::retry_on_intr(|| {
        net::recvmsg(from, &mut [IoSliceMut::new(buffer)], &mut control, flags)
    })?;
    let mut fd = None;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = message {
            // All are taken out, so that a second one is closed and not lost.
            for received in fds {
                fd.get_or_insert(received);
            }
        }
    }
    #[cfg(not(target_os = "linux"))]
    if let Some(fd) = &fd {
        rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::CLOEXEC)?;
    }
    Ok((received.bytes, fd))
}

/// Wakes the other end. Never blocks: if the buffer is full, a ring is already there. Other errors mean that the other
/// end is gone, which is reported elsewhere.
pub(crate) fn ring(to: BorrowedFd<'_>) {
    let _ = rustix::io::retry_on_intr(|| net::send(to, &[RING], QUIET | SendFlags::DONTWAIT));
}

/// Sends a text for [`drain`] to hear; blocks until all of it is on its way. Best effort: if the other end is gone,
/// nobody would read it. The byte of a ring is sent as a blank.
pub(crate) fn send_text(to: BorrowedFd<'_>, text: &str) {
    let bytes: Vec<u8> = text
        .bytes()
        .map(|byte| if byte == RING { b' ' } else { byte })
        .collect();
    let _ = send_all(to, &bytes);
}

fn send_all(to: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let sent = rustix::io::retry_on_intr(|| net::send(to, bytes, QUIET))?;
        bytes = &bytes[sent..];
    }
    Ok(())
}

/// What [`drain`] found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// At least one ring was there.
    pub(crate) rang: bool,
    /// The other end is gone; nothing will come any more.
    pub(crate) closed: bool,
}

/// Reads what is there, without blocking. Rings are counted as one; other bytes are added to `text`, as long as it is
/// not longer than 64 KiB. If there was very much, some of it is left for the next time.
pub(crate) fn drain(from: BorrowedFd<'_>, text: &mut Vec<u8>) -> Heard {
    let mut heard = Heard::default();
    let mut buffer = [0; 4096];
    let mut read = 0;
    while read < DRAIN_LIMIT && !heard.closed {
        match net::recv(from, &mut buffer, RecvFlags::DONTWAIT) {
            Ok((0, _)) => heard.closed = true,
            Ok((count, _)) => {
                read += count;
                let bytes = &buffer[..count];
                heard.rang |= bytes.contains(&RING);
                let room = TEXT_LIMIT.saturating_sub(text.len());
                text.extend(bytes.iter().filter(|byte| **byte != RING).take(room));
            }
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => break,
            // The other end left without reading all: what it sent before has been read by now.
            Err(_) => heard.closed = true,
        }
    }
    heard
}

/// Blocks until there is at least a byte and takes it away, with those behind it. False: the other end is gone.
pub(crate) fn wait(from: BorrowedFd<'_>) -> bool {
    let mut buffer = [0; 64];
    rustix::io::retry_on_intr(|| net::recv(from, &mut buffer, RecvFlags::empty()))
        .is_ok_and(|(count, _)| count > 0)
}

/// Whether `fd` is a socket, as the standard input of a worker is.
pub(crate) fn is_socket(fd: impl AsFd) -> bool {
    use rustix::fs::FileType;
    rustix::fs::fstat(fd).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::{FdFlags, fcntl_getfd};
    use std::{fs::File, io::Read, thread};

    fn heard(rang: bool, closed: bool) -> Heard {
        Heard { rang, closed }
    }

    /// A process that another test starts holds copies of all descriptors until it execs, so an end may be closed a
    /// little after it was dropped here.
    fn until_closed(end: &OwnedFd) {
        poll_readable(&[end.as_fd()], &mut Vec::new(), None).unwrap();
    }

    #[test]
    fn a_descriptor_arrives_with_its_bytes_and_no_program_inherits_it() {
        let (parent, worker) = pair().unwrap();
        let (reader, writer) = io::pipe().unwrap();
        send_with_fd(parent.as_fd(), b"hello", reader.as_fd()).unwrap();
        let mut buffer = [0; 64];
        let (count, fd) = receive_with_fd(worker.as_fd(), &mut buffer).unwrap();
        assert_eq!(&buffer[..count], b"hello");
        let fd = fd.unwrap();
        for fd in [&fd, &parent, &worker] {
            assert!(fcntl_getfd(fd).unwrap().contains(FdFlags::CLOEXEC));
        }
        io::Write::write_all(&mut { writer }, b"x").unwrap();
        let mut text = String::new();
        File::from(fd).read_to_string(&mut text).unwrap();
        assert_eq!(text, "x");
    }

    #[test]
    fn a_message_larger_than_the_buffer_arrives_whole() {
        let (parent, worker) = pair().unwrap();
        let bytes: Vec<u8> = (0..=255).cycle().take(2 << 20).collect();
        thread::scope(|scope| {
            scope.spawn(|| send_with_fd(parent.as_fd(), &bytes, parent.as_fd()).unwrap());
            let (mut got, mut fds, mut buffer) = (Vec::new(), 0, [0; 5000]);
            while got.len() < bytes.len() {
                let (count, fd) = receive_with_fd(worker.as_fd(), &mut buffer).unwrap();
                got.extend_from_slice(&buffer[..count]);
                fds += usize::from(fd.is_some());
            }
            assert!(got == bytes);
            assert_eq!(fds, 1);
        });
    }

    #[test]
    fn nothing_comes_from_an_end_that_is_gone_and_nothing_kills_who_sends_to_it() {
        let (parent, worker) = pair().unwrap();
        drop(worker);
        until_closed(&parent);
        ring(parent.as_fd());
        send_text(parent.as_fd(), "text");
        assert!(send_with_fd(parent.as_fd(), b"x", parent.as_fd()).is_err());
        assert!(!wait(parent.as_fd()));
        assert_eq!(receive_with_fd(parent.as_fd(), &mut [0; 8]).unwrap().0, 0);
        assert_eq!(drain(parent.as_fd(), &mut Vec::new()), heard(false, true));
    }

    #[test]
    fn rings_and_text_are_told_apart() {
        let (parent, worker) = pair().unwrap();
        let mut text = Vec::new();
        assert_eq!(drain(parent.as_fd(), &mut text), heard(false, false));
        send_text(worker.as_fd(), "a\u{1}b");
        assert_eq!(drain(parent.as_fd(), &mut text), heard(false, false));
        ring(worker.as_fd());
        send_text(worker.as_fd(), "c");
        assert_eq!(drain(parent.as_fd(), &mut text), heard(true, false));
        assert_eq!(text, b"a bc");
        drop(worker);
        until_closed(&parent);
        assert_eq!(drain(parent.as_fd(), &mut text), heard(false, true));
    }

    #[test]
    fn text_without_end_is_cut_and_what_came_before_the_end_is_heard() {
        let (parent, worker) = pair().unwrap();
        // Unread bytes at the sender's end turn the close into an error at this one.
        ring(parent.as_fd());
        let sender = thread::spawn(move || send_text(worker.as_fd(), &"x".repeat(1 << 20)));
        let mut text = Vec::new();
        while !drain(parent.as_fd(), &mut text).closed {
            thread::yield_now();
        }
        sender.join().unwrap();
        assert_eq!(text.len(), TEXT_LIMIT);
    }

    #[test]
    fn a_ring_never_blocks_and_wakes_a_waiter() {
        let (parent, worker) = pair().unwrap();
        (0..100_000).for_each(|_| ring(parent.as_fd()));
        assert!(wait(worker.as_fd()));
        let mut text = Vec::new();
        drain(worker.as_fd(), &mut text);
        assert_eq!(text, b"");
        thread::scope(|scope| {
            let waiter = scope.spawn(|| wait(worker.as_fd()));
            ring(parent.as_fd());
            assert!(waiter.join().unwrap());
        });
    }

    #[test]
    fn a_socket_is_known() {
        assert!(is_socket(pair().unwrap().0));
        assert!(!is_socket(File::open("/dev/null").unwrap()));
    }
}
