//! Tasks that stand ready, and the way they go to their executor: at once, when it is their turn in a line, or once more
//! for another attempt.

use super::{
    Executor,
    gate::{Line, Permit},
    kinds::Kind,
    passes::Passes,
    reason_of_stop, submit,
    throttle::{Ration, Throttle},
};
use crate::{
    error::TaskError,
    future::TaskFuture,
    ledger::Ledger,
    sync::Arc,
    task::{
        Admission, Argument, Callee, CarrierHandle, Crossing, Go, Parcel, Prepare, Settings, Start, Task,
    },
};
use std::borrow::Cow;

/// Takes tasks that were accepted before; made by [`Executor::readmit`].
pub(crate) type Readmit = Arc<dyn Fn(Task) + Send + Sync>;

/// A task and how it gets to those who run it.
pub(super) enum Way {
    Execute(Task, Readmit),
    Carry(Arc<dyn Parcel>, CarrierHandle),
    /// It has failed before it could go, and is to be told so.
    Tell(Arc<dyn Parcel>),
}

impl Way {
    /// Hands over a task that was accepted before.
    pub(super) fn go(self, ledger: &Ledger) {
        // It would be refused as if it had come after the shutdown.
        if ledger.stop_requested() {
            return self.refuse(reason_of_stop(ledger), ledger);
        }
        match self {
            Self::Execute(task, readmit) => readmit(task),
            Self::Carry(parcel, carrier) => carrier.0.carry(parcel, Admission::Accepted),
            Self::Tell(parcel) => parcel.tell(ledger),
        }
    }

    /// Hands over a task that is submitted now.
    pub(super) fn go_new<E: Executor>(self, executor: &E) {
        match self {
            Self::Execute(task, _) => executor.execute(task),
            Self::Carry(parcel, carrier) => carrier.0.carry(parcel, Admission::New),
            Self::Tell(parcel) => parcel.tell(executor.ledger()),
        }
    }

    fn refuse(self, reason: TaskError, ledger: &Ledger) {
        match self {
            Self::Execute(task, _) => task.refuse(reason),
            Self::Carry(parcel, _) => parcel.refuse(reason),
            Self::Tell(parcel) => parcel.tell(ledger),
        }
    }
}

/// A task that stands ready, and the rate limit that it has to wait for.
pub(super) struct Launch {
    way: Way,
    throttled: Option<(u64, Throttle)>,
}

impl Launch {
    pub(super) fn go(self, ledger: &Ledger) {
        match self.throttled {
            Some((number, throttle)) => throttle.join(number, self.way),
            None => self.way.go(ledger),
        }
    }
}

/// What it takes to get tasks to an executor, without a handle on it: the last one may be dropped meanwhile.
#[derive(Clone)]
pub(super) struct Route {
    ledger: Ledger,
    carrier: Option<CarrierHandle>,
    readmit: Readmit,
    line: Option<Arc<Line>>,
    throttle: Option<Throttle>,
}

/// A prepared task that has its place in line, if there is one.
pub(super) struct Ready {
    launch: Launch,
    place: Option<(usize, Arc<Line>)>,
    ledger: Ledger,
}

impl Ready {
    pub(super) fn go(self) {
        match self.place {
            None => self.launch.go(&self.ledger),
            Some((number, line)) => line.join(number, self.launch),
        }
    }

    /// For a task that is submitted now: its executor may not take it any more.
    pub(super) fn go_new<E: Executor>(self, executor: &E) {
        if self.ledger.refuses() && !executor.is_inside() {
            self.launch.way.refuse(TaskError::ShutDown, &self.ledger);
        } else {
            self.go();
        }
    }
}

impl Route {
    /// To `executor`, for arguments `T` that cross as `X` says.
    pub(super) fn to<E, T, X>(executor: &E, line: Option<Arc<Line>>) -> Self
    where
        E: Executor,
        X: Crossing<T>,
    {
        Self {
            ledger: executor.ledger().clone(),
            carrier: if X::CROSSES { executor.carrier() } else { None },
            readmit: executor.readmit(),
            line,
            throttle: executor.throttle(),
        }
    }

    /// A task of its own for `argument`.
    pub(super) fn prepare<V, K, T, X>(
        &self,
        callee: K,
        argument: T,
        settings: &Settings,
    ) -> (TaskFuture<V::Output>, Ready)
    where
        V: Kind<K, T, X>,
        K: Callee<T>,
        T: 'static,
        X: Crossing<T> + Crossing<V::Output>,
    {
        if self.carrier.is_some() {
            self.prepare_remote::<V, K, T, X>(&callee, || Argument::pack::<T, X>(argument), settings)
        } else {
            self.prepare_here::<V, K, T, X>(callee, argument, settings)
        }
    }

