//! Labels: a small TeX, set in the built-in fonts with every glyph at a place of its own.

mod fit;
mod number;
mod parse;
mod typeset;

pub(crate) use fit::elided;
pub use fit::fit_lines;
pub use number::{fixed, power_of_ten, significant};

use crate::error::FigureError;
use crate::fonts::{self, Face};
use crate::geometry::{Path, Point};
use parse::Node;
use ttf_parser::GlyphId;

/// `text` for [`Label::tex`], to be set as it stands.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('$', r"\$")
}

/// One glyph of a label, relative to the label's origin (left end of the baseline).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Placed {
    pub(crate) character: char,
    pub(crate) face: Face,
    pub(crate) id: GlyphId,
    pub(crate) at: Point,
    pub(crate) size: f64,
}

/// A line of text, ready to be put somewhere. Lengths in points; the origin is the left end of the baseline.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    pub(crate) glyphs: Vec<Placed>,
    size: f64,
    width: f64,
    ascent: f64,
    descent: f64,
}

impl Label {
    /// Sets `source` at `size` points: plain text upright, `$...$` as mathematics.
    ///
    /// Mathematics knows `_`, `^`, `{}`, Greek letters, `\hat`, `\tilde`, `\bar`, `\dot`, `\mathcal`, `\mathrm`, `\times`, `\cdot`,
    /// `\pm`, relations and spaces; letters are slanted, digits upright, `-` is the minus sign U+2212.
    ///
    /// # Errors
    /// Where `source` is not in this language, or a character is missing in the fonts.
    ///
    /// ```
    /// let label = heigen_figures::Label::tex(r"$\lambda_1 = 0.154$", 10.0)?;
    /// assert!(label.width() > 40.0 && label.width() < 50.0);
    /// # Ok::<(), heigen_figures::FigureError>(())
    /// ```
    pub fn tex(source: &str, size: f64) -> Result<Self, FigureError> {
        typeset::set(source, &parse::parse(source)?, Face::Upright, size)
    }

    /// Sets `text` as it stands, without any commands.
    ///
    /// # Errors
    /// Where a character is missing in the face.
    pub fn plain(text: &str, face: Face, size: f64) -> Result<Self, FigureError> {
        typeset::set(text, &text.chars().map(Node::Text).collect::<Vec<_>>(), face, size)
    }

    /// The font size it was set at.
    pub fn size(&self) -> f64 {
        self.size
    }

    /// How far the pen moves.
    pub fn width(&self) -> f64 {
        self.width
    }

    /// Height of the ink above the baseline.
    pub fn ascent(&self) -> f64 {
        self.ascent
    }

    /// Depth of the ink below the baseline.
    pub fn descent(&self) -> f64 {
        self.descent
    }

    /// The label with every length multiplied by `factor`.
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Self {
        for glyph in &mut self.glyphs {
            glyph.at = Point::new(glyph.at.x * factor, glyph.at.y * factor);
            glyph.size *= factor;
        }
        self.size *= factor;
        self.width *= factor;
        self.ascent *= factor;
        self.descent *= factor;
        self
    }

    /// The label as it is, or made smaller if it is wider than `width`.
    #[must_use]
    pub fn shrunk_to(self, width: f64) -> Self {
        if self.width > width {
            let factor = width / self.width;
            self.scaled(factor)
        } else {
            self
        }
    }

    /// Its characters in reading order.
    pub fn text(&self) -> String {
        self.glyphs.iter().map(|g| g.character).collect()
    }

    /// Its outlines, relative to the origin.
    pub(crate) fn outlines(&self) -> Result<Path, FigureError> {
        let mut path = Path::default();
        for glyph in &self.glyphs {
            let place = |p: Point| Point::new(glyph.at.x + glyph.size * p.x, glyph.at.y + glyph.size * p.y);
            path.extend(fonts::outline(glyph.face, glyph.id)?.map(place));
        }
        Ok(path)
    }
}
