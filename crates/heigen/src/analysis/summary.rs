//! The whole analysis of one trained network, and its summary.

use super::generalization::{alignments_in, lengths, random_threshold_in};
use super::{
    Definition, FIGURE_4_EPS, FIXED_EPS, GTheta, Outliers, RandomThreshold, Rule, SubspaceAlignments, per_vector,
};
use crate::curvature::{Certificate, Failure, Host, Method, Problem, Space, Spectrum, WholeColumns};
use crate::linalg::{Matrix, Scalar};
use crate::vocabulary::Dtype;

/// Number of largest eigenvalues that a summary lists.
const TOP: usize = 20;

/// The results of an analysis in a few numbers.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Summary {
    /// P, the number of parameters.
    pub n_params: usize,
    /// N, the number of samples over which the loss is averaged.
    pub n_samples: usize,
    /// Mean loss.
    pub loss: f64,
    /// The fraction of these samples that is classified correctly, 0 to 1; `None` where samples have no class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// The l2 norm of the gradient of the mean loss, which is 0 at a stationary point.
    pub grad_norm: f64,
    /// Number of nonzero eigenvalues, |lambda| > 1e-10 |lambda|_max.
    pub rank: usize,
    /// Number of stored eigenvectors: those of the nonzero eigenvalues, or all P. Under weight decay the exact way stores
    /// none of the eigenspace in which the matrix is mu alone.
    pub n_eigenvectors: usize,
    /// Sum of the eigenvalues.
    pub trace: f64,
    /// The largest eigenvalue lambda_1.
    pub lambda_max: f64,
    /// The most negative eigenvalue, or 0.
    pub lambda_min: f64,
    /// The largest eigenvalues, largest first.
    pub eigenvalues_top: Vec<f64>,
    /// Largest residual |H v_i - lambda_i v_i|.
    pub residual_max: f64,
    /// Largest entry of |V^T V - I|.
    pub orthogonality: f64,
    /// The bound on the part of the matrix outside the stored pairs, as the certificate has it: that of all pairs, and the
    /// largest eigenvalue that counts as zero, whose vector is not stored.
    pub outside_bound: f64,
    /// The error bounds of the spectrum.
    pub certificate: Certificate,
    /// The generalization measure with its thresholds, rules and definitions; empty where the matrix is zero as far as can
    /// be told, which has no directions to count, and where samples have no classes, whose gradients reinforce nothing.
    pub g_theta: Vec<GTheta>,
    /// Clusters of two or more nonzero eigenvalues that were treated as subspaces.
    pub n_clusters: usize,
    /// The eigenvalues that stand apart from the bulk.
    pub outliers: Outliers,
    /// The method by which the spectrum was computed.
    pub method: Method,
    /// Number type of the analysis.
    pub dtype: Dtype,
}

impl Summary {
    /// The value of `G_theta` by subspaces at the threshold of the paper's Figure 4, by the rule of the largest
    /// alignment.
    pub fn g_theta_of_figure_4(&self) -> Option<f64> {
        self.g_theta_with(|eps| eps.to_bits() == FIGURE_4_EPS.to_bits())
    }

    /// The value of `G_theta` as in [`Summary::g_theta_of_figure_4`], with the alignment that random directions reach as its
    /// threshold.
    pub fn g_theta_above_random(&self) -> Option<f64> {
        self.g_theta_with(|eps| ![FIGURE_4_EPS, FIXED_EPS].map(f64::to_bits).contains(&eps.to_bits()))
    }

    /// The value of `G_theta` as in [`Summary::g_theta_of_figure_4`], with the smallest of the thresholds, [`FIXED_EPS`].
    pub fn g_theta_above_zero(&self) -> Option<f64> {
        self.g_theta_with(|eps| eps.to_bits() == FIXED_EPS.to_bits())
    }

    fn g_theta_with(&self, threshold: impl Fn(f64) -> bool) -> Option<f64> {
        let meant = |g: &&GTheta| g.definition == Definition::Subspaces && g.rule == Rule::Max && threshold(g.eps);
        self.g_theta.iter().find(meant).map(|g| g.value)
    }
}

/// An analysis: the spectrum, the alignments and the summary.
#[derive(Clone, Debug)]
pub struct Analysis<T> {
    /// All P eigenvalues, and the stored eigenvectors.
    pub spectrum: Spectrum<Matrix<T>>,
    /// Alignments of the samples' reinforcing gradients with the stored eigenvectors, [k, N].
    pub overlaps: Matrix<T>,
    /// The summary in numbers.
    pub summary: Summary,
}

/// Computes everything that the reference computes from a spectrum: alignments, `G_theta`, outliers, trace.
///
/// `gradients` [P, N] are the reinforcing gradients of the problem's samples; where samples have no classes, those of their own
/// loss, and there is no `G_theta`. With `full_basis` the eigenvectors of zero
/// eigenvalues, an arbitrary basis of the null space, are kept (and made where they were not computed).
///
/// # Errors
/// [`Failure`] if an eigenproblem on the way fails.
pub fn analyze<T: Scalar>(
    problem: &Problem<T>,
    gradients: Matrix<T>,
    spectrum: Spectrum<Matrix<T>>,
    full_basis: bool,
) -> Result<Analysis<T>, Failure> {
    let space = Host::on(gradients.rows, problem.space().threads());
    analyze_in(&space, problem, gradients, spectrum, full_basis)
}

