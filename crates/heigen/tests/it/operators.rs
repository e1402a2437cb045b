//! Compares operators with their definitions, written out with per-example gradients of all outputs.
mod cases;
mod selections;

use crate::common::Golden;
use crate::common::networks::{dataset, small_cases, two_layers, weights};
use cases::{Case, cases, close, dense_of, directions, largest, product_at};
use heigen::config::{Activation, LossKind};
use heigen::curvature::{
    Batched, EmpiricalFisher, ExampleLabels, FunctionalRemainder, GaussNewton, Hessian, OperatorKind, Problem, Shifted,
    SymmetricOperator, dense,
};
use heigen::linalg::{Matrix, self_adjoint_eigen};
use heigen::model::{Network, ReparameterizeError, predict, reparameterize};
use std::num::NonZeroUsize;

/// Tolerance between two ways of computing a matrix, relative to the sum of the magnitudes that either adds up.
const TWO_WAYS: f64 = 1e-13;
/// How negative the smallest eigenvalue of a semidefinite matrix may be, relative to the largest, in units of n eps.
const SEMIDEFINITE: f64 = 4.0;

const KINDS: [OperatorKind; 4] = [
    OperatorKind::Hessian,
    OperatorKind::GaussNewton,
    OperatorKind::EmpiricalFisher,
    OperatorKind::FunctionalRemainder,
];

/// The matrix A_n, the second derivative of the loss, as the textbook defines it at outputs `o`.
fn second_derivative(loss: LossKind, o: &[f64]) -> Matrix<f64> {
    let c = o.len();
    let max = o.iter().copied().fold(f64::MIN, f64::max);
    let sum: f64 = o.iter().map(|o| (o - max).exp()).sum();
    let p: Vec<f64> = o.iter().map(|o| (o - max).exp() / sum).collect();
    let delta = |i: usize, j: usize| if i == j { 1.0 } else { 0.0 };
    Matrix::from_fn(c, c, |i, j| match loss {
        LossKind::CrossEntropy => p[i] * delta(i, j) - p[i] * p[j],
        LossKind::Mse => 2.0 / c as f64 * delta(i, j),
        LossKind::Nll | LossKind::Hinge => 0.0,
        other => unreachable!("{other} has oracles of its own"),
    })
}

/// The matrix 1/N sum_n J_n^T A_n J_n, with J_n from the gradients of single outputs.
fn gauss_newton_by_definition(problem: &Problem<f64>) -> Matrix<f64> {
    let (p, n) = (problem.n_params(), problem.n_samples());
    let outputs = problem.outputs();
    let jacobian: Vec<Matrix<f64>> = (0..outputs.rows).map(|c| problem.logit_gradients(c)).collect();
    let mut g = Matrix::zeros(p, p);
    for sample in 0..n {
        let a = second_derivative(problem.loss_kind(), outputs.column(sample));
        for (c, jc) in jacobian.iter().enumerate() {
            for (d, jd) in jacobian.iter().enumerate() {
                let w = a.data[c + d * a.rows] / n as f64;
                for (j, &y) in jd.column(sample).iter().enumerate() {
                    for (g, &x) in g.column_mut(j).iter_mut().zip(jc.column(sample)) {
                        *g += w * x * y;
                    }
                }
            }
        }
    }
    g
}

fn fisher_by_definition(problem: &Problem<f64>) -> Matrix<f64> {
    let g = problem.example_gradients(&ExampleLabels::True);
    let n = g.columns as f64;
    let dot = |i: usize, j: usize| g.iter_columns().map(|g| g[i] * g[j]).sum::<f64>() / n;
    Matrix::from_fn(g.rows, g.rows, dot)
}

#[test]
fn gauss_newton_is_its_definition() {
    for case in cases() {
        if case.counts_as_logits() {
            continue;
        }
        case.with_problem(|problem| {
            let wanted = gauss_newton_by_definition(problem);
            let tolerance = TWO_WAYS * largest(&wanted.data).max(1.0);
            close(&dense_of(&GaussNewton(problem)), &wanted, tolerance, &case.name());
            let zero = matches!(case.loss, LossKind::Nll | LossKind::Hinge);
            assert_eq!(largest(&wanted.data) == 0.0, zero, "{}", case.name());
        });
    }
}

