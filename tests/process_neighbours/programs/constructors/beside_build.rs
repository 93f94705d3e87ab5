//! Compiles the C and, if there is a compiler for it, the C++ of this crate.

use std::{env, path::Path, process::Command};

fn compile(compiler: &str, source: &str) -> bool {
    let out = env::var("OUT_DIR").unwrap();
    let object = Path::new(&out).join(source).with_extension("o");
    let mut compile = Command::new(compiler);
    let state = if source == "side.c" {
        "c_state"
    } else {
        "cpp_state"
    };
    compile
        .arg(format!("-DSTATE={state}"))
        .arg("-c")
        .arg("-fPIC")
        .arg(Path::new("@programs@constructors").join(source));
    if !compile
        .arg("-o")
        .arg(&object)
        .status()
        .is_ok_and(|status| status.success())
    {
        return false;
    }
    let name = source.replace('.', "_");
    let archive = Path::new(&out).join(format!("lib{name}.a"));
    let archived = Command::new("ar").arg("crs").arg(archive).arg(object).status();
    println!("cargo:rustc-link-search=native={out}");
    println!("cargo:rustc-link-lib=static={name}");
    archived.is_ok_and(|status| status.success())
}

fn main() {
    println!("cargo:rustc-check-cfg=cfg(has_cpp)");
    assert!(compile("cc", "side.c"));
    if compile("c++", "side.cpp") {
        println!("cargo:rustc-cfg=has_cpp");
        println!("cargo:rustc-link-lib=dylib=stdc++");
    }
}
