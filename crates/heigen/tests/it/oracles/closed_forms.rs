//! Tests on linear models, whose Hessians are known in closed form.

use crate::common::cases::{Architecture, LOSSES, Numbers, Small};
use crate::common::compare::{close, largest, rounding, spectrum_of};
use crate::common::textbook::Textbook;
use heigen::config::{Activation, LossKind};

fn linear(d: usize, classes: usize, n: usize, loss: LossKind) -> Small {
    let textbook = Textbook { widths: vec![d, classes], activation: Activation::Relu, log_softmax: false, loss };
    Small::new(Architecture::FullyConnected, textbook, n, 11 * (d + 10 * classes) as u64)
}

/// The samples with a one appended, which is the input of the bias.
fn extended(case: &Small) -> Vec<Vec<f64>> {
    let append = |(mut x, _): (Vec<f64>, usize)| {
        x.push(1.0);
        x
    };
    case.samples().into_iter().map(append).collect()
}

/// The index in theta of weight i of class c; weight d is the bias.
fn place(d: usize, classes: usize, c: usize, i: usize) -> usize {
    if i < d { c * d + i } else { classes * d + c }
}

/// The matrix sum_n blocks(n)[c, c'] x_n x_n^T, with the parameters in their order in theta.
fn assemble(case: &Small, block: impl Fn(usize, usize, usize) -> f64) -> Vec<f64> {
    let (d, classes) = (case.data.shape[0], case.data.n_classes);
    let p = classes * (d + 1);
    let mut h = vec![0.0; p * p];
    for (n, x) in extended(case).iter().enumerate() {
        for (c, i) in (0..classes).flat_map(|c| (0..=d).map(move |i| (c, i))) {
            for (e, j) in (0..classes).flat_map(|e| (0..=d).map(move |j| (e, j))) {
                h[place(d, classes, c, i) + place(d, classes, e, j) * p] += block(n, c, e) * x[i] * x[j];
            }
        }
    }
    h
}

/// The softmax of the logits W x + b of every sample.
fn probabilities(case: &Small) -> Vec<Vec<f64>> {
    let (d, classes, theta) = (case.data.shape[0], case.data.n_classes, case.theta_f64());
    let logit = |x: &[f64], c: usize| (0..=d).map(|i| theta[place(d, classes, c, i)] * x[i]).sum::<f64>();
    let softmax = |x: &Vec<f64>| {
        let e: Vec<f64> = (0..classes).map(|c| logit(x, c).exp()).collect();
        let sum: f64 = e.iter().sum();
        e.into_iter().map(|e| e / sum).collect()
    };
    extended(case).iter().map(softmax).collect()
}

const SHAPES: [(usize, usize, usize); 4] = [(1, 2, 3), (3, 2, 10), (4, 5, 3), (2, 3, 40)];

#[test]
fn squared_loss_is_two_over_nc_times_the_gram_matrix_for_every_class() {
    for (d, classes, n) in SHAPES {
        let case = linear(d, classes, n, LossKind::Mse);
        let h = assemble(&case, |_, c, e| if c == e { 2.0 / (n * classes) as f64 } else { 0.0 });
        case.with::<f64, ()>(|problem| {
            close(&spectrum_of(problem).1.data, &h, rounding::<f64>(n, largest(&h)), &case.name());
        });
        case.with::<f32, ()>(|problem| {
            close(&spectrum_of(problem).1.data, &h, rounding::<f32>(n, largest(&h)), &case.name());
        });
    }
}

