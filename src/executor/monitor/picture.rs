//! What the monitor looks like: from what was seen to cells, and nothing else.

use super::{
    units::{bytes, duration, rate, thousands},
    watched::Seen,
    workers::{self, Doing},
};
use ratatui::{
    buffer::{Buffer, CellWidth},
    layout::{Alignment, Constraint, Layout, Rect},
    style::{Color, Style, Stylize},
    text::{Line, Span},
    widgets::{Block, BorderType, Paragraph, Sparkline, Widget},
};
use std::time::Duration;

/// An executor has at least so many rows, or none.
const LEAST_ROWS: u16 = 4;

/// So many circles are shown of each executor; one is one too many.
const MOST_CIRCLES: usize = 3;

/// In front of a curve: what it counts, and how it stands.
const RATE_COLUMNS: u16 = 22;

/// The minute that a curve shows.
const CURVE_COLUMNS: u16 = 60;

/// Everything there is to draw.
pub(super) struct Picture<'a> {
    pub(super) up: Duration,
    /// Bytes of physical memory of this process.
    pub(super) memory: Option<u64>,
    pub(super) executors: Vec<&'a Seen>,
    /// Somebody may press keys.
    pub(super) has_keys: bool,
}

impl Widget for &Picture<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let [head, body] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
        self.head(head, buffer);
        let all: Vec<_> = self.executors.iter().map(|seen| Box::of(seen)).collect();
        let fitting = all.len().min(usize::from(body.height / LEAST_ROWS).max(1));
        let left_out = all.len() - fitting;
        let wanted: Vec<_> = all[..fitting].iter().map(Box::rows).collect();
        let mut at = body.y;
        let room = body.height - u16::from(left_out > 0 && body.height > LEAST_ROWS);
        for (executor, rows) in all.iter().zip(shares(room, &wanted)) {
            executor.draw(Rect::new(body.x, at, body.width, rows), buffer);
            at += rows;
        }
        if left_out > 0 && at < body.bottom() {
            let more = Line::from(format!(
                " and {left_out} more executors, for which there is no room"
            ))
            .dim();
            more.render(Rect::new(body.x, at, body.width, 1), buffer);
        }
    }
}

impl Picture<'_> {
    fn head(&self, area: Rect, buffer: &mut Buffer) {
        let mut left = vec![" up ".dim(), duration(self.up).into()];
        if let Some(memory) = self.memory {
            left.extend(["   memory ".dim(), bytes(memory).into()]);
        }
        let left = Line::from(left);
        let right = Line::from(vec!["q".bold(), " closes this view ".dim()]).alignment(Alignment::Right);
        let fits = left.width() + 2 + right.width() <= usize::from(area.width);
        left.render(area, buffer);
        if fits && self.has_keys {
            right.render(area, buffer);
        }
    }

    /// The same as lines of text, without colours.
    pub(super) fn text(&self, columns: u16, rows: u16) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
        self.render(buffer.area, &mut buffer);
        let lines = buffer.content.chunks(usize::from(columns.max(1))).map(|cells| {
            let mut line = String::new();
            let mut at = 0;
            while let Some(cell) = cells.get(at) {
                line.push_str(cell.symbol());
                // What is wide covers the cells behind it.
                at += usize::from(cell.cell_width().max(1));
            }
            line.truncate(line.trim_end().len());
            line + "\n"
        });
        lines.collect()
    }
}

/// How many rows each gets that wants so many, if there are `room` in all: who wants little has it.
fn shares(room: u16, wanted: &[u16]) -> Vec<u16> {
    let mut shares = vec![0; wanted.len()];
    let mut by_size: Vec<_> = (0..wanted.len()).collect();
    by_size.sort_by_key(|&at| wanted[at]);
    let mut left = room;
    for (done, &at) in by_size.iter().enumerate() {
        let others = u16::try_from(wanted.len() - done).unwrap_or(u16::MAX);
        shares[at] = wanted[at].min(left / others);
        left -= shares[at];
    }
    shares
}

/// One executor in its frame.
struct Box<'a> {
    seen: &'a Seen,
    /// The rows above those of the workers.
    rows: Vec<Row<'a>>,
}

enum Row<'a> {
    Text(Line<'a>),
    /// A counter's growth, in this colour.
    Curve(&'static str, &'a super::rate::Rate, Color),
}

impl<'a> Box<'a> {
    fn of(seen: &'a Seen) -> Self {
        let mut rows = vec![Row::Text(crew(seen)), Row::Text(queue(seen))];
        rows.extend(circles(seen).map(Row::Text));
        rows.push(Row::Curve("submitted", &seen.submitted, Color::Cyan));
        rows.push(Row::Curve("finished", &seen.finished, Color::Green));
        rows.push(Row::Curve("failed", &seen.failed, Color::Red));
        Self { seen, rows }
    }

