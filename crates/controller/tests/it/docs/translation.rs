//! `README.zh-CN.md` has the shape of `README.md`: the same headings in the same order, the same blocks, the same settings.

use super::page::Page;

fn both() -> [Page; 2] {
    ["README.md", "README.zh-CN.md"].map(Page::read)
}

#[test]
fn headings_are_in_step() {
    let [english, chinese] = both().map(|page| page.headings().into_iter().map(|(level, _)| level).collect::<Vec<_>>());
    assert_eq!(chinese, english, "levels of the headings, in order");
}

/// What is typed and what is printed is the same in every language; comments behind a command may be translated.
#[test]
fn blocks_are_in_step() {
    let command = |line: &str| line.split(" #").next().unwrap_or_default().trim_end().to_owned();
    let [english, chinese] = both().map(|page| {
        let blocks = page.blocks().into_iter();
        blocks.map(|block| (block.mark, block.language, block.text.lines().map(command).collect::<Vec<_>>())).collect::<Vec<_>>()
    });
    assert_eq!(chinese.len(), english.len(), "blocks");
    for (translated, original) in chinese.iter().zip(&english) {
        let picture = original.1 == "text" && original.0 == super::page::Mark::None;
        assert!(picture || translated == original, "this block differs: {translated:#?}\nfrom {original:#?}");
    }
}

/// The first two cells of each row: a name and its default.
#[test]
fn settings_are_in_step() {
    let rows = |page: &Page| {
        let rows = page.prose().into_iter().filter(|(_, line)| line.starts_with("| `"));
        rows.map(|(_, line)| line.split('|').nth(1).unwrap_or_default().trim().to_owned()).collect::<Vec<_>>()
    };
    let [english, chinese] = both();
    assert_eq!(rows(&chinese), rows(&english));
}
