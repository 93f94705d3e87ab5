//! What the server's errors, and those of the way there, mean to the cluster.

use super::super::Fault;
use redis::{ErrorKind, RedisError, ServerError};
use std::{error::Error as _, io};

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
    let Some(io) = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>())
    else {
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
