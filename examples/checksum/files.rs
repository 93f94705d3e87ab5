//! Which files there are below a path, and what there is that is no file to be hashed.

use std::{
    ffi::{OsStr, OsString},
    fmt,
    fs::FileType,
    io,
    path::Path,
};
use walkdir::WalkDir;

/// A file to be hashed.
pub(crate) struct Listed {
    /// Not a `PathBuf`, which serde takes for text: a name that is no UTF-8 would not cross to another process.
    /// An `OsString` crosses as what the platform's names are made of.
    pub(crate) path: OsString,
    /// Its size when it was listed. It may change until it is read.
    pub(crate) bytes: u64,
}

/// Something that was not hashed.
pub(crate) struct Problem {
    path: OsString,
    reason: String,
}

impl Problem {
    pub(crate) fn new(path: OsString, reason: String) -> Self {
        Self { path, reason }
    }
}

impl fmt::Display for Problem {
    /// Always one line, whatever characters the path has.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.path, self.reason)
    }
}

#[derive(Default)]
pub(crate) struct Listing {
    /// In the order of their paths, byte by byte.
    pub(crate) files: Vec<Listed>,
    /// The size of all of them.
    pub(crate) bytes: u64,
    pub(crate) problems: Vec<Problem>,
    /// What was left out because of its name.
    pub(crate) skipped: Vec<OsString>,
}

/// Lists what is at and below `root`. Links are followed. Entries directly below the root with one of the
/// names in `skip` are left out.
pub(crate) fn list(root: &OsStr, skip: &[&str]) -> Listing {
    let mut listing = Listing::default();
    let mut walk = WalkDir::new(root).follow_links(true).into_iter();
    while let Some(entry) = walk.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                listing.problems.push(problem(root, &error));
                continue;
            }
        };
        let kind = entry.file_type();
        if entry.depth() == 1 && skip.iter().any(|name| entry.file_name() == *name) {
            listing.skipped.push(entry.into_path().into_os_string());
            if kind.is_dir() {
                walk.skip_current_dir();
            }
        } else if kind.is_file() {
            // A file that is gone by now is reported by the work that does not find it.
            let bytes = entry.metadata().map_or(0, |metadata| metadata.len());
            let path = entry.into_path().into_os_string();
            listing.bytes += bytes;
            listing.files.push(Listed { path, bytes });
        } else if !kind.is_dir() {
            // To open it could block for ever (a FIFO without a writer) or do something (a device).
            let reason = format!("is {}, not a file", name_of(kind));
            let path = entry.into_path().into_os_string();
            listing.problems.push(Problem::new(path, reason));
        }
    }
    listing.files.sort_by(|a, b| a.path.cmp(&b.path));
    listing
}

/// What the walk could not enter or follow.
fn problem(root: &OsStr, error: &walkdir::Error) -> Problem {
    let path = error.path().unwrap_or(Path::new(root));
    let reason = match (error.loop_ancestor(), error.io_error()) {
        (Some(ancestor), _) => format!("is a link in a circle, back to {ancestor:?}"),
        (None, Some(error)) if error.kind() == io::ErrorKind::NotFound && path.is_symlink() => {
            format!("is a broken link: {error}")
        }
        (None, Some(error)) => error.to_string(),
        (None, None) => error.to_string(),
    };
    Problem::new(path.into(), reason)
}

/// What a file type is called.
pub(crate) fn name_of(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let special = [
            (kind.is_fifo(), "a FIFO"),
            (kind.is_socket(), "a socket"),
            (kind.is_block_device(), "a block device"),
            (kind.is_char_device(), "a character device"),
        ];
        if let Some((_, name)) = special.into_iter().find(|(is, _)| *is) {
            return name;
        }
    }
    if kind.is_dir() {
        "a folder"
    } else {
        "something else"
    }
}
