use serde_json::Value;
use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// One number: of a workload, by one peer.
pub(crate) struct Figure {
    pub(crate) group: String,
    pub(crate) peer: String,
    /// Where on the axis of a plot, if the workload has such a thing.
    pub(crate) at: Option<f64>,
    /// The median of all of it: nanoseconds, or what the name of the group says.
    pub(crate) value: f64,
    /// How many tasks, items or mebibytes that is for.
    pub(crate) count: f64,
}

impl Figure {
    pub(crate) fn each(&self) -> f64 {
        self.value / self.count
    }
}

/// What criterion and `memory` have left behind.
pub(crate) struct Figures {
    all: Vec<Figure>,
    /// When the first and the last of them was measured.
    pub(crate) measured: Option<[SystemTime; 2]>,
}

impl Figures {
    pub(crate) fn read(target: &Path) -> Result<Self, Box<dyn Error>> {
        let mut figures = Self {
            all: Vec::new(),
            measured: None,
        };
        let mut folders = vec![target.join("criterion")];
        while let Some(folder) = folders.pop() {
            if folder.ends_with("new") {
                figures.add_criterion(&folder)?;
            } else {
                folders.extend(subfolders(&folder)?);
            }
        }
        figures.add_memory(&target.join("memory.json"))?;
        Ok(figures)
    }

    /// In the order of their values.
    pub(crate) fn of_group(&self, group: &str) -> Vec<&Figure> {
        let mut of_group: Vec<_> = self.all.iter().filter(|figure| figure.group == group).collect();
        of_group.sort_by(|one, other| one.each().total_cmp(&other.each()));
        of_group
    }

    fn add_criterion(&mut self, folder: &Path) -> Result<(), Box<dyn Error>> {
        let benchmark = self.load(&folder.join("benchmark.json"))?;
        let estimates = self.load(&folder.join("estimates.json"))?;
        let throughput = &benchmark["throughput"];
        let elements = throughput["Elements"].as_f64();
        let mebibytes = throughput["Bytes"]
            .as_f64()
            .map(|bytes| bytes / f64::from(1 << 20));
        self.all.push(Figure {
            group: text(&benchmark["group_id"]),
            peer: text(&benchmark["function_id"]),
            at: benchmark["value_str"].as_str().and_then(|at| at.parse().ok()),
            value: number(&estimates["median"]["point_estimate"])?,
            count: elements.or(mebibytes).unwrap_or(1.0),
        });
        Ok(())
    }

    fn add_memory(&mut self, file: &Path) -> Result<(), Box<dyn Error>> {
        if !file.exists() {
            return Ok(());
        }
        for figure in self.load(file)?.as_array().into_iter().flatten() {
            self.all.push(Figure {
                group: text(&figure["group"]),
                peer: text(&figure["peer"]),
                at: None,
                value: number(&figure["value"])?,
                count: 1.0,
            });
        }
        Ok(())
    }

    fn load(&mut self, file: &Path) -> Result<Value, Box<dyn Error>> {
        let written = fs::metadata(file)?.modified()?;
        let [first, last] = self.measured.unwrap_or([written; 2]);
        self.measured = Some([first.min(written), last.max(written)]);
        Ok(serde_json::from_slice(&fs::read(file)?)?)
    }
}

/// None of a folder that is not there.
fn subfolders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let paths: io::Result<Vec<_>> = entries.map(|entry| Ok(entry?.path())).collect();
    Ok(paths?.into_iter().filter(|path| path.is_dir()).collect())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn number(value: &Value) -> Result<f64, String> {
    value.as_f64().ok_or_else(|| format!("{value} is not a number"))
}
