/// A row of the tables.
pub(crate) struct Workload {
    /// What it is called in the benchmark.
    pub(crate) group: &'static str,
    /// What it is called in the table.
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
}

pub(crate) enum Unit {
    /// Time, for one of these.
    Per(&'static str),
    /// A plain number.
    Plain,
}

/// In each group, what there is no pool behind: worth knowing, but nobody to compare with.
pub(crate) const LIMITS: [&str; 3] = ["serial", "two memcpys", "two memcpys into fresh pages"];

const fn row(group: &'static str, name: &'static str, unit: Unit) -> Workload {
    Workload { group, name, unit }
}

use Unit::{Per, Plain};

pub(crate) const WORKLOADS: &[Workload] = &[
    row("one empty task", "submit an empty task, wait for it", Per("task")),
    row(
        "200,000 empty tasks",
        "submit 200,000 empty tasks, collect",
        Per("task"),
    ),
    row(
        "200,000 empty tasks from 4 threads",
        "the same from 4 threads at once",
        Per("task"),
    ),
    row(
        "fib(25) by futures",
        "fib(25): spawn two, wait for them",
        Per("fork"),
    ),
    row("fib(25) by join", "fib(25) with `join`", Per("fork")),
    row(
        "map n + 1 over 4,000,000",
        "`map` of `n + 1` over 4,000,000",
        Per("item"),
    ),
    row(
        "map n + 1 over 4,000,000 into a Result",
        "the same, collected into a `Result`",
        Per("item"),
    ),
    row(
        "map collatz over 400,000",
        "`map` of uneven items (collatz, 400,000)",
        Per("item"),
    ),
    row(
        "200,000 ready futures",
        "`spawn_async` 200,000 ready futures, collect",
        Per("future"),
    ),
    row(
        "200,000 ready futures on a runtime",
        "the same on an `AsyncBridge`",
        Per("future"),
    ),
    row(
        "100 yields of 1,000 tasks",
        "1,000 futures on a bridge yield 100 times",
        Per("yield"),
    ),
    row(
        "blocking calls one after another",
        "await one blocking call after another",
        Per("call"),
    ),
    row(
        "10,000 blocking calls at once",
        "10,000 blocking calls at once, awaited",
        Per("call"),
    ),
    row(
        "process start to first result",
        "process pool of one: start to first result",
        Per("start"),
    ),
    row(
        "process round trip",
        "processes: round trip of one task",
        Per("task"),
    ),
    row(
        "process 10,000 small tasks",
        "processes: submit 10,000 small tasks, collect",
        Per("task"),
    ),
    row(
        "process map over 1,000,000",
        "processes: `map` over 1,000,000 small items",
        Per("item"),
    ),
    row(
        "process 16 MiB there and back",
        "processes: 16 MiB there and back",
        Per("MiB"),
    ),
    row(
        "CPU of one task per ms, ns",
        "CPU time at one task per millisecond",
        Per("task"),
    ),
    row(
        "CPU of an idle pool, ns/s",
        "CPU time of an idle pool",
        Per("second"),
    ),
    row(
        "wake-ups of an idle pool, 1/s",
        "wake-ups of an idle pool per second",
        Plain,
    ),
    row("bytes of a queued task", "bytes of a queued task", Plain),
    row(
        "allocations of a queued task",
        "allocations of a queued task",
        Plain,
    ),
    row(
        "bytes of a sleeping future",
        "bytes of a future that sleeps on an `AsyncBridge`",
        Plain,
    ),
    row(
        "allocations of a sleeping future",
        "allocations of a future that sleeps on an `AsyncBridge`",
        Plain,
    ),
];
