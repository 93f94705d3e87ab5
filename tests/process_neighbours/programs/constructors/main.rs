//! Shows which constructors have run, here and in a worker.

extern crate behind;

use concurrent_futures::Executor;

unsafe extern "C" {
    fn late_c_state(early: *mut i32) -> i32;
    #[cfg(has_cpp)]
    fn late_cpp_state(early: *mut i32) -> i32;
}

registry::register!("the program");

fn look(_: ()) -> Vec<(String, i32, bool)> {
    let entries = registry::ENTRIES.lock().unwrap().clone();
    let mut all: Vec<(String, i32, bool)> = Vec::new();
    for (name, early) in entries {
        match all.iter_mut().find(|(other, ..)| other == name) {
            Some((_, runs, _)) => *runs += 1,
            None => all.push((name.into(), 1, early)),
        }
    }
    let foreign = [
        registry::state("late C", late_c_state),
        #[cfg(has_cpp)]
        registry::state("late C++", late_cpp_state),
    ];
    let foreign = beside::foreign().into_iter().chain(foreign);
    all.extend(foreign.map(|(name, runs, early)| (name.into(), runs, early)));
    all
}

fn main() {
    behind::named();
    let pool = above::pool();
    for (name, runs, early) in pool.submit(look, ()).result().unwrap() {
        println!(
            "worker: {name}: {runs}, {}",
            if early { "before" } else { "after" }
        );
    }
    for (name, runs, _) in look(()) {
        println!("parent: {name}: {runs}");
    }
}
