//! Softmax and its logarithm along one axis.

use crate::linalg::Scalar;
use crate::model::ColumnMap;
use crate::model::softmax::{log_softmax_of, softmax, subtract_mean, with_memory};

/// The middle one of three axes [outer, n, inner], along which probabilities add up to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Along(pub(crate) [usize; 3]);

impl Along {
    /// Calls `f` with the place of the first number of every group whose numbers are not side by side.
    fn each(self, mut f: impl FnMut(usize)) {
        let [outer, n, inner] = self.0;
        (0..outer).for_each(|o| (0..inner).for_each(|i| f(o * n * inner + i)));
    }

    /// Copies the numbers of the group that begins at `first`.
    fn take<T: Copy>(self, x: &[T], first: usize, group: &mut [T]) {
        group.iter_mut().zip(x[first..].iter().step_by(self.0[2])).for_each(|(to, &from)| *to = from);
    }

    /// Puts numbers into the places of the group that begins at `first`.
    fn put<T: Copy>(self, group: &[T], first: usize, out: &mut [T]) {
        group.iter().zip(out[first..].iter_mut().step_by(self.0[2])).for_each(|(&from, to)| *to = from);
    }
}

/// The function of a group of numbers x.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// softmax(x).
    Probabilities,
    /// softmax(x), and zeros where all x are -inf: the weights of an attention that sees nothing, as in PyTorch.
    Weights,
    /// log(softmax(x)).
    Logarithms,
}

/// A function of every group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Softmax {
    pub(crate) along: Along,
    pub(crate) kind: Kind,
}

impl Softmax {
    /// softmax(x) of a group.
    fn probabilities<T: Scalar>(self, x: &[T], p: &mut [T]) {
        softmax(x, p);
        if self.kind == Kind::Weights && x.iter().all(|&x| x < T::ZERO && !x.is_finite()) {
            p.fill(T::ZERO);
        }
    }

    fn of_group<T: Scalar>(self, x: &[T], y: &mut [T]) {
        match self.kind {
            Kind::Logarithms => log_softmax_of(x, y),
            Kind::Probabilities | Kind::Weights => self.probabilities(x, y),
        }
    }

    /// dy = dx - p^T dx, times p for softmax itself.
    fn tangent_of_group<T: Scalar>(self, p: &[T], dx: &[T], dy: &mut [T]) {
        subtract_mean(p, dx, dy);
        if self.kind != Kind::Logarithms {
            dy.iter_mut().zip(p).for_each(|(dy, &p)| *dy *= p);
        }
    }
}

impl<T: Scalar> ColumnMap<T, 1> for Softmax {
    fn value(&self, _: usize, [x]: [&[T]; 1], out: &mut [T]) {
        let [_, n, inner] = self.along.0;
        if inner == 1 {
            x.chunks_exact(n).zip(out.chunks_exact_mut(n)).for_each(|(x, y)| self.of_group(x, y));
            return;
        }
        with_memory(2 * n, |memory| {
            let (from, to) = memory.split_at_mut(n);
            self.along.each(|first| {
                self.along.take(x, first, from);
                self.of_group(from, to);
                self.along.put(to, first, out);
            });
        });
    }

    fn tangents(&self, _: usize, [x]: [&[T]; 1], [dx]: [Option<&[T]>; 1], out: &mut [T]) -> bool {
        let Some(dx) = dx else { return false };
        let [_, n, inner] = self.along.0;
        let directions = |out: &mut [T], f: &mut dyn FnMut(&[T], &mut [T])| {
            dx.chunks_exact(x.len()).zip(out.chunks_exact_mut(x.len())).for_each(|(dx, dy)| f(dx, dy));
        };
        with_memory(3 * n, |memory| {
            let (p, rest) = memory.split_at_mut(n);
            let (from, to) = rest.split_at_mut(n);
            if inner == 1 {
                for (first, x) in (0..).step_by(n).zip(x.chunks_exact(n)) {
                    self.probabilities(x, p);
                    directions(out, &mut |dx, dy| {
                        self.tangent_of_group(p, &dx[first..first + n], &mut dy[first..first + n]);
                    });
                }
                return;
            }
            self.along.each(|first| {
                self.along.take(x, first, from);
                self.probabilities(from, p);
                directions(out, &mut |dx, dy| {
                    self.along.take(dx, first, from);
                    self.tangent_of_group(p, from, to);
                    self.along.put(to, first, dy);
                });
            });
        });
        true
    }
}
