//! Which promises does the backend of `examples/rayon_backend.rs` keep? `cargo run --example conformance_report`

#[allow(dead_code)] // its `main`
#[path = "rayon_backend.rs"]
mod rayon_backend;

use concurrent_futures::conformance::{self, Capability, Subject};
use rayon_backend::RayonPool;
use std::{panic, process::ExitCode};

pub(crate) struct Rayon;

impl Subject for Rayon {
    type Executor = RayonPool;

    fn make(workers: usize) -> RayonPool {
        RayonPool::with_workers(workers)
    }
}

fn main() -> ExitCode {
    // Work of the suite panics on purpose. What is broken is in the report.
    panic::set_hook(Box::new(|_| {}));
    let report = conformance::report::<Rayon>([Capability::SharesMemory, Capability::InOrder]);
    println!("{report}");
    ExitCode::from(u8::from(!report.holds()))
}
