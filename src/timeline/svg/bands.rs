//! What stands above the lanes: what this is, the kinds of work, and how many tasks waited and ran.

use super::{
    super::{Timeline, load::load, names::short},
    Band, GUTTER, MARGIN, WIDTH,
    axis::{Axis, words},
    escaped,
    palette::Palette,
};
use std::fmt::Write;

/// Pixels per line of text.
const LINE: f64 = 18.0;
/// Characters of a kind's name.
const MOST_LETTERS: usize = 44;

pub(super) fn title(timeline: &Timeline) -> Band {
    let mut words_of = format!(
        "{} in {}",
        escaped(&timeline.executors.join(", ")),
        words(timeline.length)
    );
    for (number, what) in [
        (timeline.tasks.len() as u64, "tasks"),
        (timeline.items(), "items of maps"),
    ] {
        if number > 0 {
            let _ = write!(words_of, ", {number} {what}");
        }
    }
    if timeline.left_out > 0 {
        let _ = write!(
            words_of,
            "; {} notes were left out, for which there was no room",
            timeline.left_out
        );
    }
    Band {
        svg: format!(r#"<text class="title" x="{MARGIN}" y="26">{words_of}</text>"#),
        height: 30.0,
    }
}

/// The colours, in three columns.
pub(super) fn legend(palette: &Palette<'_>) -> Band {
    let column = (WIDTH - 2.0 * MARGIN) / 3.0;
    let mut svg = String::new();
    let listed = palette.kinds.len().min(Palette::distinct());
    for (place, (name, total)) in palette.kinds.iter().take(listed).enumerate() {
        let (x, y) = (MARGIN + (place % 3) as f64 * column, (place / 3) as f64 * LINE);
        let mut label: String = short(name);
        if label.chars().count() > MOST_LETTERS {
            label = label.chars().take(MOST_LETTERS - 1).chain(['…']).collect();
        }
        let failed = if total.failed > 0 {
            format!(", {} failed", total.failed)
        } else {
            String::new()
        };
        let _ = writeln!(
            svg,
            r#"<g><title>{}</title><rect x="{x:.0}" y="{:.0}" width="12" height="12" rx="2" fill="{}"/><text x="{:.0}" y="{:.0}">{} <tspan class="quiet">{} in {}{failed}</tspan></text></g>"#,
            escaped(name),
            y + 2.0,
            Palette::at(place),
            x + 18.0,
            y + 12.0,
            escaped(&label),
            total.items,
            words(total.time),
        );
    }
    let mut lines = listed.div_ceil(3);
    if palette.kinds.len() > listed {
        let y = lines as f64 * LINE + 12.0;
        let _ = writeln!(
            svg,
            r#"<text class="quiet" x="{MARGIN}" y="{y:.0}">and {} more kinds, in grey</text>"#,
            palette.kinds.len() - listed
        );
        lines += 1;
    }
    Band {
        svg,
        height: lines as f64 * LINE,
    }
}

/// Points of a curve: about one per pixel.
const POINTS: usize = 1_000;
/// How high the curves of the load are.
const CURVE: f64 = 44.0;

/// How many tasks of an executor waited and ran, as areas on top of each other. `None` if it had no tasks of their own.
pub(super) fn load_of(timeline: &Timeline, executor: usize, axis: &Axis) -> Option<Band> {
    let points = load(timeline, executor, POINTS);
    let most = points
        .iter()
        .map(|point| point.queued + point.running)
        .max()
        .filter(|most| *most > 0)?;
    let height = |count: u64| CURVE - count as f64 / most as f64 * CURVE;
    // In steps: the state holds until the next point.
    let outline = |count: &dyn Fn(usize) -> u64| {
        let mut path = format!("M0 {CURVE}");
        for (place, point) in points.iter().enumerate() {
            let _ = write!(path, "H{:.2}V{:.2}", axis.offset(point.at), height(count(place)));
        }
        let _ = write!(path, "H{:.2}V{CURVE}Z", Axis::width());
        path
    };
    let all = outline(&|place| points[place].queued + points[place].running);
    let running = outline(&|place| points[place].running);
    let most_queued = points.iter().map(|point| point.queued).max().unwrap_or(0);
    let most_running = points.iter().map(|point| point.running).max().unwrap_or(0);
    let name = escaped(&timeline.executors[executor]);
    let svg = format!(
        r#"<text x="{MARGIN}" y="12">{name}</text>
<text class="quiet" x="{MARGIN}" y="28">queued, at most {most_queued}</text><text class="quiet" x="{MARGIN}" y="43">begun, at most {most_running}</text>
<svg x="{GUTTER}" width="{width}" height="{CURVE}" viewBox="0 0 {width} {CURVE}" preserveAspectRatio="none" class="time"><path class="queued" d="{all}"/><path class="begun" d="{running}"/></svg>
"#,
        width = Axis::width()
    );
    Some(Band { svg, height: CURVE })
}
