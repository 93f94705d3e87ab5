//! What plain `cargo test` says of the tests that it does not run.

use std::{fs, path::Path};

/// They start `redis-server` or `valkey-server`, which `cargo test` alone does not ask for: `cargo test --features cluster --test cluster`.
#[test]
fn the_tests_of_the_cluster_need_a_server_and_are_run_with_features_cluster() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(root.join("tests/cluster/main.rs").is_file());
    // The package has the tests, and not what checks the repository.
    if let Ok(job) = fs::read_to_string(root.join("ci/test")) {
        assert!(job.contains("--test cluster"), "ci/test does not run them");
    }
}
