//! Which classes the Gauss-Newton matrix, and each of its eigenvectors, comes from.

use super::Problem;
use super::passes::{ends_in_log_probabilities, tile_of};
use crate::linalg::{EigenError, Matrix, Scalar, dot, self_adjoint_eigen};
use crate::model::{Algebra, ColumnMap, Dual, Pool, Sink, Tape, softmax};
use crate::vocabulary::LossKind;
use faer::Par;
use std::ops::Range;
use std::sync::OnceLock;

/// Why a problem has no class structure.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ClassStructureError {
    /// The samples have no classes.
    #[error("the samples have no classes, by which the Gauss-Newton matrix could be taken apart")]
    NoClasses,
    /// The loss is not the cross-entropy.
    #[error("the loss is {0}; the Gauss-Newton matrix is taken apart by classes for the cross-entropy")]
    NotCrossEntropy(LossKind),
    /// The samples depend on each other.
    #[error(
        "batch normalisation with the statistics of the batch makes samples depend on each other, so that the gradient of a \
         class is no sum over its samples"
    )]
    CoupledSamples,
}

/// The Gauss-Newton matrix of a cross-entropy as a second moment of gradients, grouped by classes.
///
/// With the probabilities p_i of sample i and the derivative J_i of its logits, g_(i,c') = J_i^T (p_i - e_c') is the gradient of
/// its loss if it were labelled c', and G = sum_(i,c') w_(i,c') g_(i,c') g_(i,c')^T with w_(i,c') = p_(i,c') / N. For the samples of class
/// c, with w_(c,c') = sum_(i in c) w_(i,c') and the weighted means g_(c,c') of their g_(i,c'), and with w_c and g_c the sum and the
/// weighted mean of those over c' != c,
///
/// G = sum_c w_c g_c g_c^T (*class*) + sum_(c != c') w_(c,c') (g_(c,c') - g_c)(...)^T (*cross*)
///   + sum_(i, c' != c) w_(i,c') (g_(i,c') - g_(c,c'))(...)^T (*within*) + sum_i w_(i,c) g_(i,c) g_(i,c)^T (*own*).
///
/// The class part has rank C at most and holds the C outliers of a trained network's spectrum; the cross part has rank C (C - 2)
/// at most. (A weight of the class, or of the objective, is a factor of w.)
///
/// # References
/// Papyan, *Traces of class/cross-class structure pervade deep learning spectra*, arXiv:2008.11865; *Measurements of three-level
/// hierarchical structure in the outliers in the spectrum of deepnet Hessians*, arXiv:1901.08244.
///
/// ```
/// use heigen::config::{Activation, DatasetSpec, LossKind};
/// use heigen::curvature::{ClassStructure, GaussNewton, Problem, SymmetricOperator};
/// use heigen::{data, linalg::Matrix, model::Network};
/// let samples = data::generate(&DatasetSpec::Iris { random: false, seed: 0 })?;
/// let network = Network::fully_connected(&[4, 3], Activation::Relu)?;
/// let theta: Vec<f64> = (0..15).map(|i| (i as f64).sin()).collect();
/// let problem = Problem::<f64>::new(&network, &theta, &samples, LossKind::CrossEntropy)?;
/// let v = Matrix::from_fn(15, 1, |i, _| (i as f64).cos());
/// let shares = &ClassStructure::of(&problem)?.shares(&v)?[0];
/// let gv = GaussNewton(&problem).product(&v)?;
/// let quadratic: f64 = v.data.iter().zip(&gv.data).map(|(a, b)| a * b).sum();
/// let sum = shares.class + shares.cross + shares.within + shares.own;
/// assert!((sum / quadratic - 1.0).abs() < 1e-12 && (shares.total / quadratic - 1.0).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClassStructure<'a, T> {
    problem: &'a Problem<'a, T>,
    labels: &'a [usize],
    /// Number of classes C.
    classes: usize,
    /// The probabilities p_i, [C, N].
    probabilities: Matrix<f64>,
    /// The weights w_(i,c'), [C, N]; 0 for samples that the loss ignores.
    weights: Matrix<f64>,
    /// The mean gradients of all pairs, once they have been asked for.
    means: OnceLock<Matrix<f64>>,
}

