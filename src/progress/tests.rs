use super::{Bar, Progress};
use crate::{AnyExecutor, Backend, Executor, Inline, NextCompleted, TaskError, ThreadPool, as_completed};
use futures::StreamExt;
use indicatif::{
    InMemoryTerm, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle,
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
    time::Duration,
};

const COLUMNS: u16 = 70;

/// A terminal to look at, and a bar on it as `progress()` makes one.
fn terminal() -> (InMemoryTerm, Bar) {
    let terminal = InMemoryTerm::new(10, COLUMNS);
    let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
    (terminal, Bar::on(target))
}

fn in_lines(terminal: &InMemoryTerm) -> Vec<String> {
    terminal.contents().lines().map(str::to_owned).collect()
}

/// The one line that is there, as the words in it; the bar itself aside.
fn words(terminal: &InMemoryTerm) -> Vec<String> {
    let lines = in_lines(terminal);
    assert_eq!(lines.len(), 1, "{lines:?}");
    let words = lines[0]
        .split_whitespace()
        .filter(|word| !word.contains(['━', '╸']));
    words.map(str::to_owned).collect()
}

fn odd(n: u32) -> u32 {
    assert!(n % 2 == 1, "{n} is even");
    n
}

#[test]
fn a_map_shows_at_its_end_how_many_there_were_and_how_many_failed() {
    let (terminal, bar) = terminal();
    let map = Inline::new().map(odd, 0..2_000);
    assert_eq!(Progress::new(map, bar).flatten().count(), 1_000);
    let words = words(&terminal);
    assert_eq!(words[0], "2,000/2,000");
    assert!(words[1].ends_with("/s"), "{words:?}");
    assert_eq!(words[2], "in");
    assert_eq!(words[4..], ["1,000", "failed"]);
    assert_eq!(in_lines(&terminal)[0].chars().count(), usize::from(COLUMNS));
}

#[test]
fn before_the_first_item_there_is_a_bar_and_nothing_made_up() {
    let (terminal, bar) = terminal();
    let mut items = Progress::new(Inline::new().map(|n: u32| n, 0..7), bar);
    assert_eq!(words(&terminal), ["0/7", "0.0/s", "--", "left"]);
    assert_eq!(items.len(), 7);
    assert_eq!(
        items.by_ref().map(Result::unwrap).collect::<Vec<_>>(),
        [0, 1, 2, 3, 4, 5, 6]
    );
    assert!(items.next().is_none(), "and none after the end");
}

#[test]
fn items_are_counted_on_every_backend_and_in_generic_code() {
    fn shown<E: Executor>(executor: &E) -> Vec<String> {
        let (terminal, bar) = terminal();
        let map = executor.map(|n: u64| n + 1, 0..10_000).unordered();
        assert_eq!(
            Progress::new(map, bar).map(Result::unwrap).sum::<u64>(),
            50_005_000
        );
        words(&terminal)
    }
    let backends = [
        Backend::Inline,
        Backend::Checked,
        Backend::Threads,
        Backend::Processes,
    ];
    for backend in backends
        .into_iter()
        .filter(|backend| cfg!(unix) || *backend != Backend::Processes)
    {
        assert_eq!(
            shown(&AnyExecutor::with_workers(backend, 2))[0],
            "10,000/10,000",
            "{backend}"
        );
    }
    assert_eq!(shown(&ThreadPool::with_workers(2))[0], "10,000/10,000");
    #[cfg(unix)]
    assert_eq!(shown(&crate::ProcessPool::with_workers(1))[0], "10,000/10,000");
}

#[test]
fn without_a_known_total_it_counts_all_the_same() {
    let (terminal, bar) = terminal();
    let mut left = 5..10;
    let map = Inline::new().map(|n: u32| n, std::iter::from_fn(move || left.next()));
    let mut items = Progress::new(map, bar);
    assert_eq!(
        words(&terminal)[1..4],
        ["0", "0.0/s", "in"],
        "a wheel in front of it"
    );
    assert_eq!(items.by_ref().count(), 5);
    assert!(
        words(&terminal).contains(&"5".to_owned()),
        "{:?}",
        in_lines(&terminal)
    );
}

