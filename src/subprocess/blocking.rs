//! A program that is driven by the thread that waits for it.

use super::{
    Command, Error, Output,
    session::{Session, Turn},
};
use crate::{
    running::CancelToken,
    runtime,
    sync::Arc,
    sys::channel::{self, Until, poll},
};
use std::{
    future::Future,
    os::fd::{AsFd, OwnedFd},
    pin::pin,
    task::{Context, Wake, Waker},
    thread,
    time::{Duration, Instant},
};

/// After a failed wait.
const TICK: Duration = Duration::from_millis(10);

/// Wakes the thread out of its wait for descriptors.
struct Bell(OwnedFd);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        channel::ring(self.0.as_fd());
    }
}

pub(super) fn run(command: Command) -> Result<Output, Error> {
    let (bell, hears) = channel::pair().map_err(|error| Error::not_started(&command, &error))?;
    runtime::blocking(|| drive(Session::start(command)?, bell, &hears))
}

fn drive(mut session: Session, bell: OwnedFd, hears: &OwnedFd) -> Result<Output, Error> {
    let waker = Waker::from(Arc::new(Bell(bell)));
    let mut request = pin!(CancelToken::current().requested());
    let mut is_requested = false;
    let mut has_rung = true;
    let mut ready = Vec::new();
    loop {
        if has_rung && !is_requested {
            is_requested = request.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        }
        let Turn::Wait(until) = session.advance(is_requested) else {
            return session.conclude();
        };
        let mut descriptors = vec![(hears.as_fd(), Until::Readable)];
        session.descriptors(&mut descriptors);
        let time = until.map(|until| until.saturating_duration_since(Instant::now()));
        if poll(&descriptors, &mut ready, time).is_err() {
            // Out of memory, say. Nothing gets lost by looking a little later.
            thread::sleep(TICK);
        }
        has_rung = ready.first() == Some(&true);
        if has_rung {
            channel::drain(hears.as_fd(), &mut Vec::new());
        }
    }
}
