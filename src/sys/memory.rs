//! Memory that two processes see.
#![allow(unsafe_code)]

use rustix::mm::{self, MapFlags, ProtFlags};
use std::{
    ffi::c_void,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    ptr::{self, NonNull},
};

/// A shared mapping, unmapped when it is dropped. What lies in it may change at any time under the hands of the other
/// process: it is for atomics, and for bytes that a protocol hands over.
pub(crate) struct SharedMemory {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping belongs to the process, not to a thread, and `munmap` may be called on any.
unsafe impl Send for SharedMemory {}
// SAFETY: `&self` gives out an address and a length only, which never change; access through the address is
// unsafe and the business of who does it.
unsafe impl Sync for SharedMemory {}

impl SharedMemory {
    /// New memory of zeros, mapped here, and the descriptor by which another process can map it.
    pub(crate) fn create(len: usize) -> io::Result<(SharedMemory, OwnedFd)> {
        let fd = anonymous_file()?;
        rustix::fs::ftruncate(&fd, len as u64)?;
        seal(fd.as_fd());
        Ok((Self::map(fd.as_fd(), len)?, fd))
    }

    /// Maps what another process made. Memory past the end of the object is `SIGBUS` when it is touched, so a shorter
    /// object is an error here.
    pub(crate) fn map(fd: BorrowedFd<'_>, len: usize) -> io::Result<Self> {
        let size = rustix::fs::fstat(fd)?.st_size;
        if len == 0 || u64::try_from(size).unwrap_or(0) < len as u64 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("shared memory of {size} bytes can not be mapped for {len}"),
            ));
        }
        // SAFETY: a new mapping at an address of the system's choice, which overlaps nothing that is in use. No
        // reference to its bytes is made here.
        let start = unsafe {
            mm::mmap(
                ptr::null_mut(),
                len,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                fd,
                0,
            )?
        };
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, len })
    }

    /// The first byte; it lies at the start of a page.
    pub(crate) fn as_ptr(&self) -> NonNull<u8> {
        self.start
    }

    /// The number of bytes, as asked for.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        // SAFETY: `start` and `len` are of a mapping that this value made and owns; who used its address promised to
        // be done with it by now.
        let unmapped = unsafe { mm::munmap(self.start.as_ptr().cast::<c_void>(), self.len) };
        debug_assert!(unmapped.is_ok());
    }
}

#[cfg(target_os = "linux")]
fn anonymous_file() -> io::Result<OwnedFd> {
    use rustix::fs::MemfdFlags;
    Ok(rustix::fs::memfd_create(
        "concurrent-futures",
        MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING,
    )?)
}

/// After this nobody can shrink the object below the mapping. Without it the memory still works, so failure is fine.
#[cfg(target_os = "linux")]
fn seal(fd: BorrowedFd<'_>) {
    use rustix::fs::SealFlags;
    let _ = rustix::fs::fcntl_add_seals(fd, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL);
}

/// A name nobody else has, gone again before anybody can open it by mistake.
#[cfg(not(target_os = "linux"))]
fn anonymous_file() -> io::Result<OwnedFd> {
    use rustix::{
        fs::Mode,
        io::Errno,
        shm::{self, OFlags},
    };
    use std::{
        sync::atomic::{AtomicU32, Ordering::Relaxed},
        time::{SystemTime, UNIX_EPOCH},
    };
    static COUNT: AtomicU32 = AtomicU32::new(0);
    loop {
        // macOS takes at most 31 characters.
        let (id, count) = (std::process::id(), COUNT.fetch_add(1, Relaxed));
        let time = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.subsec_nanos());
        let name = format!("/cf-{id:x}-{count:x}-{time:x}");
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR;
        match shm::open(&name, flags, Mode::RUSR | Mode::WUSR) {
            Ok(fd) => {
                shm::unlink(&name)?;
                return Ok(fd);
            }
            Err(Errno::EXIST | Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn seal(_fd: BorrowedFd<'_>) {}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::{FdFlags, fcntl_getfd};
    use std::sync::atomic::{AtomicU8, Ordering::SeqCst};

    fn byte(memory: &SharedMemory, at: usize) -> &AtomicU8 {
        assert!(at < memory.len());
        // SAFETY: within the mapping, which lives as long as the reference; in these tests all access is atomic.
        unsafe { AtomicU8::from_ptr(memory.as_ptr().as_ptr().add(at)) }
    }

    #[test]
    fn two_mappings_see_the_same_bytes_and_begin_with_zeros() {
        let (here, fd) = SharedMemory::create(10_000).unwrap();
        let there = SharedMemory::map(fd.as_fd(), 10_000).unwrap();
        assert_ne!(here.as_ptr(), there.as_ptr());
        assert_eq!((here.len(), there.len()), (10_000, 10_000));
        assert_eq!(byte(&there, 9_999).load(SeqCst), 0);
        byte(&here, 9_999).store(7, SeqCst);
        assert_eq!(byte(&there, 9_999).load(SeqCst), 7);
        drop((here, fd));
        assert_eq!(
            byte(&there, 9_999).load(SeqCst),
            7,
            "a mapping outlives the descriptor and the other one"
        );
    }

    #[test]
    fn an_object_that_is_too_short_is_refused() {
        let (_here, fd) = SharedMemory::create(4096).unwrap();
        assert!(SharedMemory::map(fd.as_fd(), 1 << 20).is_err());
        assert!(SharedMemory::map(fd.as_fd(), 0).is_err());
        assert!(SharedMemory::create(0).is_err());
    }

    #[test]
    fn the_descriptor_is_not_inherited() {
        let (_here, fd) = SharedMemory::create(1).unwrap();
        assert!(fcntl_getfd(&fd).unwrap().contains(FdFlags::CLOEXEC));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn nobody_can_shrink_it() {
        let (_here, fd) = SharedMemory::create(4096).unwrap();
        assert!(rustix::fs::ftruncate(&fd, 0).is_err());
    }
}
