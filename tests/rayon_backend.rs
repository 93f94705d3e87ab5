//! The backend of `examples/rayon_backend.rs` keeps the promises of an executor, like those of the crate itself.

// Its `main` and what other backends are asked are not used here.
#[allow(dead_code)]
#[path = "../examples/rayon_backend.rs"]
mod rayon_backend;

#[allow(dead_code, unused_imports, unused_macros)]
#[path = "conformance/suite/mod.rs"]
mod suite;

use rayon_backend::RayonPool;
use suite::{Subject, conformance};

struct Rayon;

impl Subject for Rayon {
    type Executor = RayonPool;

    fn make(workers: usize) -> RayonPool {
        RayonPool::with_workers(workers)
    }
}

// Not `nested`: rayon's workers have nobody to take their places. Not `at_once`, because with it come async tasks
// that leave their worker to others while they are suspended.
conformance!(rayon, Rayon, shares_memory, in_order);
