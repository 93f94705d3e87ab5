//! The lists of `SECURITY.md`, and that of the features, say what is so.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).expect("a text")
}

/// What stands in backquotes at the start of each row of the section with this title.
fn rows(title: &str) -> BTreeSet<String> {
    let document = read("SECURITY.md");
    let (_, section) = document
        .split_once(&format!("\n## {title}\n"))
        .expect("there is such a section");
    let section = section.split("\n## ").next().expect("the first part");
    let rows: Vec<_> = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name.to_owned())
        .collect();
    let set: BTreeSet<_> = rows.iter().cloned().collect();
    assert_eq!(set.len(), rows.len(), "a row stands there twice");
    set
}

fn sources(below: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(below).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_file_with_unsafe_code_is_listed_with_its_argument() {
    let mut found = Vec::new();
    sources(&root().join("src"), &mut found);
    let unsafe_ones: BTreeSet<_> = found
        .iter()
        .filter(|path| {
            fs::read_to_string(path)
                .expect("a text")
                .contains("allow(unsafe_code)")
        })
        .map(|path| {
            path.strip_prefix(root())
                .expect("it is below")
                .display()
                .to_string()
        })
        .collect();
    assert!(!unsafe_ones.is_empty());
    assert_eq!(rows("Unsafe code"), unsafe_ones);
}

/// The names that sections of `Cargo.toml` depend on.
fn dependencies() -> BTreeSet<String> {
    let manifest = read("Cargo.toml");
    let mut is_inside = false;
    let mut names = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_inside =
                line == "[dependencies]" || line.starts_with("[target.") && line.ends_with(".dependencies]");
        } else if is_inside && let Some((name, _)) = line.split_once(" = ") {
            names.insert(name.to_owned());
        }
    }
    names
}

#[test]
fn every_dependency_is_listed_with_what_it_is_for() {
    let names = dependencies();
    assert!(names.contains("serde") && names.contains("libc"), "{names:?}");
    assert_eq!(rows("Dependencies"), names);
}

/// The crates of a build on Linux.
fn tree(edges: &str, features: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--edges",
            edges,
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .args(["--target", "x86_64-unknown-linux-gnu"])
        .args(features)
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .expect("cargo");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("a text");
    let names = text.lines().filter_map(|line| line.split(' ').next());
    let others = names.filter(|name| !name.is_empty() && *name != "concurrent-futures");
    others.map(str::to_owned).collect()
}

/// The document with all white space alike.
fn prose() -> String {
    read("SECURITY.md")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn the_number_of_crates_is_that_of_a_default_build() {
    let all = tree("normal", &[]);
    let when_running = tree("normal,no-proc-macro", &[]);
    let minimal = tree("normal", &["--no-default-features"]);
    let said = [
        format!(
            "has {} crates in all (`cargo tree -e normal --target x86_64-unknown-linux-gnu`), {} of them only at compile time",
            all.len(),
            all.difference(&when_running).count()
        ),
        format!("Without `tokio` it is one crate fewer: {}.", minimal.len()),
    ];
    for said in said {
        assert!(prose().contains(&said), "not there: {said}");
    }
    assert_eq!(all.difference(&minimal).collect::<Vec<_>>(), ["tokio"]);
}

#[test]
fn every_feature_is_described_to_users() {
    let manifest = read("Cargo.toml");
    let section = manifest
        .split("\n[")
        .find_map(|section| section.strip_prefix("features]\n"));
    let lines = section.expect("there are features").lines();
    let named = lines
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(" = "));
    let features: BTreeSet<_> = named
        .map(|(name, _)| name)
        .filter(|name| *name != "default")
        .collect();
    let docs = read("src/lib.rs");
    let (_, described) = docs
        .split_once("//! # Features\n")
        .expect("there is such a section");
    let rows = described.split("//! # ").next().expect("the first part").lines();
    let rows = rows.filter_map(|line| line.strip_prefix("//! | `")?.split_once('`'));
    assert!(features.contains("tokio"));
    assert_eq!(rows.map(|(name, _)| name).collect::<BTreeSet<_>>(), features);
}

#[test]
fn what_dependencies_bring_along_is_listed_with_what_it_is_for() {
    let asked_for = dependencies();
    let brought: BTreeSet<_> = tree("normal", &[]).difference(&asked_for).cloned().collect();
    assert_eq!(rows("What they bring along"), brought);
}

/// Files and folders that the document sends its readers to; those that are not in the package, such as `ci/`, aside.
#[test]
fn what_the_document_names_is_there() {
    let document = read("SECURITY.md");
    let named = document.split('`').skip(1).step_by(2);
    let paths: Vec<_> = named
        .filter(|text| ["src/", "tests/"].iter().any(|folder| text.starts_with(folder)))
        .collect();
    assert!(paths.len() > 50, "{paths:?}");
    for path in paths {
        assert!(root().join(path).exists(), "{path} is not there");
    }
}
