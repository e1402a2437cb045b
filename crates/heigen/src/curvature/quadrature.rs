//! Gaussian quadrature by Lanczos: several probes, each with its own recurrence, in one product.

use super::random::{Law, random};
use super::trace::finite;
use super::{EstimateError, SymmetricOperator};
use crate::linalg::{Matrix, Scalar, add_product, norm, self_adjoint_eigen, transposed_product_by_tiles};
use faer::Par;
use rayon::prelude::*;

/// The spectral measure of an operator A as one random unit vector v sees it: v^T f(A) v = sum_i weight_i f(node_i),
/// exactly for polynomials f up to degree 2 m - 1.
///
/// Nodes are the eigenvalues theta_i of the tridiagonal T_m of m Lanczos steps from v, weights the squared first
/// components of its orthonormal eigenvectors s_i (columns), weight_i = (e_1^T s_i)^2: v is the first Lanczos vector,
/// v = Q e_1, so v^T f(A) v = e_1^T f(T_m) e_1. They are the first *row* of the eigenvector matrix, squared. Its first
/// column, or another row, would give nonnegative weights of sum 1 just as well and a density that looks plausible; only
/// the higher moments tell them apart, and some tools in use have fallen for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Quadrature {
    /// Ascending.
    pub nodes: Vec<f64>,
    /// In the order of the nodes; sum 1.
    pub weights: Vec<f64>,
}

impl Quadrature {
    /// sum_i weight_i f(node_i).
    pub fn integral(&self, f: impl Fn(f64) -> f64) -> f64 {
        self.nodes.iter().zip(&self.weights).map(|(&x, &w)| w * f(x)).sum()
    }
}

/// One probe's recurrence A Q = Q T + beta q e_m^T.
struct Probe<T> {
    /// [P, m], orthonormal.
    basis: Matrix<T>,
    alpha: Vec<f64>,
    beta: Vec<f64>,
    /// Largest norm of a product with a unit vector: at most |A|.
    scale: f64,
    /// The Krylov space is invariant: the quadrature is exact for every f.
    finished: bool,
}

/// A remainder of less than this many epsilons of |A| is rounding: the Krylov space is invariant.
const ROUNDING: f64 = 100.0;

/// Quadratures of `probes` random unit vectors, uniform on the sphere, with `steps` Lanczos steps each.
pub(super) fn quadratures<T: Scalar>(
    operator: &impl SymmetricOperator<T>,
    probes: usize,
    steps: usize,
    seed: u32,
    mut progress: impl FnMut(usize),
) -> Result<Vec<Quadrature>, EstimateError> {
    let p = operator.n_params();
    let steps = steps.min(p);
    let mut all: Vec<Probe<T>> =
        random(p, 0..probes as u64, seed, Law::Gaussian).iter_columns().map(Probe::new).collect();
    for step in 0..steps {
        let mut active: Vec<&mut Probe<T>> = all.iter_mut().filter(|probe| !probe.finished).collect();
        if active.is_empty() {
            break;
        }
        let data = active.iter().flat_map(|probe| probe.basis.column(step)).copied().collect();
        let mut images = finite(operator.product(&Matrix { data, rows: p, columns: active.len() }))?;
        active.par_iter_mut().zip(images.data.par_chunks_mut(p)).for_each(|(probe, image)| probe.step(image));
        progress(step + 1);
    }
    all.iter().map(|probe| probe.quadrature(steps)).collect()
}

impl<T: Scalar> Probe<T> {
    fn new(start: &[T]) -> Self {
        let basis = Matrix { data: unit(start, norm(start)), rows: start.len(), columns: 1 };
        Self { basis, alpha: Vec::new(), beta: Vec::new(), scale: 0.0, finished: false }
    }

    /// Takes in A q for the newest q. Sequential, so that the bytes do not depend on the threads.
    fn step(&mut self, image: &[T]) {
        let (p, m) = (self.basis.rows, self.basis.columns);
        self.scale = self.scale.max(norm(image));
        let mut alpha = 0.0;
        let mut w = Matrix { data: image.to_vec(), rows: p, columns: 1 };
        for _ in 0..2 {
            let mut c = transposed_product_by_tiles(self.basis.as_ref(), w.as_ref(), Par::Seq);
            alpha += c.data[m - 1].to_f64();
            c.data.iter_mut().for_each(|c| *c = -*c);
            add_product(w.as_mut(), self.basis.as_ref(), c.as_ref(), Par::Seq);
        }
        let beta = norm(&w.data);
        self.alpha.push(alpha);
        self.finished = beta <= ROUNDING * T::EPSILON * self.scale || m == p;
        if !self.finished {
            self.beta.push(beta);
            self.basis.data.extend(unit(&w.data, beta));
            self.basis.columns += 1;
        }
    }

    fn quadrature(&self, steps: usize) -> Result<Quadrature, EstimateError> {
        let m = self.alpha.len().min(steps);
        let tridiagonal = Matrix::from_fn(m, m, |i, j| match i.abs_diff(j) {
            0 => self.alpha[i],
            1 => self.beta[i.min(j)],
            _ => 0.0,
        });
        let pairs = self_adjoint_eigen(&tridiagonal)?;
        let weights: Vec<f64> = pairs.eigenvectors.iter_columns().map(|s| s[0] * s[0]).collect();
        let sum: f64 = weights.iter().sum();
        Ok(Quadrature { nodes: pairs.eigenvalues, weights: weights.iter().map(|w| w / sum).collect() })
    }
}

fn unit<T: Scalar>(v: &[T], norm: f64) -> Vec<T> {
    let factor = T::from_f64(1.0 / norm);
    v.iter().map(|&x| factor * x).collect()
}
