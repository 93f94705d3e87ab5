//! The macro asks nothing of the place it is used in.

/// Whatever somebody calls their things.
mod crowded {
    #[allow(unused_imports)]
    use std::vec::Vec as test;

    use crate::OnTheCaller as Subject;

    mod map {
        pub(super) use crate::OnTheCaller as Within;
    }

    #[allow(dead_code)]
    mod core {}

    #[allow(unused_macros)]
    macro_rules! stringify {
        () => {};
    }

    concurrent_futures::conformance!(by_name, Subject, nested,);
    concurrent_futures::conformance!(by_path, map::Within);
}

concurrent_futures::conformance!(by_whole_path, crate::OnTheCaller);