/// What the parts of the Gauss-Newton matrix contribute to v^T G v.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ClassShares {
    /// v^T G v, the sum of the four parts.
    pub total: f64,
    /// The part of the means of classes.
    pub class: f64,
    /// The part of the means of pairs of classes around those of their class.
    pub cross: f64,
    /// The part of single samples around the means of their pairs.
    pub within: f64,
    /// The part of the gradients against the samples' own classes.
    pub own: f64,
    /// The contributions of all pairs, which add up to `total`: `pairs[c][c']` is sum_(i in c) w_(i,c') <g_(i,c'), v>^2, of the
    /// samples of class c as if they were labelled c'.
    pub pairs: Vec<Vec<f64>>,
    /// The squared length of the projection of v / |v| on the span of the class means g_c, 0 to 1.
    pub in_class_means: f64,
}

/// The spectra of the two parts of low rank.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ClassSpectra {
    /// The C eigenvalues of the class part that may differ from 0, ascending.
    pub class: Vec<f64>,
    /// The C (C - 1) eigenvalues of the cross part that may differ from 0, ascending. (C of them are 0 up to rounding.)
    pub cross: Vec<f64>,
}

/// The derivative at the outputs that adds up w_(i,c') g_(i,c') over samples i, against class c'.
struct PairSum<'a> {
    probabilities: &'a Matrix<f64>,
    weights: &'a Matrix<f64>,
    against: usize,
}

impl<T: Scalar> ColumnMap<T, 1> for PairSum<'_> {
    fn value(&self, n: usize, _: [&[T]; 1], out: &mut [T]) {
        let weight = self.weights.column(n)[self.against];
        for (c, (out, &p)) in out.iter_mut().zip(self.probabilities.column(n)).enumerate() {
            *out = T::from_f64(weight * (p - f64::from(u8::from(c == self.against))));
        }
    }
    fn tangents(&self, _: usize, _: [&[T]; 1], _: [Option<&[T]>; 1], _: &mut [T]) -> bool {
        false
    }
}

/// A map applied to chosen samples only.
struct Chosen<'a, M> {
    seed: &'a M,
    chosen: &'a [usize],
}

impl<T, M: ColumnMap<T, 1>> ColumnMap<T, 1> for Chosen<'_, M> {
    fn value(&self, n: usize, x: [&[T]; 1], out: &mut [T]) {
        self.seed.value(self.chosen[n], x, out);
    }

    fn tangents(&self, n: usize, x: [&[T]; 1], dx: [Option<&[T]>; 1], out: &mut [T]) -> bool {
        self.seed.tangents(self.chosen[n], x, dx, out)
    }
}

impl<'a, T: Scalar> ClassStructure<'a, T> {
    /// The class structure of a problem.
    ///
    /// # Errors
    /// [`ClassStructureError`] for another loss than the cross-entropy, targets other than classes, and samples that depend on
    /// each other.
    pub fn of(problem: &'a Problem<'a, T>) -> Result<Self, ClassStructureError> {
        let loss = problem.sample_loss();
        let log_probabilities = loss.kind == LossKind::Nll && ends_in_log_probabilities(problem);
        if loss.kind != LossKind::CrossEntropy && !log_probabilities {
            return Err(ClassStructureError::NotCrossEntropy(problem.loss_kind()));
        }
        let labels = problem.targets().classes().ok_or(ClassStructureError::NoClasses)?;
        if problem.network().couples_samples() {
            return Err(ClassStructureError::CoupledSamples);
        }
        let outputs = problem.outputs();
        let classes = outputs.rows;
        let mut probabilities = Matrix::zeros(classes, outputs.columns);
        let mut weights = probabilities.clone();
        let mean_weight = loss.class_weights.map_or(1.0, |w| w.iter().sum::<f64>() / classes as f64);
        for (n, o) in outputs.iter_columns().enumerate() {
            let p = probabilities.column_mut(n);
            let o: Vec<f64> = o.iter().map(|o| o.to_f64()).collect();
            softmax(&o, p);
            let y = labels[n];
            if loss.ignores(y) {
                continue;
            }
            let of_class = loss.class_weights.map_or(1.0, |w| w[y]);
            let mass = (1.0 - loss.smoothing) * of_class + loss.smoothing * mean_weight;
            let factor = problem.sample_weight() * mass;
            weights.column_mut(n).iter_mut().zip(p).for_each(|(w, &mut p)| *w = factor * p);
        }
        Ok(Self { problem, labels, classes, probabilities, weights, means: OnceLock::new() })
    }

