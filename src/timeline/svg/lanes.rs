//! A lane for each thread and process, and what happened there; of futures, a bar for the whole life of each.

use super::{
    super::{Slice, SliceKind, TaskTrace, Timeline, chrome::end_of, names::short, summary},
    Band, GUTTER, MARGIN,
    axis::{Axis, words},
    escaped,
    palette::Palette,
};
use std::{collections::HashMap, fmt::Write, time::Duration};

/// Pixels per lane, with the gap to the next.
const LANE: f64 = 22.0;
const BAR: f64 = 18.0;
/// Slices that are narrower than this, and gaps between them, are drawn together.
const NARROW: f64 = 0.35;
/// Futures that are shown at the same time, and how high each is.
const MOST_ROWS: usize = 24;
const ROW: f64 = 7.0;

/// A band for the program's own threads, and one for the workers of each executor with its futures.
pub(super) fn by_executor(timeline: &Timeline, axis: &Axis, palette: &Palette<'_>) -> Vec<Band> {
    let busy = summary::busy(timeline);
    let mut slices: Vec<Vec<&Slice>> = vec![Vec::new(); timeline.lanes.len()];
    for slice in &timeline.slices {
        slices[slice.lane].push(slice);
    }
    let tasks: HashMap<_, _> = timeline.tasks.iter().map(|task| (task.id, task)).collect();
    let groups = std::iter::once(None).chain((0..timeline.executors.len()).map(Some));
    let mut bands = Vec::new();
    for group in groups {
        let lanes: Vec<_> = (0..timeline.lanes.len())
            .filter(|lane| timeline.lanes[*lane].executor == group)
            .collect();
        if !lanes.is_empty() {
            let title = group.map_or("the program's threads", |executor| &timeline.executors[executor]);
            let mut svg = format!(
                r#"<text class="group" x="{MARGIN}" y="12">{}</text>"#,
                escaped(title)
            );
            for (row, lane) in lanes.iter().enumerate() {
                let y = LANE * (row + 1) as f64 - 2.0;
                let bars = bars(timeline, &slices[*lane], &tasks, axis, palette);
                let share = 100.0 * busy[*lane].as_secs_f64() / timeline.length.as_secs_f64().max(1e-9);
                let _ = writeln!(
                    svg,
                    r#"<text x="{MARGIN}" y="{:.0}">{} <tspan class="quiet">{share:.0} %</tspan></text><rect class="lane" x="{GUTTER}" y="{y:.0}" width="{width}" height="{BAR}"/>
<svg x="{GUTTER}" y="{y:.0}" width="{width}" height="{BAR}" viewBox="0 0 {width} {BAR}" preserveAspectRatio="none" class="time">{bars}</svg>"#,
                    y + 13.0,
                    escaped(&cut(&timeline.lanes[*lane].name)),
                    width = Axis::width()
                );
            }
            bands.push(Band {
                svg,
                height: LANE * (lanes.len() + 1) as f64,
            });
        }
        bands.extend(group.and_then(|executor| futures(timeline, executor, axis, palette)));
    }
    bands
}

/// What fits in front of a lane.
fn cut(name: &str) -> String {
    const MOST: usize = 18;
    if name.chars().count() > MOST {
        name.chars().take(MOST - 1).chain(['…']).collect()
    } else {
        name.to_owned()
    }
}

/// Slices that are too narrow to be seen one by one.
struct Crowd<'a> {
    first: &'a Slice,
    to: Duration,
    slices: usize,
    items: u64,
    failed: u64,
    busy: Duration,
}

