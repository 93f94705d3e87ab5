//! A program with a pool of its own that loads a plugin, itself and in a task.

use concurrent_futures::{Executor, ProcessPool};
use std::ffi::{CStr, CString, c_void};

fn symbol(plugin: &str, name: &CStr) -> *mut c_void {
    let path = CString::new(plugin).unwrap();
    unsafe {
        let library = libc::dlopen(path.as_ptr(), libc::RTLD_NOW);
        assert!(!library.is_null(), "{:?}", CStr::from_ptr(libc::dlerror()));
        libc::dlsym(library, name.as_ptr())
    }
}

fn build_a_pool(plugin: &str) {
    unsafe { std::mem::transmute::<*mut c_void, extern "C" fn()>(symbol(plugin, c"build_a_pool"))() }
}

fn twice(plugin: &str, n: u64) -> u64 {
    unsafe { std::mem::transmute::<*mut c_void, extern "C" fn(u64) -> u64>(symbol(plugin, c"twice"))(n) }
}

fn main() {
    let plugin = std::env::args().nth(1).unwrap();
    let pool = ProcessPool::with_workers(1);
    println!("{}", pool.submit(|n: u64| n + 1, 0).result().unwrap());
    println!("{}", twice(&plugin, 1));
    build_a_pool(&plugin);
    let in_task = |plugin: String| {
        build_a_pool(&plugin);
        twice(&plugin, 2)
    };
    println!("{}", pool.submit(in_task, plugin).result().unwrap());
    println!(
        "{}",
        ProcessPool::with_workers(1)
            .submit(|n: u64| n, 5)
            .result()
            .unwrap()
    );
}
