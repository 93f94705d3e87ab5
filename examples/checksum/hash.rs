//! The work: reads one file and hashes it.

use crate::files::name_of;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    cell::RefCell,
    ffi::{OsStr, OsString},
    fs::{File, Metadata},
    io::{self, Read},
    time::SystemTime,
};

/// Read at once. Less would be more system calls; more would leave the cache of the CPU.
const BUFFER_SIZE: usize = 128 * 1024;

thread_local! {
    /// One per worker and not per file: most files are smaller than the time it takes to allocate this.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER_SIZE]);
}

/// What was in a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Checksum {
    pub(crate) digest: [u8; 32],
    pub(crate) bytes: u64,
}

/// Portable work: the path crosses as it is, and the reason for a failure as text, because an `io::Error` does
/// not cross.
#[allow(clippy::needless_pass_by_value, reason = "an argument belongs to its task")]
pub(crate) fn checksum(path: OsString) -> Result<Checksum, String> {
    let mut hasher = Sha256::new();
    let bytes = read_through(&path, |part| hasher.update(part)).map_err(|error| error.to_string())?;
    Ok(Checksum {
        digest: hasher.finalize().into(),
        bytes,
    })
}

/// Calls `take` with the contents of the file, part by part, and says how many bytes there were.
///
/// A file that is written to meanwhile is an error: the parts belong to different moments, so together they
/// are the contents of no file that ever was.
pub(crate) fn read_through(path: &OsStr, mut take: impl FnMut(&[u8])) -> io::Result<u64> {
    let mut file = open(path)?;
    let before = file.metadata()?;
    if !before.is_file() {
        // It was a file when it was listed.
        let kind = name_of(before.file_type());
        return Err(io::Error::other(format!("became {kind} after it was listed")));
    }
    BUFFER.with_borrow_mut(|buffer| {
        let mut bytes = 0;
        loop {
            let part = match file.read(buffer) {
                Ok(0) => break,
                Ok(part) => part,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            take(&buffer[..part]);
            bytes += part as u64;
            // Who writes faster than this reads must not keep it for ever. (Files in /proc are longer than
            // they say and stay so: only a size that changes is a sign of growth.)
            if bytes > before.len() {
                unchanged(&before, &file)?;
            }
        }
        unchanged(&before, &file)?;
        Ok(bytes)
    })
}

fn unchanged(before: &Metadata, file: &File) -> io::Result<()> {
    let now = file.metadata()?;
    let modified = |metadata: &Metadata| -> Option<SystemTime> { metadata.modified().ok() };
    if now.len() == before.len() && modified(&now) == modified(before) {
        Ok(())
    } else {
        Err(io::Error::other("changed while it was read"))
    }
}

/// Opens a file that may have been replaced by something else since it was listed.
#[cfg(unix)]
fn open(path: &OsStr) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // Makes no difference to a file; to open a FIFO without this blocks until somebody writes to it.
    File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
}

#[cfg(not(unix))]
fn open(path: &OsStr) -> io::Result<File> {
    File::open(path)
}
