//! Where the engine is, and the password that nobody sees.

use crate::ClusterError;
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo, io::tcp::TcpSettings};
use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
};

/// The engine's address. Its text is without user and password.
#[derive(Clone)]
pub(crate) struct Address {
    place: ConnectionAddr,
    settings: RedisConnectionInfo,
    /// Certificates to trust instead of the system's, in PEM.
    ca: Option<PathBuf>,
}

impl Address {
    /// Reads `redis://user:password@host:port/db`, the same with `rediss://` (TLS), or `unix:///path?user=…&pass=…&db=…`.
    ///
    /// Without `insecure` there is no way to a server elsewhere that is not encrypted. `ca` is for TLS.
    ///
    /// # Errors
    ///
    /// Never shows the text, which may have the password at any place if it was mistyped.
    pub(crate) fn parse(url: &str, insecure: bool, ca: Option<PathBuf>) -> Result<Self, ClusterError> {
        let wrong = |what: &str| ClusterError::Address(what.to_owned());
        let url = redis::parse_redis_url(url).ok_or_else(|| {
            wrong("it begins with `redis://`, `rediss://` or `unix://`, as `rediss://user:password@host:6379`; in the password `/`, `?`, `#`, `@`, `:` and `%` are written as `%2F`, `%3F`, `%23`, `%40`, `%3A` and `%25`")
        })?;
        if url.fragment().is_some() {
            return Err(wrong("it has a `#`, which in a password is written as `%23`"));
        }
        // What the crate says of a mistake may quote the text.
        let info = url.into_connection_info().map_err(|_| {
            wrong("it has no host or path, or the number of its database is none, or the name of its user or its password is not UTF-8")
        })?;
        let settings = info.redis_settings().clone().set_skip_set_lib_name();
        let address = Self {
            place: info.addr().clone(),
            settings,
            ca,
        };
        if let ConnectionAddr::Tcp(host, _) = &address.place
            && !insecure
            && !is_here(host)
        {
            return Err(ClusterError::Insecure(address.to_string()));
        }
        Ok(address)
    }

    /// A server of this machine, without a password.
    pub(crate) fn of_socket(path: &Path) -> Self {
        Self {
            place: ConnectionAddr::Unix(path.to_owned()),
            settings: RedisConnectionInfo::default().set_skip_set_lib_name(),
            ca: None,
        }
    }

    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self.place, ConnectionAddr::TcpTls { .. })
    }

    pub(super) fn ca(&self) -> Option<&Path> {
        self.ca.as_deref()
    }

    /// User, password and database.
    pub(super) fn settings(&self) -> &RedisConnectionInfo {
        &self.settings
    }

    /// How to connect, without user and password: those are sent by who connects, to see what the server says about them.
    pub(super) fn way(&self) -> Result<ConnectionInfo, redis::RedisError> {
        Ok(self
            .place
            .clone()
            .into_connection_info()?
            .set_tcp_settings(TcpSettings::default().set_nodelay(true))
            .set_redis_settings(RedisConnectionInfo::default().set_skip_set_lib_name()))
    }

    /// Takes the password out of a text of others: a server may quote what it does not understand.
    pub(super) fn without_secrets(&self, text: String) -> String {
        match self.settings.password() {
            Some(password) if !password.is_empty() => text.replace(password, "***"),
            _ => text,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host, port) = match &self.place {
            ConnectionAddr::Tcp(host, port) => ("redis", host, port),
            ConnectionAddr::TcpTls { host, port, .. } => ("rediss", host, port),
            ConnectionAddr::Unix(path) => return write!(f, "unix://{}", path.display()),
            _ => return f.write_str("an address of an unknown kind"),
        };
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}")
        } else {
            write!(f, "{scheme}://{host}:{port}")
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// Whether what is sent there stays on this machine.
fn is_here(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

/// The names of pools and labels are parts of keys, and of the patterns that say who may use which keys.
pub(crate) fn check_name(name: &str) -> Result<(), ClusterError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if (1..=64).contains(&name.len()) && name.bytes().all(is_allowed) {
        Ok(())
    } else {
        Err(ClusterError::Name(name.to_owned()))
    }
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
