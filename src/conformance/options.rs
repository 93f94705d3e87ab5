use super::{
    Subject,
    work::{square, until_asked_to_stop},
};
use crate::Executor;
use std::{sync::Arc, time::Duration};

const SHORT: Duration = Duration::from_millis(10);

pub(crate) fn a_name_stays_with_its_tasks<S: Subject>() {
    let executor = S::start(1);
    let named = executor.options().name("lookup");
    let future = named.submit(square, 2);
    assert_eq!(
        (future.name(), future.handle().name()),
        (Some("lookup"), Some("lookup"))
    );
    let asynchronous = named.submit_async(|n: u64| async move { n }, 2);
    assert_eq!(asynchronous.name(), Some("lookup"));
    assert_eq!(executor.submit(square, 2).name(), None);
    assert_eq!(format!("{named:?}").matches("lookup").count(), 1);
}

pub(crate) fn options_context_and_group_combine_in_any_order<S: Subject>() {
    #[allow(clippy::ptr_arg)] // the context is a vector
    fn add(base: &Vec<u64>, n: u64) -> u64 {
        base[0] + n
    }
    let executor = S::start(2);
    let one = executor.options().name("sum").with(vec![10_u64]).submit(add, 1);
    let two = executor.with(vec![10_u64]).name("sum").submit(add, 1);
    let three = executor
        .with(vec![10_u64])
        .options()
        .name("sum")
        .chunk_size(2)
        .submit(add, 1);
    for future in [one, two, three] {
        assert_eq!(future.name(), Some("sum"));
        assert_eq!(future.result().unwrap(), 11);
    }
    let mapped = executor
        .with(vec![10_u64])
        .chunk_size(2)
        .buffer_size(3)
        .map(add, 0..5);
    assert_eq!(
        mapped.map(Result::unwrap).collect::<Vec<_>>(),
        [10, 11, 12, 13, 14]
    );
    let group = executor.options().name("sum").with(vec![10_u64]).group();
    group.submit(add, 1);
    group.submit_async(|base: Arc<Vec<u64>>, n: u64| async move { base[0] * n }, 3);
    assert_eq!(group.join().unwrap(), [11, 30]);
}

pub(crate) fn options_bind_their_own_tasks_only<S: Subject>() {
    let executor = S::start(1);
    let strict = executor.options().timeout(SHORT);
    let generous = strict.options().timeout(Duration::MAX);
    assert!(
        strict
            .submit(until_asked_to_stop, 1)
            .result()
            .unwrap_err()
            .is_timed_out()
    );
    assert_eq!(generous.submit(square, 3).result().unwrap(), 9);
    assert_eq!(executor.submit(square, 3).result().unwrap(), 9);
    let group = strict.group();
    group.submit(until_asked_to_stop, 1);
    assert!(group.join().unwrap_err().is_timed_out());
}
