//! The bridge beside the runtime it stands on, in one run: `cargo bench --bench bridge`.
//!
//! Every workload is run for all peers in turns, on the same runtime; shown are the median, and behind it the median over
//! the rounds of "how many times the first peer's of that round". Times move with the machine; the ratios say more.
//! `cargo bench --bench bridge -- asleep` runs only the rows that have this word in their name.

use concurrent_futures::AsyncBridge;
use futures::StreamExt;
use std::{
    alloc::{GlobalAlloc, Layout, System},
    future::ready,
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
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
    task::{JoinSet, spawn_blocking, yield_now},
    time::sleep,
};

const ROUNDS: usize = 5;

/// Counts bytes and allocations while it is asked to.
struct Counting;

static IS_COUNTING: AtomicBool = AtomicBool::new(false);
static LIVE: AtomicIsize = AtomicIsize::new(0);
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
static ASLEEP: AtomicUsize = AtomicUsize::new(0);

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

type Kind = fn() -> Builder;

/// A runtime, a bridge over it, and connections whose other ends echo.
struct Place {
    bridge: AsyncBridge,
    runtime: Runtime,
    streams: Mutex<Vec<TcpStream>>,
}

impl Place {
    fn new(kind: Kind) -> Self {
        let runtime = kind().worker_threads(2).enable_all().build().unwrap();
        let bridge = AsyncBridge::from_handle(runtime.handle().clone());
        Self {
            bridge,
            runtime,
            streams: Mutex::default(),
        }
    }

    /// Runs `work` in a task of the runtime.
    fn inside<F: Future<Output = ()> + Send + 'static>(&self, work: fn(AsyncBridge) -> F) {
        let work = self.runtime.spawn(work(self.bridge.clone()));
        self.runtime.block_on(work).unwrap();
    }

    /// Runs `work`, which is lent the connections.
    fn with_streams<F: Future<Output = Vec<TcpStream>>>(&self, work: impl FnOnce(Vec<TcpStream>) -> F) {
        let mut streams = self.streams.lock().unwrap();
        let lent = std::mem::take(&mut *streams);
        *streams = self.runtime.block_on(async { work(lent).await });
    }
}

/// Runs a workload once; what it takes is measured.
type Work = fn(&Place);

