//! A crate that knows nothing of the pool, with C and C++ in it.

registry::register!("beside");
registry::register!("beside, first of all", ".init_array.00101");
registry::register!("beside, after those with a number", ".init_array.65000");

unsafe extern "C" {
    fn c_state(early: *mut i32) -> i32;
    #[cfg(has_cpp)]
    fn cpp_state(early: *mut i32) -> i32;
}

/// How often each of the foreign ones ran, and whether a worker had not taken over yet.
pub fn foreign() -> Vec<(&'static str, i32, bool)> {
    vec![
        registry::state("C", c_state),
        #[cfg(has_cpp)]
        registry::state("C++", cpp_state),
    ]
}
