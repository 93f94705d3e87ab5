//! When and where the figures were measured.

use crate::{common::workers, figures::Figures};
use std::{
    env, fs,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

pub(crate) fn origin(figures: &Figures) -> String {
    let unknown = || "unknown".to_owned();
    let compiler = says(
        &env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned()),
        &["--version"],
    );
    format!(
        "Measured on {} ({} cores, {}), with {}.",
        figures.measured.map_or_else(unknown, dates),
        workers(),
        processor().unwrap_or_else(unknown),
        compiler.unwrap_or_else(unknown),
    )
}

fn processor() -> Option<String> {
    let from_linux = || {
        let cpus = fs::read_to_string("/proc/cpuinfo").ok()?;
        let model = cpus.lines().find(|line| line.starts_with("model name"))?;
        Some(model.split_once(':')?.1.trim().to_owned())
    };
    from_linux().or_else(|| says("sysctl", &["-n", "machdep.cpu.brand_string"]))
}

fn says(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn dates(measured: [SystemTime; 2]) -> String {
    let [first, last] = measured.map(date);
    if first == last {
        first
    } else {
        format!("{first} to {last}")
    }
}

fn date(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut days = since.as_secs() / 86_400;
    let mut year = 1970;
    while days >= days_of(year) {
        days -= days_of(year);
        year += 1;
    }
    let february = days_of(year) - 337;
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", days + 1)
}

fn days_of(year: u64) -> u64 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    365 + u64::from(is_leap)
}
