//! The process pool beside its peers, in one run: `cargo bench --bench processes`.
//!
//! Every workload is run for all of them in turns, five times, and the medians are shown. Peers: procspawn, a bare socket
//! between two processes, and, if `python3` is there, Python's `ProcessPoolExecutor` (`multiprocessing.Pool` for `map`).
//! Times move with the machine and its load; the ratios say more.

#[cfg(unix)]
fn main() {
    unix::main();
}

#[cfg(not(unix))]
fn main() {
    println!("there are no worker processes on this system");
}

#[cfg(unix)]
mod unix {
    use concurrent_futures::{Executor, ProcessPool};
    use std::{
        env,
        hint::black_box,
        io::{Read, Write},
        os::{fd::OwnedFd, unix::net::UnixStream},
        process::{Command, Stdio},
        time::Instant,
    };

    const ROUNDS: usize = 5;
    const TRIPS: u32 = 2_000;
    const TASKS: u32 = 10_000;
    const ITEMS: u64 = 1_000_000;
    const MIB: u32 = 16;

    /// Makes this program the other end of a bare socket, which is its standard input.
    const ECHO: &str = "BENCH_ECHO";

    const WORKLOADS: [&str; 5] = [
        "start to first result",
        "round trip, hot",
        "10,000 small tasks, each",
        "map over 1,000,000 items, each",
        "16 MiB there and back, per MiB",
    ];
    const PEERS: [&str; 4] = ["this crate", "procspawn", "bare socket", "Python"];

    /// Microseconds, by workload and peer; empty where a peer has no such thing.
    type Table = [[Vec<f64>; PEERS.len()]; WORKLOADS.len()];

    pub(super) fn main() {
        procspawn::init();
        if env::var_os(ECHO).is_some() {
            return echo();
        }
        if env::args().any(|argument| argument == "--test") {
            return println!("nothing to test: this only measures");
        }
        let mut table = Table::default();
        for _ in 0..ROUNDS {
            this_crate(&mut table);
            peer_procspawn(&mut table);
            bare_socket(&mut table);
            python(&mut table);
        }
        show(&table);
    }

    fn add_one(n: u64) -> u64 {
        n + 1
    }

    fn micros<R>(times: f64, work: impl FnOnce() -> R) -> f64 {
        let start = Instant::now();
        black_box(work());
        start.elapsed().as_secs_f64() * 1e6 / times
    }

    fn this_crate(table: &mut Table) {
        table[0][0].push(micros(1.0, || {
            let pool = ProcessPool::with_workers(1);
            let first = pool.submit(add_one, 1).result().unwrap();
            // Ending it is not measured.
            (first, std::mem::ManuallyDrop::new(pool))
        }));
        let pool = ProcessPool::with_workers(1);
        pool.warm_up().unwrap();
        table[1][0].push(micros(f64::from(TRIPS), || {
            for n in 0..u64::from(TRIPS) {
                pool.submit(add_one, n).result().unwrap();
            }
        }));
        table[2][0].push(micros(f64::from(TASKS), || {
            let tasks: Vec<_> = (0..u64::from(TASKS)).map(|n| pool.submit(add_one, n)).collect();
            tasks.into_iter().map(|task| task.result().unwrap()).sum::<u64>()
        }));
        table[3][0].push(micros(1e6, || {
            pool.map(add_one, 0..ITEMS).map(Result::unwrap).sum::<u64>()
        }));
        let big = vec![7_u8; (MIB as usize) << 20];
        table[4][0].push(micros(f64::from(MIB), || {
            pool.submit(|big: Vec<u8>| big, big).result().unwrap()
        }));
    }

