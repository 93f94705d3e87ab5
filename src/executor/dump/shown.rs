//! How a dump is printed.

use super::{Awaits, Dump, TaskDump, WorkerDump};
use std::fmt;

/// So many suspended tasks are printed: the oldest.
const MOST_SUSPENDED: usize = 20;

impl fmt::Display for Dump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = &self.stats;
        writeln!(
            f,
            "{}: {} queued, {} running, {} succeeded, {} failed, {} cancelled",
            self.executor, stats.queued, stats.running, stats.succeeded, stats.failed, stats.cancelled
        )?;
        if stats.workers_restarted > 0 || stats.spare_threads > 0 {
            writeln!(
                f,
                "  {} workers restarted, {} spare threads",
                stats.workers_restarted, stats.spare_threads
            )?;
        }
        for worker in &self.workers {
            write!(f, "  {worker}")?;
        }
        if !self.suspended.is_empty() {
            writeln!(f, "  suspended: {}", self.suspended.len())?;
            let mut oldest: Vec<_> = self.suspended.iter().collect();
            oldest.sort_by_key(|task| std::cmp::Reverse(task.age));
            for task in oldest.iter().take(MOST_SUSPENDED) {
                writeln!(f, "    {task}")?;
            }
            if let Some(more) = oldest.len().checked_sub(MOST_SUSPENDED).filter(|more| *more > 0) {
                writeln!(f, "    and {more} that are younger")?;
            }
        }
        for cycle in &self.cycles {
            write!(f, "  A CIRCLE: ")?;
            for task in cycle {
                write!(f, "task {task} waits for ")?;
            }
            writeln!(f, "task {}; if no wait has a limit, none of them ends", cycle[0])?;
        }
        if self.is_partial {
            writeln!(f, "  (something was being changed just then and is left out)")?;
        }
        Ok(())
    }
}

impl fmt::Display for WorkerDump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if let Some(pid) = self.pid {
            write!(f, " {pid}")?;
        }
        match &*self.tasks {
            [] => return writeln!(f, ": idle"),
            [task] => writeln!(f, ": {task}")?,
            [first, others @ ..] => {
                writeln!(f, ": {first}")?;
                for task in others {
                    writeln!(f, "    and {task}")?;
                }
            }
        }
        if self.deeper > 0 {
            writeln!(f, "    and {} more on top of it", self.deeper)?;
        }
        Ok(())
    }
}

impl fmt::Display for TaskDump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id {
            Some(id) => write!(f, "task {id} ")?,
            None => write!(f, "items of a map ")?,
        }
        if let Some(name) = &self.name {
            write!(f, "`{name}` ")?;
        }
        write!(f, "({}), {:.1} s", self.work, self.age.as_secs_f64())?;
        match self.awaits {
            None => Ok(()),
            Some(Awaits::Task(id)) => write!(f, ", waits for task {id}"),
            Some(Awaits::Other) => write!(f, ", waits"),
        }
    }
}
