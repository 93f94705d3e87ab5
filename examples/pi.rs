//! π on four workers: the area under 4 / (1 + x²) from 0 to 1, in chunks that nobody has to share.
//!
//! Python: a list of ranges and `pool.map`, with processes where it computes. This is the model for all work that can be cut in
//! pieces: make the pieces the items, compute on any backend, add up what comes back. The order of outcomes is that of
//! the items, so the sum is the same to the last bit wherever it was computed.

use concurrent_futures::{Executor, Inline, ProcessPool, TaskError, ThreadPool};
use std::time::Instant;

const STRIPS: u32 = 400_000_000;
const CHUNKS: u32 = 64;

/// The area of the strips of one chunk.
fn area(chunk: u32) -> f64 {
    let width = f64::from(STRIPS).recip();
    let strips = chunk * (STRIPS / CHUNKS)..(chunk + 1) * (STRIPS / CHUNKS);
    let height = |strip| {
        let x = (f64::from(strip) + 0.5) * width;
        4.0 / (1.0 + x * x)
    };
    strips.map(height).sum::<f64>() * width
}

/// Knows nothing of threads or processes.
fn pi<E: Executor>(executor: &E) -> Result<f64, TaskError> {
    executor.map(area, 0..CHUNKS).sum()
}

fn report<E: Executor>(backend: &str, executor: &E) -> Result<f64, TaskError> {
    let start = Instant::now();
    let pi = pi(executor)?;
    println!("{backend:15} {pi:.10} in {:.2} s", start.elapsed().as_secs_f64());
    Ok(pi)
}

fn main() -> Result<(), TaskError> {
    let here = report("on this thread", &Inline::new())?;
    let on_threads = report("four threads", &ThreadPool::with_workers(4))?;
    let in_processes = report("four processes", &ProcessPool::with_workers(4))?;
    assert!((here - std::f64::consts::PI).abs() < 1e-10);
    let bits = [on_threads, in_processes].map(f64::to_bits);
    assert_eq!(bits, [here.to_bits(); 2], "the same to the last bit");
    Ok(())
}
