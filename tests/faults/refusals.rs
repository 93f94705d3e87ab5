//! System calls that fail when a test says so, and work again when it says so.
//!
//! A filter has the kernel ask this process what to make of such a call (`SECCOMP_RET_USER_NOTIF`, Linux 5.5). It holds for the
//! thread that sets it up and for all that it starts, worker processes included. The thread that answers was started before.
#![allow(unsafe_code)]

use std::{
    io,
    os::fd::RawFd,
    sync::{
        Arc,
        atomic::{AtomicI32, AtomicU64, Ordering::SeqCst},
        mpsc,
    },
    thread,
};

/// What is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    NewProcess,
    NewThread,
    Exec,
    /// A system call by its number.
    Number(libc::c_long),
    /// A mapping that others share.
    SharedMapping,
}

/// The call goes on as if nobody had asked (`SECCOMP_USER_NOTIF_FLAG_CONTINUE`).
const GO_ON: u32 = 1;

/// Nothing is refused.
const NOTHING: i32 = 0;

/// The calls of one kind, refused or not.
pub(crate) struct Refusals {
    /// The error they fail with.
    error: Arc<AtomicI32>,
    refused: Arc<AtomicU64>,
}

impl Refusals {
    /// From now on such calls of this thread, and of those that it starts, can be refused. `None` where the kernel cannot do
    /// that, or lets nobody.
    pub(crate) fn of(call: Call) -> Option<Self> {
        let this = Self {
            error: Arc::new(AtomicI32::new(NOTHING)),
            refused: Arc::default(),
        };
        let (tell, listener) = mpsc::channel();
        let (error, refused) = (this.error.clone(), this.refused.clone());
        thread::spawn(move || {
            if let Ok(listener) = listener.recv() {
                answer(listener, &error, &refused);
            }
        });
        match install(&filter(call)) {
            Ok(listener) => {
                tell.send(listener).expect("it waits for that");
                Some(this)
            }
            Err(error) => {
                println!("NOTE no filter of system calls here: {error}");
                None
            }
        }
    }

    /// Does `work` while they fail with `error`. At least one has to.
    pub(crate) fn while_refused<R>(&self, error: i32, work: impl FnOnce() -> R) -> R {
        let before = self.refused.load(SeqCst);
        self.error.store(error, SeqCst);
        let result = work();
        self.error.store(NOTHING, SeqCst);
        assert!(self.refused.load(SeqCst) > before, "nothing was refused");
        result
    }
}

const fn step(code: u32, k: u32, if_so: u8, if_not: u8) -> libc::sock_filter {
    libc::sock_filter {
        // These are of 16 bits.
        #[allow(clippy::cast_possible_truncation)]
        code: code as u16,
        jt: if_so,
        jf: if_not,
        k,
    }
}

fn filter(call: Call) -> Vec<libc::sock_filter> {
    let load = |at| step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, at, 0, 0);
    let is = |value: u32, if_not| step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value, 0, if_not);
    let has = |bits: libc::c_int, if_so, if_not| {
        step(
            libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K,
            bits.cast_unsigned(),
            if_so,
            if_not,
        )
    };
    let end = |how| step(libc::BPF_RET | libc::BPF_K, how, 0, 0);
    let number = |call: libc::c_long| u32::try_from(call).expect("a number");
    let (ask, allow) = (end(libc::SECCOMP_RET_USER_NOTIF), end(libc::SECCOMP_RET_ALLOW));
    // In `seccomp_data` the call's number is at 0, its arguments from 16 on, the low half where the system says.
    let half = if cfg!(target_endian = "big") { 4 } else { 0 };
    let argument = |number: u32| load(16 + half + 8 * number);
    // The flags of `clone3` cannot be seen from here; without it the C library takes `clone`.
    let no_clone3 = [
        load(0),
        is(number(libc::SYS_clone3), 1),
        end(libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned()),
    ];
    match call {
        Call::NewProcess => {
            let rest = [
                is(number(libc::SYS_clone), 3),
                argument(0),
                has(libc::CLONE_THREAD, 1, 0),
                ask,
                allow,
            ];
            [&no_clone3[..], &rest].concat()
        }
        Call::NewThread => {
            let rest = [
                is(number(libc::SYS_clone), 3),
                argument(0),
                has(libc::CLONE_THREAD, 0, 1),
                ask,
                allow,
            ];
            [&no_clone3[..], &rest].concat()
        }
        Call::Exec => vec![load(0), is(number(libc::SYS_execve), 1), ask, allow],
        Call::Number(call) => vec![load(0), is(number(call), 1), ask, allow],
        Call::SharedMapping => vec![
            load(0),
            is(number(libc::SYS_mmap), 3),
            argument(3),
            is(libc::MAP_SHARED.cast_unsigned(), 1),
            ask,
            allow,
        ],
    }
}

fn install(filter: &[libc::sock_filter]) -> io::Result<RawFd> {
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).expect("it is short"),
        filter: filter.as_ptr().cast_mut(),
    };
    // SAFETY: the arguments are those of the call.
    if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the arguments are those of the call; the filter, which is not written to, lives until it returns.
    let listener = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const program,
        )
    };
    if listener < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(RawFd::try_from(listener).expect("a descriptor"))
}

/// Says what becomes of each call, until the process ends.
fn answer(listener: RawFd, error: &AtomicI32, refused: &AtomicU64) {
    loop {
        // SAFETY: zeros are a value of it, and what the kernel asks for.
        let mut question: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        // SAFETY: the place is valid and of the type that this request fills.
        let asked = unsafe { libc::ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_RECV as _, &raw mut question) };
        if asked != 0 {
            match io::Error::last_os_error().raw_os_error() {
                // Who asked is dead.
                Some(libc::EINTR | libc::ENOENT) => continue,
                _ => return,
            }
        }
        let error = error.load(SeqCst);
        if error != NOTHING {
            refused.fetch_add(1, SeqCst);
        }
        let answer = libc::seccomp_notif_resp {
            id: question.id,
            val: 0,
            error: -error,
            flags: if error == NOTHING { GO_ON } else { 0 },
        };
        // SAFETY: the place is valid and of the type that this request reads. An error says that who asked is dead.
        unsafe { libc::ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_SEND as _, &raw const answer) };
    }
}
