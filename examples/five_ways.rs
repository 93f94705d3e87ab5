//! The same small work five ways: threads by hand, async, processes, the executor trait, external programs.
//!
//! Python has a module for each of them: `threading`, `asyncio`, `multiprocessing`, `concurrent.futures`, `subprocess`.
//! Threads compute and wait in one memory; async waits for thousands of things at once; processes are for what may crash
//! or hang; the trait is for code that does not want to know; external programs are work that somebody else has written.

use concurrent_futures::{
    AsyncBridge, Executor, Inline, ProcessPool, TaskError, ThreadPool,
    subprocess::{self, Command},
};
use std::{error::Error, thread};

/// The work: how many steps of Collatz's rule lead from `n` to 1.
fn steps(mut n: u64) -> u64 {
    let mut steps = 0;
    while n > 1 {
        n = if n.is_multiple_of(2) { n / 2 } else { 3 * n + 1 };
        steps += 1;
    }
    steps
}

const STARTS: [u64; 4] = [27, 97, 871, 6171];

/// One thread for each, without any pool. Nobody bounds how many there are, and a panic is for the caller to handle.
fn threads_by_hand() -> Vec<u64> {
    let threads = STARTS.map(|n| thread::spawn(move || steps(n)));
    threads.map(|thread| thread.join().expect("no panic")).to_vec()
}

/// Futures on a runtime. What computes for long does not belong there: it waits for nothing.
fn async_work() -> Result<Vec<u64>, TaskError> {
    let bridge = AsyncBridge::with_workers(2);
    bridge.map_async(|n| async move { steps(n) }, STARTS).collect()
}

/// Processes of this same program; `main` runs in none of them.
fn processes() -> Result<Vec<u64>, TaskError> {
    ProcessPool::with_workers(2).map(steps, STARTS).collect()
}

/// Whatever the caller has.
fn executor<E: Executor>(executor: &E) -> Result<Vec<u64>, TaskError> {
    executor.map(steps, STARTS).collect()
}

/// Programs that somebody else has written, here in the language of the shell.
fn external_programs() -> Result<Vec<u64>, Box<dyn Error>> {
    const SCRIPT: &str =
        "s=0; while [ $n -gt 1 ]; do n=$((n % 2 ? 3 * n + 1 : n / 2)); s=$((s + 1)); done; echo $s";
    let commands = STARTS.map(|n| Command::new("sh").args(["-c", SCRIPT]).env("n", n.to_string()));
    let outputs = ThreadPool::with_workers(2).map(subprocess::run, commands);
    // Two results around each output: what became of the task, and of the program.
    outputs
        .map(|output| Ok(output??.text()?.trim().parse()?))
        .collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let ways = [
        ("threads by hand", threads_by_hand()),
        ("async", async_work()?),
        ("processes", processes()?),
        ("the trait, on threads", executor(&ThreadPool::with_workers(2))?),
        ("the trait, right here", executor(&Inline::new())?),
        ("external programs", external_programs()?),
    ];
    for (way, steps) in ways {
        println!("{way:22} {steps:?}");
        assert_eq!(steps, [111, 118, 178, 261]);
    }
    Ok(())
}
