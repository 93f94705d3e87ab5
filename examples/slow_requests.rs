//! Fifteen slow requests, one after the other and on five threads: the usual first example of a thread pool.
//!
//! Python: `ThreadPoolExecutor(5).map(download, pages)`. Threads are right for some dozens of calls that block, as clients
//! of databases and web services do; for thousands of waits at once, `fetch` shows an async bridge. The requests go to a
//! server in this program, which takes a tenth of a second to answer, as a web page may.

use concurrent_futures::{TaskError, ThreadPool};
use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

const REQUESTS: u32 = 15;
const THREADS: u32 = 5;
const LATENCY: Duration = Duration::from_millis(100);

/// Answers every request after a while, in a thread for each.
fn start_server() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || answer(client));
        }
    });
    Ok(address)
}

fn answer(mut client: TcpStream) -> io::Result<()> {
    let mut page = String::new();
    client.read_to_string(&mut page)?;
    thread::sleep(LATENCY);
    write!(client, "this is page {page}")
}

fn download(server: &SocketAddr, page: u32) -> io::Result<String> {
    let mut connection = TcpStream::connect(server)?;
    write!(connection, "{page}")?;
    connection.shutdown(Shutdown::Write)?;
    let mut text = String::new();
    connection.read_to_string(&mut text)?;
    Ok(text)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = start_server()?;

    let start = Instant::now();
    let serial: io::Result<Vec<String>> = (1..=REQUESTS).map(|page| download(&server, page)).collect();
    let (serial, alone) = (serial?, start.elapsed());

    let start = Instant::now();
    let pool = ThreadPool::with_workers(THREADS as usize);
    // The address is for all calls, so it is their context; each page is an item.
    let outcomes: Result<Vec<_>, TaskError> = pool.with(server).map(download, 1..=REQUESTS).collect();
    let pages: io::Result<Vec<String>> = outcomes?.into_iter().collect();
    let (pages, together) = (pages?, start.elapsed());

    assert_eq!(pages, serial, "the same pages, in the same order");
    assert_eq!(pages[14], "this is page 15");
    let times = alone.as_secs_f64() / together.as_secs_f64();
    println!("{REQUESTS} requests of {LATENCY:?} each");
    println!("one after the other  {:.2} s", alone.as_secs_f64());
    println!("{THREADS} threads            {:.2} s", together.as_secs_f64());
    println!("speed-up             {times:.1} x (limit {THREADS} x, the tutorial's 3.4 x)");
    assert!(times > 1.5, "do the threads wait for one another?");
    Ok(())
}
