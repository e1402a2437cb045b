//! The knowledge of a value of the graph that can be had before any sample is seen.

use crate::expression::Expression;
use crate::graph::{NodeId, ValueId};
use crate::step::StepId;
use crate::tensor::{MOST_AXES, Tensor};

/// A value of the graph.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// A constant, which is the same for all samples, and the initializer that gave it, if one did.
    Constant(Tensor, Option<ValueId>),
    /// Sizes of tensors, as a list.
    Sizes(Vec<Size>),
    /// The result of a step, which depends on the samples.
    Data(Data),
    /// The comparison of a step's numbers with a threshold: whether each is above it.
    Above(Data, f64),
}

/// One size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// The number of samples.
    Batch,
    Known(i64),
}

/// A step's result, perhaps not finished.
#[derive(Clone, Debug)]
pub(crate) struct Data {
    pub(crate) step: StepId,
    pub(crate) axes: Axes,
    /// The arithmetic that is still to be done with every number.
    pub(crate) pending: Expression,
    /// The node that added to `pending` last.
    pub(crate) by: Option<NodeId>,
    /// The constants that `pending` has taken in.
    pub(crate) held: Vec<Held>,
}

/// A constant in arithmetic, with its node and the initializer that it is, if it is one.
pub(crate) type Held = (NodeId, Option<ValueId>);

impl Data {
    pub(crate) fn finished(step: StepId, axes: Axes) -> Self {
        Self { step, axes, pending: Expression::IDENTITY, by: None, held: vec![] }
    }

    /// Whether no arithmetic is pending.
    pub(crate) fn is_finished(&self) -> bool {
        self.pending == Expression::IDENTITY
    }
}

/// The shape of a tensor over the numbers of the samples, which lie one sample after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Axes {
    /// Sizes in the order in which the numbers lie; `None` is the number of samples.
    dims: Vec<Option<usize>>,
    /// The place in `dims` of each axis of the tensor.
    order: Vec<usize>,
}

impl Axes {
    /// One sample after the other, each of this shape.
    pub(crate) fn of_samples(shape: &[usize]) -> Self {
        let dims: Vec<_> = std::iter::once(None).chain(shape.iter().copied().map(Some)).collect();
        Self { order: (0..dims.len()).collect(), dims }
    }

    pub(crate) fn rank(&self) -> usize {
        self.dims.len()
    }

    /// The tensor's sizes.
    pub(crate) fn sizes(&self) -> Vec<Size> {
        let size = |&axis: &usize| self.dims[axis].map_or(Size::Batch, |n| Size::Known(n as i64));
        self.order.iter().map(size).collect()
    }

    fn in_order(&self) -> bool {
        self.order.iter().enumerate().all(|(i, &axis)| i == axis)
    }

    /// The shape of one sample, if the tensor is samples one after the other.
    pub(crate) fn sample(&self) -> Option<Vec<usize>> {
        let (first, rest) = self.dims.split_first()?;
        (first.is_none() && self.in_order()).then(|| rest.iter().copied().collect()).flatten()
    }

    /// Channels, rows and columns of samples that lie pixel after pixel and are looked at as [N, channels, rows, columns].
    pub(crate) fn of_channels_last(&self) -> Option<[usize; 3]> {
        match (&self.dims[..], &self.order[..]) {
            (&[None, Some(h), Some(w), Some(c)], [0, 3, 1, 2]) => Some([c, h, w]),
            _ => None,
        }
    }

    /// Channels, rows and columns of images that lie channel after channel and are looked at as [N, rows, columns, channels].
    pub(crate) fn as_channels_last(&self) -> Option<[usize; 3]> {
        match (&self.dims[..], &self.order[..]) {
            (&[None, Some(c), Some(h), Some(w)], [0, 2, 3, 1]) => Some([c, h, w]),
            _ => None,
        }
    }

    /// Numbers of one sample.
    fn len(&self) -> i64 {
        self.dims.iter().flatten().product::<usize>() as i64
    }

    /// The tensor with its axes in another order: axis i is the former axis `permutation[i]`.
    pub(crate) fn transposed(&self, permutation: &[usize]) -> Self {
        let order: Vec<usize> = permutation.iter().map(|&i| self.order[i]).collect();
        let long: Vec<usize> = order.iter().copied().filter(|&axis| self.dims[axis] != Some(1)).collect();
        if long.is_sorted() {
            // Moving axes of length 1 leaves the numbers where they are.
            let dims: Vec<_> = order.iter().map(|&axis| self.dims[axis]).collect();
            return Self { order: (0..dims.len()).collect(), dims };
        }
        Self { dims: self.dims.clone(), order }
    }

