//! A program with a child, neither of which ends by itself or because it is asked to.

use crate::{backends::shell, harness::eventually};
use concurrent_futures::subprocess::Command;
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

pub(crate) struct Family(TempDir);

/// `$1` is the folder. A file is there when it is complete.
const SCRIPT: &str = r#"
trap '' TERM
note() { echo "$2" > "$1.new"; mv "$1.new" "$1"; }
(sh -c 'trap "" TERM; echo $$ > "$1/child.new"; mv "$1/child.new" "$1/child"; sleep 1000' child "$1") &
note "$1/parent" $$
echo started
wait
"#;

impl Family {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn command(&self) -> Command {
        shell(SCRIPT).args(["sh".as_ref(), self.0.path().as_os_str()])
    }

    /// Waits until both are there, and returns their numbers.
    pub(crate) fn wait(&self) -> [u32; 2] {
        ["parent", "child"].map(|name| pid_in(&self.0.path().join(name)))
    }

    /// Whether both are, or were, there.
    pub(crate) fn is_complete(&self) -> bool {
        ["parent", "child"]
            .iter()
            .all(|name| self.0.path().join(name).exists())
    }

    /// Waits until both are gone.
    pub(crate) fn wait_until_gone(&self, label: &str) {
        for pid in self.wait() {
            wait_until_gone(pid, label);
        }
    }
}

/// Waits for the file and reads the number in it.
pub(crate) fn pid_in(path: &PathBuf) -> u32 {
    eventually(&format!("{}", path.display()), || path.exists());
    fs::read_to_string(path).unwrap().trim().parse().unwrap()
}

pub(crate) fn wait_until_gone(pid: u32, label: &str) {
    eventually(&format!("{label}: {pid} is gone"), || !is_alive(pid));
}

/// Whether the process runs. One that is dead and whose parent has not looked yet does not.
pub(crate) fn is_alive(pid: u32) -> bool {
    // SAFETY: signal 0 only asks, and no memory is passed.
    #[allow(unsafe_code)]
    let is_there = unsafe { libc::kill(pid.cast_signed(), 0) } == 0;
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).unwrap_or_default();
    let is_dead = stat
        .rsplit_once(") ")
        .is_some_and(|(_, state)| state.starts_with(['Z', 'X']));
    is_there && !is_dead
}
