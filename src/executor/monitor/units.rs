//! Numbers for people.

use std::time::Duration;

/// `1,234,567`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Slow rates with what tells them apart.
pub(super) fn rate(per_second: f64) -> String {
    if (0.05..9.95).contains(&per_second) {
        return format!("{per_second:.1}");
    }
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is not negative"
    )]
    let whole = per_second.round() as u64;
    thousands(whole)
}

/// At most ten characters: `93.1 MiB`.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    #[allow(clippy::cast_precision_loss, reason = "one digit behind the point is shown")]
    let mut size = bytes as f64 / 1024.0;
    let mut unit = 0;
    while size >= 999.95 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// At most eight characters for a hundred hours: `0.3 s`, `4 min 03`, `2 h 05`.
pub(super) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{}.{} s", seconds, time.subsec_millis() / 100),
        60..3600 => format!("{} min {:02}", seconds / 60, seconds % 60),
        _ => format!("{} h {:02}", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_in_groups() {
        assert_eq!(
            [0, 999, 1_000, 12_345_678].map(thousands),
            ["0", "999", "1,000", "12,345,678"]
        );
        assert_eq!(
            [0.0, 0.01, 0.26, 9.9, 9.99, 1_234.5].map(rate),
            ["0", "0", "0.3", "9.9", "10", "1,235"]
        );
        let sizes = [0, 1 << 20, 1023 << 20, 5 << 30, u64::MAX].map(bytes);
        assert_eq!(
            sizes,
            ["0.0 KiB", "1.0 MiB", "1.0 GiB", "5.0 GiB", "16777216.0 TiB"]
        );
        let times =
            [0, 59_999, 60_000, 3_599_000, 7_500_000].map(|millis| duration(Duration::from_millis(millis)));
        assert_eq!(times, ["0.0 s", "59.9 s", "1 min 00", "59 min 59", "2 h 05"]);
    }
}
