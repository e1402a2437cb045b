//! Drawings that put several networks, estimates or layers beside each other.

mod density_curves;
mod layers;
mod spectra;

pub use density_curves::{DensityCurve, density_curves};
pub use layers::{LayerShare, layers};
pub use spectra::{NamedSpectrum, spectra};

use crate::color::Rgb;
use crate::error::FigureError;
use crate::fonts::Face;
use crate::label::{elided, escaped};
use crate::legend::{Entry, Key};
use crate::scene::Stroke;

/// The most networks that one picture tells apart.
const MOST: usize = 12;

/// The line of the `i`-th network: told apart by colour, and by dashes where colours look alike to some.
fn stroke(i: usize, width: f64) -> Stroke {
    let dash = match i % 4 {
        0 => vec![],
        1 => vec![5.0, 2.0],
        2 => vec![1.4, 1.8],
        _ => vec![5.0, 1.8, 1.4, 1.8],
    };
    Stroke { dash, ..Stroke::solid(color(i), width) }
}

/// Font size of the legends, and the width beyond which names in them lose their middle.
const LEGEND_SIZE: f64 = 10.0;
const LONGEST_NAME: f64 = 150.0;

/// The entry of the `i`-th network, called `name`.
fn entry(i: usize, name: &str) -> Result<Entry, FigureError> {
    let shown = elided(name, Face::Upright, LEGEND_SIZE, LEGEND_SIZE, LONGEST_NAME)?.text();
    Ok(Entry { key: Key::Line(stroke(i, 1.6)), label: escaped(&shown) })
}

fn color(i: usize) -> Rgb {
    Rgb::for_class(i).unwrap_or(Rgb::BLACK)
}
