//! The shared memory of a worker, as its own code can reach and ruin it: workers run anything.
#![allow(unsafe_code)]

use crate::bomb::Way;
use std::{
    ffi::{c_int, c_void},
    fs,
    sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering},
};

/// As in `src/process/link`: what tells the memory from any other, and how long its parts are, from the end.
const MAGIC: u64 = 0x6366_7072_6f63_0001;
const RING: usize = 256 * 1024;
const BULK: usize = 512 * 1024;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    start: usize,
    length: usize,
}

impl Memory {
    /// That of this worker.
    pub(crate) fn own() -> Self {
        let maps = fs::read_to_string("/proc/self/maps").expect("it can be read");
        let line = maps
            .lines()
            .find(|line| line.contains("memfd:concurrent-futures"))
            .expect("a worker has its link mapped");
        let (start, rest) = line.split_once('-').expect("a range");
        let (end, _) = rest.split_once(' ').expect("a range");
        let start = usize::from_str_radix(start, 16).expect("an address");
        let end = usize::from_str_radix(end, 16).expect("an address");
        let this = Self {
            start,
            length: end - start,
        };
        assert_eq!(
            this.word(0).load(Ordering::Relaxed),
            MAGIC,
            "the link was laid out anew"
        );
        this
    }

    /// Counters, flags and slots.
    pub(crate) fn control(self) -> usize {
        self.length - 2 * RING - 2 * BULK
    }

    /// Where the parts begin: control, frames to the worker, frames to the parent, bodies to each.
    pub(crate) fn parts(self) -> [(usize, usize); 5] {
        let down = self.control();
        [
            (0, down),
            (down, RING),
            (down + RING, RING),
            (down + 2 * RING, BULK),
            (down + 2 * RING + BULK, BULK),
        ]
    }

    /// One of the eight-byte words, by its offset in bytes.
    pub(crate) fn word(self, at: usize) -> &'static AtomicU64 {
        assert!(at.is_multiple_of(8) && at + 8 <= self.length);
        // SAFETY: within the mapping, which stays for the life of the worker; aligned; an atomic may be changed by
        // anybody. That the owner of the memory does not expect it is the point.
        unsafe { &*std::ptr::with_exposed_provenance::<AtomicU64>(self.start + at) }
    }

    /// What is armed goes off when the worker touches the middle of the stream.
    pub(crate) fn mine(self, stream: Stream, way: Way) {
        let part = match stream {
            Stream::Down => 3,
            Stream::Up => 4,
        };
        let page = self.start + self.parts()[part].0 + BULK / 2;
        MINE.store(page, Ordering::Relaxed);
        CHARGE.store(way as u8, Ordering::Relaxed);
        // SAFETY: zeros are a value of `sigaction`; the handler has the signature that `SA_SIGINFO` asks for.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = stepped_on;
            action.sa_sigaction = handler as usize;
            // On the thread's own stack, so that it can leave by `exit`.
            action.sa_flags = libc::SA_SIGINFO;
            libc::sigaction(libc::SIGSEGV, &raw const action, std::ptr::null_mut());
        }
        protect(page, libc::PROT_NONE);
    }
}

/// A stream of large bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Stream {
    Down,
    Up,
}

static MINE: AtomicUsize = AtomicUsize::new(0);
static CHARGE: AtomicU8 = AtomicU8::new(0);

fn protect(page: usize, protection: c_int) {
    // SAFETY: one page of the link; who touches it while it is protected gets a signal, which is wanted.
    let done = unsafe { libc::mprotect(std::ptr::with_exposed_provenance_mut(page), 4096, protection) };
    assert_eq!(done, 0);
}

/// On the thread that was copying, in the middle of it: it holds no lock.
extern "C" fn stepped_on(_: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: the system passes valid information.
    let address = unsafe { (*info).si_addr().addr() };
    let page = MINE.load(Ordering::Relaxed);
    let charge = CHARGE.load(Ordering::Relaxed);
    // SAFETY: no memory is passed. From here on a fault is the end.
    unsafe { libc::signal(libc::SIGSEGV, libc::SIG_DFL) };
    let way = crate::bomb::WAYS.into_iter().find(|way| *way as u8 == charge);
    match way {
        Some(way) if (page..page + 4096).contains(&address) => {
            if way == Way::Stop {
                // It goes on when it is continued.
                protect(page, libc::PROT_READ | libc::PROT_WRITE);
            }
            way.go_off();
        }
        _ => {}
    }
}

/// Has the parent look, whether or not it waits for that.
pub(crate) fn ring_the_bell() {
    for entry in fs::read_dir("/proc/self/fd").expect("it can be read").flatten() {
        let is_socket =
            fs::read_link(entry.path()).is_ok_and(|to| to.to_string_lossy().starts_with("socket:"));
        let number: Option<c_int> = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some(number) = number.filter(|number| is_socket && *number > 2) {
            // SAFETY: one byte is read, of a valid place.
            unsafe {
                libc::send(
                    number,
                    [1_u8].as_ptr().cast(),
                    1,
                    libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
                )
            };
        }
    }
}
