//! The bridge beside the runtime it stands on, in one run: `cargo bench --bench bridge`.
//!
//! Every workload is run for all peers in turns, on the same runtime; shown are the median, and behind it the median over
//! the rounds of "how many times the first peer's of that round". Times move with the machine; the ratios say more.
//! A word behind `--` runs only the rows that have it in their name: `cargo bench --bench bridge -- asleep`.

use concurrent_futures::{AsyncBridge, TaskFuture};
use futures::StreamExt;
use std::{
    alloc::{GlobalAlloc, Layout, System},
    hint::black_box,
    net::SocketAddr,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicIsize, AtomicUsize, Ordering::Relaxed},
        mpsc,
    },
    time::{Duration, Instant},
};
use tokio::{
    net::{TcpSocket, TcpStream},
    runtime::{Builder, Runtime},
    task::{JoinHandle, JoinSet, spawn_blocking, yield_now},
    time::sleep,
};

const ROUNDS: usize = 5;
const NAPS: usize = 100_000;
const NAP: Duration = Duration::from_millis(800);
const CALLS: usize = 4_000;
const CALLS_AT_ONCE: usize = 10_000;
const READY: usize = 200_000;
const MESSAGES: usize = 100_000;
const YIELDERS: usize = 1_000;
const YIELDS: usize = 100;
/// Two descriptors each, and most systems allow a process no more than 20,000.
const CONNECTIONS: usize = 4_000;
const TRIPS: usize = 3;

/// Counts bytes and allocations while it is asked to.
struct Counting;

static IS_COUNTING: AtomicBool = AtomicBool::new(false);
static LIVE: AtomicIsize = AtomicIsize::new(0);
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
static ASLEEP: AtomicUsize = AtomicUsize::new(0);
/// Bytes and allocations per nap.
static SEEN: Mutex<(f64, f64)> = Mutex::new((0.0, 0.0));

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[allow(clippy::cast_possible_wrap)]
fn count(came: usize, went: usize) {
    if IS_COUNTING.load(Relaxed) {
        LIVE.fetch_add(came as isize - went as isize, Relaxed);
        ALLOCATIONS.fetch_add(usize::from(came > 0), Relaxed);
    }
}

// SAFETY: everything is left to the system's allocator, whose contract is this one's.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        // SAFETY: as the caller promised.
        unsafe { System.realloc(at, layout, size) }
    }
}

/// A runtime, a bridge over it, and connections whose other ends echo.
struct Place {
    bridge: AsyncBridge,
    runtime: Runtime,
    streams: Mutex<Vec<TcpStream>>,
}

impl Place {
    fn new(mut builder: Builder) -> Self {
        let runtime = builder.enable_all().build().unwrap();
        let bridge = AsyncBridge::from_handle(runtime.handle().clone());
        let streams = Mutex::default();
        Self {
            bridge,
            runtime,
            streams,
        }
    }

    /// Runs `work` in a task of the runtime.
    fn inside<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        self.runtime.block_on(self.runtime.spawn(work)).unwrap()
    }
}

/// Runs a workload once; what it takes is measured.
type Work = fn(&Place);

/// A workload; how often it does what is to be measured, and in which unit (per second); and who does it how.
type Row = (&'static str, usize, (&'static str, f64), &'static [(&'static str, Work)]);

const MS: (&str, f64) = ("ms", 1e3);
const MICROS: (&str, f64) = ("µs", 1e6);
const NANOS: (&str, f64) = ("ns", 1e9);

const ROWS: &[Row] = &[
    ("100,000 asleep for 800 ms", 1, MS, ASLEEP_ROW),
    ("200,000 ready futures, each", READY, NANOS, READY_ROW),
    ("blocking call, awaited", CALLS, MICROS, CALL_ROW),
    ("blocking call, from a thread", CALLS, MICROS, CALL_FROM_THREAD_ROW),
    ("10,000 blocking calls, each", CALLS_AT_ONCE, MICROS, CALLS_ROW),
    ("ping-pong, each message", MESSAGES, NANOS, PING_PONG_ROW),
    ("1,000 tasks yield, each yield", YIELDERS * YIELDS, NANOS, YIELD_ROW),
    ("4,000 connections, each trip", CONNECTIONS * TRIPS, MICROS, ECHO_ROW),
];

