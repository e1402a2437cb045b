//! Values of the graph: constants, and tensors that depend on samples or parameters.

use crate::tensor::{Element, Tensor};

/// A value of the graph.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A constant: numbers that depend on neither samples nor parameters.
    Constant(Tensor),
    Made(Made),
}

/// A tensor of the graph that is written.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) name: String,
    /// The shape that it has in the file, where a tensor of samples has as many as the file's batch.
    pub(super) shape: Vec<usize>,
    /// The place of the samples; none for a tensor that is the same for all of them, or if the batch is one sample.
    pub(super) place: Option<Place>,
    pub(super) element: Element,
}

/// Where the samples lie in a tensor: `axis` runs over `before` entries, each of all samples, each of what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) axis: usize,
    pub(super) before: usize,
}

impl Place {
    /// The samples are an axis of their own.
    pub(super) fn axis(axis: usize) -> Self {
        Self { axis, before: 1 }
    }

    pub(super) fn at(self, axis: usize) -> Self {
        Self { axis, ..self }
    }
}

impl Value {
    pub(super) fn shape(&self) -> &[usize] {
        match self {
            Self::Constant(tensor) => &tensor.shape,
            Self::Made(made) => &made.shape,
        }
    }

    pub(super) fn place(&self) -> Option<Place> {
        if let Self::Made(made) = self { made.place } else { None }
    }

    pub(super) fn element(&self) -> Element {
        match self {
            Self::Constant(tensor) => tensor.element,
            Self::Made(made) => made.element,
        }
    }
}

/// A shape of a batch of `batch` samples as that of one sample.
pub(super) fn of_one(shape: &[usize], place: Option<Place>, batch: usize) -> Vec<usize> {
    let mut shape = shape.to_vec();
    if let Some(size) = place.and_then(|place| shape.get_mut(place.axis)) {
        *size /= batch;
    }
    shape
}

/// The place of the samples after a reshape of `from` to `to`; none if they would be mixed with others.
pub(super) fn moved(from: &[usize], to: &[usize], place: Place, batch: usize) -> Option<Place> {
    let outer = from[..place.axis].iter().product::<usize>().checked_mul(place.before)?;
    let mut before = 1;
    for (axis, &size) in to.iter().enumerate() {
        let next = before * size;
        if next <= outer && outer % next == 0 {
            before = next;
            continue;
        }
        let rest = outer / before;
        let fits = outer % before == 0 && size % (rest * batch) == 0;
        return fits.then_some(Place { axis, before: rest });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_followed_through_reshapes() {
        let first = Place::axis(0);
        let moved = |from: &[usize], to: &[usize], place| moved(from, to, place, 6);
        assert_eq!(moved(&[6, 8], &[48], first), Some(first));
        assert_eq!(moved(&[48], &[6, 8], first), Some(first));
        assert_eq!(moved(&[6, 8], &[1, 6, 2, 4], first), Some(Place::axis(1)));
        assert_eq!(moved(&[4, 6, 8], &[24, 8], Place::axis(1)), Some(Place { axis: 0, before: 4 }));
        assert_eq!(moved(&[24, 8], &[4, 6, 8], Place { axis: 0, before: 4 }), Some(Place::axis(1)));
        assert_eq!(moved(&[24, 8], &[2, 12, 8], Place { axis: 0, before: 4 }), Some(Place { axis: 1, before: 2 }));
        assert_eq!(moved(&[6, 8], &[2, 24], first), None);
        assert_eq!(moved(&[4, 6, 8], &[6, 32], Place::axis(1)), None);
        assert_eq!(of_one(&[2, 12, 8], Some(Place { axis: 1, before: 2 }), 6), [2, 2, 8]);
    }
}
