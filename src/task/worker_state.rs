//! What work keeps from one call to the next on the same thread.

use crate::{panic, sync::Arc};
use std::{any::Any, cell::RefCell, collections::BTreeMap, sync::Weak};

/// Names a kind of state, and keeps it alive: once this is dropped, threads let theirs go.
pub(crate) type StateKey = Arc<()>;

struct Kept {
    alive: Weak<()>,
    /// Those that nobody uses now. More than one if a call that had one ran another of its kind while it waited.
    states: Vec<Box<dyn Any>>,
}

crate::sync::thread_local! {
    /// By the address of the key, which no other has as long as its memory is held here.
    static STATES: RefCell<BTreeMap<usize, Kept>> = const { RefCell::new(BTreeMap::new()) };
}

/// Calls `work` with this thread's state; `init` makes one if there is none.
///
/// A state that is used while `work` panics is dropped: nobody knows what it is like.
pub(crate) fn with_state<S: 'static, R>(
    key: &StateKey,
    init: impl FnOnce() -> S,
    work: impl FnOnce(&mut S) -> R,
) -> R {
    let mut state = take(key).unwrap_or_else(|| Box::new(init()));
    let result = work(&mut state);
    put(key, state);
    result
}

fn take<S: 'static>(key: &StateKey) -> Option<Box<S>> {
    let state = STATES.try_with(|states| states.borrow_mut().get_mut(&address(key))?.states.pop());
    state.ok().flatten()?.downcast().ok()
}

fn put(key: &StateKey, state: Box<dyn Any>) {
    let mut state = Some(state);
    let _ = STATES.try_with(|states| {
        let mut states = states.borrow_mut();
        let kept = states.entry(address(key)).or_insert_with(|| Kept {
            alive: Arc::downgrade(key),
            states: Vec::new(),
        });
        kept.states.extend(state.take());
    });
    // On a thread whose locals are gone it is dropped here.
    drop(state);
    drop_unused();
}

/// Lets the states go whose keys are gone.
pub(crate) fn drop_unused() {
    let unused: Vec<Kept> = STATES
        .try_with(|states| {
            let mut states = states.borrow_mut();
            if states.values().all(|kept| kept.alive.strong_count() > 0) {
                return Vec::new();
            }
            let (used, unused) = std::mem::take(&mut *states)
                .into_iter()
                .partition(|(_, kept)| kept.alive.strong_count() > 0);
            *states = used;
            let unused: BTreeMap<usize, Kept> = unused;
            unused.into_values().collect()
        })
        .unwrap_or_default();
    // Destructors may run work of their own.
    for kept in unused {
        for state in kept.states {
            panic::contain(|| drop(state));
        }
    }
}

fn address(key: &StateKey) -> usize {
    Arc::as_ptr(key).addr()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{cell::Cell, rc::Rc};

    struct Counted(Rc<Cell<u32>>);

    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }

    #[test]
    fn a_state_is_made_once_and_goes_with_its_key() {
        let (made, dropped) = (Cell::new(0), Rc::new(Cell::new(0)));
        let (key, other) = (StateKey::default(), StateKey::default());
        let init = || {
            made.set(made.get() + 1);
            (made.get(), Counted(dropped.clone()))
        };
        for _ in 0..3 {
            assert_eq!(with_state(&key, init, |state| state.0), 1);
        }
        assert_eq!(with_state(&other, init, |state| state.0), 2);
        drop(key);
        assert_eq!(dropped.get(), 0);
        assert_eq!(with_state(&other, init, |state| state.0), 2);
        assert_eq!(dropped.get(), 1);
        drop(other);
        drop_unused();
        assert_eq!(dropped.get(), 2);
    }

    #[test]
    fn a_call_within_a_call_has_a_state_of_its_own() {
        let key = StateKey::default();
        let made = Cell::new(0);
        let init = || made.replace(made.get() + 1);
        let inner = with_state(&key, init, |outer| {
            *outer = 7;
            with_state(&key, init, |inner| *inner)
        });
        assert_eq!((inner, made.get()), (1, 2));
    }

    #[test]
    fn a_state_that_was_in_use_during_a_panic_is_not_used_again() {
        let key = StateKey::default();
        let caught = panic::catch(|| with_state(&key, || 1, |_| -> () { panic!("half done") }));
        assert!(caught.is_err());
        assert_eq!(with_state(&key, || 2, |state| *state), 2);
    }
}
