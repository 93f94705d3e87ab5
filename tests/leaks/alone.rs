//! A process for each test.

use std::{any::type_name, env, process::Command, thread, time::Duration};

const ALONE: &str = "CONCURRENT_FUTURES_TEST_ALONE";

/// Far more than any test needs on a slow and busy machine.
const LIMIT: Duration = Duration::from_secs(240);

/// Runs the body of the test that calls this in a process of its own. The body is a closure in the test's function:
/// that is how the test's name is known.
pub(crate) fn alone<F: FnOnce()>(body: F) {
    if env::var_os(ALONE).is_some() {
        thread::spawn(|| {
            thread::sleep(LIMIT);
            eprintln!("hangs for {LIMIT:?}");
            std::process::exit(101);
        });
        return body();
    }
    let name = type_name::<F>().trim_end_matches("::{{closure}}");
    let (_crate, name) = name.split_once("::").expect("a test in a module");
    let output = Command::new(env::current_exe().expect("this executable"))
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(ALONE, "1")
        .output()
        .expect("it can be started once more");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{name} alone: {}\n{said}\n{complained}",
        output.status
    );
}