#[test]
fn log_softmax_with_nll_counts_as_logits_with_cross_entropy() {
    for activation in [Activation::Relu, Activation::Sigmoid] {
        let nll = Case { activation, lsoftmax: true, loss: LossKind::Nll };
        let ce = Case { activation, lsoftmax: false, loss: LossKind::CrossEntropy };
        assert!(nll.counts_as_logits());
        nll.with_problem(|nll| {
            ce.with_problem(|ce| {
                let wanted = gauss_newton_by_definition(ce);
                assert!(largest(&wanted.data) > 1e-3);
                let tolerance = TWO_WAYS * largest(&wanted.data).max(1.0);
                close(&dense_of(&GaussNewton(nll)), &wanted, tolerance, "ggn");
                close(&dense_of(&EmpiricalFisher(nll)), &fisher_by_definition(ce), tolerance, "fisher");
                let remainder = dense_of(&FunctionalRemainder(ce));
                close(&dense_of(&FunctionalRemainder(nll)), &remainder, tolerance, "remainder");
            });
        });
    }
}

#[test]
fn empirical_fisher_is_its_definition() {
    for case in cases() {
        case.with_problem(|problem| {
            let wanted = fisher_by_definition(problem);
            let tolerance = TWO_WAYS * largest(&wanted.data).max(1.0);
            close(&dense_of(&EmpiricalFisher(problem)), &wanted, tolerance, &case.name());
        });
    }
}

#[test]
fn gauss_newton_and_remainder_add_up_to_the_hessian() {
    for case in cases() {
        case.with_problem(|problem| {
            let hessian = dense_of(&Hessian(problem));
            let mut sum = dense_of(&GaussNewton(problem));
            let remainder = dense_of(&FunctionalRemainder(problem));
            sum.data.iter_mut().zip(&remainder.data).for_each(|(g, r)| *g += r);
            let tolerance = TWO_WAYS * largest(&hessian.data).max(largest(&remainder.data)).max(1.0);
            close(&sum, &hessian, tolerance, &case.name());
        });
    }
}

/// Tests at PyTorch's minima, where residuals are small, and on inputs of the reference's size.
#[test]
fn golden_networks_agree_too() {
    for case in small_cases() {
        let golden = Golden::open(case.name);
        let data = dataset(&golden);
        let network = Network::build(&case.spec, data.shape.iter().product(), data.n_classes).unwrap();
        let theta = weights(&network, case.name);
        let problem = Problem::<f64>::new(&network, &theta, &data, case.loss).unwrap();
        let v = directions(problem.n_params(), 5);
        let wanted = Hessian(&problem).product(&v).unwrap();
        let mut sum = GaussNewton(&problem).product(&v).unwrap();
        let remainder = FunctionalRemainder(&problem).product(&v).unwrap();
        let tolerance = 1e-10 * largest(&wanted.data).max(largest(&remainder.data)).max(largest(&sum.data));
        sum.data.iter_mut().zip(&remainder.data).for_each(|(g, r)| *g += r);
        close(&sum, &wanted, tolerance, case.name);

        let g = problem.example_gradients(&ExampleLabels::True);
        let mut s = g.transposed_product(&v);
        s.data.iter_mut().for_each(|s| *s /= g.columns as f64);
        let transposed = Matrix::from_fn(g.columns, g.rows, |i, j| g.data[j + i * g.rows]);
        let wanted = transposed.transposed_product(&s);
        let tolerance = 1e-12 * largest(&wanted.data);
        close(&EmpiricalFisher(&problem).product(&v).unwrap(), &wanted, tolerance, case.name);
    }
}

/// Tests that the blocks of each layer with itself vanish: a piecewise-linear network is linear in the weights of one
/// layer.
#[test]
fn remainder_of_relu_networks_lies_between_layers() {
    for case in cases().into_iter().filter(|c| c.activation == Activation::Relu) {
        case.with_problem(|problem| {
            let remainder = dense_of(&FunctionalRemainder(problem));
            let entries = problem.network().layout().entries();
            for layer in entries.chunks(2) {
                let range = layer[0].range.start..layer[1].range.end;
                // Where the network ends in log-softmax and the loss is not nll, the outputs are not piecewise linear.
                let linear = !case.lsoftmax || case.counts_as_logits();
                let block = range.clone().flat_map(|j| remainder.column(j)[range.clone()].to_vec());
                assert!(!linear || block.into_iter().all(|r| r.abs() < 1e-15), "{}", case.name());
            }
        });
    }
}

