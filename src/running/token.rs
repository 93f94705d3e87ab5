//! The request to stop as something to hold, and to wait for.
//!
//! Tokens are entered in a registry, where whoever raises a request finds those who wait for it. As long as there are none,
//! raising one costs a look at a counter; work that only asks needs no token.

use super::{Running, Source, current};
use crate::{
    panic,
    sync::{
        Arc,
        global::{
            Mutex,
            atomic::{
                AtomicBool, AtomicU64, AtomicUsize,
                Ordering::{Relaxed, SeqCst},
                fence,
            },
        },
    },
    timer::{self, Alarm, Armed},
};
use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    pin::Pin,
    sync::Weak,
    task::{Context, Poll, Waker},
    time::Duration,
};

/// The request to stop of one task, for what the task calls, starts or waits for.
///
/// [`CancelToken::current`] gives the token of the running task. It sees what [`cancel_requested`](crate::cancel_requested)
/// sees, and from everywhere: it may go to other threads and tasks of the process, and outlive its task. The request is
/// raised by `cancel` on the running task, by its deadline, by the failure of its group, by dropping its map, and by a
/// shutdown that cancels or kills; once raised it stays.
///
/// # Examples
///
/// Async work that is told while it waits, and ends in its own way:
///
/// ```
/// use concurrent_futures::{CancelToken, ThreadPool};
/// use futures::future::{Either, pending, select};
///
/// let pool = ThreadPool::with_workers(1);
/// let (started, has_started) = std::sync::mpsc::channel();
/// let task = pool.spawn_async(async move {
///     let token = CancelToken::current();
///     started.send(()).unwrap();
///     match select(token.requested(), pending::<()>()).await {
///         Either::Left(_) => "put in order",
///         Either::Right(_) => "done",
///     }
/// });
/// has_started.recv().unwrap();
/// assert!(!task.cancel()); // it had started
/// assert_eq!(task.result().unwrap(), "put in order");
/// ```
#[derive(Clone)]
pub struct CancelToken(Arc<Token>);

struct Token {
    key: Key,
    source: Source,
    raised: AtomicBool,
    /// Those who wait, each by a number of its own.
    waiting: Mutex<BTreeMap<u64, Waker>>,
}

/// The address of the task, which no other task has while a token points there; and a number that tells tokens apart.
type Key = (usize, u64);

static TOKENS: Mutex<BTreeMap<Key, Weak<Token>>> = Mutex::new(BTreeMap::new());

/// How many there are, for who raises a request.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// How often a request is looked for that another process raises.
const LOOK_EVERY: Duration = Duration::from_millis(10);

fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Relaxed)
}

fn address<T: ?Sized>(task: *const T) -> usize {
    task.cast::<()>().addr()
}

impl CancelToken {
    /// The token of the task that is running on this thread. Outside of a task, one that is never raised.
    pub fn current() -> Self {
        let source = current::task().map_or(Source::Nowhere, Running::for_token);
        let key = match &source {
            Source::Here(task) => (address(task.as_ptr()), next_number()),
            Source::Elsewhere(_) | Source::Nowhere => (0, next_number()),
        };
        let token = Arc::new(Token {
            key,
            source,
            raised: AtomicBool::new(false),
            waiting: Mutex::new(BTreeMap::new()),
        });
        TOKENS.lock().insert(key, Arc::downgrade(&token));
        COUNT.fetch_add(1, SeqCst);
        // Pairs with the fence in `raised_for`: a request that is raised now is either seen by the first look, or finds
        // the token.
        fence(SeqCst);
        Self(token)
    }

    /// Whether the task was asked to stop. One look at a flag, in a worker process too.
    pub fn is_requested(&self) -> bool {
        self.0.is_raised()
    }

    /// Waits until the task is asked to stop; if it never is, for ever.
    ///
    /// In a worker process it is heard up to 10 ms later, and a thread looks for it meanwhile.
    pub fn requested(&self) -> Requested {
        Requested {
            token: self.0.clone(),
            number: next_number(),
            next_look: None,
        }
    }
}

impl Token {
    fn is_raised(&self) -> bool {
        let is_raised = self.raised.load(SeqCst)
            || match &self.source {
                Source::Here(task) => task.upgrade().is_some_and(|task| task.stop_requested()),
                Source::Elsewhere(task) => task.stop_requested(),
                Source::Nowhere => false,
            };
        if is_raised {
            self.raised.store(true, SeqCst);
        }
        is_raised
    }

    fn tell(&self) {
        let waiting = std::mem::take(&mut *self.waiting.lock());
        for waker in waiting.into_values() {
            panic::contain(|| waker.wake());
        }
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        TOKENS.lock().remove(&self.key);
        COUNT.fetch_sub(1, SeqCst);
    }
}

/// A request was raised for this task.
pub(crate) fn raised_for<T: ?Sized>(task: *const T) {
    // The request first, the look at the counter second; a new token does it the other way round.
    fence(SeqCst);
    if COUNT.load(SeqCst) == 0 {
        return;
    }
    let address = address(task);
    let theirs = TOKENS
        .lock()
        .range((address, 0)..=(address, u64::MAX))
        .filter_map(|(_, token)| token.upgrade())
        .collect::<Vec<_>>();
    for token in theirs {
        token.raised.store(true, SeqCst);
        token.tell();
    }
}

/// A request was raised for many: all tokens look.
pub(crate) fn raised() {
    fence(SeqCst);
    if COUNT.load(SeqCst) == 0 {
        return;
    }
    let all = TOKENS
        .lock()
        .values()
        .filter_map(Weak::upgrade)
        .collect::<Vec<_>>();
    // A task that is let go here may be the last of its kind: not under the lock.
    for token in all {
        if token.is_raised() {
            token.tell();
        }
    }
}

/// A wait for the request to stop. Made by [`CancelToken::requested`].
#[must_use = "nothing waits until this is awaited"]
pub struct Requested {
    token: Arc<Token>,
    number: u64,
    next_look: Option<(Arc<Alarm>, Armed)>,
}

impl Future for Requested {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.token.is_raised() {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        let replaced = self.token.waiting.lock().insert(self.number, waker);
        drop(replaced);
        // What was raised before the waker was there has told nobody.
        if self.token.is_raised() {
            return Poll::Ready(());
        }
        if matches!(self.token.source, Source::Elsewhere(_)) {
            let alarm = Alarm::new(cx.waker().clone());
            let armed = timer::arm(&alarm, LOOK_EVERY);
            self.next_look = Some((alarm, armed));
        }
        Poll::Pending
    }
}

impl Drop for Requested {
    fn drop(&mut self) {
        let waker = self.token.waiting.lock().remove(&self.number);
        drop(waker);
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken")
            .field("is_requested", &self.is_requested())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Requested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requested")
            .field("is_requested", &self.token.is_raised())
            .finish_non_exhaustive()
    }
}
