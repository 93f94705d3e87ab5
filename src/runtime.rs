//! The tokio runtime that async work meets where the program has entered none (feature `tokio`).

#[cfg(feature = "tokio")]
mod imp {
    use std::sync::OnceLock;
    use tokio::runtime::{Builder, EnterGuard, Handle, Runtime};

    /// One thread drives timers and sockets; the work itself is polled by its executor.
    fn shared() -> Option<&'static Runtime> {
        static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
        RUNTIME
            .get_or_init(|| {
                let mut builder = Builder::new_multi_thread();
                builder.worker_threads(1).thread_name("tokio").enable_all();
                builder.build().ok()
            })
            .as_ref()
    }

    /// Makes `tokio::time::sleep` and the like work on this thread until the guard is dropped. Nothing where a runtime is
    /// entered already, and where the system starts no thread for one: then the work panics with tokio's own words.
    pub(crate) fn enter() -> Option<EnterGuard<'static>> {
        if Handle::try_current().is_ok() {
            return None;
        }
        shared().map(Runtime::enter)
    }
}

#[cfg(not(feature = "tokio"))]
mod imp {
    /// There is no runtime in this build.
    pub(crate) fn enter() -> Option<std::convert::Infallible> {
        None
    }
}

pub(crate) use imp::enter;
