//! Tasks that stand ready, and the way they go to their executor: at once, when it is their turn in a line, or once more
//! for another attempt.

use super::{
    Executor, Readmit,
    gate::{Line, Permit},
    kinds::Kind,
    reason_of_stop, submit,
};
use crate::{
    future::TaskFuture,
    ledger::Ledger,
    sync::Arc,
    task::{Admission, Callee, CarrierHandle, Crossing, Go, Parcel, Prepare, Settings, Task},
};

/// What is to be done with a task so that it runs.
pub(super) enum Launch {
    Execute(Task, Readmit),
    Carry(Arc<dyn Parcel>, CarrierHandle),
    /// It has failed before it could go, and is to be told so.
    Tell(Arc<dyn Parcel>),
}

impl Launch {
    /// Hands over a task that was accepted before.
    pub(super) fn go(self, ledger: &Ledger) {
        // It would be refused as if it had come after the shutdown.
        let is_late = ledger.stop_requested();
        match self {
            Self::Execute(task, _) if is_late => task.refuse(reason_of_stop(ledger)),
            Self::Carry(parcel, _) if is_late => parcel.refuse(reason_of_stop(ledger)),
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
}

/// What it takes to get tasks to an executor, without a handle on it: the last one may be dropped meanwhile.
#[derive(Clone)]
pub(super) struct Route {
    ledger: Ledger,
    carrier: Option<CarrierHandle>,
    readmit: Readmit,
    line: Option<Arc<Line>>,
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
        X: Crossing<T> + Crossing<V::Output>,
    {
        if self.carrier.is_some() {
            let prepared = self.prepare_remote::<V, K, T, X>(&callee, &argument, settings);
            crate::panic::contain(|| drop(argument));
            prepared
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
        let permit = self.line.as_ref().map(Line::permit);
        let number = permit.as_ref().map(Permit::number);
        let (future, task) = V::task(&self.ledger, callee, argument, settings, permit);
        (
            future,
            self.ready(Launch::Execute(task, self.readmit.clone()), number),
        )
    }

    fn prepare_remote<V, K, T, X>(
        &self,
        callee: &K,
        argument: &T,
        settings: &Settings,
    ) -> (TaskFuture<V::Output>, Ready)
    where
        V: Kind<K, T, X>,
        K: Callee<T>,
        X: Crossing<T> + Crossing<V::Output>,
    {
        let carrier = self.carrier.clone().expect("asked for by who calls this");
        let (future, launch) =
            submit::remote::<V, K, T, X>(&self.ledger, carrier, callee, argument, settings);
        // The work is elsewhere, so its future has the permit.
        let permit = self.line.as_ref().map(Line::permit);
        let number = permit.as_ref().map(Permit::number);
        if let Some(permit) = permit {
            future.on_done(move |_| drop(permit));
        }
        (future, self.ready(launch, number))
    }

    fn ready(&self, launch: Launch, number: Option<usize>) -> Ready {
        Ready {
            launch,
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
            settings: settings.clone(),
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
            return route.prepare_remote::<V, K, T, X>(callee, kept, settings);
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