#[test]
fn gauss_newton_and_fisher_are_positive_semidefinite() {
    for case in cases() {
        case.with_problem(|problem| {
            for a in [dense_of(&GaussNewton(problem)), dense_of(&EmpiricalFisher(problem))] {
                let eigenvalues = self_adjoint_eigen(&a).unwrap().eigenvalues;
                let scale = eigenvalues[eigenvalues.len() - 1];
                let tolerance = SEMIDEFINITE * a.rows as f64 * f64::EPSILON * scale.max(f64::MIN_POSITIVE);
                assert!(eigenvalues[0] >= -tolerance, "{}: {:e} of {scale:e}", case.name(), eigenvalues[0]);
            }
        });
    }
}

#[test]
fn operators_are_symmetric() {
    for case in cases() {
        case.with_problem(|problem| {
            let p = problem.n_params();
            let identity = Matrix::from_fn(p, p, |i, j| if i == j { 1.0 } else { 0.0 });
            for kind in KINDS {
                let a = product_at(problem, kind, &identity);
                let transposed = Matrix::from_fn(p, p, |i, j| a.data[j + i * p]);
                close(&a, &transposed, TWO_WAYS * largest(&a.data), &case.name());
            }
        });
    }
}

#[test]
fn blocks_of_any_width_hold_the_same_products() {
    for case in cases() {
        case.with_problem(|problem| {
            let all = directions(problem.n_params(), 70);
            for kind in KINDS {
                let wanted = product_at(problem, kind, &all);
                let tolerance = TWO_WAYS * largest(&wanted.data);
                for k in [1, 3, 33] {
                    let some = product_at(problem, kind, &all.columns(70 - k..70));
                    close(&some, &wanted.columns(70 - k..70), tolerance, &case.name());
                }
                let none = product_at(problem, kind, &Matrix::zeros(problem.n_params(), 0));
                assert!(none.data.is_empty());
            }
        });
    }
}

