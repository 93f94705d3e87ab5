//! Imports go down the layers only, and files stay readable.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The rows of `docs/design.md`, bottom first. A module may import from rows above it in this list.
const ROWS: &[&[&str]] = &[
    &["sync"],
    &["panic", "sys"],
    &["runtime", "timer"],
    &["running"],
    &["error", "wire", "ledger"],
    &["future"],
    &["completion", "task", "timeline"],
    &["executor", "remote"],
    &["lifecycle"],
    &["inline", "thread", "process", "bridge"],
    &["cluster"],
    &[
        "any",
        "conformance",
        "guide",
        "progress",
        "start",
        "subprocess",
        "lib",
    ],
];

/// A file may be this long, tests included.
const MOST_LINES: usize = 500;

fn sources(below: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn all_sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    assert!(!found.is_empty(), "no source below {folder}");
    found
}

/// The module below `src` that a file belongs to.
fn module(path: &Path) -> String {
    let inside = path
        .strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
        .unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

fn row(module: &str) -> usize {
    ROWS.iter()
        .position(|row| row.contains(&module))
        .unwrap_or_else(|| panic!("module `{module}` has no row: give it one here and in docs/design.md"))
}

/// The modules that a file names after `crate::`, in code and in groups such as `crate::{a::B, c}`.
fn imports(text: &str, modules: &BTreeSet<String>) -> Vec<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if code[..at].ends_with('$') {
            continue; // a macro names the public paths of the crate
        }
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 1;
            let mut word = String::new();
            let mut at_head = true;
            for character in group.chars() {
                match character {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => at_head = true,
                    _ => {}
                }
                if at_head && (character.is_alphanumeric() || character == '_') {
                    word.push(character);
                } else if !word.is_empty() {
                    found.push(std::mem::take(&mut word));
                    at_head = false;
                }
                if depth == 0 {
                    break;
                }
            }
        } else {
            let end = rest
                .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                .unwrap_or(rest.len());
            found.push(rest[..end].to_owned());
        }
    }
    found.retain(|name| modules.contains(name));
    found
}

#[test]
fn imports_go_down_and_never_sideways() {
    let files = all_sources("src");
    let modules: BTreeSet<String> = files.iter().map(|path| module(path)).collect();
    let mut wrong = Vec::new();
    for path in &files {
        let own = module(path);
        for import in imports(&fs::read_to_string(path).unwrap(), &modules) {
            let allowed = import == own || row(&import) < row(&own);
            // Tests may build their subjects from anything.
            let in_tests = path.components().any(|part| part.as_os_str() == "tests");
            if !allowed && !in_tests {
                wrong.push(format!("{} imports `{import}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "against the layers:\n{}", wrong.join("\n"));
}

#[test]
fn the_suite_for_all_backends_names_only_what_is_public() {
    let files = all_sources("src");
    let modules: BTreeSet<String> = files.iter().map(|path| module(path)).collect();
    let mut wrong = Vec::new();
    for path in files.iter().filter(|path| module(path) == "conformance") {
        for import in imports(&fs::read_to_string(path).unwrap(), &modules) {
            if import != "conformance" && import != "subprocess" {
                wrong.push(format!("{} imports `{import}`", path.display()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "not to be had from outside:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_check_sees_every_form_of_import() {
    let modules: BTreeSet<_> = ["a", "b", "c"].map(str::to_owned).into();
    let text = "use crate::{\n    a::{X, Y},\n    c,\n};\nlet z = crate::b::f();\n// crate::a\n$crate::a";
    assert_eq!(imports(text, &modules), ["a", "c", "b"]);
}

#[test]
fn no_file_is_too_long_to_read() {
    let files = ["src", "tests", "examples", "benches"]
        .into_iter()
        .flat_map(all_sources);
    let long: Vec<_> = files
        .map(|path| (fs::read_to_string(&path).unwrap().lines().count(), path))
        .filter(|(lines, _)| *lines > MOST_LINES)
        .map(|(lines, path)| format!("{}: {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "split these:\n{}", long.join("\n"));
}
