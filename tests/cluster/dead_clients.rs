//! A client that is killed: what it has queued is removed unrun, and what runs is stopped.
//!
//! Its lease is over a minute after its death. Here it is taken away by hand, to not wait for that. A client that is stopped for
//! longer than its lease is not tested here, as it takes a minute: what becomes of it is tested with the model of the cluster.

use crate::{
    harness::{Log, alone, assert_works, eventually, ready, write_down},
    server::Server,
    workers::Worker,
};
use concurrent_futures::{Cluster, Executor};
use std::{
    env,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

const CLIENT_OF: &str = "CLUSTER_TEST_CLIENT_OF";
const LOG: &str = "CLUSTER_TEST_LOG";

/// This test once more, in a process that is to be killed.
fn client(test: &str, server: &Server, log: &Log) -> Child {
    Command::new(env::current_exe().expect("this executable"))
        .args(["--exact", &format!("dead_clients::{test}"), "--test-threads=1"])
        .env(CLIENT_OF, server.url())
        .env(LOG, log.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("it can be started once more")
}

/// In that process: hands over tasks that write and wait, and waits for its end.
fn be_client_if_asked(tasks: u64, each: Duration) {
    let (Ok(url), Ok(log)) = (env::var(CLIENT_OF), env::var(LOG)) else {
        return;
    };
    let cluster = Cluster::connect(&url)
        .unwrap()
        .pool(crate::server::POOL)
        .build()
        .unwrap();
    let task = |(number, log, each): (u64, String, Duration)| {
        write_down(&log, number);
        thread::sleep(each);
        write_down(&log, 1_000_000 + number);
    };
    let tasks: Vec<_> = (0..tasks)
        .map(|n| cluster.submit(task, (n, log.clone(), each)))
        .collect();
    tasks.into_iter().for_each(|task| task.result().unwrap());
}

fn end_lease(server: &Server) {
    let leases = server.keys_of("c:");
    assert_eq!(leases.len(), 1, "{leases:?}");
    assert_eq!(server.ask(&["DEL", &leases[0]]), ["1"]);
}

/// What was on its way to the dead client stays for a while, and goes by itself.
fn assert_rest_goes(server: &Server) {
    for row in server.keys_of("r:") {
        let seconds: i64 = server.ask(&["TTL", &row])[0].parse().expect("a number");
        assert!(seconds > 0, "{row} would stay for ever");
        server.ask(&["DEL", &row]);
    }
    server.assert_empty();
}

#[test]
fn what_a_dead_client_has_queued_is_removed_unrun() {
    alone(|| {
        be_client_if_asked(2_000, Duration::ZERO);
        let server = Server::start();
        let log = Log::new();
        let mut client = client("what_a_dead_client_has_queued_is_removed_unrun", &server, &log);
        eventually("all are queued", || server.queued() == 2_000);
        client.kill().unwrap();
        client.wait().unwrap();
        end_lease(&server);
        let _worker = Worker::start(&server, 2, &[]);
        eventually("the queue is drained", || server.queued() == 0);
        let cluster = ready(server.cluster(), 2);
        assert_works(&cluster, "for a client that lives");
        assert_eq!(log.counts().len(), 0, "none has run");
        drop(cluster);
        assert_rest_goes(&server);
    });
}

#[test]
fn what_runs_for_a_dead_client_is_stopped() {
    alone(|| {
        be_client_if_asked(20, crate::harness::SOON * 10);
        let server = Server::start();
        let log = Log::new();
        let worker = Worker::start(&server, 2, &[]);
        let mut client = client("what_runs_for_a_dead_client_is_stopped", &server, &log);
        log.wait_for(2);
        client.kill().unwrap();
        client.wait().unwrap();
        end_lease(&server);
        eventually("the queue is drained", || server.queued() == 0);
        let cluster = ready(server.cluster(), 2);
        // Both places are free.
        let tasks: Vec<_> = (0..10).map(|n| cluster.submit(|n: u32| n, n)).collect();
        assert!(tasks.into_iter().map(|task| task.result().unwrap()).eq(0..10));
        // Those two, whichever they were: no other, and neither to its end.
        let ran = log.counts();
        assert!(
            ran.len() == 2 && ran.iter().all(|(number, times)| *number < 20 && *times == 1),
            "{ran:?}"
        );
        drop((cluster, worker));
        assert_rest_goes(&server);
    });
}