#[test]
fn cross_entropy_is_the_covariance_of_the_classes_times_the_gram_matrix() {
    for (d, classes, n) in SHAPES {
        let case = linear(d, classes, n, LossKind::CrossEntropy);
        let p = probabilities(&case);
        let weight = 1.0 / n as f64;
        let h = assemble(&case, |s, c, e| weight * (if c == e { p[s][c] } else { 0.0 } - p[s][c] * p[s][e]));
        case.with::<f64, ()>(|problem| {
            let (spectrum, matrix) = spectrum_of(problem);
            close(&matrix.data, &h, rounding::<f64>(n, largest(&h)), &case.name());
            // The d + 1 directions that add the same number to every class change nothing.
            assert!(spectrum.rank() <= (classes - 1) * (d + 1), "{}: rank {}", case.name(), spectrum.rank());
            // The gradient is g = 1/N sum_n (p_n - y_n) x_n.
            let mut g = vec![0.0; problem.n_params()];
            for (s, x) in extended(&case).iter().enumerate() {
                for c in 0..classes {
                    let delta = p[s][c] - if case.data.labels[s] == c { 1.0 } else { 0.0 };
                    x.iter().enumerate().for_each(|(i, x)| g[place(d, classes, c, i)] += weight * delta * x);
                }
            }
            close(&problem.gradient(), &g, rounding::<f64>(n, largest(&g)), &case.name());
        });
    }
}

#[test]
fn losses_that_are_piecewise_linear_have_no_curvature_in_linear_models() {
    for loss in [LossKind::Nll, LossKind::Hinge] {
        for (d, classes, n) in SHAPES {
            let case = linear(d, classes, n, loss);
            case.with::<f64, ()>(|problem| {
                let (spectrum, matrix) = spectrum_of(problem);
                assert!(matrix.data.iter().all(|&h| h == 0.0), "{}", case.name());
                assert_eq!((spectrum.rank(), spectrum.lambda_max()), (0, 0.0), "{}", case.name());
                assert!(largest(&problem.gradient()) > 0.0, "{}", case.name());
            });
        }
    }
}

/// With N = 4 and features (+-1, +-1), X^T X = 4 I, so H = 2/C I.
#[test]
fn orthogonal_samples_make_the_squared_loss_round() {
    let mut case = linear(2, 5, 4, LossKind::Mse);
    case.data.features = vec![1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0, -1.0];
    case.with::<f64, ()>(|problem| {
        let spectrum = spectrum_of(problem).0;
        close(&spectrum.eigenvalues, &[0.4; 15], rounding::<f64>(15, 0.4), "eigenvalues");
        assert_eq!(spectrum.rank(), 15);
        close(&[spectrum.trace(), spectrum.lambda_max()], &[6.0, 0.4], rounding::<f64>(15, 0.4), "trace, lambda_max");
    });
}

/// The only feature is 0, all N samples have label 0 and all weights are zero. Then only biases matter, p = 1/C
/// exactly, and H = (I - 1 1^T / C) / C there.
#[test]
fn a_symmetric_point_of_the_cross_entropy() {
    let mut case = linear(1, 4, 3, LossKind::CrossEntropy);
    case.data.features = vec![0.0; 3];
    case.data.labels = vec![0; 3];
    case.theta = vec![0.0; 8];
    case.with::<f64, ()>(|problem| {
        let spectrum = spectrum_of(problem).0;
        let wanted = [0.0, 0.0, 0.0, 0.0, 0.0, 0.25, 0.25, 0.25];
        close(&spectrum.eigenvalues, &wanted, rounding::<f64>(8, 0.25), "eigenvalues");
        close(&problem.gradient(), &[0.0, 0.0, 0.0, 0.0, -0.75, 0.25, 0.25, 0.25], rounding::<f64>(8, 1.0), "gradient");
        close(&[problem.loss()], &[4f64.ln()], rounding::<f64>(8, 1.0), "loss");
    });
}

#[test]
fn linear_models_are_convex() {
    for loss in LOSSES {
        for (d, classes, n) in SHAPES {
            let case = linear(d, classes, n, loss);
            let scatter = Numbers(n as u64).number();
            for scale in [1.0, 1.0 + scatter, 30.0] {
                let mut case = case.clone();
                case.theta.iter_mut().for_each(|w| *w *= scale as f32);
                case.with::<f64, ()>(|problem| {
                    let spectrum = spectrum_of(problem).0;
                    let smallest = spectrum.eigenvalues[0];
                    let zero = rounding::<f64>(problem.n_params(), spectrum.scale());
                    assert!(smallest >= -zero, "{}: {smallest:e} below -{zero:e}", case.name());
                });
            }
        }
    }
}
