//! Whether the server is one that tasks can be trusted to.

use super::{
    super::{Broker as _, Fault},
    RedisBroker, replies,
};
use crate::ClusterError;
use redis::{ServerErrorKind, Value, cmd};
use std::time::Duration;

/// The first one whose scripts say what they need.
const OLDEST: u32 = 7;

impl RedisBroker {
    /// Connects, and looks at what the server is.
    ///
    /// # Errors
    ///
    /// If it does not answer, does not let us in, is too old, or may throw away what it has stored.
    pub(crate) fn check(&self) -> Result<(), ClusterError> {
        let fail = |fault| self.explain(fault);
        let mut link = self.link().map_err(fail)?;
        let answer = link.ask_plainly(&cmd("INFO"), Duration::ZERO).map_err(fail)?;
        if let Value::ServerError(error) = &answer
            && error.kind() == Some(ServerErrorKind::NoPerm)
        {
            // Then it is up to who wrote the rules for this user.
            return Ok(());
        }
        let info = replies::bytes(link.accept(answer).map_err(fail)?).unwrap_or_default();
        match what_is_wrong(&String::from_utf8_lossy(&info)) {
            None => Ok(()),
            Some(reason) => Err(ClusterError::Unsuitable {
                address: self.address(),
                reason,
            }),
        }
    }

    /// A fault that comes before there is a cluster.
    fn explain(&self, fault: Fault) -> ClusterError {
        let address = self.address();
        match fault {
            Fault::Away(reason) => ClusterError::Unreachable { address, reason },
            Fault::Refused(reason) => ClusterError::Refused { address, reason },
            Fault::Full(reason) => ClusterError::Unsuitable { address, reason },
        }
    }
}

fn what_is_wrong(info: &str) -> Option<String> {
    let field = |name: &str| {
        let value = |line: &'_ str| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim().to_owned());
        info.lines().find_map(value)
    };
    if let Some(version) = field("redis_version") {
        let major = version
            .split('.')
            .next()
            .and_then(|major| major.parse::<u32>().ok());
        if major.is_some_and(|major| major < OLDEST) {
            return Some(format!(
                "it is Redis {version}; what is needed is Redis 7.0 or Valkey 7.2, or later"
            ));
        }
    }
    let has_limit = field("maxmemory").is_some_and(|limit| limit != "0");
    match field("maxmemory_policy") {
        Some(policy) if has_limit && policy != "noeviction" => Some(format!(
            "its `maxmemory-policy` is `{policy}`: when its memory is full it throws tasks and results away. Give it \
             `maxmemory-policy noeviction`, or use another server"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::what_is_wrong;

    #[test]
    fn a_server_must_be_new_enough_and_keep_what_it_has() {
        let good = "# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\n# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n";
        assert_eq!(what_is_wrong(good), None);
        assert_eq!(what_is_wrong(""), None);
        assert_eq!(what_is_wrong(&good.replace("7.2.4", "10.0.0")), None);
        let old = what_is_wrong(&good.replace("7.2.4", "6.2.14")).unwrap();
        assert!(old.contains("6.2.14") && old.contains("7.0"), "{old}");

        let evicts = good.replace("noeviction", "allkeys-lru");
        assert_eq!(
            what_is_wrong(&evicts),
            None,
            "nothing is thrown away without a limit"
        );
        let evicts = what_is_wrong(&evicts.replace("maxmemory:0", "maxmemory:1048576")).unwrap();
        assert!(
            evicts.contains("allkeys-lru") && evicts.contains("noeviction"),
            "{evicts}"
        );
    }
}
