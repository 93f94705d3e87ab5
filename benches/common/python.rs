use std::{
    cell::RefCell,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

/// A Python that is told what to do and how often, and says how long that took: its own start is not measured.
pub(crate) struct Python {
    process: Child,
    pipes: RefCell<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Python {
    /// Nothing, with a word about it, where there is no `python3`.
    pub(crate) fn start() -> Option<Self> {
        // Workers of Python import the script again, so it has to be a file.
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/common/peer.py");
        let started = Command::new("python3")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut process = started
            .inspect_err(|error| eprintln!("Python is left out: python3 does not start: {error}"))
            .ok()?;
        let pipes = (
            process.stdin.take().unwrap(),
            BufReader::new(process.stdout.take().unwrap()),
        );
        let pipes = RefCell::new(pipes);
        Some(Self { process, pipes })
    }

    pub(crate) fn time(&self, workload: &str, times: u64) -> Duration {
        let (ask, answers) = &mut *self.pipes.borrow_mut();
        writeln!(ask, "{workload} {times}").unwrap();
        let mut seconds = String::new();
        answers.read_line(&mut seconds).unwrap();
        Duration::from_secs_f64(seconds.trim().parse().unwrap())
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        writeln!(self.pipes.borrow_mut().0, "end 0").unwrap();
        self.process.wait().unwrap();
    }
}
