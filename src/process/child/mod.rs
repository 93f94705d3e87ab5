//! The worker's side: the same executable, started again, which never gets to `main`.

mod batch;
mod futures;
mod running;
mod serve;
mod wire;

use super::{
    link::{LENGTH, Link, MAGIC},
    logs,
};
use crate::{
    sys::{board, channel, image, memory::SharedMemory, worker},
    timeline,
};
use serve::{Limits, Server};
use std::{
    os::fd::{AsFd, OwnedFd},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};
use wire::Wire;

/// The variable that makes a process a worker. It is removed before any work runs; constructors that are linked in front of
/// this crate's see it.
pub(super) const MARKER: &str = "CONCURRENT_FUTURES_PROCESS_WORKER";
const MARKER_C: &std::ffi::CStr = c"CONCURRENT_FUTURES_PROCESS_WORKER";

/// So many processes may stand in a row, each a worker of the one before.
pub(super) const DEEPEST: u32 = 10;

/// How deep this process stands: 0 is no worker.
static DEPTH: AtomicU32 = AtomicU32::new(0);

pub(super) fn depth() -> u32 {
    DEPTH.load(Relaxed)
}

/// What the marker says.
pub(super) struct Marker {
    parent: u32,
    depth: u32,
}

impl Marker {
    /// The value for a worker of this process.
    pub(super) fn for_child() -> String {
        format!("{}:{}", std::process::id(), depth() + 1)
    }

    fn parse(value: &str) -> Option<Self> {
        let (parent, depth) = value.split_once(':')?;
        Some(Self {
            parent: parent.parse().ok()?,
            depth: depth.parse().ok()?,
        })
    }
}

/// Whether this process is a worker.
pub(super) fn is_marked() -> bool {
    std::env::var_os(MARKER).is_some()
}

/// The whole life of a worker. Does nothing if this process is none.
///
/// `before_work` runs what the program does before its `main`; the marker is gone by then.
#[allow(unsafe_code)]
pub(super) fn serve_if_marked(before_work: impl FnOnce()) {
    let Some(value) = worker::variable(MARKER) else {
        return;
    };
    // SAFETY: this runs before `main` or as its first statement, before the program has started a thread.
    unsafe {
        worker::remove_variable(MARKER_C);
        // The parent tells what happens here; the file is its own.
        worker::remove_variable(timeline::VARIABLE_C);
    }
    let Some(marker) = Marker::parse(&value) else {
        refuse_to_start("its value makes no sense");
    };
    if !channel::is_socket(std::io::stdin()) {
        refuse_to_start("standard input is not the channel to a parent");
    }
    DEPTH.store(marker.depth, Relaxed);
    let Ok(socket) = worker::take_over_stdin() else {
        refuse_to_start("the channel to the parent cannot be taken over");
    };
    if !worker::die_with_parent(marker.parent) {
        wire::orphaned();
    }
    worker::ignore_interrupt();
    worker::ignore_broken_pipe();
    before_work();
    match prepare(&socket) {
        Ok(link) => run(link, socket),
        Err(reason) => {
            channel::send_text(socket.as_fd(), &reason);
            std::process::exit(1);
        }
    }
}

/// A process that is marked as a worker and is none must not run `main` as if nothing were wrong: whoever set the
/// variable may be starting processes in a circle.
fn refuse_to_start(why: &str) -> ! {
    eprintln!("{MARKER} is set, which makes this process a worker of another one, but {why}; unset it");
    std::process::exit(70);
}

/// Receives the shared memory and checks that both sides are the same program.
fn prepare(socket: &OwnedFd) -> Result<Link, String> {
    if let Some(name) = std::env::current_exe()
        .ok()
        .and_then(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()))
    {
        worker::name_process(&name);
    }
    let mut hello = [0; 8];
    let received = channel::receive_with_fd(socket.as_fd(), &mut hello);
    let memory = match received {
        Ok((8, Some(memory))) if u64::from_ne_bytes(hello) == MAGIC => memory,
        Ok((0, _)) => wire::orphaned(),
        Ok(_) => return Err("the parent speaks another version of the protocol".into()),
        Err(error) => return Err(format!("it was not sent the shared memory: {error}")),
    };
    let memory = SharedMemory::map(memory.as_fd(), LENGTH)
        .map_err(|error| format!("it could not map the shared memory: {error}"))?;
    let link = Link::new(memory);
    let own = identity().map_err(|error| format!("it could not look at its own executable: {error}"))?;
    let parents = link.hello().identity.each_ref().map(|word| word.load(Relaxed));
    if own != parents {
        return Err("it is another build than its parent: the executable was replaced while the program ran; start the \
                    program again"
            .into());
    }
    if link.hello().logs.load(Relaxed) == 1
        && let Ok((1, Some(pipe))) = channel::receive_with_fd(socket.as_fd(), &mut [0])
    {
        logs::install(pipe);
    }
    let limit = link.hello().memory_limit.load(Relaxed);
    if limit != 0 {
        worker::limit_memory(limit).map_err(|error| format!("it could not limit its memory: {error}"))?;
    }
    Ok(link)
}

/// What tells two builds of the executable apart.
pub(super) fn identity() -> std::io::Result<[u64; 4]> {
    let bytes = image::identity()?;
    Ok([0, 1, 2, 3].map(|word| {
        let mut eight = [0; 8];
        eight.copy_from_slice(&bytes[word * 8..][..8]);
        u64::from_ne_bytes(eight)
    }))
}

fn run(link: Link, socket: OwnedFd) -> ! {
    crate::panic::install_hook();
    board::put_up(Box::new(link.clone()));
    let hello = link.hello();
    let limits = Limits {
        tasks: hello.max_tasks.load(Relaxed),
        memory: hello.max_memory.load(Relaxed),
    };
    let stack_size = usize::try_from(hello.stack_size.load(Relaxed)).unwrap_or(0);
    let server = Server::new(Wire::new(link, socket), limits);
    let serve = move || -> () {
        worker::report_stack_overflow();
        server.serve()
    };
    if stack_size > 0 {
        let thread = std::thread::Builder::new()
            .name("worker".into())
            .stack_size(stack_size);
        if let Ok(thread) = thread.spawn(serve) {
            let _ = thread.join();
        }
        std::process::exit(1);
    }
    serve();
    unreachable!("a worker serves until it exits")
}
