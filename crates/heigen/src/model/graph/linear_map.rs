//! Linear maps of one sample without parameters: views, copies, sums and means over parts of a tensor.

use crate::linalg::Scalar;
use crate::model::{Image, ImageMap, ImageMut};
use std::sync::Arc;

/// One axis of a view: its length and the distance, in the tensor that is viewed, between neighbouring entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    pub(crate) size: usize,
    pub(crate) stride: isize,
}

/// A matrix that is applied to the middle one of three axes [outer, columns, inner].
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sparse {
    pub(crate) outer: usize,
    pub(crate) inner: usize,
    /// Number of columns, the length of the axis before.
    pub(crate) columns: usize,
    /// Row i has the entries `starts[i]..starts[i + 1]`.
    pub(crate) starts: Vec<usize>,
    /// The column and the value of every entry.
    pub(crate) entries: Vec<(usize, f64)>,
}

/// A linear map of the numbers of one sample.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum LinearMap {
    /// The entries of a view, row-major: y of index (i, j, ...) is x at `offset + i stride_i + j stride_j + ...`.
    View { axes: Vec<Axis>, offset: usize, length: usize },
    /// A matrix along one axis.
    Sparse(Sparse),
    /// Every entry becomes the sum of all along the middle one of three axes.
    SumAlong([usize; 3]),
}

impl LinearMap {
    /// A view of a tensor of `length` numbers, with neighbouring axes put together where they lie like one.
    pub(crate) fn view(axes: &[Axis], offset: usize, length: usize) -> Self {
        let mut merged: Vec<Axis> = Vec::with_capacity(axes.len());
        for &axis in axes.iter().filter(|axis| axis.size != 1) {
            match merged.last_mut() {
                Some(outer) if outer.stride == axis.stride * axis.size.cast_signed() => {
                    *outer = Axis { size: outer.size * axis.size, stride: axis.stride };
                }
                _ => merged.push(axis),
            }
        }
        Self::View { axes: merged, offset, length }
    }

    /// Numbers of numbers before and after.
    pub(crate) fn lengths(&self) -> (usize, usize) {
        match self {
            Self::View { axes, length, .. } => (*length, axes.iter().map(|axis| axis.size).product()),
            Self::Sparse(s) => (s.outer * s.columns * s.inner, s.outer * (s.starts.len() - 1) * s.inner),
            Self::SumAlong(axes) => (axes.iter().product(), axes.iter().product()),
        }
    }

    /// Whether the map leaves every number where it is.
    pub(crate) fn is_identity(&self) -> bool {
        match self {
            Self::View { axes, offset: 0, length } => match axes[..] {
                [] => *length == 1,
                [Axis { size, stride: 1 }] => size == *length,
                _ => false,
            },
            _ => false,
        }
    }
}

/// A [`LinearMap`] or its transposed map.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mapping {
    pub(crate) map: Arc<LinearMap>,
    pub(crate) transposed: bool,
}

impl Mapping {
    /// The transposed map.
    pub(crate) fn transpose(&self) -> Self {
        Self { map: self.map.clone(), transposed: !self.transposed }
    }

    /// Numbers of numbers before and after.
    pub(crate) fn lengths(&self) -> (usize, usize) {
        let (x, y) = self.map.lengths();
        if self.transposed { (y, x) } else { (x, y) }
    }
}

/// A tensor put together from several ones: the sum of a linear map of each. The places that the maps fill do not overlap.
#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    pub(crate) parts: Vec<Mapping>,
    /// Number of numbers of the result for one sample.
    pub(crate) size: usize,
}

impl Join {
    /// Adds the map of part `i` to the numbers of one sample, `k` of them side by side in `x` and `y`.
    pub(crate) fn add<T: Scalar>(&self, i: usize, x: &[T], y: &mut [T]) {
        let Mapping { map, transposed: true } = &self.parts[i] else { return };
        let LinearMap::View { axes, offset, length } = &**map else { return };
        let own = axes.iter().map(|axis| axis.size).product::<usize>().max(1);
        for (x, y) in x.chunks_exact(own).zip(y.chunks_exact_mut((*length).max(1))) {
            add_to_view(axes, *offset, x, y);
        }
    }
}

/// Adds numbers to the entries of a view of `y`.
fn add_to_view<T: Scalar>(axes: &[Axis], offset: usize, x: &[T], y: &mut [T]) {
    let mut at = 0;
    visit(axes, offset, &mut |to, Axis { size, stride }| {
        let x = &x[at..at + size];
        at += size;
        match stride {
            1 => y[to..to + size].iter_mut().zip(x).for_each(|(y, &x)| *y += x),
            0 => y[to] += x.iter().copied().sum::<T>(),
            _ => x.iter().enumerate().for_each(|(i, &x)| y[moved(to, i, stride)] += x),
        }
    });
}

impl<T: Scalar> ImageMap<T> for Mapping {
    fn input(&self) -> (usize, usize) {
        (self.lengths().0, 1)
    }

    fn output(&self) -> (usize, usize) {
        (self.lengths().1, 1)
    }

