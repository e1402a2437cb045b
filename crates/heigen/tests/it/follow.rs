//! The numbers of a moment along a training, against dense spectra and explicit projectors.

use crate::common::cases::{Architecture, Small};
use crate::common::textbook::Textbook;
use heigen::analysis::{
    Identities, Look, LookOptions, Outliers, Step, look, match_eigenvectors, preconditioned_sharpness, subspace_overlap,
};
use heigen::config::{Activation, BatchSize, LossKind, OptimizerSpec};
use heigen::curvature::{Hessian, Problem, TopKOptions, Which, dense, top_k};
use heigen::data::Split;
use heigen::linalg::{Matrix, self_adjoint_eigen};
use heigen::train::{Parts, Training};

/// A small network with smooth units, whose Hessian has full rank.
fn case() -> Small {
    let textbook = Textbook {
        widths: vec![3, 6, 5, 3],
        activation: Activation::Sigmoid,
        log_softmax: false,
        loss: LossKind::CrossEntropy,
    };
    Small::new(Architecture::FullyConnected, textbook, 40, 11)
}

/// Calls `each` with the weights at every moment of a short training, and what Adam divides its steps by.
fn along(case: &Small, optimizer: OptimizerSpec, moments: usize, mut each: impl FnMut(&[f64], Option<Vec<f64>>)) {
    let all: Vec<usize> = (0..case.data.n_samples()).collect();
    let parts = Parts::new(&case.data, &Split { train: all, test: vec![], validation: vec![] });
    let network = case.network();
    let theta = case.theta.clone();
    let mut run =
        Training::new(&network, &parts, theta, LossKind::CrossEntropy, optimizer, None, BatchSize::Full, 0).unwrap();
    for _ in 0..moments {
        let theta: Vec<f64> = run.theta().iter().map(|&w| f64::from(w)).collect();
        each(&theta, run.preconditioner());
        for _ in 0..5 {
            run.run_epoch().unwrap();
        }
    }
}

fn problem<'a>(network: &'a heigen::model::Network, case: &Small, theta: &[f64]) -> Problem<'a, f64> {
    Problem::new(network, theta, &case.data, LossKind::CrossEntropy).unwrap()
}

/// The Hessian written out and all of its eigenpairs, ascending.
fn written_out(problem: &Problem<'_, f64>) -> (Matrix<f64>, Vec<f64>, Matrix<f64>) {
    let matrix = dense(&Hessian(problem), &mut ()).unwrap();
    let pairs = self_adjoint_eigen(&matrix).unwrap();
    (matrix, pairs.eigenvalues, pairs.eigenvectors)
}

/// A projector onto the span of columns, written out.
fn projector(v: &Matrix<f64>) -> Matrix<f64> {
    Matrix::from_fn(v.rows, v.rows, |i, j| v.iter_columns().map(|c| c[i] * c[j]).sum())
}

fn close(got: f64, wanted: f64, scale: f64, what: &str) {
    assert!((got - wanted).abs() <= 1e-9 * scale, "{what}: got {got:e}, wanted {wanted:e}");
}

const SGD: OptimizerSpec = OptimizerSpec::Sgd { lr: 0.5, momentum: 0.9, weight_decay: 0.0 };

#[test]
fn every_moment_agrees_with_the_dense_spectrum() {
    let (case, options) = (case(), LookOptions { k: 6, lowest: 2, trace_products: 500, ..LookOptions::default() });
    let network = case.network();
    let mut before: Option<(Look, Vec<f64>, Matrix<f64>)> = None;
    let mut identities = Identities::first(8);
    along(&case, SGD, 12, |theta, none| {
        assert_eq!(none, None);
        let problem = problem(&network, &case, theta);
        let (matrix, values, vectors) = written_out(&problem);
        let p = values.len();
        let scale = values[p - 1].abs().max(values[0].abs());
        let start = before.as_ref().map(|(look, ..)| &look.eigenvectors);
        let found = look(&problem, start, &options, &mut ()).unwrap();
        assert_eq!((found.eigenvalues.len(), found.k), (8, 6));
        for i in 0..6 {
            close(found.eigenvalues[i], values[p - 1 - i], scale, "a large eigenvalue");
        }
        close(found.eigenvalues[6], values[0], scale, "the lowest eigenvalue");
        close(found.eigenvalues[7], values[1], scale, "the second lowest eigenvalue");
        let trace: f64 = (0..p).map(|i| matrix.column(i)[i]).sum();
        close(found.trace.unwrap().value, trace, trace.abs().max(scale), "the trace");
        let g = problem.gradient();
        let top = Matrix::from_fn(p, 6, |i, j| vectors.column(p - 1 - j)[i]);
        let share = |v: &Matrix<f64>, g: &[f64]| {
            let projector = projector(v);
            let part: Vec<f64> = (0..p).map(|i| (0..p).map(|j| projector.column(j)[i] * g[j]).sum()).collect();
            part.iter().map(|x| x * x).sum::<f64>() / g.iter().map(|x| x * x).sum::<f64>()
        };
        // Vectors are good to the residual over the gap, not to its square.
        assert!(
            (found.gradient_in_top - share(&top, &g)).abs() < 1e-4,
            "{} {}",
            found.gradient_in_top,
            share(&top, &g)
        );
        close(found.gradient_in_top, share(&found.eigenvectors.columns(0..6), &g), 1.0, "the share of the gradient");
        close(found.gradient_in_classes, share(&found.eigenvectors.columns(0..3), &g), 1.0, "its share in three");
        if found.outliers_certain {
            assert_eq!(found.outliers, Outliers::count(&values).count);
        }
        if let Some((look, earlier, old_top)) = &before {
            let step = Step::between(earlier, theta, &look.eigenvectors.columns(0..6));
            let moved: Vec<f64> = theta.iter().zip(earlier).map(|(b, a)| b - a).collect();
            close(step.share_in_top, share(&look.eigenvectors.columns(0..6), &moved), 1.0, "the share of the step");
            close(step.length, moved.iter().map(|x| x * x).sum::<f64>().sqrt(), 1.0, "the length of the step");
            // tr(P P') of the projectors themselves.
            let (a, b) = (projector(old_top), projector(&top));
            let together: f64 = a.data.iter().zip(&b.data).map(|(x, y)| x * y).sum::<f64>() / 6.0;
            close(subspace_overlap(old_top, &top), together, 1.0, "the overlap of the subspaces");
            let inner = look.eigenvectors.transposed_product(&found.eigenvectors);
            let tolerances = [look, &found].map(|l| 2.0 * options.tolerance * l.scale);
            let matched = match_eigenvectors(&inner, &look.eigenvalues, &found.eigenvalues, tolerances).unwrap();
            identities.follow(&matched);
            assert_eq!(identities.current().len(), 8);
        }
        before = Some((found, theta.to_vec(), top));
    });
    // Momentum moves the weights far, but most vectors are known from one moment to the next.
    assert!(identities.given() < 8 + 40, "{} identities", identities.given());
}

