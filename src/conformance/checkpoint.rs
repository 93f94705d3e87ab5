//! Where work and test meet, in whatever process the work runs: over the loopback network.

use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread::{self, JoinHandle},
};

const ANNOUNCE: u8 = 1;
const PASS: u8 = 2;
const CLOSE: u8 = 3;
const GO_ON: [u8; 1] = [7];

/// The work's end of a [`Checkpoint`]; travels as (a part of) the argument.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Address(u16);

impl Address {
    /// Returns when the test knows that somebody was here with this number.
    pub fn announce(self, number: u64) {
        self.speak(ANNOUNCE, number);
    }

    /// As `announce`, and returns when the test lets this number through (or is over).
    pub fn pass(self, number: u64) {
        self.speak(PASS, number);
    }

    fn speak(self, verb: u8, number: u64) {
        let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.0)) else {
            return;
        };
        let mut message = vec![verb];
        message.extend(number.to_le_bytes());
        if stream.write_all(&message).is_ok() {
            let _ = stream.read(&mut [0]);
        }
    }
}

/// Knows who was here, and holds those who wait to pass. Lets everybody through when it is dropped.
pub struct Checkpoint {
    address: Address,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    book: Mutex<Book>,
    news: Condvar,
}

#[derive(Default)]
struct Book {
    seen: Vec<u64>,
    held: Vec<(u64, TcpStream)>,
    open: bool,
    open_for: BTreeSet<u64>,
}

impl Checkpoint {
    #[allow(clippy::new_without_default)] // not a value, but a place with a thread
    pub fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port on the loopback network");
        let address = Address(listener.local_addr().expect("it is bound").port());
        let shared = Arc::<Shared>::default();
        let there = shared.clone();
        let listener = thread::spawn(move || there.listen(&listener));
        Self {
            address,
            shared,
            listener: Some(listener),
        }
    }

    pub fn address(&self) -> Address {
        self.address
    }

    /// Who was here so far, in order.
    pub fn seen(&self) -> Vec<u64> {
        self.shared.book.lock().unwrap().seen.clone()
    }

    /// As [`seen`](Self::seen), sorted.
    pub fn seen_sorted(&self) -> Vec<u64> {
        let mut seen = self.seen();
        seen.sort_unstable();
        seen
    }

    /// Waits until so many were here.
    pub fn wait_for(&self, count: usize) -> Vec<u64> {
        let enough = |book: &mut Book| book.seen.len() < count;
        let book = self.shared.book.lock().unwrap();
        self.shared.news.wait_while(book, enough).unwrap().seen.clone()
    }

    /// Lets everybody through, from now on.
    pub fn open(&self) {
        self.release(|book| book.open = true);
    }

    /// Lets one number through.
    pub fn let_through(&self, number: u64) {
        self.release(|book| {
            book.open_for.insert(number);
        });
    }

    fn release(&self, change: impl FnOnce(&mut Book)) {
        let mut book = self.shared.book.lock().unwrap();
        change(&mut book);
        let held = std::mem::take(&mut book.held);
        for (number, stream) in held {
            book.admit(number, stream);
        }
    }
}

impl Drop for Checkpoint {
    fn drop(&mut self) {
        self.open();
        self.address.speak(CLOSE, 0);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

impl Shared {
    fn listen(&self, listener: &TcpListener) {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut message = [0; 9];
            if stream.read_exact(&mut message).is_err() {
                continue;
            }
            let (verb, number) = message.split_first().expect("nine bytes");
            let number = u64::from_le_bytes(number.try_into().expect("eight bytes"));
            if *verb == CLOSE {
                return;
            }
            let mut book: MutexGuard<'_, Book> = self.book.lock().unwrap();
            book.seen.push(number);
            if *verb == ANNOUNCE {
                let _ = stream.write_all(&GO_ON);
            } else {
                book.admit(number, stream);
            }
            self.news.notify_all();
        }
    }
}

impl Book {
    fn admit(&mut self, number: u64, mut stream: TcpStream) {
        if self.open || self.open_for.contains(&number) {
            let _ = stream.write_all(&GO_ON);
        } else {
            self.held.push((number, stream));
        }
    }
}
