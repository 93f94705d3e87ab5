//! Bounds that make no sense.

use super::{Bounds, Subject, on_all};
use concurrent_futures::BuildError;
use std::time::Duration;

on_all!(a_rate_of_nothing_and_a_time_of_nothing_are_refused);

fn a_rate_of_nothing_and_a_time_of_nothing_are_refused<S: Subject>() {
    for rate in [
        (0, Duration::from_secs(1)),
        (1, Duration::ZERO),
        (0, Duration::ZERO),
    ] {
        let bounds = Bounds {
            workers: 1,
            rate: Some(rate),
            ..Bounds::default()
        };
        assert!(matches!(S::build(bounds), Err(BuildError::NoRate)), "{rate:?}");
    }
    let bounds = Bounds {
        workers: 1,
        max_pending: Some(0),
        ..Bounds::default()
    };
    assert!(matches!(S::build(bounds), Err(BuildError::NoRoom)));
}
