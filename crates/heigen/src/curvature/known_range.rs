//! The range of the Hessian, or of one of its parts, as the structure of the network tells it: a basis that no product has to
//! find, and the operator in this basis.

use super::factored::factor;
use super::frame::{Frame, Hidden, Parts};
use super::passes::delta_at_logits;
use super::remainder_blocks::{Block, first_columns, unit_blocks};
use super::structure::{Probing, probing};
use super::{Failure, OperatorKind, Problem, Watch, WholeColumns};
use crate::linalg::{Matrix, Scalar, add_outer, norm, self_adjoint_eigen};
use heigen_spectra::{Compressed, OrthonormalBasis, orthonormal_basis};

/// Directions that contribute no more than this fraction of the operator's scale are left out: a hundredth of what counts as
/// zero.
const EXHAUSTED: f64 = 1e-12;
/// The part of the Gauss-Newton matrix that is left out with columns of its factor, as a fraction of its scale.
const NEGLIGIBLE: f64 = 1e-13;
/// What is left of a vector of length 1 after a second projection, where the first one left more than rounding, is longer than
/// this.
const MORE_THAN_ROUNDING: f64 = 0.5;
/// Columns of the factor of the Gauss-Newton matrix, beyond as many as there are vectors for the remainder, up to which its
/// Gram matrix costs less than looking for the range.
const FACTOR: usize = 1024;
/// Columns of the remainder that are taken into the basis at a time.
const BLOCK: usize = 128;

/// An orthonormal basis: the vectors of a frame, which are sparse, and dense ones.
struct KnownRange<T, S> {
    space: S,
    frame: Option<Frame<T>>,
    /// [P, any].
    dense: Matrix<T>,
}

/// The remainder R of a fully connected network by its parts.
struct Remainder<T> {
    probing: Probing,
    /// The columns of the parameters before the last two layers.
    first: Vec<FirstColumn<T>>,
    blocks: Vec<Block<T>>,
}

/// The column of R of a parameter before the last two layers.
struct FirstColumn<T> {
    /// The entries of the parameters before the last two layers.
    first: Vec<T>,
    /// Those of the weights of the last layer but one.
    hidden: Hidden<T>,
    /// Those of the weights of the last layer.
    last: Vec<T>,
    norm: f64,
}

/// The Hessian, the Gauss-Newton matrix or the remainder of `problem` (without weight decay) on a space that holds its range;
/// `None` where the structure of the network tells no such space, where `limit_bytes` do not hold it, or where looking for the
/// range takes fewer operations.
///
/// H = B B^T + R with B [P, N C] ([`Factored`](super::factored::Factored)). The range of R is spanned by the vectors of a
/// [`Frame`], and what B adds to it is made orthonormal: Q = [frame, D]. With C = Q^T B, T = C C^T + Q^T R Q, in which R has
/// entries only between vectors of the frame.
///
/// # Cost
/// C passes for B, the products that tell R, about 10 P n^2 operations for n columns of B that are not negligible, and a few
/// for each parameter and vector of the frame. Eigenvectors from those of T take 2 P n operations each.
pub(super) fn compressed<T: Scalar, S: WholeColumns<T>>(
    problem: &Problem<'_, T>,
    space: &S,
    kind: OperatorKind,
    limit_bytes: f64,
    watch: &mut dyn Watch,
) -> Result<Option<Compressed<S>>, Failure> {
    let limit_bytes = limit_bytes * space.pieces() as f64;
    let network = problem.network();
    let (p, loss) = (problem.n_params(), delta_at_logits(problem, T::ONE).loss);
    let with_factor = kind != OperatorKind::FunctionalRemainder && !loss.is_linear();
    let columns = if with_factor { problem.n_all_samples() * network.n_outputs() } else { 0 };
    // B, its columns that are not negligible, and a basis of theirs.
    let bytes = 4.0 * (p * columns * size_of::<T>()) as f64;
    if kind == OperatorKind::EmpiricalFisher || network.couples_samples() || !loss.has_roots() || bytes > limit_bytes {
        return Ok(None);
    }
    let probing = if kind == OperatorKind::GaussNewton { None } else { fully_connected(problem) };
    if (probing.is_none() && kind != OperatorKind::GaussNewton) || columns > p {
        return Ok(None);
    }
    let bound = probing.as_ref().map_or(0, most_vectors);
    let b = if with_factor { worth_keeping(space, factor(problem, space)?)? } else { space.zeros(0)? };
    if b.columns > FACTOR + bound {
        return Ok(None);
    }
    let b_scale = space.norms(space.all(&b))?.into_iter().fold(0.0, f64::max).powi(2);
    let remainder = probing.map(|probing| Remainder::of(problem, probing, watch)).transpose()?;
    let scale = remainder.as_ref().map_or(0.0, Remainder::scale).max(b_scale);
    let basis = KnownRange::of(space, remainder.as_ref(), &b, scale)?;
    let found = basis.len();
    // Basis and eigenvectors; T, its eigenvectors and their workspace.
    let bytes = (3 * p * found + 4 * found * found) * size_of::<T>();
    if bytes as f64 > limit_bytes {
        return Ok(None);
    }
    let small = basis.operator(&b, remainder.as_ref())?;
    let data = small.data.iter().map(|x| x.to_f64()).collect();
    let small = Matrix { data, rows: found, columns: found };
    Ok(Some(Compressed { small, basis: Box::new(basis) }))
}

