//! What is printed: lines as of `sha256sum` on stdout, everything else on stderr.

use concurrent_futures::Backend;
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    ffi::OsStr,
    fmt,
    io::{self, Write},
    time::Duration,
};

/// One line as GNU `sha256sum` writes it. A name with a backslash or a line break is escaped, and a backslash
/// in front of the line says so; everything else is written byte by byte as it is.
pub(crate) fn line(digest: &[u8; 32], path: &OsStr) -> Vec<u8> {
    let name = path.as_encoded_bytes();
    let mut line = Vec::with_capacity(name.len() + 68);
    if name.iter().any(|byte| b"\\\n\r".contains(byte)) {
        line.push(b'\\');
    }
    for byte in digest {
        let digit = |value: u8| b"0123456789abcdef"[usize::from(value)];
        line.extend([digit(byte >> 4), digit(byte & 15)]);
    }
    line.extend(b"  ");
    for &byte in name {
        match byte {
            b'\\' => line.extend(b"\\\\"),
            b'\n' => line.extend(b"\\n"),
            b'\r' => line.extend(b"\\r"),
            byte => line.push(byte),
        }
    }
    line.push(b'\n');
    line
}

/// Prints on stdout. A reader that has seen enough and left (`| head -1`) is no error.
pub(crate) fn print(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Prints on stderr. Unlike `eprintln!` it does not panic if nobody reads there any more.
pub(crate) fn complain(what: &str) {
    let _ = writeln!(io::stderr(), "checksum: {what}");
}

/// A progress bar on stderr, hidden where that is not a terminal.
pub(crate) fn progress(label: &'static str, bytes: u64) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{prefix:>8} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    let bar = ProgressBar::new(bytes).with_prefix(label);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// The last lines.
pub(crate) struct Totals {
    /// Files that were there to be hashed.
    pub(crate) listed: usize,
    pub(crate) hashed: usize,
    pub(crate) bytes: u64,
    /// Of all kinds, also what was not listed.
    pub(crate) problems: usize,
    pub(crate) time: Duration,
    /// The time of one thread without an executor, if it was measured.
    pub(crate) serial: Option<Duration>,
    pub(crate) backend: Backend,
    pub(crate) workers: usize,
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Exact up to 2^53 bytes, which is more than anybody hashes.
        #[allow(clippy::cast_precision_loss)]
        let megabytes = self.bytes as f64 / 1e6;
        // An empty tree takes no time.
        let seconds = self.time.as_secs_f64().max(1e-9);
        write!(
            f,
            "{} of {} files hashed, {} bytes, {:.1} MB/s, {seconds:.3} s on {} with {} worker{}, {} problem{}",
            self.hashed,
            self.listed,
            self.bytes,
            megabytes / seconds,
            self.backend,
            self.workers,
            if self.workers == 1 { "" } else { "s" },
            self.problems,
            if self.problems == 1 { "" } else { "s" },
        )?;
        match self.serial {
            Some(serial) => {
                let serial = serial.as_secs_f64();
                write!(
                    f,
                    "\nchecksum: serial {serial:.3} s, speed-up {:.2}",
                    serial / seconds
                )
            }
            None => Ok(()),
        }
    }
}
