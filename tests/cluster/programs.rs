//! What a program sees of it from outside of its calls: the choice by the environment, timelines, dumps.

use crate::{
    harness::{Gate, Log, alone, eventually, ready, wait_for_file, write_down},
    server::{POOL, Server},
    workers::Worker,
};
use concurrent_futures::{AnyExecutor, Backend, Executor};
use std::{collections::BTreeSet, env, process::Command};

#[test]
fn the_environment_makes_any_executor_a_cluster() {
    const HERE: &str = "CLUSTER_TEST_ANY";
    alone(|| {
        if env::var_os(HERE).is_some() {
            let any = AnyExecutor::from_env().unwrap();
            assert_eq!(any.backend(), Backend::Cluster);
            let pids = any
                .options()
                .chunk_size(1)
                .map(|_: u32| std::os::unix::process::parent_id(), 0..20);
            let pids: BTreeSet<u32> = pids.map(Result::unwrap).collect();
            println!("ran under {pids:?}");
            return;
        }
        let server = Server::start();
        let worker = Worker::start(&server, 1, &[]);
        let output = Command::new(env::current_exe().unwrap())
            .args([
                "--exact",
                "programs::the_environment_makes_any_executor_a_cluster",
            ])
            .args(["--nocapture", "--test-threads=1"])
            .env(HERE, "1")
            .env("CONCURRENT_FUTURES_BACKEND", "cluster")
            .env("CONCURRENT_FUTURES_CLUSTER", server.url())
            .env("CONCURRENT_FUTURES_POOL", POOL)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success(),
            "{said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(
            said.contains(&format!("ran under {{{}}}", worker.pid())),
            "{said}"
        );
        server.assert_empty();
    });
}

#[test]
fn a_timeline_has_a_lane_for_each_process_on_its_host() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(2).slots(1), 2);
        let host = cluster.cluster_workers()[0].host.clone();
        let recording = cluster.record();
        let tasks: Vec<_> = (0..200)
            .map(|n| cluster.submit(|_: u32| std::process::id(), n))
            .collect();
        let pids: BTreeSet<u32> = tasks.into_iter().map(|task| task.result().unwrap()).collect();
        let more = cluster
            .options()
            .chunk_size(5)
            .map(|_: u32| std::process::id(), 0..100);
        let pids: BTreeSet<u32> = more.map(Result::unwrap).chain(pids).collect();
        let timeline = recording.finish();
        let lanes: BTreeSet<u32> = timeline.lanes.iter().filter_map(|lane| lane.pid).collect();
        assert_eq!(lanes, pids);
        for lane in timeline.lanes.iter().filter(|lane| lane.pid.is_some()) {
            assert!(lane.name.ends_with(&format!("on {host}")), "{}", lane.name);
        }
        assert_eq!(timeline.items(), 100);
        assert_eq!(timeline.tasks.len(), 200);
        drop(cluster);
        server.assert_empty();
    });
}

#[test]
fn a_dump_shows_where_tasks_run() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(1).slots(1), 1);
        let (log, gate) = (Log::new(), Gate::new());
        let task = cluster.options().name("under way").submit(
            |(log, gate): (String, String)| {
                write_down(log, 1);
                wait_for_file(&gate);
            },
            (log.path(), gate.path()),
        );
        log.wait_for(1);
        eventually("it is seen to run", || cluster.dump().running().count() == 1);
        let dump = cluster.dump().to_string();
        assert!(
            dump.contains("under way") && dump.contains(&cluster.cluster_workers()[0].host),
            "{dump}"
        );
        gate.open();
        task.result().unwrap();
        drop(cluster);
        server.assert_empty();
    });
}
