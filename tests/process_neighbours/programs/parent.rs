//! Programs with pools. The first argument says which one this is.

use concurrent_futures::{Executor, ProcessPool, Shutdown, TaskFuture};
use std::{
    env,
    io::{Read, Write},
    net::TcpStream,
    process::Command,
    sync::OnceLock,
    time::{Duration, Instant},
};

fn main() {
    let role = env::args().nth(1).unwrap_or_default();
    match role.as_str() {
        "plain" => plain(),
        "descriptors" => descriptors(),
        "workers" => workers(),
        "input" => input(),
        "printing" => printing(),
        "unfinished lines" => unfinished_lines(),
        "overflow" => overflow(),
        "interrupted" => interrupted(),
        "stopped" => stopped(),
        "many" => many(),
        "hung up" => hung_up(),
        "arguments" => arguments(),
        "ends" => ends(&env::args().nth(2).unwrap()),
        other => panic!("no role {other:?}"),
    }
}

/// As an example would look.
fn plain() {
    concurrent_futures::init();
    println!("main runs");
    let pool = ProcessPool::with_workers(2);
    let sum: u64 = pool.map(|n: u64| n * n, 0..100).map(Result::unwrap).sum();
    println!("{sum}");
}

fn descriptors() {
    // The descriptor of the folder itself does not count.
    let count = || std::fs::read_dir("/proc/self/fd").unwrap().count() - 1;
    let endless = |_: u32| -> () {
        loop {
            std::thread::sleep(Duration::from_secs(1));
        }
    };
    let before = count();
    println!("{before}");
    for workers in [1, 2, 8, 1] {
        let pool = ProcessPool::with_workers(workers);
        let built = count();
        pool.warm_up().unwrap();
        let warm = count();
        let running: Vec<_> = (0..workers).map(|n| pool.submit(endless, n as u32)).collect();
        let queued: Vec<_> = (0..10_000).map(|n| pool.submit(endless, n)).collect();
        while !running.iter().all(|future| future.is_running()) {
            std::thread::yield_now();
        }
        println!("{built} {warm} {}", count());
        pool.shutdown(Shutdown::Kill);
        drop((pool, running, queued));
        // The pool's own thread gives back what it has as it ends, a moment after the pool.
        let end = Instant::now();
        while count() > before && end.elapsed() < Duration::from_secs(5) {
            std::thread::yield_now();
        }
        println!("{}", count());
    }
}

/// Shows its workers, which came one after another.
fn workers() {
    let pools: Vec<_> = (0..3).map(|_| ProcessPool::with_workers(2)).collect();
    for pool in &pools {
        pool.warm_up().unwrap();
    }
    for pool in &pools {
        for pid in pool.worker_pids() {
            println!("{pid}");
        }
    }
    println!();
    let inside = |_: ()| {
        let names = |entry: Result<std::fs::DirEntry, _>| entry.unwrap().file_name().into_string().unwrap();
        let mut all: Vec<_> = std::fs::read_dir("/proc/self/fd").unwrap().map(names).collect();
        all.sort();
        all.join(" ")
    };
    println!("{}", pools[0].submit(inside, ()).result().unwrap());
    let below = |_: ()| {
        let output = Command::new("sh")
            .args(["-c", "ls /proc/self/fd; :"])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().replace('\n', " ")
    };
    println!("{}", pools[0].submit(below, ()).result().unwrap());
    wait_for_input();
}

