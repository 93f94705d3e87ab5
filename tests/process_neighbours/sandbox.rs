//! Where the kernel has less to offer, or a sandbox forbids it.
#![cfg(target_os = "linux")]
#![allow(unsafe_code)]

use crate::{
    cases::{Program, command, parent},
    system::{self, LONG, until},
    within,
};
use std::{
    io,
    os::unix::process::CommandExt,
    process::{Command, Output},
};

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

/// From its exec on the program, and what it starts, is told that there is no such system call; or none with this as its
/// first argument.
fn without(command: &mut Command, (call, argument): (libc::c_long, Option<libc::c_int>)) {
    let call = u32::try_from(call).unwrap();
    let load = |at| step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, at, 0, 0);
    let is = |value, if_not| step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value, 0, if_not);
    let end = |how| step(libc::BPF_RET | libc::BPF_K, how, 0, 0);
    // In `seccomp_data` the call's number is at 0, its first argument at 16, the low half where the system says.
    let half = if cfg!(target_endian = "big") { 4 } else { 0 };
    let (place, value) = argument.map_or((0, call), |argument| (16 + half, argument.cast_unsigned()));
    let filter = [
        load(0),
        is(call, 3),
        load(place),
        is(value, 1),
        end(libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned()),
        end(libc::SECCOMP_RET_ALLOW),
    ];
    let forbid = move || {
        let program = libc::sock_fprog {
            len: 6,
            filter: (&raw const filter).cast_mut().cast(),
        };
        // SAFETY: the arguments are those of the calls; the filter, which is not written to, lives until they return.
        let forbidden = unsafe {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
                && libc::prctl(
                    libc::PR_SET_SECCOMP,
                    libc::SECCOMP_MODE_FILTER,
                    &raw const program,
                ) == 0
        };
        if forbidden {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    };
    // SAFETY: two system calls, which may be made between fork and exec.
    unsafe { command.pre_exec(forbid) };
}

fn run(role: &str) -> (bool, String) {
    let (mut command, _) = command(parent());
    without(&mut command, (libc::SYS_pidfd_open, None));
    let Output { status, stdout, .. } = command.arg(role).output().unwrap();
    (status.success(), String::from_utf8(stdout).unwrap())
}

#[test]
fn without_pidfds_workers_work_and_their_deaths_are_seen() {
    within(60, || {
        assert_eq!(run("plain"), (true, "main runs\n328350\n".to_owned()));
        let (succeeded, out) = run("stopped");
        assert!(succeeded && out.ends_with("all 4000\nrestarted 0\n"), "{out}");
        let (succeeded, out) = run("overflow");
        assert!(
            succeeded && out.contains("was killed by signal 6") && out.ends_with("\n7\n"),
            "{out}"
        );
        let (succeeded, out) = run("printing");
        assert!(succeeded && out.ends_with("end\n"), "{out}");
    });
}

/// One that runs something sees it when that is over.
#[test]
fn idle_workers_that_cannot_ask_to_die_with_their_parent_see_it_gone() {
    within(60, || {
        let (mut command, mark) = command(parent());
        without(&mut command, (libc::SYS_prctl, Some(libc::PR_SET_PDEATHSIG)));
        let mut program = Program::spawn(command.arg("workers"), mark);
        program.expect("");
        program.expect("0 1 2 3 ");
        assert_eq!(system::marked(&program.mark).len(), 7);
        program.child.kill().unwrap();
        program.child.wait().unwrap();
        let gone = || system::marked(&program.mark).is_empty();
        until("they are gone", LONG, gone);
    });
}
