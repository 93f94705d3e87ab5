//! The backend of `examples/rayon_backend.rs` keeps the promises of an executor, like those of the crate itself.

// Its `main` is not used here.
#[allow(dead_code)]
#[path = "../examples/conformance_report.rs"]
mod conformance_report;

use conformance_report::Rayon;

// Not `nested`: rayon's workers have nobody to take their places. Not `at_once`, because with it come async tasks
// that leave their worker to others while they are suspended.
concurrent_futures::conformance!(rayon, Rayon, shares_memory, in_order);
