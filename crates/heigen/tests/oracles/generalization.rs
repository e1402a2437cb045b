//! `G_theta` and its thresholds on alignments made by hand.

use crate::common::cases::{Architecture, Small};
use crate::common::compare::{close, rounding, spectrum_of};
use crate::common::textbook::Textbook;
use heigen::analysis::{Rule, alignments, analyze, g_theta, per_vector, random_threshold};
use heigen::config::{Activation, LossKind};
use heigen::curvature::ExampleLabels;
use heigen::linalg::Matrix;

/// Three vectors (rows), four samples (columns).
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
fn g_theta_is_the_fraction_at_or_above_the_threshold() {
    let third = 1.0 / 3.0;
    let (max, mean) = (per_vector(&by_hand(), Rule::Max), per_vector(&by_hand(), Rule::Mean));
    for (eps, of_max, of_mean) in
        [(0.0, 1.0, 1.0), (0.03125, 2.0 * third, 2.0 * third), (0.125, 2.0 * third, third), (0.2, third, third)]
    {
        assert_eq!((g_theta(&max, eps), g_theta(&mean, eps)), (of_max, of_mean), "{eps}");
    }
    assert_eq!((g_theta(&max, 1.0), g_theta(&mean, 1.0)), (third, 0.0));
    assert_eq!(g_theta(&max, 1.5), 0.0);
}

#[test]
fn alignments_are_cosines_with_unit_vectors() {
    // Gradients (3, 4), (0, -2), (0, 0) and one of length 1e-21, which counts as none.
    let g = Matrix { data: vec![3.0, 4.0, 0.0, -2.0, 0.0, 0.0, 1e-21, 0.0], rows: 2, columns: 4 };
    let v = Matrix { data: vec![1.0, 0.0, 0.0, 1.0, 0.6, 0.8], rows: 2, columns: 3 };
    let wanted = [0.6, 0.8, 1.0, 0.0, -1.0, -0.8, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    close(&alignments(&g, &v).data, &wanted, rounding::<f64>(2, 1.0), "alignments");
}

#[test]
fn thresholds_of_parallel_gradients_are_the_cosines_of_the_random_vectors() {
    // Along the first axis: |A| of a random unit vector is its first entry, whatever the length of the gradient.
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
        let analysis = analyze(problem, spectrum.clone(), true);
        let (summary, p) = (&analysis.summary, problem.n_params());
        assert_eq!((summary.n_params, summary.n_samples, summary.n_eigenvectors), (p, 9, p));
        assert_eq!((summary.rank, summary.dtype.as_str()), (spectrum.rank(), "float64"));
        assert!(summary.rank < p);
        let largest: Vec<f64> = spectrum.eigenvalues.iter().rev().take(20).copied().collect();
        assert_eq!(summary.eigenvalues_top, largest);
        let gradients = problem.example_gradients(&ExampleLabels::Predicted);
        let all = alignments(&gradients, &spectrum.eigenvectors);
        assert_eq!(analysis.overlaps, all);
        let random = random_threshold(&gradients).mean;
        let wanted: Vec<(Rule, f64)> = [Rule::Max, Rule::Mean]
            .into_iter()
            .flat_map(|rule| [1e-6, 0.047275908641124130, random].map(|eps| (rule, eps)))
            .collect();
        let got: Vec<(Rule, f64)> = summary.g_theta.iter().map(|g| (g.rule, g.eps)).collect();
        assert_eq!(got, wanted);
        for g in &summary.g_theta {
            let each = per_vector(&all, g.rule);
            let counted: Vec<usize> = (0..p).filter(|&i| each[i] >= g.eps).collect();
            let null = counted.iter().filter(|&&i| spectrum.eigenvalues[i].abs() <= 1e-10 * spectrum.scale()).count();
            assert_eq!((g.counted, g.counted_null, g.value), (counted.len(), null, counted.len() as f64 / p as f64));
        }
        let zero = rounding::<f64>(p, spectrum.scale());
        assert!(summary.residual_max <= zero && summary.orthogonality <= rounding::<f64>(p, 1.0));
        assert!(summary.outside_bound <= zero);
        // Without the null space: the vectors of the nonzero eigenvalues, in the same order.
        let few = analyze(problem, spectrum.clone(), false);
        let kept: Vec<usize> = (0..p).filter(|&i| spectrum.is_nonzero(spectrum.eigenvalues[i])).collect();
        assert_eq!((few.eigenvectors.columns, few.overlaps.rows), (kept.len(), kept.len()));
        for (k, &i) in kept.iter().enumerate() {
            assert_eq!(few.eigenvectors.column(k), spectrum.eigenvectors.column(i));
            (0..9).for_each(|n| assert_eq!(few.overlaps.column(n)[k], all.column(n)[i]));
        }
    });
}
