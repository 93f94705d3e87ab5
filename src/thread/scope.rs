//! Tasks that borrow from the stack of the caller.
#![allow(unsafe_code)]

use super::ThreadPool;
use crate::{
    error::{TaskError, TaskPanic},
    executor::submit,
    future::{TaskFuture, TaskId, host, waiter::Parker},
    panic,
    sync::{Arc, Mutex},
    task::Settings,
};
use std::{
    fmt,
    marker::PhantomData,
    mem,
    task::{Poll, Waker},
};

/// Spawns tasks that borrow. Made by [`ThreadPool::scope`].
pub struct Scope<'scope, 'env: 'scope> {
    pool: &'scope ThreadPool,
    tasks: Arc<Tasks>,
    /// Invariant, as in `std::thread::Scope`: a longer or shorter `'scope` would let borrows escape.
    inner: PhantomData<&'scope mut &'scope ()>,
    outer: PhantomData<&'env mut &'env ()>,
}

/// The tasks of a scope that have not ended.
#[derive(Default)]
struct Tasks(Mutex<Left>);

#[derive(Default)]
struct Left {
    count: usize,
    waiter: Option<Waker>,
    /// Panics of tasks whose futures were not asked.
    panics: Vec<(TaskId, TaskPanic)>,
}

impl Tasks {
    fn one_ended(&self) {
        let waiter = {
            let mut left = self.0.lock();
            left.count -= 1;
            if left.count == 0 { left.waiter.take() } else { None }
        };
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }

    /// Returns when no task is left, and never by unwinding.
    fn wait_for_all(&self) {
        let waited = panic::catch(|| host::block_on(None, || false, |waker| self.poll_ended(waker)));
        if waited.is_err() {
            // No thread could be started to take the place of this one, which the panic hook has reported. It waits all the
            // same: the tasks use what lies in its frame.
            let parker = Parker::of_this_thread();
            while self.poll_ended(&parker.waker()).is_pending() {
                parker.park(None);
            }
        }
    }

    fn poll_ended(&self, waker: &Waker) -> Poll<()> {
        let mut left = self.0.lock();
        if left.count == 0 {
            return Poll::Ready(());
        }
        left.waiter = Some(waker.clone());
        Poll::Pending
    }
}

/// The end of a scoped task that the scope's body holds. Dropping it detaches; the scope still waits for the
/// task.
pub struct ScopedFuture<'scope, R> {
    future: TaskFuture<()>,
    result: Arc<Mutex<Option<R>>>,
    tasks: Arc<Tasks>,
    scope: PhantomData<&'scope ()>,
}

impl ThreadPool {
    /// Runs `body`, whose tasks may borrow from here, and returns when all of them have ended.
    ///
    /// # Panics
    ///
    /// Raises the panic of `body`, or else that of a task whose result nobody asked for. In both cases only
    /// after all tasks have ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::ThreadPool;
    ///
    /// let pool = ThreadPool::with_workers(2);
    /// let words = ["thread", "process"];
    /// let mut lengths = [0; 2];
    /// pool.scope(|s| {
    ///     for (word, length) in words.iter().zip(&mut lengths) {
    ///         s.spawn(move || *length = word.len());
    ///     }
    /// });
    /// assert_eq!(lengths, [6, 7]);
    /// ```
    pub fn scope<'env, F, R>(&self, body: F) -> R
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R,
    {
        let scope = Scope {
            pool: self,
            tasks: Arc::default(),
            inner: PhantomData,
            outer: PhantomData,
        };
        let outcome = panic::catch(|| body(&scope));
        // Nothing that could unwind may come before this: the tasks borrow from the caller.
        scope.tasks.wait_for_all();
        let panics = mem::take(&mut scope.tasks.0.lock().panics);
        let unasked = panics.into_iter().find_map(|(_, panic)| panic.into_caught());
        match (outcome, unasked) {
            (Err(caught), _) | (Ok(_), Some(caught)) => panic::resume(caught),
            (Ok(value), None) => value,
        }
    }
}

impl<'scope> Scope<'scope, '_> {
    /// Calls a closure on a worker; it may borrow whatever outlives the scope.
    pub fn spawn<F, R>(&'scope self, work: F) -> ScopedFuture<'scope, R>
    where
        F: FnOnce() -> R + Send + 'scope,
        R: Send + 'scope,
    {
        let result = Arc::new(Mutex::new(None));
        let slot = result.clone();
        let job: Box<dyn FnOnce() + Send + 'scope> = Box::new(move || {
            let value = work();
            *slot.lock() = Some(value);
        });
        // SAFETY: only the lifetime changes. The job is run or dropped before its task is settled (the work is
        // moved into the call, or dropped by `discard`, rule 3 of the future's README), callbacks run after
        // that, and the callback below is what `wait_for_all` waits for, which `scope` calls before it returns
        // by any way, unwinding included. So nothing of the job is touched after `'scope`.
        let job = unsafe {
            mem::transmute::<Box<dyn FnOnce() + Send + 'scope>, Box<dyn FnOnce() + Send + 'static>>(job)
        };
        self.tasks.0.lock().count += 1;
        let future = submit::spawn(self.pool, job, Settings::plain());
        let (tasks, id) = (self.tasks.clone(), future.id());
        future.on_done(move |outcome| {
            if let Err(TaskError::Panicked(panic)) = outcome {
                tasks.0.lock().panics.push((id, panic.clone()));
            }
            tasks.one_ended();
        });
        ScopedFuture {
            future,
            result,
            tasks: self.tasks.clone(),
            scope: PhantomData,
        }
    }
}

impl<R> ScopedFuture<'_, R> {
    /// Waits for the outcome and takes it. A panic that is taken here is not raised by the scope.
    ///
    /// # Errors
    ///
    /// Returns the [`TaskError`] that says why the task has no value.
    ///
    /// # Panics
    ///
    /// As [`TaskFuture::result`].
    pub fn result(self) -> Result<R, TaskError> {
        let id = self.future.id();
        match self.future.result() {
            Ok(()) => Ok(self
                .result
                .lock()
                .take()
                .expect("a task that succeeded has left its value")),
            Err(error) => {
                if error.is_panicked() {
                    // Asked for: the scope need not raise it.
                    self.tasks.0.lock().panics.retain(|(of, _)| *of != id);
                }
                Err(error)
            }
        }
    }

    /// Whether the task has ended.
    pub fn is_done(&self) -> bool {
        self.future.is_done()
    }

    /// See [`TaskFuture::cancel`].
    pub fn cancel(&self) -> bool {
        self.future.cancel()
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("tasks_left", &self.tasks.0.lock().count)
            .finish_non_exhaustive()
    }
}

impl<R> fmt::Debug for ScopedFuture<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ScopedFuture").field(&self.future).finish()
    }
}
