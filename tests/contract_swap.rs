//! The promise of the crate: one function, written once, on every backend.
//! A user's program; it must compile and pass as it stands.

use concurrent_futures::{
    AnyExecutor, Backend, Checked, Executor, Inline, ProcessPool, TaskError, ThreadPool, as_completed,
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

fn collatz(mut n: u64) -> u32 {
    let mut steps = 0;
    while n > 1 {
        n = if n.is_multiple_of(2) { n / 2 } else { 3 * n + 1 };
        steps += 1;
    }
    steps
}

/// Written once: knows nothing of threads, processes or runtimes.
fn longest<E: Executor>(executor: &E, upto: u64) -> Result<u32, TaskError> {
    executor
        .map(collatz, 1..=upto)
        .try_fold(0, |best, steps| Ok(best.max(steps?)))
}

/// The backend is chosen by a type parameter alone.
fn longest_on<E: Executor + Default>(upto: u64) -> Result<u32, TaskError> {
    longest(&E::default(), upto)
}

#[test]
fn a_type_parameter_swaps_the_backend() {
    let expected = (1..=5_000).map(collatz).max().unwrap();
    assert_eq!(longest_on::<Inline>(5_000).unwrap(), expected);
    assert_eq!(longest_on::<Checked>(5_000).unwrap(), expected);
    assert_eq!(longest_on::<ThreadPool>(5_000).unwrap(), expected);
    assert_eq!(longest_on::<ProcessPool>(5_000).unwrap(), expected);
}

#[test]
fn a_flag_swaps_the_backend_at_run_time() {
    let expected = (1..=500).map(collatz).max().unwrap();
    for name in ["inline", "checked", "threads", "processes"] {
        let backend: Backend = name.parse().unwrap();
        assert_eq!(backend.to_string(), name);
        let executor = AnyExecutor::new(backend);
        assert_eq!(longest(&executor, 500).unwrap(), expected);
    }
    assert!("quantum".parse::<Backend>().is_err());
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Model {
    weights: Vec<f64>,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
enum Shape {
    Circle { radius: f64 },
    Square(f64),
    Nothing,
}

fn area(shape: Shape) -> Result<f64, String> {
    match shape {
        Shape::Circle { radius } => Ok(3.0 * radius * radius),
        Shape::Square(side) => Ok(side * side),
        Shape::Nothing => Err("a shape is needed".into()),
    }
}

async fn measure(word: String) -> usize {
    word.len()
}

/// Every verb of the trait, on any backend.
fn every_verb<E: Executor>(executor: &E) {
    // submit: one call; a closure that captures nothing is work as well.
    assert_eq!(executor.submit(|(a, b)| a * b, (6, 7)).result().unwrap(), 42);
    assert_eq!(
        executor.submit(area, Shape::Square(2.0)).result().unwrap(),
        Ok(4.0)
    );
    assert!(executor.submit(area, Shape::Nothing).result().unwrap().is_err());

    // map: results in the order of the items.
    let doubled: Result<Vec<u64>, TaskError> = executor.map(|n| n * 2, 0..100u64).collect();
    assert_eq!(doubled.unwrap(), (0..100).map(|n| n * 2).collect::<Vec<_>>());

    // async work, on every backend.
    assert_eq!(
        executor
            .submit_async(measure, "four".to_string())
            .result()
            .unwrap(),
        4
    );
    let lengths: Vec<usize> = executor
        .map_async(measure, ["a", "bb"].map(String::from))
        .map(Result::unwrap)
        .collect();
    assert_eq!(lengths, [1, 2]);

    // as_completed, with Python's idiom of looking the input up by its future...
    let mut inputs = HashMap::new();
    let mut futures = Vec::new();
    for n in 0..20u64 {
        let future = executor.submit(collatz, n);
        inputs.insert(future.id(), n);
        futures.push(future);
    }
    let mut seen = 0;
    for future in as_completed(futures) {
        assert!(future.is_done());
        let n = inputs[&future.id()];
        assert_eq!(future.result().unwrap(), collatz(n));
        seen += 1;
    }
    assert_eq!(seen, 20);
    // ... and with a key of the caller's own, as a method.
    let keyed = (0..20u64).map(|n| (n, executor.submit(collatz, n)));
    for (n, future) in executor.as_completed(keyed) {
        assert_eq!(future.result().unwrap(), collatz(n));
    }

    // with: data that every call shares crosses to each worker once.
    let model = Model {
        weights: vec![1.0, 2.0, 3.0],
    };
    let dots: Vec<f64> = executor
        .with(model)
        .map(
            |model, x| model.weights.iter().map(|w| w * x).sum::<f64>(),
            [1.0, 10.0],
        )
        .map(Result::unwrap)
        .collect();
    assert_eq!(dots, [6.0, 60.0]);

    // options: how to run, apart from what to run.
    let chunked: Vec<u32> = executor
        .options()
        .chunk_size(7)
        .buffer_size(3)
        .map(collatz, 0..50)
        .map(Result::unwrap)
        .collect();
    assert_eq!(chunked, (0..50).map(collatz).collect::<Vec<_>>());

    // A panic is the task's own: it says what and where, and the worker lives on.
    let error = executor
        .submit(|n: u32| -> u32 { panic!("no {n}") }, 7)
        .result()
        .unwrap_err();
    let TaskError::Panicked(panic) = &error else {
        panic!("{error:?}")
    };
    assert_eq!(panic.message(), "no 7");
    assert!(panic.location().unwrap().contains("swap.rs"), "{panic:?}");
    assert_eq!(executor.submit(collatz, 6).result().unwrap(), 8);
}

#[test]
fn every_verb_on_every_backend() {
    every_verb(&Inline::new());
    every_verb(&Checked::new());
    every_verb(&ThreadPool::new());
    every_verb(&ProcessPool::new());
    every_verb(&AnyExecutor::new(Backend::Threads));
}

#[test]
fn every_future_can_be_awaited() {
    futures::executor::block_on(async {
        let threads = ThreadPool::with_workers(2);
        let processes = ProcessPool::with_workers(2);
        let total = threads.submit(collatz, 27).await.unwrap() + processes.submit(collatz, 27).await.unwrap();
        assert_eq!(total, 2 * 111);

        // Results as a stream. (`Map` itself is an iterator; one type that is both makes every call ambiguous.)
        use futures::StreamExt;
        let steps: Vec<_> = threads
            .map(collatz, 1..4)
            .into_stream()
            .map(Result::unwrap)
            .collect()
            .await;
        assert_eq!(steps, [0, 1, 7]);
        let mut completed = as_completed((1..4u64).map(|n| processes.submit(collatz, n))).into_stream();
        let mut total = 0;
        while let Some(future) = completed.next().await {
            total += future.result().unwrap();
        }
        assert_eq!(total, 8);
    });
}
