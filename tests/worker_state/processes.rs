use super::{
    a_panic_costs_the_state, a_panic_of_the_initializer_is_the_outcome, each_worker_has_a_state_of_its_own,
    it_combines_with_all_else,
};
use concurrent_futures::{Executor, ProcessPool, TaskError};
use std::{path::PathBuf, thread};

#[test]
fn each_process_has_a_state_of_its_own() {
    each_worker_has_a_state_of_its_own(&ProcessPool::with_workers(2), 2);
}

#[test]
fn after_a_panic_the_state_is_made_anew() {
    a_panic_costs_the_state(&ProcessPool::with_workers(1));
}

#[test]
fn an_initializer_that_panics_fails_the_tasks_that_need_it() {
    a_panic_of_the_initializer_is_the_outcome(&ProcessPool::with_workers(1));
}

#[test]
fn states_combine_with_context_options_and_groups() {
    it_combines_with_all_else(&ProcessPool::with_workers(2));
}

#[test]
fn a_worker_that_dies_takes_its_state_along() {
    let pool = ProcessPool::with_workers(1);
    let counters = pool.with_state(|| 0u64);
    let count = |counter: &mut u64, dies: bool| {
        *counter += 1;
        if dies {
            std::process::abort();
        }
        *counter
    };
    assert_eq!(counters.submit(count, false).result().unwrap(), 1);
    assert_eq!(counters.submit(count, false).result().unwrap(), 2);
    assert!(matches!(
        counters.submit(count, true).result(),
        Err(TaskError::WorkerDied(_))
    ));
    assert_eq!(counters.submit(count, false).result().unwrap(), 1);
}

/// A file that is there as long as the state is.
struct Mark(PathBuf);

impl Drop for Mark {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

#[test]
fn states_go_with_their_options() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("open");
    let pool = ProcessPool::with_workers(1);
    let marks = pool.with(path.clone()).with_state(|path| {
        std::fs::write(path, "").unwrap();
        Mark(path.clone())
    });
    marks.submit(|_, ()| (), ()).result().unwrap();
    assert!(path.exists());
    drop(marks);
    while path.exists() {
        thread::yield_now();
    }
    assert_eq!(pool.submit(|n: u64| n, 1).result().unwrap(), 1);
}
