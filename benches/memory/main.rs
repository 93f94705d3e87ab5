//! What tasks and pools cost besides time: memory, and what an idle or hardly used pool takes of the machine.
//! `cargo bench --bench memory`. Counted, not timed, so without criterion; printed, and kept for `report`.

#[path = "../common/mod.rs"]
mod common;
mod counting;
mod load;
mod tasks;
mod usage;

use serde_json::{Value, json};
use std::fs;

/// A number, what it is the number of, and whose it is.
pub(crate) struct Figure {
    pub(crate) group: &'static str,
    pub(crate) peer: &'static str,
    pub(crate) value: f64,
}

impl Figure {
    fn to_json(&self) -> Value {
        json!({ "group": self.group, "peer": self.peer, "value": self.value })
    }
}

fn main() {
    let mut figures = tasks::figures();
    match load::figures() {
        Ok(more) => figures.extend(more),
        Err(error) => eprintln!("what idle pools use is left out: {error}"),
    }
    for Figure { group, peer, value } in &figures {
        println!("{group:40} {peer:34} {value:>12.1}");
    }
    if common::is_measuring() {
        let all: Vec<_> = figures.iter().map(Figure::to_json).collect();
        fs::write(common::target_dir().join("memory.json"), json!(all).to_string()).unwrap();
    }
}
