//! Grid: a table before it is known whether for a terminal, for a wiki or for a browser.

use maud::{Markup, html};
use terminal::{Column, Screen, is_steering, lay_out};

/// A heading, and rows of cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    /// Not shown on a terminal.
    pub(crate) title: &'static str,
    pub(crate) head: Vec<Column>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Grid {
    /// Columns in line, as kubectl prints them, and no wider than the screen.
    pub(crate) fn render(&self, screen: Screen) -> String {
        lay_out(&self.head, &self.rows, screen)
    }

    /// A heading and a table; what Markdown gives a meaning is escaped in cells.
    pub(crate) fn markdown(&self) -> String {
        let line = |cells: &mut dyn Iterator<Item = String>| {
            format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
        };
        let mut text = format!("## {}\n\n", self.title);
        text += &line(&mut self.head.iter().map(|column| column.title.to_owned()));
        text += &line(&mut self.head.iter().map(|_| "---".to_owned()));
        text.extend(self.rows.iter().map(|row| line(&mut row.iter().map(|cell| inert(cell)))));
        text
    }

    /// A table with its caption.
    pub(crate) fn html(&self) -> Markup {
        html! {
            table {
                caption { (self.title) }
                thead { tr { @for column in &self.head { th scope="col" { (column.title) } } } }
                tbody {
                    @for row in &self.rows { tr { @for cell in row { td { (cell) } } } }
                }
            }
        }
    }
}

/// Text that Markdown shows as it is: in a table's cell, in a heading, in a paragraph.
pub(crate) fn inert(text: &str) -> String {
    let mut inert = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' | '|' | '*' | '`' | '[' | ']' | '~' | '!' | '#' => inert.extend(['\\', letter]),
            '<' => inert.push_str("&lt;"),
            '&' => inert.push_str("&amp;"),
            // Nobody is called by a plan: the mark in between is not seen.
            '@' => inert.push_str("@<!-- -->"),
            letter if is_steering(letter) => inert.push(' '),
            letter => inert.push(letter),
        }
    }
    inert
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stay_cells() {
        let grid = Grid {
            title: "T",
            head: vec![Column::fixed("a")],
            rows: vec![vec!["<b>|& @me".to_owned()]],
        };
        assert_eq!(inert("so\u{202e}lar\u{2066}"), "so lar ");
        assert_eq!(grid.markdown(), "## T\n\n| a |\n| --- |\n| &lt;b>\\|&amp; @<!-- -->me |\n");
        let html = grid.html().into_string();
        assert!(html.contains("<td>&lt;b&gt;|&amp; @me</td>"), "{html}");
        assert_eq!(grid.render(Screen { width: None, color: false }), "A\n<b>|& @me\n");
    }
}
