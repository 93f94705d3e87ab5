//! Writes down what the other benchmarks have measured: tables in README.md and benches/README.md, and the plots.
//! `cargo bench --bench report`, after the others. It measures nothing itself.

#[path = "../common/mod.rs"]
mod common;
mod figures;
mod format;
mod machine;
mod plots;
mod ratios;
mod tables;
mod workloads;

use figures::Figures;
use std::{error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    if !common::is_measuring() {
        return Ok(());
    }
    let figures = Figures::read(&common::target_dir())?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let origin = machine::origin(&figures);
    fill(&root.join("README.md"), &tables::summary(&figures), &origin)?;
    fill(
        &root.join("benches/README.md"),
        &tables::all_peers(&figures),
        &origin,
    )?;
    let folder = root.join("benches/plots");
    ratios::draw(&figures, &folder.join("ratios.svg"))?;
    plots::draw_all(&figures, &folder)
}

/// Replaces what stands between the markers.
fn fill(file: &Path, table: &str, origin: &str) -> Result<(), Box<dyn Error>> {
    const BEGIN: &str = "<!-- figures: written by `cargo bench --bench report` -->\n";
    const END: &str = "<!-- end of figures -->";
    let text = fs::read_to_string(file)?;
    let missing = || format!("{} has no place for the figures", file.display());
    let (before, rest) = text.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    fs::write(
        file,
        format!("{before}{BEGIN}\n{table}\n{origin}\n\n{END}{after}"),
    )?;
    Ok(())
}
