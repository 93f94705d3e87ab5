//! The table in `docs/stopping.md` is true: what it says of each way of stopping is tried on each backend.
//!
//! Each cell is made from what was seen alone: what the call answered, how the future ended, whether the work ever ran,
//! saw that it was asked to stop, came to its end or died. Nothing here knows what a cell should say.
#![cfg(all(unix, feature = "tokio"))]

mod groups;
mod maps;
mod observed;
mod rows;
mod subjects;
mod table;
mod tasks;
mod work;

use concurrent_futures::conformance::watchdog::within;
use rows::rows;
use subjects::{
    BridgeCalls, BridgeFutures, CheckedCalls, CheckedFutures, InlineCalls, InlineFutures, ProcessCalls,
    ProcessFutures, SpawnerCalls, SpawnerFutures, Subject, ThreadCalls, ThreadFutures,
};
use table::{CANNOT_BE, Table};

/// Compares a column with what is seen.
fn holds<S: Subject>(column: &str) {
    let table = Table::read();
    let place = table.columns.iter().position(|name| name == column);
    let place = place.unwrap_or_else(|| panic!("no column {column}"));
    let mut wrong = Vec::new();
    for row in rows::<S>() {
        // For the case that this row panics or hangs.
        eprintln!("{}, {}", row.way, row.task);
        let observed = row.observe.map_or_else(|| CANNOT_BE.to_owned(), within);
        let same = |(way, task): (&str, &str)| way == row.way && task == row.task;
        let documented = table.rows.iter().find(|row| same((&row.way, &row.task)));
        let documented = documented.map_or("no such row", |row| &row.cells[place]);
        if documented != observed {
            wrong.push(format!(
                "{} | {} | {column}: documented {documented:?}, observed {observed:?}",
                row.way, row.task
            ));
        }
    }
    assert!(wrong.is_empty(), "docs/stopping.md:\n{}", wrong.join("\n"));
}

macro_rules! columns {
    ($($test:ident: $subject:ty, $column:literal;)+) => {
        $(
            #[test]
            fn $test() {
                holds::<$subject>($column);
            }
        )+

        const HELD: &[&str] = &[$($column),+];
    };
}

columns! {
    inline_calls: InlineCalls, "`Inline`, `Checked`: calls";
    inline_futures: InlineFutures, "`Inline`, `Checked`: async";
    checked_calls: CheckedCalls, "`Inline`, `Checked`: calls";
    checked_futures: CheckedFutures, "`Inline`, `Checked`: async";
    thread_calls: ThreadCalls, "`ThreadPool`: calls";
    thread_futures: ThreadFutures, "`ThreadPool`: async";
    process_calls: ProcessCalls, "`ProcessPool`: calls";
    process_futures: ProcessFutures, "`ProcessPool`: async";
    bridge_calls: BridgeCalls, "`AsyncBridge`: calls";
    bridge_futures: BridgeFutures, "`AsyncBridge`: async";
    bridge_calls_on_own_threads: SpawnerCalls, "`AsyncBridge`: calls";
    bridge_futures_on_own_threads: SpawnerFutures, "`AsyncBridge`: async";
}

#[test]
fn every_row_and_column_is_held() {
    let table = Table::read();
    for column in &table.columns {
        assert!(HELD.contains(&column.as_str()), "nobody tries {column}");
    }
    let tried: Vec<_> = rows::<ThreadCalls>()
        .iter()
        .map(|row| (row.way, row.task))
        .collect();
    let documented: Vec<_> = table.rows.iter().map(|row| (&*row.way, &*row.task)).collect();
    assert_eq!(documented, tried);
}