/// The structure of the network where its last two layers are fully connected, and few products tell its remainder.
fn fully_connected<T: Scalar>(problem: &Problem<'_, T>) -> Option<Probing> {
    let network = problem.network();
    let probing = probing(network)?;
    let (hidden, output) = (&probing.hidden, &probing.output);
    let plain = hidden.window.is_none() && output.window.is_none() && output.inputs() == hidden.outputs;
    let products = probing.first.len() + probing.directions();
    // Products with parts of theta cost less than half of others.
    let worth = products <= 2 * (most_vectors(&probing) + problem.n_all_samples() * network.n_outputs());
    (plain && worth).then_some(probing)
}

/// A bound on the number of vectors of the frame.
fn most_vectors(probing: &Probing) -> usize {
    2 * probing.first.len() + 2 * probing.units * probing.output.outputs
}

/// The columns of B in other directions of the samples' space, B W with orthonormal W, without those that are negligible:
/// B W W^T B^T is B B^T up to [`NEGLIGIBLE`].
fn worth_keeping<T: Scalar>(space: &impl WholeColumns<T>, b: Matrix<T>) -> Result<Matrix<T>, Failure> {
    let squares: Vec<f64> = space.norms(space.all(&b))?.into_iter().map(|norm| norm.powi(2)).collect();
    let scale = squares.iter().copied().fold(0.0, f64::max);
    let mut order: Vec<usize> = (0..b.columns).collect();
    order.sort_by(|&i, &j| squares[i].total_cmp(&squares[j]));
    let mut sum = 0.0;
    let negligible = |&&i: &&usize| {
        sum += squares[i];
        sum <= 0.1 * NEGLIGIBLE * scale
    };
    let dropped = order.iter().take_while(negligible).count();
    let mut kept = order.split_off(dropped);
    kept.sort_unstable();
    let all = b;
    let b = all.select_columns(&kept);
    drop(all);
    let gram = space.gram(space.all(&b), space.all(&b))?;
    let pairs = space.threads().run(|| self_adjoint_eigen(&gram))?;
    let first = pairs.eigenvalues.iter().take_while(|&&l| l <= NEGLIGIBLE * scale).count();
    let mut turned = space.zeros(b.columns - first)?;
    space.combine(1.0, space.all(&b), &pairs.eigenvectors.columns(first..b.columns), 0.0, &mut turned)?;
    Ok(turned)
}

impl<T: Scalar> Remainder<T> {
    fn of(problem: &Problem<'_, T>, probing: Probing, watch: &mut dyn Watch) -> Result<Self, Failure> {
        let mut first = Vec::with_capacity(probing.first.len());
        first_columns(problem, &probing, watch, |_, column| first.push(FirstColumn::of(&probing, column)))?;
        let blocks = unit_blocks(problem, &probing, watch)?;
        Ok(Self { probing, first, blocks })
    }

    /// The largest length of a column.
    fn scale(&self) -> f64 {
        let of_blocks = self.blocks.iter().flat_map(|block| block.entries.iter_columns().map(norm));
        self.first.iter().map(|column| column.norm).chain(of_blocks).fold(0.0, f64::max)
    }

    /// The columns of R that are longer than `drop`, which are those of the frame's coordinates.
    fn kept(&self, drop: f64) -> impl Iterator<Item = (usize, &FirstColumn<T>)> {
        self.first.iter().enumerate().filter(move |(_, column)| column.norm > drop)
    }

