//! Softmax and its logarithm along one axis.

use crate::linalg::Scalar;
use crate::model::ColumnMap;
use crate::model::softmax::{log_softmax_of, softmax, subtract_mean};

/// The middle one of three axes [outer, n, inner], along which probabilities add up to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Along(pub(crate) [usize; 3]);

impl Along {
    /// Calls `f` for every group of n numbers with their places.
    fn each(self, mut f: impl FnMut(&mut dyn Iterator<Item = usize>)) {
        let [outer, n, inner] = self.0;
        for o in 0..outer {
            for i in 0..inner {
                f(&mut (0..n).map(|j| (o * n + j) * inner + i));
            }
        }
    }
}

/// softmax(x) or log(softmax(x)) of every group.
pub(crate) struct Softmax {
    pub(crate) along: Along,
    pub(crate) log: bool,
}

impl<T: Scalar> ColumnMap<T, 1> for Softmax {
    fn value(&self, _: usize, [x]: [&[T]; 1], out: &mut [T]) {
        let n = self.along.0[1];
        let (mut from, mut to, mut at) = (vec![T::ZERO; n], vec![T::ZERO; n], vec![0; n]);
        self.along.each(|places| {
            for ((from, at), place) in from.iter_mut().zip(&mut at).zip(places) {
                (*from, *at) = (x[place], place);
            }
            if self.log {
                log_softmax_of(&from, &mut to);
            } else {
                softmax(&from, &mut to);
            }
            to.iter().zip(&at).for_each(|(&y, &place)| out[place] = y);
        });
    }

    /// dy = dx - p^T dx, times p for softmax itself.
    fn tangents(&self, _: usize, [x]: [&[T]; 1], [dx]: [Option<&[T]>; 1], out: &mut [T]) -> bool {
        let Some(dx) = dx else { return false };
        let n = self.along.0[1];
        let (mut from, mut p, mut at) = (vec![T::ZERO; n], vec![T::ZERO; n], vec![0; n]);
        let mut to = vec![T::ZERO; n];
        self.along.each(|places| {
            for ((from, at), place) in from.iter_mut().zip(&mut at).zip(places) {
                (*from, *at) = (x[place], place);
            }
            softmax(&from, &mut p);
            for (dx, out) in dx.chunks_exact(x.len()).zip(out.chunks_exact_mut(x.len())) {
                from.iter_mut().zip(&at).for_each(|(from, &place)| *from = dx[place]);
                subtract_mean(&p, &from, &mut to);
                for ((&y, &p), &place) in to.iter().zip(&p).zip(&at) {
                    out[place] = if self.log { y } else { y * p };
                }
            }
        });
        true
    }
}
