//! The words a worker says when its stack overflows.
//!
//! `std` installs its handler for that in the start-up code before `main`, which does not run in a worker. Without
//! one a worker just dies of a signal, and the reason is anybody's guess. This one says and does the same as `std`'s.
#![allow(unsafe_code)]

pub(super) use system::report;

#[cfg(any(target_os = "linux", target_os = "macos"))]
mod system {
    use super::super::worker::{disposition, set_disposition};
    use rustix::mm::{self, MapFlags, MprotectFlags, ProtFlags};
    use std::{
        cell::{Cell, RefCell},
        ffi::{c_int, c_void},
        mem, ptr,
        sync::Once,
    };

    thread_local! {
        /// Where a fault of this thread is an overflow of its stack. A handler may read it: it needs no initialisation
        /// and no destructor, so it is plain memory of the thread.
        static BOUNDS: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
        static STACK: RefCell<Option<AlternateStack>> = const { RefCell::new(None) };
    }

    const WORDS: &[u8] =
        b"\nthread has overflowed its stack\nfatal runtime error: stack overflow, aborting\n";

    /// Makes a stack overflow of the calling thread say so before it ends the process. Each thread calls it for itself;
    /// the handler is installed by the first, unless the program has one of its own.
    pub(in super::super) fn report() {
        static INSTALL: Once = Once::new();
        INSTALL.call_once(|| {
            for signal in [libc::SIGSEGV, libc::SIGBUS] {
                if disposition(signal) == libc::SIG_DFL {
                    let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = fault;
                    set_disposition(signal, handler as usize, libc::SA_SIGINFO | libc::SA_ONSTACK);
                }
            }
        });
        BOUNDS.set(bounds().unwrap_or((0, 0)));
        STACK.with_borrow_mut(|stack| {
            if stack.is_none() {
                *stack = AlternateStack::install();
            }
        });
    }

    /// Only calls what a signal handler may: reads of memory, `write`, `sigaction`, `raise`, `abort`.
    extern "C" fn fault(signal: c_int, info: *mut libc::siginfo_t, _context: *mut c_void) {
        // SAFETY: with `SA_SIGINFO` the system passes valid information, which for these signals has an address.
        let (address, code) = unsafe { ((*info).si_addr().addr(), (*info).si_code) };
        let (low, high) = BOUNDS.get();
        if low <= address && address < high {
            // SAFETY: the bytes are valid for their length. If they can not be written nothing else can be done.
            // `abort` may be called anywhere.
            unsafe {
                libc::write(libc::STDERR_FILENO, WORDS.as_ptr().cast(), WORDS.len());
                libc::abort();
            }
        }
        // Any other fault: back to what it does by itself. It happens again when this returns, and kills with the true
        // signal; but one that was sent by `kill` does not, and is sent again.
        set_disposition(signal, libc::SIG_DFL, 0);
        if code <= 0 {
            // SAFETY: no conditions. It arrives when this handler is left.
            unsafe { libc::raise(signal) };
        }
    }

    fn page_size() -> usize {
        // SAFETY: no conditions.
        usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
    }

    #[cfg(target_os = "linux")]
    fn bounds() -> Option<(usize, usize)> {
        let (mut address, mut size, mut guard) = (ptr::null_mut(), 0, 0);
        // SAFETY: `attributes` is filled in by the first call before the others use it, and freed once; the places for
        // results are valid.
        unsafe {
            let mut attributes: libc::pthread_attr_t = mem::zeroed();
            if libc::pthread_getattr_np(libc::pthread_self(), &raw mut attributes) != 0 {
                return None;
            }
            libc::pthread_attr_getstack(&raw const attributes, &raw mut address, &raw mut size);
            libc::pthread_attr_getguardsize(&raw const attributes, &raw mut guard);
            libc::pthread_attr_destroy(&raw mut attributes);
        }
        let low = address.addr();
        let is_main = rustix::thread::gettid() == rustix::process::getpid();
        // The stack of the first thread grows until its limit, and the kernel keeps 1 MiB below it free of others. A
        // fault just above the lowest address is one, too: growing failed, as it does a little early if the stack
        // has no limit but another mapping below it.
        // The guard of other threads lies below the lowest address, or in old C libraries above it.
        let reach = if is_main { 1 << 20 } else { guard.max(page_size()) };
        Some((low.saturating_sub(reach), low.saturating_add(reach)))
    }