    fn frame(&self, drop: f64) -> Result<Frame<T>, Failure> {
        let Probing { first, hidden, output, .. } = &self.probing;
        Frame::new(Parts {
            hidden,
            output,
            coordinates: self.kept(drop).map(|(j, _)| first.start + j).collect(),
            blocks: self.blocks.iter().map(|block| &block.entries).collect(),
            last: self.kept(drop).map(|(_, column)| &column.last[..]).collect(),
            columns: self.kept(drop).map(|(_, column)| &column.hidden).collect(),
            drop,
        })
    }
}

impl<T: Scalar> FirstColumn<T> {
    fn of(probing: &Probing, column: &[T]) -> Self {
        let Probing { first, hidden, output, .. } = probing;
        let (inputs, weights) = (hidden.inputs(), &column[hidden.weight.clone()]);
        let biases = hidden.bias.as_ref().map_or(&column[..0], |bias| &column[bias.clone()]);
        let nonzero = |x: &T| *x != T::ZERO;
        let hidden = match weights.iter().position(nonzero).map(|i| i % inputs) {
            None if !biases.iter().any(nonzero) => Hidden::Nothing,
            Some(input)
                if !biases.iter().any(nonzero)
                    && weights.iter().enumerate().all(|(i, x)| i % inputs == input || !nonzero(x)) =>
            {
                Hidden::Stripe(input, weights[input..].iter().step_by(inputs).copied().collect())
            }
            _ => Hidden::Spread([weights, biases].concat()),
        };
        let (first, last) = (column[first.clone()].to_vec(), column[output.weight.clone()].to_vec());
        Self { first, hidden, last, norm: norm(column) }
    }

    /// Writes the entries of the weights of the last layer but one into `x` `[P]`.
    fn write_hidden(&self, layer: &crate::model::Linear, x: &mut [T]) {
        let weights = layer.weight.clone();
        match &self.hidden {
            Hidden::Nothing => {}
            Hidden::Stripe(input, entries) => {
                let to = x[weights][*input..].iter_mut().step_by(layer.inputs());
                to.zip(entries).for_each(|(to, &from)| *to = from);
            }
            Hidden::Spread(entries) => {
                let (of_weights, of_biases) = entries.split_at(weights.len());
                x[weights].copy_from_slice(of_weights);
                if let Some(bias) = &layer.bias {
                    x[bias.clone()].copy_from_slice(of_biases);
                }
            }
        }
    }
}

impl<T: Scalar, S: WholeColumns<T>> KnownRange<T, S> {
    /// The basis for the range of R and of B, of an operator whose norm is about `scale`.
    fn of(space: &S, remainder: Option<&Remainder<T>>, b: &Matrix<T>, scale: f64) -> Result<Self, Failure> {
        let drop = EXHAUSTED * scale;
        let mut basis = Self { space: space.clone(), frame: None, dense: space.zeros(0)? };
        if let Some(remainder) = remainder {
            let frame = space.threads().run(|| remainder.frame(drop))?;
            let mut more = frame.left_out(space)?;
            // Columns that are spread over a whole layer are dense vectors; their scale becomes that of the others.
            let unit = T::from_f64(1.0 / scale);
            let kept = remainder.kept(drop).map(|(_, column)| column);
            let spread: Vec<_> = kept.filter(|column| matches!(column.hidden, Hidden::Spread(_))).collect();
            let dense = space.made_of_columns(spread.len(), &|j, x| {
                spread[j].write_hidden(&remainder.probing.hidden, x);
                x.iter_mut().for_each(|x| *x *= unit);
            })?;
            space.append(&mut more, space.all(&dense))?;
            basis.frame = Some(frame);
            basis.extend(more, EXHAUSTED)?;
        }
        basis.extend(b.clone(), EXHAUSTED * scale.sqrt())?;
        Ok(basis)
    }

    /// Adds what the columns of `x` have beyond the basis, as far as it is longer than `drop`.
    fn extend(&mut self, mut x: Matrix<T>, drop: f64) -> Result<(), Failure> {
        // The second time columns have length 1: what rounding has left of the basis in short columns has grown with them.
        for drop in [drop, MORE_THAN_ROUNDING] {
            if x.columns == 0 {
                return Ok(());
            }
            self.project_out(&mut x)?;
            x = orthonormal_basis(&self.space, x, drop)?;
        }
        self.space.append(&mut self.dense, self.space.all(&x))
    }

