//! What a process believes of what another one has written, by the million: see `sys::fuzz`.

mod fuzz_answers;
mod fuzz_calls;
mod goods;
mod wild_worker;
