//! Values that end their worker: where and how they are told.

use crate::{
    checkpoint::Address,
    harness::{death, write_down},
};
use concurrent_futures::TaskError;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, hint::black_box, process};

/// How a worker ends, or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Way {
    Kill,
    Segv,
    Stop,
    Abort,
    Exit0,
    Exit1,
    Panic,
    Overflow,
}

pub(crate) const WAYS: [Way; 8] = [
    Way::Kill,
    Way::Segv,
    Way::Stop,
    Way::Abort,
    Way::Exit0,
    Way::Exit1,
    Way::Panic,
    Way::Overflow,
];

#[allow(unsafe_code)]
fn raise(signal: i32) {
    // SAFETY: no memory is passed.
    unsafe { libc::kill(libc::getpid(), signal) };
}

#[allow(unsafe_code)]
fn touch_nothing() {
    // SAFETY: none: this is what a broken program does. Nothing is ever mapped so low.
    unsafe { std::ptr::with_exposed_provenance_mut::<u8>(64).write_volatile(1) };
}

fn overflow(depth: u64) -> u64 {
    let room = black_box([depth; 512]);
    if depth == u64::MAX {
        0
    } else {
        overflow(depth + 1) + room[7]
    }
}

impl Way {
    /// Only comes back from a stop, when the process is continued.
    pub(crate) fn go_off(self) {
        match self {
            Self::Kill => raise(libc::SIGKILL),
            Self::Segv => touch_nothing(),
            Self::Stop => return raise(libc::SIGSTOP),
            Self::Abort => process::abort(),
            Self::Exit0 => process::exit(0),
            Self::Exit1 => process::exit(1),
            Self::Panic => panic!("boom"),
            Self::Overflow => {
                black_box(overflow(0));
            }
        }
        unreachable!("{self:?}")
    }

    /// The signal and the code that the parent is to report.
    pub(crate) fn fate(self) -> (Option<i32>, Option<i32>) {
        match self {
            Self::Kill => (Some(libc::SIGKILL), None),
            Self::Segv => (Some(libc::SIGSEGV), None),
            Self::Abort | Self::Overflow => (Some(libc::SIGABRT), None),
            Self::Exit0 => (None, Some(0)),
            Self::Exit1 => (None, Some(1)),
            Self::Stop | Self::Panic => unreachable!("the worker lives"),
        }
    }

    /// This is what comes of work that ends so.
    pub(crate) fn assert_cost<R>(self, outcome: Result<R, TaskError>, label: &str) {
        if self != Self::Panic {
            return assert_eq!(death(outcome, label), self.fate(), "{label}");
        }
        match outcome {
            Err(TaskError::Panicked(panic)) => assert_eq!(panic.message(), "boom", "{label}"),
            Err(other) => panic!("{label}: another error: {other:?}"),
            Ok(_) => panic!("{label}: a value"),
        }
    }
}

/// Where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Place {
    Decode,
    Run,
    Encode,
}

pub(crate) const PLACES: [Place; 3] = [Place::Decode, Place::Run, Place::Encode];

/// An argument that is also the result.
#[derive(Clone)]
pub(crate) struct Bomb(pub(crate) Plan);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) number: u64,
    /// Nothing happens in this process.
    home: u32,
    log: String,
    pub(crate) fuse: Option<(Place, Way)>,
    /// Where it waits before it goes off.
    pub(crate) gate: Option<Address>,
}

impl Bomb {
    /// Goes through everything unharmed. That it came is written to the log.
    pub(crate) fn dud(number: u64, log: &str) -> Self {
        Self(Plan {
            number,
            home: process::id(),
            log: log.to_owned(),
            fuse: None,
            gate: None,
        })
    }

    pub(crate) fn new(number: u64, log: &str, place: Place, way: Way) -> Self {
        let mut this = Self::dud(number, log);
        this.0.fuse = Some((place, way));
        this
    }

    /// Tells the process's id first, and waits to be let through.
    pub(crate) fn gated(mut self, gate: Address) -> Self {
        self.0.gate = Some(gate);
        self
    }

    fn comes_to(&self, place: Place) {
        let plan = &self.0;
        if process::id() == plan.home {
            return;
        }
        if place == Place::Decode {
            write_down(&plan.log, plan.number);
        }
        if let Some((at, way)) = plan.fuse
            && at == place
        {
            if let Some(gate) = plan.gate {
                gate.pass(u64::from(process::id()));
            }
            way.go_off();
        }
    }
}

impl fmt::Debug for Bomb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bomb {}", self.0.number)
    }
}

impl Serialize for Bomb {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.comes_to(Place::Encode);
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Bomb {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let this = Self(Plan::deserialize(deserializer)?);
        this.comes_to(Place::Decode);
        Ok(this)
    }
}

/// The work.
pub(crate) fn carry(bomb: Bomb) -> Bomb {
    bomb.comes_to(Place::Run);
    bomb
}
