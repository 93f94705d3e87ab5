//! The operating system, as the pools see it. No other folder of the crate makes a system call for it, and
//! nothing here knows what a pool, a task or a message is: these files take and give descriptors, bytes and process
//! ids. So what a system lacks is answered in one place.
//!
//! | file | what it is |
//! |---|---|
//! | `barrier.rs` | a memory barrier whose price one side pays for both |
//! | `image.rs` | the main executable: where it lies in memory, which build it is, how to start it again |
//! | `huge_pages.rs` | memory for large values |
//! | `memory.rs` | memory that two processes see |
//! | `channel.rs` | the socket pair between parent and worker: messages, descriptors, rings |
//! | `poll.rs` | waiting for many descriptors; called as `channel::poll` and `channel::poll_readable` |
//! | `child.rs` | a started process, the parent's side |
//! | `program.rs` | starting an external program: its group, its pipes, what dies with whom |
//! | `board.rs` | where the groups of running programs are written down for who outlives this process |
//! | `worker.rs` | what a worker does to itself at its start |
//! | `exit.rs` | what is done when the program ends |
//! | `resident.rs` | how much memory a process takes |
//! | `terminal.rs` | the signals of a terminal's keys, for who reads the keys |
//! | `stack.rs` | how large a thread's stack is, and how much of it is used |
//! | `overflow.rs` | the words a worker says when its stack overflows |
//! | `constructors.rs` | running the program's later constructors in a worker |
//! | `fuzz/` | for tests only: many random inputs, and how much memory each takes |
//!
//! # What differs between systems
//!
//! | | Linux | macOS | other Unix |
//! |---|---|---|---|
//! | the image | `dl_iterate_phdr` | load commands of image 0 | empty: it contains no address |
//! | what to start | `/proc/self/exe` (also after the file was replaced) | `current_exe()` | `current_exe()` |
//! | build id | GNU note | none: only the file tells | none: only the file tells |
//! | a barrier for all threads | `membarrier` | no: each side has its own | as macOS |
//! | large pages | `MADV_HUGEPAGE` | no | no |
//! | shared memory | `memfd`, sealed against a change of size | `shm_open`, unlinked at once | as macOS |
//! | close-on-exec | set with the descriptor | set just after: a `fork` between leaks it | as macOS for what is received |
//! | `SIGPIPE` on a send | off for the call | off for the socket | off for the call |
//! | a child's death | pidfd, from 5.3 on | no descriptor: ask `try_reap`, or see the channel close | as macOS |
//! | kill by identity | pidfd; a group too from 6.9 on | by number, never after it was reaped | as macOS |
//! | is it stopped | `/proc/<pid>/stat` | `waitid`: reports each stop, as seen by the parent | as macOS |
//! | die with the parent | `PR_SET_PDEATHSIG` | no: the worker sees the channel close | as macOS |
//! | a program dies with the thread that started it | `PR_SET_PDEATHSIG` | no | no |
//! | `SIGPIPE` on a write to a pipe | kept on the thread and taken away | off for the pipe | as Linux |
//! | words at a stack overflow | yes | yes | only the signal |
//! | name of the process | `PR_SET_NAME` | no | no |
//! | resident memory | `/proc/self/statm`, now | `getrusage`, the most so far | as macOS |
//! | resident memory of another process | `/proc/<pid>/status` | no | no |
//! | later constructors in a worker | run | not run | not run |

pub(crate) mod barrier;
#[cfg(unix)]
pub(crate) mod board;
#[cfg(unix)]
pub(crate) mod channel;
#[cfg(unix)]
pub(crate) mod child;
pub(crate) mod clock;
#[cfg(unix)]
pub(crate) mod constructors;
pub(crate) mod exit;
#[cfg(test)]
pub(crate) mod fuzz;
pub(crate) mod huge_pages;
#[cfg(unix)]
pub(crate) mod image;
#[cfg(unix)]
pub(crate) mod memory;
#[cfg(unix)]
mod overflow;
#[cfg(unix)]
mod poll;
#[cfg(unix)]
pub(crate) mod program;
#[cfg(feature = "monitor")]
pub(crate) mod resident;
pub(crate) mod stack;
#[cfg(feature = "monitor")]
pub(crate) mod terminal;
#[cfg(unix)]
pub(crate) mod worker;

#[cfg(test)]
mod tests {
    //! For tests of what a process does to itself, which can not be undone.
    use std::{env, process::Command};

    const ALONE: &str = "CONCURRENT_FUTURES_TEST_ALONE";

    /// Gives the command that runs the test of this name, as `concat!(module_path!(), "::name")`, alone on the first
    /// thread of a process of its own; and `None` in that process.
    pub(super) fn alone(test: &str) -> Option<Command> {
        if env::var_os(ALONE).is_some() {
            return None;
        }
        let (_crate, name) = test.split_once("::").unwrap();
        let mut command = Command::new(env::current_exe().unwrap());
        command
            .args(["--exact", name, "--nocapture", "--test-threads=1"])
            .env(ALONE, "1");
        Some(command)
    }
}
