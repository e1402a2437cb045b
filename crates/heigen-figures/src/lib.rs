//! Drawing: finished results to SVG, PDF and PNG. Nothing is computed anew here, and no file is written.
//!
//! From the bottom up: [`geometry`](Rect), [`Label`]s and [`Marker`]s make [`Element`]s; a [`Panel`] places data with two
//! [`Scale`]s; [`axis`], [`color_bar`], [`legend`] and [`Grid`] arrange; a figure such as [`figure2`] composes a [`Scene`];
//! [`render`] turns it into bytes.
//!
//! ```
//! use heigen_figures::{Align, Element, Label, Point, Scene, render};
//! let mut scene = Scene::new(60.0, 20.0, "a label");
//! scene.push(Element::text(Label::tex(r"$\lambda_1 = 0.154$", 10.0)?, Point::new(30.0, 13.0), Align::Middle));
//! let rendered = render(&scene)?;
//! assert!(rendered.svg.starts_with("<svg") && rendered.pdf.starts_with(b"%PDF"));
//! # Ok::<(), heigen_figures::FigureError>(())
//! ```

mod along;
mod axes;
mod blocks;
mod chart;
mod check;
mod clip;
mod color;
mod colorbar;
mod comparison;
mod contour;
mod curves;
mod diagnostics;
mod error;
mod figure1;
mod figure4;
mod film;
mod fonts;
mod geometry;
mod histogram;
mod intervals;
mod label;
mod landscape;
mod layout;
mod legend;
mod marker;
mod panel;
mod raster;
mod render;
mod rows;
mod scale;
mod scene;
mod small_maps;
mod stack;
mod surface;
mod svg;
mod thin;
mod ticks;

pub use along::{Course, SpectraAlong, SubspaceOverlaps, Threshold, Track, spectra_along, subspace_overlaps};
pub use axes::{Axis, AxisStyle, Side, axis};
pub use blocks::Block;
pub use clip::clip_polyline;
pub use color::{ColorMap, Rgb};
pub use colorbar::color_bar;
pub use comparison::{DensityCurve, LayerShare, NamedSpectrum, density_curves, layers, spectra};
pub use curves::{Curve, CurvePanel, curve_panels};
pub use diagnostics::{
    Coherence, Eigenvectors, LogitCoherence, NamedVector, Overlaps, coherence, eigenvectors, logit_coherence, overlaps,
    spectrum,
};
pub use error::FigureError;
pub use figure1::{InputLine, figure1};
pub use figure4::{SampleAlignments, figure4};
pub use film::film;
pub use fonts::Face;
pub use geometry::{Path, Point, Rect, Segment};
pub use histogram::{Histogram, histogram};
pub use intervals::{IntervalGroup, IntervalRow, intervals};
pub use label::{Label, fit_lines, fixed, power_of_ten, significant};
pub use landscape::{Landscape, Trajectory, landscape};
pub use layout::Grid;
pub use legend::{Corner, Entry, Key, legend};
pub use marker::Marker;
pub use panel::Panel;
pub use raster::Raster;
pub use render::{DEFAULT_DPI, Rendered, render, render_at, svg};
pub use rows::{
    AlignmentMap, CarriedRow, ColorBars, Density, EmbeddingRow, ExtraMap, MarginPanel, MovedAlong, PlaneAside,
    PlaneMapsRow, PlaneRow, SampleMap, carried_boundaries, figure2, figure3, figure5, figure6, plane_maps,
};
pub use scale::Scale;
pub use scene::{Align, Element, Fill, Scene, Stroke, Style};
pub use small_maps::{SmallMaps, small_maps};
pub use stack::stacked;
pub use surface::{LossSurface, loss_surface};
pub use ticks::{Tick, ticks};