const ASLEEP_ROW: &[(&str, Work)] = &[
    ("tokio::spawn", |place| tokio_spawn(place, NAPS, nap)),
    ("JoinSet", |place| join_set(place, NAPS, nap)),
    ("spawn_async", |place| spawn_async(place, NAPS, nap)),
    ("map_async", |place| map_async(place, NAPS, nap)),
];

const READY_ROW: &[(&str, Work)] = &[
    ("tokio::spawn", |place| tokio_spawn(place, READY, std::future::ready)),
    ("JoinSet", |place| join_set(place, READY, std::future::ready)),
    ("spawn_async", |place| spawn_async(place, READY, std::future::ready)),
    ("map_async", |place| map_async(place, READY, std::future::ready)),
];

const CALL_ROW: &[(&str, Work)] = &[
    ("spawn_blocking", |place| {
        place.inside(async {
            for n in 0..CALLS {
                black_box(spawn_blocking(move || n).await.unwrap());
            }
        });
    }),
    ("bridge.spawn", |place| {
        let bridge = place.bridge.clone();
        place.inside(async move {
            for n in 0..CALLS {
                black_box(bridge.spawn(move || n).await.unwrap());
            }
        });
    }),
];

const CALL_FROM_THREAD_ROW: &[(&str, Work)] = &[
    ("spawn_blocking", |place| {
        for n in 0..CALLS {
            let call = place.runtime.spawn_blocking(move || n);
            black_box(place.runtime.block_on(call).unwrap());
        }
    }),
    ("bridge.spawn", |place| {
        for n in 0..CALLS {
            black_box(place.bridge.spawn(move || n).result().unwrap());
        }
    }),
];

const CALLS_ROW: &[(&str, Work)] = &[
    ("spawn_blocking", |place| {
        place.inside(async {
            let calls: Vec<_> = (0..CALLS_AT_ONCE).map(|n| spawn_blocking(move || n)).collect();
            for call in calls {
                black_box(call.await.unwrap());
            }
        });
    }),
    ("bridge.spawn", |place| {
        let bridge = place.bridge.clone();
        place.inside(async move {
            let calls: Vec<_> = (0..CALLS_AT_ONCE).map(|n| bridge.spawn(move || n)).collect();
            for call in calls {
                black_box(call.await.unwrap());
            }
        });
    }),
];

const PING_PONG_ROW: &[(&str, Work)] = &[
    ("tokio::spawn", |place| {
        let [ping, pong] = ping_pong().map(|end| place.runtime.spawn(end));
        place.runtime.block_on(async { (ping.await.unwrap(), pong.await.unwrap()) });
    }),
    ("spawn_async", |place| {
        let [ping, pong] = ping_pong().map(|end| place.bridge.spawn_async(end));
        place.runtime.block_on(async { (ping.await.unwrap(), pong.await.unwrap()) });
    }),
];

const YIELD_ROW: &[(&str, Work)] = &[
    ("tokio::spawn", |place| tokio_spawn(place, YIELDERS, yields)),
    ("JoinSet", |place| join_set(place, YIELDERS, yields)),
    ("spawn_async", |place| spawn_async(place, YIELDERS, yields)),
    ("map_async", |place| map_async(place, YIELDERS, yields)),
];

