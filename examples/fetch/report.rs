//! What is printed.

use crate::{measure::Measured, ways::Way};
use std::{
    io::{self, Write},
    time::Duration,
};

pub(crate) fn heading() -> String {
    line(
        [
            "way",
            "time",
            "speed-up",
            "succeeded",
            "failed",
            "at once",
            "memory",
        ]
        .map(String::from),
    )
}

/// `serial` is how long it takes to download one after the other.
pub(crate) fn row(way: Way, measured: &Measured, serial: Duration) -> String {
    let seconds = measured.time.as_secs_f64();
    let memory = measured
        .memory
        .map(|bytes| format!("{} MB", bytes.div_ceil(1 << 20)));
    line([
        way.name().into(),
        format!("{seconds:.3} s"),
        format!("{:.1}", serial.as_secs_f64() / seconds),
        measured.succeeded.to_string(),
        measured.failed.to_string(),
        measured.at_once.to_string(),
        memory.unwrap_or("n/a".into()),
    ])
}

fn line([way, time, speed_up, succeeded, failed, at_once, memory]: [String; 7]) -> String {
    format!("{way:<16}{time:>10}{speed_up:>10}{succeeded:>11}{failed:>8}{at_once:>9}{memory:>9}\n")
}

/// Prints on stdout. A reader that has seen enough and left (`| head -1`) is no error.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Prints on stderr. Unlike `eprintln!` it does not panic if nobody reads there any more.
pub(crate) fn complain(what: &str) {
    let _ = writeln!(io::stderr(), "fetch: {what}");
}
