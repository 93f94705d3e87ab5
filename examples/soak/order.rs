//! What a task of a round does, and the log in which it writes down that it does.

use crate::crash::{Crash, ON_PURPOSE};
use concurrent_futures::{attempt, cancel_requested};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Deed {
    Return,
    /// Computes for so many microseconds.
    Spin(u32),
    /// Goes on until it is asked to stop, for at most so many microseconds.
    Look(u32),
    Panic,
    /// Panics in the first attempts, so many times.
    PanicFirst(u32),
    Crash(Crash),
    /// Dies in the first attempt only.
    CrashFirst(Crash),
}

/// The argument of every task of a round.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) number: u32,
    pub(crate) deed: Deed,
    pub(crate) log: String,
}

/// The number of the order, and the attempt that came to this.
pub(crate) type Value = (u32, u32);

/// The work.
pub(crate) fn carry_out(order: Order) -> Value {
    write_down(&order);
    let begun = Instant::now();
    let is_over = |micros: u32| begun.elapsed() >= Duration::from_micros(micros.into());
    match order.deed {
        Deed::Spin(micros) => {
            while !is_over(micros) {
                std::hint::spin_loop();
            }
        }
        Deed::Look(micros) => {
            while !cancel_requested() && !is_over(micros) {
                thread::yield_now();
            }
        }
        deed => at_once(order.number, deed),
    }
    (order.number, attempt())
}

/// The same as a future, which is suspended in between.
pub(crate) async fn carry_out_async(order: Order) -> Value {
    write_down(&order);
    tokio::task::yield_now().await;
    let begun = Instant::now();
    let is_over = |micros: u32| begun.elapsed() >= Duration::from_micros(micros.into());
    match order.deed {
        Deed::Spin(micros) => {
            while !is_over(micros) {
                tokio::task::yield_now().await;
            }
        }
        Deed::Look(micros) => {
            while !cancel_requested() && !is_over(micros) {
                tokio::time::sleep(Duration::from_micros(100)).await;
            }
        }
        deed => at_once(order.number, deed),
    }
    (order.number, attempt())
}

fn at_once(number: u32, deed: Deed) {
    match deed {
        Deed::Panic => panic!("{ON_PURPOSE}: task {number}"),
        Deed::PanicFirst(times) if attempt() <= times => panic!("{ON_PURPOSE}: task {number}"),
        Deed::Crash(crash) => crash.happen(),
        Deed::CrashFirst(crash) if attempt() == 1 => crash.happen(),
        _ => {}
    }
}

/// The file is kept open: each process writes a few bytes per task to its end, which no other can come between.
fn write_down(order: &Order) {
    static OPEN: Mutex<Option<(String, File)>> = Mutex::new(None);
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let (path, mut file) = match open.take() {
        Some((path, file)) if path == order.log => (path, file),
        _ => {
            let file = File::options()
                .append(true)
                .open(&order.log)
                .expect("the log is there");
            (order.log.clone(), file)
        }
    };
    file.write_all(&order.number.to_le_bytes())
        .expect("the log takes four bytes");
    *open = Some((path, file));
}

/// Who ran, in whatever process.
pub(crate) struct Log(PathBuf);

impl Log {
    /// A name is used once: a process that keeps a log open knows it by its name.
    pub(crate) fn new(folder: &Path) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let path = folder.join(NEXT.fetch_add(1, Relaxed).to_string());
        fs::write(&path, "").expect("a temporary file");
        Self(path)
    }

    pub(crate) fn path(&self) -> String {
        self.0.to_str().expect("a plain path").to_owned()
    }

    /// How often each of so many tasks ran.
    pub(crate) fn counts(&self, tasks: usize) -> Vec<u32> {
        let bytes = fs::read(&self.0).expect("the log is there");
        let (numbers, rest) = bytes.as_chunks();
        assert!(rest.is_empty(), "half a number in the log");
        let mut counts = vec![0; tasks];
        for number in numbers {
            counts[u32::from_le_bytes(*number) as usize] += 1;
        }
        counts
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
