//! Structure: tasks that succeed or fail as one, and tasks that borrow.

use concurrent_futures::{Executor, TaskError, ThreadPool, cancel_requested};
use std::thread;

/// A group is for generic code as well.
fn checked_sum<E: Executor>(executor: &E, numbers: &[u32]) -> Result<u32, TaskError> {
    let group = executor.group();
    for &number in numbers {
        group.submit(
            |number: u32| {
                assert!(number < 100, "{number} is too large");
                number
            },
            number,
        );
    }
    // All values, or the first failure, and in both cases nothing of the group runs any more.
    Ok(group.join()?.iter().sum())
}

fn main() {
    let pool = ThreadPool::with_workers(2);
    assert_eq!(checked_sum(&pool, &[1, 2, 3]).unwrap(), 6);
    let error = checked_sum(&pool, &[1, 200, 3]).unwrap_err();
    println!("{error}");
    assert!(error.is_panicked());

    // The first failure asks those that run to stop.
    let group = pool.group();
    group.spawn(|| {
        while !cancel_requested() {
            thread::yield_now();
        }
    });
    group.spawn(|| panic!("one for all"));
    assert!(matches!(group.join(), Err(TaskError::Panicked(_))));

    // A scope ends when its tasks have, so they may borrow what lives longer than it.
    let mut words = ["thread", "process", "async"].map(String::from);
    let longest = pool.scope(|scope| {
        for word in &mut words {
            scope.spawn(move || word.push('!'));
        }
        scope.spawn(|| 42).result().unwrap()
    });
    println!("{words:?}, {longest}");
    assert_eq!(words, ["thread!", "process!", "async!"]);
}
