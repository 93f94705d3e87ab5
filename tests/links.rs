//! Links between the documents lead somewhere, read as files; rustdoc checks those that it makes itself.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn documents(below: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" {
                documents(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

/// A document without its code.
fn prose(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let fenced = text.split("\n```").step_by(2).collect::<Vec<_>>().join("\n");
    fenced.split('`').step_by(2).collect::<Vec<_>>().join("``")
}

/// What a document's links lead to: `[text](target)` and `[label]: target`.
fn targets(prose: &str) -> BTreeSet<&str> {
    let inline = prose
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ']).next());
    let defined = prose
        .lines()
        .filter_map(|line| line.strip_prefix('[')?.split_once("]: "))
        .map(|(_, target)| target);
    inline.chain(defined).collect()
}

/// The names of a document's headings in links.
fn anchors(path: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(path).unwrap();
    let unfenced: Vec<&str> = text.split("\n```").step_by(2).collect();
    let headings = unfenced.iter().flat_map(|part| part.lines());
    let headings = headings.filter_map(|line| {
        line.trim_start_matches('#')
            .strip_prefix(' ')
            .filter(|_| line.starts_with('#'))
    });
    let kept = |c: char| c.is_alphanumeric() || c == ' ' || c == '-' || c == '_';
    headings
        .map(|heading| {
            heading
                .to_lowercase()
                .chars()
                .filter(|&c| kept(c))
                .collect::<String>()
        })
        .map(|heading| heading.replace(' ', "-"))
        .collect()
}

#[test]
fn a_link_to_a_file_leads_to_a_file_and_to_a_heading_if_it_names_one() {
    let mut paths = Vec::new();
    documents(root(), &mut paths);
    let (mut wrong, mut checked) = (Vec::new(), 0);
    for path in &paths {
        for target in targets(&prose(path)) {
            // Those of rustdoc, and those that leave the project.
            if target.contains("::") || target.contains(":/") || target.starts_with("data:") {
                continue;
            }
            checked += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let there = if file.is_empty() {
                path.clone()
            } else {
                path.parent().unwrap().join(file)
            };
            if !there.exists() || !anchor.is_empty() && !anchors(&there).contains(anchor) {
                wrong.push(format!("{}: {target}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "these lead nowhere:\n{}", wrong.join("\n"));
    assert!(
        checked > 50,
        "only {checked} links were found in {} documents",
        paths.len()
    );
}

/// A page of the guide defines its links for who reads it as a file; `links.md` defines them for rustdoc.
#[test]
fn what_a_page_of_the_guide_links_to_is_defined_for_rustdoc_too() {
    let guide = root().join("docs/guide");
    let labels = |path: &Path| -> BTreeSet<String> {
        let text = fs::read_to_string(path).unwrap();
        let defined = text
            .lines()
            .filter_map(|line| line.strip_prefix('[')?.split_once("]: "));
        defined.map(|(label, _)| label.to_owned()).collect()
    };
    let for_rustdoc = labels(&guide.join("links.md"));
    let mut pages = Vec::new();
    documents(&guide, &mut pages);
    pages.retain(|page| !page.ends_with("links.md"));
    assert!(pages.len() > 8);
    for page in pages {
        let missing: Vec<String> = labels(&page).difference(&for_rustdoc).cloned().collect();
        assert!(
            missing.is_empty(),
            "{}: not in links.md: {missing:?}",
            page.display()
        );
    }
}