#[test]
fn batches_add_up_to_the_whole() {
    for case in cases() {
        case.with_problem(|problem| {
            let v = directions(problem.n_params(), 33);
            let n = problem.n_samples();
            for kind in KINDS {
                let wanted = product_at(problem, kind, &v);
                for size in [1, 7, n - 1, n, n + 5] {
                    let batched =
                        Batched { problem, kind, batch_size: NonZeroUsize::new(size).unwrap() }.product(&v).unwrap();
                    close(&batched, &wanted, 10.0 * TWO_WAYS * largest(&wanted.data), &case.name());
                    if size >= n {
                        assert_eq!(batched.data, wanted.data);
                    }
                }
            }
        });
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let case = Case { activation: Activation::Sigmoid, lsoftmax: true, loss: LossKind::Nll };
    case.with_problem(|problem| {
        let v = directions(problem.n_params(), 70);
        let on = |threads: usize, f: &(dyn Fn() -> Matrix<f64> + Sync)| {
            rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(f)
        };
        for kind in KINDS {
            for size in [3, 100] {
                let batch_size = NonZeroUsize::new(size).unwrap();
                let product = || Batched { problem, kind, batch_size }.product(&v).unwrap();
                assert_eq!(on(1, &product).data, on(2, &product).data, "{kind:?} {size}");
            }
        }
    });
}

#[test]
fn a_shift_adds_a_multiple_of_the_identity() {
    cases()[0].with_problem(|problem| {
        let mut wanted = dense_of(&Hessian(problem));
        let p = wanted.rows;
        (0..p).for_each(|i| wanted.data[i + i * p] += 0.3);
        let shifted = Shifted { operator: Hessian(problem), shift: 0.3 };
        close(&dense_of(&shifted), &wanted, 1e-16, "shifted");
    });
}

/// Single precision agrees with double precision up to its own rounding.
#[test]
fn single_precision_works() {
    for case in cases() {
        let (network, theta, data) = case.parts();
        let single = Problem::<f32>::new(&network, &theta, &data, case.loss).unwrap();
        let double = Problem::<f64>::new(&network, &theta, &data, case.loss).unwrap();
        for kind in KINDS {
            let batch_size = NonZeroUsize::new(7).unwrap();
            let a = dense(&Batched { problem: &single, kind, batch_size }, &mut ()).unwrap();
            let wanted = dense(&Batched { problem: &double, kind, batch_size }, &mut ()).unwrap();
            close(&a, &wanted, 2e-6 * largest(&wanted.data).max(1.0), &case.name());
        }
    }
}

#[test]
fn reparameterized_network_is_the_same_function_at_a_sharper_point() {
    let golden = Golden::open("gauss_30_ce");
    let data = dataset(&golden);
    let network = Network::build(&two_layers(30, Activation::Relu, false), 2, data.n_classes).unwrap();
    let theta = weights(&network, "gauss_30_ce");
    let problem = |theta: &[f32]| Problem::<f64>::new(&network, theta, &data, LossKind::CrossEntropy).unwrap();
    let before = problem(&theta);
    let sharpness = |problem: &Problem<f64>| {
        let eigenvalues = self_adjoint_eigen(&dense(&Hessian(problem), &mut ()).unwrap()).unwrap().eigenvalues;
        eigenvalues[eigenvalues.len() - 1]
    };
    let reference = reparameterize(&network, &theta, [0.2, 5.0, 1.0]).unwrap();
    let after = problem(&reference);
    let scale = largest(&before.outputs().data);
    close(&after.outputs(), &before.outputs(), 1e-5 * scale, "outputs");
    assert_eq!(predict(&after.outputs()), predict(&before.outputs()));
    let (sharp, flat) = (sharpness(&after), sharpness(&before));
    assert!(sharp > 1.5 * flat, "{sharp} {flat}");

    // Multiplication by powers of two changes no digit.
    let exact = problem(&reparameterize(&network, &theta, [0.25, 8.0, 0.5]).unwrap());
    assert_eq!(exact.outputs().data, before.outputs().data);
    let identity = reparameterize(&network, &theta, [1.0; 3]).unwrap();
    assert_eq!(identity, theta);
}

#[test]
fn reparameterization_is_refused_where_the_function_would_change() {
    let network = Network::fully_connected(&[2, 3, 3, 2], Activation::Relu).unwrap();
    let theta = vec![0.5; network.n_params()];
    let with =
        |network: &Network, factors| reparameterize(network, &theta[..network.n_params().min(theta.len())], factors);
    for (factors, position) in [([0.0, 1.0, 1.0], 1), ([1.0, -1.0, -1.0], 2), ([1.0, 1.0, f64::INFINITY], 3)] {
        let error = with(&network, factors).unwrap_err();
        assert_eq!(error, ReparameterizeError::Factor { position, factor: factors[position - 1] });
    }
    assert!(matches!(with(&network, [f64::NAN, 1.0, 1.0]), Err(ReparameterizeError::Factor { position: 1, .. })));
    let error = with(&network, [0.5, 2.0, 3.0]).unwrap_err();
    assert_eq!(error.to_string(), "the factors 0.5, 2, 3 have the product 3; expected 1, for the same function");
    assert!(with(&network, [1.0, 1.0, 1.0 + 5e-7]).is_ok());
    assert!(with(&network, [1.0, 1.0, 1.0 + 2e-6]).is_err());
    let error = reparameterize(&network, &theta[1..], [1.0; 3]).unwrap_err();
    assert_eq!(error, ReparameterizeError::Parameters { got: theta.len() - 1, wanted: theta.len() });
    for other in [
        Network::fully_connected(&[2, 3, 3, 2], Activation::Sigmoid),
        Network::fully_connected(&[2, 3, 2], Activation::Relu),
        Network::fully_connected(&[2, 3, 3, 3, 2], Activation::Relu),
    ] {
        assert_eq!(with(&other.unwrap(), [1.0; 3]).unwrap_err(), ReparameterizeError::Network);
    }
    let log_softmax = Network::build(&two_layers(3, Activation::Relu, true), 2, 2).unwrap();
    assert!(with(&log_softmax, [0.5, 2.0, 1.0]).is_ok());
}
