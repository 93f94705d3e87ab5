//! Compiles C and C++ to be linked behind everything that is Rust.

use std::{env, path::Path, process::Command};

fn compile(compiler: &str, source: &str, state: &str) -> bool {
    let object = Path::new(&env::var("OUT_DIR").unwrap()).join(format!("{state}.o"));
    let mut compile = Command::new(compiler);
    compile.arg(format!("-DSTATE={state}")).arg("-c").arg("-fPIC");
    compile
        .arg(Path::new("@programs@constructors").join(source))
        .arg("-o")
        .arg(&object);
    println!("cargo:rustc-link-arg={}", object.display());
    compile.status().is_ok_and(|status| status.success())
}

fn main() {
    println!("cargo:rustc-check-cfg=cfg(has_cpp)");
    assert!(compile("cc", "side.c", "late_c_state"));
    if Command::new("c++")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
    {
        assert!(compile("c++", "side.cpp", "late_cpp_state"));
        println!("cargo:rustc-cfg=has_cpp");
        println!("cargo:rustc-link-arg=-lstdc++");
    }
}
