//! Workers that a program starts itself, on its own machine. They end with it, and are started again when they die.

use crate::{
    error::{BuildError, ClusterError},
    sync::{Arc, Condvar, Mutex, thread},
    sys::{
        child::{ChildProcess, Reaped},
        image,
    },
};
use std::{
    io,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// How often it is looked whether they live.
const TICK: Duration = Duration::from_millis(200);

/// One that has died is started again after so long at the earliest: its start may be what it dies of.
const BETWEEN_STARTS: Duration = Duration::from_millis(500);

/// So long may a worker finish what runs when all of them are to end.
const GRACE: Duration = Duration::from_secs(2);

/// What is to be started.
pub(super) struct Plan {
    pub(super) address: String,
    pub(super) pool: String,
    pub(super) workers: usize,
    pub(super) slots: usize,
    pub(super) labels: Vec<String>,
    pub(super) insecure: bool,
    pub(super) ca: Option<PathBuf>,
    /// After how long one that is not heard of has lost its tasks.
    pub(super) hold: Duration,
    /// Nobody else has tasks for them: they need not finish anything in the end.
    pub(super) is_private: bool,
}

/// The workers, and the thread that started them: the kernel ends them with it.
pub(super) struct LocalWorkers {
    shared: Arc<Shared>,
    thread: Option<thread::JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    pids: Vec<u32>,
    /// How the first starts went.
    started: Option<io::Result<()>>,
    is_over: bool,
}

impl LocalWorkers {
    pub(super) fn start(plan: Plan) -> Result<Self, BuildError> {
        let shared = Arc::new(Shared::default());
        let thread = thread::Builder::new().name("cluster-workers".into()).spawn({
            let shared = shared.clone();
            move || tend(&plan, &shared)
        });
        let workers = Self {
            thread: Some(thread.map_err(BuildError::StartWorker)?),
            shared,
        };
        let mut state = workers.shared.state.lock();
        while state.started.is_none() {
            workers.shared.changed.wait(&mut state);
        }
        let started = state.started.take();
        drop(state);
        match started {
            Some(Err(error)) => Err(BuildError::Cluster(ClusterError::Start(error))),
            _ => Ok(workers),
        }
    }

    pub(super) fn pids(&self) -> Vec<u32> {
        self.shared.state.lock().pids.clone()
    }
}

impl Drop for LocalWorkers {
    fn drop(&mut self) {
        self.shared.state.lock().is_over = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn start_one(plan: &Plan) -> io::Result<ChildProcess> {
    let mut command = Command::new(image::path()?);
    let mut arguments = std::env::args_os();
    if let Some(name) = arguments.next() {
        std::os::unix::process::CommandExt::arg0(&mut command, name);
    }
    command
        .args(arguments)
        .stdin(Stdio::null())
        .env("CONCURRENT_FUTURES_WORKER", &plan.address)
        .env("CONCURRENT_FUTURES_WORKER_PARENT", std::process::id().to_string())
        .env(
            "CONCURRENT_FUTURES_WORKER_HOLD",
            plan.hold.as_secs().max(1).to_string(),
        )
        .env("CONCURRENT_FUTURES_POOL", &plan.pool)
        .env("CONCURRENT_FUTURES_SLOTS", plan.slots.to_string())
        .env("CONCURRENT_FUTURES_LABELS", plan.labels.join(","));
    match &plan.ca {
        Some(ca) => command.env("CONCURRENT_FUTURES_CA", ca),
        None => command.env_remove("CONCURRENT_FUTURES_CA"),
    };
    if plan.insecure {
        command.env("CONCURRENT_FUTURES_INSECURE", "1");
    } else {
        command.env_remove("CONCURRENT_FUTURES_INSECURE");
    }
    ChildProcess::start(&mut command, false)
}

fn tend(plan: &Plan, shared: &Shared) {
    let mut workers = Vec::new();
    for _ in 0..plan.workers {
        match start_one(plan) {
            Ok(worker) => workers.push((Instant::now(), worker)),
            Err(error) => {
                end(&workers);
                shared.state.lock().started = Some(Err(error));
                shared.changed.notify_all();
                return;
            }
        }
    }
    let mut state = shared.state.lock();
    state.started = Some(Ok(()));
    loop {
        state.pids = workers.iter().map(|(_, worker)| worker.pid()).collect();
        shared.changed.notify_all();
        if state.is_over {
            break;
        }
        shared.changed.wait_until(&mut state, Instant::now() + TICK);
        if state.is_over {
            break;
        }
        drop(state);
        workers.retain(|(started, worker)| {
            // Its place is filled below when that is not too soon.
            worker.try_reap() == Reaped::Running || started.elapsed() < BETWEEN_STARTS
        });
        while workers.len() < plan.workers {
            match start_one(plan) {
                Ok(worker) => workers.push((Instant::now(), worker)),
                Err(_) => break,
            }
        }
        state = shared.state.lock();
    }
    drop(state);
    if plan.is_private {
        workers.iter().for_each(|(_, worker)| worker.kill());
    }
    end(&workers);
}

/// Asks them to leave, and kills those that do not.
fn end(workers: &[(Instant, ChildProcess)]) {
    for (_, worker) in workers {
        worker.terminate();
    }
    let until = Instant::now() + GRACE;
    for (_, worker) in workers {
        while worker.try_reap() == Reaped::Running {
            if Instant::now() > until {
                worker.kill();
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}
