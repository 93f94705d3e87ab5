//! How many connections a process may have.

/// What a process has open beside its downloads.
#[cfg(unix)]
const OTHERS: u64 = 64;

/// Raises the limit of this process (and of those that it starts from now on), so that it can have so many
/// connections, and says how many it can have.
#[cfg(unix)]
pub(crate) fn connections(wanted: usize) -> std::io::Result<usize> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let needed = wanted as u64 + OTHERS;
    // `None` is no limit.
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let admitted = maximum.map_or(needed, |maximum| maximum.min(needed));
    if current.is_some_and(|current| current < admitted) {
        let current = Some(admitted);
        setrlimit(Resource::Nofile, Rlimit { current, maximum })?;
    }
    Ok(usize::try_from(admitted.saturating_sub(OTHERS)).map_or(wanted, |admitted| admitted.max(1)))
}

#[cfg(not(unix))]
pub(crate) fn connections(wanted: usize) -> std::io::Result<usize> {
    Ok(wanted)
}
