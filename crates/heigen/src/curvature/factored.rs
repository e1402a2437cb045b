//! The Hessian of a piecewise-linear network, written out by its structure. Its products are cheap where products
//! through the network are expensive.

use super::passes::delta_at_logits;
use super::remainder_blocks::{Block, first_columns, unit_blocks};
use super::structure::{Probing, probing};
use super::{Failure, Problem, Space, SymmetricOperator, Watch, WholeColumns};
use crate::linalg::{Matrix, Scalar, add_product, par, product};
use crate::loss::LossDelta;
use crate::model::ColumnMap;

/// The written-out Hessian pays only if its product is cheaper than one through the network by at least this factor.
const WORTH: f64 = 8.0;

/// Directions that are multiplied with the blocks of the remainder together: so many that a block is read but a few times.
const TOGETHER: usize = 16;

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
pub(super) struct Factored<T, S> {
    space: S,
    gauss_newton: GaussNewton<T>,
    /// The columns of the remainder R for the parameters before the last two layers, [P, first], with zeros in the rows of these.
    first: Matrix<T>,
    /// Their entries in the rows of these parameters, [first, first].
    corner: Matrix<f64>,
    blocks: Vec<Block<T>>,
}

#[derive(Debug)]
enum GaussNewton<T> {
    /// The factor B, [P, N C].
    Factor(Matrix<T>),
    /// The matrix B B^T, [P, P], with all its rows on every piece: it is chosen where P is small beside N C.
    Matrix(Matrix<T>),
}

impl<T: Scalar, S: WholeColumns<T>> Factored<T, S> {
    /// The Hessian of `problem` written out, where its structure is known and writing it out pays; `None` elsewhere.
    pub(super) fn of(
        problem: &Problem<'_, T>,
        space: &S,
        limit_bytes: f64,
        watch: &mut dyn Watch,
    ) -> Result<Option<Self>, Failure> {
        let network = problem.network();
        let Some(probing) = probing(network) else { return Ok(None) };
        let (p, n) = (problem.n_params(), problem.n_all_samples());
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
        let limit_bytes = if as_matrix { limit_bytes } else { limit_bytes * space.pieces() as f64 };
        let worth = through > WORTH * own && products * 8 < p && 2.0 * numbers * size_of::<T>() as f64 <= limit_bytes;
        if worth { Self::write_out(problem, space, &probing, as_matrix, watch).map(Some) } else { Ok(None) }
    }

    fn write_out(
        problem: &Problem<'_, T>,
        space: &S,
        probing: &Probing,
        as_matrix: bool,
        watch: &mut dyn Watch,
    ) -> Result<Self, Failure> {
        let count = probing.first.len();
        let mut first = space.zeros(count)?;
        let mut corner = Matrix::zeros(count, count);
        let rows = space.own_rows();
        first_columns(problem, probing, watch, |j, column| {
            let (top, below) = column.split_at(count);
            corner.column_mut(j).iter_mut().zip(top).for_each(|(to, from)| *to = from.to_f64());
            let from = rows.start.max(count);
            if from < rows.end {
                first.column_mut(j)[from - rows.start..].copy_from_slice(&below[from - count..rows.end - count]);
            }
        })?;
        let blocks = unit_blocks(problem, probing, watch)?;
        let gauss_newton = if as_matrix {
            GaussNewton::Matrix(gauss_newton_matrix(problem)?)
        } else {
            GaussNewton::Factor(factor(problem, space)?)
        };
        Ok(Self { space: space.clone(), gauss_newton, first, corner, blocks })
    }
}

/// The Gauss-Newton matrix B B^T, summed over the columns of B for one output after another.
fn gauss_newton_matrix<T: Scalar>(problem: &Problem<'_, T>) -> Result<Matrix<T>, Failure> {
    let (p, space) = (problem.n_params(), problem.space());
    let mut g = Matrix::zeros(p, p);
    for c in 0..problem.network().n_outputs() {
        let b = space.of_samples(problem, roots(problem, c))?;
        space.threads().run(|| crate::linalg::add_outer(&mut g, &b));
    }
    g.mirror_lower();
    Ok(g)
}

/// The factor B of the Gauss-Newton matrix B B^T, [P, N C], output after output; of a loss that is linear in the outputs B has
/// no columns.
pub(super) fn factor<T: Scalar>(problem: &Problem<'_, T>, space: &impl WholeColumns<T>) -> Result<Matrix<T>, Failure> {
    let linear = delta_at_logits(problem, T::ONE).loss.is_linear();
    let outputs = if linear { 0 } else { problem.network().n_outputs() };
    let mut factor = space.zeros(0)?;
    factor.data.reserve_exact(factor.rows * outputs * problem.n_all_samples());
    for c in 0..outputs {
        let columns = space.of_samples(problem, roots(problem, c))?;
        factor.data.extend_from_slice(&columns.data);
        factor.columns += columns.columns;
    }
    Ok(factor)
}

/// Column c of the root S_n of every sample of this piece, taken back to the parameters: J_n^T S_n[:, c] / sqrt(N), [P, samples].
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

impl<T: Scalar, S: WholeColumns<T>> SymmetricOperator<S> for Factored<T, S> {
    fn space(&self) -> S {
        self.space.clone()
    }

    fn apply(&self, directions: &Matrix<T>, out: &mut Matrix<T>) -> Result<(), Failure> {
        let (space, all) = (&self.space, self.space.all(directions));
        let (corner, blocks) = (&self.corner, &self.blocks);
        match &self.gauss_newton {
            GaussNewton::Factor(b) => {
                let coefficients = space.gram(space.all(b), all.clone())?;
                space.combine(1.0, space.all(b), &coefficients, 0.0, out)?;
            }
            GaussNewton::Matrix(g) => {
                let whole = space.whole(directions, 0..directions.columns)?;
                let mut products = Matrix::zeros(g.rows, whole.columns);
                space.threads().run(|| product(products.as_mut(), g.as_ref(), whole.as_ref().as_ref(), par()));
                let rows = space.own_rows();
                for (out, product) in out.data.chunks_exact_mut(rows.len().max(1)).zip(products.iter_columns()) {
                    out.copy_from_slice(&product[rows.clone()]);
                }
            }
        }
        // The product with the columns F = R E of the first parameters and, by symmetry, with their rows. The block
        // that both contain, of the first parameters with themselves, counts once.
        let count = corner.rows;
        if count > 0 {
            let own = space.to_host(all.clone(), 0..count)?;
            space.combine(1.0, space.all(&self.first), &own, 1.0, out)?;
            let mut top = space.gram(space.all(&self.first), all.clone())?;
            space.threads().run(|| add_product(top.as_mut(), corner.as_ref(), own.as_ref(), par()));
            let rows = space.own_rows();
            let own = rows.start.min(count)..rows.end.min(count);
            for (j, top) in top.iter_columns().enumerate() {
                let out = out.column_mut(j)[..own.len()].iter_mut();
                out.zip(&top[own.clone()]).for_each(|(out, &x)| *out += T::from_f64(x));
            }
        }
        let mut of_blocks = space.copy(all)?;
        let p = space.len();
        space.change_columns(&mut of_blocks, TOGETHER, &|_, x| {
            let v = Matrix { data: x.to_vec(), rows: p, columns: x.len() / p.max(1) };
            let mut sum = Matrix::zeros(v.rows, v.columns);
            blocks.iter().for_each(|block| block.add(&v, &mut sum));
            x.copy_from_slice(&sum.data);
        })?;
        space.add_scaled(&vec![1.0; directions.columns], space.all(&of_blocks), out)
    }
}
