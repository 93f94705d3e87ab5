use super::{picture::Picture, watched::Seen};
use crate::{
    Inline, Shutdown, ThreadPool,
    executor::{Awaits, Dump, Executor, TaskDump, WorkerDump},
    future::TaskId,
    ledger::Stats,
};
use ratatui::{Terminal, backend::TestBackend, style::Color};
use std::{collections::BTreeMap, sync::mpsc, time::Duration};

fn id(number: u64) -> TaskId {
    TaskId::of_number(number)
}

fn task(number: u64, name: Option<&str>, awaits: Option<Awaits>) -> TaskDump {
    TaskDump {
        id: Some(id(number)),
        name: name.map(str::to_owned),
        work: "shop::import::{{closure}}",
        age: Duration::from_millis(4_100),
        awaits,
    }
}

fn worker(name: &str, pid: Option<u32>, tasks: Vec<TaskDump>) -> WorkerDump {
    WorkerDump {
        name: name.to_owned(),
        pid,
        host: None,
        tasks,
        deeper: 0,
    }
}

fn dump(workers: Vec<WorkerDump>) -> Dump {
    Dump {
        executor: "ThreadPool `crew`".to_owned(),
        stats: Stats::default(),
        workers,
        suspended: Vec::new(),
        cycles: Vec::new(),
        is_partial: false,
    }
}

/// Seen once.
fn seen(dump: Dump) -> Seen {
    Seen::first(dump, Duration::ZERO)
}

fn picture<'a>(executors: impl IntoIterator<Item = &'a Seen>) -> Picture<'a> {
    Picture {
        up: Duration::from_secs(65),
        memory: Some(93 << 20),
        executors: executors.into_iter().collect(),
        has_keys: true,
    }
}

fn lines(picture: &Picture<'_>, columns: u16, rows: u16) -> Vec<String> {
    picture.text(columns, rows).lines().map(str::to_owned).collect()
}

/// The line that has this in it.
fn line_with<'a>(lines: &'a [String], text: &str) -> &'a str {
    let mut found = lines.iter().filter(|line| line.contains(text));
    let line = found
        .next()
        .unwrap_or_else(|| panic!("no {text:?} in {lines:#?}"));
    assert_eq!(found.next(), None, "{text:?} is there twice");
    line
}

#[test]
fn what_workers_do_stands_in_columns() {
    let busy = worker("crew-2", None, vec![task(35, Some("import"), None)]);
    let waits = worker("crew-10", None, vec![task(36, None, Some(Awaits::Task(id(35))))]);
    let nested = worker(
        "crew-9",
        None,
        vec![task(1, None, Some(Awaits::Other)), task(2, Some("inner"), None)],
    );
    let mut dump = dump(vec![waits, busy, nested, worker("crew-1", None, Vec::new())]);
    dump.stats.queued = 1_234;
    dump.suspended = vec![task(9, None, None)];
    let seen = seen(dump);
    let lines = lines(&picture([&seen]), 100, 20);
    assert_eq!(
        lines[0],
        format!(
            " up 1 min 05   memory 93.0 MiB{}q closes this view",
            " ".repeat(51)
        )
    );
    assert!(lines[1].starts_with("╭ ThreadPool `crew` ─"), "{lines:#?}");
    assert_eq!(
        lines[2].trim_matches(['│', ' ']),
        "workers 4   busy 2   waiting 1   idle 1"
    );
    assert!(
        lines[3].contains("queued 1,234   running 0   suspended 1   failed 0   succeeded 0"),
        "{lines:#?}"
    );
    // In the order of their numbers.
    assert_eq!(lines[7].trim_matches(['│', ' ']), "crew-1   idle");
    let rows: Vec<_> = lines[8..11]
        .iter()
        .map(|line| line.trim_matches(['│', ' ']))
        .collect();
    assert_eq!(
        rows,
        [
            "crew-2   busy       4.1 s  import task 35 shop::import::{{closure}}",
            "crew-9   busy       4.1 s  task 1 waits shop::import::{{closure}} › inner task 2 shop::import::{{closure}}",
            "crew-10  waiting    4.1 s  task 36 waits for task 35 shop::import::{{closure}}",
        ]
        .map(|row| row.chars().take(96).collect::<String>().trim_end().to_owned())
    );
    assert!(
        lines[11].starts_with('╰'),
        "no empty row in front of it: {lines:#?}"
    );
}

