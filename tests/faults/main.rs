//! What the machine may refuse, and what is promised then: a clear error, every future resolved, and a pool that works as soon
//! as the machine does again.
//!
//! Nothing of the crate is replaced for these tests. The system itself refuses: limits, a full or missing file system, another
//! clock, and for single system calls a filter that can be turned on and off ([`refusals`]). Each test runs in a process of its
//! own, so the machine is left as it was; none needs to be root.
//!
//! | fault | test | what is promised |
//! |---|---|---|
//! | no process can be started (`fork`: `EAGAIN`, `ENOMEM`) | `processes::` | what waits fails with the system's words; the next submission tries again |
//! | the executable cannot be run (`exec`) | `processes::`; `process_neighbours::streams` | the same |
//! | no shared memory, no socket, no mapping for a worker | `processes::` | the same |
//! | no pidfd | `processes::`, `process_neighbours::sandbox` | nothing is lost: deaths are seen by looking |
//! | the folder of the workers is missing | `process_faults::starting` | the reason; looked for again |
//! | no thread can be started (`EAGAIN`) | `threads::` | building fails; a pool that runs goes on; a wait that needs a spare thread panics with the cure |
//! | no descriptors (`EMFILE`) | `process_faults::starting`, `limits::` | a failed start, and tried again; thread pools need none |
//! | no memory (`RLIMIT_AS`) in the parent | `limits::` | a failed start, and tried again |
//! | no memory in a worker | `process_faults::starting`, `process_options::memory` | one task dies |
//! | `membarrier` is forbidden while a pool runs | `threads::` | each side passes a barrier of its own; no task is lost |
//! | full pipes | `process_neighbours::streams`, `subprocess::streams`, `sys::channel` | who writes waits, nobody else; a ring never blocks |
//! | `SIGSTOP` | `process_faults::{life, limits, large}` | what it has not started runs elsewhere; a shutdown ends within seconds |
//! | death anywhere, in any way | `process_faults::{matrix, life, large, storm}` | one task dies |
//! | nonsense in the shared memory | `process_faults::{frames, garbage}`, `process::tests` | that worker dies, nobody else notices |
//! | the wall clock jumps | `clocks::` | nothing: no time of day is asked for |
//! | a worker's clocks are other than the parent's | `clocks::` | results, deadlines and rates are as ever; only the age of its tasks in a dump is wrong |
//! | `panic = "abort"` | `programs::` | a panic in a worker is a death (`SIGABRT`) of one task |
//! | one CPU | `limits::` | the same results, waits inside tasks included |
//! | the executable is replaced or deleted while the pool runs | `executable::` | workers go on being started from the file that runs |
//! | `/dev/shm` is read-only, or full | `executable::` | nothing: shared memory has no name (Linux) |
#![cfg(target_os = "linux")]

mod clocks;
mod executable;
mod harness;
mod limits;
mod processes;
mod programs;
mod refusals;
mod rounds;
mod threads;
