//! The process pool beside its peers: `cargo bench --bench processes`.
//!
//! Peers: procspawn, a bare socket between two processes, and, if there is a `python3`, Python's `ProcessPoolExecutor`
//! (`multiprocessing.Pool` for `map`, which is its best).

#[cfg(unix)]
mod common;

#[cfg(unix)]
fn main() {
    // Before everything: workers of procspawn never return from this.
    procspawn::init();
    if unix::is_echo() {
        return unix::echo();
    }
    let mut criterion = common::criterion().configure_from_args();
    unix::all(&mut criterion);
    criterion.final_summary();
}

#[cfg(not(unix))]
fn main() {
    eprintln!("there are no worker processes on this system");
}

#[cfg(unix)]
mod unix {
    use crate::common::{Group, OURS, peer, python::Python};
    use concurrent_futures::{Executor, ProcessPool};
    use criterion::{Criterion, Throughput};
    use std::{
        cell::{Cell, RefCell},
        env,
        hint::black_box,
        io::{self, Read, Write},
        os::{
            fd::{AsFd, OwnedFd},
            unix::net::UnixStream,
        },
        process::{Child, Command, Stdio},
        time::Instant,
    };

    const TASKS: u64 = 10_000;
    const ITEMS: u64 = 1_000_000;
    const BYTES: usize = 16 << 20;

    /// Makes this program the other end of a bare socket, which is its standard input.
    const ECHO: &str = "BENCH_ECHO";

    pub(super) fn all(c: &mut Criterion) {
        let python = Python::start();
        let python = python.as_ref();
        start(c, python);
        round_trip(c, python);
        many_tasks(c, python);
        map(c, python);
        bytes(c, python);
    }

    fn add_one(n: u64) -> u64 {
        n + 1
    }

    fn warm_pool() -> ProcessPool {
        let pool = ProcessPool::with_workers(1);
        pool.warm_up().unwrap();
        pool
    }

    fn warm_procspawn() -> procspawn::Pool {
        let pool = procspawn::Pool::new(1).unwrap();
        procspawn_one(&pool, 1).join().unwrap();
        pool
    }

    fn procspawn_one(pool: &procspawn::Pool, n: u64) -> procspawn::JoinHandle<u64> {
        procspawn::spawn!(in pool, (n => n) || add_one(n))
    }

    fn start(c: &mut Criterion, python: Option<&Python>) {
        let mut group = c.benchmark_group("process start to first result");
        until_first(&mut group, OURS, || {
            let pool = ProcessPool::with_workers(1);
            pool.submit(add_one, 1).result().unwrap();
            pool
        });
        until_first(&mut group, "procspawn", || {
            let pool = procspawn::Pool::new(1).unwrap();
            procspawn_one(&pool, 1).join().unwrap();
            pool
        });
        group.sample_size(10);
        by_python(&mut group, python, "Python", "start");
    }

    /// Ending the pool is not measured.
    fn until_first<P>(group: &mut Group, name: &str, start: impl Fn() -> P) {
        group.bench_function(name, |b| {
            b.iter_custom(|times| {
                let one = |_| {
                    let begin = Instant::now();
                    let pool = start();
                    let took = begin.elapsed();
                    drop(pool);
                    took
                };
                (0..times).map(one).sum()
            });
        });
    }

    fn round_trip(c: &mut Criterion, python: Option<&Python>) {
        let mut group = c.benchmark_group("process round trip");
        peer(&mut group, OURS, warm_pool, |pool| {
            pool.submit(add_one, 1).result().unwrap()
        });
        peer(&mut group, "bare socket", BareSocket::new, BareSocket::trip);
        peer(&mut group, "procspawn", warm_procspawn, |pool| {
            procspawn_one(pool, 1).join().unwrap()
        });
        by_python(&mut group, python, "Python", "trip");
    }

