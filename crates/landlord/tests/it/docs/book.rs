//! The book: every page is in its table of contents, and every link leads to a file and a heading
//! that are there.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::page::Page;
use crate::landlord::root;

const SUMMARY: &str = "docs/SUMMARY.md";
/// Where files are that pages of the book link to and that are not in it.
const REPOSITORY: &str = "https://github.com/landlord-dev/landlord/blob/main/";

/// A link and where it stands.
struct Link {
    place: String,
    target: String,
}

/// Links and pictures of a page, but those into the web.
fn links(page: &Page) -> Vec<Link> {
    let mut links = Vec::new();
    for (number, line) in page.prose() {
        let line = without_code(line);
        for part in line.split("](").skip(1) {
            let target = part.split(')').next().unwrap_or_default().to_owned();
            if !target.contains("://") && !target.starts_with("mailto:") {
                links.push(Link { place: format!("{}:{number}", page.path), target });
            }
        }
    }
    links
}

/// A line without what stands between backquotes.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

/// The path of a link from the root, without `..`.
fn resolve(page: &str, target: &str) -> PathBuf {
    let mut path = PathBuf::new();
    for part in Path::new(page).parent().expect("a folder").join(target).components() {
        match part {
            Component::ParentDir => assert!(path.pop(), "{page}: {target} leaves the repository"),
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    path
}

/// The anchor that GitHub and mdBook make of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    kept.chars()
        .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter))
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut faults = Vec::new();
    for page in Page::all() {
        for link in links(&page) {
            let (target, fragment) = link.target.split_once('#').unwrap_or((&link.target, ""));
            let path = if target.is_empty() {
                PathBuf::from(&page.path)
            } else {
                resolve(&page.path, target)
            };
            if !root().join(&path).exists() {
                faults.push(format!("{}: {} is not there", link.place, path.display()));
            } else if !fragment.is_empty() && !has_anchor(&path, fragment) {
                faults.push(format!(
                    "{}: {} has no heading #{fragment}",
                    link.place,
                    path.display()
                ));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

fn has_anchor(path: &Path, fragment: &str) -> bool {
    let page = Page::read(&path.to_string_lossy());
    let anchors = page.headings().into_iter().map(|(_, text)| anchor(&text));
    let found = anchors.into_iter().any(|anchor| anchor == fragment);
    found || page.text.contains(&format!("<a id=\"{fragment}\">"))
}

/// The pages that the table of contents lists.
fn contents() -> Vec<String> {
    // A chapter without a page of its own is a link to nothing.
    let listed = links(&Page::read(SUMMARY)).into_iter().filter(|link| !link.target.is_empty());
    listed.map(|link| resolve(SUMMARY, &link.target).to_string_lossy().into_owned()).collect()
}

#[test]
fn every_page_is_in_the_contents_once() {
    let contents = contents();
    let pages: BTreeSet<String> = Page::all()
        .into_iter()
        .map(|page| page.path)
        .filter(|path| path.starts_with("docs/") && path != SUMMARY)
        .collect();
    assert_eq!(
        contents.iter().cloned().collect::<BTreeSet<_>>(),
        pages,
        "docs/SUMMARY.md lists other pages than there are"
    );
    assert_eq!(contents.len(), pages.len(), "a page is listed twice");
}

/// A book holds `docs/` alone: the web address of the repository stands for what is outside of it,
/// or a link would be dead there.
#[test]
fn the_book_is_complete_in_itself() {
    let outside = |link: &Link| {
        !resolve(link.place.split(':').next().expect("a path"), &link.target).starts_with("docs")
    };
    let pages = Page::all().into_iter().filter(|page| page.path.starts_with("docs/"));
    let faults: Vec<String> = pages
        .flat_map(|page| links(&page))
        .filter(outside)
        .map(|link| format!("{}: {}", link.place, link.target))
        .collect();
    assert!(faults.is_empty(), "write {REPOSITORY}PATH:\n{}", faults.join("\n"));
}

/// Addresses of this repository's files are links as well.
#[test]
fn addresses_of_the_repository_are_files() {
    let mut faults = Vec::new();
    for page in Page::all() {
        for (number, line) in page.prose() {
            for part in line.split(REPOSITORY).skip(1) {
                let path = part.split([')', ' ', '#', '>', '"']).next().unwrap_or_default();
                if !root().join(path).exists() {
                    faults.push(format!("{}:{number}: {path} is not there", page.path));
                }
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// Pictures are for readers in light and dark, and for those who do not see them.
#[test]
fn pictures_say_what_they_show_and_bring_their_own_ground() {
    for entry in std::fs::read_dir(root().join("docs/img")).expect("pictures") {
        let path = entry.expect("a file").path();
        let text = std::fs::read_to_string(&path).expect("a picture");
        for part in
            ["role=\"img\"", "<title", "<desc", "prefers-color-scheme: dark", "class=\"ground\""]
        {
            assert!(text.contains(part), "{}: no {part}", path.display());
        }
    }
}

#[test]
fn anchors_are_made_as_github_makes_them() {
    assert_eq!(anchor("Pods without PodNodeSelector"), "pods-without-podnodeselector");
    assert_eq!(anchor("`tenantSource`: where tenants are"), "tenantsource-where-tenants-are");
    assert_eq!(anchor("See and steer"), "see-and-steer");
}
