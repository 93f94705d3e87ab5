//! A bank balance that loses money, and three ways to keep it.
//!
//! Python shows this race with a sleep between reading and writing, and mends it by `with lock:`. In Rust the same with plain
//! variables does not compile; but nothing stops a program from reading a value, thinking, and writing back what has
//! become wrong meanwhile. Here a barrier makes that happen every time: both tasks have read before either writes.

use concurrent_futures::{TaskError, ThreadPool};
use std::sync::{
    Arc, Barrier, Mutex,
    atomic::{AtomicU32, Ordering::SeqCst},
    mpsc,
};

fn main() -> Result<(), TaskError> {
    let pool = ThreadPool::with_workers(2);

    // The mistake. Every single access is safe, and still a deposit is lost.
    let balance = Arc::new(AtomicU32::new(100));
    let both_have_read = Arc::new(Barrier::new(2));
    let deposit = {
        let balance = balance.clone();
        move |amount| {
            let seen = balance.load(SeqCst);
            both_have_read.wait();
            balance.store(seen + amount, SeqCst);
        }
    };
    pool.map(deposit, [50, 50]).collect::<Result<(), _>>()?;
    let left = balance.load(SeqCst);
    println!("read, then write:    100 + 50 + 50 = {left}");
    assert_eq!(left, 150);

    // One step instead of two: nobody can come between.
    let balance = Arc::new(AtomicU32::new(100));
    let deposit = {
        let balance = balance.clone();
        move |amount| _ = balance.fetch_add(amount, SeqCst)
    };
    pool.map(deposit, [1; 1_000]).collect::<Result<(), _>>()?;
    println!("one atomic step:     100 + 1000 * 1 = {}", balance.load(SeqCst));
    assert_eq!(balance.load(SeqCst), 1_100);

    // A lock, held from the reading to the writing: for whatever takes more than one step.
    let account = Arc::new(Mutex::new((100, Vec::new())));
    let deposit = {
        let account = account.clone();
        move |amount| {
            let mut account = account.lock().expect("no panic under the lock");
            account.0 += amount;
            account.1.push(amount);
        }
    };
    pool.map(deposit, [1; 1_000]).collect::<Result<(), _>>()?;
    let (balance, statement) = &*account.lock().expect("no panic under the lock");
    println!(
        "under a lock:        100 + {} deposits = {balance}",
        statement.len()
    );
    assert_eq!((*balance, statement.len()), (1_100, 1_000));

    // Nothing is shared: one task owns the balance, the others send it what they have.
    let (deposits, inbox) = mpsc::channel::<u32>();
    let owner = pool.spawn(move || 100 + inbox.iter().sum::<u32>());
    let deposit = move |amount| {
        deposits.send(amount).expect("the owner waits for all");
    };
    pool.map(deposit, [1; 1_000]).collect::<Result<(), _>>()?;
    let balance = owner.result()?;
    println!("one owner, messages: 100 + 1000 messages = {balance}");
    assert_eq!(balance, 1_100);
    Ok(())
}
