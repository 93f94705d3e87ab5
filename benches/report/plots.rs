//! How costs grow, as pictures.

use crate::{
    common,
    figures::{Figure, Figures},
    format,
};
use plotters::{coord::combinators::IntoLogRange, prelude::*};
use std::{error::Error, fs, path::Path};

/// What a plot shows of a group.
struct Plot {
    file: &'static str,
    group: &'static str,
    title: &'static str,
    x: &'static str,
    y: &'static str,
    /// From one line of the grid to the next.
    step: f64,
    label: fn(f64) -> String,
    height: fn(&Figure) -> f64,
}

const PLOTS: [Plot; 3] = [
    Plot {
        file: "queued-tasks.svg",
        group: "queued tasks",
        title: "Submit empty tasks from one thread, then collect the results",
        x: "tasks that are submitted before the first result is taken",
        y: "time per task",
        step: 10.0,
        label: format::count,
        height: Figure::each,
    },
    Plot {
        file: "workers.svg",
        group: "workers",
        title: "Submit many empty tasks from one thread, then collect the results",
        x: "workers",
        y: "time per task",
        step: 2.0,
        label: format::count,
        height: Figure::each,
    },
    Plot {
        file: "item-size.svg",
        group: "item size",
        title: "One task that returns its argument",
        x: "size of the argument",
        y: "time there and back",
        step: 1024.0,
        label: format::bytes,
        height: |figure| figure.value,
    },
];

pub(crate) fn draw_all(figures: &Figures, folder: &Path) -> Result<(), Box<dyn Error>> {
    for plot in &PLOTS {
        let group = figures.of_group(plot.group);
        if group.is_empty() {
            eprintln!("{} is as it was: nothing was measured", plot.file);
        } else {
            plot.draw(&group, &folder.join(plot.file))?;
        }
    }
    Ok(())
}

impl Plot {
    fn draw(&self, group: &[&Figure], file: &Path) -> Result<(), Box<dyn Error>> {
        let lines = self.lines(group);
        let all = || lines.iter().flat_map(|(_, points)| points);
        let [left, right] = ends(all().map(|(x, _)| *x));
        let [low, high] = ends(all().map(|(_, y)| y.log10()));
        // The room on top is for the names of the lines.
        let height = 10_f64.powf(low.floor())..10_f64.powf(high.ceil() + 1.0);
        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, (760, 420)).into_drawing_area();
            area.fill(&WHITE)?;
            let mut chart = ChartBuilder::on(&area)
                .caption(self.title, ("sans-serif", 22))
                .margin(14)
                .margin_right(30)
                .x_label_area_size(52)
                .y_label_area_size(78)
                .build_cartesian_2d((left..right).log_scale().base(self.step), height.log_scale())?;
            chart
                .configure_mesh()
                .light_line_style(TRANSPARENT)
                .x_desc(self.x)
                .y_desc(self.y)
                .x_label_formatter(&|x| (self.label)(*x))
                .y_label_formatter(&|y| format::grid_time(*y))
                .label_style(("sans-serif", 17))
                .draw()?;
            for (name, points) in &lines {
                let color = color(name);
                let line = LineSeries::new(points.iter().copied(), color.stroke_width(2)).point_size(3);
                chart
                    .draw_series(line)?
                    .label(*name)
                    .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
            }
            chart
                .configure_series_labels()
                .position(SeriesLabelPosition::UpperMiddle)
                .background_style(WHITE)
                .border_style(BLACK.mix(0.3))
                .label_font(("sans-serif", 17))
                .draw()?;
            area.present()?;
        }
        fs::write(file, readable_in_the_dark(&svg))?;
        Ok(())
    }

    /// The points of each peer, from left to right.
    fn lines<'a>(&self, group: &[&'a Figure]) -> Vec<(&'a str, Vec<(f64, f64)>)> {
        let mut lines: Vec<(&str, Vec<_>)> = Vec::new();
        for figure in group {
            let Some(x) = figure.at else { continue };
            let point = (x, (self.height)(figure));
            match lines.iter_mut().find(|(name, _)| *name == figure.peer) {
                Some((_, points)) => points.push(point),
                None => lines.push((&figure.peer, vec![point])),
            }
        }
        for (_, points) in &mut lines {
            points.sort_by(|one, other| one.0.total_cmp(&other.0));
        }
        lines.sort_by_key(|(name, _)| *name);
        lines
    }
}

/// The same for the same name in all plots.
fn color(peer: &str) -> RGBColor {
    match peer {
        "threads" | common::OURS => RGBColor(0, 98, 177),
        "processes" | "concurrent-futures ProcessPool" => RGBColor(0, 130, 90),
        _ => RGBColor(200, 80, 0),
    }
}

fn ends(values: impl Iterator<Item = f64>) -> [f64; 2] {
    values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| {
        [low.min(value), high.max(value)]
    })
}

/// White paper becomes black and black ink white where the reader likes it so; colours stay what they are.
pub(crate) fn readable_in_the_dark(svg: &str) -> String {
    const STYLE: &str =
        "<style>@media (prefers-color-scheme: dark) { svg { filter: invert(1) hue-rotate(180deg) } }</style>";
    svg.replacen(">\n", &format!(">\n{STYLE}\n"), 1)
}