/// A workload, and who does it how. The number makes what its name says out of the seconds that all of it takes.
type Row = (&'static str, f64, &'static [(&'static str, Work)]);

/// Many tasks of one kind, by all who can have them.
macro_rules! tasks {
    ($tasks:literal, $work:expr) => {
        &[
            ("tokio::spawn", |place| {
                place.runtime.block_on(async {
                    let tasks: Vec<_> = (0..$tasks).map(|n| tokio::spawn($work(n))).collect();
                    all_are_asleep().await;
                    collect(tasks).await;
                });
            }),
            ("JoinSet", |place| {
                place.runtime.block_on(async {
                    let set: JoinSet<_> = (0..$tasks).map($work).collect();
                    all_are_asleep().await;
                    black_box(set.join_all().await);
                });
            }),
            ("spawn_async", |place| {
                place.runtime.block_on(async {
                    let tasks: Vec<_> = (0..$tasks).map(|n| place.bridge.spawn_async($work(n))).collect();
                    all_are_asleep().await;
                    collect(tasks).await;
                });
            }),
            ("map_async", |place| {
                place.runtime.block_on(async {
                    let options = place.bridge.options().buffer_size($tasks);
                    let map = options.map_async($work, 0..$tasks).into_stream();
                    all_are_asleep().await;
                    black_box(map.map(Result::unwrap).collect::<Vec<_>>().await);
                });
            }),
        ]
    };
}

const ROWS: &[Row] = &[
    ("100,000 asleep for 800 ms, ms", 1e3, tasks!(100_000, nap)),
    ("each of 200,000 ready, ns", 5e3, tasks!(200_000, ready)),
    ("blocking call, awaited, µs", 250.0, CALL),
    ("blocking call, from a thread, µs", 250.0, CALL_FROM_THREAD),
    ("each of 10,000 blocking calls, µs", 100.0, CALLS_AT_ONCE),
    ("message of a ping-pong, ns", 1e4, PING_PONG),
    ("each of 100 yields of 1,000, ns", 1e4, tasks!(1_000, yields)),
    ("each of 12,000 TCP trips, µs", 1e6 / 12e3, ECHO),
];

const CALL: &[(&str, Work)] = &[
    ("spawn_blocking", |place| {
        place.inside(|_| async {
            for n in 0..4_000 {
                black_box(spawn_blocking(move || n).await.unwrap());
            }
        });
    }),
    ("bridge.spawn", |place| {
        place.inside(|bridge| async move {
            for n in 0..4_000 {
                black_box(bridge.spawn(move || n).await.unwrap());
            }
        });
    }),
];

const CALL_FROM_THREAD: &[(&str, Work)] = &[
    ("spawn_blocking", |place| {
        for n in 0..4_000 {
            let call = place.runtime.spawn_blocking(move || n);
            black_box(place.runtime.block_on(call).unwrap());
        }
    }),
    ("bridge.spawn", |place| {
        for n in 0..4_000 {
            black_box(place.bridge.spawn(move || n).result().unwrap());
        }
    }),
];

const CALLS_AT_ONCE: &[(&str, Work)] = &[
    ("spawn_blocking", |place| {
        place.inside(|_| async {
            let calls: Vec<_> = (0..10_000).map(|n| spawn_blocking(move || n)).collect();
            collect(calls).await;
        });
    }),
    ("bridge.spawn", |place| {
        place.inside(|bridge| async move {
            let calls: Vec<_> = (0..10_000).map(|n| bridge.spawn(move || n)).collect();
            collect(calls).await;
        });
    }),
];

const PING_PONG: &[(&str, Work)] = &[
    ("tokio::spawn", |place| {
        let ends = ping_pong().map(|end| place.runtime.spawn(end));
        place.runtime.block_on(collect(ends));
    }),
    ("spawn_async", |place| {
        let ends = ping_pong().map(|end| place.bridge.spawn_async(end));
        place.runtime.block_on(collect(ends));
    }),
];

const ECHO: &[(&str, Work)] = &[
    ("JoinSet", |place| {
        place.with_streams(|streams| async {
            let set: JoinSet<_> = streams.into_iter().map(trips).collect();
            set.join_all().await
        });
    }),
    ("map_async", |place| {
        place.with_streams(|streams| {
            let map = place.bridge.map_async(trips, streams).into_stream();
            map.map(Result::unwrap).collect()
        });
    }),
];

/// Awaits all outcomes.
async fn collect<T, E: std::fmt::Debug>(tasks: impl IntoIterator<Item: Future<Output = Result<T, E>>>) {
    for task in tasks {
        black_box(task.await.unwrap());
    }
}

async fn nap(n: usize) -> usize {
    if IS_COUNTING.load(Relaxed) {
        ASLEEP.fetch_add(1, Relaxed);
    }
    sleep(Duration::from_millis(800)).await;
    n
}

/// While bytes are counted, waits for the moment to stop that.
async fn all_are_asleep() {
    if !IS_COUNTING.load(Relaxed) {
        return;
    }
    while ASLEEP.load(Relaxed) < 100_000 {
        sleep(Duration::from_millis(1)).await;
    }
    sleep(Duration::from_millis(20)).await;
    IS_COUNTING.store(false, Relaxed);
}

async fn yields(n: usize) -> usize {
    for _ in 0..100 {
        yield_now().await;
    }
    n
}

/// Two tasks that send each other messages, one at a time.
fn ping_pong() -> [std::pin::Pin<Box<dyn Future<Output = ()> + Send>>; 2] {
    let (serve, mut served) = tokio::sync::mpsc::channel(1);
    let (answer, mut answers) = tokio::sync::mpsc::channel(1);
    let caller = async move {
        for n in 0..50_000 {
            serve.send(n).await.unwrap();
            black_box(answers.recv().await.unwrap());
        }
    };
    let partner = async move {
        while let Some(n) = served.recv().await {
            answer.send(n).await.unwrap();
        }
    };
    [Box::pin(caller), Box::pin(partner)]
}

async fn trips(stream: TcpStream) -> TcpStream {
    let mut message = [7; 64];
    for _ in 0..3 {
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
    let echo = async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
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
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    std::thread::spawn(move || runtime.block_on(echo));
    told.recv().unwrap()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--test") {
        return println!("nothing to test: this only measures");
    }
    let word = arguments.iter().find(|argument| !argument.starts_with("--"));
    let word = word.map_or("", String::as_str);
    println!("medians of {ROUNDS} rounds, and how many times the first peer's");
    let echo = start_echo();
    let kinds: [(&str, Kind); 2] = [
        ("multi-thread, 2 workers", Builder::new_multi_thread),
        ("current-thread", Builder::new_current_thread),
    ];
    for (title, kind) in kinds {
        println!("\n{title}");
        for &(name, units, peers) in ROWS.iter().filter(|row| row.0.contains(word)) {
            let place = Place::new(kind);
            if name.contains("TCP") {
                place.with_streams(|streams| connect(streams, echo));
            }
            let mut took = vec![vec![0.0; ROUNDS]; peers.len()];
            // The first round is not counted: threads are started, queues grow.
            for round in 0..=ROUNDS {
                for (peer, (_, work)) in peers.iter().enumerate() {
                    let start = Instant::now();
                    work(&place);
                    took[peer][round.saturating_sub(1)] = start.elapsed().as_secs_f64() * units;
                }
            }
            show(name, peers, &took);
            if name.contains("asleep") {
                let held = peers.iter().map(|(_, work)| held(&Place::new(kind), *work));
                let each = |all: f64| vec![all / 100e3];
                let (bytes, allocations): (Vec<_>, Vec<_>) = held.map(|(b, a)| (each(b), each(a))).unzip();
                show("... bytes held by each", peers, &bytes);
                show("... allocations for each", peers, &allocations);
            }
        }
    }
}

async fn connect(mut streams: Vec<TcpStream>, to: SocketAddr) -> Vec<TcpStream> {
    // Two descriptors each, of which a process may have no more than 20,000 where this is run.
    for _ in 0..4_000 {
        let stream = TcpStream::connect(to).await.unwrap();
        stream.set_nodelay(true).unwrap();
        streams.push(stream);
    }
    streams
}

/// Bytes and allocations that all naps together hold while they sleep, in a fresh place.
#[allow(clippy::cast_precision_loss)]
fn held(place: &Place, work: Work) -> (f64, f64) {
    LIVE.store(0, Relaxed);
    ALLOCATIONS.store(0, Relaxed);
    ASLEEP.store(0, Relaxed);
    IS_COUNTING.store(true, Relaxed);
    work(place);
    (LIVE.load(Relaxed) as f64, ALLOCATIONS.load(Relaxed) as f64)
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
