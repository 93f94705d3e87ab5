//! Which file becomes which.

use crate::tool::Tool;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

pub(crate) struct Job {
    pub(crate) from: PathBuf,
    pub(crate) to: PathBuf,
}

/// A result for each file. Two files whose results would have the same name are refused: they would overwrite each other.
pub(crate) fn plan(files: &[PathBuf], into: &Path, tool: Tool) -> Result<Vec<Job>, String> {
    let mut taken = BTreeMap::new();
    let job = |from: &PathBuf| {
        let name = from
            .file_name()
            .ok_or_else(|| format!("{} names no file", from.display()))?;
        let mut to = into.join(name);
        tool.rename(&mut to);
        match taken.insert(to.clone(), from.clone()) {
            None => Ok(Job {
                from: from.clone(),
                to,
            }),
            Some(other) => Err(format!(
                "{} and {} would both become {}",
                other.display(),
                from.display(),
                to.display()
            )),
        }
    };
    files.iter().map(job).collect()
}
