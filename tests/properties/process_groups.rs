//! Groups of a few members in worker processes.

use crate::{
    config,
    watchdog::{watched, within},
};
use concurrent_futures::{Executor, ProcessPool, TaskError, cancel_requested};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use std::{panic::resume_unwind, thread, time::Duration};

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Member {
    Returns,
    Panics,
    /// Goes on for a while, unless it is asked to stop.
    Looks,
    Suspends,
    PanicsLater,
    /// Never ends by itself.
    Endless,
}

fn member() -> impl Strategy<Value = Member> {
    prop_oneof![
        4 => Just(Member::Returns),
        1 => Just(Member::Panics),
        2 => Just(Member::Looks),
        2 => Just(Member::Suspends),
        1 => Just(Member::PanicsLater),
        1 => Just(Member::Endless),
    ]
}

#[derive(Debug, Clone)]
struct Plan {
    keeps_going: bool,
    deadline: Option<Duration>,
    cancelled_at: Option<usize>,
    members: Vec<Member>,
}

fn plan() -> impl Strategy<Value = Plan> {
    (
        any::<bool>(),
        prop_oneof![
            3 => Just(None),
            1 => (0..30_u64).prop_map(|limit| Some(Duration::from_millis(limit))),
            1 => Just(Some(Duration::MAX)),
        ],
        prop_oneof![3 => Just(None), 1 => (0..=6_usize).prop_map(Some)],
        prop::collection::vec(member(), 0..=6),
    )
        .prop_map(|(keeps_going, deadline, cancelled_at, members)| Plan {
            keeps_going,
            deadline,
            cancelled_at,
            members,
        })
}

fn call((member, number): (Member, usize)) -> usize {
    match member {
        Member::Panics => resume_unwind(Box::new("a member")),
        Member::Looks => {
            for _ in 0..1_000 {
                if cancel_requested() {
                    break;
                }
                thread::yield_now();
            }
        }
        _ => {}
    }
    number
}

async fn future((member, number): (Member, usize)) -> usize {
    let mut left = 20;
    std::future::poll_fn(|cx| {
        left -= 1;
        if member == Member::Endless {
            return std::task::Poll::Pending;
        }
        if left == 0 {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
    call((member, number))
}

fn panics(member: Member) -> bool {
    matches!(member, Member::Panics | Member::PanicsLater)
}

fn run(pool: &ProcessPool, plan: &Plan) {
    let mut group = Executor::group(pool);
    if plan.keeps_going {
        group = group.keep_going();
    }
    if let Some(limit) = plan.deadline {
        group = group.deadline(limit);
    }
    for (number, member) in plan.members.iter().copied().enumerate() {
        if plan.cancelled_at == Some(number) {
            group.cancel();
        }
        match member {
            Member::Returns | Member::Panics | Member::Looks => group.submit(call, (member, number)),
            Member::PanicsLater => group.submit_async(future, (Member::Panics, number)),
            Member::Suspends | Member::Endless => group.submit_async(future, (member, number)),
        }
    }
    // It ends at the latest here.
    if plan.members.contains(&Member::Endless) || plan.cancelled_at == Some(plan.members.len()) {
        group.cancel();
    }
    let is_cancelled = plan.cancelled_at.is_some() || plan.members.contains(&Member::Endless);
    let is_late = plan.deadline.is_some_and(|limit| limit < Duration::MAX);
    let outcomes = group.join_all();
    assert_eq!(outcomes.len(), plan.members.len());
    let failed = outcomes
        .iter()
        .any(|outcome| matches!(outcome, Err(TaskError::Panicked(_))));
    for (number, outcome) in outcomes.into_iter().enumerate() {
        let member = plan.members[number];
        match outcome {
            Ok(value) => assert!(value == number && !panics(member) && member != Member::Endless),
            Err(TaskError::Panicked(_)) => assert!(panics(member)),
            Err(TaskError::Cancelled) => {
                assert!(is_cancelled || is_late || failed && !plan.keeps_going, "{number}");
            }
            Err(error) => panic!("{number}: {error:?}"),
        }
    }
    // The pool is there for others.
    assert_eq!(
        Executor::submit(pool, call, (Member::Returns, 7))
            .result()
            .unwrap(),
        7
    );
    let stats = pool.stats();
    assert_eq!(stats.queued, 0, "{stats:?}");
}

proptest! {
    #![proptest_config(config(25))]

    #[test]
    fn any_group_in_processes_has_every_outcome(
        workers in 1..=2_usize,
        plans in prop::collection::vec(plan(), 1..4),
    ) {
        within(move || {
            let pool = watched(ProcessPool::with_workers(workers));
            plans.iter().for_each(|plan| run(&pool, plan));
        });
    }
}