    /// Number of classes C.
    pub fn n_classes(&self) -> usize {
        self.classes
    }

    /// The weights w_(c,c') of all pairs, [C, C]: column c has those of the samples of class c. Their sum is 1 for a mean over
    /// samples without weights. NaN where the other pieces of a computation cannot be reached.
    pub fn pair_weights(&self) -> Matrix<f64> {
        let classes = self.classes;
        let pairs = self.problem.summed_numbers(classes * classes, |samples, pairs| {
            for n in samples.filter(|&n| self.labels[n] < classes) {
                let pairs = &mut pairs[self.labels[n] * classes..][..classes];
                pairs.iter_mut().zip(self.weights.column(n)).for_each(|(pair, w)| *pair += w);
            }
        });
        let data = pairs.unwrap_or_else(|_| vec![f64::NAN; classes * classes]);
        Matrix { data, rows: classes, columns: classes }
    }

    /// The mean gradients g_(c,c') of all pairs, [P, C * C]: column c * C + c'. A pair without weight has 0.
    ///
    /// Cost: C times that of one gradient of the loss, once.
    pub fn pair_means(&self) -> &Matrix<f64> {
        self.means.get_or_init(|| self.summed_means())
    }

    fn summed_means(&self) -> Matrix<f64> {
        let pairs = self.pair_weights();
        let (p, classes) = (self.problem.n_params(), self.classes);
        let mut means = Matrix::zeros(p, classes * classes);
        for class in 0..classes {
            let own: Vec<usize> = (0..self.labels.len()).filter(|&n| self.labels[n] == class).collect();
            for against in 0..classes {
                let weight = pairs.column(class)[against];
                if weight > 0.0 {
                    let (probabilities, weights) = (&self.probabilities, &self.weights);
                    let seed = PairSum { probabilities, weights, against };
                    let sum = self.problem.seeded_sum(&own, &seed);
                    let mean = means.column_mut(class * classes + against);
                    mean.iter_mut().zip(&sum).for_each(|(mean, sum)| *mean = sum.to_f64() / weight);
                }
            }
        }
        means
    }

    /// The spectra of the class part and of the cross part.
    ///
    /// # Errors
    /// [`EigenError`] if an eigenproblem of size C (C - 1) does not converge.
    pub fn spectra(&self) -> Result<ClassSpectra, EigenError> {
        let (pairs, means) = (self.pair_weights(), self.pair_means());
        let classes = self.classes;
        let (of_class, class_weights) = class_means(&pairs, means);
        let mut cross = Vec::new();
        for c in 0..classes {
            for against in (0..classes).filter(|&against| against != c) {
                let root = pairs.column(c)[against].sqrt();
                let mean = means.column(c * classes + against);
                cross.extend(mean.iter().zip(of_class.column(c)).map(|(pair, class)| root * (pair - class)));
            }
        }
        let columns = classes * classes.saturating_sub(1);
        let cross = Matrix { data: cross, rows: means.rows, columns };
        Ok(ClassSpectra {
            class: spectrum_of_outer(&scaled(of_class, &class_weights))?,
            cross: spectrum_of_outer(&cross)?,
        })
    }

