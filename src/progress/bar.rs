//! What is known of the items, and when the bar is told.

use super::{
    ended::End,
    style::{self, Failed},
};
use crate::sync::global::atomic::Ordering::Relaxed;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish};
use std::time::Duration;

/// A bar that is slow to move shows all the same that time passes.
const TICK: Duration = Duration::from_millis(100);

/// A bar and what it counts. It comes to its end at the latest when it is dropped.
pub(super) struct Bar {
    shown: ProgressBar,
    failed: Failed,
    yielded: u64,
    /// Made here: nobody else can ask it anything.
    is_ours: bool,
    /// Nobody looks, so nothing is counted.
    is_hidden: bool,
    total: Total,
    is_over: bool,
}

/// How many items the bar counts up to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Total {
    Unknown,
    /// By the items so far.
    Known(u64),
    /// By the caller, and so not ours to change.
    Given,
}

impl Bar {
    /// A bar of our own.
    pub(super) fn on(target: ProgressDrawTarget) -> Self {
        let failed = Failed::default();
        let bar = ProgressBar::with_draw_target(None, target)
            .with_style(style::without_total(&failed))
            .with_finish(ProgressFinish::AndLeave);
        let mut bar = Self::showing(bar, failed);
        bar.is_hidden = bar.shown.is_hidden();
        bar.is_ours = true;
        bar
    }

    /// A bar of the caller's, who may ask how far it is even if it is hidden.
    pub(super) fn of(bar: ProgressBar) -> Self {
        let failed = Failed::default();
        bar.set_style(style::with_failed(bar.style(), &failed));
        Self::showing(bar, failed)
    }

    fn showing(bar: ProgressBar, failed: Failed) -> Self {
        Self {
            total: bar.length().map_or(Total::Unknown, |_| Total::Given),
            shown: bar,
            failed,
            yielded: 0,
            is_ours: false,
            is_hidden: false,
            is_over: false,
        }
    }

    /// Shows that there is something to come.
    pub(super) fn begin(&self) {
        if self.is_ours && !self.is_hidden {
            self.shown.tick();
            self.shown.enable_steady_tick(TICK);
        }
    }

    #[inline]
    pub(super) fn is_seen(&self) -> bool {
        !self.is_hidden
    }

    #[cfg(test)]
    pub(super) fn counted(&self) -> u64 {
        self.shown.position()
    }

    /// So many items are still to come.
    pub(super) fn expect(&mut self, left: (usize, Option<usize>)) {
        let (least, most) = left;
        if self.is_hidden || most != Some(least) {
            return;
        }
        let total = self.yielded + least as u64;
        // A total that falls has been cut off, by a panic, say: what was to be is still what there is to reach.
        if self.total >= Total::Known(total) {
            return;
        }
        if self.is_ours && self.total == Total::Unknown {
            self.shown.set_style(style::with_total(&self.failed));
        }
        self.total = Total::Known(total);
        self.shown.set_length(total);
    }

    /// One more has come, and so many are still to come.
    pub(super) fn count(&mut self, end: End, left: (usize, Option<usize>)) {
        if self.is_hidden || end == End::Early {
            return;
        }
        if end == End::Failed {
            self.failed.fetch_add(1, Relaxed);
        }
        self.yielded += 1;
        // Futures may have been added after an end.
        self.is_over = false;
        self.expect(left);
        self.shown.inc(1);
    }

    /// There are no more items.
    pub(super) fn end(&mut self) {
        if self.is_hidden || std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let total = self.shown.length();
        let is_full = total.is_some_and(|total| self.shown.position() >= total);
        if is_full {
            self.shown.finish_using_style();
        } else if self.total != Total::Given {
            // To finish it would put it to its total.
            self.shown.abandon();
        } else {
            // The caller goes on with it.
            self.shown.tick();
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.end();
    }
}