#[test]
fn colours_say_at_a_glance_what_is_the_matter() {
    let workers = vec![
        worker("process", Some(11), vec![task(1, None, None)]),
        worker("killed process", Some(12), Vec::new()),
        worker("process", Some(13), Vec::new()),
    ];
    let mut dump = dump(workers);
    dump.stats.workers_restarted = 7;
    dump.cycles = vec![vec![id(3), id(4)]];
    let mut seen = seen(dump.clone());
    seen.add(
        Duration::from_secs(1),
        dump,
        BTreeMap::from([(11, 5 << 20), (13, 3 << 20)]),
        false,
    );
    let picture = picture([&seen]);
    let mut terminal = Terminal::new(TestBackend::new(90, 14)).unwrap();
    terminal
        .draw(|frame| frame.render_widget(&picture, frame.area()))
        .unwrap();
    let buffer = terminal.backend().buffer();

    let lines = lines(&picture, 90, 14);
    let colour_of = |text: &str, line: &str| {
        let row = lines.iter().position(|other| other == line).unwrap();
        let column = line.find(text).map(|at| line[..at].chars().count()).unwrap();
        buffer[(u16::try_from(column).unwrap(), u16::try_from(row).unwrap())].fg
    };
    let crew = line_with(&lines, "restarted");
    assert!(
        crew.contains("workers 3   busy 1   idle 1   away 1   restarted 7   memory 8.0 MiB"),
        "{crew}"
    );
    assert_eq!(colour_of("7", crew), Color::Red);
    assert_eq!(colour_of("busy", line_with(&lines, "process 11")), Color::Green);
    assert_eq!(colour_of("away", line_with(&lines, "process 12")), Color::Red);
    assert_eq!(
        colour_of("idle", line_with(&lines, "process 13")),
        Color::DarkGray
    );
    assert!(line_with(&lines, "process 11").contains("5.0 MiB"));
    let circle = line_with(&lines, "A CIRCLE");
    assert!(
        circle.contains("A CIRCLE task 3 waits for task 4 waits for task 3"),
        "{circle}"
    );
    assert_eq!(colour_of("A CIRCLE", circle), Color::Red);
}

#[test]
fn a_hundred_workers_are_a_strip_and_those_longest_in_their_task() {
    let workers = (0..100).map(|number| {
        let mut task = task(number, None, (number % 10 == 3).then_some(Awaits::Other));
        task.age = Duration::from_secs(number * 7 % 100);
        worker(
            &format!("crew-{number}"),
            None,
            if number % 2 == 0 { Vec::new() } else { vec![task] },
        )
    });
    let seen = seen(dump(workers.collect()));
    let lines = lines(&picture([&seen]), 64, 16);
    assert_eq!(lines.len(), 16);
    let strip: String = lines[7..9]
        .iter()
        .map(|line| line.trim_matches(['│', ' ']))
        .collect();
    assert_eq!(strip.chars().count(), 100);
    assert_eq!(strip.chars().take(6).collect::<String>(), "□■□◧□■");
    // 57 × 7 = 399, 43 × 7 = 301: those that are longest in it.
    let names: Vec<_> = lines[9..15]
        .iter()
        .map(|line| line.split_whitespace().nth(1).unwrap())
        .collect();
    assert_eq!(
        names,
        ["crew-57", "crew-71", "crew-85", "crew-99", "crew-13", "crew-27"]
    );
    assert!(lines[15].starts_with('╰'));
}

#[test]
fn an_empty_pool_and_one_that_is_gone_are_drawn_too() {
    let mut gone = seen(dump(vec![worker("crew-0", None, Vec::new())]));
    let mut after = dump(Vec::new());
    after.stats.succeeded = 3;
    gone.add(Duration::from_secs(1), after, BTreeMap::new(), true);
    let lines = lines(&picture([&gone]), 70, 8);
    assert!(
        lines[1].starts_with("╭ ThreadPool `crew` ended, or ending ─"),
        "{lines:#?}"
    );
    assert!(
        lines[2].contains("workers 0") && lines[3].contains("succeeded 3"),
        "{lines:#?}"
    );
}

#[test]
fn what_cannot_be_seen_for_a_moment_is_not_gone() {
    let mut dump = dump(vec![worker("process", Some(1), vec![task(1, None, None)])]);
    dump.stats.workers_restarted = 2;
    let mut seen = seen(dump.clone());
    let mut partial = dump.clone();
    partial.workers.clear();
    partial.stats.workers_restarted = 0;
    partial.stats.succeeded = 5;
    partial.is_partial = true;
    seen.add(Duration::from_secs(1), partial, BTreeMap::new(), false);
    let lines = lines(&picture([&seen]), 80, 12);
    assert!(line_with(&lines, "workers").contains("workers 1   busy 1   restarted 2"));
    assert!(line_with(&lines, "succeeded").contains("succeeded 5"));
}

#[test]
fn curves_end_at_the_right_with_the_last_second() {
    let first = dump(Vec::new());
    let mut seen = seen(first.clone());
    for second in 1..=20 {
        let mut dump = first.clone();
        dump.stats.submitted = second * 1_500;
        dump.stats.succeeded = second * second;
        dump.stats.failed = u64::from(second % 2 == 1);
        seen.add(Duration::from_secs(second), dump, BTreeMap::new(), false);
    }
    let lines = lines(&picture([&seen]), 50, 9);
    let row = |name| line_with(&lines, name).trim_matches(['│', ' ']).to_owned();
    assert_eq!(
        row("submitted "),
        format!("submitted     1,500/s     {}", "█".repeat(20))
    );
    assert!(
        row("finished ").ends_with('█') && row("finished ").contains('▂'),
        "{lines:#?}"
    );
    // It went up once, and was taken back again and again.
    assert_eq!(row("failed  ").matches('█').count(), 1, "{lines:#?}");
}

