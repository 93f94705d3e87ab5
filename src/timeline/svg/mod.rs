//! A timeline as one picture that stands by itself.
//!
//! Three bands below each other: the kinds of work with their colours, how many tasks waited and ran, and a lane for each thread and
//! process. The two lower ones share the axis of time, which a script in the file makes longer under the wheel.

// Pixels.
#![allow(clippy::cast_precision_loss)]

mod axis;
mod bands;
mod lanes;
mod palette;

use super::{Timeline, summary};
use axis::Axis;
use palette::Palette;
use std::fmt::Write;

/// All lengths are pixels of a picture that is this wide.
const WIDTH: f64 = 1_280.0;
/// Where the axis of time begins: left of it stand names.
const GUTTER: f64 = 190.0;
const MARGIN: f64 = 16.0;

/// The piece of a picture that lies below others.
struct Band {
    svg: String,
    height: f64,
}

pub(super) fn write(timeline: &Timeline) -> String {
    let palette = Palette::of(summary::kinds(timeline));
    let axis = Axis::over(timeline.length);
    let mut bands = vec![bands::title(timeline), bands::legend(&palette)];
    bands.extend(
        (0..timeline.executors.len()).filter_map(|executor| bands::load_of(timeline, executor, &axis)),
    );
    bands.extend(lanes::by_executor(timeline, &axis, &palette));
    let mut body = String::new();
    let mut y = MARGIN;
    for band in bands {
        let _ = writeln!(body, r#"<g transform="translate(0 {y:.0})">"#);
        body.push_str(&band.svg);
        body.push_str("</g>\n");
        y += band.height + MARGIN;
    }
    let (ticks, height) = (axis.ticks(y), y + 40.0);
    let length = timeline.length.as_nanos();
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0}" width="100%" data-length="{length}" data-left="{GUTTER}" data-right="{right}">
<title>{title}</title>
<style>{style}</style>
<rect class="paper" width="{WIDTH}" height="{height:.0}"/>
<g id="ticks">{ticks}</g>
{body}<g id="told"><rect class="note" x="{MARGIN}" y="{told:.0}" width="{wide}" height="22" rx="4"/><text id="words" x="{words}" y="{baseline:.0}">point at something</text></g>
<script><![CDATA[{script}]]></script>
</svg>
"#,
        right = WIDTH - MARGIN,
        title = escaped(&timeline.executors.join(", ")),
        style = include_str!("style.css"),
        script = include_str!("script.js"),
        told = height - 26.0,
        baseline = height - 11.0,
        wide = WIDTH - 2.0 * MARGIN,
        words = MARGIN + 8.0,
    )
}

/// Text in XML, within an element or a value. What XML has no place for is left out.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            _ if letter.is_control() && letter != '\n' => {}
            _ => escaped.push(letter),
        }
    }
    escaped
}
