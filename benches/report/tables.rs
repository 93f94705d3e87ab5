//! The tables, as Markdown.

use crate::{
    common::OURS,
    figures::{Figure, Figures},
    format,
    workloads::{LIMITS, Unit, WORKLOADS, Workload},
};
use std::fmt::Write;

/// This crate and the best peer.
pub(crate) fn summary(figures: &Figures) -> String {
    let mut table = String::from(
        "| workload | each | this crate | best peer | ratio |\n\
         |---|---|---|---|---|\n",
    );
    for workload in WORKLOADS {
        let group = figures.of_group(workload.group);
        let (ours, best) = (ours(&group), best_peer(&group));
        let cell = |figure: &Figure| format::value(figure.each(), &workload.unit);
        let ratio = ours.zip(best).map(|(ours, best)| ratio(ours, best));
        let best = best.map(|best| format!("{}: {}", best.peer, cell(best)));
        let cells = [
            ours.map_or_else(not_measured, cell),
            best.unwrap_or_else(not_measured),
            ratio.unwrap_or_default(),
        ];
        write_row(&mut table, workload, &cells);
    }
    table
}

/// Everybody, the fastest first.
pub(crate) fn all_peers(figures: &Figures) -> String {
    let mut table = String::from(
        "| workload | each | who | | times the best peer's |\n\
         |---|---|---|---|---|\n",
    );
    for workload in WORKLOADS {
        let group = figures.of_group(workload.group);
        if group.is_empty() {
            write_row(
                &mut table,
                workload,
                &[not_measured(), String::new(), String::new()],
            );
        }
        let best = best_peer(&group);
        for figure in &group {
            let who = if figure.peer.starts_with(OURS) {
                format!("**{}**", figure.peer)
            } else {
                figure.peer.clone()
            };
            let value = format::value(figure.each(), &workload.unit);
            let ratio = best.map(|best| ratio(figure, best));
            write_row(&mut table, workload, &[who, value, ratio.unwrap_or_default()]);
        }
    }
    table
}

/// In a group in the order of values.
pub(crate) fn ours<'a>(group: &[&'a Figure]) -> Option<&'a Figure> {
    group.iter().copied().find(|figure| figure.peer == OURS)
}

/// In a group in the order of values.
pub(crate) fn best_peer<'a>(group: &[&'a Figure]) -> Option<&'a Figure> {
    let is_peer =
        |figure: &&Figure| !figure.peer.starts_with(OURS) && !LIMITS.contains(&figure.peer.as_str());
    group.iter().copied().find(is_peer)
}

fn not_measured() -> String {
    "not measured".to_owned()
}

/// Nothing beside nothing has no ratio.
fn ratio(figure: &Figure, best: &Figure) -> String {
    let ratio = figure.each() / best.each();
    if ratio.is_finite() {
        format!("{ratio:.2}")
    } else {
        String::new()
    }
}

fn write_row(table: &mut String, workload: &Workload, cells: &[String; 3]) {
    let each = match workload.unit {
        Unit::Per(one) => one,
        Unit::Plain => "",
    };
    writeln!(table, "| {} | {each} | {} |", workload.name, cells.join(" | "))
        .expect("a string takes everything");
}
