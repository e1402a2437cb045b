//! How the alignment of an input's gradient with a direction changes with the input.

use super::own_gradient::{AlongOwnGradient, Recorder, has_rank_one_gradients};
use super::per_example::{ExampleLabels, SMALLEST_NORM};
use super::{Problem, passes::tile_of};
use crate::linalg::{Matrix, Scalar};
use crate::model::{Algebra, Dual, DualTensor, Plain, Pool, Sink, Tape};
use crate::vocabulary::TargetsView;
use faer::Par;

/// Alignments of inputs, and their derivatives with respect to the inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct AlignmentGradients<T> {
    /// The alignments A(x_m) = <g(x_m), v> / |g(x_m)|, 0 where |g| <= 1e-20; `[M]`.
    pub alignments: Vec<T>,
    /// The derivatives dA/dx, 0 where |g| <= 1e-20; [d, M].
    pub gradients: Matrix<T>,
}

impl<T: Scalar> Problem<'_, T> {
    /// Alignments A(x) = <g(x), v> / |g(x)| of the example gradients of `inputs` [d, M] with `vector` v `[P]`, and their
    /// derivatives with respect to the inputs, [d, M].
    ///
    /// With u = v - A g / |g| held fixed, dA/dx = d<g(x), u>/dx / |g|: the derivative of A through |g| cancels. <g, u>
    /// is the derivative of the loss along u in theta. So its derivative by x is the tangent, along u, of the loss's
    /// derivative by x, and a reverse pass of the dual carrier that goes on to the inputs gives it. The vector v is
    /// common to all inputs. In a fully connected layer g is delta x^T, so that the part of u along g costs no matrix
    /// product; networks of such layers take all inputs together. Other networks take the inputs one by one, each along
    /// its own u.
    ///
    /// # Units
    /// |v| = 1 for an alignment in -1..1; the derivative is per unit of input. Labels that depend on x (`Predicted`)
    /// jump at the boundary; the derivative is the one on x's side. `True` labels exist for the problem's own samples
    /// only.
    ///
    /// # Cost
    /// Six products with the weights, 12 M P operations, for fully connected networks; sequential.
    pub fn alignment_gradients_at(
        &self,
        inputs: &Matrix<T>,
        labels: &ExampleLabels,
        vector: &[T],
    ) -> AlignmentGradients<T> {
        self.alignment_gradients_in(inputs, labels, vector, &mut Pool::new())
    }

    /// [`Self::alignment_gradients_at`] with buffers of the caller, so that repeated calls allocate nothing.
    pub(crate) fn alignment_gradients_in(
        &self,
        inputs: &Matrix<T>,
        labels: &ExampleLabels,
        vector: &[T],
        pool: &mut Pool<T>,
    ) -> AlignmentGradients<T> {
        let network = self.classifier();
        if has_rank_one_gradients(network.layers()) && !network.layout().has_ties() {
            return self.together(inputs, labels, vector, pool);
        }
        let targets = self.resolve(inputs, labels);
        let mut out = AlignmentGradients { alignments: vec![], gradients: Matrix::zeros(inputs.rows, inputs.columns) };
        for m in 0..inputs.columns {
            let (column, target) = (out.gradients.column_mut(m), targets.view().from(m));
            out.alignments.push(self.alone(&tile_of(inputs, m, 1), target, vector, column, pool));
        }
        out
    }

    /// The alignment of one input of any network: writes dA/dx to `out` and returns A.
    fn alone(&self, input: &Matrix<T>, target: TargetsView<'_>, vector: &[T], out: &mut [T], pool: &mut Pool<T>) -> T {
        let network = self.classifier();
        let delta = self.unit_delta(target);
        let mut direction = pool.take(self.n_params());
        let mut tape = Tape::recording();
        let mut plain = Plain::new(self.theta(), Sink::PerSample(&mut direction), pool, Par::Seq);
        let x = plain.input(input);
        let y = network.forward(&mut plain, x, &mut tape);
        let seed = plain.per_sample([&y], &delta);
        plain.recycle(y);
        network.reverse(&mut plain, seed, &mut tape);
        let norm = direction.iter().map(|&g| g * g).sum::<T>().sqrt();
        if norm.to_f64() <= SMALLEST_NORM {
            out.fill(T::ZERO);
            pool.give(direction);
            return T::ZERO;
        }
        let alignment = direction.iter().zip(vector).map(|(&g, &v)| g * v).sum::<T>() / norm;
        let scale = alignment / norm;
        direction.iter_mut().zip(vector).for_each(|(g, &v)| *g = v - scale * *g);
        let mut tape = Tape::recording();
        let mut dual = Dual::new(self.theta(), &direction, None, pool, Par::Seq);
        let x = dual.input(input);
        let y = network.forward(&mut dual, x, &mut tape);
        let seed = dual.per_sample([&y], &delta);
        dual.recycle(y);
        let gradient = network.reverse_to_input(&mut dual, seed, &mut tape);
        copy_tangents(gradient.as_ref(), out);
        if let Some(gradient) = gradient {
            dual.recycle(gradient);
        }
        out.iter_mut().for_each(|d| *d /= norm);
        pool.give(direction);
        alignment
    }

    /// The alignments of all inputs of a fully connected network.
    fn together(
        &self,
        inputs: &Matrix<T>,
        labels: &ExampleLabels,
        vector: &[T],
        pool: &mut Pool<T>,
    ) -> AlignmentGradients<T> {
        let network = self.classifier();
        let mut tape = Tape::recording();
        let mut recorder = Recorder::new(self.theta(), vector, inputs.columns, pool);
        let x = recorder.input(inputs);
        let y = network.forward(&mut recorder, x, &mut tape);
        // The labels are the predictions of this very pass.
        let predicted = *labels == ExampleLabels::Predicted;
        let targets = if predicted { self.predictions(&y) } else { self.resolve(inputs, labels) };
        let delta = self.unit_delta(targets.view());
        let seed = recorder.per_sample([&y], &delta);
        recorder.recycle(y);
        if let Some(gradient) = network.reverse_to_input(&mut recorder, seed, &mut tape) {
            recorder.recycle(gradient);
        }
        let record = recorder.finish();
        let norms: Vec<T> = record.squared_norms.iter().map(|n| n.sqrt()).collect();
        let known = |n: T| n.to_f64() > SMALLEST_NORM;
        let ratio = |(&s, &n): (&T, &T)| if known(n) { s / n } else { T::ZERO };
        let alignments: Vec<T> = record.slopes.iter().zip(&norms).map(ratio).collect();
        // u = v - A / |g| g.
        let scales = alignments.iter().zip(&norms).map(|(&a, &n)| if known(n) { -a / n } else { T::ZERO }).collect();
        let mut tape = Tape::recording();
        let mut dual = AlongOwnGradient::new(self.theta(), vector, &record, scales, pool);
        let x = dual.input(inputs);
        let y = network.forward(&mut dual, x, &mut tape);
        let seed = dual.per_sample([&y], &delta);
        dual.recycle(y);
        let gradient = network.reverse_to_input(&mut dual, seed, &mut tape);
        let mut gradients = Matrix::zeros(inputs.rows, inputs.columns);
        copy_tangents(gradient.as_ref(), &mut gradients.data);
        if let Some(gradient) = gradient {
            dual.recycle(gradient);
        }
        record.give_back(pool);
        for (column, &n) in gradients.data.chunks_exact_mut(inputs.rows).zip(&norms) {
            column.iter_mut().for_each(|d| *d = if known(n) { *d / n } else { T::ZERO });
        }
        AlignmentGradients { alignments, gradients }
    }
}