fn wait_for_input() {
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

/// Reads its input in a task, in a program that a task starts, and then itself.
fn input() {
    let pool = ProcessPool::with_workers(1);
    let read = |_: ()| {
        let mut text = String::new();
        let count = std::io::stdin().read_to_string(&mut text).unwrap();
        format!("{count} {text:?}")
    };
    println!("{}", pool.submit(read, ()).result().unwrap());
    let below = |_: ()| format!("{:?}", Command::new("cat").output().unwrap());
    println!("{}", pool.submit(below, ()).result().unwrap());
    let mut own = String::new();
    std::io::stdin().read_to_string(&mut own).unwrap();
    println!("{own:?}");
}

fn printing() {
    let pool = ProcessPool::with_workers(3);
    let print = |n: u32| {
        println!("out {n}.");
        // As one text: the pieces of a format are written one by one, as standard error has no buffer.
        eprint!("{}", format!("err {n}.\n"));
    };
    let outcomes = pool.options().chunk_size(1).map(print, 0..1_000);
    assert_eq!(outcomes.filter(Result::is_ok).count(), 1_000);
    println!("end");
}

fn unfinished_lines() {
    let pool = ProcessPool::builder()
        .workers(2)
        .max_tasks_per_worker(100)
        .build()
        .unwrap();
    let outcomes = pool
        .options()
        .chunk_size(1)
        .map(|n: u32| print!("[{n}]"), 0..1_000);
    assert_eq!(outcomes.filter(Result::is_ok).count(), 1_000);
}

fn overflow() {
    #[allow(unconditional_recursion)]
    fn down(n: u64) -> u64 {
        std::hint::black_box(down(std::hint::black_box(n + 1)) + n)
    }
    let on_a_thread = env::args().nth(2).is_some();
    let mut builder = ProcessPool::builder().workers(1);
    if on_a_thread {
        builder = builder.stack_size(1 << 20);
    }
    let pool = builder.build().unwrap();
    println!("{}", pool.submit(down, 0).result().unwrap_err());
    println!("{}", pool.submit(|n: u64| n, 7).result().unwrap());
}

/// A worker closes its channel and goes on: it has become another program, or closes all descriptors as a daemon does.
fn hung_up() {
    use std::os::unix::process::CommandExt;
    let becomes = |_: ()| -> () { panic!("{}", Command::new("sleep").arg("1").exec()) };
    let closes = |_: ()| {
        (3..256).for_each(|fd| {
            unsafe { libc::close(fd) };
        });
        std::thread::sleep(Duration::from_secs(1));
        7
    };
    let pool = ProcessPool::with_workers(1);
    let before = processor_time();
    println!("{}", pool.submit(becomes, ()).result().unwrap_err());
    println!("{}", pool.submit(closes, ()).result().unwrap());
    println!("{}", (processor_time() - before).as_millis());
    println!("{}", pool.submit(|n: u32| n + 1, 1).result().unwrap());
}

/// That this process has used.
fn processor_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap())
}

/// However odd they are.
fn arguments() {
    let pool = ProcessPool::with_workers(1);
    let inside = |_: ()| -> Vec<std::ffi::OsString> { env::args_os().collect() };
    println!("{:?}", env::args_os().collect::<Vec<_>>());
    println!("{:?}", pool.submit(inside, ()).result().unwrap());
}

/// Waits at the test's checkpoint.
fn pass((port, number): (u16, u64)) -> u64 {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut message = vec![2];
    message.extend(number.to_le_bytes());
    stream.write_all(&message).unwrap();
    // A signal may end a call that waits; it does not end the wait.
    stream.read_exact(&mut [0]).unwrap();
    number
}

static BELL: OnceLock<std::io::PipeWriter> = OnceLock::new();

extern "C" fn ring(_: libc::c_int) {
    // A write is allowed in a handler.
    let _ = BELL.get().unwrap().write(&[1]);
}

/// Handles Ctrl-C itself, while one task waits and another one has started a program.
fn interrupted() {
    let (mut bell, writer) = std::io::pipe().unwrap();
    BELL.set(writer).unwrap();
    unsafe { libc::signal(libc::SIGINT, ring as extern "C" fn(libc::c_int) as usize) };
    let port = env::args().nth(2).unwrap().parse().unwrap();
    let pool = ProcessPool::with_workers(3);
    pool.warm_up().unwrap();
    let before = pool.worker_pids();
    let waits = pool.submit(pass, (port, 1));
    let spins = pool.submit(spin_until_asked, ());
    let program = pool.submit(run_sleep, ());
    println!("ready");
    bell.read_exact(&mut [0]).unwrap();
    println!("handled");
    println!("the program: {:?}", program.result().unwrap());
    println!("{}", pool.submit(|n: u32| n + 1, 1).result().unwrap());
    println!("the task: {}", waits.result().unwrap());
    let after = pool.worker_pids();
    println!("{}", before.iter().filter(|pid| after.contains(pid)).count());
    assert!(spins.kill());
}

