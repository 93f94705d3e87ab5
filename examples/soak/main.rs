//! A soak test: all backends, everything that can be done with them and to them, for as long as one likes.
//! `cargo run --release --example soak -- --minutes 30 --scale 1`, and with `-- --help`.
//!
//! Each round is a random program on one executor: submits, maps, groups and waits that are given up half-way, panics,
//! cancels, deadlines, retries, killed worker processes, shutdowns at any time and from anywhere. Every task writes down
//! that it runs, in whatever process it is; in the end each has run as often as it may have, each future had one outcome
//! that fits, and the executor's books add up. A round that goes wrong says its seed and number, by which it can be run again.
//!
//! Before the rounds come feats: things that are a matter of size (`feats/`).

#[cfg(unix)]
mod args;
#[cfg(unix)]
mod crash;
#[cfg(unix)]
mod expected;
#[cfg(unix)]
mod feats;
#[cfg(unix)]
mod groups;
#[cfg(unix)]
mod maps;
#[cfg(unix)]
mod order;
#[cfg(unix)]
mod program;
#[cfg(unix)]
mod random;
#[cfg(unix)]
mod run;
#[cfg(unix)]
mod singles;
#[cfg(unix)]
mod subject;
#[cfg(unix)]
mod tally;
#[cfg(unix)]
mod watch;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    run::main()
}

#[cfg(not(unix))]
fn main() {
    println!("nothing to do here: half of it is about processes, which this system's backend has not");
}