    fn apply(&self, x: Image<'_, T>, y: ImageMut<'_, T>) {
        let (inputs, outputs) = self.lengths();
        let (x, y) = (&x.data[..inputs], &mut y.data[..outputs]);
        match (&*self.map, self.transposed) {
            (LinearMap::View { axes, offset, .. }, false) => {
                let mut at = 0;
                visit(axes, *offset, &mut |from, Axis { size, stride }| {
                    let y = &mut y[at..at + size];
                    at += size;
                    match stride {
                        1 => y.copy_from_slice(&x[from..from + size]),
                        0 => y.fill(x[from]),
                        _ => y.iter_mut().enumerate().for_each(|(i, y)| *y = x[moved(from, i, stride)]),
                    }
                });
            }
            (LinearMap::View { axes, offset, .. }, true) => {
                y.fill(T::ZERO);
                add_to_view(axes, *offset, x, y);
            }
            (LinearMap::Sparse(s), transposed) => s.apply(x, y, transposed),
            (&LinearMap::SumAlong([outer, n, inner]), _) => {
                for o in 0..outer {
                    let own = o * n * inner..(o + 1) * n * inner;
                    let (x, y) = (&x[own.clone()], &mut y[own]);
                    let (sum, rest) = y.split_at_mut(inner);
                    sum.fill(T::ZERO);
                    x.chunks_exact(inner).for_each(|x| sum.iter_mut().zip(x).for_each(|(s, &x)| *s += x));
                    rest.chunks_exact_mut(inner).for_each(|y| y.copy_from_slice(sum));
                }
            }
        }
    }
}

/// The place `count` steps of length `stride` from `start`.
#[inline(always)]
fn moved(start: usize, count: usize, stride: isize) -> usize {
    start.wrapping_add_signed(count.cast_signed() * stride)
}

/// Calls `f` with the start of every innermost row of a view, and with that row's axis.
fn visit(axes: &[Axis], start: usize, f: &mut impl FnMut(usize, Axis)) {
    match axes {
        [] => f(start, Axis { size: 1, stride: 1 }),
        &[row] => f(start, row),
        &[outer, ref inner @ ..] => (0..outer.size).for_each(|i| visit(inner, moved(start, i, outer.stride), f)),
    }
}

impl Sparse {
    fn apply<T: Scalar>(&self, x: &[T], y: &mut [T], transposed: bool) {
        let rows = self.starts.len() - 1;
        let (of_x, of_y) = if transposed { (rows, self.columns) } else { (self.columns, rows) };
        y.fill(T::ZERO);
        let inner = self.inner;
        let samples = x.chunks_exact((of_x * inner).max(1)).zip(y.chunks_exact_mut((of_y * inner).max(1)));
        for (x, y) in samples {
            for row in 0..rows {
                for &(column, weight) in &self.entries[self.starts[row]..self.starts[row + 1]] {
                    let (from, to) = if transposed { (row, column) } else { (column, row) };
                    let (x, y) = (&x[from * inner..][..inner], &mut y[to * inner..][..inner]);
                    if weight == 1.0 {
                        y.iter_mut().zip(x).for_each(|(y, &x)| *y += x);
                    } else {
                        let weight = T::from_f64(weight);
                        y.iter_mut().zip(x).for_each(|(y, &x)| *y += weight * x);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(map: &Mapping, x: &[f64]) -> Vec<f64> {
        let mut y = vec![f64::NAN; map.lengths().1];
        map.apply(Image { data: x, stride: x.len() }, ImageMut { data: &mut y, stride: 1 });
        y
    }

    #[test]
    fn a_transposed_map_is_the_adjoint_of_its_map() {
        let axis = |size, stride| Axis { size, stride };
        let maps = [
            LinearMap::view(&[axis(2, 1), axis(3, 2)], 0, 6),
            LinearMap::view(&[axis(2, 0), axis(3, 1), axis(2, 0)], 1, 4),
            LinearMap::view(&[axis(3, -2)], 5, 6),
            LinearMap::view(&[axis(3, 1), axis(2, 1)], 0, 4),
            LinearMap::Sparse(Sparse {
                outer: 2,
                inner: 2,
                columns: 3,
                starts: vec![0, 2, 2, 3],
                entries: vec![(0, 0.5), (2, 0.5), (1, 1.0)],
            }),
            LinearMap::SumAlong([2, 3, 2]),
        ];
        for map in maps {
            let map = Mapping { map: Arc::new(map), transposed: false };
            let (inputs, outputs) = map.lengths();
            let x: Vec<f64> = (0..inputs).map(|i| (i as f64).sin()).collect();
            let z: Vec<f64> = (0..outputs).map(|i| (1.7 * i as f64).cos()).collect();
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let (there, back) = (dot(&applied(&map, &x), &z), dot(&applied(&map.transpose(), &z), &x));
            assert!((there - back).abs() < 1e-14 && there.abs() > 1e-3, "{map:?}: {there} {back}");
        }
    }

    #[test]
    fn a_view_that_changes_nothing_is_recognised() {
        let axis = |size, stride| Axis { size, stride };
        assert!(LinearMap::view(&[axis(2, 3), axis(1, 7), axis(3, 1)], 0, 6).is_identity());
        assert!(!LinearMap::view(&[axis(3, 1), axis(2, 3)], 0, 6).is_identity());
        assert!(!LinearMap::view(&[axis(3, 1)], 0, 6).is_identity());
    }
}