/// The preconditioned sharpness of Adam is the largest eigenvalue of D^-1 H, found with the matrix written out.
#[test]
fn the_preconditioned_sharpness_is_that_of_the_written_out_matrix() {
    let case = case();
    let network = case.network();
    let mut looked = 0;
    let mut vector: Option<Matrix<f64>> = None;
    along(&case, OptimizerSpec::Adam { lr: 0.02 }, 6, |theta, diagonal| {
        let Some(diagonal) = diagonal else { return assert_eq!(looked, 0) };
        let problem = problem(&network, &case, theta);
        let (matrix, ..) = written_out(&problem);
        let p = diagonal.len();
        let scaled = Matrix::from_fn(p, p, |i, j| matrix.column(j)[i] / (diagonal[i] * diagonal[j]).sqrt());
        let wanted = self_adjoint_eigen(&scaled).unwrap().eigenvalues[p - 1];
        let found =
            preconditioned_sharpness(&problem, &diagonal, vector.as_ref(), &LookOptions::default(), &mut ()).unwrap();
        close(found.eigenvalues[0], wanted, wanted.abs(), "the preconditioned sharpness");
        vector = Some(found.eigenvectors);
        looked += 1;
    });
    assert_eq!(looked, 5);
}

/// Eigenvectors of the moment before are worth products; where the weights have hardly moved, many.
#[test]
fn warm_starts_save_products() {
    let (case, options) = (case(), LookOptions { k: 6, lowest: 1, ..LookOptions::default() });
    let network = case.network();
    let mut before: Option<Look> = None;
    let (mut cold, mut warm) = (0, 0);
    let sgd = OptimizerSpec::Sgd { lr: 0.01, momentum: 0.0, weight_decay: 0.0 };
    along(&case, sgd, 8, |theta, _| {
        let problem = problem(&network, &case, theta);
        if let Some(before) = &before {
            cold += look(&problem, None, &options, &mut ()).unwrap().products;
            warm += look(&problem, Some(&before.eigenvectors), &options, &mut ()).unwrap().products;
        }
        before = Some(look(&problem, None, &options, &mut ()).unwrap());
    });
    assert!(warm < cold, "{warm} products from eigenvectors, {cold} from random directions");
}

#[test]
fn products_in_float32_are_counted() {
    let case = case();
    let network = case.network();
    let problem = problem(&network, &case, &case.theta_f64());
    let options = LookOptions { k: 6, lowest: 0, ..LookOptions::default() };
    let search = TopKOptions { tolerance: options.tolerance, seed: options.seed, ..TopKOptions::default() };
    let top = top_k(&Hessian(&problem), 6, Which::Largest, &search).unwrap();
    assert!(top.drafts > 0);
    assert_eq!(look(&problem, None, &options, &mut ()).unwrap().products, top.all_products());
}

#[test]
fn a_network_with_fewer_parameters_than_eigenvalues_asked_for_gives_all() {
    let case = case();
    let network = case.network();
    let theta: Vec<f64> = case.theta.iter().map(|&w| f64::from(w)).collect();
    let problem = problem(&network, &case, &theta);
    let p = theta.len();
    let options = LookOptions { k: p - 1, lowest: 5, ..LookOptions::default() };
    let found = look(&problem, None, &options, &mut ()).unwrap();
    let (_, values, _) = written_out(&problem);
    assert_eq!((found.eigenvalues.len(), found.k), (p, p - 1));
    close(found.eigenvalues[p - 1], values[0], values[p - 1], "the lowest eigenvalue");
    assert!(found.outliers_certain);
    let options = LookOptions { k: 2 * p, lowest: 5, ..LookOptions::default() };
    assert_eq!(look(&problem, None, &options, &mut ()).unwrap().eigenvalues.len(), p);
}