#[test]
fn names_that_are_long_wide_or_have_line_breaks_keep_the_columns() {
    let long = "crew of the good ship lollipop-1";
    let workers = vec![
        worker(long, None, vec![task(1, Some("name\nwith\tbreaks"), None)]),
        worker("商店工人", None, vec![task(2, Some("导入 🦀 é"), None)]),
        worker("", None, Vec::new()),
    ];
    let seen = seen(dump(workers));
    let picture = picture([&seen]);
    let lines = lines(&picture, 80, 14);
    let first = line_with(&lines, "name with breaks");
    assert!(first.contains("crew of the good ship l…  busy"), "{first}");
    let second = line_with(&lines, "商店工人");
    assert!(second.contains("导入 🦀 é task 2"), "{second}");
    // Eight cells of four characters, so that many blanks fewer.
    let column = |line: &str| {
        line.find("busy")
            .map(|at| ratatui::text::Span::from(&line[..at]).width())
    };
    assert_eq!(column(first), column(second));
    assert!(
        lines
            .iter()
            .all(|line| ratatui::text::Span::from(line.as_str()).width() <= 80)
    );
}

#[test]
fn no_window_is_too_small() {
    let workers = (0..9).map(|n| worker(&format!("商店-{n}"), None, vec![task(n, Some("导入"), None)]));
    let mut full = dump(workers.collect());
    full.cycles = vec![vec![id(1), id(2)]; 9];
    let seen: Vec<_> = (0..5).map(|_| seen(full.clone())).collect();
    let picture = picture(&seen);
    for columns in (0..40).chain([300]) {
        for rows in (0..30).chain([200]) {
            let text = picture.text(columns, rows);
            assert_eq!(
                text.lines().count(),
                if columns == 0 { 0 } else { rows.into() },
                "{columns}x{rows}"
            );
            assert!(
                text.lines()
                    .all(|line| ratatui::text::Span::from(line).width() <= columns.into())
            );
        }
    }
    let lines = lines(&picture, 40, 14);
    assert!(lines[13].contains("and 2 more executors"), "{lines:#?}");
}

#[test]
fn executors_share_the_window_and_who_needs_little_gets_it() {
    let small = seen(dump(Vec::new()));
    let large = seen(dump(
        (0..50)
            .map(|n| worker(&format!("crew-{n}"), None, Vec::new()))
            .collect(),
    ));
    let lines = lines(&picture([&large, &small]), 60, 31);
    let begins: Vec<_> = (0..31).filter(|&at| lines[at].starts_with('╭')).collect();
    assert_eq!(begins, [1, 24], "{lines:#?}");
    assert!(lines[30].starts_with('╰'), "{lines:#?}");
}

#[test]
fn any_executor_can_be_watched_and_is_not_kept() {
    let threads = ThreadPool::builder()
        .workers(1)
        .name("looked-at")
        .build()
        .unwrap();
    let monitor = threads.monitor().also(&Inline::new());
    #[cfg(feature = "tokio")]
    let monitor = monitor.also(&crate::AsyncBridge::new());
    let (release, gate) = mpsc::channel::<()>();
    let (started, has_started) = mpsc::channel();
    let stuck = threads.options().name("reads the gate").spawn(move || {
        started.send(()).unwrap();
        gate.recv().is_ok()
    });
    has_started.recv().unwrap();
    let text = monitor.text(120, 60);
    assert!(
        text.contains("ThreadPool `looked-at`") && text.contains("reads the gate"),
        "{text}"
    );
    #[cfg(feature = "tokio")]
    assert!(text.contains("AsyncBridge"), "{text}");
    release.send(()).unwrap();
    assert!(stuck.result().unwrap());
    threads.shutdown(Shutdown::Finish);
    drop(threads);
    let text = monitor.text(120, 60);
    assert!(text.contains("ThreadPool `looked-at` ended, or ending"), "{text}");
    drop(monitor);
}

#[cfg(target_os = "linux")]
#[test]
fn worker_processes_are_shown_with_their_memory_and_restarts() {
    let pool = crate::ProcessPool::with_workers(1);
    let monitor = pool.monitor();
    let dies = pool.submit(|()| -> () { std::process::abort() }, ());
    assert!(dies.result().is_err());
    assert_eq!(pool.submit(|n: u32| n + 1, 1).result().unwrap(), 2);
    let text = monitor.text(100, 20);
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    assert!(line_with(&lines, "restarted 1").contains("MiB"), "{text}");
    assert!(line_with(&lines, "process ").contains("MiB"), "{text}");
}
