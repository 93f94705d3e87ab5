use super::{
    Subject,
    lodge::{Lodged, lodged},
    work::{panic_with, square},
};
use crate::{Executor, ReturnWhen, TaskError, as_completed, wait};
use futures::executor::block_on;
use std::time::Duration;

pub(crate) fn one_worker_may_wait_for_its_own_children<S: Subject>() {
    fn leaves<E: Executor>((number, depth): (u64, u32)) -> u64 {
        if depth == 0 {
            return 1;
        }
        let executor: E = lodged(number);
        let left = executor.submit(leaves::<E>, (number, depth - 1));
        let right = executor.submit(leaves::<E>, (number, depth - 1));
        left.result().unwrap() + right.result().unwrap()
    }
    for workers in [1, 3] {
        let executor = S::start(workers);
        let lodged = Lodged::new(&executor);
        let root = executor.submit(leaves::<S::Executor>, (lodged.number(), 8));
        assert_eq!(root.result().unwrap(), 256);
    }
}

pub(crate) fn every_way_to_wait_works_inside_a_task<S: Subject>() {
    fn work<E: Executor>(number: u64) -> u64 {
        let executor: E = lodged(number);
        let one = |n| executor.submit(square, n);
        let mut sum = one(1).result().unwrap();
        sum += block_on(one(1)).unwrap();
        sum += one(1).result_timeout(Duration::MAX).unwrap().unwrap();
        sum += one(1).shared().result().unwrap();
        sum += as_completed((0..4).map(|_| one(1)))
            .map(|future| future.result().unwrap())
            .sum::<u64>();
        let waited = wait((0..4).map(|_| one(1)), ReturnWhen::AllCompleted, None);
        sum += waited.done.len() as u64;
        sum += executor.map(square, [1; 4]).map(Result::unwrap).sum::<u64>();
        sum += executor
            .map_async(|n: u64| async move { n }, [1; 4])
            .map(Result::unwrap)
            .sum::<u64>();
        let group = executor.group();
        (0..4).for_each(|_| group.submit(square, 1));
        sum += group.join().unwrap().iter().sum::<u64>();
        sum
    }
    for workers in [1, 2] {
        let executor = S::start(workers);
        let lodged = Lodged::new(&executor);
        let futures: Vec<_> = (0..4)
            .map(|_| executor.submit(work::<S::Executor>, lodged.number()))
            .collect();
        assert!(futures.into_iter().all(|future| future.result().unwrap() == 24));
    }
}

pub(crate) fn items_of_a_map_may_wait_for_tasks_of_their_own<S: Subject>() {
    fn work<E: Executor>((number, n): (u64, u64)) -> u64 {
        let executor: E = lodged(number);
        let inner: u64 = executor.map(square, 0..n).map(Result::unwrap).sum();
        inner + executor.submit(square, n).result().unwrap()
    }
    for workers in [1, 4] {
        let executor = S::start(workers);
        let lodged = Lodged::new(&executor);
        let mapped = executor.map(work::<S::Executor>, (0..100).map(|n| (lodged.number(), n)));
        for (n, outcome) in (0..).zip(mapped) {
            assert_eq!(outcome.unwrap(), (0..=n).map(square).sum::<u64>());
        }
    }
}

pub(crate) fn a_chain_of_executors_may_end_where_it_began<S: Subject>() {
    fn around<E: Executor>((numbers, left): ([u64; 3], usize)) -> u64 {
        if left == 0 {
            return 0;
        }
        let next: E = lodged(numbers[left % 3]);
        1 + next.submit(around::<E>, (numbers, left - 1)).result().unwrap()
    }
    let executors = [S::start(1), S::start(1), S::start(1)];
    let lodged = executors.each_ref().map(Lodged::new);
    let numbers = lodged.each_ref().map(Lodged::number);
    let chain = executors[0].submit(around::<S::Executor>, (numbers, 50));
    assert_eq!(chain.result().unwrap(), 50);
}

pub(crate) fn all_items_of_one_executor_may_wait_for_another<S: Subject>() {
    fn work<E: Executor>((number, n): (u64, u64)) -> u64 {
        lodged::<E>(number).submit(square, n).result().unwrap()
    }
    let (outer, inner) = (S::start(2), S::start(1));
    let lodged = Lodged::new(&inner);
    let mapped = outer.map(work::<S::Executor>, (0..100).map(|n| (lodged.number(), n)));
    assert_eq!(
        mapped.map(Result::unwrap).sum::<u64>(),
        (0..100).map(square).sum::<u64>()
    );
}

