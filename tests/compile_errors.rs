//! What the compiler says about the mistakes people make, and that the cure it names compiles.
//!
//! Each case is built as a program of its own against this crate. The words are this crate's, so the test asks
//! for them and not for the compiler's layout, which changes between releases.

use std::{fs, path::PathBuf, process::Command, sync::Mutex};

/// One build at a time: they share a target directory.
static BUILDING: Mutex<()> = Mutex::new(());

fn build(name: &str, body: &str) -> (bool, String) {
    let _one = BUILDING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compile_errors");
    fs::create_dir_all(folder.join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = \"case\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
         concurrent-futures = {{ path = '{}' }}\nserde = {{ version = \"1\", features = [\"derive\"] }}\n",
        root.display()
    );
    // Written only if it differs, so that cargo's idea of what is fresh holds.
    let path = folder.join("Cargo.toml");
    if fs::read_to_string(&path).ok().as_deref() != Some(&manifest) {
        fs::write(&path, manifest).unwrap();
        // The same versions as this crate's own build: they are there already, no registry is asked.
        let _ = fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"));
    }
    let prelude = "#![allow(unused)]\nuse concurrent_futures::*;\nuse serde::{Deserialize, Serialize};\n";
    fs::write(folder.join("src/lib.rs"), format!("{prelude}{body}\n")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["build", "--offline", "--quiet"])
        .current_dir(&folder)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    println!("{name}:\n{text}");
    (output.status.success(), text)
}

fn refused(name: &str, body: &str, says: &[&str]) {
    let (built, text) = build(name, body);
    assert!(!built, "{name} should not compile");
    // Lines are wrapped by the compiler's own rules.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in says {
        assert!(text.contains(words), "{name} does not say {words:?}");
    }
}

fn accepted(name: &str, body: &str) {
    let (built, text) = build(name, body);
    assert!(built, "{name} should compile: {text}");
}

#[test]
fn work_that_captures() {
    refused(
        "a closure that captures, in generic code",
        "pub fn f<E: Executor>(e: &E, k: u32) -> TaskFuture<u32> { e.submit(move |n: u32| n + k, 1) }
         pub fn g() { drop(f(&Inline::new(), 2)); }",
        &[
            "this work captures variables",
            "Pass the data as the argument",
            ".with(context)",
        ],
    );
    refused(
        "a closure that captures, on a pool of processes itself",
        "pub fn f(e: &ProcessPool, k: u32) { drop(e.submit(move |n: u32| n + k, 1)); }",
        &[
            "this work captures variables",
            "Pass the data as the argument",
            ".with(context)",
        ],
    );
    refused(
        "a map with a closure that captures, and an initializer that does",
        "pub fn f(e: &ProcessPool, k: u32) { drop(e.map(move |n: u32| n + k, [1])); }
         pub fn g(k: u32) { drop(ProcessPool::builder().initializer(move |_: u32| drop(k), 1)); }",
        &["this work captures variables"],
    );
    accepted(
        "the same with a pool of processes, where the data comes along",
        "pub fn f(e: &ProcessPool, k: u32) { drop(e.submit(|(n, k): (u32, u32)| n + k, (1, k))); }
         pub fn g(e: &ProcessPool, k: u32) { drop(e.with(k).map(|k, n: u32| n + k, [1])); }
         pub fn h(k: u32) { drop(ProcessPool::builder().initializer(|k: u32| drop(k), k)); }",
    );
    accepted(
        "the data as the argument, or as the context, or on the pool itself",
        "pub fn f<E: Executor>(e: &E, k: u32) -> TaskFuture<u32> { e.submit(|(n, k)| n + k, (1, k)) }
         pub fn g<E: Executor>(e: &E, k: u32) -> TaskFuture<u32> { e.with(k).submit(|k, n: u32| n + k, 1) }
         pub fn h(e: &ThreadPool, k: u32) -> TaskFuture<u32> { e.submit(move |n: u32| n + k, 1) }
         pub fn all() { drop(f(&Inline::new(), 2)); drop(g(&Inline::new(), 2)); }",
    );
}

#[test]
fn values_that_do_not_cross() {
    refused(
        "a socket as the argument",
        "pub fn f<E: Executor>(e: &E, s: std::net::TcpStream) { drop(e.submit(|s: std::net::TcpStream| 1, s)); }",
        &[
            "cannot cross to another process",
            "pass what is needed to open it",
            "not portable",
        ],
    );
    refused(
        "a type without its derive",
        "pub struct Job(u8);
         pub fn f<E: Executor>(e: &E) { drop(e.map(|job: Job| job.0, [Job(1)])); }",
        &[
            "`Job` cannot cross to another process",
            "#[derive(serde::Serialize, serde::Deserialize)]",
        ],
    );
    refused(
        "a result without its derive",
        "pub struct Report(u8);
         pub fn f<E: Executor>(e: &E) { drop(e.submit(|n: u8| Report(n), 1)); }",
        &["`Report` cannot cross to another process"],
    );
    accepted(
        "the address, the derive, the pool itself",
        "#[derive(Serialize, Deserialize)] pub struct Job(u8);
         pub fn f<E: Executor>(e: &E, a: std::net::SocketAddr) { drop(e.submit(|a: std::net::SocketAddr| a.port(), a)); }
         pub fn g<E: Executor>(e: &E) { drop(e.map(|job: Job| job, [Job(1)])); }
         pub fn h(e: &ThreadPool, s: std::net::TcpStream) { drop(e.submit(|s: std::net::TcpStream| drop(s), s)); }",
    );
}

#[test]
fn borrowed_text() {
    // The words are the compiler's own here; they are explained in `docs/errors-and-cures.md`.
    refused(
        "a borrowed string in generic code, as argument and as result; and a variable that all calls write to",
        "pub fn f<E: Executor>(e: &E) { drop(e.submit(|s: &'static str| s.len(), \"four\")); }
         fn name(n: u32) -> &'static str { \"four\" }
         pub fn g<E: Executor>(e: &E) { drop(e.submit(name, 4)); }
         pub fn h(e: &ThreadPool) { let mut total = 0; drop(e.map(move |n: u32| total += n, 0..3)); }",
        &[
            "implementation of `Deserialize` is not general enough",
            "drop(e.submit(|s: &'static str| s.len(), \"four\"));",
            "drop(e.submit(name, 4));",
            "cannot assign to `total`, as it is a captured variable in a `Fn` closure",
        ],
    );
    accepted(
        "owned strings, and a sum of outcomes",
        "pub fn f<E: Executor>(e: &E) { drop(e.submit(|s: String| s.len(), \"four\".to_string())); }
         fn name(n: u32) -> String { \"four\".to_string() }
         pub fn g<E: Executor>(e: &E) { drop(e.submit(name, 4)); }
         pub fn h(e: &ThreadPool) -> Result<u32, TaskError> { e.map(|n: u32| n, 0..3).sum() }",
    );
}

#[test]
fn work_of_the_wrong_shape() {
    refused(
        "results that do not cross, work of two arguments or none, functions for futures, futures for functions",
        "pub fn a<E: Executor>(e: &E) { drop(e.map(|p: String| std::fs::read(p), [String::new()])); }
         pub fn b<E: Executor>(e: &E) { drop(e.submit(|n: u32| async move { n }, 1)); }
         pub fn c<E: Executor>(e: &E) { drop(e.submit_async(|n: u32| n, 1)); }
         pub fn d<E: Executor>(e: &E) { drop(e.submit(|a: u32, b: u32| a + b, (1, 2))); }
         fn add(a: u32, b: u32) -> u32 { a + b }
         pub fn e<E: Executor>(e: &E) { drop(e.submit(add, (1, 2))); }
         pub fn f<E: Executor>(e: &E) { drop(e.spawn(|| 1)); }
         pub fn g(e: &ThreadPool) { let n: u32 = e.submit(|n: u32| n, 1); }
         pub fn h(e: &ThreadPool) -> u32 { e.map(|n: u32| n, 0..3).sum() }
         pub fn i(e: &dyn Executor) {}
         pub fn j(e: std::sync::Arc<ThreadPool>) { f(&e); }
         fn boxed(n: u32) -> Result<u32, Box<dyn std::error::Error>> { Ok(n) }
         pub fn k(e: &ThreadPool) { drop(e.submit(boxed, 1)); }",
        &[
            "`Result<Vec<u8>, std::io::Error>` cannot cross to another process",
            ".map_err(|error| error.to_string())",
            "async work goes to `submit_async` or `map_async`",
            "`u32` is not a future",
            "closure is expected to take a single 2-tuple as argument",
            "function is expected to take 1 argument",
            "no method named `spawn` found",
            "expected `u32`, found `TaskFuture<u32>`",
            "a value of type `u32` cannot be made by summing",
            "is not dyn compatible",
            "Arc<",
            "Executor` is not satisfied",
            "cannot be sent between threads safely",
        ],
    );
    accepted(
        "text for the error, async verbs for async work, tuples, `submit`, outcomes, the executor itself",
        "pub fn a<E: Executor>(e: &E) { drop(e.map(|p: String| std::fs::read(p).map_err(|error| error.to_string()), [String::new()])); }
         pub fn b<E: Executor>(e: &E) { drop(e.submit_async(|n: u32| async move { n }, 1)); }
         pub fn c<E: Executor>(e: &E) { drop(e.submit(|n: u32| n, 1)); }
         fn add(a: u32, b: u32) -> u32 { a + b }
         pub fn d<E: Executor>(e: &E) { drop(e.submit(|(a, b)| add(a, b), (1, 2))); }
         pub fn f<E: Executor>(e: &E) { drop(e.submit(|()| 1, ())); }
         pub fn g(e: &ThreadPool) -> Result<u32, TaskError> { e.submit(|n: u32| n, 1).result() }
         pub fn h(e: &ThreadPool) -> Result<u32, TaskError> { e.map(|n: u32| n, 0..3).sum() }
         pub fn i(e: &AnyExecutor) { f(e); f(&e.clone()); }
         pub fn j(e: std::sync::Arc<ThreadPool>) { f(&*e); }
         fn boxed(n: u32) -> Result<u32, Box<dyn std::error::Error + Send + Sync>> { Ok(n) }
         pub fn k(e: &ThreadPool) { drop(e.submit(boxed, 1)); }",
    );
}

#[test]
fn what_is_forgotten() {
    refused(
        "futures, maps, groups, options that nobody takes",
        "#[deny(unused_must_use)] pub mod forgetful {
             use concurrent_futures::*;
             pub fn f(e: &ThreadPool) {
                 e.submit(|n: u32| n, 1);
                 e.map(|n: u32| n, [1]);
                 e.options();
                 e.group::<u32>();
                 as_completed([e.spawn(|| 1)]);
                 race([e.spawn(|| 1)]);
             }
         }",
        &[
            "unused `TaskFuture` that must be used",
            "unused `concurrent_futures::Map` that must be used",
            "unused `Options` that must be used",
            "unused `Group` that must be used",
            "unused `AsCompleted` that must be used",
            "unused `Gathered` that must be used",
        ],
    );
}

#[test]
fn values_that_stay_on_their_thread() {
    refused(
        "an `Rc` on a thread pool",
        "pub fn f(e: &ThreadPool) { let r = std::rc::Rc::new(1); drop(e.spawn(move || *r)); }",
        &["cannot be sent between threads safely"],
    );
    refused(
        "a borrow outside a scope",
        "pub fn f(e: &ThreadPool) { let n = vec![1]; drop(e.spawn(|| n.len())); }",
        &["may outlive borrowed value"],
    );
    refused(
        "a borrow that leaves its scope",
        "pub fn f(e: &ThreadPool) { let s = e.scope(|s| { let n = vec![1]; s.spawn(|| n.len()) }); }",
        &["error"],
    );
    accepted(
        "an `Arc`, and a scope",
        "pub fn f(e: &ThreadPool) { let r = std::sync::Arc::new(1); drop(e.spawn(move || *r)); }
         pub fn g(e: &ThreadPool) { let n = vec![1]; e.scope(|s| { s.spawn(|| n.len()); }); }",
    );
}

#[test]
fn work_that_may_be_tried_again() {
    refused(
        "an argument that cannot be cloned, in generic code",
        "#[derive(Serialize, Deserialize)] pub struct Job(u8);
         pub fn f<E: Executor>(e: &E) { drop(e.options().retries(1).submit(|job: Job| job.0, Job(1))); }",
        &[
            "needs an argument that can be cloned, and `Job` cannot",
            "add `#[derive(Clone)]`",
        ],
    );
    refused(
        "an item that cannot be cloned",
        "#[derive(Serialize, Deserialize)] pub struct Job(u8);
         pub fn f<E: Executor>(e: &E) { drop(e.options().retries(1).map(|job: Job| job.0, [Job(1)])); }",
        &["needs an argument that can be cloned, and `Job` cannot"],
    );
    refused(
        "a condition, or a pause, without retries",
        "pub fn f<E: Executor>(e: &E) { drop(e.options().retry_if(|_| true)); }",
        &["retry_if"],
    );
    refused(
        "a closure that can be called once",
        "pub fn f(e: &ThreadPool) { drop(e.options().retries(1).spawn(|| 1)); }",
        &["spawn"],
    );
    accepted(
        "the derive, an `Arc`, a group, and the condition behind the retries",
        "#[derive(Clone, Serialize, Deserialize)] pub struct Job(u8);
         pub struct Big(u8);
         pub fn f<E: Executor>(e: &E) { drop(e.options().retries(1).retry_if(|_| true).submit(|job: Job| job.0, Job(1))); }
         pub fn g(e: &ThreadPool) { drop(e.options().retries(1).submit(|big: std::sync::Arc<Big>| big.0, std::sync::Arc::new(Big(1)))); }
         pub fn h<E: Executor>(e: &E) { let g = e.options().retries(1).group(); g.submit(|job: Job| job.0, Job(1)); drop(g.join()); }",
    );
}
