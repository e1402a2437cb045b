//! Tests of `G_theta` and its thresholds on alignments made by hand.

use crate::common::cases::{Architecture, Small};
use crate::common::compare::{close, rounding, spectrum_of};
use crate::common::textbook::Textbook;
use heigen::analysis::{Definition, Rule, alignments, analyze, count_aligned, per_vector, random_threshold};
use heigen::config::{Activation, LossKind};
use heigen::curvature::{ExampleLabels, Hessian, Method, spectrum};
use heigen::linalg::Matrix;

/// Alignments of four samples (columns) with three vectors (rows).
fn by_hand() -> Matrix<f64> {
    let rows = [[0.5, -1.0, 0.25, 0.25], [0.0, 0.0, -0.125, 0.0], [0.0, 0.0, 0.0, 0.0]];
    Matrix::from_fn(3, 4, |i, j| rows[i][j])
}

#[test]
fn a_vector_counts_by_its_largest_or_mean_magnitude() {
    assert_eq!(per_vector(&by_hand(), Rule::Max), [1.0, 0.125, 0.0]);
    assert_eq!(per_vector(&by_hand(), Rule::Mean), [0.5, 0.03125, 0.0]);
}

#[test]
fn vectors_at_or_above_the_threshold_are_counted() {
    let (max, mean) = (per_vector(&by_hand(), Rule::Max), per_vector(&by_hand(), Rule::Mean));
    for (eps, of_max, of_mean) in [(0.0, 3, 3), (0.03125, 2, 2), (0.125, 2, 1), (0.2, 1, 1), (1.0, 1, 0), (1.5, 0, 0)] {
        assert_eq!((count_aligned(&max, eps), count_aligned(&mean, eps)), (of_max, of_mean), "{eps}");
    }
}

