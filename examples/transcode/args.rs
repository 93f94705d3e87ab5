//! The command line.

use crate::tool::Tool;
use concurrent_futures::Backend;
use lexopt::{Arg, ValueExt};
use std::path::PathBuf;

/// More at once than this is a mistake on the command line.
const MOST_AT_ONCE: usize = 256;

pub(crate) struct Args {
    pub(crate) backend: Backend,
    pub(crate) at_once: usize,
    /// `None` is whichever is there.
    pub(crate) tool: Option<Tool>,
    pub(crate) into: PathBuf,
    pub(crate) files: Vec<PathBuf>,
}

/// Reads the command line; `None` asks for help.
pub(crate) fn parse() -> Result<Option<Args>, lexopt::Error> {
    let mut args = Args {
        backend: Backend::Threads,
        at_once: 4,
        tool: None,
        into: "transcoded".into(),
        files: Vec::new(),
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("backend") => {
                let name = parser.value()?.string()?;
                args.backend = name.parse().map_err(|error| format!("--backend: {error}"))?;
            }
            Arg::Long("at-once") => {
                let number = parser.value()?.string()?;
                let wrong = || format!("--at-once: {number:?} is no number from 1 to {MOST_AT_ONCE}");
                let at_once = number.parse().ok().filter(|n| (1..=MOST_AT_ONCE).contains(n));
                args.at_once = at_once.ok_or_else(wrong)?;
            }
            Arg::Long("tool") => {
                let name = parser.value()?.string()?;
                let tool = Tool::ALL.into_iter().find(|tool| tool.name() == name);
                args.tool = Some(tool.ok_or_else(|| format!("--tool: {name:?} is neither ffmpeg nor gzip"))?);
            }
            Arg::Long("into") => args.into = parser.value()?.into(),
            Arg::Short('h') | Arg::Long("help") => return Ok(None),
            Arg::Value(file) => args.files.push(file.into()),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(args))
}

pub(crate) const HELP: &str = "\
Sends each FILE through ffmpeg, which makes its sound a FLAC file, or through gzip.

Usage: transcode [--backend NAME] [--at-once N] [--tool ffmpeg|gzip] [--into FOLDER] [FILE...]

  --backend NAME  what runs the work: inline, checked, threads, processes or async (threads)
  --at-once N     how many programs at the same time (4); with inline and checked it is one
  --tool NAME     which program (ffmpeg if it is installed, else gzip)
  --into FOLDER   where the results go (transcoded); it is made if it is not there
  -h, --help      print this
  FILE            a sound or a film (a few samples that are made for it, and thrown away)

Exit code: 0 if every file was done, 1 if there was any failure, 2 if the arguments make no sense.
";
