//! All workloads in one picture: what each takes, as a multiple of what it takes the best peer.

use crate::{
    figures::Figures,
    format,
    plots::readable_in_the_dark,
    tables::{best_peer, ours},
    workloads::{Unit, WORKLOADS, Workload},
};
use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};
use std::{error::Error, fs, path::Path};

/// One bar, with what stands left and right of it.
struct Row {
    workload: String,
    ratio: f64,
    values: String,
}

/// In pixels, from the left: where names end, where the bars are, where the values begin.
const NAMES: i32 = 350;
const BARS: (i32, i32) = (368, 634);
const VALUES: i32 = 652;
const WIDTH: u32 = 990;

/// From the top: where the first row begins, how high each is, and what room is below the last.
const TOP: i32 = 78;
const ROW: i32 = 25;
const BELOW: i32 = 56;

/// From the middle to either end of the axis: a hundredth to a hundred times.
const DECADES: i32 = 2;

pub(crate) fn draw(figures: &Figures, file: &Path) -> Result<(), Box<dyn Error>> {
    let rows = rows(figures);
    if rows.is_empty() {
        eprintln!("{} is as it was: nothing was measured", file.display());
        return Ok(());
    }
    let bottom = TOP + ROW * i32::try_from(rows.len())?;
    let mut svg = String::new();
    {
        let size = (WIDTH, u32::try_from(bottom + BELOW)?);
        let paper = Paper(SVGBackend::with_string(&mut svg, size).into_drawing_area());
        paper.0.fill(&WHITE)?;
        let title = "This crate divided by the best peer of each workload";
        paper.write(title, (16, 22), HPos::Left, 20)?;
        paper.write("← better", (middle() - 12, TOP - 18), HPos::Right, 16)?;
        paper.write("worse →", (middle() + 12, TOP - 18), HPos::Left, 16)?;
        paper.write("this crate, best peer", (VALUES, TOP - 18), HPos::Left, 16)?;
        for decade in -DECADES..=DECADES {
            let ratio = 10_f64.powi(decade);
            let color = BLACK.mix(if decade == 0 { 1.0 } else { 0.2 });
            let line = [(x(ratio), TOP), (x(ratio), bottom)];
            paper.0.draw(&PathElement::new(line, color))?;
            paper.write(&ratio.to_string(), (x(ratio), bottom + 14), HPos::Center, 16)?;
        }
        let axis = "ratio, on a logarithmic scale";
        paper.write(axis, (middle(), bottom + 38), HPos::Center, 16)?;
        let mut height = TOP + ROW / 2;
        for row in &rows {
            paper.bar(row, height)?;
            height += ROW;
        }
        paper.0.present()?;
    }
    fs::write(file, readable_in_the_dark(&svg))?;
    Ok(())
}

struct Paper<'a>(DrawingArea<SVGBackend<'a>, Shift>);

type Drawn<'a> = Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

impl<'a> Paper<'a> {
    fn write(&self, text: &str, at: (i32, i32), anchor: HPos, size: u32) -> Drawn<'a> {
        let style = TextStyle::from(("sans-serif", size)).pos(Pos::new(anchor, VPos::Center));
        self.0.draw(&Text::new(text.to_owned(), at, style))
    }

    fn bar(&self, row: &Row, height: i32) -> Drawn<'a> {
        let is_better = row.ratio <= 1.0;
        let color = if is_better {
            RGBColor(0, 98, 177)
        } else {
            RGBColor(200, 80, 0)
        };
        let corners = [(middle(), height - 8), (x(row.ratio), height + 8)];
        self.0.draw(&Rectangle::new(corners, color.filled()))?;
        // The number is where the bar is not.
        let (beside, anchor) = if is_better {
            (5, HPos::Left)
        } else {
            (-5, HPos::Right)
        };
        let ratio = format!("{:.2}", row.ratio);
        self.write(&ratio, (middle() + beside, height), anchor, 15)?;
        self.write(&row.workload, (NAMES, height), HPos::Right, 16)?;
        self.write(&row.values, (VALUES, height), HPos::Left, 16)
    }
}

/// Of all workloads that both have run. Nothing beside nothing has no ratio.
fn rows(figures: &Figures) -> Vec<Row> {
    let row = |workload: &Workload| {
        let group = figures.of_group(workload.group);
        let (ours, best) = (ours(&group)?, best_peer(&group)?);
        let ratio = ours.each() / best.each();
        let [own, others] = [ours, best].map(|figure| format::value(figure.each(), &workload.unit));
        let each = match workload.unit {
            Unit::Per(one) => format!(" per {one}"),
            Unit::Plain => String::new(),
        };
        ratio.is_finite().then(|| Row {
            workload: workload.name.replace('`', ""),
            ratio,
            values: format!("{own}{each}, {} {others}", best.peer),
        })
    };
    WORKLOADS.iter().filter_map(row).collect()
}

fn middle() -> i32 {
    x(1.0)
}

/// Where a ratio is. What lies beyond the ends is at the end.
fn x(ratio: f64) -> i32 {
    let part = (ratio.log10() / f64::from(DECADES)).clamp(-1.0, 1.0);
    let middle = f64::from(BARS.0 + BARS.1) / 2.0;
    let half = f64::from(BARS.1 - BARS.0) / 2.0;
    #[allow(clippy::cast_possible_truncation)] // between the ends of the bars
    let x = (middle + part * half).round() as i32;
    x
}
