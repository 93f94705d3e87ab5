//! What is on a cluster other than on one machine: contexts, states, labels, deadlines, attempts, groups and counters.
//! What is the same is in the suite for all backends.

use crate::{
    harness::{
        Gate, Log, SOON, alone, assert_books_are_closed, eventually, ready, signal, wait_for_file, write_down,
    },
    server::Server,
    workers::Worker,
};
use concurrent_futures::{Executor, TaskError, attempt, cancel_requested};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU64, Ordering::SeqCst},
    thread,
    time::Duration,
};

static ENCODED: AtomicU64 = AtomicU64::new(0);
static DECODED: AtomicU64 = AtomicU64::new(0);

/// A context that counts its crossings in each process.
struct Counted(Vec<u8>);

impl Serialize for Counted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ENCODED.fetch_add(1, SeqCst);
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        DECODED.fetch_add(1, SeqCst);
        Ok(Self(Vec::deserialize(deserializer)?))
    }
}

#[test]
fn a_context_is_encoded_once_and_sent_to_each_worker_once() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(2).slots(2), 4);
        for length in [100, 3_000_000] {
            let before = ENCODED.load(SeqCst);
            let sent = || {
                let info = server.ask(&["INFO", "stats"]).concat();
                let line = info
                    .lines()
                    .find_map(|line| line.strip_prefix("total_net_output_bytes:"));
                line.expect("it counts").parse::<usize>().expect("a number")
            };
            let sent_before = sent();
            let with = cluster.with(Counted(vec![3; length]));
            let tasks: Vec<_> = (0..400_u64)
                .map(|n| {
                    let task = |context: &Counted, n: u64| {
                        (
                            context.0.len() as u64 + n,
                            std::process::id(),
                            DECODED.load(SeqCst),
                        )
                    };
                    with.submit(task, n)
                })
                .collect();
            let mut decoded = BTreeMap::new();
            for (number, task) in (0..).zip(tasks) {
                let (sum, pid, times) = task.result().unwrap();
                assert_eq!(sum, length as u64 + number);
                decoded.entry(pid).or_insert_with(BTreeSet::new).insert(times);
            }
            assert_eq!(ENCODED.load(SeqCst) - before, 1);
            assert!(
                decoded.values().all(|times| times.len() == 1),
                "decoded once by each process: {decoded:?}"
            );
            let sent = sent() - sent_before;
            assert!(
                sent < 2 * length + length / 2 + 2_000_000,
                "{sent} bytes for {length}"
            );
        }
        assert_books_are_closed(&cluster, "afterwards");
        drop(cluster);
        server.assert_empty();
    });
}

#[test]
fn a_state_stays_in_its_process() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(2).slots(1), 2);
        let counters = cluster.with_state(|| 0_u64);
        let tasks: Vec<_> = (0..200_u64)
            .map(|n| {
                counters.submit(
                    |count: &mut u64, _: u64| {
                        *count += 1;
                        (std::process::id(), *count)
                    },
                    n,
                )
            })
            .collect();
        let mut seen: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
        for task in tasks {
            let (pid, count) = task.result().unwrap();
            seen.entry(pid).or_default().push(count);
        }
        for counts in seen.values_mut() {
            counts.sort_unstable();
            assert!(counts.iter().copied().eq(1..=counts.len() as u64), "{counts:?}");
        }
        assert_eq!(seen.values().map(Vec::len).sum::<usize>(), 200);
        drop((counters, cluster));
        server.assert_empty();
    });
}

#[test]
fn only_workers_with_the_label_get_what_asks_for_it() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(1).slots(1), 1);
        let of_gpu = cluster.requires("gpu");
        let early: Vec<_> = (0..50)
            .map(|n| of_gpu.submit(|_: u32| std::os::unix::process::parent_id(), n))
            .collect();
        // Others pass them by.
        let plain = cluster.submit(|n: u32| n, 3);
        assert_eq!(plain.result().unwrap(), 3);
        assert!(early.iter().all(|task| !task.is_done()));
        let labelled = Worker::start(&server, 1, &[("CONCURRENT_FUTURES_LABELS", "big,gpu")]);
        for task in early {
            assert_eq!(task.result().unwrap(), labelled.pid());
        }
        let parents = of_gpu
            .options()
            .chunk_size(3)
            .map(|_: u32| std::os::unix::process::parent_id(), 0..100);
        assert!(parents.map(Result::unwrap).all(|pid| pid == labelled.pid()));
        // What nobody offers waits, and can be cancelled.
        let waiting = cluster.requires("nobody-has-this").submit(|n: u32| n, 1);
        eventually("both are seen", || cluster.cluster_workers().len() == 2);
        let labels: BTreeSet<Vec<String>> = cluster
            .cluster_workers()
            .into_iter()
            .map(|worker| worker.labels)
            .collect();
        assert_eq!(labels, [vec![], vec!["big".to_owned(), "gpu".to_owned()]].into());
        assert!(waiting.cancel());
        drop((of_gpu, cluster, labelled));
        server.assert_empty();
    });
}

