//! What a worker is told by its environment.

use crate::cluster::address::check_name;
use std::{env, ffi::CStr, path::PathBuf, time::Duration};

/// How a worker is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cluster) struct Settings {
    /// Of the engine, as it was given: it may hold a password.
    pub(super) address: String,
    pub(super) pool: String,
    /// Processes.
    pub(super) slots: usize,
    pub(super) labels: Vec<String>,
    /// A file with certificates to trust.
    pub(super) authority: Option<PathBuf>,
    pub(super) insecure: bool,
    pub(super) give_up_after: Option<Duration>,
    /// After how long a worker that is not heard of has lost its tasks.
    pub(super) hold: Option<Duration>,
    /// The process that this one is not to outlive.
    pub(super) parent: Option<u32>,
}

impl Settings {
    /// The variable that makes a process a worker.
    pub(in crate::cluster) const ADDRESS: &'static str = "CONCURRENT_FUTURES_WORKER";
    pub(in crate::cluster) const POOL: &'static str = "CONCURRENT_FUTURES_POOL";
    pub(in crate::cluster) const SLOTS: &'static str = "CONCURRENT_FUTURES_SLOTS";
    pub(in crate::cluster) const LABELS: &'static str = "CONCURRENT_FUTURES_LABELS";
    pub(in crate::cluster) const AUTHORITY: &'static str = "CONCURRENT_FUTURES_CA";
    pub(in crate::cluster) const INSECURE: &'static str = "CONCURRENT_FUTURES_INSECURE";
    pub(in crate::cluster) const GIVE_UP: &'static str = "CONCURRENT_FUTURES_WORKER_GIVE_UP";
    pub(in crate::cluster) const HOLD: &'static str = "CONCURRENT_FUTURES_WORKER_HOLD";
    pub(in crate::cluster) const PARENT: &'static str = "CONCURRENT_FUTURES_WORKER_PARENT";

    /// Those that neither tasks nor the programs that they start are to see.
    pub(in crate::cluster) const OF_THE_WORKER: [&'static CStr; 4] = [
        c"CONCURRENT_FUTURES_WORKER",
        c"CONCURRENT_FUTURES_WORKER_GIVE_UP",
        c"CONCURRENT_FUTURES_WORKER_HOLD",
        c"CONCURRENT_FUTURES_WORKER_PARENT",
    ];

    /// # Errors
    ///
    /// Says which variable makes no sense.
    pub(in crate::cluster) fn of_environment() -> Result<Self, String> {
        Self::read(|name| {
            let value = env::var_os(name)?;
            Some(value.into_string().map_err(|_| format!("{name} is not UTF-8")))
        })
    }

    fn read(variable: impl Fn(&str) -> Option<Result<String, String>>) -> Result<Self, String> {
        let text = |name| variable(name).transpose();
        let number = |name| match text(name)? {
            None => Ok(None),
            Some(value) => match value.trim().parse::<u32>() {
                Ok(number) if number > 0 => Ok(Some(number)),
                _ => Err(format!("{name}={value} is no number from 1 on")),
            },
        };
        let pool = text(Self::POOL)?.unwrap_or_else(|| "default".to_owned());
        let labels = text(Self::LABELS)?.unwrap_or_default();
        let labels: Vec<_> = labels
            .split(',')
            .map(str::trim)
            .filter(|label| !label.is_empty())
            .map(str::to_owned)
            .collect();
        for name in labels.iter().chain([&pool]) {
            check_name(name).map_err(|error| error.to_string())?;
        }
        let insecure = match text(Self::INSECURE)?.as_deref() {
            None | Some("" | "0") => false,
            Some("1") => true,
            Some(other) => return Err(format!("{}={other} is neither 0 nor 1", Self::INSECURE)),
        };
        Ok(Self {
            address: text(Self::ADDRESS)?.unwrap_or_default(),
            pool,
            slots: number(Self::SLOTS)?.map_or_else(num_cpus::get, |slots| slots as usize),
            labels,
            authority: text(Self::AUTHORITY)?.map(PathBuf::from),
            insecure,
            give_up_after: number(Self::GIVE_UP)?.map(|seconds| Duration::from_secs(seconds.into())),
            hold: number(Self::HOLD)?.map(|seconds| Duration::from_secs(seconds.into())),
            parent: number(Self::PARENT)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
        Settings::read(|name| {
            let found = variables.iter().find(|(of, _)| *of == name);
            found.map(|(_, value)| Ok((*value).to_owned()))
        })
    }

    #[test]
    fn only_the_address_is_needed() {
        let settings = read(&[(Settings::ADDRESS, "redis://localhost")]).unwrap();
        assert_eq!(
            (settings.pool.as_str(), settings.labels.len(), settings.insecure),
            ("default", 0, false)
        );
        assert!(settings.slots >= 1 && settings.give_up_after.is_none() && settings.parent.is_none());
    }

    #[test]
    fn all_can_be_said() {
        let settings = read(&[
            (Settings::ADDRESS, "rediss://there"),
            (Settings::POOL, "crunch"),
            (Settings::SLOTS, "3"),
            (Settings::LABELS, "gpu, big.memory,"),
            (Settings::AUTHORITY, "/etc/ca.pem"),
            (Settings::INSECURE, "1"),
            (Settings::GIVE_UP, "7"),
            (Settings::PARENT, "4711"),
        ])
        .unwrap();
        assert_eq!((settings.slots, settings.parent), (3, Some(4711)));
        assert_eq!(settings.labels, ["gpu", "big.memory"]);
        assert_eq!(settings.give_up_after, Some(Duration::from_secs(7)));
        assert!(settings.insecure);
    }

    #[test]
    fn nonsense_is_named() {
        for (name, value) in [
            (Settings::SLOTS, "0"),
            (Settings::SLOTS, "many"),
            (Settings::GIVE_UP, "-1"),
            (Settings::INSECURE, "yes"),
            (Settings::POOL, "{a}"),
            (Settings::LABELS, "a b"),
            (Settings::PARENT, "x"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert!(error.contains(value), "{error}");
        }
    }
}
