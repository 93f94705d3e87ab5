//! Running the program's later constructors in a worker.
//!
//! A worker takes over in a constructor: a function that the loader calls before `main`, so that the program's own
//! `main` does not run a second time. The loader calls the constructors of an ELF program one after the other, in the
//! order of the table `.init_array`, and those behind the worker's own would never get their turn, because the worker's
//! does not return. But work may need them: registries like `inventory` and `ctor`, and C++ statics, are filled by
//! constructors.
//!
//! So a worker calls them itself, once it knows that it is one and before it runs any work:
//!
//! ```text
//! #[used]
//! #[unsafe(link_section = ".init_array")]
//! static START: Constructor = start;
//!
//! extern "C" fn start(argc: c_int, argv: *const *const c_char, envp: *const *const c_char) {
//!     if this_process_is_a_worker() {
//!         // SAFETY: the loader calls this, through `START`, with these arguments.
//!         unsafe { run_later(&raw const START, argc, argv, envp) };
//!         work_and_exit();
//!     }
//! }
//! ```
//!
//! The constructors before the worker's own have run already, so after this all have run, each once and in the usual
//! order. One that waits for a thread which needs the loader's lock would wait just as long without a worker.
//!
//! Elsewhere (macOS: the loader keeps its place to itself) nothing is run: there, later constructors have not run in a
//! worker, and the documentation of the pool says so.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_int};

/// Makes a module `before_main` whose `CONSTRUCTOR` the loader calls before `main`. It calls `seen`; in a worker, as `is_marked`
/// says, also `serve`, which gets what runs the program's later constructors and does not return.
///
/// The linker keeps it if something that is linked names `before_main::CONSTRUCTOR`.
macro_rules! before_main {
    (seen: $seen:path, is_marked: $is_marked:path, serve: $serve:path) => {
        #[cfg(not(concurrent_futures_no_constructor))]
        mod before_main {
            use crate::sys::constructors::{Constructor, run_later};
            use std::ffi::{c_char, c_int};

            // SAFETY: entries of this section are pointers to functions of this type, which the loader calls once each before
            // `main`.
            #[used]
            #[cfg_attr(
                not(any(target_os = "macos", target_os = "ios")),
                unsafe(link_section = ".init_array")
            )]
            #[cfg_attr(
                any(target_os = "macos", target_os = "ios"),
                unsafe(link_section = "__DATA,__mod_init_func")
            )]
            pub(super) static CONSTRUCTOR: Constructor = constructed;

            extern "C" fn constructed(
                count: c_int,
                arguments: *const *const c_char,
                environment: *const *const c_char,
            ) {
                $seen();
                if $is_marked() {
                    // SAFETY: this is the constructor in that slot, called by the loader with these arguments, and it does not
                    // return: so no later constructor runs twice.
                    $serve(|| unsafe {
                        run_later(&raw const CONSTRUCTOR, count, arguments, environment);
                    });
                }
            }
        }
    };
}
pub(crate) use before_main;

/// An entry of the table. Not all C libraries pass the arguments; musl does not.
pub(crate) type Constructor = extern "C" fn(c_int, *const *const c_char, *const *const c_char);

/// Calls the constructors behind `slot`. Nothing if `slot` is not in the table between the linker's names. In a shared
/// library that depends on the linker: with GNU `ld` there are no such names, with `lld` those of the library, and
/// then its later constructors are called, but not those of the main program.
///
/// # Safety
///
/// - The constructor in `slot` is being called by the loader, which has called none behind it, and will not do so
///   any more: the caller does not return.
/// - The arguments are those that the loader passed to it.
#[cfg(target_os = "linux")]
pub(crate) unsafe fn run_later(
    slot: *const Constructor,
    count: c_int,
    arguments: *const *const c_char,
    environment: *const *const c_char,
) {
    // SAFETY: the two words below are never written to after the loader has relocated them.
    let [start, end] = unsafe { (&raw const table::concurrent_futures_init_array).read() };
    let slot = slot.cast::<usize>();
    if start.is_null() || !(start..end).contains(&slot) {
        return;
    }
    // Within the bounds, so these are whole words.
    let mut entry = start.wrapping_add((slot.addr() - start.addr()) / size_of::<usize>() + 1);
    while entry < end {
        // SAFETY: between the bounds of the table, which the linker made of whole words. Volatile: the words of the
        // table belong to different objects, and what the compiler knows of one it does not know of the next.
        let address = unsafe { entry.read_volatile() };
        entry = entry.wrapping_add(1);
        // Both are used to mark an entry that is none.
        if address == 0 || address == usize::MAX {
            continue;
        }
        // SAFETY: any other word in the table is a function for the loader to call with these three arguments, some
        // of which it may not take; the caller says that it is its turn now.
        let constructor = unsafe { std::mem::transmute::<usize, Constructor>(address) };
        constructor(count, arguments, environment);
    }
}

