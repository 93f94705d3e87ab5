//! The one trait, and the verbs on it.

mod chunks;
mod closed;
mod companion;
mod dump;
mod each;
mod gate;
mod group;
mod kinds;
mod launch;
mod map;
pub(crate) mod mapping;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(feature = "monitor")]
mod monitor;
mod options;
mod pace;
mod passes;
mod pull_pace;
mod record;
mod shipped;
mod shutdown;
pub(crate) mod submit;
mod surface;
mod throttle;
pub(crate) mod verbs;
mod watchdog;

#[cfg(feature = "metrics")]
pub use self::metrics::MetricsExporter;
pub use closed::{Closed, Latch};
pub(crate) use dump::WorkersShown;
pub use dump::{Awaits, Dump, TaskDump, WorkerDump};
pub use group::{Group, Joining};
pub(crate) use launch::Readmit;
pub use map::{Map, MapStream};
#[cfg(feature = "monitor")]
pub use monitor::Monitor;
pub use options::{
    AtMostOnce, Copies, NoContext, Options, Reserving, Retrying, State, With, WithContext, WithState,
};
pub use shutdown::Shutdown;
use shutdown::reason_of_stop;
pub use surface::Executor;
pub use throttle::Throttle;
pub use watchdog::{Hang, HangReason, Watchdog};
