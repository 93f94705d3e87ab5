//! What a recording says of tasks, and the pictures that come of it.

#[path = "../example_binary/mod.rs"]
mod example_binary;
mod files;
#[cfg(unix)]
mod processes;
mod threads;
mod written;
mod xml;

use concurrent_futures::{
    TaskId, Timeline,
    timeline::{Slice, SliceKind, TaskTrace},
};

/// The task of this id.
fn task(timeline: &Timeline, id: TaskId) -> &TaskTrace {
    timeline.tasks.iter().find(|task| task.id == id).unwrap()
}

/// What a task did on lanes.
fn slices(timeline: &Timeline, id: TaskId) -> Vec<&Slice> {
    timeline
        .slices
        .iter()
        .filter(|slice| slice.task == Some(id))
        .collect()
}

/// Calls of work, as opposed to what its callers do.
fn calls(timeline: &Timeline) -> impl Iterator<Item = &Slice> {
    timeline
        .slices
        .iter()
        .filter(|slice| matches!(slice.kind, SliceKind::Call | SliceKind::Died))
}
