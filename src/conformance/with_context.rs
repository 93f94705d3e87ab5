use super::{
    Subject,
    checkpoint::{Address, Checkpoint},
    work::panic_message,
};
use crate::Executor;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Serialize, Deserialize)]
struct Model {
    factor: u64,
    words: Vec<String>,
}

fn model(factor: u64) -> Model {
    Model {
        factor,
        words: ["a", "bb", "ccc"].map(String::from).to_vec(),
    }
}

fn scale(model: &Model, n: u64) -> u64 {
    model.factor * n
}

async fn scale_async(model: Arc<Model>, n: u64) -> u64 {
    model.factor * n
}

pub(crate) fn every_verb_gives_its_work_the_context<S: Subject>() {
    let executor = S::start(2);
    let with = executor.with(model(3));
    assert_eq!(with.submit(scale, 4).result().unwrap(), 12);
    assert_eq!(with.submit_async(scale_async, 4).result().unwrap(), 12);
    assert_eq!(with.map(scale, 0..100).map(Result::unwrap).sum::<u64>(), 3 * 4950);
    assert_eq!(
        with.map_async(scale_async, 0..100)
            .map(Result::unwrap)
            .sum::<u64>(),
        3 * 4950
    );
    let group = with.group();
    group.submit(scale, 1);
    group.submit_async(scale_async, 2);
    assert_eq!(group.join().unwrap(), [3, 6]);
    let longest = |model: &Model, ()| model.words.iter().map(String::len).max();
    assert_eq!(with.submit(longest, ()).result().unwrap(), Some(3));
}

pub(crate) fn contexts_do_not_mix<S: Subject>() {
    let executor = S::start(2);
    let (twice, thrice) = (executor.with(model(2)), executor.with(model(3)));
    let futures: Vec<_> = (0..50)
        .map(|n| (twice.submit(scale, n), thrice.submit(scale, n)))
        .collect();
    for (n, (two, three)) in (0..).zip(futures) {
        assert_eq!((two.result().unwrap(), three.result().unwrap()), (2 * n, 3 * n));
    }
    let replaced = twice.with(model(5));
    assert_eq!(replaced.submit(scale, 2).result().unwrap(), 10);
    assert_eq!(twice.submit(scale, 2).result().unwrap(), 4);
}

pub(crate) fn a_context_lives_as_long_as_its_tasks<S: Subject>() {
    let executor = S::start(2);
    let futures: Vec<_> = (0..50)
        .map(|n| executor.with(model(n)).submit(scale, n))
        .collect();
    let mapped = executor.with(model(7)).map(scale, 0..10);
    for (n, future) in (0..).zip(futures) {
        assert_eq!(future.result().unwrap(), n * n);
    }
    assert_eq!(mapped.map(Result::unwrap).sum::<u64>(), 7 * 45);
}

pub(crate) fn a_panic_with_a_context_harms_nobody<S: Subject>() {
    #[allow(clippy::ptr_arg)] // the context is a vector
    fn picky(at: &Vec<Address>, n: u64) -> u64 {
        at[0].announce(n);
        assert!(n != 2, "not two");
        n
    }
    let executor = S::start(2);
    let checkpoint = Checkpoint::new();
    let with = executor.with(vec![checkpoint.address()]);
    let mut outcomes: Vec<_> = with.map(picky, 0..4).collect();
    assert_eq!(panic_message(outcomes.remove(2)), "not two");
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(checkpoint.seen_sorted(), [0, 1, 2, 3]);
}