fn copy_tangents<T: Scalar>(gradient: Option<&DualTensor<T>>, out: &mut [T]) {
    match gradient.and_then(|g| g.tangents.as_ref()) {
        Some(tangents) => out.copy_from_slice(tangents),
        None => out.fill(T::ZERO),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Layer, Network, Residual};
    use crate::vocabulary::{Activation, LossKind};

    fn numbers(n: usize, phase: f64) -> Vec<f64> {
        (0..n).map(|i| (i as f64 * 2.399 + phase).sin()).collect()
    }

    fn unit(n: usize) -> Vec<f64> {
        let v = numbers(n, 0.7);
        let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        v.iter().map(|x| x / norm).collect()
    }

    /// The alignments A computed from explicit gradients.
    fn alignment(problem: &Problem<f64>, x: &Matrix<f64>, labels: &ExampleLabels, v: &[f64]) -> Vec<f64> {
        let gradients = problem.example_gradients_at(x, labels);
        gradients
            .iter_columns()
            .map(|g| {
                let norm = g.iter().map(|x| x * x).sum::<f64>().sqrt();
                g.iter().zip(v).map(|(g, v)| g * v).sum::<f64>() / norm
            })
            .collect()
    }

    fn check(network: &Network, loss: LossKind, smooth: bool) {
        let (d, m) = (network.n_inputs(), 9);
        let theta: Vec<f64> = numbers(network.n_params(), 0.0);
        let x = Matrix { data: numbers(d * m, 5.0), rows: d, columns: m };
        let problem = Problem::at(network, theta, x.clone(), vec![0; m], loss).unwrap();
        let v = unit(network.n_params());
        let predicted = crate::model::predict(&problem.outputs());
        let labels = ExampleLabels::Given(predicted);
        let got = problem.alignment_gradients_at(&x, &labels, &v);
        let wanted = alignment(&problem, &x, &labels, &v);
        let h = 1e-6;
        let (mut close, mut all) = (0, 0);
        for i in 0..d {
            let moved = |h: f64| {
                let mut x = x.clone();
                (0..m).for_each(|j| x.column_mut(j)[i] += h);
                alignment(&problem, &x, &labels, &v)
            };
            let (plus, minus) = (moved(h), moved(-h));
            for n in 0..m {
                assert!((got.alignments[n] - wanted[n]).abs() < 1e-12);
                let difference = (plus[n] - minus[n]) / (2.0 * h);
                all += 1;
                close += usize::from((got.gradients.column(n)[i] - difference).abs() < 1e-6 * (1.0 + difference.abs()));
            }
        }
        assert!(close == all || (!smooth && close * 10 >= all * 9), "{loss:?}: {close} of {all}");
        // Taking the inputs one by one along u itself must give the same result.
        let mut column = vec![0.0; d];
        for n in 0..m {
            let ExampleLabels::Given(labels) = &labels else { unreachable!() };
            let label = TargetsView::Classes(&labels[n..]);
            let a = problem.alone(&tile_of(&x, n, 1), label, &v, &mut column, &mut Pool::new());
            assert!((a - got.alignments[n]).abs() < 1e-12);
            for (a, b) in column.iter().zip(got.gradients.column(n)) {
                assert!((a - b).abs() < 1e-10 * (1.0 + b.abs()), "{a} {b}");
            }
        }
    }

    #[test]
    fn derivatives_match_central_differences_of_explicit_alignments() {
        for loss in [LossKind::CrossEntropy, LossKind::Mse, LossKind::Nll] {
            for activation in [Activation::Sigmoid, Activation::Relu] {
                for widths in [&[3, 4][..], &[2, 6, 3], &[3, 8, 7, 4]] {
                    let network = Network::fully_connected(widths, activation).unwrap();
                    check(&network, loss, activation == Activation::Sigmoid);
                }
            }
        }
    }

    #[test]
    fn networks_with_a_softmax_and_with_bypasses() {
        use crate::vocabulary::{Initialization, ModelSpec};
        let spec = ModelSpec::Fnn2Layer {
            num_neurons_layer1: 6,
            num_neurons_layer2: 6,
            activation_func: Activation::Sigmoid,
            initialization: Initialization::Random,
            lsoftmax: true,
        };
        let network = Network::build(&spec, 2, 3).unwrap();
        check(&network, LossKind::Nll, true);
        assert!(has_rank_one_gradients(network.layers()));
        let block = Layer::Residual(Residual { main: network.layers().to_vec(), shortcut: vec![] });
        assert!(has_rank_one_gradients(&[block]));
    }

    #[test]
    fn convolutional_networks_one_by_one() {
        let network = Network::build(&crate::vocabulary::ModelSpec::Cnn {}, 784, 3).unwrap();
        assert!(!has_rank_one_gradients(network.layers()));
        let theta = numbers(network.n_params(), 0.3).iter().map(|w| 0.1 * w).collect();
        let x = Matrix { data: numbers(784 * 2, 5.0), rows: 784, columns: 2 };
        let problem = Problem::at(&network, theta, x.clone(), vec![0; 2], LossKind::CrossEntropy).unwrap();
        let v = unit(network.n_params());
        let got = problem.alignment_gradients_at(&x, &ExampleLabels::Predicted, &v);
        let wanted = alignment(&problem, &x, &ExampleLabels::Predicted, &v);
        assert!(got.alignments.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-12));
        let largest = got.gradients.data.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        assert!(largest > 0.0);
        // Pooling and ReLU have kinks, but most of the pixels are not near one.
        let (h, mut close) = (1e-6, 0);
        for i in (0..784).step_by(49) {
            let moved = |h: f64| {
                let mut x = x.clone();
                (0..2).for_each(|j| x.column_mut(j)[i] += h);
                alignment(&problem, &x, &ExampleLabels::Predicted, &v)
            };
            let (plus, minus) = (moved(h), moved(-h));
            close += (0..2)
                .filter(|&n| {
                    let difference = (plus[n] - minus[n]) / (2.0 * h);
                    (got.gradients.column(n)[i] - difference).abs() < 1e-5 * largest
                })
                .count();
        }
        assert!(close >= 30, "{close} of 32");
    }

    #[test]
    fn vanishing_gradients_have_no_direction() {
        let network = Network::fully_connected(&[1, 2], Activation::Relu).unwrap();
        let x = Matrix { data: vec![1.0], rows: 1, columns: 1 };
        let problem = Problem::at(&network, vec![1e3, -1e3, 0.0, 0.0], x.clone(), vec![0], LossKind::CrossEntropy);
        let got = problem.unwrap().alignment_gradients_at(&x, &ExampleLabels::Predicted, &[1.0, 0.0, 0.0, 0.0]);
        assert_eq!((got.alignments[0], got.gradients.data[0]), (0.0, 0.0));
    }
}
