//! Who produces faster than the workers consume should wait, not fill the memory.

use concurrent_futures::{ThreadPool, TrySubmitError};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

fn main() {
    // At most four tasks wait. Who submits a fifth one waits until there is room.
    let pool = ThreadPool::builder().workers(1).max_pending(4).build().unwrap();
    let (open, gate) = mpsc::channel::<()>();
    let busy = pool.spawn(move || gate.recv().is_ok());
    while !busy.is_running() {
        thread::yield_now();
    }
    let waiting: Vec<_> = (0..4).map(|n| pool.submit(|n: u64| n * n, n)).collect();

    // Who has something better to do than to wait asks first; the argument comes back.
    let refused = pool.try_submit(|order: String| order.len(), "a large order".into());
    let Err(TrySubmitError::Full(order)) = refused else {
        unreachable!("nobody is working")
    };
    open.send(()).unwrap();
    let accepted = pool.submit(|order: String| order.len(), order);
    assert_eq!(accepted.result().unwrap(), 13);
    assert!(busy.result().unwrap());
    let squares: Vec<u64> = waiting
        .into_iter()
        .map(|future| future.result().unwrap())
        .collect();
    assert_eq!(squares, [0, 1, 4, 9]);

    // A map reads at most `buffer_size` items ahead of who takes its outcomes. So it can be endless.
    let pulled = Arc::new(AtomicUsize::new(0));
    let count = pulled.clone();
    let numbers = (0_u64..).inspect(move |_| _ = count.fetch_add(1, Ordering::Relaxed));
    let roots = ThreadPool::with_workers(2)
        .options()
        .buffer_size(16)
        .map(u64::isqrt, numbers);
    let first: Vec<u64> = roots.take(100).map(Result::unwrap).collect();
    assert_eq!(first[99], 9);
    let pulled = pulled.load(Ordering::Relaxed);
    println!("100 outcomes, {pulled} items pulled");
    assert!((100..=116).contains(&pulled));
}
