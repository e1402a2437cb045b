//! The measures of a cell: what is taken from the records of its training, its analysis and its boundary.

use heigen::analysis::Summary;
use heigen_store::boundary_record::BoundaryRecord;
use heigen_store::record::ModelRecord;
use std::collections::BTreeMap;

/// A measure of a trained network.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// Its name in tables and study files.
    pub name: &'static str,
    /// Its name on axes, in the figures' small TeX.
    pub label: &'static str,
    /// The definition in one sentence without a full stop.
    pub about: &'static str,
    /// Whether it is positive and spreads over decades, so that axes are logarithmic.
    pub logarithmic: bool,
}

const fn measure(name: &'static str, label: &'static str, about: &'static str) -> Measure {
    Measure { name, label, about, logarithmic: false }
}

const fn over_decades(name: &'static str, label: &'static str, about: &'static str) -> Measure {
    Measure { name, label, about, logarithmic: true }
}

/// All measures, in the order of the table's columns.
pub const MEASURES: [Measure; 33] = [
    measure("n_params", "$P$", "number of parameters"),
    measure("epochs", "epochs", "epochs that were trained"),
    over_decades("train_loss", "training loss", "mean loss over the training samples at the end"),
    measure("train_accuracy", "training accuracy", "fraction of the training samples that are told right"),
    over_decades("test_loss", "test loss", "mean loss over the test samples"),
    measure("test_accuracy", "test accuracy", "fraction of the test samples that are told right"),
    over_decades("weight_norm", r"$|\theta|$", "l2 norm of all parameters"),
    over_decades("grad_norm", r"$|\nabla L|$", "l2 norm of the gradient of the mean loss"),
    over_decades("lambda_1", r"$\lambda_1$", "largest eigenvalue of the Hessian of the mean training loss"),
    over_decades("lambda_2", r"$\lambda_2$", "second largest eigenvalue"),
    over_decades("lambda_3", r"$\lambda_3$", "third largest eigenvalue"),
    measure("lambda_min", r"$\lambda_{min}$", "most negative eigenvalue, or 0"),
    over_decades("trace", "trace", "sum of the eigenvalues"),
    measure("rank", "rank", "number of eigenvalues that are not 0"),
    measure("outliers", "outliers", "eigenvalues above the lowest gap of 5 % of lambda_1"),
    measure("outliers_half_gap", "outliers (2.5 %)", "outliers by gaps of 2.5 % of lambda_1"),
    measure("outliers_double_gap", "outliers (10 %)", "outliers by gaps of 10 % of lambda_1"),
    over_decades(
        "g_theta",
        r"$G_\theta$",
        "fraction of eigenvectors with which a training sample's gradient aligns by .0473, the threshold of the paper's Figure 4 \
         (equal eigenvalues as subspaces)",
    ),
    over_decades(
        "g_theta_random",
        r"$G_\theta$ (random)",
        "G_theta with the alignment that random directions reach as its threshold",
    ),
    over_decades("g_theta_fixed", r"$G_\theta$ ($10^{-6}$)", "G_theta with the threshold 1e-6"),
    over_decades("margin_estimate", "estimated margin", "the paper's estimate of the margin by v_1"),
    measure(
        "margin_cos2",
        r"$cos^2$",
        "cos^2 between v_1 and the gradient at the point that the estimate is from; 1 where it is exact",
    ),
    over_decades("margin", "margin", "distance of the decision boundary from the nearest training sample"),
    measure("pieces", "pieces", "connected pieces of the boundary in the plane's frame"),
    measure("linear_pieces", "linear pieces", "maximal straight segments of the boundary in the plane's frame"),
    over_decades("length", "length", "length of the boundary in the plane's frame"),
    over_decades("turning", "turning", "total absolute curvature of the boundary in the plane's frame, in radians"),
    measure("switches_same", "switches", "mean number of changes of class between two training samples of one class"),
    measure(
        "switches_different",
        "switches (other)",
        "mean number of changes of class between training samples of different classes",
    ),
    measure(
        "sign_accuracy",
        "told by signs",
        "fraction of the plane whose class the signs of alignments with the outliers tell",
    ),
    measure("sign_accuracy_random", "told by random", "the same by as many random directions"),
    over_decades(
        "first_train_loss",
        "first training loss",
        "training loss at the end of the training before, where there is one",
    ),
    measure(
        "first_train_accuracy",
        "first training accuracy",
        "training accuracy at the end of the training before, where there is one",
    ),
];

