//! How clusters and workers end: within bounds, and with nothing left behind.

use crate::{
    harness::{Gate, Log, SOON, alone, children_of, eventually, is_gone, ready, wait_for_file, write_down},
    server::Server,
    workers::Worker,
};
use concurrent_futures::{Cluster, Executor, Shutdown, TaskError, cancel_requested};
use std::{
    thread,
    time::{Duration, Instant},
};

fn pids_of(cluster: &Cluster) -> Vec<u32> {
    let workers = cluster.local_worker_pids();
    let processes = workers.iter().flat_map(|pid| children_of(*pid));
    processes.chain(workers.clone()).collect()
}

#[test]
fn finish_runs_everything_and_ends_every_process() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(2).slots(1), 2);
        let tasks: Vec<_> = (0..1_000_u64).map(|n| cluster.submit(|n: u64| n, n)).collect();
        let pids = pids_of(&cluster);
        assert!(pids.len() >= 2, "{pids:?}");
        cluster.shutdown(Shutdown::Finish);
        assert!(tasks.iter().all(|task| task.is_done()));
        assert!(tasks.into_iter().map(|task| task.result().unwrap()).eq(0..1_000));
        drop(cluster);
        eventually("every process has ended", || pids.iter().all(|pid| is_gone(*pid)));
        server.assert_empty();
    });
}

#[test]
fn cancel_ends_what_waits_and_asks_what_runs() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(1).slots(1), 1);
        let log = Log::new();
        let polite = cluster.submit(
            |log: String| {
                write_down(log, 1);
                while !cancel_requested() {
                    thread::sleep(Duration::from_millis(1));
                }
                5
            },
            log.path(),
        );
        log.wait_for(1);
        let waiting: Vec<_> = (0..200_u64)
            .map(|n| {
                cluster.submit(
                    |(n, log): (u64, String)| write_down(log, n),
                    (1_000 + n, log.path()),
                )
            })
            .collect();
        cluster.shutdown(Shutdown::Cancel);
        assert_eq!(polite.result().unwrap(), 5);
        for task in waiting {
            assert!(task.result().unwrap_err().is_cancelled());
        }
        assert_eq!(log.counts().len(), 1, "none of those that waited has run");
        drop(cluster);
        server.assert_empty();
    });
}

#[test]
fn kill_does_not_wait_for_what_runs() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(1).slots(1), 1);
        let log = Log::new();
        let endless = |log: String| -> u32 {
            write_down(log, 1);
            loop {
                thread::sleep(Duration::from_secs(1));
            }
        };
        let task = cluster.submit(endless, log.path());
        log.wait_for(1);
        let pids = pids_of(&cluster);
        cluster.shutdown(Shutdown::Kill);
        assert!(task.result().is_err());
        drop(cluster);
        eventually("every process has ended", || pids.iter().all(|pid| is_gone(*pid)));
        server.assert_empty();
    });
}

/// On a private server: both end, and the folder is gone.
#[test]
fn a_local_cluster_leaves_nothing() {
    alone(|| {
        let cluster = ready(Cluster::local().unwrap().workers(2).slots(1), 2);
        assert_eq!(cluster.submit(|n: u32| n, 5).result().unwrap(), 5);
        let children = children_of(std::process::id());
        let folders: Vec<_> = children.into_iter().filter_map(folder_of).collect();
        assert!(!folders.is_empty(), "the server works in a folder of its own");
        drop(cluster);
        assert!(children_of(std::process::id()).is_empty());
        assert!(folders.iter().all(|folder| !folder.exists()), "{folders:?}");
    });
}

/// The folder in which a process works, if that was made for it.
fn folder_of(pid: u32) -> Option<std::path::PathBuf> {
    let folder = std::fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
    let name = folder.file_name()?.to_str()?;
    name.starts_with("concurrent-futures-").then(|| folder.clone())
}

