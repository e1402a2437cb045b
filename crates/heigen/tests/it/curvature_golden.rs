//! Compares curvature with PyTorch's float64 numbers, network by network.
use crate::common;

use crate::common::Golden;
use crate::common::networks::{Case, dataset, large_case, small_cases, weights};
use heigen::analysis::{Rule, alignments, cosine_similarities, per_vector, random_threshold};
use heigen::config::LossKind;
use heigen::curvature::{ExampleLabels, Hessian, Method, Problem, Spectrum, SymmetricOperator, spectrum};
use heigen::linalg::Matrix;
use heigen::model::Network;

/// Tolerances within which results count as equal; the project defines them.
const EIGENVALUE: f64 = 1e-9;
const ALIGNMENT: f64 = 1e-6;
const HVP: f64 = 1e-10;
/// Tolerance where PyTorch computes p - 1 by subtraction, which loses digits where p is close to 1.
const EPS: f64 = 1e-6;
/// Tolerance between two ways of computing an alignment: both take 1 - p for a class of probability p, and divide by a
/// gradient of that size.
const TWO_WAYS: f64 = 1e-10;
/// Eigenvalues closer than this fraction of the largest have no individual eigenvectors to compare.
const SEPARATED: f64 = 1e-6;

fn with_problem(case: &Case, f: impl FnOnce(&Golden, &Problem<f64>)) {
    let golden = Golden::open(case.name);
    let data = dataset(&golden);
    let network = Network::build(&case.spec, data.shape.iter().product(), data.n_classes).unwrap();
    let theta = weights(&network, case.name);
    f(&golden, &Problem::new(&network, &theta, &data, case.loss).unwrap());
}

fn close(got: &[f64], wanted: &[f64], tolerance: f64, what: &str) {
    assert_eq!(got.len(), wanted.len(), "{what}");
    for (i, (g, w)) in got.iter().zip(wanted).enumerate() {
        assert!((g - w).abs() <= tolerance, "{what}[{i}]: got {g:e}, wanted {w:e}, off by {:e}", (g - w).abs());
    }
}

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn first_order(golden: &Golden, problem: &Problem<f64>) {
    close(&problem.outputs().data, &golden.get("logits").values, 1e-12, "logits");
    let loss = golden.get("loss").scalar();
    close(&[problem.loss()], &[loss], 1e-12 * loss.abs().max(1.0), "loss");
    let gradient = problem.gradient();
    let gradient_norm = golden.get("grad_norm").scalar();
    close(&[norm(&gradient)], &[gradient_norm], 1e-11, "grad_norm");
    if problem.n_params() < 2000 {
        close(&gradient, &golden.get("grad").values, 1e-12, "grad");
    }
    let examples = problem.example_gradients(&ExampleLabels::Predicted);
    let norms: Vec<f64> = examples.iter_columns().map(norm).collect();
    close(&norms, &golden.get("grad_norms").values, 1e-11, "grad_norms");
}

/// Compares the product with one direction, alone and among others in a block.
fn products(golden: &Golden, problem: &Problem<f64>) {
    let p = problem.n_params();
    let hessian = Hessian(problem);
    let block = Matrix::from_fn(p, 40, |i, k| if k == 37 { (0.37 * i as f64).cos() } else { ((i * k) as f64).sin() });
    let single = Matrix { data: block.column(37).to_vec(), rows: p, columns: 1 };
    let one = hessian.product(&single).unwrap();
    let among_others = hessian.product(&block).unwrap();
    let head = golden.get("hvp_cos_head").values;
    let scale = norm(&one.data).max(f64::MIN_POSITIVE);
    for hv in [&one.data[..], among_others.column(37)] {
        close(&hv[..head.len()], &head, HVP * scale, "hvp_cos_head");
        let vhv: f64 = hv.iter().zip(&single.data).map(|(a, b)| a * b).sum();
        close(&[vhv], &[golden.get("vhv_cos").scalar()], HVP * scale * norm(&single.data), "vhv_cos");
    }
}