#[test]
fn deadlines_reach_across() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(1).slots(1), 1);
        let limit = Duration::from_millis(50);
        let log = Log::new();
        let late = cluster.options().timeout(limit).submit(
            |log: String| {
                while !cancel_requested() {
                    thread::sleep(Duration::from_millis(1));
                }
                write_down(log, 1);
            },
            log.path(),
        );
        assert!(matches!(late.result(), Err(TaskError::TimedOut(of)) if of == limit));
        // One that hears nothing is ended with its process, and the place is free again.
        let deaf = cluster.options().timeout(limit).submit(
            |(): ()| loop {
                thread::sleep(Duration::from_secs(1));
            },
            (),
        );
        let deaf: Result<(), _> = deaf.result();
        assert!(
            matches!(deaf, Err(TaskError::TimedOut(of)) if of == limit),
            "{deaf:?}"
        );
        assert_eq!(cluster.submit(|n: u32| n, 3).result().unwrap(), 3);
        drop(cluster);
        server.assert_empty();
    });
}

#[test]
fn what_dies_is_tried_again_as_often_as_said() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(2).slots(1), 2);
        let third = cluster.options().retries(2).submit(
            |n: u32| {
                if attempt() < 3 {
                    std::process::abort();
                }
                n + attempt()
            },
            10,
        );
        assert_eq!(third.result().unwrap(), 13);
        let never = cluster
            .options()
            .retries(2)
            .submit(|_: u32| std::process::abort(), 0);
        let never: Result<(), _> = never.result();
        let Err(TaskError::WorkerDied(death)) = never else {
            panic!("{never:?}");
        };
        assert_eq!((death.earlier().len(), death.signal()), (2, Some(libc::SIGABRT)));
        assert!(
            death.earlier().iter().all(|earlier| earlier.host().is_some()),
            "{death}"
        );
        drop(cluster);
        server.assert_empty();
    });
}

#[test]
fn a_group_stops_where_one_of_it_fails() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(2).slots(1), 2);
        let (log, gate) = (Log::new(), Gate::new());
        let group = cluster.group();
        group.submit(
            |log: String| {
                write_down(log, 1_000);
                while !cancel_requested() {
                    thread::sleep(Duration::from_millis(1));
                }
            },
            log.path(),
        );
        log.wait_for(1);
        group.submit(
            |gate: String| {
                wait_for_file(&gate);
                panic!("one for all");
            },
            gate.path(),
        );
        for number in 0..100_u64 {
            let task = |(number, log): (u64, String)| {
                write_down(log, number);
                // So long that few are run before the failure is known.
                thread::sleep(Duration::from_millis(50));
            };
            group.submit(task, (number, log.path()));
        }
        gate.open();
        assert!(group.join().unwrap_err().is_panicked());
        let ran = log.counts().len();
        assert!(ran < 90, "{ran} of the group have run");
        let whole = cluster.group();
        (0..20_u32).for_each(|n| whole.submit(|n: u32| n, n));
        assert_eq!(whole.join().unwrap(), (0..20).collect::<Vec<_>>());
        assert_books_are_closed(&cluster, "afterwards");
        drop(cluster);
        server.assert_empty();
    });
}

#[test]
fn the_counters_say_what_happened() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(1).slots(1), 1);
        let good: Vec<_> = (0..30).map(|n| cluster.submit(|n: u32| n, n)).collect();
        let bad: Vec<_> = (0..5)
            .map(|n| cluster.submit(|n: u32| assert!(n > 10), n))
            .collect();
        let dead = cluster.submit(|_: u32| signal(std::process::id(), libc::SIGKILL), 0);
        assert!(good.into_iter().map(|task| task.result().unwrap()).eq(0..30));
        bad.into_iter()
            .for_each(|task| assert!(task.result().unwrap_err().is_panicked()));
        assert!(matches!(dead.result(), Err(TaskError::WorkerDied(_))));
        let stats = cluster.stats();
        assert_eq!(
            (stats.submitted, stats.succeeded, stats.failed, stats.cancelled),
            (36, 30, 6, 0),
            "{stats:?}"
        );
        // A new process comes with the next task.
        assert_eq!(cluster.submit(|n: u32| n, 7).result().unwrap(), 7);
        let waiting = cluster.requires("nobody-has-this").submit(|n: u32| n, 1);
        let recounted = || cluster.wait_for_slots(1, SOON) && cluster.stats().workers_restarted == 1;
        eventually("the new process is counted", recounted);
        assert_eq!(cluster.workers(), 1);
        assert!(waiting.cancel());
        drop(cluster);
        server.assert_empty();
    });
}