    #[cfg(target_os = "macos")]
    fn bounds() -> Option<(usize, usize)> {
        // SAFETY: the calling thread exists.
        let (top, size) = unsafe {
            let this = libc::pthread_self();
            (
                libc::pthread_get_stackaddr_np(this),
                libc::pthread_get_stacksize_np(this),
            )
        };
        let low = top.addr().checked_sub(size)?;
        Some((low.saturating_sub(page_size()), low))
    }

    /// The stack on which a handler runs: that of the thread is full. Below it lies a page that nobody may touch.
    struct AlternateStack {
        mapping: *mut c_void,
        len: usize,
    }

    impl AlternateStack {
        /// `None` if the thread has one already, or there is no memory: then an overflow is just a signal.
        fn install() -> Option<Self> {
            // SAFETY: `stack_t` is plain data, for which zeros are a value.
            let mut stack: libc::stack_t = unsafe { mem::zeroed() };
            // SAFETY: nothing is set; the old value goes to a valid place.
            let result = unsafe { libc::sigaltstack(ptr::null(), &raw mut stack) };
            if result != 0 || stack.ss_flags & libc::SS_DISABLE == 0 {
                return None;
            }
            let page = page_size();
            let size = stack_size().next_multiple_of(page);
            let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
            // SAFETY: a new mapping at an address of the system's choice overlaps nothing that is in use.
            let mapping =
                unsafe { mm::mmap_anonymous(ptr::null_mut(), page + size, protection, flags) }.ok()?;
            // From here on dropping it unmaps it.
            let this = Self {
                mapping,
                len: page + size,
            };
            // SAFETY: the first page of the mapping just made, which nobody uses yet.
            unsafe { mm::mprotect(mapping, page, MprotectFlags::empty()) }.ok()?;
            stack.ss_sp = mapping.wrapping_byte_add(page);
            stack.ss_size = size;
            stack.ss_flags = 0;
            // SAFETY: the memory is writable, used by nobody else, and stays until `drop` has taken it back.
            (unsafe { libc::sigaltstack(&raw const stack, ptr::null_mut()) } == 0).then_some(this)
        }
    }

    impl Drop for AlternateStack {
        fn drop(&mut self) {
            // SAFETY: zeros are a value, as above.
            let mut none: libc::stack_t = unsafe { mem::zeroed() };
            none.ss_flags = libc::SS_DISABLE;
            // macOS wants a size even then.
            none.ss_size = libc::SIGSTKSZ;
            // SAFETY: this runs on the thread whose stack it is, at its end, and the place is valid.
            let forgotten = unsafe { libc::sigaltstack(&raw const none, ptr::null_mut()) } == 0;
            // If not, the thread ends in a handler (which called `exit`) and stands on this memory.
            if forgotten {
                // SAFETY: the system no longer knows the memory, so it is not in use; the mapping is this value's own.
                let _ = unsafe { mm::munmap(self.mapping, self.len) };
            }
        }
    }

    /// Enough for the registers, which grow with the processor, and for the handler.
    fn stack_size() -> usize {
        #[cfg(target_os = "linux")]
        // SAFETY: no conditions; 0 if the kernel does not say.
        let least = usize::try_from(unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) }).unwrap_or(0);
        #[cfg(not(target_os = "linux"))]
        let least = libc::MINSIGSTKSZ;
        libc::SIGSTKSZ.max(64 * 1024).max(least + 16 * 1024)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
mod system {
    /// An overflow is only a signal here.
    pub(in super::super) fn report() {}
}

#[cfg(test)]
#[cfg(any(target_os = "linux", target_os = "macos"))]
#[path = "overflow_tests.rs"]
mod tests;