    fn project_out(&self, x: &mut Matrix<T>) -> Result<(), Failure> {
        let space = &self.space;
        if let Some(frame) = &self.frame {
            let mut coefficients = frame.project(space, x)?;
            coefficients.data.iter_mut().for_each(|c| *c = -*c);
            frame.add(space, &coefficients, x)?;
        }
        if self.dense.columns > 0 {
            let coefficients = space.gram(space.all(&self.dense), space.all(x))?;
            space.combine(-1.0, space.all(&self.dense), &coefficients, 1.0, x)?;
        }
        Ok(())
    }

    /// Number of vectors of the frame.
    fn sparse(&self) -> usize {
        self.frame.as_ref().map_or(0, Frame::len)
    }

    /// Number of vectors.
    fn len(&self) -> usize {
        self.sparse() + self.dense.columns
    }

    /// The products of the basis with the columns of `x`, [vectors, K].
    fn project(&self, x: &Matrix<T>) -> Result<Matrix<T>, Failure> {
        let (space, sparse, all) = (&self.space, self.sparse(), self.len());
        let mut out = Matrix::zeros(all, x.columns);
        if let Some(frame) = &self.frame {
            let own = frame.project(space, x)?;
            for (out, own) in out.data.chunks_exact_mut(all.max(1)).zip(own.iter_columns()) {
                out[..sparse].copy_from_slice(own);
            }
        }
        let dense = space.gram(space.all(&self.dense), space.all(x))?;
        for (out, own) in out.data.chunks_exact_mut(all.max(1)).zip(dense.iter_columns()) {
            out[sparse..].iter_mut().zip(own).for_each(|(out, &own)| *out = T::from_f64(own));
        }
        Ok(out)
    }

    /// T = Q^T (B B^T + R) Q.
    fn operator(&self, b: &Matrix<T>, remainder: Option<&Remainder<T>>) -> Result<Matrix<T>, Failure> {
        let all = self.len();
        let mut t = Matrix::zeros(all, all);
        if b.columns > 0 {
            let projected = self.project(b)?;
            self.space.threads().run(|| add_outer(&mut t, &projected));
        }
        if let (Some(frame), Some(remainder)) = (&self.frame, remainder) {
            self.add_first(remainder, frame.coordinates(), &mut t)?;
            // The blocks of the units, below the diagonal: right vectors are behind left ones.
            let [mut left, mut right] = frame.starts();
            for (unit, block) in remainder.blocks.iter().enumerate() {
                let own = self.space.threads().run(|| frame.of_block(unit, &block.entries));
                for i in 0..own.rows {
                    for j in 0..own.columns {
                        t.column_mut(left + i)[right + j] += own.column(j)[i];
                    }
                }
                left += own.rows;
                right += own.columns;
            }
        }
        t.mirror_lower();
        Ok(t)
    }

    /// Adds the columns of R of the frame's coordinates, which come first in the basis, below the diagonal.
    fn add_first(&self, remainder: &Remainder<T>, coordinates: &[usize], t: &mut Matrix<T>) -> Result<(), Failure> {
        let Probing { first, hidden, output, .. } = &remainder.probing;
        let columns: Vec<&FirstColumn<T>> = coordinates.iter().map(|&i| &remainder.first[i - first.start]).collect();
        for start in (0..columns.len()).step_by(BLOCK) {
            let some = &columns[start..(start + BLOCK).min(columns.len())];
            let block = self.space.made_of_columns(some.len(), &|j, x| {
                x[first.clone()].copy_from_slice(&some[j].first);
                some[j].write_hidden(hidden, x);
                x[output.weight.clone()].copy_from_slice(&some[j].last);
            })?;
            let projected = self.project(&block)?;
            for (j, own) in projected.iter_columns().enumerate() {
                let below = start + j..t.rows;
                let to = &mut t.column_mut(start + j)[below.clone()];
                to.iter_mut().zip(&own[below]).for_each(|(t, &x)| *t += x);
            }
        }
        Ok(())
    }
}

impl<T: Scalar, S: WholeColumns<T>> OrthonormalBasis<S> for KnownRange<T, S> {
    fn combined(&self, u: &Matrix<f64>) -> Result<Matrix<T>, Failure> {
        let (space, sparse) = (&self.space, self.sparse());
        let mut out = space.zeros(u.columns)?;
        let of_dense = Matrix::from_fn(self.dense.columns, u.columns, |i, j| u.column(j)[sparse + i]);
        space.combine(1.0, space.all(&self.dense), &of_dense, 0.0, &mut out)?;
        if let Some(frame) = &self.frame {
            let of_frame = Matrix::from_fn(sparse, u.columns, |i, j| T::from_f64(u.column(j)[i]));
            frame.add(space, &of_frame, &mut out)?;
        }
        Ok(out)
    }
}
