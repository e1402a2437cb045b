//! The files of the page, which are inside of the program.

use include_dir::{Dir, include_dir};
use pulldown_cmark::{Options, Parser};
use std::borrow::Cow;
use std::path::PathBuf;

static PAGE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/page");

/// Where the page's files come from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    /// A folder whose files are read anew for every request, for work on the page; the program's own if not given.
    pub(crate) folder: Option<PathBuf>,
}

impl Files {
    /// The content of the file `name` and its type, if the page has such a file.
    pub(crate) fn get(&self, name: &str) -> Option<(Cow<'static, [u8]>, &'static str)> {
        let known = PAGE.get_file(name)?;
        let bytes = match &self.folder {
            Some(folder) => Cow::Owned(std::fs::read(folder.join(name)).ok()?),
            None => Cow::Borrowed(known.contents()),
        };
        Some((bytes, content_type(name)))
    }
}

/// The guide's chapter on the explorer as a page.
pub(crate) fn guide() -> String {
    const CHAPTER: &str = include_str!("../guide/explorer.md");
    let mut body = String::new();
    let options = Options::ENABLE_HEADING_ATTRIBUTES | Options::ENABLE_TABLES;
    pulldown_cmark::html::push_html(&mut body, Parser::new_ext(CHAPTER, options));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>The explorer</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <link rel=\"icon\" href=\"icon.svg\"><link rel=\"stylesheet\" href=\"style.css\"></head>\
         <body class=\"text\">{body}</body></html>\n"
    )
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}
