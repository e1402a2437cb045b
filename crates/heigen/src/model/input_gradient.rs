//! Derivatives of the outputs with respect to the inputs.

use super::{Algebra, ColumnMap, Network, Plain, Pool, Sink, Tape};
use crate::linalg::{Matrix, Scalar};
use faer::Par;

/// A seed of the reverse pass given by a closure: `f(n, outputs of sample n, seed)`.
struct Seed<F>(F, usize);

impl<T, F: Fn(usize, &[T], &mut [T])> ColumnMap<T, 1> for Seed<F> {
    fn value(&self, n: usize, [o]: [&[T]; 1], out: &mut [T]) {
        (self.0)(self.1 + n, o, out);
    }

    fn tangents(&self, _: usize, _: [&[T]; 1], _: [Option<&[T]>; 1], _: &mut [T]) -> bool {
        false
    }
}

impl Network {
    /// Outputs f(x_n) [C, M] of inputs `x` [d, M] at `theta` `[P]`, and (df/dx(x_n))^T s_n, [d, M], with
    /// `seed(n, outputs, s_n)` writing s_n.
    ///
    /// Every sample is taken on its own: where samples depend on each other (batch normalisation with the batch's
    /// statistics), as a batch of one. Sequential; cost about 4 M P operations.
    pub fn input_gradients<T: Scalar>(
        &self,
        theta: &[T],
        x: &Matrix<T>,
        pool: &mut Pool<T>,
        seed: impl Fn(usize, &[T], &mut [T]),
    ) -> (Matrix<T>, Matrix<T>) {
        let together = if self.couples_samples() { 1 } else { x.columns.max(1) };
        let (mut outputs, mut gradients) =
            (Matrix::zeros(self.n_outputs(), x.columns), Matrix::zeros(x.rows, x.columns));
        for first in (0..x.columns).step_by(together) {
            let last = (first + together).min(x.columns);
            let mut plain = Plain::new(theta, Sink::None, pool, Par::Seq);
            let mut tape = Tape::recording();
            let input = plain.input_columns(x, first..last);
            let y = self.forward(&mut plain, input, &mut tape);
            outputs.data[first * y.rows..last * y.rows].copy_from_slice(&y.data);
            let delta = plain.per_sample([&y], &Seed(&seed, first));
            plain.recycle(y);
            if let Some(gradient) = self.reverse_to_input(&mut plain, delta, &mut tape) {
                gradients.data[first * x.rows..last * x.rows].copy_from_slice(&gradient.data);
                plain.recycle(gradient);
            }
        }
        (outputs, gradients)
    }

    /// The outputs [C, M] of inputs `x` [d, M], every sample on its own; sequential, with buffers of the caller.
    pub(crate) fn outputs_apart<T: Scalar>(&self, theta: &[T], x: &Matrix<T>, pool: &mut Pool<T>) -> Matrix<T> {
        let together = if self.couples_samples() { 1 } else { x.columns.max(1) };
        let mut outputs = Matrix::zeros(self.n_outputs(), x.columns);
        for (i, out) in outputs.data.chunks_mut(self.n_outputs() * together).enumerate() {
            let mut plain = Plain::new(theta, Sink::None, pool, Par::Seq);
            let input = plain.input_columns(x, i * together..((i + 1) * together).min(x.columns));
            let y = self.forward(&mut plain, input, &mut Tape::forgetting());
            out.copy_from_slice(&y.data);
            plain.recycle(y);
        }
        outputs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::Activation;

    #[test]
    fn gradients_are_central_differences_of_the_outputs() {
        let network = Network::fully_connected(&[3, 7, 5, 4], Activation::Sigmoid).unwrap();
        let theta: Vec<f64> = (0..network.n_params()).map(|i| (i as f64 * 1.7).sin()).collect();
        let x = Matrix::from_fn(3, 6, |i, j| (i as f64 + 2.3 * j as f64).cos());
        let seed = |n: usize, _: &[f64], s: &mut [f64]| s.iter_mut().enumerate().for_each(|(c, s)| *s = (n + c) as f64);
        let (outputs, gradients) = network.input_gradients(&theta, &x, &mut Pool::new(), seed);
        assert_eq!(outputs, network.outputs(&theta, &x));
        assert_eq!(outputs, network.outputs_apart(&theta, &x, &mut Pool::new()));
        let h = 1e-5;
        for i in 0..3 {
            let moved = |h: f64| {
                let mut x = x.clone();
                (0..6).for_each(|j| x.column_mut(j)[i] += h);
                network.outputs(&theta, &x)
            };
            let (plus, minus) = (moved(h), moved(-h));
            for n in 0..6 {
                let wanted: f64 =
                    (0..4).map(|c| (n + c) as f64 * (plus.column(n)[c] - minus.column(n)[c]) / (2.0 * h)).sum();
                assert!((gradients.column(n)[i] - wanted).abs() < 1e-8, "{i} {n}");
            }
        }
    }
}
