//! What has really happened to tasks, and what must not.

use std::fmt::Debug;

/// How a handle has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cluster) enum End {
    Value(u64),
    /// Its task was taken back, and will not run.
    Cancelled,
}

#[derive(Debug, Default)]
struct Handle {
    end: Option<End>,
    /// Who waited for it is dead.
    is_abandoned: bool,
    /// The engine has broken its word about it: its data went back in time, or a hold was lost before its time.
    was_cheated: bool,
}

/// All handles that there were, by number.
#[derive(Debug, Default)]
pub(in crate::cluster) struct Truth(Vec<Handle>);

impl Truth {
    pub(in crate::cluster) fn new_handle(&mut self) -> usize {
        self.0.push(Handle::default());
        self.0.len() - 1
    }

    /// What the work makes of its argument, which is the number of its handle.
    pub(in crate::cluster) fn value(handle: usize) -> u64 {
        handle as u64 * 7 + 1
    }

    /// A worker runs the task.
    pub(in crate::cluster) fn run(&mut self, handle: usize) -> u64 {
        let told = &self.0[handle];
        assert!(
            told.end != Some(End::Cancelled) || told.was_cheated,
            "task {handle} runs, and it was said that it will not"
        );
        Self::value(handle)
    }

    pub(in crate::cluster) fn end(&mut self, handle: usize, end: End) {
        let told = &mut self.0[handle];
        assert_eq!(told.end, None, "task {handle} ends a second time: {end:?}");
        if let End::Value(value) = end {
            assert_eq!(
                value,
                Self::value(handle),
                "task {handle} has the value of another"
            );
        }
        told.end = Some(end);
    }

    pub(in crate::cluster) fn abandon(&mut self, handle: usize) {
        self.0[handle].is_abandoned = true;
    }

    /// From now on nothing can be promised about the tasks that there are.
    pub(in crate::cluster) fn cheat(&mut self) {
        self.0.iter_mut().for_each(|handle| handle.was_cheated = true);
    }

    /// Those that have no end and are waited for.
    pub(in crate::cluster) fn open(&self) -> Vec<usize> {
        let is_open = |handle: &Handle| handle.end.is_none() && !handle.is_abandoned;
        (0..self.0.len())
            .filter(|&number| is_open(&self.0[number]))
            .collect()
    }

    pub(in crate::cluster) fn count(&self, end: impl Fn(End) -> bool) -> usize {
        self.0
            .iter()
            .filter(|handle| handle.end.is_some_and(&end))
            .count()
    }
}
