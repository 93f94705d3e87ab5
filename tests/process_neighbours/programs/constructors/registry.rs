//! A list that constructors fill before `main`, as the crates `inventory` and `ctor` do it.

use std::sync::Mutex;

/// The variable that a worker has until it takes over: who sees it ran before that, all others after it.
pub const MARKER: &str = "CONCURRENT_FUTURES_PROCESS_WORKER";

/// Who registered, each with whether a worker had not taken over yet.
pub static ENTRIES: Mutex<Vec<(&str, bool)>> = Mutex::new(Vec::new());

pub fn add(name: &'static str) {
    ENTRIES
        .lock()
        .unwrap()
        .push((name, std::env::var_os(MARKER).is_some()));
}

/// The same of a constructor in C.
pub fn state(name: &str, ask: unsafe extern "C" fn(*mut i32) -> i32) -> (&str, i32, bool) {
    let mut early = 0;
    let runs = unsafe { ask(&raw mut early) };
    (name, runs, early != 0)
}

#[macro_export]
macro_rules! register {
    ($name:literal) => {
        $crate::register!($name, ".init_array");
    };
    ($name:literal, $section:literal) => {
        const _: () = {
            #[used]
            #[unsafe(link_section = $section)]
            static ENTRY: extern "C" fn() = entry;
            extern "C" fn entry() {
                $crate::add($name);
            }
        };
    };
}
