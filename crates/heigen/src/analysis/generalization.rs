//! Alignments of example gradients with eigenvectors and the generalization measure `G_theta`.

use crate::curvature::{Failure, SMALLEST_NORM, WholeColumns};
use crate::linalg::{Matrix, Scalar};
use crate::rng::NumpyRandomState;

/// The threshold eps that the paper's definition fixes.
pub const FIXED_EPS: f64 = 1e-6;

/// The fixed threshold that the paper's Figure 4 was drawn with.
pub const FIGURE_4_EPS: f64 = 0.047_277_590_864_121_13;

/// A data-driven threshold is the mean over this many random directions, from a stream with this seed.
const RANDOM_DIRECTIONS: usize = 5;
const RANDOM_SEED: u32 = 42;

/// Alignments of gradients g(x_n) [P, N] with the columns v_i of `vectors` [P, k]:
/// A_i(x) = <g(x), v_i> / |g(x)|, 0 where |g| <= 1e-20; [k, N]. (arXiv:2306.07104, section 3)
///
/// The function of choice for many vectors: one matrix product, 2 N P k operations.
pub fn alignments<T: Scalar>(gradients: &Matrix<T>, vectors: &Matrix<T>) -> Matrix<T> {
    let mut a = vectors.transposed_product(gradients);
    let k = a.rows;
    for (n, g) in gradients.iter_columns().enumerate() {
        let inverse = inverse(norm(g));
        a.data[n * k..(n + 1) * k].iter_mut().for_each(|a| *a *= inverse);
    }
    a
}

/// [`alignments`] of gradients whose `lengths` are known, [k, N], on every piece of a computation that has their rows.
pub(super) fn alignments_in<T: Scalar>(
    space: &impl WholeColumns<T>,
    gradients: &Matrix<T>,
    lengths: &[T],
    vectors: &Matrix<T>,
) -> Result<Matrix<T>, Failure> {
    let products = space.gram(space.all(vectors), space.all(gradients))?;
    let mut a = Matrix::zeros(products.rows, products.columns);
    for (n, &length) in lengths.iter().enumerate() {
        let inverse = inverse(length);
        let column = a.column_mut(n).iter_mut().zip(products.column(n));
        column.for_each(|(a, &product)| *a = T::from_f64(product) * inverse);
    }
    Ok(a)
}

/// The length of every gradient.
pub(super) fn lengths<T: Scalar>(space: &impl WholeColumns<T>, gradients: &Matrix<T>) -> Result<Vec<T>, Failure> {
    Ok(space.told_by_columns(gradients, 1, &|gradient, length| length[0] = norm(gradient))?.data)
}

/// 1 / |g|; 0 where g has no direction.
pub(super) fn inverse<T: Scalar>(length: T) -> T {
    if length.to_f64() > SMALLEST_NORM { T::ONE / length } else { T::ZERO }
}

pub(super) fn norm<T: Scalar>(v: &[T]) -> T {
    v.iter().map(|&x| x * x).sum::<T>().sqrt()
}

/// The rule by which the |A_i(x)| of one eigenvector over all inputs become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The largest value, as in the paper's definition.
    Max,
    /// The mean.
    Mean,
}

/// |A_i| of every eigenvector by `rule`, from alignments [k, N]: `[k]`.
pub fn per_vector<T: Scalar>(alignments: &Matrix<T>, rule: Rule) -> Vec<f64> {
    let mut out = vec![0.0f64; alignments.rows];
    for column in alignments.iter_columns() {
        for (out, a) in out.iter_mut().zip(column) {
            let a = a.to_f64().abs();
            *out = if rule == Rule::Max { out.max(a) } else { *out + a };
        }
    }
    if rule == Rule::Mean {
        out.iter_mut().for_each(|v| *v /= alignments.columns as f64);
    }
    out
}

/// The vectors that `G_theta`(eps) counts. G is the number of those whose |A| is at least eps, as a fraction of P.
/// (arXiv:2306.07104, section 5)
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Definition {
    /// The principal directions of every cluster of eigenvalues, the null space above all: independent of the basis
    /// that an eigensolver happens to return.
    Subspaces,
    /// All P eigenvectors as the eigensolver returned them, the reference's definition. The eigensolver's basis of the
    /// null space is arbitrary, and so is the number of its vectors that are counted.
    Eigenvectors,
    /// The eigenvectors of nonzero eigenvalues only. The exact way computes no others, and none of the eigenspace in which
    /// weight decay alone acts.
    NonzeroEigenvectors,
}

/// Number of vectors whose |A|, from [`per_vector`], is at least `eps`: P times `G_theta`.
pub fn count_aligned(per_vector: &[f64], eps: f64) -> usize {
    per_vector.iter().filter(|&&a| a >= eps).count()
}

/// A value of `G_theta` with everything that is needed to compute it again.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct GTheta {
    /// The value, as a fraction of P.
    pub value: f64,
    /// The threshold eps.
    pub eps: f64,
    /// The origin of the threshold, in words.
    pub eps_source: String,
    /// The rule over the inputs, max or mean.
    pub rule: Rule,
    /// The vectors that are counted.
    pub definition: Definition,
    /// How many vectors were counted.
    pub counted: usize,
    /// How many of the counted vectors belong to the null space.
    pub counted_null: usize,
}

/// The threshold that is derived from the data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomThreshold {
    /// The mean, over the random directions, of their largest |A|: this is eps.
    pub mean: f64,
    /// The smallest |A| that a random direction has as its largest.
    pub min: f64,
}

/// The alignment that a direction reaches by chance: five random unit vectors, `RandomState(42).randn(P)` one after
/// another, each with its largest |A| over the `gradients` [P, N].
pub fn random_threshold<T: Scalar>(gradients: &Matrix<T>) -> RandomThreshold {
    let directions = random_directions(gradients.rows);
    let unit = Matrix { data: directions.concat(), rows: gradients.rows, columns: RANDOM_DIRECTIONS };
    RandomThreshold::of(&alignments(gradients, &unit))
}

/// [`random_threshold`] of gradients whose `lengths` are known.
pub(super) fn random_threshold_in<T: Scalar>(
    space: &impl WholeColumns<T>,
    gradients: &Matrix<T>,
    lengths: &[T],
) -> Result<RandomThreshold, Failure> {
    let directions = random_directions::<T>(space.len());
    let unit = space.made_of_columns(RANDOM_DIRECTIONS, &|k, column| column.copy_from_slice(&directions[k]))?;
    Ok(RandomThreshold::of(&alignments_in(space, gradients, lengths, &unit)?))
}

/// The random unit vectors of [`random_threshold`].
fn random_directions<T: Scalar>(p: usize) -> Vec<Vec<T>> {
    let mut stream = NumpyRandomState::new(RANDOM_SEED);
    let mut direction = |_| {
        let v: Vec<f64> = (0..p).map(|_| stream.randn()).collect();
        let length = norm(&v);
        v.into_iter().map(|v| T::from_f64(v / length)).collect()
    };
    (0..RANDOM_DIRECTIONS).map(&mut direction).collect()
}

impl RandomThreshold {
    /// The threshold from the alignments with the random directions.
    fn of<T: Scalar>(alignments: &Matrix<T>) -> Self {
        let largest = per_vector(alignments, Rule::Max);
        Self {
            mean: largest.iter().sum::<f64>() / RANDOM_DIRECTIONS as f64,
            min: largest.iter().copied().fold(f64::INFINITY, f64::min),
        }
    }
}
