//! One program from its start to its outcome. Whoever drives it waits for its descriptors, and lets it advance.

use super::{
    Command, Error, Output, Stream,
    conclude::{Fate, Remains},
    course::{Course, Next, Sight},
    transcript::Transcript,
};
use crate::sys::{
    channel::Until,
    child::{ChildProcess, Reaped},
    program::{self, Pipes, Program, Read, TICK},
};
use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
    time::Instant,
};

/// Read from one stream in one go, so that no program keeps the others waiting (rule 10): 1 MiB, which is also as much as a pipe
/// holds at most.
const READS_PER_TURN: usize = 64;

/// The same for writing. A write fills the pipe, which holds 64 KiB.
const WRITES_PER_TURN: usize = 16;

/// Read at once.
const CHUNK: usize = 16 * 1024;

/// A program under way. Dropped before it is over, it is killed with its group.
pub(super) struct Session {
    program: Program,
    pipes: Pipes,
    command: Command,
    /// Bytes of standard input that were written.
    written: usize,
    transcript: Transcript,
    course: Course,
    /// It has ended, which its death descriptor says for ever.
    ended: bool,
}

/// How it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Until there is something at its descriptors, or until then.
    Wait(Option<Instant>),
    Over,
}

impl Session {
    pub(super) fn start(command: Command) -> Result<Self, Error> {
        let started = Instant::now();
        match Program::start(&mut command.to_std()) {
            Ok((program, pipes)) => Ok(Self {
                program,
                pipes,
                written: 0,
                transcript: Transcript::new(command.max_output),
                course: Course::new(&command, started),
                command,
                ended: false,
            }),
            Err(error) => Err(Error::not_started(&command, &error)),
        }
    }

    /// For who is to kill it from elsewhere.
    pub(super) fn child(&self) -> &Arc<ChildProcess> {
        self.program.child()
    }

    /// What it waits for.
    pub(super) fn descriptors<'a>(&'a self, into: &mut Vec<(BorrowedFd<'a>, Until)>) {
        let pipes = &self.pipes;
        into.extend(pipes.stdin.iter().map(|fd| (fd.as_fd(), Until::Writable)));
        let read = [&pipes.stdout, &pipes.stderr].into_iter().flatten();
        into.extend(read.map(|fd| (fd.as_fd(), Until::Readable)));
        if !self.ended {
            into.extend(self.program.child().death_fd().map(|fd| (fd, Until::Readable)));
        }
    }

    /// Does what can be done without waiting.
    pub(super) fn advance(&mut self, requested: bool) -> Turn {
        // First: what it wrote before its end is read below.
        self.ended = self.ended || self.program.child().has_died();
        self.feed();
        let mut sight = Sight {
            ended: self.ended,
            drained: true,
            requested,
            ..Sight::default()
        };
        read_all(
            &mut self.pipes.stdout,
            Stream::Stdout,
            &mut self.transcript,
            &mut sight,
        );
        read_all(
            &mut self.pipes.stderr,
            Stream::Stderr,
            &mut self.transcript,
            &mut sight,
        );
        sight.closed = self.pipes.stdout.is_none() && self.pipes.stderr.is_none();
        sight.over = self.transcript.over();
        let now = Instant::now();
        loop {
            match self.course.next(now, sight) {
                Next::Terminate => self.program.child().ask_group_to_end(),
                Next::Kill => self.program.child().kill_group(),
                Next::Over => return Turn::Over,
                // The next look at it is the next read.
                Next::Wait(_) if !sight.drained => return Turn::Wait(Some(now)),
                Next::Wait(until) => return Turn::Wait(self.or_next_look(now, until)),
            }
        }
    }

    /// Where nothing tells of its death one has to look.
    fn or_next_look(&self, now: Instant, until: Option<Instant>) -> Option<Instant> {
        if self.ended || self.program.child().death_fd().is_some() {
            return until;
        }
        let look = now + TICK;
        Some(until.map_or(look, |until| until.min(look)))
    }

    /// Writes as much of standard input as there is room for. A program need not read it.
    fn feed(&mut self) {
        for _ in 0..WRITES_PER_TURN {
            let Some(stdin) = &self.pipes.stdin else { return };
            let rest = &self.command.stdin[self.written..];
            match program::write(stdin.as_fd(), rest) {
                Some(0) if !rest.is_empty() && !self.ended => return,
                Some(count) if count < rest.len() && !self.ended => self.written += count,
                _ => self.pipes.stdin = None,
            }
        }
    }

    /// What came of it, once it is over.
    pub(super) fn conclude(self) -> Result<Output, Error> {
        let reason = self.course.reason();
        if reason.is_some() {
            // It is dead and not buried, so its number still means its group.
            self.program.child().kill_group();
        }
        let fate = match self.program.reap() {
            Reaped::Exited(code) => Fate::Exited(code),
            Reaped::Signalled(signal) => Fate::Signalled(signal),
            Reaped::Running | Reaped::Unknown => Fate::Unknown,
        };
        Remains {
            command: &self.command,
            transcript: self.transcript,
            time: self.course.time(),
        }
        .conclude(reason, fate)
    }
}

fn read_all(pipe: &mut Option<OwnedFd>, stream: Stream, transcript: &mut Transcript, sight: &mut Sight) {
    let mut buffer = [0; CHUNK];
    for _ in 0..READS_PER_TURN {
        let Some(fd) = pipe else { return };
        match program::read(fd.as_fd(), &mut buffer) {
            Read::Bytes(count) => {
                transcript.take(stream, &buffer[..count]);
                sight.heard = true;
            }
            Read::Nothing => return,
            Read::End => *pipe = None,
        }
    }
    sight.drained = pipe.is_none();
}
