use super::{
    Subject,
    checkpoint::{Address, Checkpoint},
    lodge::{Lodged, lodged},
    work::{announce, pass},
};
use crate::{Executor, Shutdown};

pub(crate) fn tasks_from_outside_start_in_the_order_of_their_submission<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let futures: Vec<_> = (0..100)
        .map(|n| executor.submit(pass, (checkpoint.address(), n)))
        .collect();
    checkpoint.wait_for(1);
    checkpoint.open();
    executor.shutdown(Shutdown::Finish);
    assert_eq!(checkpoint.seen(), (0..100).collect::<Vec<_>>());
    assert!(futures.into_iter().all(|future| future.result().is_ok()));
}

pub(crate) fn a_long_map_does_not_hold_up_other_tasks<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let outcomes = executor
        .options()
        .chunk_size(1)
        .map(pass, (0..100).map(|n| (checkpoint.address(), n)));
    checkpoint.wait_for(1);
    let between = executor.submit(announce, (checkpoint.address(), 1_000));
    checkpoint.open();
    assert_eq!(between.result().unwrap(), 1_000);
    assert_eq!(outcomes.map(Result::unwrap).count(), 100);
    let place = checkpoint
        .seen()
        .iter()
        .position(|number| *number == 1_000)
        .unwrap();
    assert!(place < 10, "the task came after {place} items");
}

pub(crate) fn what_a_task_submits_starts_newest_first_on_its_own_worker<S: Subject>() {
    fn work<E: Executor>((number, at): (u64, Address)) {
        let executor: E = lodged(number);
        drop(
            (0..10)
                .map(|n| executor.submit(announce, (at, n)))
                .collect::<Vec<_>>(),
        );
    }
    let executor = S::start(1);
    let (lodged, checkpoint) = (Lodged::new(&executor), Checkpoint::new());
    let parent = executor.submit(work::<S::Executor>, (lodged.number(), checkpoint.address()));
    parent.result().unwrap();
    executor.shutdown(Shutdown::Finish);
    assert_eq!(checkpoint.seen(), (0..10).rev().collect::<Vec<_>>());
}