fn bars(
    timeline: &Timeline,
    slices: &[&Slice],
    tasks: &HashMap<crate::future::TaskId, &TaskTrace>,
    axis: &Axis,
    palette: &Palette<'_>,
) -> String {
    let mut svg = String::new();
    let mut crowd: Option<Crowd<'_>> = None;
    // Where a slice ends that others lie on: work that runs on top of work that waits for it.
    let mut below: Vec<Duration> = Vec::new();
    for slice in slices {
        below.retain(|end| *end > slice.from);
        let is_narrow = axis.offset(slice.length()) < NARROW && below.is_empty();
        if let Some(crowd) = &mut crowd
            && is_narrow
            && crowd.first.label == slice.label
            && crowd.first.kind == slice.kind
            && axis.offset(slice.from.saturating_sub(crowd.to)) < NARROW
        {
            crowd.to = slice.to.max(crowd.to);
            crowd.slices += 1;
            crowd.items += u64::from(slice.items);
            crowd.failed += u64::from(slice.failed);
            crowd.busy += slice.length();
            continue;
        }
        if let Some(crowd) = crowd.take() {
            crowd.draw(&mut svg, timeline, tasks, axis, palette);
        }
        let one = Crowd {
            first: slice,
            to: slice.to,
            slices: 1,
            items: u64::from(slice.items),
            failed: u64::from(slice.failed),
            busy: slice.length(),
        };
        if is_narrow {
            crowd = Some(one);
        } else {
            one.draw_at(&mut svg, below.len(), timeline, tasks, axis, palette);
            below.push(slice.to);
        }
    }
    if let Some(crowd) = crowd {
        crowd.draw(&mut svg, timeline, tasks, axis, palette);
    }
    svg
}

impl Crowd<'_> {
    fn draw(
        &self,
        svg: &mut String,
        timeline: &Timeline,
        tasks: &HashMap<crate::future::TaskId, &TaskTrace>,
        axis: &Axis,
        palette: &Palette<'_>,
    ) {
        self.draw_at(svg, 0, timeline, tasks, axis, palette);
    }

    /// `depth` is on how many others it lies.
    fn draw_at(
        &self,
        svg: &mut String,
        depth: usize,
        timeline: &Timeline,
        tasks: &HashMap<crate::future::TaskId, &TaskTrace>,
        axis: &Axis,
        palette: &Palette<'_>,
    ) {
        let slice = self.first;
        let x = axis.offset(slice.from);
        // Neighbours stand apart where there is room for that; nothing is too narrow to be seen.
        let width = axis.offset(self.to) - x;
        let width = if width > 4.0 { width - 0.6 } else { width.max(0.8) };
        let inset = (depth as f64 * 3.0).min(BAR - 6.0);
        let mut class = match slice.kind {
            SliceKind::Call => "call",
            SliceKind::Turn => "turn",
            SliceKind::Submit => "submit",
            SliceKind::Collect => "collect",
            SliceKind::Died => "died",
        }
        .to_owned();
        if self.failed > 0 {
            class.push_str(" failed");
        }
        // A crowd is as strong as it is busy.
        let length = self.to.saturating_sub(slice.from).as_secs_f64();
        let strength = if self.slices > 1 && length > 0.0 {
            format!(
                r#" opacity="{:.2}""#,
                (self.busy.as_secs_f64() / length).clamp(0.25, 1.0)
            )
        } else {
            String::new()
        };
        let fill = match slice.kind {
            SliceKind::Submit | SliceKind::Collect => String::new(),
            _ => format!(r#" fill="{}""#, palette.of_kind(&slice.label)),
        };
        let _ = write!(
            svg,
            r#"<g class="{class}"{strength}><title>{}</title><rect x="{x:.2}" y="{inset:.0}" width="{width:.2}" height="{:.0}"{fill}/>"#,
            escaped(&self.words(timeline, tasks)),
            BAR - inset,
        );
        // How the time before and behind the work passed, where that can be seen.
        let parts = [
            (slice.from, slice.decode),
            (slice.to.saturating_sub(slice.encode), slice.encode),
        ];
        for (from, length) in parts {
            if self.slices == 1 && slice.kind == SliceKind::Call && axis.offset(length) >= NARROW {
                let _ = write!(
                    svg,
                    r#"<rect class="wire" x="{:.2}" y="{inset:.0}" width="{:.2}" height="{:.0}"/>"#,
                    axis.offset(from),
                    axis.offset(length),
                    BAR - inset
                );
            }
        }
        svg.push_str("</g>\n");
    }

    fn words(&self, timeline: &Timeline, tasks: &HashMap<crate::future::TaskId, &TaskTrace>) -> String {
        let slice = self.first;
        let what = match slice.kind {
            SliceKind::Call | SliceKind::Turn => short(&slice.label),
            SliceKind::Submit => "submits".to_owned(),
            SliceKind::Collect => "decodes results".to_owned(),
            SliceKind::Died => format!("{}: the process died", short(&slice.label)),
        };
        let mut text = what;
        if self.slices > 1 {
            let _ = write!(text, ", {} together, {} items", self.slices, self.items);
        } else if slice.task.is_none() {
            let _ = write!(
                text,
                ", {} item{}",
                self.items,
                if self.items == 1 { "" } else { "s" }
            );
        }
        if self.failed > 0 {
            let _ = write!(text, ", {} failed", self.failed);
        }
        let _ = write!(
            text,
            "; {} from {}",
            words(self.to.saturating_sub(slice.from)),
            words(slice.from)
        );
        for (what, time) in [("decoding", slice.decode), ("encoding", slice.encode)] {
            if self.slices == 1 && !time.is_zero() {
                let _ = write!(text, ", {what} {}", words(time));
            }
        }
        if self.slices == 1
            && let Some(task) = slice.task.and_then(|id| tasks.get(&id))
        {
            let _ = write!(text, "; task {}, {}", task.id, end_of(task));
            if let Some(queued) = task.queued() {
                let _ = write!(text, ", queued {}", words(queued));
            }
        }
        let _ = write!(text, "; {}", timeline.executors[slice.executor]);
        text
    }
}

