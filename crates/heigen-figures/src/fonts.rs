//! The two faces every figure is set in. They are built into the program; no system font is ever looked at.

use crate::error::FigureError;
use crate::geometry::{Path, Point, Segment};
use std::sync::OnceLock;
use ttf_parser::{Face as Parsed, GlyphId, OutlineBuilder};

/// Family name of both faces, as SVG and PDF see it.
pub(crate) const FAMILY: &str = "STIXGeneral";
/// The font files, for the renderer's own font table.
pub(crate) const FILES: [&[u8]; 2] =
    [include_bytes!("../fonts/STIXGeneral-Regular.otf"), include_bytes!("../fonts/STIXGeneral-Italic.otf")];

/// Upright or slanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// `STIXGeneral` Regular.
    Upright,
    /// `STIXGeneral` Italic.
    Italic,
}

impl Face {
    /// The face's name, for error messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Upright => "STIXGeneral Regular",
            Self::Italic => "STIXGeneral Italic",
        }
    }
}

/// The measures of one glyph that typesetting needs; lengths in em.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Metrics {
    pub(crate) advance: f64,
    /// Left, right, lower and upper end of the ink (y upwards); zero for a space.
    pub(crate) ink: [f64; 4],
}

struct Fonts {
    upright: Parsed<'static>,
    italic: Parsed<'static>,
}

fn face(which: Face) -> Result<&'static Parsed<'static>, FigureError> {
    static FONTS: OnceLock<Result<Fonts, FigureError>> = OnceLock::new();
    let parse =
        |which: Face| Parsed::parse(FILES[which as usize], 0).map_err(|_| FigureError::Font { face: which.name() });
    let fonts =
        FONTS.get_or_init(|| Ok(Fonts { upright: parse(Face::Upright)?, italic: parse(Face::Italic)? })).as_ref();
    match (fonts, which) {
        (Ok(fonts), Face::Upright) => Ok(&fonts.upright),
        (Ok(fonts), Face::Italic) => Ok(&fonts.italic),
        (Err(error), _) => Err(error.clone()),
    }
}

/// The glyph of `character`, or none where the face does not have it.
pub(crate) fn glyph(which: Face, character: char) -> Result<Option<GlyphId>, FigureError> {
    Ok(face(which)?.glyph_index(character).filter(|id| id.0 != 0))
}

/// Advance and ink of a glyph.
pub(crate) fn metrics(which: Face, id: GlyphId) -> Result<Metrics, FigureError> {
    let face = face(which)?;
    let em = f64::from(face.units_per_em());
    let advance = f64::from(face.glyph_hor_advance(id).unwrap_or(0)) / em;
    let ink = face
        .glyph_bounding_box(id)
        .map_or([0.0; 4], |b| [b.x_min, b.x_max, b.y_min, b.y_max].map(|v| f64::from(v) / em));
    Ok(Metrics { advance, ink })
}

/// The glyph's outline, one em to the unit, y downwards, origin on the baseline.
pub(crate) fn outline(which: Face, id: GlyphId) -> Result<Path, FigureError> {
    let face = face(which)?;
    let mut pen = Pen { path: Path::default(), em: f64::from(face.units_per_em()) };
    face.outline_glyph(id, &mut pen);
    Ok(pen.path)
}

struct Pen {
    path: Path,
    em: f64,
}

impl Pen {
    fn at(&self, x: f32, y: f32) -> Point {
        Point::new(f64::from(x) / self.em, -f64::from(y) / self.em)
    }
}

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        let p = self.at(x, y);
        self.path.segments.push(Segment::Move(p));
    }
    fn line_to(&mut self, x: f32, y: f32) {
        let p = self.at(x, y);
        self.path.segments.push(Segment::Line(p));
    }
    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let (c, p) = (self.at(x1, y1), self.at(x, y));
        self.path.segments.push(Segment::Quad(c, p));
    }
    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let (c, d, p) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.path.segments.push(Segment::Cubic(c, d, p));
    }
    fn close(&mut self) {
        self.path.segments.push(Segment::Close);
    }
}
