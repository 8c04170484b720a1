//! `README.zh-CN.md` has the shape of `README.md`: the same headings in the same order, the same
//! blocks, tables and links.

use std::collections::BTreeSet;

use super::page::Page;

fn both() -> [Page; 2] {
    ["README.md", "README.zh-CN.md"].map(Page::read)
}

#[test]
fn headings_are_in_step() {
    let [english, chinese] =
        both().map(|page| page.headings().into_iter().map(|(level, _)| level).collect::<Vec<_>>());
    assert_eq!(chinese, english, "levels of the headings, in order");
}

/// What is typed and what is printed is the same in every language; comments behind a command may
/// be translated.
#[test]
fn blocks_are_in_step() {
    let command = |line: &str| line.split(" #").next().unwrap_or_default().trim_end().to_owned();
    let [english, chinese] = both().map(|page| {
        let blocks = page.blocks().into_iter();
        blocks
            .map(|block| {
                (block.mark, block.language, block.text.lines().map(command).collect::<Vec<_>>())
            })
            .collect::<Vec<_>>()
    });
    assert_eq!(chinese.len(), english.len(), "blocks");
    for (translated, original) in chinese.iter().zip(&english) {
        let picture = original.1 == "text" && original.0 == super::page::Mark::None;
        assert!(
            picture || translated == original,
            "this block differs: {translated:#?}\nfrom {original:#?}"
        );
    }
}

/// Tables have the same rows, and each row the same number of cells.
#[test]
fn tables_are_in_step() {
    let [english, chinese] = both().map(|page| {
        let rows = page.prose().into_iter().filter(|(_, line)| line.starts_with('|'));
        rows.map(|(_, line)| line.matches('|').count()).collect::<Vec<_>>()
    });
    assert!(english.len() > 10, "{english:?}");
    assert_eq!(chinese, english);
}

/// Both lead to the same pages.
#[test]
fn links_are_in_step() {
    let [english, chinese] = both().map(|page| {
        let lines = page.prose().into_iter();
        let links = lines.flat_map(|(_, line)| line.split("](").skip(1));
        let targets = links.map(|rest| rest.split(')').next().unwrap_or_default().to_owned());
        targets.filter(|target| !target.starts_with("README")).collect::<BTreeSet<_>>()
    });
    assert_eq!(chinese, english);
}
