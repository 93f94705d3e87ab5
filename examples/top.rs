//! A pool at work, and the live view on it: `cargo run --release --example top -- --backend processes`.
//!
//! Goes on for as long as somebody watches: q closes the view, and that ends the program. Without a terminal there is nothing to
//! watch: it works for two seconds and prints what the view would have shown.

use concurrent_futures::{
    AnyExecutor, Backend, Executor, Monitor, Shutdown, TaskError, TaskFuture, ThreadPool, attempt,
    cancel_requested,
};
use lexopt::{Arg, ValueExt};
use std::{
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

const SHORT: Duration = Duration::from_secs(2);
const BETWEEN_BURSTS: Duration = Duration::from_millis(100);

/// Work comes and goes in waves of so many bursts.
const WAVE: u64 = 200;

/// A few milliseconds of one core.
fn resize(picture: u64) -> u64 {
    (0..1_500_000).fold(picture, |pixel, n| pixel.rotate_left(5) ^ n)
}

/// Waits more than it works.
fn download(size: u64) -> u64 {
    thread::sleep(Duration::from_millis(20 + size * 37 % 400));
    size
}

/// Hangs when it is tried first.
fn flaky(n: u64) -> u64 {
    while attempt() == 1 && !cancel_requested() {
        thread::sleep(Duration::from_millis(1));
    }
    n
}

/// Hangs whenever it is tried.
fn hopeless(_: u64) -> u64 {
    while !cancel_requested() {
        thread::sleep(Duration::from_millis(1));
    }
    0
}

fn crash(_: u64) -> u64 {
    std::process::abort()
}

/// What has been handed over and not been looked at, and how the rest ended.
#[derive(Default)]
struct Tally {
    under_way: Vec<TaskFuture<u64>>,
    succeeded: u64,
    failed: u64,
}

impl Tally {
    /// Looks at those that are done, or waits for all.
    fn collect(&mut self, wait: bool) {
        let (done, under_way): (Vec<_>, Vec<_>) = self
            .under_way
            .drain(..)
            .partition(|future| wait || future.is_done());
        self.under_way = under_way;
        for future in done {
            match future.result() {
                Ok(_) => self.succeeded += 1,
                Err(_) => self.failed += 1,
            }
        }
    }
}

/// One burst of everything, more in the middle of a wave.
fn burst<E: Executor>(executor: &E, number: u64, may_crash: bool, tally: &mut Tally) {
    let height = number % WAVE;
    let size = height.min(WAVE - height) / 5 + 1;
    // Work that somebody has to wait for is no use to who watches.
    if executor.stats().queued > 500 {
        return;
    }
    let named = |name| executor.options().name(name);
    for n in number..number + size {
        tally.under_way.push(named("resize").submit(resize, n));
        if n.is_multiple_of(3) {
            tally.under_way.push(named("download").submit(download, n));
        }
    }
    let limit = Duration::from_millis(30);
    if number.is_multiple_of(7) {
        tally
            .under_way
            .push(named("flaky").timeout(limit).retries(1).submit(flaky, number));
    }
    if number.is_multiple_of(15) {
        tally
            .under_way
            .push(named("hopeless").timeout(limit).submit(hopeless, number));
    }
    if may_crash && number % 50 == 49 {
        tally.under_way.push(named("crash").submit(crash, number));
    }
}

/// Works for as long as the view is open, or for a short time where there is none.
fn work(executor: &AnyExecutor, reports: &ThreadPool, monitor: &Monitor) -> Result<Tally, TaskError> {
    let is_watched = monitor.is_open();
    let start = Instant::now();
    let may_crash = executor.backend() == Backend::Processes;
    let mut tally = Tally::default();
    let mut report: Option<TaskFuture<u64>> = None;
    for number in 0.. {
        burst(executor, number, may_crash, &mut tally);
        if report.as_ref().is_none_or(TaskFuture::is_done) {
            report.take().map_or(Ok(0), TaskFuture::result)?;
            // A task of another pool that waits for one of this pool.
            let awaited = executor.options().name("summary").submit(download, 300);
            report = Some(
                reports
                    .options()
                    .name("report")
                    .spawn(move || awaited.result().unwrap_or(0)),
            );
        }
        tally.collect(false);
        thread::sleep(BETWEEN_BURSTS);
        let goes_on = if is_watched {
            monitor.is_open()
        } else {
            start.elapsed() < SHORT
        };
        if !goes_on {
            break;
        }
    }
    if !is_watched {
        report.map_or(Ok(0), TaskFuture::result)?;
    }
    Ok(tally)
}

/// Without a terminal: the frame in which all is done says so.
fn print_frames(executor: &AnyExecutor, monitor: &Monitor, mut tally: Tally) {
    println!("{}", monitor.text(110, 30));
    let under_way = tally.under_way.len();
    tally.collect(true);
    println!("{under_way} tasks later:\n");
    let last = monitor.text(110, 30);
    println!("{last}");
    let (stats, ended) = (executor.stats(), tally.succeeded + tally.failed);
    assert!(tally.failed > 0, "there is work that fails");
    assert_eq!(
        stats.failed, tally.failed,
        "one that failed and was tried again has not failed"
    );
    assert!(stats.succeeded > tally.succeeded, "and the summaries");
    assert!(
        last.contains("queued 0   running 0   suspended 0"),
        "{ended} have ended"
    );
}

fn executor_by_arguments() -> Result<AnyExecutor, Box<dyn std::error::Error>> {
    let mut parser = lexopt::Parser::from_env();
    let (mut backend, mut workers) = (None, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("backend") => backend = Some(parser.value()?.parse::<Backend>()?),
            Arg::Long("workers") => workers = Some(parser.value()?.parse()?),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(match (backend, workers) {
        (None, None) => AnyExecutor::from_env()?,
        (backend, None) => AnyExecutor::new(backend.unwrap_or(Backend::Threads)),
        (backend, Some(workers)) => AnyExecutor::with_workers(backend.unwrap_or(Backend::Threads), workers),
    })
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let executor = executor_by_arguments()?;
    let reports = ThreadPool::builder().workers(2).name("reports").build()?;
    let monitor = executor.monitor().also(&reports);
    let is_watched = monitor.is_open();
    let tally = work(&executor, &reports, &monitor)?;
    if !is_watched {
        print_frames(&executor, &monitor, tally);
    }
    drop(monitor);
    executor.shutdown(Shutdown::Cancel);
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("top: {error}");
            ExitCode::FAILURE
        }
    }
}