#[test]
fn a_total_that_shows_later_is_shown_then() {
    let (terminal, bar) = terminal();
    // It reads nothing ahead, so the map knows how many there are when it has come to the last one.
    let map = Inline::new().map(|n: u32| n, (0..9).filter(|n| n % 2 == 0));
    let mut items = Progress::new(map, bar);
    assert_eq!(words(&terminal)[1], "0");
    assert_eq!(items.by_ref().count(), 5);
    assert_eq!(words(&terminal)[0], "5/5");
}

#[test]
fn dropped_half_way_it_stays_where_it_was() {
    let (terminal, bar) = terminal();
    let mut items = Progress::new(Inline::new().map(odd, 0..8), bar);
    assert!(items.next().unwrap().is_err());
    assert!(items.next().unwrap().is_ok());
    drop(items);
    let words = words(&terminal);
    assert_eq!(
        (&*words[0], &words[2..3]),
        ("2/8", &["in".to_owned()][..]),
        "{words:?}"
    );
    assert_eq!(words[4..], ["1", "failed"]);
}

#[test]
fn a_panic_of_the_item_iterator_leaves_it_where_it_was() {
    let broken = || (0..8_u32).map(|n| if n == 3 { panic!("no more") } else { n });
    let map = || Inline::new().map(|n: u32| n, broken());
    let (first, bar) = terminal();
    let items = Progress::new(map(), bar);
    let passed = catch_unwind(AssertUnwindSafe(|| items.map(Result::unwrap).count()));
    assert!(passed.is_err(), "the panic goes through");
    let (second, bar) = terminal();
    let items = Progress::new(map(), bar).into_stream();
    let passed = catch_unwind(AssertUnwindSafe(|| futures::executor::block_on(items.count())));
    assert!(passed.is_err(), "here too");
    for terminal in [first, second] {
        let words = words(&terminal);
        assert_eq!((&*words[0], &*words[2]), ("3/8", "in"), "{words:?}");
    }
}

#[test]
fn the_end_of_the_time_to_wait_is_no_item() {
    let (terminal, bar) = terminal();
    let pool = ThreadPool::with_workers(1);
    let (release, gate) = mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let work = move |n: u32| match n {
        0 => n,
        _ => gate.lock().unwrap().recv().map_or(n, |()| n),
    };
    let mut items = Progress::new(pool.map(work, 0..3).timeout(Duration::from_millis(50)), bar);
    let ends: Vec<_> = items.by_ref().collect();
    assert!(
        matches!(ends.last(), Some(Err(TaskError::WaitTimedOut))),
        "{ends:?}"
    );
    // On a machine that is busy not even the first is there in time.
    assert_eq!(words(&terminal)[0], format!("{}/3", ends.len() - 1));
    drop(release);
}

#[test]
fn cancelled_items_are_counted_and_have_not_failed() {
    let (terminal, bar) = terminal();
    let options = Inline::new().options().buffer_size(4);
    let mut items = Progress::new(options.map(|n: u32| n, 0..100), bar);
    items.next();
    items.cancel();
    let rest = items.by_ref().count() + 1;
    drop(items);
    let words = words(&terminal);
    assert_eq!(words[0], format!("{rest}/100"));
    assert_eq!(words.len(), 4, "no failures: {words:?}");
}

