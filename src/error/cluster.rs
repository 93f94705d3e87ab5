use std::io;

/// Why a cluster could not be joined. Never shows a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// The address makes no sense.
    #[error("the address of the cluster's server cannot be used: {0}")]
    Address(String),
    /// A connection that anybody on the way could read and write.
    #[error(
        "the connection to {0} would not be encrypted: whoever is on the way could read the tasks and run any of the \
         program's. Use `rediss://`, or ask for it with `insecure()` (in the environment: CONCURRENT_FUTURES_INSECURE=1)"
    )]
    Insecure(String),
    /// Nobody answers there.
    #[error("the cluster's server at {address} cannot be reached: {reason}")]
    Unreachable {
        /// Where it should be.
        address: String,
        /// What the system says.
        reason: String,
    },
    /// The server answers, and does not let this program in.
    #[error("the cluster's server at {address} refuses: {reason}")]
    Refused {
        /// Where it is.
        address: String,
        /// What it says.
        reason: String,
    },
    /// The server could lose tasks, or lacks what is needed.
    #[error("the cluster's server at {address} cannot be used as it is: {reason}")]
    Unsuitable {
        /// Where it is.
        address: String,
        /// What is wrong, and the cure.
        reason: String,
    },
    /// There is no server to start on this machine.
    #[error(
        "neither `valkey-server` nor `redis-server` is in PATH, one of which a local cluster starts: install the package \
         `valkey-server` or `redis-server`, or use a `ProcessPool`, which needs no server"
    )]
    NoServer,
    /// A server, or a worker, of a local cluster could not be started.
    #[error("could not start a local cluster: {0}")]
    Start(#[source] io::Error),
    /// A name of a pool or a label that cannot be part of a key.
    #[error("{0:?} cannot be the name of a pool or a label: 1 to 64 letters, digits, `-`, `_` or `.`")]
    Name(String),
}
