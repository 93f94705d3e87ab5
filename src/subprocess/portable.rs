//! Where there are neither groups nor `poll`: a thread for each stream, and a program that is killed alone.

use super::{
    Command, Error, Output, Stream,
    conclude::{Fate, Remains},
    course::{Course, Next, Sight},
    transcript::Transcript,
};
use crate::{
    panic,
    running::cancel_requested,
    runtime,
    sync::{
        Arc, Mutex,
        atomic::{
            AtomicBool,
            Ordering::{Acquire, Release},
        },
    },
};
use std::{
    io::{Read, Write},
    mem,
    process::Child,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};

/// How often one looks.
const TICK: Duration = Duration::from_millis(10);

type Outcome = Result<Output, Error>;

pub(super) fn run(command: Command) -> Outcome {
    runtime::blocking(|| Session::start(command)?.drive(&cancel_requested))
}

/// A program under way. Dropped before it is over, it is killed.
struct Session {
    child: Child,
    command: Command,
    /// What its streams say, until all are closed.
    heard: Receiver<(Stream, Vec<u8>)>,
    transcript: Transcript,
    course: Course,
}

impl Session {
    fn start(mut command: Command) -> Result<Self, Error> {
        let started = Instant::now();
        let mut child = command
            .to_std()
            .spawn()
            .map_err(|error| Error::not_started(&command, &error))?;
        if let Some(mut stdin) = child.stdin.take() {
            let bytes = mem::take(&mut command.stdin);
            // It need not read it.
            thread::spawn(move || stdin.write_all(&bytes));
        }
        let (says, heard) = channel();
        if let Some(stdout) = child.stdout.take() {
            listen(stdout, Stream::Stdout, says.clone());
        }
        if let Some(stderr) = child.stderr.take() {
            listen(stderr, Stream::Stderr, says);
        }
        Ok(Self {
            child,
            heard,
            transcript: Transcript::new(command.max_output),
            course: Course::new(&command, started),
            command,
        })
    }

    fn drive(mut self, requested: &dyn Fn() -> bool) -> Outcome {
        loop {
            let mut sight = Sight {
                ended: !matches!(self.child.try_wait(), Ok(None)),
                drained: true,
                requested: requested(),
                ..Sight::default()
            };
            let mut next = self.heard.recv_timeout(TICK);
            while let Ok((stream, bytes)) = next {
                sight.heard = true;
                self.transcript.take(stream, &bytes);
                next = self.heard.try_recv().map_err(|error| match error {
                    std::sync::mpsc::TryRecvError::Empty => RecvTimeoutError::Timeout,
                    std::sync::mpsc::TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
                });
            }
            sight.closed = next == Err(RecvTimeoutError::Disconnected);
            sight.over = self.transcript.over();
            if sight.closed && !sight.ended {
                thread::sleep(TICK);
            }
            match self.course.next(Instant::now(), sight) {
                // There are no signals to ask with.
                Next::Terminate | Next::Kill => drop(self.child.kill()),
                Next::Wait(_) => {}
                Next::Over => break,
            }
        }
        let fate = match self.child.wait().map(|status| status.code()) {
            Ok(Some(code)) => Fate::Exited(code),
            _ => Fate::Unknown,
        };
        let transcript = mem::replace(&mut self.transcript, Transcript::new(0));
        Remains {
            command: &self.command,
            transcript,
            time: self.course.time(),
        }
        .conclude(self.course.reason(), fate)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(mut from: impl Read + Send + 'static, stream: Stream, says: Sender<(Stream, Vec<u8>)>) {
    thread::spawn(move || {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if says.send((stream, buffer[..count].to_vec())).is_err() {
                break;
            }
        }
    });
}

/// What a future holds of its program, which has a thread of its own here. Dropped before the end, the program is killed.
pub(super) struct Order(Arc<Ticket>);

#[derive(Default)]
struct Ticket {
    stop: AtomicBool,
    outcome: Mutex<(Option<Outcome>, Option<Waker>)>,
}

impl Order {
    pub(super) fn place(command: Command) -> Result<Self, Error> {
        let ticket = Arc::new(Ticket::default());
        let (there, program) = (ticket.clone(), command.name());
        let thread = thread::Builder::new().name("program".into());
        let started = thread.spawn(move || {
            let driven =
                Session::start(command).and_then(|session| session.drive(&|| there.stop.load(Acquire)));
            let waker = {
                let mut outcome = there.outcome.lock();
                outcome.0 = Some(driven);
                outcome.1.take()
            };
            if let Some(waker) = waker {
                panic::contain(|| waker.wake());
            }
        });
        match started {
            Ok(_) => Ok(Self(ticket)),
            Err(error) => Err(Error::NotStarted {
                program,
                reason: format!("the system starts no thread for it: {error}"),
            }),
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>, requested: bool) -> Poll<Outcome> {
        if requested {
            self.0.stop.store(true, Release);
        }
        let waker = cx.waker().clone();
        let mut outcome = self.0.outcome.lock();
        if let Some(done) = outcome.0.take() {
            return Poll::Ready(done);
        }
        let replaced = outcome.1.replace(waker);
        drop(outcome);
        drop(replaced);
        Poll::Pending
    }
}

impl Drop for Order {
    fn drop(&mut self) {
        self.0.stop.store(true, Release);
    }
}
