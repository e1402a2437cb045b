//! Finished results to one HTML page that needs nothing else. Nothing is computed anew here, and no file is written.
//!
//! A [`Report`] is plain data: text, [`Claim`]s with their evidence, [`Section`]s of [`Figure`]s and [`Table`]s, and
//! [`Timing`]s. [`html`] checks it and writes the page. The page refers to nothing outside of itself (style and figures are
//! in it, there is no script, and its content security policy forbids the rest), and the same report is the same bytes.
//!
//! # Text
//! Fields said to be *text* are written in a small markup that never fails; what is not in it stays as it stands, and
//! everything is escaped:
//!
//! | source | becomes |
//! | --- | --- |
//! | `` `code` `` | code, verbatim |
//! | `*emphasis*` | emphasis; the stars touch the words, so that `2 * 3` and `*.json` are left alone |
//! | `$\lambda_1$`, `$G_\theta \geq 10^{-6}$` | mathematics: slanted letters, Greek, `_`, `^`, `{}`; commands below |
//! | `10^-6` | a power of a number, without dollars |
//! | `https://...`, `arXiv:2306.07104` | a link |
//! | `page:classics.html` | a link to a page that stands beside this one; its name has letters, digits, `-`, `_` and `+` |
//! | `\*`, `` \` ``, `\$`, `\^`, `\\` | the character itself |
//!
//! Mathematics knows the Greek letters, `\hat`, `\tilde`, `\bar`, `\dot`, `\mathcal`, `\mathrm`, `\text`, relations (`\leq`, `\geq`,
//! `\approx`, `\sim`, `\in`, `\to`, ...), `\times`, `\cdot`, `\pm`, `\nabla`, `\partial`, `\sum`, `\infty`, `\langle`, `\rangle`, `\|`,
//! `\ell`, `\top`, `\dots`, the names of functions, and spaces; a formula with another command stays as it stands.
//!
//! [`literal`] protects a name or message that comes from elsewhere. Fields said to be *verbatim* know no markup.
//!
//! ```
//! use heigen_report::{Cell, Report, Section, Table, html};
//! let spectrum = Table {
//!     caption: "Largest eigenvalues".into(),
//!     head: vec!["".into(), r"$\lambda_1$".into()],
//!     rows: vec![vec![Cell::text("published"), Cell::number("0.154")], vec![Cell::text("ours"), Cell::number("0.113")]],
//!     note: None,
//! };
//! let section = Section { id: "gauss".into(), title: "Three blobs".into(), tables: vec![spectrum], ..Section::default() };
//! let page = html(&Report { title: "Hessians".into(), sections: vec![section], ..Report::default() })?;
//! assert!(page.starts_with("<!DOCTYPE html>") && page.contains("<i>λ</i><sub>1</sub>"));
//! # Ok::<(), heigen_report::ReportError>(())
//! ```

// A list is one format string for each item: it reads as the markup it writes, and pages are small.
#![allow(clippy::format_collect)]

mod check;
mod claims;
mod error;
mod figure;
mod film;
mod inline;
mod page;
mod report;
mod svg;
mod table;
mod timings;

pub use error::ReportError;
pub use inline::literal;
pub use page::html;
pub use report::{
    Cell, Claim, Emphasis, Figure, Film, Folded, Frame, Report, Section, Table, TaskState, Timing, Verdict,
};