fn golden_spectrum(golden: &Golden, problem: &Problem<f64>, method: Method) -> Spectrum<Matrix<f64>> {
    let spectrum = spectrum(&Hessian(problem), method, f64::INFINITY, &mut ()).unwrap();
    let wanted = golden.get("eigenvalues").values;
    let scale = wanted.iter().fold(0.0f64, |m, l| m.max(l.abs()));
    close(&spectrum.eigenvalues, &wanted, EIGENVALUE * scale, "eigenvalues");
    assert_eq!(spectrum.rank(), golden.get("rank_1e_10").scalar() as usize, "rank");
    close(&[spectrum.trace()], &[golden.get("trace").scalar()], EIGENVALUE * scale * wanted.len() as f64, "trace");
    spectrum
}

/// The error that PyTorch's alignment of each sample may have. PyTorch computes p - 1 by subtraction, which leaves a
/// relative error of eps / (1 - p) where the network is certain (p close to 1). Our value keeps its digits there.
fn uncertainty(problem: &Problem<f64>, points: &Matrix<f64>) -> Vec<f64> {
    let outputs = problem.network().outputs(problem.theta(), points);
    let one_minus_p = |o: &[f64]| {
        let top = heigen::model::argmax(o);
        let others: f64 = (0..o.len()).filter(|&c| c != top).map(|c| (o[c] - o[top]).exp()).sum();
        others / (1.0 + others)
    };
    outputs.iter_columns().map(|o| ALIGNMENT + 4.0 * f64::EPSILON / one_minus_p(o)).collect()
}

/// Compares rows of alignments, each up to its sign, where the eigenvalue is positive and separated from its
/// neighbours.
fn compare_alignments(
    got: &Matrix<f64>,
    wanted: &common::Array,
    eigenvalues: &[f64],
    tolerance: &[f64],
    what: &str,
) -> usize {
    let n = wanted.shape[1];
    let descending: Vec<f64> = eigenvalues.iter().rev().copied().collect();
    let scale = eigenvalues.iter().fold(0.0f64, |m, l| m.max(l.abs()));
    let mut compared = 0;
    for i in 0..got.rows {
        let alone = |j: usize| descending.get(j).is_none_or(|l| (l - descending[i]).abs() > SEPARATED * scale);
        if descending[i] <= 0.0 || !alone(i + 1) || (i > 0 && !alone(i - 1)) {
            continue;
        }
        let got: Vec<f64> = (0..n).map(|j| got.column(j)[i]).collect();
        let wanted = &wanted.values[i * n..(i + 1) * n];
        let sign = if got.iter().zip(wanted).map(|(a, b)| a * b).sum::<f64>() < 0.0 { -1.0 } else { 1.0 };
        for (j, (g, w)) in got.iter().zip(wanted).enumerate() {
            let off = (g * sign - w).abs();
            assert!(off <= tolerance[j], "{what} {i} sample {j}: {} against {w}, off by {off:e}", g * sign);
        }
        compared += 1;
    }
    compared
}

fn everything(case: &Case, method: Method) {
    with_problem(case, |golden, problem| {
        first_order(golden, problem);
        products(golden, problem);
        let spectrum = golden_spectrum(golden, problem, method);
        let wanted = golden.get("alignment_top");
        let (_, top) = spectrum.top(wanted.shape[0]);
        let got = problem.alignments_at(problem.inputs(), &ExampleLabels::Predicted, &top);
        let compared = compare_alignments(
            &got,
            &wanted,
            &spectrum.eigenvalues,
            &vec![ALIGNMENT; problem.n_samples()],
            "alignment_top",
        );
        if spectrum.scale() > 1e-8 {
            assert!(compared >= 3, "{}: only {compared} rows are separated", case.name);
        }
        let grid = golden.get("grid");
        let points = Matrix::from_f32(&grid.f32(), grid.shape[1]);
        let got = problem.alignments_at(&points, &ExampleLabels::Predicted, &top);
        let tolerance = match problem.loss_kind() {
            LossKind::CrossEntropy | LossKind::Nll => uncertainty(problem, &points),
            _ => vec![ALIGNMENT; points.columns],
        };
        let wanted = golden.get("grid_alignment_top");
        compare_alignments(&got, &wanted, &spectrum.eigenvalues, &tolerance, "grid_alignment_top");
        let classes = heigen::model::predict(&problem.network().outputs(problem.theta(), &points));
        assert_eq!(classes, golden.get("grid_class").usize());
    });
}