pub(crate) fn a_task_may_build_use_and_drop_an_executor<S: Subject>() {
    fn work<S: Subject>(n: u64) -> u64 {
        let inner = S::make(2);
        let mapped: u64 = inner.map(square, 0..n).map(Result::unwrap).sum();
        let single = inner.submit(square, n).result().unwrap();
        mapped + single
    }
    let executor = S::start(2);
    let futures: Vec<_> = (0..8).map(|n| executor.submit(work::<S>, n)).collect();
    for (n, future) in (0..).zip(futures) {
        assert_eq!(future.result().unwrap(), (0..=n).map(square).sum::<u64>());
    }
}

pub(crate) fn a_task_sees_why_its_child_failed<S: Subject>() {
    fn work<E: Executor>(number: u64) -> (bool, bool) {
        let executor: E = lodged(number);
        let panicked = executor
            .submit(panic_with, 1)
            .result()
            .is_err_and(|error| error.is_panicked());
        let group = executor.group();
        group.submit(panic_with, 1);
        (panicked, matches!(group.join(), Err(TaskError::Panicked(_))))
    }
    let executor = S::start(1);
    let lodged = Lodged::new(&executor);
    let seen = executor.submit(work::<S::Executor>, lodged.number()).result();
    assert_eq!(seen.unwrap(), (true, true));
}

pub(crate) fn hundreds_of_tasks_may_be_submitted_from_inside<S: Subject>() {
    fn work<E: Executor>((number, n): (u64, u64)) -> u64 {
        let executor: E = lodged(number);
        let futures: Vec<_> = (0..n).map(|n| executor.submit(square, n)).collect();
        futures.into_iter().map(|future| future.result().unwrap()).sum()
    }
    let executor = S::start(2);
    let lodged = Lodged::new(&executor);
    let from_inside = executor.submit(work::<S::Executor>, (lodged.number(), 500));
    let from_outside: Vec<_> = (0..200).map(|n| executor.submit(square, n)).collect();
    assert_eq!(from_inside.result().unwrap(), (0..500).map(square).sum::<u64>());
    let total: u64 = from_outside
        .into_iter()
        .map(|future| future.result().unwrap())
        .sum();
    assert_eq!(total, (0..200).map(square).sum::<u64>());
}

pub(crate) fn a_long_chain_of_tasks_needs_no_stack<S: Subject>() {
    fn link<E: Executor>((number, left): (u64, u64)) -> u64 {
        if left == 0 {
            return 0;
        }
        1 + lodged::<E>(number)
            .submit(link::<E>, (number, left - 1))
            .result()
            .unwrap()
    }
    let executor = S::start(1);
    let lodged = Lodged::new(&executor);
    // An executor without workers runs every link on the caller's stack.
    let links = if S::USES_THE_CALLERS_STACK { 100 } else { 2_000 };
    assert_eq!(
        executor
            .submit(link::<S::Executor>, (lodged.number(), links))
            .result()
            .unwrap(),
        links
    );
}

pub(crate) fn async_and_blocking_work_may_submit_each_other<S: Subject>() {
    fn blocking<E: Executor>((number, left): (u64, u64)) -> u64 {
        if left == 0 {
            return 0;
        }
        1 + block_on(lodged::<E>(number).submit_async(asynchronous::<E>, (number, left - 1))).unwrap()
    }
    // Boxed, because the two are part of each other.
    fn asynchronous<E: Executor>((number, left): (u64, u64)) -> futures::future::BoxFuture<'static, u64> {
        Box::pin(async move {
            if left == 0 {
                return 0;
            }
            let executor: E = lodged(number);
            1 + executor.submit(blocking::<E>, (number, left - 1)).await.unwrap()
        })
    }
    for workers in [1, 2] {
        let executor = S::start(workers);
        let lodged = Lodged::new(&executor);
        let chain = executor.submit(blocking::<S::Executor>, (lodged.number(), 30));
        assert_eq!(chain.result().unwrap(), 30);
    }
}
