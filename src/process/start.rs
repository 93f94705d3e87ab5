//! Starting one worker.

use super::{
    child::{MARKER, Marker, identity},
    config::Config,
    link::{LENGTH, Link, MAGIC},
    logs,
    worker::{Wires, Worker},
};
use crate::sys::{channel, child::ChildProcess, image, memory::SharedMemory};
use std::{
    io,
    os::fd::AsFd,
    process::{Command, Stdio},
    sync::atomic::Ordering::Relaxed,
};

/// Starts a worker. It goes on by itself: once it is ready it says so through its link.
///
/// Called on the one thread that lives as long as the workers do: the kernel kills a worker when the thread that started
/// it ends.
pub(super) fn start(number: u64, config: &Config) -> io::Result<Worker> {
    let (memory, descriptor) = SharedMemory::create(LENGTH)?;
    let link = Link::new(memory);
    introduce(&link, config)?;
    let log = logs::write_end();
    link.hello().logs.store(u64::from(log.is_some()), Relaxed);
    let (socket, its_socket) = channel::pair()?;
    let mut command = Command::new(image::path()?);
    let mut arguments = std::env::args_os();
    #[cfg(unix)]
    if let Some(name) = arguments.next() {
        std::os::unix::process::CommandExt::arg0(&mut command, name);
    }
    command.args(arguments).stdin(Stdio::from(its_socket));
    for (name, value) in &config.environment {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.env(MARKER, Marker::for_child());
    if let Some(folder) = &config.current_dir {
        command.current_dir(folder);
    }
    let child = ChildProcess::start(&mut command, config.kill_tree)?;
    // `command` holds this side's copy of the worker's end, which would keep the channel open after its death.
    drop(command);
    let wires = Wires { child, socket };
    let mut worker = Worker::new(number, wires, link);
    // Before it has the memory: it looks once whether it has to initialize before it says that it is ready.
    worker.send_initializer(config);
    let socket = worker.wires.socket.as_fd();
    let mut sent = channel::send_with_fd(socket, &MAGIC.to_ne_bytes(), descriptor.as_fd());
    if let Some(log) = log {
        sent = sent.and_then(|()| channel::send_with_fd(socket, &[0], log));
    }
    if let Err(error) = sent {
        // It is dead, or will be: the supervisor hears of it as of any death, with this reason if there is no better.
        worker.text = format!("it could not be sent its memory: {error}").into_bytes();
        worker.wires.child.kill();
    }
    Ok(worker)
}

fn introduce(link: &Link, config: &Config) -> io::Result<()> {
    let hello = link.hello();
    hello.magic.store(MAGIC, Relaxed);
    for (word, own) in hello.identity.iter().zip(identity()?) {
        word.store(own, Relaxed);
    }
    hello.max_tasks.store(config.max_tasks.unwrap_or(0), Relaxed);
    hello.max_memory.store(config.max_memory.unwrap_or(0), Relaxed);
    hello
        .memory_limit
        .store(config.memory_limit.unwrap_or(0), Relaxed);
    hello
        .stack_size
        .store(config.stack_size.unwrap_or(0) as u64, Relaxed);
    Ok(())
}
