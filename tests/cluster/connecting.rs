//! What goes wrong before there is a cluster, in words that show no password.

use crate::{harness::alone, server::Server};
use concurrent_futures::{BuildError, Cluster, ClusterError, Executor};
use std::{env, net::TcpListener, process::Command};

const SECRET: &str = "s3cr3t-Pa55";

/// Why there is no cluster at this address.
fn refusal(address: &str) -> ClusterError {
    let built = Cluster::connect(address).and_then(|builder| builder.build());
    let error = built.expect_err("there is no cluster");
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains(SECRET), "{text}");
    }
    match error {
        BuildError::Cluster(error) => error,
        other => panic!("another error: {other:?}"),
    }
}

#[test]
fn a_port_where_nobody_listens_is_unreachable() {
    alone(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let error = refusal(&format!("redis://me:{SECRET}@127.0.0.1:{port}"));
        let ClusterError::Unreachable { address, .. } = &error else {
            panic!("another error: {error:?}");
        };
        assert_eq!(*address, format!("redis://127.0.0.1:{port}"));
        let missing = refusal("unix:///nowhere/there-is-none");
        assert!(
            matches!(&missing, ClusterError::Unreachable { .. }),
            "{missing:?}"
        );
    });
}

#[test]
fn a_wrong_password_is_refused() {
    alone(|| {
        let server = Server::start();
        server.ask(&["CONFIG", "SET", "requirepass", "another"]);
        for user in [
            String::new(),
            format!("?pass={SECRET}"),
            format!("?user=me&pass={SECRET}"),
        ] {
            let error = refusal(&format!("{}{user}", server.url()));
            assert!(
                matches!(&error, ClusterError::Refused { .. }),
                "{user}: {error:?}"
            );
        }
        let right = Cluster::connect(&format!("{}?pass=another", server.url())).unwrap();
        let cluster = right.workers(1).slots(1).build().unwrap();
        assert_eq!(cluster.submit(|n: u32| n, 5).result().unwrap(), 5);
        let shown = format!("{cluster:?}");
        assert!(!shown.contains("another"), "{shown}");
    });
}

#[test]
fn a_plain_connection_to_another_machine_has_to_be_asked_for() {
    alone(|| {
        // An address for examples: nobody has it, and nobody is asked.
        let error = refusal(&format!("redis://me:{SECRET}@192.0.2.1:6379"));
        assert!(matches!(&error, ClusterError::Insecure(_)), "{error:?}");
        assert!(error.to_string().contains("rediss://"), "{error}");
    });
}

#[test]
fn an_address_that_makes_no_sense_is_said_to_be_none() {
    alone(|| {
        for address in [
            "",
            "me",
            "http://me@there",
            &format!("redis://me:{SECRET}"),
            &format!("{SECRET}@there:1"),
        ] {
            let error = refusal(address);
            assert!(matches!(&error, ClusterError::Address(_)), "{address}: {error:?}");
        }
        let server = Server::start();
        let named = server.cluster().pool("{a}").build().expect_err("no name");
        assert!(
            matches!(named, BuildError::Cluster(ClusterError::Name(_))),
            "{named:?}"
        );
    });
}

#[test]
fn without_a_server_in_path_a_local_cluster_says_what_to_install() {
    const HERE: &str = "CLUSTER_TEST_WITHOUT_PATH";
    alone(|| {
        if env::var_os(HERE).is_some() {
            let error = Cluster::local().expect_err("there is no server");
            assert!(
                matches!(error, BuildError::Cluster(ClusterError::NoServer)),
                "{error:?}"
            );
            assert!(error.to_string().contains("redis-server"), "{error}");
            return;
        }
        let name = "connecting::without_a_server_in_path_a_local_cluster_says_what_to_install";
        let output = Command::new(env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture", "--test-threads=1"])
            .env(HERE, "1")
            .env("PATH", "")
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    });
}