fn spin_until_asked(_: ()) {
    while !concurrent_futures::cancel_requested() {
        std::hint::spin_loop();
    }
}

fn run_sleep(_: ()) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt;
    let mut child = Command::new("sleep").arg("100").spawn().unwrap();
    println!("sleep {}", child.id());
    child.wait().unwrap().signal()
}

/// A long map, of which the test hears every now and then.
fn stopped() {
    let kill_tree = env::args().nth(2).is_some();
    let pool = ProcessPool::builder()
        .workers(2)
        .kill_tree(kill_tree)
        .build()
        .unwrap();
    let work = |n: u64| {
        std::thread::sleep(Duration::from_micros(200));
        n
    };
    let mut next = 0;
    for outcome in pool.options().chunk_size(7).map(work, 0..4_000) {
        assert_eq!(outcome.unwrap(), next);
        next += 1;
        if next % 100 == 0 {
            println!("{next}");
        }
    }
    println!("all {next}");
    println!("restarted {}", pool.stats().workers_restarted);
}

/// Pools with workers in all conditions; prints the numbers of the processes that it knows.
fn populate() -> (Vec<ProcessPool>, Vec<TaskFuture<()>>) {
    let start = || {
        ProcessPool::builder()
            .workers(1)
            .on_drop(Shutdown::Kill)
            .build()
            .unwrap()
    };
    let spinning = start();
    let mut tasks = vec![spinning.submit(spin, 1)];
    let nested = start();
    tasks.push(nested.submit(nest, 1));
    let idle = start();
    idle.warm_up().unwrap();
    println!("{}", idle.worker_pids()[0]);
    let frozen = start();
    frozen.warm_up().unwrap();
    let pid = frozen.worker_pids()[0];
    unsafe { libc::kill(pid.cast_signed(), libc::SIGSTOP) };
    println!("{pid}");
    (vec![spinning, nested, idle, frozen], tasks)
}

fn spin(_: u32) {
    println!("{}", std::process::id());
    loop {
        std::hint::spin_loop();
    }
}

/// A worker with a worker.
fn nest(_: u32) {
    println!("{}", std::process::id());
    let pool = ProcessPool::with_workers(1);
    let _ = pool.submit(spin, 1).result();
}

/// All sorts of workers, and some that are always just being started.
fn many() {
    println!("{}", std::process::id());
    let there = populate();
    println!("all there");
    let starting = ProcessPool::builder()
        .workers(2)
        .max_tasks_per_worker(1)
        .build()
        .unwrap();
    while starting.submit(|n: u32| n, 1).result().is_ok() {}
    drop(there);
}

fn ends(how: &str) {
    static KEPT: OnceLock<ProcessPool> = OnceLock::new();
    let no_core = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const no_core) };
    println!("{}", std::process::id());
    let pools = populate();
    let kept = KEPT.get_or_init(|| ProcessPool::with_workers(1));
    let task = kept.submit(spin, 1);
    println!("all there");
    wait_for_input();
    match how {
        "exit" => std::process::exit(0),
        "abort" => std::process::abort(),
        "panic" => panic!("out of main"),
        "panic, nothing dropped" => {
            std::mem::forget((pools, task));
            panic!("out of main")
        }
        "return, nothing dropped" => std::mem::forget((pools, task)),
        "_exit" => unsafe { libc::_exit(0) },
        other => panic!("no end {other:?}"),
    }
}
