//! Columns: rows of cells as lines of a terminal, no wider than it is.
//!
//! What does not fit is made to: sentences are folded; then columns that say the least are left
//! out, from the right; then sentences go below their row; and only then is anything else folded. A
//! cell never breaks out of its column.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::screen::{Ink, Screen};

/// Blanks between two columns.
const GAP: usize = 2;
/// Sentences are not folded to less than this: they go below their row instead.
const READABLE: usize = 24;
/// How far to the right they stand there.
const INDENT: usize = 4;
/// Nothing is folded to less than this, whatever the screen.
const NARROWEST: usize = 4;

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// As it was given; a terminal shows it in capitals.
    pub title: &'static str,
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
    pub const fn fixed(title: &'static str) -> Self {
        Self { title, kind: Kind::Fixed }
    }

    /// A column of sentences.
    pub const fn prose(title: &'static str) -> Self {
        Self { title, kind: Kind::Words }
    }

    /// A column that is left out where there is no room.
    pub const fn extra(title: &'static str) -> Self {
        Self { title, kind: Kind::Extra }
    }

    /// A column that says how something stands.
    pub const fn state(title: &'static str) -> Self {
        Self { title, kind: Kind::State }
    }
}

/// The columns that are shown side by side, with their widths, and those whose cells go below the
/// row.
struct Layout {
    widths: Vec<(usize, usize)>,
    below: Vec<usize>,
}

/// The head in capitals, and every row.
pub fn lay_out(head: &[Column], rows: &[Vec<String>], screen: Screen) -> String {
    let titles = head.iter().map(|column| column.title.to_uppercase()).collect();
    let cells = |row: &Vec<String>| row.iter().map(|cell| visible(cell)).collect();
    let rows: Vec<Vec<String>> = std::iter::once(titles).chain(rows.iter().map(cells)).collect();
    let widest = |index: usize| {
        rows.iter()
            .filter_map(|row| row.get(index))
            .map(|cell| cell.width())
            .max()
            .unwrap_or_default()
    };
    let widths = (0..head.len()).map(|index| (index, widest(index))).collect();
    let layout =
        fit(head, Layout { widths, below: Vec::new() }, screen.width.unwrap_or(usize::MAX));
    let lines = rows.iter().enumerate().map(|(number, row)| {
        line(head, row, &layout.widths, screen, number == 0) + &below(row, &layout, screen, number)
    });
    lines.collect()
}

/// Makes room until everything fits.
fn fit(head: &[Column], mut layout: Layout, screen: usize) -> Layout {
    let is = |index: usize, kind: Kind| head.get(index).is_some_and(|column| column.kind == kind);
    loop {
        let mut shrunk = layout.widths.clone();
        shrink(&mut shrunk, screen, READABLE, |index| is(index, Kind::Words));
        if total(&shrunk) <= screen {
            return Layout { widths: shrunk, ..layout };
        }
        let last = |kind: Kind| layout.widths.iter().rposition(|(index, _)| is(*index, kind));
        if let Some(place) = last(Kind::Extra) {
            layout.widths.remove(place);
        } else if let Some(place) = last(Kind::Words).filter(|_| layout.widths.len() > 1) {
            let (index, _) = layout.widths.remove(place);
            layout.below.insert(0, index);
        } else {
            shrink(&mut layout.widths, screen, NARROWEST, |_| true);
            return layout;
        }
    }
}

/// Takes from the widest of these columns what is too much.
fn shrink(widths: &mut [(usize, usize)], screen: usize, least: usize, may: impl Fn(usize) -> bool) {
    while total(widths) > screen {
        let widest = widths
            .iter_mut()
            .filter(|(index, width)| may(*index) && *width > least)
            .max_by_key(|(_, width)| *width);
        let Some((_, width)) = widest else { return };
        *width -= 1;
    }
}

/// What found no place in the row; the head has no need of it.
fn below(row: &[String], layout: &Layout, screen: Screen, number: usize) -> String {
    let width = screen.width.unwrap_or(usize::MAX).saturating_sub(INDENT).max(NARROWEST);
    let cells = layout
        .below
        .iter()
        .filter_map(|index| row.get(*index))
        .filter(|cell| number > 0 && !cell.is_empty());
    cells
        .flat_map(|cell| fold(cell, width))
        .map(|part| format!("{}{part}\n", " ".repeat(INDENT)))
        .collect()
}