    fn peer_procspawn(table: &mut Table) {
        table[0][1].push(micros(1.0, || {
            let pool = procspawn::Pool::new(1).unwrap();
            let first = procspawn::spawn!(in pool, (1_u64 => n) || add_one(n))
                .join()
                .unwrap();
            (first, std::mem::ManuallyDrop::new(pool))
        }));
        let pool = procspawn::Pool::new(1).unwrap();
        let call = |n: u64| procspawn::spawn!(in pool, (n => n) || add_one(n));
        call(1).join().unwrap();
        table[1][1].push(micros(f64::from(TRIPS), || {
            for n in 0..u64::from(TRIPS) {
                call(n).join().unwrap();
            }
        }));
        // It holds descriptors for every queued task: as many at once as the usual limit allows.
        const AT_ONCE: u32 = 200;
        table[2][1].push(micros(f64::from(TASKS / AT_ONCE * AT_ONCE), || {
            for _ in 0..TASKS / AT_ONCE {
                let tasks: Vec<_> = (0..u64::from(AT_ONCE)).map(call).collect();
                tasks.into_iter().for_each(|task| {
                    task.join().unwrap();
                });
            }
        }));
        let big = vec![7_u8; (MIB as usize) << 20];
        table[4][1].push(micros(f64::from(MIB), || {
            procspawn::spawn!(in pool, (big => big) || big).join().unwrap()
        }));
        pool.shutdown();
    }

    fn bare_socket(table: &mut Table) {
        let (mut here, there) = UnixStream::pair().unwrap();
        let mut child = Command::new(env::current_exe().unwrap())
            .env(ECHO, "1")
            .stdin(Stdio::from(OwnedFd::from(there)))
            .spawn()
            .unwrap();
        let mut message = [0; 16];
        let mut trip = || {
            here.write_all(&message).unwrap();
            here.read_exact(&mut message).unwrap();
        };
        trip();
        table[1][2].push(micros(f64::from(TRIPS), || (0..TRIPS).for_each(|_| trip())));
        drop(here);
        child.wait().unwrap();
    }

    fn echo() {
        let socket = std::os::fd::AsFd::as_fd(&std::io::stdin())
            .try_clone_to_owned()
            .unwrap();
        let mut socket = UnixStream::from(socket);
        let mut message = [0; 16];
        while socket.read_exact(&mut message).is_ok() {
            socket.write_all(&message).unwrap();
        }
    }

    /// Prints one number per workload.
    const SCRIPT: &str = r#"
import sys, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
def add_one(n): return n + 1
def same(x): return x
if __name__ == "__main__":
    trips, tasks, items, mib = map(int, sys.argv[1:])
    spawn = get_context("spawn")
    def micros(times, work):
        start = time.perf_counter(); work(); return (time.perf_counter() - start) * 1e6 / times
    pools = []
    def first():
        pools.append(ProcessPoolExecutor(1, mp_context=spawn)); pools[0].submit(add_one, 1).result()
    out = [micros(1, first)]
    pool = pools[0]
    out.append(micros(trips, lambda: [pool.submit(add_one, n).result() for n in range(trips)]))
    out.append(micros(tasks, lambda: [f.result() for f in [pool.submit(add_one, n) for n in range(tasks)]]))
    with spawn.Pool(1) as best:
        best.map(add_one, range(10))
        out.append(micros(items, lambda: best.map(add_one, range(items))))
    big = bytes(mib << 20)
    out.append(micros(mib, lambda: pool.submit(same, big).result()))
    print(*out)
    pool.shutdown()
"#;

    fn python(table: &mut Table) {
        // Workers of `spawn` import the script again, so it has to be a file.
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("bench.py");
        std::fs::write(&script, SCRIPT).unwrap();
        let ran = Command::new("python3")
            .arg(&script)
            .args([
                TRIPS.to_string(),
                TASKS.to_string(),
                ITEMS.to_string(),
                MIB.to_string(),
            ])
            .output();
        let Ok(output) = ran else { return };
        let text = String::from_utf8_lossy(&output.stdout);
        for (workload, number) in text.split_whitespace().enumerate() {
            table[workload][3].push(number.parse().unwrap());
        }
    }

    fn median(numbers: &[f64]) -> Option<f64> {
        let mut sorted = numbers.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied()
    }

    fn show(table: &Table) {
        println!("microseconds, median of {ROUNDS}; behind it, how many times this crate's\n");
        print!("{:32}", "");
        PEERS.iter().for_each(|peer| print!("{peer:>22}"));
        println!();
        for (workload, row) in WORKLOADS.iter().zip(table) {
            print!("{workload:32}");
            let ours = median(&row[0]);
            for numbers in row {
                let cell = median(numbers).map_or_else(
                    || "-".to_owned(),
                    |number| format!("{number:.3} ({:.2})", number / ours.unwrap_or(f64::NAN)),
                );
                print!("{cell:>22}");
            }
            println!();
        }
    }
}