const ECHO_ROW: &[(&str, Work)] = &[
    ("JoinSet", |place| {
        let streams = std::mem::take(&mut *place.streams.lock().unwrap());
        let back = place.runtime.block_on(async {
            let mut set: JoinSet<_> = streams.into_iter().map(trips).collect();
            let mut back = Vec::with_capacity(CONNECTIONS);
            while let Some(stream) = set.join_next().await {
                back.push(stream.unwrap());
            }
            back
        });
        *place.streams.lock().unwrap() = back;
    }),
    ("map_async", |place| {
        let streams = std::mem::take(&mut *place.streams.lock().unwrap());
        let map = place.bridge.map_async(trips, streams).into_stream();
        let back = place.runtime.block_on(map.map(Result::unwrap).collect());
        *place.streams.lock().unwrap() = back;
    }),
];

fn tokio_spawn<F: Future<Output = usize> + Send + 'static>(place: &Place, tasks: usize, work: fn(usize) -> F) {
    place.runtime.block_on(async {
        let tasks: Vec<JoinHandle<usize>> = (0..tasks).map(|n| tokio::spawn(work(n))).collect();
        all_are_asleep().await;
        for task in tasks {
            black_box(task.await.unwrap());
        }
    });
}

fn join_set<F: Future<Output = usize> + Send + 'static>(place: &Place, tasks: usize, work: fn(usize) -> F) {
    place.runtime.block_on(async {
        let mut set: JoinSet<usize> = (0..tasks).map(work).collect();
        all_are_asleep().await;
        while let Some(ended) = set.join_next().await {
            black_box(ended.unwrap());
        }
    });
}

fn spawn_async<F: Future<Output = usize> + Send + 'static>(place: &Place, tasks: usize, work: fn(usize) -> F) {
    place.runtime.block_on(async {
        let tasks: Vec<TaskFuture<usize>> =
            (0..tasks).map(|n| place.bridge.spawn_async(work(n))).collect();
        all_are_asleep().await;
        for task in tasks {
            black_box(task.await.unwrap());
        }
    });
}

fn map_async<F: Future<Output = usize> + Send + 'static>(place: &Place, tasks: usize, work: fn(usize) -> F) {
    place.runtime.block_on(async {
        let mut map = place
            .bridge
            .options()
            .buffer_size(tasks)
            .map_async(work, 0..tasks)
            .into_stream();
        all_are_asleep().await;
        while let Some(ended) = map.next().await {
            black_box(ended.unwrap());
        }
    });
}

async fn nap(n: usize) -> usize {
    if IS_COUNTING.load(Relaxed) {
        ASLEEP.fetch_add(1, Relaxed);
    }
    sleep(NAP).await;
    n
}

/// While bytes are counted, waits for the moment to look.
#[allow(clippy::cast_precision_loss)]
async fn all_are_asleep() {
    if !IS_COUNTING.load(Relaxed) {
        return;
    }
    while ASLEEP.load(Relaxed) < NAPS {
        sleep(Duration::from_millis(1)).await;
    }
    sleep(Duration::from_millis(20)).await;
    let each = |number: f64| number / NAPS as f64;
    *SEEN.lock().unwrap() = (each(LIVE.load(Relaxed) as f64), each(ALLOCATIONS.load(Relaxed) as f64));
}

async fn yields(n: usize) -> usize {
    for _ in 0..YIELDS {
        yield_now().await;
    }
    n
}

/// Two tasks that send each other messages, one at a time.
fn ping_pong() -> [std::pin::Pin<Box<dyn Future<Output = ()> + Send>>; 2] {
    let (to_pong, mut from_ping) = tokio::sync::mpsc::channel(1);
    let (to_ping, mut from_pong) = tokio::sync::mpsc::channel(1);
    let ping = async move {
        for n in 0..MESSAGES / 2 {
            to_pong.send(n).await.unwrap();
            black_box(from_pong.recv().await.unwrap());
        }
    };
    let pong = async move {
        while let Some(n) = from_ping.recv().await {
            to_ping.send(n).await.unwrap();
        }
    };
    [Box::pin(ping), Box::pin(pong)]
}

async fn trips(stream: TcpStream) -> TcpStream {
    let mut message = [7; 64];
    for _ in 0..TRIPS {
        stream.writable().await.unwrap();
        assert_eq!(stream.try_write(&message).unwrap(), message.len());
        read(&stream, &mut message).await;
    }
    stream
}

