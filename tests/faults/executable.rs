//! The file of the program, and the folder where others keep shared memory.

use crate::{
    harness::{alone_in, kill_workers},
    rounds,
};
use concurrent_futures::{Executor, ProcessPool};
use std::{
    env, fs, io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

/// Where the copy lies that runs.
const COPY: &str = "CONCURRENT_FUTURES_TEST_COPY";

/// A copy of this program in a folder of its own, gone with it.
struct Copy(tempfile::TempDir);

impl Copy {
    fn new() -> Self {
        // Beside the original: a folder for temporary files may be one that nothing is run from.
        let own = env::current_exe().expect("this executable");
        let beside = own.parent().expect("a folder");
        let folder = tempfile::tempdir_in(beside).expect("a folder");
        fs::copy(&own, folder.path().join("program")).expect("it can be copied");
        Self(folder)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("program")
    }
}

/// Runs `meanwhile` with the path of the running program, and needs new workers afterwards.
fn goes_on(meanwhile: impl FnOnce(&Path)) {
    let path = PathBuf::from(env::var_os(COPY).expect("the copy"));
    assert_eq!(env::current_exe().expect("this executable"), path);
    let pool = ProcessPool::with_workers(2);
    rounds::round(&pool, "before");
    meanwhile(&path);
    assert_ne!(env::current_exe().ok(), Some(path), "it still lies there");
    rounds::round(&pool, "with the workers of before");
    kill_workers(&pool);
    rounds::round(&pool, "with workers started afterwards");
    rounds::round(
        &ProcessPool::with_workers(1),
        "of a pool that was built afterwards",
    );
}

/// The test that calls this, in a process of a copy of this program.
fn in_a_copy<F: FnOnce() + Send + 'static>(body: F) {
    let copy = env::var_os(COPY).is_none().then(Copy::new);
    let program = copy.as_ref().map(Copy::path).unwrap_or_default();
    let prepare = |command: &mut Command| {
        command.env(COPY, &program);
    };
    alone_in(&program, prepare, body);
}

#[test]
fn a_program_that_was_deleted_while_it_runs_starts_workers_of_itself() {
    in_a_copy(|| goes_on(|path| fs::remove_file(path).expect("it is there")));
}

#[test]
fn a_program_that_was_replaced_while_it_runs_starts_workers_of_itself() {
    in_a_copy(|| {
        goes_on(|path| {
            // As a build or a package manager does it. What lies there now would start, and be something else.
            let new = path.with_extension("new");
            fs::copy("/bin/true", &new).expect("it can be copied");
            fs::rename(&new, path).expect("it can be replaced");
        });
    });
}

/// A folder of its own in the place of `/dev/shm`, for one process and its children.
#[allow(unsafe_code)]
fn mount(options: &'static std::ffi::CStr, flags: libc::c_ulong) -> io::Result<()> {
    let (none, shm, kind) = (c"none", c"/dev/shm", c"tmpfs");
    let done = |result| {
        if result == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    };
    // SAFETY: the calls take numbers and texts that end with a zero.
    unsafe {
        if libc::unshare(libc::CLONE_NEWNS) != 0 {
            done(libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS))?;
        }
        // What is mounted from now on is nobody else's.
        let private = libc::MS_REC | libc::MS_PRIVATE;
        done(libc::mount(
            std::ptr::null(),
            c"/".as_ptr(),
            std::ptr::null(),
            private,
            std::ptr::null(),
        ))?;
        done(libc::mount(
            none.as_ptr(),
            shm.as_ptr(),
            kind.as_ptr(),
            flags,
            options.as_ptr().cast(),
        ))
    }
}

fn with_shared_memory_folder(options: &'static std::ffi::CStr, flags: libc::c_ulong, command: &mut Command) {
    #[allow(unsafe_code)]
    // SAFETY: system calls only, which may be made between fork and exec. Where they are not allowed the test says so.
    unsafe {
        command.pre_exec(move || {
            let _ = mount(options, flags);
            Ok(())
        });
    }
}

/// Long bodies as well: they go through shared memory.
fn carries_much(label: &str) {
    let can_write = fs::write("/dev/shm/concurrent-futures-test", vec![1_u8; 1 << 16]);
    let _ = fs::remove_file("/dev/shm/concurrent-futures-test");
    if can_write.is_ok() {
        println!("NOTE {label}: nothing can be mounted here");
    }
    let before = fs::read_dir("/dev/shm").map_or(0, Iterator::count);
    let pool = ProcessPool::with_workers(2);
    rounds::round(&pool, label);
    let long = pool.submit(|bytes: Vec<u8>| bytes, vec![7; 5 << 20]).result();
    assert!(long.expect("it runs") == vec![7; 5 << 20]);
    assert_eq!(
        fs::read_dir("/dev/shm").map_or(0, Iterator::count),
        before,
        "nothing of ours lies there"
    );
}

#[test]
fn a_read_only_folder_for_shared_memory_does_not_matter() {
    let own = env::current_exe().expect("this executable");
    alone_in(
        &own,
        |command| with_shared_memory_folder(c"", libc::MS_RDONLY, command),
        || carries_much("read-only"),
    );
}

#[test]
fn a_full_folder_for_shared_memory_does_not_matter() {
    let own = env::current_exe().expect("this executable");
    alone_in(
        &own,
        |command| with_shared_memory_folder(c"size=4k", 0, command),
        || carries_much("full"),
    );
}
