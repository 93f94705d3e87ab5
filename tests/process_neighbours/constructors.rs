//! What a program does before its `main` has been done in a worker, too, before its first task.
#![cfg(target_os = "linux")]

use crate::{
    cases::{Package, command},
    within,
};
use std::collections::BTreeSet;

fn package(name: &str, more: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n{more}")
}

fn library(name: &str, dependencies: &str) -> String {
    package(
        name,
        &format!("[lib]\npath = \"@programs@constructors/{name}.rs\"\n[dependencies]\n{dependencies}"),
    )
}

/// Registries, `__attribute__((constructor))` of C and statics of C++; some are linked before this crate, some behind it.
#[test]
fn constructors_have_run_once_each_in_a_worker() {
    within(300, || {
        let program = package(
            "constructors",
            "[workspace]\n[[bin]]\nname = \"constructors\"\npath = \"@programs@constructors/main.rs\"\n\
             [dependencies]\nabove = { path = \"above\" }\nbehind = { path = \"behind\" }\nbeside = { path = \"beside\" }\n\
             concurrent-futures = { path = \"@crate@\" }\nregistry = { path = \"registry\" }\n",
        );
        let above = library(
            "above",
            "registry = { path = \"../registry\" }\nconcurrent-futures = { path = \"@crate@\" }\n",
        );
        let package = Package::new(
            "constructors",
            &[
                ("Cargo.toml", &program),
                ("above/Cargo.toml", &above),
                ("build.rs", include_str!("programs/constructors/main_build.rs")),
                (
                    "behind/Cargo.toml",
                    &library("behind", "registry = { path = \"../registry\" }\n"),
                ),
                (
                    "beside/Cargo.toml",
                    &library("beside", "registry = { path = \"../registry\" }\n"),
                ),
                (
                    "beside/build.rs",
                    include_str!("programs/constructors/beside_build.rs"),
                ),
                ("registry/Cargo.toml", &library("registry", "")),
            ],
        );
        let output = command(package.build().join("constructors")).0.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        println!("{text}");
        let lines = |who: &'static str| text.lines().filter_map(move |line| line.strip_prefix(who));
        let in_worker: Vec<_> = lines("worker: ")
            .map(|line| line.rsplit_once(", ").unwrap())
            .collect();
        let in_parent: BTreeSet<_> = lines("parent: ").collect();
        assert!(in_parent.len() >= 8, "{in_parent:?}");
        assert!(
            in_parent.iter().all(|line| line.ends_with(": 1")),
            "{in_parent:?}"
        );
        assert_eq!(
            in_worker.iter().map(|(line, _)| *line).collect::<BTreeSet<_>>(),
            in_parent
        );
        for place in ["before", "after"] {
            assert!(
                in_worker.iter().any(|(_, at)| *at == place),
                "none ran {place} the worker took over"
            );
        }
    });
}