fn total(widths: &[(usize, usize)]) -> usize {
    widths.iter().map(|(_, width)| width + GAP).sum::<usize>().saturating_sub(GAP)
}

/// One row: as many lines as its highest cell has.
fn line(
    head: &[Column],
    row: &[String],
    widths: &[(usize, usize)],
    screen: Screen,
    is_head: bool,
) -> String {
    let cell = |&(index, width): &(usize, usize)| {
        (index, width, row.get(index).map(|cell| fold(cell, width)).unwrap_or_default())
    };
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
                line.push_str(
                    &ink(head.get(*index), part, is_head)
                        .map_or(part.to_owned(), |ink| screen.paint(ink, part)),
                );
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

/// Text that begins this far to the right, and goes on there where it does not fit.
pub fn hanging(text: &str, indent: usize, screen: Screen) -> String {
    let width = screen.width.map_or(usize::MAX, |width| width.saturating_sub(indent).max(READABLE));
    let lines: Vec<String> = text.lines().flat_map(|line| fold(line, width)).collect();
    lines.join(&format!("\n{:indent$}", ""))
}

/// Lines of at most this width, broken at blanks, and within a word only where it is longer than a
/// line.
pub fn fold(text: &str, width: usize) -> Vec<String> {
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

/// Whether a character steers a terminal or the direction of writing, so that what is shown is not
/// what is there: control characters, and the bidirectional controls of Unicode (UAX #9).
pub fn is_steering(letter: char) -> bool {
    let bidirectional = matches!(letter,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    letter.is_control() || bidirectional
}

/// Text without what a terminal would obey.
pub fn visible(text: &str) -> String {
    let letter = |letter: char| {
        if is_steering(letter) { letter.escape_unicode().to_string() } else { letter.to_string() }
    };
    text.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    fn table(width: Option<usize>, color: bool) -> String {
        let head = [
            Column::fixed("name"),
            Column::extra("rule"),
            Column::state("state"),
            Column::prose("why"),
        ];
        let row = |cells: [&str; 4]| cells.map(str::to_owned).to_vec();
        let rows = [
            row([
                "web",
                "label:landlord.dev/tenant",
                "drift",
                "a client changed the node selector",
            ]),
            row(["db\x1b[2J", "-", "ok", ""]),
        ];
        lay_out(&head, &rows, Screen { width, color })
    }

    #[test]
    fn what_steers_is_escaped() {
        for letter in "\x1b\n\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}".chars() {
            assert_eq!(visible(&format!("a{letter}b")), format!("a{}b", letter.escape_unicode()));
        }
        assert_eq!(visible("日本語 שלום é"), "日本語 שלום é");
    }

    #[test]
    fn as_wide_as_it_takes() {
        let expected = "NAME         RULE                       STATE  WHY\n\
                        web          label:landlord.dev/tenant  drift  a client changed the node selector\n\
                        db\\u{1b}[2J  -                          ok\n";
        assert_eq!(table(None, false), expected);
    }

    #[test]
    fn sentences_are_folded_and_columns_left_out() {
        let expected = "NAME         STATE  WHY\n\
                        web          drift  a client changed the node\n\
                        \x20                   selector\n\
                        db\\u{1b}[2J  ok\n";
        assert_eq!(table(Some(46), false), expected);
    }

    #[test]
    fn a_sentence_without_room_goes_below_its_row() {
        let expected = "NAME         STATE\n\
                        web          drift\n\
                        \x20   a client changed the node selector\n\
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
            let head = [Column::fixed("a"), Column::extra("b"), Column::prose("c"), Column::state("d")];
            let rows: Vec<Vec<String>> = cells.chunks(4).map(<[String]>::to_vec).collect();
            for line in lay_out(&head, &rows, Screen { width: Some(width), color: false }).lines() {
                prop_assert!(line.width() <= width, "{line:?}");
            }
        }
    }
}