/// [`analyze`] where the rows of gradients and eigenvectors have a home of their own, as they do where they are spread over the pieces of
/// a computation; the alignments are on every piece. A full basis is made only of vectors that have all their rows in one piece.
///
/// # Errors
/// [`Failure`] if an eigenproblem on the way fails, or the connection between pieces.
pub fn analyze_in<T: Scalar, S: WholeColumns<T>>(
    space: &S,
    problem: &Problem<T>,
    gradients: Matrix<T>,
    mut spectrum: Spectrum<Matrix<T>>,
    full_basis: bool,
) -> Result<Analysis<T>, Failure> {
    let lengths = lengths(space, &gradients)?;
    let random = random_threshold_in(space, &gradients, &lengths)?;
    let mut g_theta = Vec::new();
    let mut everything = None;
    if full_basis && space.own_rows().len() == space.len() {
        space.threads().run(|| spectrum.complete())?;
    }
    let known_whole = spectrum.places.len() == spectrum.eigenvalues.len();
    if known_whole {
        let all = alignments_in(space, &gradients, &lengths, &spectrum.eigenvectors)?;
        g_theta.extend(by_eigenvectors(&all, &spectrum, random, Definition::Eigenvectors));
        everything = full_basis.then(|| (all, spectrum.clone()));
    }
    let tail = {
        let zero = spectrum.zero();
        let small = spectrum.eigenvalues.iter().map(|l| l.to_f64().abs()).filter(|&l| l <= zero);
        small.fold(0.0, f64::max)
    };
    spectrum.drop_null_space();
    let nonzero = alignments_in(space, &gradients, &lengths, &spectrum.eigenvectors)?;
    let subspaces = SubspaceAlignments::new(space, gradients, &lengths, &spectrum, &nonzero)?;
    let n_clusters = subspaces.n_clusters;
    let vanishes = spectrum.scale() == 0.0;
    let mut measures = by_subspaces(&subspaces, spectrum.eigenvalues.len(), random);
    if !known_whole {
        measures.extend(by_eigenvectors(&nonzero, &spectrum, random, Definition::NonzeroEigenvectors));
    }
    measures.append(&mut g_theta);
    if vanishes || problem.classes().is_none() {
        measures.clear();
    }
    let (overlaps, spectrum) = everything.unwrap_or((nonzero, spectrum));
    let ascending: Vec<f64> = spectrum.eigenvalues.iter().map(|l| l.to_f64()).collect();
    // What the stored pairs leave of the matrix includes the eigenvalues that count as zero, whose vectors are not stored.
    let mut certificate = spectrum.certificate;
    certificate.outside_bound += tail;
    let summary = Summary {
        n_params: spectrum.eigenvalues.len(),
        n_samples: problem.n_all_samples(),
        loss: problem.loss(),
        accuracy: problem.accuracy(),
        grad_norm: super::generalization::norm(&problem.gradient()).to_f64(),
        rank: spectrum.rank(),
        n_eigenvectors: spectrum.places.len(),
        trace: spectrum.trace(),
        lambda_max: spectrum.lambda_max(),
        lambda_min: ascending.first().copied().unwrap_or(0.0).min(0.0),
        eigenvalues_top: ascending.iter().rev().take(TOP).copied().collect(),
        residual_max: certificate.residual_max,
        orthogonality: certificate.orthogonality,
        outside_bound: certificate.outside_bound,
        certificate,
        g_theta: measures,
        n_clusters,
        outliers: Outliers::count(&ascending),
        method: spectrum.method,
        dtype: Dtype::of::<T>(),
    };
    Ok(Analysis { spectrum, overlaps, summary })
}

fn thresholds(random: RandomThreshold) -> [(f64, &'static str); 3] {
    [
        (FIXED_EPS, "fixed"),
        (FIGURE_4_EPS, "fixed, as in the paper's Figure 4"),
        (random.mean, "mean over 5 random unit vectors of their largest |A|"),
    ]
}

/// Values of `G_theta` where clusters of eigenvalues count as subspaces.
fn by_subspaces(subspaces: &SubspaceAlignments, p: usize, random: RandomThreshold) -> Vec<GTheta> {
    let mut out = Vec::new();
    for rule in [Rule::Max, Rule::Mean] {
        for (eps, source) in thresholds(random) {
            let (nonzero, null) = subspaces.count(rule, eps);
            out.push(GTheta {
                value: (nonzero + null) as f64 / p as f64,
                eps,
                eps_source: source.into(),
                rule,
                definition: Definition::Subspaces,
                counted: nonzero + null,
                counted_null: null,
            });
        }
    }
    out
}

/// Values of `G_theta` where the eigenvectors count as the eigensolver returned them.
fn by_eigenvectors<T: Scalar>(
    alignments: &Matrix<T>,
    spectrum: &Spectrum<Matrix<T>>,
    random: RandomThreshold,
    definition: Definition,
) -> Vec<GTheta> {
    let zero = spectrum.zero();
    let is_null = |c: usize| spectrum.eigenvalues[spectrum.places[c]].to_f64().abs() <= zero;
    let mut out = Vec::new();
    for rule in [Rule::Max, Rule::Mean] {
        let each = per_vector(alignments, rule);
        for (eps, source) in thresholds(random) {
            let counted: Vec<usize> = (0..each.len()).filter(|&c| each[c] >= eps).collect();
            out.push(GTheta {
                value: counted.len() as f64 / spectrum.eigenvalues.len() as f64,
                eps,
                eps_source: source.into(),
                rule,
                definition,
                counted: counted.len(),
                counted_null: counted.iter().filter(|&&c| is_null(c)).count(),
            });
        }
    }
    out
}
