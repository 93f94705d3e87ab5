//! The table in `docs/stopping.md`.

pub(crate) const CANNOT_BE: &str = "–";

#[derive(Debug)]
pub(crate) struct Table {
    /// The names of the columns, without the two that name the row.
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Documented>,
}

#[derive(Debug)]
pub(crate) struct Documented {
    pub(crate) way: String,
    pub(crate) task: String,
    pub(crate) cells: Vec<String>,
}

impl Table {
    pub(crate) fn read() -> Self {
        let text = include_str!("../../docs/stopping.md");
        let mut lines = text.lines().map(cells_of);
        let head = lines.find(|cells| cells.first().is_some_and(|cell| cell == "stopped by"));
        let head = head.expect("docs/stopping.md has the table");
        let rows = lines.skip(1).take_while(|cells| !cells.is_empty());
        let rows = rows.map(|cells| {
            assert_eq!(cells.len(), head.len(), "{cells:?}");
            Documented {
                way: cells[0].clone(),
                task: cells[1].clone(),
                cells: cells[2..].to_vec(),
            }
        });
        Self {
            columns: head[2..].to_vec(),
            rows: rows.collect(),
        }
    }
}

/// Nothing if it is no line of a table.
fn cells_of(line: &str) -> Vec<String> {
    let inner = line.strip_prefix('|').and_then(|line| line.strip_suffix('|'));
    let cells = inner.map(|inner| inner.split('|').map(|cell| cell.trim().to_owned()).collect());
    cells.unwrap_or_default()
}