/// The names of all measures.
pub fn measure_names() -> impl Iterator<Item = &'static str> {
    MEASURES.iter().map(|measure| measure.name)
}

/// Whether there is a measure of this name.
pub(super) fn is_measure(name: &str) -> bool {
    measure_names().any(|known| known == name)
}

/// The measure of a name.
pub(super) fn named(name: &str) -> Option<&'static Measure> {
    MEASURES.iter().find(|measure| measure.name == name)
}

/// The measures of one cell by name, from what was found of it. A number that is not finite is left out.
pub(super) fn taken(
    theta: &[f64],
    model: &ModelRecord,
    first: Option<&ModelRecord>,
    summary: &Summary,
    boundary: &BoundaryRecord,
) -> BTreeMap<String, f64> {
    let end = model.epochs.last();
    let first = first.and_then(|model| model.epochs.last());
    let count = |n: usize| Some(n as f64);
    let lambda = |i: usize| summary.eigenvalues_top.get(i - 1).copied();
    let norm = theta.iter().map(|w| w * w).sum::<f64>().sqrt();
    let shape = boundary.complexity.as_ref();
    let estimate = boundary.margin.as_ref();
    let all = [
        ("n_params", count(summary.n_params)),
        ("epochs", count(model.epochs_trained)),
        ("train_loss", Some(summary.loss)),
        ("train_accuracy", summary.accuracy),
        ("test_loss", end.and_then(|e| e.test).map(|t| t.loss)),
        ("test_accuracy", end.and_then(|e| e.test?.accuracy)),
        ("weight_norm", Some(norm)),
        ("grad_norm", Some(summary.grad_norm)),
        ("lambda_1", lambda(1)),
        ("lambda_2", lambda(2)),
        ("lambda_3", lambda(3)),
        ("lambda_min", Some(summary.lambda_min)),
        ("trace", Some(summary.trace)),
        ("rank", count(summary.rank)),
        ("outliers", count(summary.outliers.count)),
        ("outliers_half_gap", count(summary.outliers.count_at_half_gap)),
        ("outliers_double_gap", count(summary.outliers.count_at_double_gap)),
        ("g_theta", summary.g_theta_of_figure_4()),
        ("g_theta_random", summary.g_theta_above_random()),
        ("g_theta_fixed", summary.g_theta_above_zero()),
        ("margin_estimate", estimate.map(|m| m.margin)),
        ("margin_cos2", estimate.map(|m| m.cos2)),
        ("margin", boundary.nearest.as_ref().map(|point| point.distance)),
        ("pieces", shape.and_then(|s| count(s.n_pieces))),
        ("linear_pieces", shape.and_then(|s| count(s.n_linear))),
        ("length", shape.map(|s| s.length)),
        ("turning", shape.map(|s| s.turning)),
        ("switches_same", Some(boundary.switches.same_class.mean)),
        ("switches_different", Some(boundary.switches.different_class.mean)),
        ("sign_accuracy", Some(boundary.encoding.accuracy)),
        ("sign_accuracy_random", Some(boundary.encoding_random)),
        ("first_train_loss", first.map(|e| e.train.loss)),
        ("first_train_accuracy", first.and_then(|e| e.train.accuracy)),
    ];
    let finite = |(name, value): (&str, Option<f64>)| Some((name.to_owned(), value.filter(|v| v.is_finite())?));
    all.into_iter().filter_map(finite).collect()
}