    fn prepare_here<V, K, T, X>(
        &self,
        callee: K,
        argument: T,
        settings: &Settings,
    ) -> (TaskFuture<V::Output>, Ready)
    where
        V: Kind<K, T, X>,
    {
        self.prepare_with(settings, |settings, passes| {
            V::task(&self.ledger, callee, argument, settings, passes)
        })
    }

    /// A task that `make` makes for this process, given how and with which passes it is run.
    pub(super) fn prepare_with<R>(
        &self,
        settings: &Settings,
        make: impl FnOnce(&Settings, Passes) -> (TaskFuture<R>, Task),
    ) -> (TaskFuture<R>, Ready) {
        let passes = self.passes();
        let (number, ration) = passes.numbers();
        let mut settings = Cow::Borrowed(settings);
        if ration.is_some() {
            // Who waits for it would run it before its time.
            settings.to_mut().stays_in_line = true;
        }
        let (future, task) = make(&settings, passes);
        let way = Way::Execute(task, self.readmit.clone());
        (future, self.ready(way, number, ration))
    }

    fn prepare_remote<V, K, T, X>(
        &self,
        callee: &K,
        argument: impl FnOnce() -> Result<Argument, TaskError>,
        settings: &Settings,
    ) -> (TaskFuture<V::Output>, Ready)
    where
        V: Kind<K, T, X>,
        K: Callee<T>,
        X: Crossing<T> + Crossing<V::Output>,
    {
        let carrier = self.carrier.clone().expect("asked for by who calls this");
        let Passes { permit, ration } = self.passes();
        let (number, rationed) = (
            permit.as_ref().map(Permit::number),
            ration.as_ref().map(Ration::number),
        );
        let start = ration.map(|ration| Box::new(ration) as Box<dyn Start>);
        let (future, way) =
            submit::remote::<V, K, T, X>(&self.ledger, carrier, callee, argument, settings, start);
        // The work is elsewhere, so its future has the permit.
        if let Some(permit) = permit {
            future.on_done(move |_| drop(permit));
        }
        (future, self.ready(way, number, rationed))
    }

    fn passes(&self) -> Passes {
        Passes {
            permit: self.line.as_ref().map(Line::permit),
            ration: self.throttle.as_ref().map(Throttle::ration),
        }
    }

    fn ready(&self, way: Way, number: Option<usize>, ration: Option<u64>) -> Ready {
        // What has failed before it could go does not start.
        let starts = !matches!(way, Way::Tell(_));
        let throttled = ration.filter(|_| starts).zip(self.throttle.clone());
        Ready {
            launch: Launch { way, throttled },
            place: number.zip(self.line.clone()),
            ledger: self.ledger.clone(),
        }
    }
}

/// What the attempts at one task are made of.
pub(super) struct Attempts<K, T> {
    route: Route,
    callee: K,
    /// Gone when the last attempt has it.
    argument: Option<T>,
    settings: Settings,
    copy: fn(&T) -> Option<T>,
}

impl<K, T> Attempts<K, T>
where
    K: Callee<T> + Clone,
    T: Send + 'static,
{
    pub(super) fn new(
        route: &Route,
        callee: K,
        argument: T,
        settings: &Settings,
        copy: fn(&T) -> Option<T>,
    ) -> Self {
        Self {
            route: route.clone(),
            callee,
            argument: Some(argument),
            settings: Settings {
                // It is the task that is a member, not each attempt.
                group: None,
                ..settings.clone()
            },
            copy,
        }
    }

    pub(super) fn prepare<V, X>(mut self) -> Prepare<V::Output>
    where
        V: Kind<K, T, X>,
        X: Crossing<T> + Crossing<V::Output>,
    {
        let retries = self.settings.retry.take().map_or(0, |policy| policy.retries);
        Box::new(move |failed| {
            self.settings.earlier = failed;
            self.settings.may_be_followed = failed < retries;
            let (future, ready) = self.next::<V, X>();
            if failed > 0 {
                // It was accepted long ago.
                self.route.ledger.force_room();
            }
            let go: Go = Box::new(move || ready.go());
            (future, go)
        })
    }

    fn next<V, X>(&mut self) -> (TaskFuture<V::Output>, Ready)
    where
        V: Kind<K, T, X>,
        X: Crossing<T> + Crossing<V::Output>,
    {
        let Self {
            route,
            callee,
            argument,
            settings,
            copy,
        } = self;
        let kept = argument.as_ref().expect("kept until the last attempt");
        if route.carrier.is_some() {
            return route.prepare_remote::<V, K, T, X>(callee, || Argument::copy::<T, X>(kept), settings);
        }
        let copied = if settings.may_be_followed {
            copy(kept)
        } else {
            None
        };
        let argument = copied.or_else(|| argument.take()).expect("kept, as seen above");
        route.prepare_here::<V, K, T, X>(callee.clone(), argument, settings)
    }
}