    /// What the parts contribute to v^T G v for every column v of `vectors` [P, k].
    ///
    /// Cost: one forward pass with k tangents, and C times one gradient for the class means.
    ///
    /// # Errors
    /// [`EigenError`] if an eigenproblem of size C does not converge.
    ///
    /// # Panics
    /// If the vectors do not have P rows.
    pub fn shares(&self, vectors: &Matrix<T>) -> Result<Vec<ClassShares>, EigenError> {
        assert_eq!(vectors.rows, self.problem.n_params(), "vectors of another problem");
        let (class_means, weights) = class_means(&self.pair_weights(), self.pair_means());
        let basis = orthonormal_basis(&scaled(class_means, &weights))?;
        // One column of every tile's tangents is J_i v, [C].
        let tangents = self.problem.output_tangents(vectors);
        Ok((0..vectors.columns).map(|j| self.share(&tangents, j, vectors.column(j), &basis)).collect())
    }

    /// The shares of vector `j`, from `tangents` [C * k, N].
    fn share(&self, tangents: &Matrix<T>, j: usize, v: &[T], basis: &Matrix<f64>) -> ClassShares {
        let classes = self.classes;
        // <g_(i,c'), v> of every sample, [C, N].
        let slopes = Matrix::from_fn(classes, self.labels.len(), |against, n| {
            let t = &tangents.column(n)[j * classes..(j + 1) * classes];
            let mean: f64 = t.iter().zip(self.probabilities.column(n)).map(|(t, p)| t.to_f64() * p).sum();
            mean - t[against].to_f64()
        });
        let counted = |samples: Range<usize>| samples.filter(|&n| self.labels[n] < classes);
        let all = classes * classes;
        let sums = self.problem.summed_numbers(3 * all, |samples, sums| {
            for n in counted(samples) {
                let (w, a) = (self.weights.column(n), slopes.column(n));
                for c in 0..classes {
                    let pair = self.labels[n] * classes + c;
                    sums[pair] += w[c];
                    sums[all + pair] += w[c] * a[c];
                    sums[2 * all + pair] += w[c] * a[c] * a[c];
                }
            }
        });
        let sums = sums.unwrap_or_else(|_| vec![f64::NAN; 3 * all]);
        let by_class = |sums: &[f64]| sums.chunks(classes.max(1)).map(<[f64]>::to_vec).collect::<Vec<_>>();
        let (weights, mut means, pairs) =
            (by_class(&sums[..all]), by_class(&sums[all..2 * all]), by_class(&sums[2 * all..]));
        for (mean, weight) in means.iter_mut().flatten().zip(weights.iter().flatten()) {
            *mean = if *weight > 0.0 { *mean / weight } else { 0.0 };
        }
        let (mut class, mut cross, mut own) = (0.0, 0.0, 0.0);
        for y in 0..classes {
            let others = || (0..classes).filter(|&c| c != y);
            let weight: f64 = others().map(|c| weights[y][c]).sum();
            let sum: f64 = others().map(|c| weights[y][c] * means[y][c]).sum();
            let mean = if weight > 0.0 { sum / weight } else { 0.0 };
            class += weight * mean * mean;
            cross += others().map(|c| weights[y][c] * (means[y][c] - mean).powi(2)).sum::<f64>();
            own += pairs[y][y];
        }
        let within = self.problem.summed_number(|n| {
            let (y, w, a) = (self.labels[n], self.weights.column(n), slopes.column(n));
            let others = (0..classes).filter(|&c| y < classes && c != y);
            others.map(|c| w[c] * (a[c] - means[y][c]).powi(2)).sum()
        });
        let within = within.unwrap_or(f64::NAN);
        let total = pairs.iter().flatten().sum();
        let v: Vec<f64> = v.iter().map(|v| v.to_f64()).collect();
        let length = dot(&v, &v);
        let projected: f64 = basis.iter_columns().map(|u| dot(u, &v).powi(2)).sum();
        let in_class_means = if length > 0.0 { projected / length } else { 0.0 };
        ClassShares { total, class, cross, within, own, pairs, in_class_means }
    }
}

