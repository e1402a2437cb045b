//! Figures and plots: reused while they are up to date, else drawn, after all training and analysis that they need.

mod catalogue;
mod diagnostics;
mod draw;
mod embedding;
mod labels;
mod landscape;
pub(crate) mod line;
mod minibatches;
mod parts;
mod picture;
mod plane;
mod samples;

pub use catalogue::{FIGURES, Figure, OwnOptions, PLOTS, figure_names, find_figure};
pub use draw::{Drawing, Drawn, FigureRequest, MapVectors, Parts};
pub(crate) use draw::{Shown, draw_paper, draw_shown, up_to_date};
pub(crate) use embedding::names_of_classes as class_names;
pub use landscape::{FigureNumbers, PlaneDirections, SurfaceNumbers, SurfaceOptions};
pub use minibatches::{BatchNumbers, BatchOptions};
pub(crate) use plane::BOUNDARY_NODES;
pub use plane::plane;
