//! Gaussian quadrature by Lanczos: several probes, each with its own recurrence, in one product.

use crate::gram_schmidt::small_eigen;
use crate::linalg::Matrix;
use crate::operator::finite_product;
use crate::ordinary::Ordinary;
use crate::space::{Columns, Space};
use crate::{EstimateError, Failure, Law, SymmetricOperator, Watch, stage};

/// The spectral measure of an operator A as one random unit vector v sees it: v^T f(A) v = sum_i weight_i f(node_i),
/// exactly for polynomials f up to degree 2 m - 1.
///
/// Nodes are the eigenvalues theta_i of the tridiagonal T_m of m Lanczos steps from v, weights the squared first
/// components of its orthonormal eigenvectors s_i (columns), weight_i = (e_1^T s_i)^2: v is the first Lanczos vector,
/// v = Q e_1, so v^T f(A) v = e_1^T f(T_m) e_1. They are the first *row* of the eigenvector matrix, squared. The first
/// column, or another row, would also give nonnegative weights of sum 1 and a density that looks plausible; only the
/// higher moments tell the right weights from the wrong ones, and some published tools use the wrong ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Quadrature {
    /// The nodes, ascending.
    pub nodes: Vec<f64>,
    /// The weights, in the order of the nodes; their sum is 1.
    pub weights: Vec<f64>,
}

impl Quadrature {
    /// sum_i weight_i f(node_i).
    pub fn integral(&self, f: impl Fn(f64) -> f64) -> f64 {
        self.nodes.iter().zip(&self.weights).map(|(&x, &w)| w * f(x)).sum()
    }
}

/// The Lanczos recurrence of one random vector: A Q = Q T + beta q e_m^T.
struct Probe<B> {
    /// The basis Q [P, m], orthonormal.
    basis: B,
    alpha: Vec<f64>,
    beta: Vec<f64>,
    /// Largest norm of a product with a unit vector: at most |A|.
    scale: f64,
    /// Whether the Krylov space is invariant: then the quadrature is exact for every f.
    finished: bool,
}

/// A remainder of less than this many epsilons of |A| is rounding: the Krylov space is invariant.
const ROUNDING: f64 = 100.0;

/// Quadratures of `probes` random unit vectors, uniform on the sphere, with `steps` Lanczos steps each. Of the vectors,
/// `together` go through the operator at a time.
pub(crate) fn quadratures<S: Space>(
    operator: &(impl SymmetricOperator<S> + ?Sized),
    (probes, together): (usize, usize),
    steps: usize,
    seed: u64,
    watch: &mut dyn Watch,
) -> Result<Vec<Quadrature>, EstimateError> {
    let space = operator.space();
    let operator = &Ordinary::new(operator, None);
    let steps = steps.min(space.len());
    let total = (steps * probes.div_ceil(together)) as u64;
    let mut out = Vec::with_capacity(probes);
    let mut done = 0;
    for first in (0..probes).step_by(together) {
        let columns = first as u64..(first + together).min(probes) as u64;
        let mut newest = normalized(&space, space.random(seed, columns, Law::Gaussian)?)?;
        let mut all: Vec<Probe<S::Block>> = (0..space.columns(&newest))
            .map(|i| {
                let basis = space.copy(Columns { block: &newest, range: i..i + 1 })?;
                Ok(Probe { basis, alpha: Vec::new(), beta: Vec::new(), scale: 0.0, finished: false })
            })
            .collect::<Result<_, Failure>>()?;
        for _ in 0..steps {
            let images = finite_product(operator, &newest)?;
            let mut active: Vec<&mut Probe<S::Block>> = all.iter_mut().filter(|probe| !probe.finished).collect();
            newest = step(&space, &mut active, images)?;
            done += 1;
            watch.tell(stage::DENSITY, done, Some(total), "steps")?;
            if space.columns(&newest) == 0 {
                break;
            }
        }
        for probe in &all {
            let Quadrature { nodes, weights } = probe.quadrature(&space, steps)?;
            out.push(Quadrature { nodes: nodes.into_iter().map(|node| operator.back(node)).collect(), weights });
        }
    }
    Ok(out)
}

/// Takes in the products `images` [P, probes] with the newest direction of every probe; returns the next directions, of the
/// probes that are not finished.
fn step<S: Space>(space: &S, probes: &mut [&mut Probe<S::Block>], mut images: S::Block) -> Result<S::Block, Failure> {
    for (probe, norm) in probes.iter_mut().zip(space.norms(space.all(&images))?) {
        probe.scale = probe.scale.max(norm);
        probe.alpha.push(0.0);
    }
    // Every image is projected against the last two vectors of its basis, along which it has large components, and then
    // against the whole basis, where only rounding is left: this keeps the basis orthonormal.
    for last in [2, usize::MAX] {
        let of =
            |basis| Columns { block: basis, range: space.columns(basis).saturating_sub(last)..space.columns(basis) };
        let bases: Vec<_> = probes.iter().map(|probe| of(&probe.basis)).collect();
        let own: Vec<_> = (0..probes.len()).map(|i| Columns { block: &images, range: i..i + 1 }).collect();
        let coefficients = space.gram_each(&bases, &own)?;
        space.combine_each(-1.0, &bases, &coefficients, &mut images)?;
        for (probe, c) in probes.iter_mut().zip(&coefficients) {
            if let (Some(alpha), Some(c)) = (probe.alpha.last_mut(), c.data.last()) {
                *alpha += c;
            }
        }
    }
    let mut going_on = Vec::new();
    for (i, (probe, beta)) in probes.iter_mut().zip(space.norms(space.all(&images))?).enumerate() {
        let complete = space.columns(&probe.basis) == space.len();
        probe.finished = beta <= ROUNDING * space.epsilon() * probe.scale || complete;
        if !probe.finished {
            probe.beta.push(beta);
            going_on.push(i);
        }
    }
    let next = normalized(space, space.select(&images, &going_on)?)?;
    for (column, &i) in going_on.iter().enumerate() {
        space.append(&mut probes[i].basis, Columns { block: &next, range: column..column + 1 })?;
    }
    Ok(next)
}

/// Every column divided by its norm.
fn normalized<S: Space>(space: &S, mut block: S::Block) -> Result<S::Block, Failure> {
    let factors: Vec<f64> = space.norms(space.all(&block))?.into_iter().map(|norm| 1.0 / norm).collect();
    space.scale_columns(&mut block, &factors)?;
    Ok(block)
}

impl<B> Probe<B> {
    fn quadrature<S: Space>(&self, space: &S, steps: usize) -> Result<Quadrature, EstimateError> {
        let m = self.alpha.len().min(steps);
        let tridiagonal = Matrix::from_fn(m, m, |i, j| match i.abs_diff(j) {
            0 => self.alpha[i],
            1 => self.beta[i.min(j)],
            _ => 0.0,
        });
        let pairs = small_eigen(space, &tridiagonal)?;
        let weights: Vec<f64> = pairs.eigenvectors.iter_columns().map(|s| s[0] * s[0]).collect();
        let sum: f64 = weights.iter().sum();
        Ok(Quadrature { nodes: pairs.eigenvalues, weights: weights.iter().map(|w| w / sum).collect() })
    }
}
