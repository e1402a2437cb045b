//! The errors that can keep a report from becoming a page.

/// Why a page could not be written: what, where, got, wanted, and how to mend it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A title without which the page has no structure is missing.
    #[error("{what} is empty; give it some text")]
    Empty {
        /// The field in question.
        what: String,
    },
    /// An id cannot stand in an address.
    #[error(
        "the id of {what} is {got:?}; expected a letter, then letters, digits, `-` or `_` (all ASCII), as in `figure-2`"
    )]
    Id {
        /// The section or figure.
        what: String,
        /// Its id.
        got: String,
    },
    /// Two places of the page would have the same address.
    #[error("the id `{id}` of {what} is taken by {other}; choose another")]
    DuplicateId {
        /// The id in question.
        id: String,
        /// The section or figure that came second.
        what: String,
        /// The part of the page that has the id already.
        other: String,
    },
    /// The drawing of a figure is not one that a browser shows.
    #[error("the SVG of figure `{figure}` {problem}; expected one complete <svg ...>...</svg> with its xmlns")]
    Svg {
        /// The id of the figure.
        figure: String,
        /// The reason why a browser would not show it.
        problem: &'static str,
    },
    /// A row of a table does not fit its head.
    #[error("row {row} of the table `{table}` has {got} cells; expected {wanted}, one for each column of its head")]
    RowLength {
        /// The caption of the table.
        table: String,
        /// The row, counted from 1.
        row: usize,
        /// Its number of cells.
        got: usize,
        /// The number of columns.
        wanted: usize,
    },
    /// A time is negative or not finite.
    #[error("{what} of the task `{task}` is {got}; expected a finite number of seconds, 0 or more")]
    Seconds {
        /// The field in question.
        what: &'static str,
        /// The task.
        task: String,
        /// Its value.
        got: f64,
    },
}
