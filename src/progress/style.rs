//! How a bar of ours looks.

use crate::sync::{
    Arc,
    global::atomic::{AtomicU64, Ordering::Relaxed},
};
use indicatif::{FormattedDuration, HumanCount, ProgressState, ProgressStyle};
use std::fmt::Write;

/// How many items failed, as the bar's thread reads it.
pub(super) type Failed = Arc<AtomicU64>;

/// Where the total is known.
pub(super) fn with_total(failed: &Failed) -> ProgressStyle {
    ours(
        "{wide_bar:.cyan/dim} {human_pos}/{human_len}  {rate}  {time}{failures:.red}",
        failed,
    )
}

/// Where it is not.
pub(super) fn without_total(failed: &Failed) -> ProgressStyle {
    ours(
        "{spinner:.cyan} {human_pos}  {rate}  {time}{failures:.red}",
        failed,
    )
}

/// Gives a template the key `{failed}`.
pub(super) fn with_failed(style: ProgressStyle, failed: &Failed) -> ProgressStyle {
    let failed = failed.clone();
    style.with_key("failed", move |_: &ProgressState, out: &mut dyn Write| {
        let _ = write!(out, "{}", HumanCount(failed.load(Relaxed)));
    })
}

fn ours(template: &str, failed: &Failed) -> ProgressStyle {
    let failed = failed.clone();
    let style = ProgressStyle::with_template(template).expect("the template is correct");
    style
        .progress_chars("━╸ ")
        .with_key("rate", |state: &ProgressState, out: &mut dyn Write| {
            let _ = write_rate(state.per_sec(), out);
        })
        .with_key("time", |state: &ProgressState, out: &mut dyn Write| {
            let _ = write_time(state, out);
        })
        .with_key("failures", move |_: &ProgressState, out: &mut dyn Write| {
            let failed = failed.load(Relaxed);
            if failed > 0 {
                let _ = write!(out, "  {} failed", HumanCount(failed));
            }
        })
}

/// Slow rates with what tells them apart, fast ones without what nobody reads.
fn write_rate(rate: f64, out: &mut dyn Write) -> std::fmt::Result {
    if rate < 100.0 {
        write!(out, "{rate:.1}/s")
    } else {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is not negative, and more than u64::MAX is not reached"
        )]
        let whole = rate.round() as u64;
        write!(out, "{}/s", HumanCount(whole))
    }
}

fn write_time(state: &ProgressState, out: &mut dyn Write) -> std::fmt::Result {
    if state.is_finished() || state.len().is_none() {
        let elapsed = state.elapsed();
        return match elapsed.as_secs() {
            0..60 => write!(out, "in {:.1}s", elapsed.as_secs_f64()),
            _ => write!(out, "in {}", FormattedDuration(elapsed)),
        };
    }
    let left = state.eta();
    match left.as_secs() {
        // Nothing to estimate from.
        _ if state.pos() == 0 => write!(out, "-- left"),
        seconds @ 0..60 => write!(out, "{seconds}s left"),
        _ => write!(out, "{} left", FormattedDuration(left)),
    }
}
