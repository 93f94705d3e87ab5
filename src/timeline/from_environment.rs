//! Recording a program that does not ask for it.

use super::{Recording, Timeline};
use crate::{ledger::Ledger, sync::global::Mutex, sys::exit};
use std::{env, ffi::OsString, io, path::PathBuf, sync::OnceLock};

/// Names the file that is to be written.
const VARIABLE: &str = "CONCURRENT_FUTURES_TRACE";
#[cfg(unix)]
pub(crate) const VARIABLE_C: &std::ffi::CStr = c"CONCURRENT_FUTURES_TRACE";

struct Wanted {
    path: PathBuf,
    /// Made with the first executor.
    recording: Mutex<Option<Recording>>,
}

/// The variable, as it was when the first executor was made.
static WANTED: OnceLock<Option<Wanted>> = OnceLock::new();

/// An executor was made: it is recorded, if the environment says so.
pub(crate) fn executor_opened(ledger: &Ledger) {
    let wanted = WANTED.get_or_init(|| {
        let path = env::var_os(VARIABLE).filter(|path| !path.is_empty())?;
        exit::at_exit(write);
        Some(Wanted {
            path: absolute(path),
            recording: Mutex::new(None),
        })
    });
    let Some(wanted) = wanted else { return };
    let mut recording = wanted.recording.lock();
    match &*recording {
        Some(recording) => recording.add(ledger),
        None => *recording = Some(Recording::of(ledger)),
    }
}

/// The program may change its folder.
fn absolute(path: OsString) -> PathBuf {
    std::path::absolute(&path).unwrap_or_else(|_| path.into())
}

/// The program ends.
fn write() {
    let Some(Some(wanted)) = WANTED.get() else { return };
    // Somebody may be in the middle of making an executor, and never come back.
    let Some(recording) = wanted
        .recording
        .try_lock()
        .and_then(|mut recording| recording.take())
    else {
        return;
    };
    let timeline = recording.finish();
    if let Err(error) = write_to(&timeline, wanted) {
        eprintln!(
            "{VARIABLE}: {} could not be written: {error}",
            wanted.path.display()
        );
    }
}

fn write_to(timeline: &Timeline, wanted: &Wanted) -> io::Result<()> {
    if wanted
        .path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("svg"))
    {
        timeline.write_svg(&wanted.path)
    } else {
        timeline.write_chrome(&wanted.path)
    }
}
