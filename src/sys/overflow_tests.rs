//! The promises of `overflow.rs`. `std`'s handler is there in a test, so it is taken away first.

use super::{
    super::{tests::alone, worker::set_disposition},
    report,
};
use std::{hint::black_box, mem, os::unix::process::ExitStatusExt, process::Command, ptr, thread};

/// As a worker finds itself: no handler, no stack for one.
fn without_std() {
    set_disposition(libc::SIGSEGV, libc::SIG_DFL, 0);
    set_disposition(libc::SIGBUS, libc::SIG_DFL, 0);
    // SAFETY: zeros are a value of `stack_t`; `std`'s stack for handlers is not in use, as no handler runs.
    unsafe {
        let mut none: libc::stack_t = mem::zeroed();
        none.ss_flags = libc::SS_DISABLE;
        none.ss_size = libc::SIGSTKSZ;
        assert_eq!(libc::sigaltstack(&raw const none, ptr::null_mut()), 0);
    }
}

fn dive(depth: usize) -> usize {
    let frame = black_box([depth; 100]);
    if depth == usize::MAX {
        0
    } else {
        dive(depth + 1) + frame[depth % 100]
    }
}

/// The signal that killed it, and whether it said why.
fn end_of(mut command: Command) -> (Option<i32>, bool) {
    let output = command.output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr).contains("\nthread has overflowed its stack\n");
    (output.status.signal(), words)
}

#[test]
fn an_overflow_of_the_first_thread_says_so() {
    let Some(command) = alone(concat!(
        module_path!(),
        "::an_overflow_of_the_first_thread_says_so"
    )) else {
        without_std();
        report();
        dive(0);
        return;
    };
    assert_eq!(end_of(command), (Some(libc::SIGABRT), true));
}

#[test]
fn an_overflow_of_another_thread_says_so() {
    let Some(command) = alone(concat!(module_path!(), "::an_overflow_of_another_thread_says_so")) else {
        without_std();
        report();
        let diver = thread::spawn(|| {
            without_std_stack_then_report();
            dive(0)
        });
        diver.join().unwrap();
        return;
    };
    assert_eq!(end_of(command), (Some(libc::SIGABRT), true));
}

/// The handler is there already; the thread has `std`'s stack, which goes.
fn without_std_stack_then_report() {
    // SAFETY: as in `without_std`.
    unsafe {
        let mut none: libc::stack_t = mem::zeroed();
        none.ss_flags = libc::SS_DISABLE;
        none.ss_size = libc::SIGSTKSZ;
        libc::sigaltstack(&raw const none, ptr::null_mut());
    }
    report();
}

#[test]
fn another_fault_kills_with_its_own_signal() {
    let Some(command) = alone(concat!(
        module_path!(),
        "::another_fault_kills_with_its_own_signal"
    )) else {
        without_std();
        report();
        let nowhere = black_box(16 as *mut u8);
        // SAFETY: it is not: the fault is what is tested, and it ends this process.
        unsafe { nowhere.write_volatile(1) };
        return;
    };
    assert_eq!(end_of(command), (Some(libc::SIGSEGV), false));
}

#[test]
fn a_signal_that_was_sent_kills_at_once() {
    let Some(command) = alone(concat!(module_path!(), "::a_signal_that_was_sent_kills_at_once")) else {
        without_std();
        report();
        // SAFETY: no conditions.
        unsafe { libc::kill(libc::getpid(), libc::SIGSEGV) };
        return;
    };
    // Without the second signal this would be a success.
    assert_eq!(end_of(command), (Some(libc::SIGSEGV), false));
}

#[test]
fn a_handler_of_the_program_stays() {
    let Some(mut command) = alone(concat!(module_path!(), "::a_handler_of_the_program_stays")) else {
        extern "C" fn own(_signal: libc::c_int) {
            // SAFETY: may be called anywhere.
            unsafe { libc::_exit(42) };
        }
        set_disposition(libc::SIGSEGV, own as extern "C" fn(libc::c_int) as usize, 0);
        report();
        // SAFETY: no conditions.
        unsafe { libc::raise(libc::SIGSEGV) };
        return;
    };
    assert_eq!(command.output().unwrap().status.code(), Some(42));
}
