//! The backends, each in many shapes.

use crate::random::Random;
use concurrent_futures::{AsyncBridge, Checked, Executor, Inline, ProcessPool, Shutdown, ThreadPool};
use std::{fmt::Debug, time::Duration};

pub(crate) trait Subject: Executor + Debug {
    const NAME: &'static str;
    /// Its workers are processes: they can be killed.
    const IS_PROCESSES: bool = false;

    /// One with options by chance, and how it is shut down by the drop of its last handle.
    fn by_chance(random: &mut Random) -> (Self, Shutdown);

    fn small(workers: usize) -> Self;

    fn pids(&self) -> Vec<u32> {
        Vec::new()
    }
}

pub(crate) const WAYS: [Shutdown; 3] = [Shutdown::Finish, Shutdown::Cancel, Shutdown::Kill];

/// Sets an option now and then.
fn perhaps<B>(random: &mut Random, builder: B, set: impl FnOnce(B, &mut Random) -> B) -> B {
    if random.one_in(3) {
        set(builder, random)
    } else {
        builder
    }
}

impl Subject for ThreadPool {
    const NAME: &'static str = "ThreadPool";

    fn by_chance(random: &mut Random) -> (Self, Shutdown) {
        let on_drop = random.pick(&WAYS);
        let builder = Self::builder().workers(1 + random.below(4)).on_drop(on_drop);
        let builder = perhaps(random, builder, |builder, random| {
            builder.max_pending(1 + random.below(30))
        });
        let builder = perhaps(random, builder, |builder, _| builder.stack_size(256 * 1024));
        let builder = perhaps(random, builder, |builder, random| {
            builder.rate_limit(20 + random.below(100), Duration::from_millis(1))
        });
        (builder.build().expect("a thread pool"), on_drop)
    }

    fn small(workers: usize) -> Self {
        Self::with_workers(workers)
    }
}

impl Subject for ProcessPool {
    const NAME: &'static str = "ProcessPool";
    const IS_PROCESSES: bool = true;

    fn by_chance(random: &mut Random) -> (Self, Shutdown) {
        let on_drop = random.pick(&WAYS);
        let builder = Self::builder().workers(1 + random.below(4)).on_drop(on_drop);
        let builder = perhaps(random, builder, |builder, random| {
            builder.max_pending(1 + random.below(30))
        });
        let builder = perhaps(random, builder, |builder, random| {
            builder.max_tasks_per_worker(1 + random.next() % 40)
        });
        let builder = perhaps(random, builder, |builder, _| builder.spare_worker(true));
        let builder = perhaps(random, builder, |builder, _| builder.kill_tree(true));
        let builder = perhaps(random, builder, |builder, _| builder.stack_size(1 << 20));
        let builder = perhaps(random, builder, |builder, _| {
            builder.idle_timeout(Duration::from_millis(1))
        });
        let builder = perhaps(random, builder, |builder, random| {
            builder.async_concurrency(1 + random.below(8))
        });
        let builder = perhaps(random, builder, |builder, _| {
            builder.initializer(|n: u64| assert_eq!(n, 7), 7)
        });
        (builder.build().expect("a process pool"), on_drop)
    }

    fn small(workers: usize) -> Self {
        Self::with_workers(workers)
    }

    fn pids(&self) -> Vec<u32> {
        self.worker_pids()
    }
}

impl Subject for AsyncBridge {
    const NAME: &'static str = "AsyncBridge";

    fn by_chance(random: &mut Random) -> (Self, Shutdown) {
        let on_drop = random.pick(&WAYS);
        let builder = Self::builder().workers(1 + random.below(3)).on_drop(on_drop);
        let builder = perhaps(random, builder, |builder, random| {
            builder.max_blocking(1 + random.below(4))
        });
        let builder = perhaps(random, builder, |builder, random| {
            builder.max_pending(1 + random.below(30))
        });
        (builder.build().expect("a bridge"), on_drop)
    }

    fn small(workers: usize) -> Self {
        Self::with_workers(workers)
    }
}

impl Subject for Inline {
    const NAME: &'static str = "Inline";

    fn by_chance(_random: &mut Random) -> (Self, Shutdown) {
        (Self::new(), Shutdown::Finish)
    }

    fn small(_workers: usize) -> Self {
        Self::new()
    }
}

impl Subject for Checked {
    const NAME: &'static str = "Checked";

    fn by_chance(_random: &mut Random) -> (Self, Shutdown) {
        (Self::new(), Shutdown::Finish)
    }

    fn small(_workers: usize) -> Self {
        Self::new()
    }
}