/// How many bytes came; 0 is the end.
async fn read(stream: &TcpStream, message: &mut [u8]) -> usize {
    loop {
        stream.readable().await.unwrap();
        if let Ok(bytes) = stream.try_read(message) {
            return bytes;
        }
    }
}

/// A thread with a runtime of its own, whose connections send back what comes.
fn start_echo() -> SocketAddr {
    let (tell, told) = mpsc::channel();
    let server = async move {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1024).unwrap();
        tell.send(listener.local_addr().unwrap()).unwrap();
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut message = [0; 64];
                while let bytes @ 1.. = read(&stream, &mut message).await {
                    assert_eq!(stream.try_write(&message[..bytes]).unwrap(), bytes);
                }
            });
        }
    };
    std::thread::spawn(|| Builder::new_current_thread().enable_all().build().unwrap().block_on(server));
    told.recv().unwrap()
}

fn multi_thread() -> Builder {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2);
    builder
}

#[allow(clippy::cast_precision_loss)]
fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--test") {
        return println!("nothing to test: this only measures");
    }
    let words: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    let is_asked_for = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(*word));
    let kinds: [(&str, fn() -> Builder); 2] =
        [("multi-thread, 2 workers", multi_thread), ("current-thread", Builder::new_current_thread)];
    println!("medians of {ROUNDS} rounds; behind them, how many times the first peer's");
    let echo = start_echo();
    for (kind, builder) in kinds {
        println!("\n{kind}");
        for &(name, times, (unit, per_second), peers) in ROWS.iter().filter(|row| is_asked_for(row.0)) {
            let place = Place::new(builder());
            if name.contains("connections") {
                *place.streams.lock().unwrap() = place.runtime.block_on(connect(echo));
            }
            let mut rounds = vec![vec![0.0; ROUNDS]; peers.len()];
            // The first round is not counted: threads are started, queues grow.
            for round in 0..=ROUNDS {
                for (peer, (_, work)) in peers.iter().enumerate() {
                    let start = Instant::now();
                    work(&place);
                    let took = start.elapsed().as_secs_f64() * per_second / times as f64;
                    rounds[peer][round.saturating_sub(1)] = took;
                }
            }
            show(&format!("{name}, {unit}"), peers, &rounds);
        }
        for (name, _, _, peers) in ROWS.iter().filter(|row| row.0.contains("asleep") && is_asked_for(row.0)) {
            let (bytes, allocations): (Vec<_>, Vec<_>) = peers
                .iter()
                .map(|(_, work)| bytes_and_allocations(&Place::new(builder()), *work))
                .map(|(bytes, allocations)| (vec![bytes], vec![allocations]))
                .unzip();
            show(&format!("{name}, bytes"), peers, &bytes);
            show(&format!("{name}, allocations"), peers, &allocations);
        }
    }
}

async fn connect(to: SocketAddr) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        let stream = TcpStream::connect(to).await.unwrap();
        stream.set_nodelay(true).unwrap();
        streams.push(stream);
    }
    streams
}

/// What each nap holds while all sleep, in a fresh place.
fn bytes_and_allocations(place: &Place, work: Work) -> (f64, f64) {
    LIVE.store(0, Relaxed);
    ALLOCATIONS.store(0, Relaxed);
    ASLEEP.store(0, Relaxed);
    IS_COUNTING.store(true, Relaxed);
    work(place);
    IS_COUNTING.store(false, Relaxed);
    *SEEN.lock().unwrap()
}

fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = numbers.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn show(name: &str, peers: &[(&str, Work)], rounds: &[Vec<f64>]) {
    print!("{name:38}");
    for ((peer, _), took) in peers.iter().zip(rounds) {
        let ratio = median(took.iter().zip(&rounds[0]).map(|(took, first)| took / first));
        print!("  {peer:>14} {:>8.2} ({ratio:.2})", median(took.iter().copied()));
    }
    println!();
}
