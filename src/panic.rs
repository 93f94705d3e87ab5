//! Catching a panic and describing it: message, place and backtrace.
//!
//! A panic's payload carries its message but not its place; only the panic hook sees that. So the first
//! executor of a program chains a hook in front of the program's own, which notes the place for the thread
//! that panics and then calls the program's hook as if nothing had happened.

use std::{
    any::Any,
    backtrace::{Backtrace, BacktraceStatus},
    cell::{Cell, RefCell},
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    sync::Once,
};

/// What a caught panic left behind.
pub(crate) struct Caught {
    pub(crate) payload: Box<dyn Any + Send>,
    pub(crate) site: Option<Site>,
}

/// Where a panic was raised, as the hook saw it.
pub(crate) struct Site {
    /// `file:line:column`.
    pub(crate) location: String,
    pub(crate) backtrace: Option<String>,
}

crate::sync::thread_local! {
    static LAST_SITE: RefCell<Option<Site>> = const { RefCell::new(None) };
    /// Whether there is one. Looked at for every piece of work, and so without a destructor that would have to be registered.
    static IS_SITE_KNOWN: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f`; a panic in it becomes a value.
#[inline]
pub(crate) fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Caught> {
    // A place noted for an earlier panic must not be taken for this one's: `resume_unwind` calls no hook.
    forget_site();
    panic::catch_unwind(AssertUnwindSafe(f)).map_err(caught)
}

/// What the panic left behind that was caught just now on this thread.
pub(crate) fn caught(payload: Box<dyn Any + Send>) -> Caught {
    Caught {
        payload,
        site: take_site(),
    }
}

/// Raises a panic once more, on this thread. Who catches it here finds its place.
#[cold]
pub(crate) fn resume(caught: Caught) -> ! {
    let _ = LAST_SITE.try_with(|site| *site.borrow_mut() = caught.site);
    panic::resume_unwind(caught.payload)
}

/// Drops a value of the user's; see [`contain`].
#[inline]
pub(crate) fn drop_contained<T>(value: T) {
    if std::mem::needs_drop::<T>() {
        contain(|| drop(value));
    }
}

/// Runs code of the user's whose panic nobody is there to receive (a destructor, a callback).
///
/// The panic hook has reported it by then; the payload's own destructor may panic as well, so it is leaked
/// rather than dropped when that happens.
pub(crate) fn contain(f: impl FnOnce()) {
    if let Err(caught) = catch(f)
        && let Err(second) = panic::catch_unwind(AssertUnwindSafe(|| drop(caught)))
    {
        std::mem::forget(second);
    }
}

#[inline]
fn forget_site() {
    if IS_SITE_KNOWN.with(Cell::get) {
        drop(take_site());
    }
}

#[cold]
fn take_site() -> Option<Site> {
    IS_SITE_KNOWN.with(|known| known.set(false));
    LAST_SITE
        .try_with(|site| site.borrow_mut().take())
        .unwrap_or(None)
}

/// Chains the hook that notes where a panic was raised. Done once, by the first executor of the program.
pub(crate) fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let programs_own = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            note_site(info);
            programs_own(info);
        }));
    });
}

fn note_site(info: &PanicHookInfo<'_>) {
    let backtrace = Backtrace::capture();
    let site = Site {
        location: info.location().map(ToString::to_string).unwrap_or_default(),
        backtrace: (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string()),
    };
    let _ = LAST_SITE.try_with(|last| *last.borrow_mut() = Some(site));
    IS_SITE_KNOWN.with(|known| known.set(true));
}

/// The text of a panic payload.
pub(crate) fn message(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "a panic whose payload is not text"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn a_panic_is_described_by_message_and_place() {
        install_hook();
        let caught = catch(|| panic!("no {}", 7)).err().unwrap();
        assert_eq!(message(&*caught.payload), "no 7");
        assert!(caught.site.unwrap().location.contains("panic.rs"));
    }

    #[test]
    fn a_resumed_panic_does_not_borrow_the_place_of_an_earlier_one() {
        install_hook();
        let _ = panic::catch_unwind(|| panic!("earlier"));
        let caught = catch(|| panic::resume_unwind(Box::new(5_u8))).err().unwrap();
        assert_eq!(message(&*caught.payload), "a panic whose payload is not text");
        assert!(caught.site.is_none());
    }

    #[test]
    fn a_panic_that_is_raised_once_more_keeps_its_place() {
        install_hook();
        let first = thread::spawn(|| catch(|| panic!("far away")).err().unwrap());
        let caught = catch(|| resume(first.join().unwrap())).err().unwrap();
        assert_eq!(message(&*caught.payload), "far away");
        assert!(caught.site.unwrap().location.contains("panic.rs"));
    }

    #[test]
    fn a_payload_that_panics_when_dropped_is_contained() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("the payload itself");
            }
        }
        contain(|| panic::panic_any(Bomb));
    }
}