/// The means g_c of the classes, [P, C], and their weights w_c.
fn class_means(pairs: &Matrix<f64>, means: &Matrix<f64>) -> (Matrix<f64>, Vec<f64>) {
    let classes = pairs.columns;
    let mut out = Matrix::zeros(means.rows, classes);
    let others = |c: usize| (0..classes).filter(move |&against| against != c).map(move |d| (d, pairs.column(c)[d]));
    let weights: Vec<f64> = (0..classes).map(|c| others(c).map(|(_, w)| w).sum()).collect();
    for (c, weight) in weights.iter().enumerate() {
        for (against, w) in others(c).filter(|&(_, w)| w > 0.0) {
            let mean = means.column(c * classes + against);
            out.column_mut(c).iter_mut().zip(mean).for_each(|(out, mean)| *out += w / weight * mean);
        }
    }
    (out, weights)
}

/// The columns times the roots of the weights.
fn scaled(mut columns: Matrix<f64>, weights: &[f64]) -> Matrix<f64> {
    for (c, weight) in weights.iter().enumerate() {
        columns.column_mut(c).iter_mut().for_each(|x| *x *= weight.sqrt());
    }
    columns
}

/// The eigenvalues of F F^T that may differ from 0, ascending: those of F^T F.
fn spectrum_of_outer(f: &Matrix<f64>) -> Result<Vec<f64>, EigenError> {
    Ok(self_adjoint_eigen(&f.gram())?.eigenvalues)
}

/// An orthonormal basis of the span of the columns of F, as far as they are independent to half the digits.
fn orthonormal_basis(f: &Matrix<f64>) -> Result<Matrix<f64>, EigenError> {
    let pairs = self_adjoint_eigen(&f.gram())?;
    let largest = pairs.eigenvalues.last().copied().unwrap_or(0.0);
    let mut basis = Matrix { data: vec![], rows: f.rows, columns: 0 };
    for (value, s) in pairs.eigenvalues.iter().zip(pairs.eigenvectors.iter_columns()) {
        if *value > f64::EPSILON.sqrt() * largest {
            let mut u = vec![0.0; f.rows];
            for (column, &s) in f.iter_columns().zip(s) {
                u.iter_mut().zip(column).for_each(|(u, x)| *u += s / value.sqrt() * x);
            }
            basis.data.extend(u);
            basis.columns += 1;
        }
    }
    Ok(basis)
}

impl<T: Scalar> Problem<'_, T> {
    /// The sum of J_i^T s_i over some samples i, ascending, `[P]`; `seed` gives s_i at the outputs. NaN where the other pieces of a
    /// computation cannot be reached.
    fn seeded_sum(&self, chosen: &[usize], seed: &(impl ColumnMap<T, 1> + Sync)) -> Vec<T> {
        let tile = self.classifier().tile(self.largest_leaf(), 1);
        let mut sum = vec![T::ZERO; self.n_params()];
        let one = |_: usize, samples: Range<usize>, pool: &mut Pool<T>, sum: &mut [T]| {
            sum.fill(T::ZERO);
            let [first, last] = [samples.start, samples.end].map(|n| chosen.partition_point(|&i| i < n));
            for chosen in chosen[first..last].chunks(tile) {
                let inputs = self.inputs().select_columns(chosen);
                self.reverse_from(pool, Sink::Add(sum), &inputs, &Chosen { seed, chosen });
            }
        };
        if self.summed(&mut sum, self.n_params(), None, &one).is_err() {
            sum.fill(T::from_f64(f64::NAN));
        }
        sum
    }

    /// The derivatives J_i V of every sample's outputs along the columns of `vectors` [P, k]: [C * k, N], in each column the C
    /// numbers of one vector after another.
    pub fn output_tangents(&self, vectors: &Matrix<T>) -> Matrix<T> {
        let (k, outputs) = (vectors.columns, self.classifier().n_outputs());
        let mut tangents = Matrix::zeros(outputs * k, self.n_samples());
        let samples = self.samples_together(1 + k);
        self.in_chunks(&mut tangents.data, outputs * k * samples, |pool, i, out| {
            let tile = tile_of(self.inputs(), i * samples, samples);
            let mut dual = Dual::new(self.theta(), &vectors.data, None, pool, Par::Seq);
            let x = dual.input(&tile);
            let found = self.classifier().forward(&mut dual, x, &mut Tape::forgetting());
            if let Some(numbers) = &found.tangents {
                out.copy_from_slice(numbers);
            }
            dual.recycle(found);
        });
        tangents
    }
}
