//! Executables that are not the same never exchange work.

use crate::{
    harness::{alone, assert_works, eventually, ready},
    server::Server,
    workers::Worker,
};
use concurrent_futures::{Executor, TaskError};
use std::{
    env, fs,
    io::Write,
    time::{Duration, Instant},
};

#[test]
fn a_worker_of_another_build_gets_nothing_and_is_named() {
    alone(|| {
        let server = Server::start();
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("another-build");
        fs::copy(env::current_exe().unwrap(), &other).unwrap();
        let mut file = fs::File::options().append(true).open(&other).unwrap();
        file.write_all(b"\n").unwrap();
        drop(file);
        let mut foreign = Worker::of(&other, &server, 1, &[]);
        eventually("it is there", || !server.keys_of("w").is_empty());

        let cluster = ready(server.cluster(), 0);
        assert!(cluster.cluster_workers().is_empty());
        let own = server.keys_of("c:")[0].split(':').nth(2).unwrap().to_owned();
        let begun = Instant::now();
        let error = cluster.submit(|n: u32| n, 1).result().unwrap_err();
        let TaskError::Unavailable(why) = &error else {
            panic!("another error: {error:?}");
        };
        let why = why.to_string();
        assert!(
            begun.elapsed() >= Duration::from_secs(4),
            "others may be about to come"
        );
        let builds: Vec<&str> = why
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|word| word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .collect();
        assert!(
            builds.len() == 2 && builds[0] == own && builds[1] != own,
            "{own}: {why}"
        );
        assert_eq!(cluster.cluster_workers().len(), 0);

        // With one of the same build it works, whoever else is there.
        let _same = Worker::start(&server, 1, &[]);
        assert!(cluster.wait_for_slots(1, crate::harness::SOON));
        eventually("the one of the same build is seen", || {
            cluster.cluster_workers().len() == 1
        });
        assert_works(&cluster, "with a worker of the same build");
        foreign.signal(libc::SIGTERM);
        assert_eq!(foreign.ended().code(), Some(0));
        drop(cluster);
        server.assert_empty();
    });
}
