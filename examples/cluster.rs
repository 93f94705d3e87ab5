//! The same function on this thread and on a cluster, one of whose workers is killed on the way: `cargo run --release --features cluster
//! --example cluster`. Needs `redis-server` or `valkey-server` in `PATH`, which it starts for itself.

use concurrent_futures::{BuildError, Cluster, Executor, Inline, TaskError};
use sha2::{Digest, Sha256};
use std::{path::PathBuf, process::Command, time::Duration};

/// How many steps a number takes to 1: divided by two if it is even, else three times itself plus one.
fn collatz(mut n: u64) -> u32 {
    let mut steps = 0;
    while n != 1 {
        n = if n.is_multiple_of(2) { n / 2 } else { 3 * n + 1 };
        steps += 1;
    }
    steps
}

fn checksum(file: PathBuf) -> Result<String, String> {
    let bytes = std::fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let digest = Sha256::digest(&bytes);
    Ok(digest
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}")))
}

/// The most steps and the number that takes them; the checksums, or why there is none.
type Answer = ((u32, u64), Vec<Result<String, String>>);

/// The number below a million with the most steps, and the checksums of these files. Knows nothing of machines.
fn work<E: Executor>(
    executor: &E,
    files: &[PathBuf],
    mut on_the_way: impl FnMut(),
) -> Result<Answer, TaskError> {
    let checksums = executor.map(checksum, files.to_vec());
    let mut longest = (0, 0);
    for (n, steps) in (1..1_000_000u64).zip(executor.map(collatz, 1..1_000_000u64)) {
        longest = longest.max((steps?, n));
        if n == 300_000 {
            on_the_way();
        }
    }
    Ok((longest, checksums.collect::<Result<_, _>>()?))
}

fn main() -> Result<(), BuildError> {
    let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let mut files: Vec<_> = std::fs::read_dir(sources)
        .expect("the folder of the examples")
        .filter_map(|entry| Some(entry.ok()?.path()).filter(|path| path.is_file()))
        .collect();
    files.sort();

    let expected = work(&Inline::new(), &files, || ()).expect("nothing fails here");

    let cluster = Cluster::local()?.workers(2).slots(1).build()?;
    assert!(
        cluster.wait_for_slots(2, Duration::from_secs(30)),
        "two workers join"
    );
    let answer = work(&cluster, &files, || {
        let victim = cluster.local_worker_pids()[0];
        let killed = Command::new("kill").arg("-9").arg(victim.to_string()).status();
        println!(
            "worker 1 of 2 was killed: {}",
            killed.is_ok_and(|status| status.success())
        );
    })
    .expect("nothing fails there either");

    let (steps, n) = answer.0;
    println!("{n} takes {steps} steps, the most below a million");
    println!("the answer is that of one thread: {}", answer == expected);
    assert_eq!(answer, expected);
    Ok(())
}