    /// How many rows it would fill.
    fn rows(&self) -> u16 {
        let rows = 2 + self.rows.len() + self.seen.dump.workers.len();
        u16::try_from(rows).unwrap_or(u16::MAX)
    }

    fn draw(&self, area: Rect, buffer: &mut Buffer) {
        let mut title = vec![" ".into(), self.seen.dump.executor.as_str().bold(), " ".into()];
        if self.seen.is_ending {
            title.push(Span::from("ended, or ending ").yellow());
        }
        let frame = Block::bordered()
            .border_type(BorderType::Rounded)
            .border_style(Style::new().dark_gray())
            .title(Line::from(title));
        let mut inner = frame.inner(area);
        frame.render(area, buffer);
        // A column of air on both sides.
        inner.x += inner.width.min(1);
        inner.width = inner.width.saturating_sub(2);
        for row in &self.rows {
            if inner.height == 0 {
                return;
            }
            let line = Rect { height: 1, ..inner };
            row.draw(line, buffer);
            inner.y += 1;
            inner.height -= 1;
        }
        let lines = workers::lines(
            &self.seen.dump.workers,
            &self.seen.memory,
            inner.width,
            inner.height,
        );
        Paragraph::new(lines).render(inner, buffer);
    }
}

impl Row<'_> {
    fn draw(&self, area: Rect, buffer: &mut Buffer) {
        let (name, counter, colour) = match self {
            Self::Text(line) => return line.render(area, buffer),
            Self::Curve(name, counter, colour) => (name, counter, *colour),
        };
        let columns = [Constraint::Length(RATE_COLUMNS), Constraint::Max(CURVE_COLUMNS)];
        let [left, right] = Layout::horizontal(columns).areas(area);
        let now = format!("{:>10}/s", rate(counter.now()));
        Line::from(vec![format!("{name:<9}").dim(), now.into()]).render(left, buffer);
        let curve = counter.last(right.width.into()).map(parts).collect::<Vec<_>>();
        let missing = usize::from(right.width).saturating_sub(curve.len());
        // The latest second is always at the right end.
        let whole = std::iter::repeat_n(0, missing).chain(curve);
        Sparkline::default()
            .data(whole)
            .style(Style::new().fg(colour))
            .render(right, buffer);
    }
}

/// Slow counters grow by parts of one in a second, which a curve of whole numbers would not show.
fn parts(second: f64) -> u64 {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small and not negative"
    )]
    let parts = (second * 100.0).round() as u64;
    parts
}

/// The workers as numbers.
fn crew(seen: &Seen) -> Line<'_> {
    let workers = &seen.dump.workers;
    let mut line = Counts::default();
    line.add("workers", workers.len() as u64, None);
    for doing in Doing::ALL {
        let there = workers.iter().filter(|worker| Doing::of(worker) == doing).count();
        if there > 0 {
            line.add(doing.name(), there as u64, Some(doing.colour()));
        }
    }
    let stats = seen.dump.stats;
    if stats.workers_restarted > 0 {
        line.add("restarted", stats.workers_restarted, Some(Color::Red));
    }
    if stats.spare_threads > 0 {
        line.add("spare", stats.spare_threads, None);
    }
    if !seen.memory.is_empty() {
        line.0
            .extend(["memory ".dim(), bytes(seen.memory.values().sum()).into()]);
    }
    Line::from(line.0)
}

/// The tasks as numbers.
fn queue(seen: &Seen) -> Line<'_> {
    let stats = seen.dump.stats;
    let mut line = Counts::default();
    line.add("queued", stats.queued, None);
    line.add("running", stats.running, None);
    line.add("suspended", seen.dump.suspended.len() as u64, None);
    line.add("failed", stats.failed, (stats.failed > 0).then_some(Color::Red));
    line.add("succeeded", stats.succeeded, None);
    line.add("cancelled", stats.cancelled, None);
    Line::from(line.0)
}

#[derive(Default)]
struct Counts<'a>(Vec<Span<'a>>);

impl Counts<'_> {
    fn add(&mut self, name: &str, count: u64, colour: Option<Color>) {
        self.0.push(format!("{name} ").dim());
        let count = Span::from(format!("{}   ", thousands(count)));
        self.0
            .push(colour.map_or(count.clone(), |colour| count.fg(colour)));
    }
}

fn circles(seen: &Seen) -> impl Iterator<Item = Line<'_>> {
    seen.dump.cycles.iter().take(MOST_CIRCLES).map(|cycle| {
        let tasks = cycle
            .iter()
            .chain(cycle.first())
            .map(|task| format!("task {task}"));
        let circle = tasks.collect::<Vec<_>>().join(" waits for ");
        Line::from(vec!["A CIRCLE ".red().bold(), circle.red()])
    })
}
