//! The run: feats, rounds, report.

use crate::{
    args::{self, Args, Length},
    crash::ON_PURPOSE,
    feats, program,
    random::Random,
    tally::{Report, Tally},
    watch,
};
use concurrent_futures::{AsyncBridge, Checked, Inline, ProcessPool, ThreadPool};
use rustix::process::{Resource, Rlimit, setrlimit};
use std::{
    any::Any,
    fs::File,
    io::{self, Write},
    os::fd::AsFd,
    panic::{self, AssertUnwindSafe, catch_unwind},
    path::Path,
    process::ExitCode,
    sync::OnceLock,
    time::Instant,
};

pub(crate) fn main() -> ExitCode {
    let args = match args::parse() {
        Ok(Some(args)) => args,
        Ok(None) => {
            print!("{}", args::help());
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            complain(&format!("{error}; see --help"));
            return ExitCode::from(2);
        }
    };
    match soak(&args) {
        Ok(tally) if tally.problems.is_empty() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn soak(args: &Args) -> io::Result<Tally> {
    prepare(args.noisy)?;
    watch::start();
    let folder = tempfile::tempdir()?;
    let start = Instant::now();
    let mut tally = Tally::default();
    println!("seed {}, scale {}", args.seed, args.scale);

    for (name, feat) in feats::ALL.iter().filter(|_| args.scale > 0.0) {
        let began = Instant::now();
        let random = Random::of_round(args.seed, u64::MAX);
        let title = format!("{name} (--seed {} --scale {})", args.seed, args.scale);
        guarded(&title, &mut tally, |tally| {
            feat(args.scale, random, folder.path(), tally);
        });
        println!("{name}: {:.1} s", began.elapsed().as_secs_f64());
    }
    let mut rounds = 0;
    let begun = Instant::now();
    loop {
        let is_over = match args.length {
            Length::Time(limit) => begun.elapsed() >= limit,
            Length::Rounds(most) => rounds >= most,
        };
        if is_over {
            break;
        }
        let number = args.from.wrapping_add(rounds);
        let title = format!(
            "round {number} (--seed {} --from {number} --rounds 1 --scale 0)",
            args.seed
        );
        guarded(&title, &mut tally, |tally| {
            round(args.seed, number, folder.path(), tally);
        });
        rounds += 1;
    }
    let report = Report {
        tally: &tally,
        seed: args.seed,
        rounds,
        time: start.elapsed(),
    };
    print!("{report}");
    io::stdout().flush()?;
    Ok(tally)
}

fn round(seed: u64, number: u64, folder: &Path, tally: &mut Tally) {
    let mut random = Random::of_round(seed, number);
    match random.below(16) {
        0..=4 => program::run::<ThreadPool>(random, folder, tally),
        5..=9 => program::run::<ProcessPool>(random, folder, tally),
        10..=13 => program::run::<AsyncBridge>(random, folder, tally),
        14 => program::run::<Inline>(random, folder, tally),
        _ => program::run::<Checked>(random, folder, tally),
    }
}

/// What panics is a problem, and the run goes on.
fn guarded(title: &str, tally: &mut Tally, body: impl FnOnce(&mut Tally)) {
    watch::begin(title.to_owned());
    let outcome = catch_unwind(AssertUnwindSafe(|| body(tally)));
    watch::end();
    if let Err(panic) = outcome {
        let problem = format!("{title}: {}", message(&*panic));
        complain(&format!("... in {title}"));
        tally.problems.push(problem);
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
}

/// Where this process complains, when its workers have been given another stderr.
static COMPLAINTS: OnceLock<File> = OnceLock::new();

/// One line on stderr, as far as there is anybody to read it.
pub(crate) fn complain(message: &str) {
    let line = format!("soak: {message}\n");
    let _ = match COMPLAINTS.get() {
        Some(mut file) => file.write_all(line.as_bytes()),
        None => io::stderr().write_all(line.as_bytes()),
    };
}

fn prepare(noisy: bool) -> io::Result<()> {
    // Workers die by the hundred: no core of each, and not a word about it.
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none)?;
    if !noisy {
        let stderr = File::from(io::stderr().as_fd().try_clone_to_owned()?);
        let _ = COMPLAINTS.set(stderr);
        rustix::stdio::dup2_stderr(File::options().write(true).open("/dev/null")?)?;
    }
    panic::set_hook(Box::new(|panic| {
        if !message(panic.payload()).starts_with(ON_PURPOSE) {
            complain(&panic.to_string());
        }
    }));
    Ok(())
}