    fn many_tasks(c: &mut Criterion, python: Option<&Python>) {
        let mut group = c.benchmark_group("process 10,000 small tasks");
        group.throughput(Throughput::Elements(TASKS)).sample_size(10);
        peer(&mut group, OURS, warm_pool, |pool| {
            let tasks: Vec<_> = (0..TASKS).map(|n| pool.submit(add_one, n)).collect();
            tasks.into_iter().map(|task| task.result().unwrap()).sum::<u64>()
        });
        peer(&mut group, "procspawn", warm_procspawn, |pool| {
            // It holds descriptors for every queued task: as many at once as the usual limit allows.
            const AT_ONCE: u64 = 200;
            for _ in 0..TASKS / AT_ONCE {
                let tasks: Vec<_> = (0..AT_ONCE).map(|n| procspawn_one(pool, n)).collect();
                for task in tasks {
                    task.join().unwrap();
                }
            }
        });
        by_python(&mut group, python, "Python", "tasks");
    }

    fn map(c: &mut Criterion, python: Option<&Python>) {
        let mut group = c.benchmark_group("process map over 1,000,000");
        group.throughput(Throughput::Elements(ITEMS)).sample_size(10);
        peer(&mut group, OURS, warm_pool, |pool| {
            pool.map(add_one, 0..ITEMS).map(Result::unwrap).sum::<u64>()
        });
        by_python(&mut group, python, "Python Pool.map", "map");
    }

    fn bytes(c: &mut Criterion, python: Option<&Python>) {
        let mut group = c.benchmark_group("process 16 MiB there and back");
        group.throughput(Throughput::Bytes(BYTES as u64)).sample_size(10);
        // What came back is what goes there next, so that no copy of ours is measured.
        let big = Cell::new(vec![7_u8; BYTES]);
        peer(&mut group, OURS, warm_pool, |pool| {
            big.set(pool.submit(|big: Vec<u8>| big, big.take()).result().unwrap());
        });
        peer(&mut group, "procspawn", warm_procspawn, |pool| {
            big.set(
                procspawn::spawn!(in pool, (big.take() => big) || big)
                    .join()
                    .unwrap(),
            );
        });
        by_python(&mut group, python, "Python", "bytes");
        let buffers = || RefCell::new([(); 2].map(|()| vec![7_u8; BYTES]));
        peer(&mut group, "two memcpys", buffers, |buffers| {
            let [here, there] = &mut *buffers.borrow_mut();
            there.copy_from_slice(black_box(here));
            here.copy_from_slice(black_box(there));
        });
        peer(
            &mut group,
            "two memcpys into fresh pages",
            || vec![7_u8; BYTES],
            |here| {
                black_box(black_box(here.clone()).clone());
            },
        );
    }

    fn by_python(group: &mut Group, python: Option<&Python>, name: &str, workload: &str) {
        if let Some(python) = python {
            group.bench_function(name, |b| b.iter_custom(|times| python.time(workload, times)));
        }
    }

    /// Two processes with nothing but a socket between them.
    struct BareSocket {
        here: RefCell<UnixStream>,
        echo: Child,
    }

    impl BareSocket {
        fn new() -> Self {
            let (here, there) = UnixStream::pair().unwrap();
            let echo = Command::new(env::current_exe().unwrap())
                .env(ECHO, "1")
                .stdin(Stdio::from(OwnedFd::from(there)))
                .spawn()
                .unwrap();
            let here = RefCell::new(here);
            Self { here, echo }
        }

        fn trip(&self) {
            let mut here = self.here.borrow_mut();
            let mut message = [0; 16];
            here.write_all(&message).unwrap();
            here.read_exact(&mut message).unwrap();
        }
    }

    impl Drop for BareSocket {
        fn drop(&mut self) {
            self.here.borrow().shutdown(std::net::Shutdown::Both).unwrap();
            self.echo.wait().unwrap();
        }
    }

    pub(super) fn is_echo() -> bool {
        env::var_os(ECHO).is_some()
    }

    pub(super) fn echo() {
        let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned().unwrap());
        let mut message = [0; 16];
        while socket.read_exact(&mut message).is_ok() {
            socket.write_all(&message).unwrap();
        }
    }
}
