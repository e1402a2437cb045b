//! Scenes to bytes. Nothing is written to disk here.

use crate::error::FigureError;
use crate::fonts;
use crate::raster::encode_png;
use crate::scene::Scene;
use crate::svg::{self, Form};
use krilla_svg::{SurfaceExt as _, SvgSettings};
use resvg::{tiny_skia, usvg};
use std::sync::Arc;

/// Pixels per inch of PNG files where nothing else is asked for.
pub const DEFAULT_DPI: f64 = 300.0;

/// One figure in three formats. The same scene always gives the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// SVG text; letters are outlines, so that it looks alike everywhere.
    pub svg: String,
    /// A PDF of one page; text can be searched, fonts are embedded.
    pub pdf: Vec<u8>,
    /// A PNG image at the asked resolution.
    pub png: Vec<u8>,
}

/// Draws `scene` as SVG, PDF and PNG, the latter at [`DEFAULT_DPI`].
///
/// # Errors
/// Where the page has no positive size, or a writer fails.
pub fn render(scene: &Scene) -> Result<Rendered, FigureError> {
    render_at(scene, DEFAULT_DPI)
}

/// Draws `scene` as SVG, PDF and PNG, the latter at `dpi` pixels per inch.
///
/// # Errors
/// Where the page has no positive size, `dpi` is not positive, or a writer fails.
pub fn render_at(scene: &Scene, dpi: f64) -> Result<Rendered, FigureError> {
    let tree = tree(scene)?;
    Ok(Rendered { svg: svg(scene)?, pdf: pdf(scene, &tree)?, png: png(&tree, dpi)? })
}

/// Draws `scene` as SVG text only.
///
/// # Errors
/// Where the page has no positive size.
pub fn svg(scene: &Scene) -> Result<String, FigureError> {
    svg::write(scene, Form::Outlines)
}

/// The parsed form that PDF and PNG are both drawn from.
fn tree(scene: &Scene) -> Result<usvg::Tree, FigureError> {
    let mut database = usvg::fontdb::Database::new();
    for file in fonts::FILES {
        database.load_font_data(file.to_vec());
    }
    let font_resolver = usvg::FontResolver {
        select_font: usvg::FontResolver::default_font_selector(),
        // Never another font: glyphs were checked when the labels were set.
        select_fallback: Box::new(|_, _, _| None),
    };
    let options = usvg::Options { fontdb: Arc::new(database), font_resolver, ..usvg::Options::default() };
    let text = svg::write(scene, Form::Text)?;
    usvg::Tree::from_str(&text, &options)
        .map_err(|e| FigureError::Render { format: "a drawing tree", problem: e.to_string() })
}

fn pdf(scene: &Scene, tree: &usvg::Tree) -> Result<Vec<u8>, FigureError> {
    let failed = |problem: &str| FigureError::Render { format: "PDF", problem: problem.to_owned() };
    let size = krilla::geom::Size::from_wh(tree.size().width(), tree.size().height())
        .ok_or_else(|| failed("the page has no size"))?;
    let mut document = krilla::Document::new();
    // No dates: the same scene gives the same bytes on every day.
    document.set_metadata(krilla::metadata::Metadata::new().title(scene.title.clone()).creator("heigen".to_owned()));
    let mut page = document.start_page_with(krilla::page::PageSettings::new(size));
    let mut surface = page.surface();
    let drawn = surface.draw_svg(tree, size, SvgSettings::default());
    surface.finish();
    page.finish();
    drawn.ok_or_else(|| failed("the scene could not be drawn"))?;
    document.finish().map_err(|e| failed(&format!("{e:?}")))
}

fn png(tree: &usvg::Tree, dpi: f64) -> Result<Vec<u8>, FigureError> {
    let (size, rgb) = drawn(tree, dpi)?;
    encode_png(size, &rgb, Some(dpi))
}

/// A scene as its width and height in pixels and the bytes of these.
pub(crate) fn pixels(scene: &Scene, dpi: f64) -> Result<([usize; 2], Vec<u8>), FigureError> {
    drawn(&tree(scene)?, dpi)
}

fn drawn(tree: &usvg::Tree, dpi: f64) -> Result<([usize; 2], Vec<u8>), FigureError> {
    if !(dpi.is_finite() && dpi > 0.0) {
        return Err(FigureError::value("the resolution of the PNG", dpi, "a positive number of pixels per inch"));
    }
    let scale = dpi / 72.0;
    let side = |points: f32| (f64::from(points) * scale).ceil().max(1.0) as u32;
    let (width, height) = (side(tree.size().width()), side(tree.size().height()));
    let mut canvas = tiny_skia::Pixmap::new(width, height).ok_or_else(|| {
        let problem = format!("{width} x {height} pixels are too many; ask for fewer pixels per inch");
        FigureError::Render { format: "PNG", problem }
    })?;
    canvas.fill(tiny_skia::Color::WHITE);
    resvg::render(tree, tiny_skia::Transform::from_scale(scale as f32, scale as f32), &mut canvas.as_mut());
    // The ground is opaque, so colours are not premultiplied by anything.
    let rgb: Vec<u8> = canvas.data().chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
    Ok(([width as usize, height as usize], rgb))
}
