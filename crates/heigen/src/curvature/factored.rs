//! The Hessian of a piecewise-linear network, written out by its structure. Its products are cheap where products
//! through the network are expensive.

use super::passes::delta_at_logits;
use super::remainder_blocks::{Block, first_columns, unit_blocks};
use super::structure::{Probing, probing};
use super::{Failure, Host, Problem, Space, SymmetricOperator, Watch};
use crate::linalg::{Matrix, Scalar, add_product, par, product};
use crate::loss::LossDelta;
use crate::model::ColumnMap;

/// The written-out Hessian pays only if its product is cheaper than one through the network by at least this factor.
const WORTH: f64 = 8.0;

/// H = G + R of a piecewise-linear network: G = B B^T with one column of B for every sample and output, R by its blocks.
///
/// G, the Gauss-Newton matrix, follows from the gradients of the outputs: with A_n = S_n S_n^T the second derivative of
/// the loss of sample n with respect to its outputs, the columns of B are J_n^T S_n / sqrt(N). R = H - G has nonzero
/// blocks only between different layers, and a weight of the last layer has entries of R only with the weights of the
/// unit or filter that feeds it. So a few products with R, each along one weight of all units together, give all of R.
///
/// # Cost
/// C passes for B, and as many products with R as there are parameters before the last two layers and weights of one
/// unit of the last layer but one. A product then takes 4 P N C operations (2 P^2 where that is less), whatever the
/// network.
#[derive(Debug)]
pub(super) struct Factored<T> {
    space: Host<T>,
    gauss_newton: GaussNewton<T>,
    /// The columns of the remainder R for the parameters before the last two layers, [P, first].
    first: Matrix<T>,
    blocks: Vec<Block<T>>,
}

#[derive(Debug)]
enum GaussNewton<T> {
    /// The factor B, [P, N C].
    Factor(Matrix<T>),
    /// The matrix B B^T, [P, P].
    Matrix(Matrix<T>),
}

impl<T: Scalar> Factored<T> {
    /// The Hessian of `problem` written out, where its structure is known and writing it out pays; `None` elsewhere.
    pub(super) fn of(
        problem: &Problem<'_, T>,
        limit_bytes: f64,
        watch: &mut dyn Watch,
    ) -> Result<Option<Self>, Failure> {
        let network = problem.network();
        let Some(probing) = probing(network) else { return Ok(None) };
        let (p, n) = (problem.n_params(), problem.n_samples());
        let loss = delta_at_logits(problem, T::ONE).loss;
        if !loss.has_roots() {
            return Ok(None);
        }
        let columns = if loss.is_linear() { 0 } else { n * network.n_outputs() };
        let as_matrix = 2 * columns > p;
        let numbers = p as f64 * (if as_matrix { p } else { columns } + probing.first.len()) as f64;
        let own = 4.0 * p as f64 * (if as_matrix { p / 2 } else { columns } + probing.first.len()) as f64;
        let through = 12.0 * n as f64 * network.multiplications() as f64;
        let products = probing.first.len() + probing.directions();
        let worth = through > WORTH * own && products * 8 < p && 2.0 * numbers * size_of::<T>() as f64 <= limit_bytes;
        if worth { Self::write_out(problem, &probing, as_matrix, watch).map(Some) } else { Ok(None) }
    }

    fn write_out(
        problem: &Problem<'_, T>,
        probing: &Probing,
        as_matrix: bool,
        watch: &mut dyn Watch,
    ) -> Result<Self, Failure> {
        let p = problem.n_params();
        let first_count = probing.first.len();
        let mut first = Matrix { data: Vec::with_capacity(p * first_count), rows: p, columns: first_count };
        first_columns(problem, probing, watch, |_, column| first.data.extend_from_slice(column))?;
        let blocks = unit_blocks(problem, probing, watch)?;
        let gauss_newton = if as_matrix {
            GaussNewton::Matrix(gauss_newton_matrix(problem))
        } else {
            GaussNewton::Factor(factor(problem))
        };
        Ok(Self { space: problem.space().clone(), gauss_newton, first, blocks })
    }
}

/// The Gauss-Newton matrix B B^T, summed over the columns of B for one output after another.
fn gauss_newton_matrix<T: Scalar>(problem: &Problem<'_, T>) -> Matrix<T> {
    let p = problem.n_params();
    let mut g = Matrix::zeros(p, p);
    for c in 0..problem.network().n_outputs() {
        let b = roots(problem, c);
        crate::linalg::add_outer(&mut g, &b);
    }
    g.mirror_lower();
    g
}

/// The factor B of the Gauss-Newton matrix B B^T, [P, N C], output after output; of a loss that is linear in the outputs B has
/// no columns.
pub(super) fn factor<T: Scalar>(problem: &Problem<'_, T>) -> Matrix<T> {
    let (p, linear) = (problem.n_params(), delta_at_logits(problem, T::ONE).loss.is_linear());
    let outputs = if linear { 0 } else { problem.network().n_outputs() };
    let columns = outputs * problem.n_samples();
    let mut factor = Matrix { data: Vec::with_capacity(p * columns), rows: p, columns };
    (0..outputs).for_each(|c| factor.data.extend_from_slice(&roots(problem, c).data));
    factor
}

/// Column c of the root S_n of every sample, taken back to the parameters: J_n^T S_n[:, c] / sqrt(N), [P, N].
fn roots<T: Scalar>(problem: &Problem<'_, T>, c: usize) -> Matrix<T> {
    let delta = delta_at_logits(problem, T::from_f64(problem.root_of_weight()));
    problem.seeded_gradients(&Root { delta, column: c })
}

/// A column of a matrix S, times the weight of `delta`, where S S^T is the second derivative of the loss.
pub(super) struct Root<'a, T> {
    pub(super) delta: LossDelta<'a, T>,
    pub(super) column: usize,
}

impl<T: Scalar> ColumnMap<T, 1> for Root<'_, T> {
    fn value(&self, n: usize, [o]: [&[T]; 1], out: &mut [T]) {
        self.delta.root(n, o, self.column, out);
    }

    fn tangents(&self, _: usize, _: [&[T]; 1], _: [Option<&[T]>; 1], _: &mut [T]) -> bool {
        false
    }
}

impl<T: Scalar> SymmetricOperator<Host<T>> for Factored<T> {
    fn space(&self) -> Host<T> {
        self.space.clone()
    }

    fn apply(&self, directions: &Matrix<T>, out: &mut Matrix<T>) -> Result<(), Failure> {
        self.space.threads().run(|| self.multiply(directions, out));
        Ok(())
    }
}

impl<T: Scalar> Factored<T> {
    fn multiply(&self, directions: &Matrix<T>, out: &mut Matrix<T>) {
        match &self.gauss_newton {
            GaussNewton::Factor(b) => {
                let coefficients = b.transposed_product(directions);
                product(out.as_mut(), b.as_ref(), coefficients.as_ref(), par());
            }
            GaussNewton::Matrix(g) => product(out.as_mut(), g.as_ref(), directions.as_ref(), par()),
        }
        // The product with the columns F = R E of the first parameters and, by symmetry, with their rows. The block
        // that both contain, of the first parameters with themselves, counts once.
        let first = self.first.columns;
        let own = directions.as_ref().subrows(0, first);
        add_product(out.as_mut(), self.first.as_ref(), own, par());
        let rest = self.first.rows - first;
        let below = self.first.as_ref().subrows(first, rest).transpose();
        add_product(out.as_mut().subrows_mut(0, first), below, directions.as_ref().subrows(first, rest), par());
        for block in &self.blocks {
            block.add(directions, out);
        }
    }
}
