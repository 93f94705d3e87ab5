//! From times to places.

use super::{GUTTER, MARGIN, WIDTH};
use std::{fmt::Write, time::Duration};

/// So many ticks, about.
const TICKS: f64 = 10.0;

pub(super) struct Axis {
    length: Duration,
}

impl Axis {
    pub(super) fn over(length: Duration) -> Self {
        Self {
            length: length.max(Duration::from_nanos(1)),
        }
    }

    pub(super) const fn width() -> f64 {
        WIDTH - MARGIN - GUTTER
    }

    /// Pixels from the beginning of the axis.
    pub(super) fn offset(&self, time: Duration) -> f64 {
        time.as_secs_f64() / self.length.as_secs_f64() * Self::width()
    }

    /// Lines at round times, with their names at the top, as long as a picture of this height.
    pub(super) fn ticks(&self, height: f64) -> String {
        let mut svg = String::new();
        let step = round_step(self.length.as_secs_f64() / TICKS);
        let mut number = 0.0;
        while number * step <= self.length.as_secs_f64() {
            let time = Duration::from_secs_f64(number * step);
            let x = GUTTER + self.offset(time);
            let _ = writeln!(
                svg,
                r#"<line class="tick" x1="{x:.1}" x2="{x:.1}" y1="14" y2="{height:.0}"/><text class="tick" x="{x:.1}" y="11">{}</text>"#,
                words(time)
            );
            number += 1.0;
        }
        svg
    }
}

/// 1, 2 or 5 times a power of ten, at least this.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|step| step * power >= least);
    step.unwrap_or(10.0) * power
}

/// A time in the largest unit of which it has one, with at most three digits behind the point.
pub(super) fn words(time: Duration) -> String {
    let nanos = time.as_nanos();
    let (unit, name) = match nanos {
        0 => return "0".to_owned(),
        1..1_000 => (1.0, "ns"),
        1_000..1_000_000 => (1e3, "µs"),
        1_000_000..1_000_000_000 => (1e6, "ms"),
        _ => (1e9, "s"),
    };
    let digits = format!("{:.3}", time.as_secs_f64() * 1e9 / unit);
    format!("{} {name}", digits.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::{round_step, words};
    use std::time::Duration;

    #[test]
    fn steps_are_round() {
        for (least, step) in [(0.9, 1.0), (1.1, 2.0), (2.1, 5.0), (0.06, 0.1), (70.0, 100.0)] {
            assert!((round_step(least) / step - 1.0).abs() < 1e-9, "{least}");
        }
    }

    #[test]
    fn times_are_short() {
        assert_eq!(words(Duration::ZERO), "0");
        assert_eq!(words(Duration::from_nanos(7)), "7 ns");
        assert_eq!(words(Duration::from_micros(1_500)), "1.5 ms");
        assert_eq!(words(Duration::from_millis(12_340)), "12.34 s");
    }
}
