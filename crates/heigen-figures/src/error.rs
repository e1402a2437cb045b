//! The errors that can keep finished numbers from becoming a drawn page.

/// Why a figure could not be drawn: what, where, got, wanted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FigureError {
    /// A figure was asked for without anything to show.
    #[error("{what}: nothing to draw; expected at least one {wanted}")]
    Empty {
        /// Where the emptiness was found.
        what: String,
        /// The kind of thing of which at least one is needed.
        wanted: &'static str,
    },
    /// Two lengths that belong together differ.
    #[error("{what} has {got} entries; expected {wanted} ({because})")]
    Length {
        /// The list in question.
        what: String,
        /// Its length.
        got: usize,
        /// The length it must have.
        wanted: usize,
        /// The rule behind `wanted`.
        because: &'static str,
    },
    /// A number is not finite or lies outside of what it may be.
    #[error("{what} is {got}; expected {wanted}")]
    Value {
        /// The number in question.
        what: String,
        /// Its value, as written.
        got: String,
        /// The rule that it breaks.
        wanted: String,
    },
    /// A label is not in the small TeX that labels are written in.
    #[error("label `{label}`: {problem}")]
    Label {
        /// The label as given.
        label: String,
        /// The reason why it cannot be set.
        problem: String,
    },
    /// The figure fonts do not hold a character; there is no fallback font on purpose.
    #[error(
        "label `{label}`: {face} has no glyph for `{character}` (U+{:04X}); use another character",
        *.character as u32
    )]
    MissingGlyph {
        /// The label as given.
        label: String,
        /// The character without a glyph.
        character: char,
        /// The face that was searched.
        face: &'static str,
    },
    /// A font built into the program cannot be read.
    #[error("the built-in font {face} cannot be read")]
    Font {
        /// Its name.
        face: &'static str,
    },
    /// The scene could not be turned into the named format.
    #[error("cannot write the figure as {format}: {problem}")]
    Render {
        /// SVG, PDF or PNG.
        format: &'static str,
        /// The message of the writer of that format.
        problem: String,
    },
}

impl FigureError {
    pub(crate) fn value(what: impl Into<String>, got: impl std::fmt::Display, wanted: impl Into<String>) -> Self {
        Self::Value { what: what.into(), got: got.to_string(), wanted: wanted.into() }
    }
}