/// The lives of an executor's futures, from the first turn to the end. `None` if it had none.
fn futures(timeline: &Timeline, executor: usize, axis: &Axis, palette: &Palette<'_>) -> Option<Band> {
    let is_shown = |task: &&TaskTrace| task.executor == executor && task.is_async && task.started.is_some();
    let mut ends: Vec<Duration> = Vec::new();
    let (mut shown, mut hidden) = (0, 0);
    let mut svg = String::new();
    let mut tasks: Vec<_> = timeline.tasks.iter().filter(is_shown).collect();
    tasks.sort_by_key(|task| task.started);
    for task in tasks {
        let from = task.started.unwrap_or_default();
        let to = task.ended.unwrap_or(timeline.length).max(from);
        let row = match ends.iter().position(|end| *end <= from) {
            Some(row) => row,
            None if ends.len() < MOST_ROWS => {
                ends.push(Duration::ZERO);
                ends.len() - 1
            }
            None => {
                hidden += 1;
                continue;
            }
        };
        // The next in this row has to leave a gap that can be seen.
        ends[row] = to + timeline.length / 2_000;
        shown += 1;
        let x = axis.offset(from);
        let text = format!(
            "{}: {} from {}, {} of it running; task {}, {}",
            short(&task.label),
            words(to.saturating_sub(from)),
            words(from),
            words(task.run),
            task.id,
            end_of(task)
        );
        let class = if matches!(task.end, super::super::TaskEnd::Failed(_)) {
            "future failed"
        } else {
            "future"
        };
        let _ = writeln!(
            svg,
            r#"<g class="{class}"><title>{}</title><rect x="{x:.2}" y="{:.0}" width="{:.2}" height="{:.0}" fill="{}"/></g>"#,
            escaped(&text),
            row as f64 * ROW,
            (axis.offset(to) - x).max(0.3),
            ROW - 2.0,
            palette.of_kind(&task.label),
        );
    }
    if shown == 0 {
        return None;
    }
    let height = ends.len() as f64 * ROW;
    let more = if hidden > 0 {
        format!(" of {}", shown + hidden)
    } else {
        String::new()
    };
    let svg = format!(
        r#"<text x="{MARGIN}" y="12">futures <tspan class="quiet">{shown}{more}</tspan></text>
<svg x="{GUTTER}" width="{width}" height="{height}" viewBox="0 0 {width} {height}" preserveAspectRatio="none" class="time">{svg}</svg>
"#,
        width = Axis::width()
    );
    Some(Band {
        svg,
        height: height.max(16.0),
    })
}
