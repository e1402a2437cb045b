//! The Hessian of a piecewise-linear network, written out by its structure. Its products are cheap where products
//! through the network are expensive.

use super::passes::delta_at_logits;
use super::structure::{Probing, probing};
use super::{Failure, FunctionalRemainder, Host, Problem, Space, SymmetricOperator, Watch, stage};
use crate::linalg::{Matrix, Scalar, add_product, par, product};
use crate::loss::LossDelta;
use crate::model::ColumnMap;
use std::ops::Range;

/// Number of columns in one product through the network, and number of columns of B that are added to G together.
const BLOCK: usize = 128;

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

/// The block of the matrix R that belongs to one unit: its rows are the weights of the last layer that the unit feeds,
/// its columns are the weights of the unit.
#[derive(Debug)]
struct Block<T> {
    /// The entries of R in this block, [weights of the last layer, weights of the unit].
    entries: Matrix<T>,
    /// Places of the unit's weights in theta.
    unit: Vec<usize>,
    /// Places of the last layer's weights in theta.
    last: Vec<Range<usize>>,
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
        if worth { Self::write_out(problem, &probing, columns, as_matrix, watch).map(Some) } else { Ok(None) }
    }

    fn write_out(
        problem: &Problem<'_, T>,
        probing: &Probing,
        columns: usize,
        as_matrix: bool,
        watch: &mut dyn Watch,
    ) -> Result<Self, Failure> {
        let p = problem.n_params();
        let total = (probing.first.len() + probing.directions()) as u64;
        let remainder = FunctionalRemainder(problem);
        let mut first = Matrix { data: Vec::with_capacity(p * probing.first.len()), rows: p, columns: 0 };
        for start in probing.first.clone().step_by(BLOCK) {
            let end = (start + BLOCK).min(probing.first.end);
            let unit = Matrix::from_fn(p, end - start, |i, j| if i == start + j { T::ONE } else { T::ZERO });
            first.data.extend_from_slice(&remainder.product(&unit)?.data);
            first.columns = end - probing.first.start;
            watch.tell(stage::STRUCTURE, first.columns as u64, Some(total), "products")?;
        }
        let mut blocks: Vec<Block<T>> = (0..probing.units)
            .map(|unit| Block {
                entries: Matrix::zeros(
                    probing.last(unit).iter().map(ExactSizeIterator::len).sum(),
                    probing.directions(),
                ),
                unit: (0..probing.directions()).map(|i| probing.weight(unit, i)).collect(),
                last: probing.last(unit),
            })
            .collect();
        for start in (0..probing.directions()).step_by(BLOCK) {
            let width = BLOCK.min(probing.directions() - start);
            let mut together = Matrix::zeros(p, width);
            for j in 0..width {
                blocks.iter().for_each(|block| together.column_mut(j)[block.unit[start + j]] = T::ONE);
            }
            let products = remainder.product(&together)?;
            for (j, product) in products.iter_columns().enumerate() {
                for block in &mut blocks {
                    let column = block.entries.column_mut(start + j);
                    let entries = block.last.iter().flat_map(|range| &product[range.clone()]);
                    column.iter_mut().zip(entries).for_each(|(to, &from)| *to = from);
                }
            }
            watch.tell(stage::STRUCTURE, (first.columns + start + width) as u64, Some(total), "products")?;
        }
        let gauss_newton = if as_matrix {
            GaussNewton::Matrix(gauss_newton_matrix(problem))
        } else {
            let mut factor = Matrix { data: Vec::with_capacity(p * columns), rows: p, columns };
            if columns > 0 {
                for c in 0..problem.network().n_outputs() {
                    factor.data.extend_from_slice(&roots(problem, c).data);
                }
            }
            GaussNewton::Factor(factor)
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

impl<T: Scalar> Block<T> {
    fn add(&self, directions: &Matrix<T>, out: &mut Matrix<T>) {
        let k = directions.columns;
        let (mut unit, mut last) = (Matrix::zeros(self.unit.len(), k), Matrix::zeros(self.entries.rows, k));
        for (j, v) in directions.iter_columns().enumerate() {
            unit.column_mut(j).iter_mut().zip(&self.unit).for_each(|(to, &i)| *to = v[i]);
            let entries = self.last.iter().flat_map(|range| &v[range.clone()]);
            last.column_mut(j).iter_mut().zip(entries).for_each(|(to, &v)| *to = v);
        }
        let to_unit = self.entries.transposed_product(&last);
        let mut to_last = last;
        product(to_last.as_mut(), self.entries.as_ref(), unit.as_ref(), par());
        for j in 0..k {
            let out = out.column_mut(j);
            self.unit.iter().zip(to_unit.column(j)).for_each(|(&i, &v)| out[i] += v);
            let mut from = to_last.column(j).iter();
            for range in &self.last {
                out[range.clone()].iter_mut().zip(&mut from).for_each(|(out, &v)| *out += v);
            }
        }
    }
}
