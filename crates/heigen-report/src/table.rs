//! Tables: numbers at the right, and a container of their own that scrolls where the window is narrow.

use crate::inline::{escape, html, plain};
use crate::report::{Cell, Emphasis, Table};

/// The table in its container.
pub(crate) fn table(table: &Table) -> String {
    let Table { caption, head, rows, note } = table;
    let caption = if caption.is_empty() {
        String::new()
    } else {
        format!("<caption><span class=\"words\">{}</span></caption>\n", html(caption))
    };
    let heads: String =
        head.iter().enumerate().map(|(column, text)| head_cell(text, is_numeric(rows, column))).collect();
    let body: String = rows.iter().map(|row| format!("<tr>{}</tr>\n", row_cells(row))).collect();
    let note = note.as_ref().map_or_else(String::new, |note| format!("<p class=\"note\">{}</p>\n", html(note)));
    let content = format!("{caption}<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}</tbody>\n");
    format!("<div class=\"table\">\n{}{note}</div>\n", scrolling(&table.caption, "", &content))
}

/// A table of `content` that scrolls by itself; who uses the keyboard can reach it.
pub(crate) fn scrolling(name: &str, class: &str, content: &str) -> String {
    let name = plain(name);
    let name = if name.is_empty() { "Table" } else { &name };
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    format!(
        "<div class=\"scroll\" role=\"region\" aria-label=\"{}\" tabindex=\"0\">\n<table{class}>\n{content}</table>\n</div>\n",
        escape(name)
    )
}

/// Whether a column holds numbers only.
fn is_numeric(rows: &[Vec<Cell>], column: usize) -> bool {
    let mut cells = rows.iter().filter_map(|row| row.get(column)).filter(|cell| !cell.text.is_empty()).peekable();
    cells.peek().is_some() && cells.all(|cell| cell.numeric)
}

fn head_cell(text: &str, numeric: bool) -> String {
    let class = if numeric { " class=\"number\"" } else { "" };
    if text.is_empty() { format!("<td{class}></td>") } else { format!("<th scope=\"col\"{class}>{}</th>", html(text)) }
}

fn row_cells(row: &[Cell]) -> String {
    row.iter().enumerate().map(|(column, cell)| body_cell(cell, column == 0 && !cell.numeric)).collect()
}

fn body_cell(cell: &Cell, heads_row: bool) -> String {
    let classes = match (cell.numeric, cell.emphasis) {
        (true, Emphasis::Muted) => " class=\"number muted\"",
        (true, _) => " class=\"number\"",
        (false, Emphasis::Muted) => " class=\"muted\"",
        (false, _) => "",
    };
    let text = html(&cell.text);
    let text = if cell.emphasis == Emphasis::Strong { format!("<strong>{text}</strong>") } else { text };
    if heads_row { format!("<th scope=\"row\"{classes}>{text}</th>") } else { format!("<td{classes}>{text}</td>") }
}

#[cfg(test)]
mod tests {
    use super::table;
    use crate::report::{Cell, Table};

    #[test]
    fn heads_have_scopes_and_numbers_a_side() {
        let rows = vec![
            vec![Cell::text("ours"), Cell::number("0.1").strong(), Cell::text("yes").muted()],
            vec![Cell::text("theirs"), Cell::number(""), Cell::number("3").muted()],
        ];
        let head = ["", r"$\lambda_1$", "mixed"].map(str::to_owned).to_vec();
        let html = table(&Table { caption: "A & b".into(), head, rows, note: Some("*Mind*".into()) });
        for wanted in [
            "<caption><span class=\"words\">A &amp; b</span></caption>",
            r#"aria-label="A &amp; b" tabindex="0""#,
            r#"<tr><td></td><th scope="col" class="number">"#,
            r#"<th scope="col">mixed</th>"#,
            r#"<th scope="row">ours</th><td class="number"><strong>0.1</strong></td><td class="muted">yes</td>"#,
            r#"<th scope="row">theirs</th><td class="number"></td><td class="number muted">3</td>"#,
            "<p class=\"note\"><em>Mind</em></p>",
        ] {
            assert!(html.contains(wanted), "{wanted} in {html}");
        }
    }
}