#[test]
fn small_networks_agree_with_pytorch() {
    for case in small_cases() {
        for method in [Method::Dense, Method::Exact] {
            println!("{} {method:?}", case.name);
            everything(&case, method);
        }
    }
}

/// The network with P = 10,703, without the dense matrix.
#[test]
fn large_network_agrees_with_pytorch() {
    everything(&large_case(), Method::Auto);
}

#[test]
fn large_network_first_order_and_products_agree_with_pytorch() {
    with_problem(&large_case(), |golden, problem| {
        first_order(golden, problem);
        products(golden, problem);
    });
}

#[test]
fn thresholds_and_coherence_agree_with_pytorch() {
    for case in small_cases().into_iter().chain([large_case()]) {
        with_problem(&case, |golden, problem| {
            let gradients = problem.example_gradients(&ExampleLabels::Predicted);
            let eps = random_threshold(&gradients);
            let wanted = [golden.get("eps_mean").scalar(), golden.get("eps_min").scalar()];
            close(&[eps.mean, eps.min], &wanted, EPS, case.name);
            let classes = problem.network().n_outputs();
            let n = problem.n_samples();
            let logits: Vec<Matrix<f64>> = (0..classes).map(|c| problem.logit_gradients(c)).collect();
            // The golden file orders the gradients by sample, and for each sample by logit.
            let m = golden.get("logit_coherence_16").shape[0];
            let order: Vec<(usize, usize)> = (0..n).flat_map(|s| (0..classes).map(move |c| (c, s))).take(m).collect();
            let data = order.iter().flat_map(|&(c, s)| logits[c].column(s).to_vec()).collect();
            let cosines = cosine_similarities(&Matrix { data, rows: problem.n_params(), columns: m });
            close(&cosines.data, &golden.get("logit_coherence_16").values, 1e-11, "logit_coherence_16");
        });
    }
}

#[test]
fn both_ways_to_alignments_agree() {
    for case in small_cases() {
        with_problem(&case, |_, problem| {
            let vectors = Matrix::from_fn(problem.n_params(), 7, |i, k| ((i * (k + 2)) as f64 * 0.61).sin());
            let labels = ExampleLabels::Given((0..problem.n_samples()).map(|n| n % 2).collect());
            for labels in [ExampleLabels::Predicted, ExampleLabels::True, ExampleLabels::Fixed(1), labels] {
                let explicit = alignments(&problem.example_gradients(&labels), &vectors);
                let implicit = problem.alignments_at(problem.inputs(), &labels, &vectors);
                close(&implicit.data, &explicit.data, TWO_WAYS * norm(vectors.column(0)), case.name);
            }
        });
    }
}

#[test]
fn g_theta_agrees_where_the_basis_does_not_matter() {
    for case in small_cases() {
        with_problem(&case, |golden, problem| {
            let spectrum = spectrum(&Hessian(problem), Method::Dense, f64::INFINITY, &mut ()).unwrap();
            let a = alignments(&problem.example_gradients(&ExampleLabels::Predicted), &spectrum.eigenvectors);
            let (got, wanted) = (per_vector(&a, Rule::Max), golden.get("max_alignment_per_vector").values);
            let scale = spectrum.scale();
            let mut compared = 0;
            for (i, pair) in spectrum.eigenvalues.windows(3).enumerate() {
                let gap = (pair[1] - pair[0]).min(pair[2] - pair[1]);
                if gap > 1e-6 * scale && scale > 1e-8 {
                    assert!((got[i + 1] - wanted[i + 1]).abs() < ALIGNMENT, "{} {i}", case.name);
                    compared += 1;
                }
            }
            assert!(compared > 3 || scale < 1e-8, "{}: {compared}", case.name);
            // The basis spans R^P: the squared alignments of a sample with a complete basis add up to 1 (or 0).
            for column in a.iter_columns() {
                let sum: f64 = column.iter().map(|a| a * a).sum();
                assert!((sum - 1.0).abs() < 1e-10 || sum == 0.0, "{}: {sum}", case.name);
            }
        });
    }
}
