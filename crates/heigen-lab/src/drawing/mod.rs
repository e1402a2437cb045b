//! Figures and plots: reused while they are up to date, else drawn, after all training and analysis that they need.

mod catalogue;
mod diagnostics;
mod draw;
mod embedding;
mod labels;
pub(crate) mod line;
mod parts;
mod plane;
mod samples;

pub(crate) use catalogue::Draw;
pub use catalogue::{FIGURES, Figure, PLOTS, figure_names, find_figure};
pub use draw::{Drawing, Drawn, FigureRequest, MapVectors, Parts};
pub(crate) use draw::{Shown, draw_paper, draw_shown, up_to_date};
pub(crate) use embedding::names_of_classes as class_names;
pub(crate) use plane::BOUNDARY_NODES;
pub use plane::plane;
