//! The whole analysis of one trained network, and its summary.

use super::{
    FIGURE_4_EPS, FIXED_EPS, GTheta, Outliers, RandomThreshold, Rule, alignments, g_theta, per_vector, random_threshold,
};
use crate::curvature::{ExampleLabels, Hessian, Problem, Spectrum, SymmetricOperator};
use crate::linalg::{Matrix, Scalar};

/// Largest eigenvalues that a summary lists.
const TOP: usize = 20;

/// What an analysis found, in numbers.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Summary {
    /// P.
    pub n_params: usize,
    /// N, training samples.
    pub n_samples: usize,
    /// Mean training loss.
    pub loss: f64,
    /// Training accuracy, 0 to 1.
    pub accuracy: f64,
    /// l2 norm of the gradient of the mean loss: how far from a stationary point.
    pub grad_norm: f64,
    /// Number of nonzero eigenvalues, |lambda| > 1e-10 |lambda|_max.
    pub rank: usize,
    /// How many eigenvectors are kept: those of the nonzero eigenvalues, or all P.
    pub n_eigenvectors: usize,
    /// Sum of the eigenvalues.
    pub trace: f64,
    /// lambda_1.
    pub lambda_max: f64,
    /// The largest eigenvalues, largest first.
    pub eigenvalues_top: Vec<f64>,
    /// Largest residual |H v_i - lambda_i v_i| of the nonzero eigenpairs, by Hessian-vector products.
    pub residual_max: f64,
    /// Largest entry of |V^T V - I| over their eigenvectors.
    pub orthogonality: f64,
    /// Largest |lambda| that counts as zero.
    pub outside_bound: f64,
    /// The generalization measure with its thresholds and rules.
    pub g_theta: Vec<GTheta>,
    /// Eigenvalues apart from the bulk.
    pub outliers: Outliers,
    /// How the spectrum was computed.
    pub method: String,
    /// Number type of the analysis.
    pub dtype: String,
}

/// Spectrum, alignments and summary.
#[derive(Clone, Debug)]
pub struct Analysis<T> {
    /// All P eigenvalues, ascending.
    pub eigenvalues: Vec<T>,
    /// Eigenvectors as columns in ascending order of their eigenvalues, [P, k]: of the nonzero eigenvalues, or all.
    pub eigenvectors: Matrix<T>,
    /// Alignments of the training samples' reinforcing gradients with those eigenvectors, [k, N].
    pub overlaps: Matrix<T>,
    /// The numbers.
    pub summary: Summary,
}

/// Everything the reference computes from a spectrum, from the dense spectrum of a problem's Hessian. `full_basis`
/// keeps the eigenvectors of zero eigenvalues (an arbitrary basis of the null space) as well.
pub fn analyze<T: Scalar>(problem: &Problem<T>, spectrum: Spectrum<T>, full_basis: bool) -> Analysis<T> {
    let gradients = problem.example_gradients(&ExampleLabels::Predicted);
    let all = alignments(&gradients, &spectrum.eigenvectors);
    let g_theta = measures(&all, &spectrum, random_threshold(&gradients));
    let nonzero: Vec<usize> =
        (0..spectrum.eigenvalues.len()).filter(|&i| spectrum.is_nonzero(spectrum.eigenvalues[i])).collect();
    let values: Vec<T> = nonzero.iter().map(|&i| spectrum.eigenvalues[i]).collect();
    let vectors = select(&spectrum.eigenvectors, &nonzero);
    let (residual_max, orthogonality) = certify(problem, &values, &vectors);
    let zero = |l: &&T| !spectrum.is_nonzero(**l);
    let ascending: Vec<f64> = spectrum.eigenvalues.iter().map(|l| l.to_f64()).collect();
    let summary = Summary {
        n_params: problem.n_params(),
        n_samples: problem.n_samples(),
        loss: problem.loss(),
        accuracy: problem.accuracy(),
        grad_norm: super::generalization::norm(&problem.gradient()).to_f64(),
        rank: nonzero.len(),
        n_eigenvectors: if full_basis { problem.n_params() } else { nonzero.len() },
        trace: spectrum.trace(),
        lambda_max: spectrum.lambda_max(),
        eigenvalues_top: ascending.iter().rev().take(TOP).copied().collect(),
        residual_max,
        orthogonality,
        outside_bound: spectrum.eigenvalues.iter().filter(zero).map(|l| l.to_f64().abs()).fold(0.0, f64::max),
        g_theta,
        outliers: Outliers::count(&ascending),
        method: "dense".into(),
        dtype: T::NAME.into(),
    };
    let (eigenvectors, overlaps) =
        if full_basis { (spectrum.eigenvectors, all) } else { (vectors, select_rows(&all, &nonzero)) };
    Analysis { eigenvalues: spectrum.eigenvalues, eigenvectors, overlaps, summary }
}

/// `G_theta` with every threshold and rule.
fn measures<T: Scalar>(all: &Matrix<T>, spectrum: &Spectrum<T>, random: RandomThreshold) -> Vec<GTheta> {
    let thresholds = [
        (FIXED_EPS, "fixed".to_owned()),
        (FIGURE_4_EPS, "fixed, as in the paper's Figure 4".to_owned()),
        (random.mean, "mean over 5 random unit vectors of their largest |A|".to_owned()),
    ];
    let mut out = Vec::new();
    for rule in [Rule::Max, Rule::Mean] {
        let each = per_vector(all, rule);
        for (eps, eps_source) in &thresholds {
            let counted: Vec<usize> = (0..each.len()).filter(|&i| each[i] >= *eps).collect();
            let null = counted.iter().filter(|&&i| !spectrum.is_nonzero(spectrum.eigenvalues[i])).count();
            out.push(GTheta {
                value: g_theta(&each, *eps),
                eps: *eps,
                eps_source: eps_source.clone(),
                rule,
                counted: counted.len(),
                counted_null: null,
            });
        }
    }
    out
}

/// Largest residual |H v_i - lambda_i v_i| and largest |V^T V - I|.
fn certify<T: Scalar>(problem: &Problem<T>, values: &[T], vectors: &Matrix<T>) -> (f64, f64) {
    let products = Hessian(problem).product(vectors);
    let residual = |i: usize| {
        let pairs = products.column(i).iter().zip(vectors.column(i));
        pairs.map(|(&hv, &v)| (hv - values[i] * v).to_f64().powi(2)).sum::<f64>().sqrt()
    };
    let gram = vectors.transposed_product(vectors);
    let off = gram.iter_columns().enumerate().flat_map(|(j, column)| {
        column.iter().enumerate().map(move |(i, g)| (g.to_f64() - f64::from(u8::from(i == j))).abs())
    });
    ((0..values.len()).map(residual).fold(0.0, f64::max), off.fold(0.0, f64::max))
}

fn select<T: Scalar>(m: &Matrix<T>, columns: &[usize]) -> Matrix<T> {
    let data = columns.iter().flat_map(|&j| m.column(j).iter().copied()).collect();
    Matrix { data, rows: m.rows, columns: columns.len() }
}

fn select_rows<T: Scalar>(m: &Matrix<T>, rows: &[usize]) -> Matrix<T> {
    Matrix::from_fn(rows.len(), m.columns, |i, j| m.column(j)[rows[i]])
}
