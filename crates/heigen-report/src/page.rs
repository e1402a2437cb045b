//! The page around the parts.

use crate::check::check;
use crate::claims::claims;
use crate::error::ReportError;
use crate::figure::figure;
use crate::film::film;
use crate::inline::{escape, html as text, html_without_links, plain};
use crate::report::{Folded, Report, Section};
use crate::table::table;
use crate::timings::timings;

const STYLE: &str = include_str!("style.css");

/// Nothing is loaded and nothing runs, whatever the texts and drawings hold.
const POLICY: &str =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The report as one HTML page that needs nothing else; the same report is the same bytes.
///
/// # Errors
/// Where a title is empty, an id is not fit for an address or stands twice, a drawing is not a complete SVG, a row of a
/// table does not fit its head, or a time is not a time.
pub fn html(report: &Report) -> Result<String, ReportError> {
    check(report)?;
    let parts = parts(report);
    let contents: String = parts
        .iter()
        .map(|part| format!("<li><a href=\"#{}\">{}</a></li>\n", part.id, html_without_links(part.title)))
        .collect();
    let body: String = parts.iter().map(part).collect();
    let subtitle = optional("<p class=\"subtitle\">", &report.subtitle);
    let footer = optional("<p>", &report.footer);
    Ok(format!(
        "<!DOCTYPE html>\n\
         <html lang=\"en\">\n\
         <head>\n\
         <meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{}</title>\n\
         <style>\n{STYLE}</style>\n\
         </head>\n\
         <body>\n\
         <a class=\"skip\" href=\"#content\">Skip to the content</a>\n\
         <header>\n<h1>{}</h1>\n{subtitle}</header>\n\
         <nav id=\"contents\" aria-labelledby=\"contents.title\">\n<h2 id=\"contents.title\">Contents</h2>\n<ol>\n{contents}</ol>\n</nav>\n\
         <main id=\"content\">\n{}{body}</main>\n\
         <footer>\n{footer}</footer>\n\
         </body>\n\
         </html>\n",
        escape(&plain(&report.title)),
        text(&report.title),
        paragraphs(&report.intro),
    ))
}

/// A part of the page with a heading and an entry in the contents.
struct Part<'a> {
    id: &'a str,
    title: &'a str,
    content: String,
}

fn parts(report: &Report) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut own = |id, title, filled: bool, content: &dyn Fn() -> String| {
        if filled {
            parts.push(Part { id, title, content: content() });
        }
    };
    own("problems", "What failed", !report.problems.is_empty(), &|| problems(&report.problems));
    own("run", "This run", !report.facts.is_empty(), &|| facts(&report.facts));
    own("claims", "Claims", !report.claims.is_empty(), &|| paragraphs(&report.rules) + &claims(&report.claims));
    for section in &report.sections {
        own(&section.id, &section.title, true, &|| self::section(section));
    }
    own("timings", "Timings", !report.timings.is_empty(), &|| timings(&report.timings));
    parts
}

fn part(Part { id, title, content }: &Part) -> String {
    format!(
        "<section id=\"{id}\" aria-labelledby=\"{id}.title\">\n\
         <h2 id=\"{id}.title\">{}<a class=\"anchor\" href=\"#{id}\" aria-label=\"Link to {}\">#</a></h2>\n\
         {content}</section>\n",
        text(title),
        escape(&plain(title)),
    )
}

fn section(section: &Section) -> String {
    let figures = section.figures.iter().map(figure);
    let films = section.films.iter().map(film);
    let tables = section.tables.iter().map(table);
    let folded = section.folded.iter().map(folded);
    std::iter::once(paragraphs(&section.text)).chain(figures).chain(films).chain(tables).chain(folded).collect()
}

fn folded(Folded { summary, tables }: &Folded) -> String {
    let tables: String = tables.iter().map(table).collect();
    format!("<details>\n<summary>{}</summary>\n{tables}</details>\n", text(summary))
}

fn problems(problems: &[String]) -> String {
    let items: String = problems.iter().map(|problem| format!("<li>{}</li>\n", escape(problem))).collect();
    format!("<ul class=\"problems\">\n{items}</ul>\n")
}

fn facts(facts: &[(String, String)]) -> String {
    let items: String = facts
        .iter()
        .map(|(name, value)| format!("<div><dt>{}</dt><dd>{}</dd></div>\n", text(name), text(value)))
        .collect();
    format!("<dl>\n{items}</dl>\n")
}

fn paragraphs(paragraphs: &[String]) -> String {
    paragraphs.iter().map(|paragraph| format!("<p>{}</p>\n", text(paragraph))).collect()
}

fn optional(opening: &str, content: &str) -> String {
    if content.is_empty() { String::new() } else { format!("{opening}{}</p>\n", text(content)) }
}
