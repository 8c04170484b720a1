//! `README.zh-CN.md` has the shape of `README.md`: the same headings in the same order, the same
//! blocks, the same settings.

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

/// Of each row that begins with a name: the name, and of its default what is in backquotes. The
/// words around it are translated.
#[test]
fn settings_are_in_step() {
    let rows = |page: &Page| {
        let rows = page.prose().into_iter().filter(|(_, line)| line.starts_with("| `"));
        rows.map(|(_, line)| name_and_default(line)).collect::<Vec<_>>()
    };
    let [english, chinese] = both().map(|page| rows(&page));
    assert!(
        english.iter().any(|(_, default)| default == &["reject"]),
        "defaults are not read: {english:?}"
    );
    assert_eq!(chinese, english);
}

fn name_and_default(row: &str) -> (String, Vec<String>) {
    let cell = |index: usize| row.split('|').nth(index).unwrap_or_default().trim();
    (cell(1).to_owned(), cell(2).split('`').skip(1).step_by(2).map(str::to_owned).collect())
}

#[test]
fn a_default_that_differs_is_seen() {
    let row = name_and_default("| `admins` | groups `one`, `two` | who may |");
    assert_eq!(name_and_default("| `admins` | 组 `one`、`two` | 谁 |"), row);
    assert_ne!(name_and_default("| `admins` | 组 `one`、`three` | 谁 |"), row);
}