#[test]
fn alignments_are_cosines_with_unit_vectors() {
    // The gradients are (3, 4), (0, -2), (0, 0) and one of length 1e-21, which counts as zero.
    let g = Matrix { data: vec![3.0, 4.0, 0.0, -2.0, 0.0, 0.0, 1e-21, 0.0], rows: 2, columns: 4 };
    let v = Matrix { data: vec![1.0, 0.0, 0.0, 1.0, 0.6, 0.8], rows: 2, columns: 3 };
    let wanted = [0.6, 0.8, 1.0, 0.0, -1.0, -0.8, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    close(&alignments(&g, &v).data, &wanted, rounding::<f64>(2, 1.0), "alignments");
}

#[test]
fn thresholds_of_parallel_gradients_are_the_cosines_of_the_random_vectors() {
    // For a gradient along the first axis, |A| of a random unit vector is its first entry, whatever the gradient's
    // length.
    let p = 3;
    let g = Matrix { data: vec![2.0, 0.0, 0.0, -7.0, 0.0, 0.0], rows: p, columns: 2 };
    // numpy.random.RandomState(42).randn(15), as NumPy prints them.
    let draws = [
        [0.49671415, -0.1382643, 0.64768854],
        [1.52302986, -0.23415337, -0.23413696],
        [1.57921282, 0.76743473, -0.46947439],
        [0.54256004, -0.46341769, -0.46572975],
        [0.24196227, -1.91328024, -1.72491783],
    ];
    let cosines = draws.map(|v: [f64; 3]| v[0].abs() / v.iter().map(|x| x * x).sum::<f64>().sqrt());
    let wanted = [cosines.iter().sum::<f64>() / 5.0, cosines.iter().copied().fold(1.0, f64::min)];
    let got = random_threshold(&g);
    // The draws have 8 decimals.
    close(&[got.mean, got.min], &wanted, 1e-7, "mean, min");
    let none = random_threshold(&Matrix::<f64>::zeros(p, 2));
    assert_eq!((none.mean, none.min), (0.0, 0.0));
}

#[test]
fn the_summary_counts_as_its_parts_do() {
    let textbook = Textbook {
        widths: vec![2, 4, 4, 3],
        activation: Activation::Relu,
        log_softmax: false,
        loss: LossKind::CrossEntropy,
    };
    let case = Small::new(Architecture::TwoLayers, textbook, 9, 3);
    case.with::<f64, ()>(|problem| {
        let spectrum = spectrum_of(problem).0;
        let gradients = problem.example_gradients(&ExampleLabels::Predicted);
        let analysis = analyze(problem, gradients.clone(), spectrum.clone(), true).unwrap();
        let (summary, p) = (&analysis.summary, problem.n_params());
        assert_eq!((summary.n_params, summary.n_samples, summary.n_eigenvectors), (p, 9, p));
        assert_eq!((summary.rank, summary.dtype.name()), (spectrum.rank(), "float64"));
        assert!(summary.rank < p);
        let largest: Vec<f64> = spectrum.eigenvalues.iter().rev().take(20).copied().collect();
        assert_eq!(summary.eigenvalues_top, largest);
        let all = alignments(&gradients, &spectrum.eigenvectors);
        assert_eq!(analysis.overlaps, all);
        let random = random_threshold(&gradients).mean;
        let wanted: Vec<(Rule, f64)> = [Rule::Max, Rule::Mean]
            .into_iter()
            .flat_map(|rule| [1e-6, 0.04727759086412113, random].map(|eps| (rule, eps)))
            .collect();
        for definition in [Definition::Subspaces, Definition::Eigenvectors] {
            let of = summary.g_theta.iter().filter(|g| g.definition == definition);
            assert_eq!(of.map(|g| (g.rule, g.eps)).collect::<Vec<_>>(), wanted);
        }
        for g in summary.g_theta.iter().filter(|g| g.definition == Definition::Eigenvectors) {
            let each = per_vector(&all, g.rule);
            let counted: Vec<usize> = (0..p).filter(|&i| each[i] >= g.eps).collect();
            let null = counted.iter().filter(|&&i| spectrum.eigenvalues[i].abs() <= 1e-10 * spectrum.scale()).count();
            assert_eq!((g.counted, g.counted_null, g.value), (counted.len(), null, counted.len() as f64 / p as f64));
        }
        let zero = rounding::<f64>(p, spectrum.scale());
        // They are bounds, up to eight times as large as what they bound.
        assert!(summary.residual_max <= 10.0 * zero && summary.orthogonality <= 10.0 * rounding::<f64>(p, 1.0));
        assert!(summary.outside_bound <= 10.0 * zero);
        // Without the null space there are only the vectors of the nonzero eigenvalues, in the same order.
        let few = analyze(problem, gradients.clone(), spectrum.clone(), false).unwrap();
        let kept: Vec<usize> = (0..p).filter(|&i| spectrum.is_nonzero(spectrum.eigenvalues[i])).collect();
        assert_eq!((few.spectrum.eigenvectors.columns, few.overlaps.rows), (kept.len(), kept.len()));
        for (k, &i) in kept.iter().enumerate() {
            assert_eq!(few.spectrum.eigenvectors.column(k), spectrum.eigenvectors.column(i));
            (0..9).for_each(|n| assert_eq!(few.overlaps.column(n)[k], all.column(n)[i]));
        }
    });
}

/// A rotation of the null space, or of any cluster, changes the reference's count, but not the count by subspaces.
#[test]
fn subspaces_do_not_depend_on_the_basis() {
    let textbook =
        Textbook { widths: vec![2, 4, 4, 3], activation: Activation::Relu, log_softmax: false, loss: LossKind::Hinge };
    Small::new(Architecture::TwoLayers, textbook, 9, 3).with::<f64, ()>(|problem| {
        let gradients = problem.example_gradients(&ExampleLabels::Predicted);
        let operator = Hessian(problem);
        let by_subspaces = |method: Method, full: bool| {
            let found = spectrum(&operator, method, f64::INFINITY, &mut ()).unwrap();
            let all = analyze(problem, gradients.clone(), found, full).unwrap().summary.g_theta;
            let own = all.into_iter().filter(|g| g.definition == Definition::Subspaces);
            own.map(|g| (g.rule, g.counted, g.counted_null)).collect::<Vec<_>>()
        };
        let wanted = by_subspaces(Method::Dense, false);
        assert!(wanted.iter().any(|w| w.2 > 0), "no direction of the null space counts: the test would show nothing");
        for (method, full) in [(Method::Dense, true), (Method::Exact, false), (Method::Exact, true)] {
            assert_eq!(by_subspaces(method, full), wanted, "{method:?} {full}");
        }
    });
}
