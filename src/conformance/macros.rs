/// Makes one test of each promise that a backend is to keep; needs the feature `conformance`.
///
/// The first argument names the module that the tests lie in, the second is the [`Subject`](crate::conformance::Subject),
/// by a name that is in scope or by a path from `crate`. Then come the words of the
/// [capabilities](crate::conformance::Capability) that the backend claims. What every executor promises is asked
/// without a word. To be used in a test target, outside of functions, as often as there are subjects.
///
/// # Examples
///
/// ```
/// use concurrent_futures::{ThreadPool, conformance::Subject};
///
/// struct Threads; // stands for a backend of yours
///
/// impl Subject for Threads {
///     type Executor = ThreadPool;
///
///     fn make(workers: usize) -> ThreadPool {
///         ThreadPool::with_workers(workers)
///     }
/// }
///
/// concurrent_futures::conformance!(threads, Threads, at_once, shares_memory, in_order);
/// # fn main() { assert!(Threads::make(1).submit(|n: u8| n, 1).result().is_ok()) }
/// ```
#[macro_export]
macro_rules! conformance {
    ($backend:ident, $subject:ty $(, $capability:ident)* $(,)?) => {
        mod $backend {
            #[allow(unused_imports)] // the subject may be named by a whole path
            use super::*;

            #[allow(dead_code)] // used by the tests alone
            type SubjectOfTheSuite = $subject;

            mod everywhere {
                $crate::__conformance_group!(everywhere, [$crate::__conformance_tests], (everywhere));
            }
            $(
                mod $capability {
                    $crate::__conformance_group!($capability, [$crate::__conformance_tests], ($capability));
                }
            )*
        }
    };
}

/// Makes the tests of a group, inside of two modules that [`conformance!`] makes.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    (($group:ident) $($topic:ident: $($test:ident),+;)+) => {
        $(
            mod $topic {
                $(
                    #[::core::prelude::v1::test]
                    fn $test() {
                        $crate::conformance::cases::hold(
                            $crate::conformance::cases::$group::<super::super::SubjectOfTheSuite>(),
                            ::core::stringify!($topic),
                            ::core::stringify!($test),
                        );
                    }
                )+
            }
        )+
    };
}
