//! Grid: a table before it is known whether for a terminal, for a wiki or for a browser.

use comfy_table::{ContentArrangement, Table, TableStyle};

/// A heading, and rows of cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    /// Not shown on a terminal.
    pub(crate) title: &'static str,
    pub(crate) head: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Grid {
    /// Columns in line, as kubectl prints them.
    pub(crate) fn text(&self) -> String {
        let mut table = Table::new();
        table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(self.head.iter().map(|title| title.to_uppercase()));
        table.add_rows(&self.rows);
        table.lines().map(|line| format!("{}\n", line.trim())).collect()
    }

    /// A heading and a table; `|` in cells is escaped.
    pub(crate) fn markdown(&self) -> String {
        let line = |cells: &mut dyn Iterator<Item = String>| format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
        let escaped = |cell: &String| cell.replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;").replace('\n', " ");
        let mut text = format!("## {}\n\n", self.title);
        text += &line(&mut self.head.iter().map(|title| (*title).to_owned()));
        text += &line(&mut self.head.iter().map(|_| "---".to_owned()));
        text.extend(self.rows.iter().map(|row| line(&mut row.iter().map(escaped))));
        text
    }

    /// A table with its caption.
    pub(crate) fn html(&self) -> String {
        let line = |cells: Vec<String>| format!("<tr>{}</tr>\n", cells.concat());
        let head = line(self.head.iter().map(|title| format!("<th scope=\"col\">{}</th>", escape(title))).collect());
        let row = |row: &Vec<String>| line(row.iter().map(|cell| format!("<td>{}</td>", escape(cell))).collect());
        let rows: String = self.rows.iter().map(row).collect();
        format!("<table>\n<caption>{}</caption>\n<thead>\n{head}</thead>\n<tbody>\n{rows}</tbody>\n</table>\n", escape(self.title))
    }
}

/// Text as HTML shows it, in elements and in quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stay_cells() {
        let grid = Grid { title: "T", head: vec!["a"], rows: vec![vec!["<b>|&".to_owned()]] };
        assert_eq!(grid.markdown(), "## T\n\n| a |\n| --- |\n| &lt;b>\\|& |\n");
        assert!(grid.html().contains("<td>&lt;b&gt;|&amp;</td>"), "{}", grid.html());
        assert_eq!(grid.text(), "A\n<b>|&\n");
    }
}
