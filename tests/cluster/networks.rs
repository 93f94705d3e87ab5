//! Machines that are cut off from each other for a while, without anybody being told: no connection is closed, nothing answers.
//!
//! Server, client and a worker each have a network of their own, which only root may make. Where that is not possible, the test says so.

use crate::{
    harness::{Log, alone, ready, write_down},
    killed_workers::busy,
    server::{HOLD, POOL, Server},
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
const TASKS: u64 = 4_000;
const CUT_FOR: Duration = Duration::from_secs(8);

/// Runs `ip` with these words.
fn ip(words: &str) -> Result<(), String> {
    let output = Command::new("ip").args(words.split(' ')).output();
    let output = output.map_err(|error| format!("ip {words}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("ip {words}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Three machines: the server in the middle, the others on a line to it each.
struct Machines(String);

impl Machines {
    fn make(number: usize) -> Result<Self, String> {
        let machines = Self(format!("cf{}x{number}", std::process::id()));
        let [server, worker, client] = machines.names();
        // What not everybody may do, and not every system has; the rest works where this does.
        for name in [&server, &worker, &client] {
            ip(&format!("netns add {name}"))?;
        }
        let lines = [("w", &worker, 1), ("c", &client, 2)];
        for (line, name, _) in lines {
            ip(&format!(
                "-n {server} link add {line} type veth peer name line netns {name}"
            ))?;
        }
        let set = |words: String| ip(&words).expect("there are networks");
        for name in [&server, &worker, &client] {
            set(format!("-n {name} link set lo up"));
        }
        for (line, name, at) in lines {
            set(format!("-n {server} addr add 10.9.{at}.1/24 dev {line}"));
            set(format!("-n {name} addr add 10.9.{at}.2/24 dev line"));
            set(format!("-n {server} link set {line} up"));
            set(format!("-n {name} link set line up"));
        }
        Ok(machines)
    }

    fn names(&self) -> [String; 3] {
        ["s", "w", "c"].map(|role| format!("{}{role}", self.0))
    }

    fn set(&self, line: &str, state: &str) {
        let [server, ..] = self.names();
        ip(&format!("-n {server} link set {line} {state}")).expect("it could be made");
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        for name in self.names() {
            let _ = ip(&format!("netns del {name}"));
        }
    }
}

fn on(machine: &str, url: &str, slots: usize) -> Child {
    Command::new("ip")
        .args(["netns", "exec", machine])
        .arg(env::current_exe().expect("this executable"))
        .env("CONCURRENT_FUTURES_WORKER", url)
        .env("CONCURRENT_FUTURES_INSECURE", "1")
        .env("CONCURRENT_FUTURES_WORKER_HOLD", HOLD.as_secs().to_string())
        .env("CONCURRENT_FUTURES_POOL", POOL)
        .env("CONCURRENT_FUTURES_SLOTS", slots.to_string())
        .stdin(Stdio::null())
        .spawn()
        .expect("a worker starts")
}

/// In the client's process: each task has its value.
fn be_client(url: &str, log: &str) {
    let builder = Cluster::connect(url).unwrap().pool(POOL).insecure();
    let cluster = ready(builder, 2);
    let tasks: Vec<_> = (0..TASKS)
        .map(|number| (number, cluster.submit(busy, (number, log.to_owned(), 1_000))))
        .collect();
    for (number, task) in tasks {
        match task.result() {
            Ok(value) => assert_eq!(value, number * 3 + 1),
            Err(error) => panic!("task {number}: {error}"),
        }
    }
    write_down(log, u64::MAX);
}

/// Cuts these lines while a client has tasks under way.
fn cut(number: usize, lines: &[&str]) {
    let machines = Machines::make(number).expect("the first could be made");
    let [at_server, at_worker, at_client] = machines.names();
    let more = ["--port", "6379", "--bind", "0.0.0.0", "--protected-mode", "no"];
    let server = Server::start_on(&at_server, &more);
    let mut workers = [
        on(&at_worker, "redis://10.9.1.1:6379", 1),
        on(&at_server, "redis://127.0.0.1:6379", 1),
    ];
    let log = Log::new();
    let client = Command::new("ip")
        .args(["netns", "exec", &at_client])
        .arg(env::current_exe().expect("this executable"))
        .args(["--exact", "networks::who_is_cut_off_for_a_while_loses_nothing"])
        .args(["--nocapture", "--test-threads=1"])
        .env(CLIENT_OF, "redis://10.9.2.1:6379")
        .env(LOG, log.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be started once more");
    log.wait_for(200);
    lines.iter().for_each(|line| machines.set(line, "down"));
    thread::sleep(CUT_FOR);
    lines.iter().for_each(|line| machines.set(line, "up"));
    let output = client.wait_with_output().expect("it is a child");
    assert!(
        output.status.success(),
        "cut {lines:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut counts = log.counts();
    assert_eq!(counts.remove(&u64::MAX), Some(1));
    assert_eq!(counts.len() as u64, TASKS);
    server.assert_empty();
    for worker in &mut workers {
        worker.kill().expect("it runs");
        worker.wait().expect("it is a child");
    }
}

#[test]
fn who_is_cut_off_for_a_while_loses_nothing() {
    alone(|| {
        if let (Ok(url), Ok(log)) = (env::var(CLIENT_OF), env::var(LOG)) {
            return be_client(&url, &log);
        }
        match Machines::make(0) {
            Err(why) => {
                println!("NOTE not tested, as networks cannot be made here: {why}");
                assert!(why.contains("netns") || why.contains("veth"), "{why}");
            }
            Ok(machines) => {
                drop(machines);
                thread::scope(|scope| {
                    let cuts: [&[&str]; 3] = [&["w"], &["c"], &["w", "c"]];
                    let cuts = (1..)
                        .zip(cuts)
                        .map(|(number, lines)| scope.spawn(move || cut(number, lines)));
                    cuts.collect::<Vec<_>>()
                        .into_iter()
                        .for_each(|cut| cut.join().expect("nothing is lost"));
                });
            }
        }
    });
}
