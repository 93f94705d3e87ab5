//! Random programs against simple models of what an executor promises.
//!
//! `CONCURRENT_FUTURES_CASES` is the number of cases of each property. A failure prints the smallest program
//! that fails, and its seed.

mod collecting;
mod groups;
mod mapping;
#[cfg(unix)]
mod process_groups;
mod programs;
mod retrying;

use concurrent_futures::conformance::watchdog;
use proptest::test_runner::{Config, FileFailurePersistence};
use std::{
    env,
    sync::{Arc, Condvar, Mutex},
};

fn config(default_cases: u32) -> Config {
    let asked = env::var("CONCURRENT_FUTURES_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    Config {
        cases: asked.unwrap_or(default_cases),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        // A smaller program that fails only now and then is no help.
        max_shrink_iters: 200,
        ..Config::default()
    }
}

/// Holds tasks until it is opened.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn wait(&self) {
        let closed = |open: &mut bool| !*open;
        drop(self.0.1.wait_while(self.0.0.lock().unwrap(), closed).unwrap());
    }
}