#[test]
fn what_is_inside_comes_out_again_and_what_is_detached_runs() {
    let (terminal, bar) = terminal();
    let pool = ThreadPool::with_workers(1);
    let mut items = Progress::new(pool.map(|n: u32| n, 0..3), bar);
    items.next();
    assert_eq!(items.into_inner().map(Result::unwrap).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(words(&terminal)[0], "1/3");

    let (tell, hears) = mpsc::channel();
    let told = pool.map(move |n: u32| tell.send(n).unwrap(), 0..3);
    Progress::new(told, Bar::of(ProgressBar::hidden())).detach();
    assert_eq!(hears.iter().take(3).sum::<u32>(), 3);
}

#[test]
fn futures_count_as_they_complete_and_those_that_are_added_too() {
    let (terminal, bar) = terminal();
    let pool = ThreadPool::with_workers(2);
    let mut done = Progress::new(as_completed((0..4).map(|n| (n, pool.submit(odd, n)))), bar);
    done.push((7, pool.submit(odd, 7)));
    done.extend([(9, pool.submit(odd, 9))]);
    assert_eq!(words(&terminal)[0], "0/6");
    let NextCompleted::Done(_) = done.next_timeout(Duration::from_secs(600)) else {
        panic!("one of them ends")
    };
    assert_eq!(done.by_ref().count(), 5);
    assert!(matches!(
        done.next_timeout(Duration::ZERO),
        NextCompleted::Exhausted
    ));
    done.push((11, pool.submit(odd, 11)));
    assert_eq!(done.by_ref().count(), 1, "it goes on after an end");
    let words = words(&terminal);
    assert_eq!(
        (&*words[0], &words[4..]),
        ("7/7", &["2".to_owned(), "failed".to_owned()][..])
    );
}

#[test]
fn cancelled_futures_have_not_failed() {
    let (terminal, bar) = terminal();
    let pool = ThreadPool::with_workers(1);
    let (release, gate) = mpsc::channel::<()>();
    let busy = pool.spawn(move || gate.recv().is_ok());
    let queued = pool.spawn(|| true);
    assert!(queued.cancel());
    release.send(()).unwrap();
    assert_eq!(Progress::new(as_completed([busy, queued]), bar).count(), 2);
    let words = words(&terminal);
    assert_eq!((&*words[0], words.len()), ("2/2", 4), "{words:?}");
}

#[test]
fn streams_count_too() {
    let pool = ThreadPool::with_workers(2);
    let (first, bar) = terminal();
    let map = Progress::new(pool.map(odd, 0..6), bar).into_stream();
    assert_eq!(futures::executor::block_on(map.count()), 6);
    let (second, bar) = terminal();
    let done = Progress::new(as_completed((0..6).map(|n| pool.submit(odd, n))), bar).into_stream();
    assert_eq!(futures::executor::block_on(done.count()), 6);
    for terminal in [first, second] {
        let words = words(&terminal);
        assert_eq!((&*words[0], &*words[4]), ("6/6", "3"), "{words:?}");
    }
}

#[test]
fn bars_of_the_callers_own_stand_among_others_and_may_say_what_failed() {
    let terminal = InMemoryTerm::new(10, COLUMNS);
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(terminal.clone()), 255);
    let bars = MultiProgress::with_draw_target(target);
    let style = ProgressStyle::with_template("{prefix}: {pos} of {len}, {failed} failed").unwrap();
    let bar = |prefix| {
        let bar = ProgressBar::no_length()
            .with_style(style.clone())
            .with_prefix(prefix);
        bars.add(bar.with_finish(ProgressFinish::AndLeave))
    };
    let (first, second) = (bar("odd"), bar("all"));
    let executor = Inline::new();
    let mut odd = executor.map(odd, 0..4).progress_with(first.clone());
    let mut all = executor.map(|n: u32| n, 0..5).progress_with(second.clone());
    odd.next();
    all.by_ref().for_each(drop);
    odd.by_ref().for_each(drop);
    assert_eq!(
        in_lines(&terminal),
        ["odd: 4 of 4, 2 failed", "all: 5 of 5, 0 failed"]
    );
    assert!(first.is_finished() && second.is_finished());
}

#[test]
fn a_bar_that_has_a_length_keeps_it_and_counts_several_maps() {
    let bar = ProgressBar::hidden();
    bar.set_length(10);
    let executor = Inline::new();
    executor
        .map(|n: u32| n, 0..4)
        .progress_with(bar.clone())
        .for_each(drop);
    assert_eq!(
        (bar.position(), bar.length(), bar.is_finished()),
        (4, Some(10), false)
    );
    executor
        .map(|n: u32| n, 0..6)
        .progress_with(bar.clone())
        .for_each(drop);
    assert_eq!((bar.position(), bar.is_finished()), (10, true));
}

#[test]
fn a_bar_that_is_cleared_when_it_is_full_leaves_nothing() {
    let terminal = InMemoryTerm::new(10, COLUMNS);
    let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
    let bar = ProgressBar::with_draw_target(None, target);
    Inline::new()
        .map(|n: u32| n, 0..4)
        .progress_with(bar)
        .for_each(drop);
    assert_eq!(terminal.contents(), "");
}

#[test]
fn where_nobody_looks_nothing_is_counted() {
    let mut items = Progress::new(
        Inline::new().map(|n: u32| n, 0..4),
        Bar::on(ProgressDrawTarget::hidden()),
    );
    assert!(!items.bar.is_seen());
    assert_eq!(items.by_ref().count(), 4);
    assert_eq!(items.bar.counted(), 0);
}