    /// The axes after a reshape to the sizes `wanted`; `batch` is the number of samples if the file fixes it.
    ///
    /// `None` if the new shape would mix samples, has another number of entries, or its axes are out of order.
    pub(crate) fn reshaped(&self, wanted: &[Size], batch: Option<usize>) -> Option<Self> {
        if !self.in_order() || wanted.len() > MOST_AXES {
            return None;
        }
        let is_batch = |size: &Size| match *size {
            Size::Batch | Size::Known(-1) => true,
            Size::Known(n) => batch.is_some_and(|b| b as i64 == n),
        };
        let at = wanted
            .iter()
            .position(|size| is_batch(size) || *size != Size::Known(1))
            .filter(|&at| is_batch(&wanted[at]))?;
        let mut rest: Vec<i64> = Vec::new();
        for size in &wanted[at + 1..] {
            match *size {
                Size::Known(n) if n > 0 || n == -1 => rest.push(n),
                _ => return None,
            }
        }
        let known = rest.iter().filter(|&&n| n > 0).try_fold(1_i64, |product, &n| product.checked_mul(n))?;
        let mut open = rest.iter_mut().filter(|n| **n == -1);
        if let Some(n) = open.next() {
            if wanted[at] == Size::Known(-1) || open.next().is_some() || self.len() % known != 0 {
                return None;
            }
            *n = self.len() / known;
        } else if known != self.len() {
            return None;
        }
        let dims: Vec<_> =
            std::iter::repeat_n(Some(1), at).chain([None]).chain(rest.iter().map(|&n| Some(n as usize))).collect();
        Some(Self { order: (0..dims.len()).collect(), dims })
    }
}

/// A shape in the form in which messages show it.
pub(crate) fn shown(sizes: &[Size]) -> String {
    let size = |size: &Size| match size {
        Size::Batch => "N".to_owned(),
        Size::Known(n) => n.to_string(),
    };
    format!("[{}]", sizes.iter().map(size).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Size::{Batch, Known};

    fn reshaped(from: &[usize], wanted: &[Size], batch: Option<usize>) -> Option<Vec<usize>> {
        Axes::of_samples(from).reshaped(wanted, batch)?.sample()
    }

    #[test]
    fn a_reshape_keeps_samples_apart() {
        assert_eq!(reshaped(&[2, 3, 4], &[Known(-1), Known(24)], None), Some(vec![24]));
        assert_eq!(reshaped(&[2, 3, 4], &[Batch, Known(-1)], None), Some(vec![24]));
        assert_eq!(reshaped(&[2, 3, 4], &[Batch, Known(-1), Known(4)], None), Some(vec![6, 4]));
        assert_eq!(reshaped(&[24], &[Known(5), Known(-1)], Some(5)), Some(vec![24]));
        assert_eq!(reshaped(&[24], &[Known(5), Known(-1)], None), None);
        assert_eq!(reshaped(&[24], &[Known(-1), Known(12)], None), None);
        assert_eq!(reshaped(&[24], &[Known(-1), Known(-1)], None), None);
        assert_eq!(reshaped(&[24], &[Batch, Known(-1), Known(7)], None), None);
        assert_eq!(reshaped(&[24], &[Batch, Known(0)], None), None);
        assert_eq!(reshaped(&[24], &[Known(24), Known(-1)], None), None);
        assert_eq!(reshaped(&[24], &[Batch, Known(i64::MAX), Known(i64::MAX)], None), None);
    }

    #[test]
    fn axes_of_length_one_before_the_samples_come_and_go() {
        let before = Axes::of_samples(&[6]).reshaped(&[Known(1), Batch, Known(6)], None).unwrap();
        assert_eq!(before.sample(), None);
        assert_eq!(before.reshaped(&[Batch, Known(2), Known(3)], None).unwrap().sample(), Some(vec![2, 3]));
    }

    #[test]
    fn a_transpose_that_is_undone_or_moves_nothing_is_none() {
        let image = Axes::of_samples(&[2, 3, 4]);
        let moved = image.transposed(&[0, 2, 3, 1]);
        assert_eq!(moved.sizes(), [Batch, Known(3), Known(4), Known(2)]);
        assert_eq!(moved.sample(), None);
        assert_eq!(moved.reshaped(&[Batch, Known(24)], None), None);
        assert_eq!(moved.transposed(&[0, 3, 1, 2]), image);
        assert_eq!(Axes::of_samples(&[8, 8, 1]).transposed(&[0, 3, 1, 2]).sample(), Some(vec![1, 8, 8]));
    }
}