/// Nothing: see above.
///
/// # Safety
///
/// None here; elsewhere see there.
#[cfg(not(target_os = "linux"))]
pub(crate) unsafe fn run_later(
    _slot: *const Constructor,
    _count: c_int,
    _arguments: *const *const c_char,
    _environment: *const *const c_char,
) {
}

/// Where the table lies.
///
/// The linker defines both names in an executable. GNU `ld` does not in a shared library, and a plain reference would
/// make every such library that this crate is in fail to load; a weak one is null instead. Rust has no stable weak
/// reference, so the two words are made in assembler. They are the same for all versions of the crate, hence weak too.
#[cfg(target_os = "linux")]
mod table {
    #[cfg(target_pointer_width = "64")]
    macro_rules! word {
        () => {
            "8"
        };
    }
    #[cfg(target_pointer_width = "32")]
    macro_rules! word {
        () => {
            "4"
        };
    }

    std::arch::global_asm!(
        ".weak __init_array_start",
        ".hidden __init_array_start",
        ".weak __init_array_end",
        ".hidden __init_array_end",
        ".pushsection .data.rel.ro.concurrent_futures_init_array,\"aw\",%progbits",
        ".weak concurrent_futures_init_array",
        ".hidden concurrent_futures_init_array",
        ".type concurrent_futures_init_array,%object",
        concat!(".balign ", word!()),
        "concurrent_futures_init_array:",
        concat!(".", word!(), "byte __init_array_start"),
        concat!(".", word!(), "byte __init_array_end"),
        concat!(".size concurrent_futures_init_array, 2 * ", word!()),
        ".popsection",
    );

    unsafe extern "C" {
        pub(super) static concurrent_futures_init_array: [*const usize; 2];
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::{super::tests::alone, *};
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    static EARLY: AtomicU32 = AtomicU32::new(0);
    static SELF: AtomicU32 = AtomicU32::new(0);
    static LATE: AtomicU32 = AtomicU32::new(0);
    static ARGUMENTS: AtomicU32 = AtomicU32::new(0);

    const VARIABLE: &str = "CONCURRENT_FUTURES_TEST_RUN_LATER";

    // Linkers put those with a number first, in its order.
    #[used]
    #[unsafe(link_section = ".init_array.50000")]
    static FIRST: Constructor = first;
    #[used]
    #[unsafe(link_section = ".init_array.60000")]
    static SECOND: Constructor = second;
    #[used]
    #[unsafe(link_section = ".init_array")]
    static THIRD: Constructor = third;

    extern "C" fn first(_: c_int, _: *const *const c_char, _: *const *const c_char) {
        EARLY.fetch_add(1, SeqCst);
    }

    extern "C" fn second(count: c_int, arguments: *const *const c_char, environment: *const *const c_char) {
        SELF.fetch_add(1, SeqCst);
        if std::env::var_os(VARIABLE).is_some() {
            let elsewhere: Constructor = first;
            // SAFETY: the loader calls this, through `SECOND`, with these arguments. It goes on afterwards and
            // calls those behind a second time: in this program all of them stand that. `elsewhere` is in no table.
            unsafe {
                run_later(&raw const elsewhere, count, arguments, environment);
                run_later(&raw const SECOND, count, arguments, environment);
            }
        }
    }

    extern "C" fn third(count: c_int, _: *const *const c_char, _: *const *const c_char) {
        LATE.fetch_add(1, SeqCst);
        ARGUMENTS.store(count.unsigned_abs(), SeqCst);
    }

    fn counts() -> [u32; 3] {
        [&EARLY, &SELF, &LATE].map(|count| count.load(SeqCst))
    }

    #[test]
    fn exactly_those_behind_the_slot_are_called_with_the_arguments() {
        let test = concat!(
            module_path!(),
            "::exactly_those_behind_the_slot_are_called_with_the_arguments"
        );
        let Some(mut command) = alone(test) else {
            assert_eq!(counts(), [1, 1, 2]);
            if cfg!(target_env = "gnu") {
                assert_eq!(ARGUMENTS.load(SeqCst) as usize, std::env::args_os().count());
            }
            return;
        };
        assert_eq!(counts(), [1, 1, 1]);
        let output = command.env(VARIABLE, "1").output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
}
