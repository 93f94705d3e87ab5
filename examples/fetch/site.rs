//! What there is to download. The number of a page decides how it is answered, so every way meets the same.

use std::time::Duration;

/// What became of a download: how many bytes there were, or why there are none.
pub(crate) type Download = Result<u64, String>;

/// What the server serves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site {
    /// How long the server thinks about most pages.
    pub(crate) latency: Duration,
    /// Nobody is answered before so many have asked.
    pub(crate) crowd: usize,
}

impl Site {
    /// How long the server thinks about this page. Some take longer.
    pub(crate) fn latency_of(&self, page: usize) -> Duration {
        let is_slow = page % 15 == 7;
        self.latency * if is_slow { 3 } else { 1 }
    }
}

/// Some pages cannot be had.
pub(crate) fn is_broken(page: usize) -> bool {
    page % 15 == 13
}

/// The length differs from page to page a little: answers that were mixed up would be noticed.
pub(crate) fn contents(page: usize) -> String {
    format!("page {page}\n").repeat(100 + page % 10)
}

/// What a download of this page should come to.
pub(crate) fn expected(page: usize) -> Download {
    if is_broken(page) {
        Err("500 Internal Server Error".into())
    } else {
        Ok(contents(page).len() as u64)
    }
}
