//! Everything at once: in each round tasks run on three workers, while workers are killed and stopped and the server is killed, replaced
//! and wiped, at random. No task is lost, none has the value of another, none is delivered twice.
//!
//! `CLUSTER_CHAOS_ROUNDS` (2), `CLUSTER_CHAOS_TASKS` (2000, in each round) and `CLUSTER_CHAOS_SEED` say how much of it, and which; it takes
//! longer than any test is given with
//!
//! ```text
//! CLUSTER_CHAOS_ROUNDS=20 CLUSTER_CHAOS_TASKS=20000 cargo test --features cluster --test cluster chaos -- --nocapture
//! ```

use crate::{
    harness::{Log, Random, alone_for, assert_books_are_closed, assert_works, ready, signal},
    killed_workers::busy,
    server::Server,
};
use concurrent_futures::{Cluster, Executor};
use std::{
    collections::BTreeMap,
    env, thread,
    time::{Duration, Instant},
};

/// The number in a variable.
fn number(name: &str, usual: u64) -> u64 {
    env::var(name).map_or(usual, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text} is no number"))
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    KillWorker,
    StopWorker,
    RestartServer,
    ReplaceServer,
    WipeServer,
}

const FAULTS: [Fault; 5] = [
    Fault::KillWorker,
    Fault::StopWorker,
    Fault::RestartServer,
    Fault::ReplaceServer,
    Fault::WipeServer,
];

fn cause(fault: Fault, server: &mut Server, cluster: &Cluster, random: &mut Random) {
    let pids = cluster.local_worker_pids();
    let victim = pids[random.below(pids.len())];
    match fault {
        Fault::KillWorker => signal(victim, libc::SIGKILL),
        Fault::StopWorker => {
            signal(victim, libc::SIGSTOP);
            // For longer or shorter than it may be silent.
            let length = Duration::from_millis(random.below(5_000) as u64);
            thread::spawn(move || {
                thread::sleep(length);
                signal(victim, libc::SIGCONT);
            });
        }
        Fault::RestartServer => {
            server.kill();
            thread::sleep(Duration::from_millis(random.below(500) as u64));
            server.run();
        }
        Fault::ReplaceServer => server.replace(),
        Fault::WipeServer => server.wipe(),
    }
}

#[test]
fn nothing_is_lost_and_nothing_comes_twice_whatever_happens() {
    let rounds = number("CLUSTER_CHAOS_ROUNDS", 2);
    let tasks = number("CLUSTER_CHAOS_TASKS", 2_000);
    // As if each took a hundred times as long as it does.
    let limit = Duration::from_secs(120) + Duration::from_millis(rounds * tasks * 20);
    alone_for(limit, || {
        let rounds = number("CLUSTER_CHAOS_ROUNDS", 2);
        let tasks = number("CLUSTER_CHAOS_TASKS", 2_000);
        let seed = number("CLUSTER_CHAOS_SEED", 0x5eed);
        let mut random = Random(seed);
        let mut server = Server::start();
        let cluster = ready(server.cluster().workers(3).slots(1), 3);
        let mut caused: BTreeMap<Fault, u32> = BTreeMap::new();
        for round in 0..rounds {
            let log = Log::new();
            let futures: Vec<_> = (0..tasks)
                .map(|number| cluster.submit(busy, (number, log.path(), 200)))
                .collect();
            let begun = Instant::now();
            for share in 1..=4 {
                // Spread over the round.
                let done = usize::try_from(tasks * share / 6).expect("it is a count");
                log.wait_for(done);
                let fault = FAULTS[random.below(FAULTS.len())];
                *caused.entry(fault).or_default() += 1;
                cause(fault, &mut server, &cluster, &mut random);
            }
            for (number, future) in (0..).zip(futures) {
                match future.result() {
                    Ok(value) => assert_eq!(value, number * 3 + 1),
                    Err(error) => panic!("seed {seed}, round {round}, task {number}: {error}"),
                }
            }
            let counts = log.counts();
            assert_eq!(counts.len() as u64, tasks);
            let again = counts.values().sum::<usize>() as u64 - tasks;
            println!("NOTE round {round}: {:?}, {again} ran again", begun.elapsed());
            assert_works(&cluster, "between rounds");
            assert_books_are_closed(&cluster, "between rounds");
        }
        println!("NOTE {caused:?}");
        drop(cluster);
        server.assert_empty();
    });
}
