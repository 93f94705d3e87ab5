//! The backend as a flag: `cargo run --example swap -- --backend inline`. Without the flag, the environment
//! variable `CONCURRENT_FUTURES_BACKEND` decides, and without that it is threads.

use concurrent_futures::{AnyExecutor, Executor, TaskError};
use std::{env, error::Error, process::ExitCode};

fn is_prime(n: u64) -> bool {
    n > 1 && (2..n).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d))
}

/// Knows nothing of backends.
fn primes_below<E: Executor>(executor: &E, limit: u64) -> Result<usize, TaskError> {
    executor
        .map(is_prime, 0..limit)
        .try_fold(0, |count, prime| Ok(count + usize::from(prime?)))
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let executor = match args.next().as_deref() {
        None => AnyExecutor::from_env()?,
        Some("--backend") => AnyExecutor::new(args.next().unwrap_or_default().parse()?),
        Some(other) => return Err(format!("{other}: the only flag is --backend NAME").into()),
    };
    let count = primes_below(&executor, 20_000)?;
    println!("{count} primes below 20,000, counted on {}", executor.backend());
    assert_eq!(count, 2262);
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
