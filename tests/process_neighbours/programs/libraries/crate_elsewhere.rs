//! The crate lies in a shared library that this program is linked to: there is one copy of it, and it is not here.

use concurrent_futures::{BuildError, ProcessPool};

fn main() {
    println!("main runs");
    for built in [owner::pool(), ProcessPool::builder().workers(1).build()] {
        match built {
            Err(error @ BuildError::Misplaced(_)) => println!("Misplaced: {error}"),
            other => panic!("{other:?}"),
        }
    }
    println!("{}", owner::twice(1));
}