#[test]
fn a_drop_during_an_outage_is_bounded() {
    alone(|| {
        let mut server = Server::start();
        let builder = server.cluster().give_up_after(Duration::from_secs(2));
        let cluster = ready(builder.workers(1).slots(1), 1);
        let tasks: Vec<_> = (0..100_u64).map(|n| cluster.submit(|n: u64| n, n)).collect();
        server.kill();
        let more: Vec<_> = (0..100_u64).map(|n| cluster.submit(|n: u64| n, n)).collect();
        let begun = Instant::now();
        drop(cluster);
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
        for (number, task) in (0..).zip(tasks) {
            match task.result() {
                Ok(value) => assert_eq!(value, number),
                Err(TaskError::Unavailable(_)) => {}
                Err(other) => panic!("task {number}: {other:?}"),
            }
        }
        for task in more {
            assert!(matches!(task.result(), Err(TaskError::Unavailable(_))));
        }
    });
}

#[test]
fn a_worker_whose_server_is_gone_ends_by_itself() {
    alone(|| {
        let mut server = Server::start();
        let cluster = ready(server.cluster().give_up_after(Duration::from_secs(1)), 0);
        let mut worker = Worker::start(&server, 1, &[("CONCURRENT_FUTURES_WORKER_GIVE_UP", "2")]);
        assert!(cluster.wait_for_slots(1, SOON));
        assert_eq!(cluster.submit(|n: u32| n, 5).result().unwrap(), 5);
        let processes = children_of(worker.pid());
        server.kill();
        assert_eq!(
            worker.ended().code(),
            Some(75),
            "as for other things that may be better later"
        );
        eventually("so do its processes", || {
            processes.iter().all(|pid| is_gone(*pid))
        });
        drop(cluster);
    });
}

#[test]
fn a_worker_that_finds_no_server_ends_by_itself() {
    alone(|| {
        let mut server = Server::start();
        server.kill();
        let mut worker = Worker::start(&server, 1, &[("CONCURRENT_FUTURES_WORKER_GIVE_UP", "1")]);
        assert_eq!(worker.ended().code(), Some(75));
    });
}

#[test]
fn a_worker_that_is_told_to_stop_hands_back_and_finishes() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster(), 0);
        let mut leaving = Worker::start(&server, 1, &[]);
        assert!(cluster.wait_for_slots(1, SOON));
        let (log, gate) = (Log::new(), Gate::new());
        let runs = cluster.submit(
            |(log, gate): (String, String)| {
                write_down(log, 1_000_000);
                wait_for_file(&gate);
                std::process::id()
            },
            (log.path(), gate.path()),
        );
        log.wait_for(1);
        let task = |(number, log): (u64, String)| {
            write_down(log, number);
            number
        };
        let waiting: Vec<_> = (0..100).map(|n| cluster.submit(task, (n, log.path()))).collect();
        eventually("all are queued", || server.queued() == 101);
        leaving.signal(libc::SIGTERM);
        let _other = Worker::start(&server, 1, &[]);
        for (number, task) in (0..).zip(waiting) {
            assert_eq!(task.result().expect("another worker runs it"), number);
        }
        assert!(!runs.is_done(), "it is finished by the one that leaves");
        gate.open();
        assert!(runs.result().is_ok());
        assert_eq!(leaving.ended().code(), Some(0));
        assert!(
            log.counts().into_values().all(|times| times == 1),
            "{:?}",
            log.counts()
        );
        let waiting = cluster.requires("nobody-has-this").submit(|n: u32| n, 1);
        eventually("it has signed off", || cluster.cluster_workers().len() == 1);
        assert!(waiting.cancel());
        drop(cluster);
        server.assert_empty();
    });
}

#[test]
fn a_worker_that_is_told_twice_ends_at_once_and_loses_nothing() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster(), 0);
        let mut leaving = Worker::start(&server, 1, &[]);
        assert!(cluster.wait_for_slots(1, SOON));
        let (log, gate) = (Log::new(), Gate::new());
        let task = cluster.submit(
            |(log, gate): (String, String)| {
                write_down(log, u64::from(std::process::id()));
                wait_for_file(&gate);
                7
            },
            (log.path(), gate.path()),
        );
        log.wait_for(1);
        // The second one only counts when the first one was taken note of.
        let status = loop {
            if let Some(status) = leaving.try_ended() {
                break status;
            }
            leaving.signal(libc::SIGTERM);
            thread::sleep(Duration::from_millis(20));
        };
        assert_eq!(status.code(), Some(128 + libc::SIGTERM));
        let _other = Worker::start(&server, 1, &[]);
        log.wait_for(2);
        gate.open();
        assert_eq!(task.result().unwrap(), 7);
        drop(cluster);
        server.assert_empty();
    });
}
