use crate::workloads::Unit;

pub(crate) fn value(value: f64, unit: &Unit) -> String {
    match unit {
        Unit::Per(_) => time(value),
        Unit::Plain => three_digits(value),
    }
}

pub(crate) fn time(nanos: f64) -> String {
    let units = [(1e9, "s"), (1e6, "ms"), (1e3, "µs")];
    // What would be rounded to 1,000 belongs to the next unit.
    let (size, unit) = units
        .into_iter()
        .find(|(size, _)| nanos >= 0.9995 * size)
        .unwrap_or((1.0, "ns"));
    format!("{} {unit}", three_digits(nanos / size))
}

/// Three digits, but never fewer than are before the point.
fn three_digits(value: f64) -> String {
    let decimals = match value {
        ..0.0005 => 0,
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

/// For lines of a grid, which are at powers of ten.
pub(crate) fn grid_time(nanos: f64) -> String {
    let units = [(1e9, " s"), (1e6, " ms"), (1e3, " µs")];
    with_prefix(nanos, &units, " ns")
}

pub(crate) fn count(count: f64) -> String {
    let units = [(1e9, "G"), (1e6, "M"), (1e3, "k")];
    with_prefix(count, &units, "")
}

pub(crate) fn bytes(bytes: f64) -> String {
    let size = |power| f64::from(1 << (10 * power));
    let units = [(size(3), " GiB"), (size(2), " MiB"), (size(1), " KiB")];
    with_prefix(bytes, &units, " B")
}

fn with_prefix(value: f64, units: &[(f64, &str)], without: &str) -> String {
    let unit = units.iter().find(|(size, _)| value >= *size);
    let (size, unit) = unit.copied().unwrap_or((1.0, without));
    format!("{:.0}{unit}", value / size)
}
