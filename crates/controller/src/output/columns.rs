//! Columns: rows of cells as lines of a terminal, no wider than it is.
//!
//! What does not fit is made to: columns that say the least are left out, from the right; then texts are folded at their blanks, then
//! everything else. A cell never breaks out of its column.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::screen::{Ink, Screen};

/// Blanks between two columns.
const GAP: usize = 2;
/// A column is not folded to less, as long as there is another way.
const NARROW: usize = 12;
/// Nor to less than this, whatever the screen.
const NARROWEST: usize = 4;

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) title: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Fixed,
    /// Words that can be folded.
    Words,
    /// Left out where there is no room.
    Extra,
    /// A state, in its colour.
    State,
}

impl Column {
    /// A column of names or numbers.
    pub(crate) const fn fixed(title: &'static str) -> Self {
        Self { title, kind: Kind::Fixed }
    }

    /// A column of sentences.
    pub(crate) const fn words(title: &'static str) -> Self {
        Self { title, kind: Kind::Words }
    }

    /// A column that is left out where there is no room.
    pub(crate) const fn extra(title: &'static str) -> Self {
        Self { title, kind: Kind::Extra }
    }

    /// A column that says how something stands.
    pub(crate) const fn state(title: &'static str) -> Self {
        Self { title, kind: Kind::State }
    }
}

/// The head in capitals, and every row.
pub(crate) fn lay_out(head: &[Column], rows: &[Vec<String>], screen: Screen) -> String {
    let titles = head.iter().map(|column| column.title.to_uppercase()).collect();
    let rows: Vec<Vec<String>> =
        std::iter::once(titles).chain(rows.iter().map(|row| row.iter().map(|cell| visible(cell)).collect())).collect();
    let widest = |index: usize| rows.iter().filter_map(|row| row.get(index)).map(|cell| cell.width()).max().unwrap_or_default();
    let mut widths: Vec<(usize, usize)> = (0..head.len()).map(|index| (index, widest(index))).collect();
    fit(head, &mut widths, screen.width.unwrap_or(usize::MAX));
    rows.iter().enumerate().map(|(number, row)| line(head, row, &widths, screen, number == 0)).collect()
}

/// Leaves columns out and makes others narrower, until all of them fit.
fn fit(head: &[Column], widths: &mut Vec<(usize, usize)>, screen: usize) {
    let kind = |index: usize| head.get(index).map(|column| column.kind);
    while total(widths) > screen {
        let Some(place) = widths.iter().rposition(|(index, _)| kind(*index) == Some(Kind::Extra)) else { break };
        widths.remove(place);
    }
    shrink(widths, screen, NARROW, |index| kind(index) == Some(Kind::Words));
    shrink(widths, screen, NARROW, |_| true);
    shrink(widths, screen, NARROWEST, |_| true);
}

/// Takes from the widest of these columns what is too much.
fn shrink(widths: &mut [(usize, usize)], screen: usize, least: usize, may: impl Fn(usize) -> bool) {
    while total(widths) > screen {
        let widest = widths.iter_mut().filter(|(index, width)| may(*index) && *width > least).max_by_key(|(_, width)| *width);
        let Some((_, width)) = widest else { return };
        *width -= 1;
    }
}

fn total(widths: &[(usize, usize)]) -> usize {
    widths.iter().map(|(_, width)| width + GAP).sum::<usize>().saturating_sub(GAP)
}

/// One row: as many lines as its highest cell has.
fn line(head: &[Column], row: &[String], widths: &[(usize, usize)], screen: Screen, is_head: bool) -> String {
    let cell = |&(index, width): &(usize, usize)| (index, width, row.get(index).map(|cell| fold(cell, width)).unwrap_or_default());
    let cells: Vec<(usize, usize, Vec<String>)> = widths.iter().map(cell).collect();
    let height = cells.iter().map(|(_, _, lines)| lines.len()).max().unwrap_or(1).max(1);
    let mut text = String::new();
    for number in 0..height {
        let mut line = String::new();
        let mut blanks = 0;
        for (index, width, lines) in &cells {
            let part = lines.get(number).map_or("", String::as_str);
            if !part.is_empty() {
                line.push_str(&" ".repeat(blanks));
                line.push_str(&ink(head.get(*index), part, is_head).map_or(part.to_owned(), |ink| screen.paint(ink, part)));
                blanks = 0;
            }
            blanks += width.saturating_sub(part.width()) + GAP;
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}

fn ink(column: Option<&Column>, part: &str, is_head: bool) -> Option<Ink> {
    match column {
        _ if is_head => Some(Ink::Strong),
        Some(Column { kind: Kind::State, .. }) => Ink::of_state(part),
        _ => None,
    }
}

/// Lines of at most this width, broken at blanks, and within a word only where it is longer than a line.
pub(crate) fn fold(text: &str, width: usize) -> Vec<String> {
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split(' ') {
        if !line.is_empty() && line.width() + 1 + word.width() > width {
            lines.push(std::mem::take(&mut line));
        } else if !line.is_empty() {
            line.push(' ');
        }
        for letter in word.chars() {
            if line.width() + letter.width().unwrap_or_default() > width && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            line.push(letter);
        }
    }
    lines.push(line);
    lines
}

/// Text without what a terminal would obey.
pub(crate) fn visible(text: &str) -> String {
    let letter = |letter: char| if letter.is_control() { letter.escape_unicode().to_string() } else { letter.to_string() };
    text.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    fn table(width: Option<usize>, color: bool) -> String {
        let head = [Column::fixed("name"), Column::extra("rule"), Column::state("state"), Column::words("why")];
        let row = |cells: [&str; 4]| cells.map(str::to_owned).to_vec();
        let rows =
            [row(["web", "label:landlord.dev/tenant", "drift", "somebody changed the node selector"]), row(["db\x1b[2J", "-", "ok", ""])];
        lay_out(&head, &rows, Screen { width, color })
    }

    #[test]
    fn as_wide_as_it_takes() {
        let expected = "NAME         RULE                       STATE  WHY\n\
                        web          label:landlord.dev/tenant  drift  somebody changed the node selector\n\
                        db\\u{1b}[2J  -                          ok\n";
        assert_eq!(table(None, false), expected);
    }

    #[test]
    fn columns_are_left_out_and_texts_are_folded() {
        let expected = "NAME         STATE  WHY\n\
                        web          drift  somebody changed the\n\
                        \x20                   node selector\n\
                        db\\u{1b}[2J  ok\n";
        assert_eq!(table(Some(40), false), expected);
    }

    #[test]
    fn states_have_colours() {
        assert!(table(None, true).contains("\x1b[33mdrift\x1b[0m"));
    }

    #[rstest]
    #[case("one two three", 7, &["one two", "three"])]
    #[case("abcdefgh", 3, &["abc", "def", "gh"])]
    #[case("", 3, &[""])]
    #[case("日本語", 4, &["日本", "語"])]
    fn folds(#[case] text: &str, #[case] width: usize, #[case] lines: &[&str]) {
        assert_eq!(fold(text, width), lines);
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_screen(cells in proptest::collection::vec("\\PC{0,60}", 4..20), width in 40_usize..200) {
            let head = [Column::fixed("a"), Column::extra("b"), Column::words("c"), Column::state("d")];
            let rows: Vec<Vec<String>> = cells.chunks(4).map(<[String]>::to_vec).collect();
            for line in lay_out(&head, &rows, Screen { width: Some(width), color: false }).lines() {
                prop_assert!(line.width() <= width, "{line:?}");
            }
        }
    }
}
