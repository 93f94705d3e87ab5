use super::{
    a_panic_costs_the_state, a_panic_of_the_initializer_is_the_outcome, each_worker_has_a_state_of_its_own,
    it_combines_with_all_else,
};
use concurrent_futures::Executor;
use concurrent_futures::{AsyncBridge, Checked, Inline, Shutdown, ThreadPool};
use std::{
    cell::Cell,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

fn bridge(calls: usize) -> AsyncBridge {
    let builder = AsyncBridge::builder().max_blocking(calls);
    builder.build_on_spawner(ThreadPool::with_workers(1)).unwrap()
}

#[test]
fn each_thread_has_a_state_of_its_own() {
    each_worker_has_a_state_of_its_own(&ThreadPool::with_workers(3), 3);
    each_worker_has_a_state_of_its_own(&bridge(3), 3);
    each_worker_has_a_state_of_its_own(&Inline::new(), 1);
    each_worker_has_a_state_of_its_own(&Checked::new(), 1);
}

#[test]
fn after_a_panic_the_state_is_made_anew() {
    a_panic_costs_the_state(&ThreadPool::with_workers(1));
    a_panic_costs_the_state(&bridge(1));
    a_panic_costs_the_state(&Inline::new());
    a_panic_costs_the_state(&Checked::new());
}

#[test]
fn an_initializer_that_panics_fails_the_tasks_that_need_it() {
    a_panic_of_the_initializer_is_the_outcome(&ThreadPool::with_workers(1));
    a_panic_of_the_initializer_is_the_outcome(&bridge(1));
    a_panic_of_the_initializer_is_the_outcome(&Inline::new());
    a_panic_of_the_initializer_is_the_outcome(&Checked::new());
}

#[test]
fn states_combine_with_context_options_and_groups() {
    it_combines_with_all_else(&ThreadPool::with_workers(2));
    it_combines_with_all_else(&bridge(2));
    it_combines_with_all_else(&Inline::new());
    it_combines_with_all_else(&Checked::new());
}

/// Counts those that are alive; neither `Send` nor portable.
struct Connection(Arc<AtomicUsize>, #[allow(dead_code)] Rc<Cell<u8>>);

impl Connection {
    fn open(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, SeqCst);
        Self(open.clone(), Rc::default())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

#[test]
fn states_go_with_their_options_at_the_next_task_and_with_their_workers() {
    let pool = ThreadPool::with_workers(1);
    let open = Arc::new(AtomicUsize::new(0));
    let connect = |open: &Arc<AtomicUsize>| {
        let open = open.clone();
        move || Connection::open(&open)
    };
    let (first, second) = (pool.with_state(connect(&open)), pool.with_state(connect(&open)));
    first.submit(|_, ()| (), ()).result().unwrap();
    second.submit(|_, ()| (), ()).result().unwrap();
    assert_eq!(open.load(SeqCst), 2);
    drop(first);
    second.submit(|_, ()| (), ()).result().unwrap();
    // It goes when the task is over, which the next one comes after.
    pool.spawn(|| ()).result().unwrap();
    assert_eq!(open.load(SeqCst), 1);
    pool.shutdown(Shutdown::Finish);
    assert_eq!(open.load(SeqCst), 0);
}

#[test]
fn a_task_that_waits_for_another_of_its_kind_leaves_it_a_state() {
    let pool = ThreadPool::with_workers(1);
    let made = Arc::new(AtomicUsize::new(0));
    let count = made.clone();
    let numbers = pool.with_state(move || count.fetch_add(1, SeqCst));
    let inner = numbers.clone();
    let both = numbers.submit(
        move |outer: &mut usize, ()| {
            (
                *outer,
                inner.submit(|inner: &mut usize, ()| *inner, ()).result().unwrap(),
            )
        },
        (),
    );
    assert_eq!(both.result().unwrap(), (0, 1));
    assert_eq!(made.load(SeqCst), 2);
}
