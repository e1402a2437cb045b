//! Rows that show which eigenvector carries which piece of the boundary, and where the boundary goes along each.

use super::keys::Explained;
use super::plane::{BOUNDARY, PlaneRow};
use super::{AsideRoom, Caption, FRAME, Row, map_checks, plane_check};
use crate::chart::FAINT;
use crate::check;
use crate::color::Rgb;
use crate::error::FigureError;
use crate::geometry::{Point, Rect};
use crate::legend::{Entry, Key};
use crate::scene::{Element, Stroke};

/// A row on the plane whose boundary is coloured by the eigenvectors that carry it.
#[derive(Debug, Clone, PartialEq)]
pub struct CarriedRow {
    /// The plane with its samples; its boundary is the one that is coloured, and it has no maps of its own.
    pub row: PlaneRow,
    /// For every segment of every line of the boundary the place in `vectors` of the eigenvector that carries it.
    pub carriers: Vec<Vec<usize>>,
    /// The eigenvectors, from left to right; at most 12.
    pub vectors: Vec<MovedAlong>,
}

/// The boundaries after moves of the weights along an eigenvector.
#[derive(Debug, Clone, PartialEq)]
pub struct MovedAlong {
    /// Number of the eigenvector, from 1 for the largest eigenvalue.
    pub index: usize,
    /// Its eigenvalue.
    pub eigenvalue: f64,
    /// The boundary after a move along the vector, as polylines in data coordinates; none if there was no move.
    pub forward: Vec<Vec<[f64; 2]>>,
    /// The boundary after a move against the vector.
    pub backward: Vec<Vec<[f64; 2]>>,
}

/// The width of lines of boundaries at other weights.
const MOVED: f64 = 1.3;

/// The colour of the `i`-th vector.
fn color_of(i: usize) -> Rgb {
    Rgb::for_class(i).unwrap_or(Rgb::BLACK)
}

fn backward(color: Rgb) -> Stroke {
    Stroke { dash: vec![4.0, 2.0], ..Stroke::solid(color, MOVED) }
}

impl CarriedRow {
    /// The runs of neighbouring segments that vector `i` carries, as polylines.
    fn carried_by(&self, i: usize) -> Vec<Vec<[f64; 2]>> {
        let mut runs: Vec<Vec<[f64; 2]>> = Vec::new();
        for (line, carriers) in self.row.boundary.iter().zip(&self.carriers) {
            let mut open = false;
            for (segment, &carrier) in line.windows(2).zip(carriers) {
                match runs.last_mut().filter(|_| open && carrier == i) {
                    Some(run) => run.push(segment[1]),
                    None if carrier == i => runs.push(segment.to_vec()),
                    None => {}
                }
                open = carrier == i;
            }
        }
        runs
    }
}

impl Row for CarriedRow {
    fn label(&self) -> &str {
        self.row.label()
    }

    fn first_title(&self) -> &'static str {
        "carried by"
    }

    fn first(&self, rect: Rect) -> Result<Vec<Element>, FigureError> {
        let panel = self.row.panel(rect)?;
        let mut elements = self.row.markers(&panel);
        for i in 0..self.vectors.len() {
            elements.push(panel.lines(&self.carried_by(i), Stroke::solid(color_of(i), 1.4 * BOUNDARY).rounded()));
        }
        elements.push(panel.frame(Stroke::solid(Rgb::BLACK, FRAME)));
        Ok(elements)
    }

    fn explained(&self) -> Explained {
        let mut explained = self.row.explained_samples();
        let entry = |key: Key, label: String| Entry { key, label };
        for (i, v) in self.vectors.iter().enumerate() {
            let stroke = Stroke::solid(color_of(i), 1.4 * BOUNDARY);
            explained.entries.push(entry(Key::Line(stroke), format!("boundary carried by $v_{{{}}}$", v.index)));
        }
        let color = Rgb::BLACK;
        explained.entries.push(entry(Key::Line(Stroke::solid(FAINT, MOVED)), "boundary".to_owned()));
        explained.entries.push(entry(Key::Line(Stroke::solid(color, MOVED)), "after a move along $v_i$".to_owned()));
        explained.entries.push(entry(Key::Line(backward(color)), "after a move along $-v_i$".to_owned()));
        explained
    }

    fn below_first(&self, at: Point, width: f64) -> Result<Vec<Element>, FigureError> {
        self.row.below_first(at, width)
    }

    fn captions(&self) -> Vec<Caption> {
        self.vectors.iter().map(|v| Caption::eigenvector(v.index, v.eigenvalue)).collect()
    }

    fn extent(&self, _: usize) -> Option<f64> {
        None
    }

    fn map(&self, i: usize, _: &crate::scale::Scale, rect: Rect) -> Result<Vec<Element>, FigureError> {
        let (panel, v, color) = (self.row.panel(rect)?, &self.vectors[i], color_of(i));
        let mut elements = self.row.markers(&panel);
        elements.push(panel.lines(&self.row.boundary, Stroke::solid(FAINT, MOVED).rounded()));
        elements.push(panel.lines(&v.forward, Stroke::solid(color, MOVED).rounded()));
        elements.push(panel.lines(&v.backward, backward(color)));
        elements.push(panel.frame(Stroke::solid(Rgb::BLACK, FRAME)));
        Ok(elements)
    }

    fn aside_room(&self) -> Option<AsideRoom> {
        None
    }

    fn aside(&self, _: Rect) -> Result<Vec<Element>, FigureError> {
        Ok(vec![])
    }
}

/// The most eigenvectors of a row, which its colours tell apart.
const MOST: usize = 12;

/// Whether the row's numbers fit together.
pub(super) fn check(name: &str, carried: &CarriedRow) -> Result<(), FigureError> {
    plane_check::ground(name, &carried.row)?;
    check::not_empty(|| name.to_owned(), carried.vectors.len(), "eigenvector")?;
    if carried.vectors.len() > MOST {
        return Err(FigureError::value(
            format!("the number of eigenvectors of {name}"),
            carried.vectors.len(),
            "at most 12",
        ));
    }
    let lines = carried.row.boundary.len();
    check::length(
        || format!("lines with carriers of {name}"),
        carried.carriers.len(),
        Some(lines),
        "one for each line",
    )?;
    for (line, carriers) in carried.row.boundary.iter().zip(&carried.carriers) {
        let segments = line.len().saturating_sub(1);
        check::length(
            || format!("carriers of a line of {name}"),
            carriers.len(),
            Some(segments),
            "one for each segment",
        )?;
        if let Some(&beyond) = carriers.iter().find(|&&i| i >= carried.vectors.len()) {
            let wanted = "the place of one of its eigenvectors";
            return Err(FigureError::value(format!("a carrier of {name}"), beyond, wanted));
        }
    }
    for v in &carried.vectors {
        let what = format!("the eigenvector $v_{{{}}}$ of {name}", v.index);
        map_checks::vector(&what, v.index, v.eigenvalue)?;
        for line in v.forward.iter().chain(&v.backward) {
            map_checks::points(|| format!("a moved boundary of {name}"), line)?;
        }
    }
    Ok(())
}
