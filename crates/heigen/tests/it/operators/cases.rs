//! The table of cases, on a few points in the plane: activations, with and without log-softmax, and losses.

use crate::common::networks::two_layers;
use heigen::config::{Activation, LossKind};
use heigen::curvature::{
    EmpiricalFisher, FunctionalRemainder, GaussNewton, Hessian, Host, OperatorKind, Problem, SymmetricOperator, dense,
};
use heigen::data::Dataset;
use heigen::linalg::Matrix;
use heigen::model::{Network, fresh};
use heigen::rng::TorchGenerator;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) activation: Activation,
    pub(crate) lsoftmax: bool,
    pub(crate) loss: LossKind,
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for activation in [Activation::Relu, Activation::Sigmoid] {
        for lsoftmax in [false, true] {
            for loss in [LossKind::CrossEntropy, LossKind::Mse, LossKind::Nll, LossKind::Hinge] {
                cases.push(Case { activation, lsoftmax, loss });
            }
        }
    }
    cases
}

pub(crate) const CLASSES: usize = 3;

/// A data set of 17 points with labels in no order; class 2 has fewer points than the others.
pub(crate) fn samples() -> Dataset {
    let n = 17;
    let features = (0..2 * n).map(|i| ((i * i) as f32 * 0.37 + i as f32).sin() * 2.0).collect();
    let labels = (0..n).map(|i| if i % 5 == 4 { 2 } else { i % 2 }).collect();
    Dataset { features, shape: vec![2], labels, others: None, n_classes: CLASSES, source: "test".into() }
}

impl Case {
    pub(crate) fn name(self) -> String {
        format!("{self:?}")
    }

    /// Whether the GGN is that of the layer before log-softmax.
    pub(crate) fn counts_as_logits(self) -> bool {
        self.lsoftmax && self.loss == LossKind::Nll
    }

    pub(crate) fn parts(self) -> (Network, Vec<f32>, Dataset) {
        let data = samples();
        let spec = two_layers(5, self.activation, self.lsoftmax);
        let network = Network::build(&spec, 2, CLASSES).unwrap();
        let mut theta = fresh(&spec, &network, &mut TorchGenerator::new(3));
        // The weights are doubled, to get away from the flat start: logits have size 1.
        theta.iter_mut().for_each(|w| *w *= 2.0);
        (network, theta, data)
    }

    pub(crate) fn with_problem(self, f: impl FnOnce(&Problem<f64>)) {
        let (network, theta, data) = self.parts();
        f(&Problem::new(&network, &theta, &data, self.loss).unwrap());
    }
}

pub(crate) fn directions(p: usize, k: usize) -> Matrix<f64> {
    Matrix::from_fn(p, k, |i, k| ((i * (2 * k + 3)) as f64 * 0.61 + k as f64).sin())
}

pub(crate) fn product_at(problem: &Problem<f64>, kind: OperatorKind, v: &Matrix<f64>) -> Matrix<f64> {
    match kind {
        OperatorKind::Hessian => Hessian(problem).product(v).unwrap(),
        OperatorKind::GaussNewton => GaussNewton(problem).product(v).unwrap(),
        OperatorKind::EmpiricalFisher => EmpiricalFisher(problem).product(v).unwrap(),
        OperatorKind::FunctionalRemainder => FunctionalRemainder(problem).product(v).unwrap(),
    }
}

pub(crate) fn dense_of(operator: &impl SymmetricOperator<Host<f64>>) -> Matrix<f64> {
    dense(operator, &mut ()).unwrap()
}

pub(crate) fn largest(v: &[f64]) -> f64 {
    v.iter().fold(0.0, |m, x| m.max(x.abs()))
}

pub(crate) fn close(got: &Matrix<f64>, wanted: &Matrix<f64>, tolerance: f64, what: &str) {
    assert_eq!((got.rows, got.columns), (wanted.rows, wanted.columns), "{what}");
    for (i, (g, w)) in got.data.iter().zip(&wanted.data).enumerate() {
        let off = (g - w).abs();
        assert!(off <= tolerance, "{what}[{i}]: got {g:e}, wanted {w:e}, off by {off:e} of {tolerance:e}");
    }
}
