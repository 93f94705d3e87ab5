//! What the server's errors, and those of the way there, mean to the cluster.

use super::super::Fault;
use crate::sync::Arc;
use redis::{ErrorKind, RedisError, ServerError};
use std::{error::Error, io};

/// Why there was no answer. While a connection is made, what is no error of the network does not pass.
pub(super) fn of_connection(error: &RedisError, is_open: bool) -> Fault {
    let for_now = |text: String| {
        if is_open {
            Fault::Away(text)
        } else {
            Fault::Refused(text)
        }
    };
    match error.kind() {
        ErrorKind::Io => {}
        ErrorKind::Parse => {
            return for_now(
                "what answers does not speak the protocol of Redis; if it wants TLS, the address begins with `rediss://`"
                    .to_owned(),
            );
        }
        _ => return for_now(error.to_string()),
    }
    let Some(io) = cause(error) else {
        // The name is none that a certificate can have, or the system's certificates cannot be read.
        return for_now(error.to_string());
    };
    if let Some(tls) = io
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    {
        return for_now(of_tls(tls));
    }
    Fault::Away(match io.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "it has not answered in time".to_owned(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
            if !is_open =>
        {
            "it closes the connection; if it wants TLS, the address begins with `rediss://`".to_owned()
        }
        io::ErrorKind::UnexpectedEof => "it has closed the connection".to_owned(),
        _ => io.to_string(),
    })
}

/// The error of the system, which the crate keeps in a shared box.
fn cause(error: &RedisError) -> Option<&io::Error> {
    let source = error.source()?;
    match source.downcast_ref::<Arc<dyn Error + Send + Sync>>() {
        Some(inner) => inner.downcast_ref(),
        None => source.downcast_ref(),
    }
}

fn of_tls(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidMessage(_) => format!(
            "what answers does not speak TLS ({error}); a server without TLS has an address that begins with `redis://`"
        ),
        _ => format!("TLS: {error}"),
    }
}

/// What a server says that does not do what it was asked for.
pub(super) fn of_server(error: &ServerError) -> Fault {
    let details = error.details().unwrap_or_default();
    let text = format!("{} {details}", error.code());
    match error.code() {
        "OOM" => Fault::Full(text),
        "BUSY" | "CLUSTERDOWN" | "LOADING" | "MASTERDOWN" | "MISCONF" | "NOREPLICAS" | "READONLY"
        | "TRYAGAIN" | "UNBLOCKED" => Fault::Away(text),
        "ERR" if details.contains("max number of clients") => Fault::Away(text),
        "ASK" | "MOVED" | "CROSSSLOT" => Fault::Refused(format!(
            "it is one of several servers that share the keys, which is not supported: {text}"
        )),
        _ => Fault::Refused(text),
    }
}

/// Whether the group of a queue is gone, with the queue or before it was there.
pub(super) fn is_no_group(error: &ServerError) -> bool {
    matches!(error.code(), "NOGROUP" | "UNBLOCKED")
}

#[cfg(test)]
mod tests {
    use super::{Fault, of_connection, of_server};
    use redis::{RedisError, Value};
    use std::io::{self, ErrorKind};

    fn said(line: &str) -> Fault {
        match redis::parse_redis_value(format!("-{line}\r\n").as_bytes()) {
            Ok(Value::ServerError(error)) => of_server(&error),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_a_server_says_is_for_now_or_for_good() {
        for line in [
            "LOADING Redis is loading the dataset in memory",
            "READONLY You can't write against a read only replica.",
            "MASTERDOWN Link with MASTER is down",
            "CLUSTERDOWN The cluster is down",
            "TRYAGAIN Multiple keys request during rehashing of slot",
            "BUSY Redis is busy running a script.",
            "MISCONF Redis is configured to save RDB snapshots",
            "NOREPLICAS Not enough good replicas to write.",
            "ERR max number of clients reached",
        ] {
            assert_eq!(said(line), Fault::Away(line.to_owned()));
        }
        let full = "OOM command not allowed when used memory > 'maxmemory'.";
        assert_eq!(said(full), Fault::Full(full.to_owned()));
        for line in [
            "NOAUTH Authentication required.",
            "WRONGPASS invalid username-password pair or user is disabled.",
            "NOPERM this user has no permissions to run the 'xadd' command",
            "ERR unknown command 'XAUTOCLAIM'",
            "WRONGTYPE Operation against a key holding the wrong kind of value",
            "MOVED 3999 10.0.0.1:6381",
        ] {
            assert!(
                matches!(said(line), Fault::Refused(text) if text.contains(line)),
                "{line}"
            );
        }
    }

    #[test]
    fn an_error_of_the_network_is_for_now_and_one_of_tls_only_once_it_has_worked() {
        for kind in [
            ErrorKind::ConnectionRefused,
            ErrorKind::ConnectionReset,
            ErrorKind::TimedOut,
            ErrorKind::WouldBlock,
            ErrorKind::UnexpectedEof,
            ErrorKind::BrokenPipe,
            ErrorKind::NotFound,
            ErrorKind::HostUnreachable,
        ] {
            for is_open in [false, true] {
                let fault = of_connection(&RedisError::from(io::Error::from(kind)), is_open);
                assert!(matches!(fault, Fault::Away(_)), "{kind}: {fault:?}");
            }
        }
        let tls = || io::Error::new(ErrorKind::InvalidData, rustls::Error::DecryptError);
        assert!(matches!(of_connection(&tls().into(), false), Fault::Refused(_)));
        assert!(matches!(of_connection(&tls().into(), true), Fault::Away(_)));
    }
}
