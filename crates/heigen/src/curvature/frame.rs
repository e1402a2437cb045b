//! Sparse orthonormal vectors that span the range of the functional remainder of a fully connected network.

use super::{Failure, Host, WholeColumns};
use crate::linalg::{Matrix, Scalar, add_product, norm, par, product, self_adjoint_eigen};
use crate::model::Linear;
use heigen_spectra::orthonormal_basis;

/// A direction is left to the dense part of a basis where the others hold all but this share of its squared length: what is
/// left would have lost digits.
const APART: f64 = 0.01;

/// The part of the remainder's column that lies in the weights of the last layer but one, for a parameter before them.
#[derive(Debug)]
pub(super) enum Hidden<T> {
    /// All zeros.
    Nothing,
    /// The weights that one input feeds: the input, and an entry for every unit.
    Stripe(usize, Vec<T>),
    /// Weights of several inputs, or biases: all weights and then all biases.
    Spread(Vec<T>),
}

/// The families of vectors, by the parameters that they belong to. Vectors of one family are orthonormal and most of their
/// entries are zeros, so that products with them cost a few operations for each parameter, however many they are.
///
/// | family | spans |
/// | --- | --- |
/// | coordinates | parameters before the last two layers |
/// | left | for every unit of the last layer but one, the weights of the last layer that it feeds, as far as the remainder reaches them |
/// | right | for every such unit, what the remainder has in its own weights |
/// | stripes | for every input of that layer, what the columns of earlier parameters have in the weights that it feeds |
///
/// Families of different layers are orthogonal to each other. Right vectors R and stripes U lie in the same layer; with
/// Z = R^T U, and I - Z^T Z = Y diag(g) Y^T, the vectors (U - R Z) Y / sqrt(g) take the place of the stripes.
#[derive(Debug)]
pub(super) struct Frame<T> {
    hidden: Linear,
    output: Linear,
    /// Places of the coordinates in theta.
    coordinates: Vec<usize>,
    /// For every unit, vectors over the outputs, [C, vectors].
    left: Vec<Matrix<T>>,
    /// For every unit, vectors over its weights and its bias, [weights, vectors].
    right: Vec<Matrix<T>>,
    /// Slot a holds the a-th vector of every input that has one, laid out as the layer's weights.
    stripes: Vec<Slot<T>>,
    /// The coefficients by right vectors and by stripes of the vectors that take the place of the stripes.
    mixed: [Matrix<T>; 2],
    /// Coefficients of the same kind for directions that are left to the dense part of a basis.
    left_out: [Matrix<T>; 2],
}

#[derive(Debug)]
struct Slot<T> {
    inputs: Vec<usize>,
    weights: Vec<T>,
}

/// What a frame is made of.
pub(super) struct Parts<'a, T> {
    pub(super) hidden: &'a Linear,
    pub(super) output: &'a Linear,
    /// Places of the coordinates in theta.
    pub(super) coordinates: Vec<usize>,
    /// For every unit, its block of the remainder, [C, weights of the unit].
    pub(super) blocks: Vec<&'a Matrix<T>>,
    /// For every coordinate, its column of the remainder in the weights of the last layer, `[C * units]`.
    pub(super) last: Vec<&'a [T]>,
    /// For every coordinate, its column in the weights of the layer before.
    pub(super) columns: Vec<&'a Hidden<T>>,
    /// Directions of at most this length count as none.
    pub(super) drop: f64,
}

impl<T: Scalar> Frame<T> {
    pub(super) fn new(parts: Parts<'_, T>) -> Result<Self, Failure> {
        let Parts { hidden, output, coordinates, blocks, last, columns, drop } = parts;
        let (units, outputs, inputs) = (hidden.outputs, output.outputs, hidden.inputs());
        let mut left = Vec::with_capacity(units);
        let mut right = Vec::with_capacity(units);
        for (unit, block) in blocks.iter().enumerate() {
            let own = block.columns;
            // The rows of the block, with those of the coordinates' columns beside them.
            let rows = Matrix::from_fn(own + last.len(), outputs, |i, c| {
                if i < own { block.column(i)[c] } else { last[i - own][c * units + unit] }
            });
            let turn = self_adjoint_eigen(&rows.gram())?.eigenvectors;
            let mut turned = Matrix::zeros(rows.rows, outputs);
            product(turned.as_mut(), rows.as_ref(), turn.as_ref(), par());
            let kept: Vec<usize> = (0..outputs).filter(|&c| norm(turned.column(c)) > drop).collect();
            let vectors = turn.select_columns(&kept);
            right.push(orthonormal_basis(&Host::new(own), block_rows(block, &vectors), drop)?);
            left.push(vectors);
        }
        let mut by_input: Vec<Vec<&[T]>> = vec![Vec::new(); inputs];
        for column in columns {
            if let Hidden::Stripe(input, entries) = column {
                by_input[*input].push(entries);
            }
        }
        let mut stripes: Vec<Slot<T>> = Vec::new();
        for (input, entries) in by_input.iter().enumerate().filter(|(_, entries)| !entries.is_empty()) {
            let all = Matrix { data: entries.concat(), rows: units, columns: entries.len() };
            let vectors = orthonormal_basis(&Host::new(units), all, drop)?;
            for (a, vector) in vectors.iter_columns().enumerate() {
                if stripes.len() == a {
                    stripes.push(Slot { inputs: vec![], weights: vec![T::ZERO; units * inputs] });
                }
                stripes[a].inputs.push(input);
                vector.iter().enumerate().for_each(|(k, &x)| stripes[a].weights[k * inputs + input] = x);
            }
        }
        let none = || [Matrix::zeros(0, 0), Matrix::zeros(0, 0)];
        let (hidden, output) = (hidden.clone(), output.clone());
        let mut frame = Self { hidden, output, coordinates, left, right, stripes, mixed: none(), left_out: none() };
        frame.mix()?;
        Ok(frame)
    }

    /// Makes the stripes orthogonal to the right vectors.
    fn mix(&mut self) -> Result<(), Failure> {
        let (inputs, [_, _, rights, stripes]) = (self.hidden.inputs(), self.sizes());
        let mut z = Matrix::zeros(rights, stripes);
        let mut column = 0;
        for slot in &self.stripes {
            for &input in &slot.inputs {
                let mut z = z.column_mut(column).iter_mut();
                for (k, right) in self.right.iter().enumerate() {
                    let entry = slot.weights[k * inputs + input];
                    right.iter_columns().zip(&mut z).for_each(|(r, z)| *z = r[input] * entry);
                }
                column += 1;
            }
        }
        let mut apart = z.gram();
        apart.data.iter_mut().for_each(|x| *x = -*x);
        (0..stripes).for_each(|i| apart.column_mut(i)[i] += T::ONE);
        let pairs = self_adjoint_eigen(&apart)?;
        let first = pairs.eigenvalues.iter().take_while(|g| g.to_f64() < APART).count();
        let coefficients = |own: Matrix<T>| {
            let mut of_right = Matrix::zeros(rights, own.columns);
            product(of_right.as_mut(), z.as_ref(), own.as_ref(), par());
            of_right.data.iter_mut().for_each(|x| *x = -*x);
            [of_right, own]
        };
        let mut own = pairs.eigenvectors.columns(first..stripes);
        for (j, g) in pairs.eigenvalues[first..].iter().enumerate() {
            let inverse = T::ONE / g.sqrt();
            own.column_mut(j).iter_mut().for_each(|x| *x *= inverse);
        }
        self.mixed = coefficients(own);
        self.left_out = coefficients(pairs.eigenvectors.columns(0..first));
        Ok(())
    }

    /// Numbers of vectors in the four families.
    fn sizes(&self) -> [usize; 4] {
        let of = |matrices: &[Matrix<T>]| matrices.iter().map(|m| m.columns).sum();
        let stripes = self.stripes.iter().map(|slot| slot.inputs.len()).sum();
        [self.coordinates.len(), of(&self.left), of(&self.right), stripes]
    }

    /// Places of the coordinates in theta; they are the frame's first vectors.
    pub(super) fn coordinates(&self) -> &[usize] {
        &self.coordinates
    }

    /// Number of the frame's vectors.
    pub(super) fn len(&self) -> usize {
        self.sizes()[..3].iter().sum::<usize>() + self.mixed[0].columns
    }

    /// The numbers of the first left and of the first right vector.
    pub(super) fn starts(&self) -> [usize; 2] {
        let [coordinates, left, ..] = self.sizes();
        [coordinates, coordinates + left]
    }

    /// The matrix of a block between the left and the right vectors of a unit, [left, right].
    pub(super) fn of_block(&self, unit: usize, block: &Matrix<T>) -> Matrix<T> {
        block_rows(block, &self.left[unit]).transposed_product(&self.right[unit])
    }

    /// The directions that are left to the dense part of a basis, [P, any].
    pub(super) fn left_out(&self, space: &impl WholeColumns<T>) -> Result<Matrix<T>, Failure> {
        let [coordinates, left, rights, _] = self.sizes();
        let [of_right, of_stripes] = &self.left_out;
        let mut raw = Matrix::zeros(self.sizes().iter().sum(), of_right.columns);
        for j in 0..of_right.columns {
            let (rest, stripes) = raw.column_mut(j).split_at_mut(coordinates + left + rights);
            rest[coordinates + left..].copy_from_slice(of_right.column(j));
            stripes.copy_from_slice(of_stripes.column(j));
        }
        space.made_of_columns(raw.columns, &|j, x| self.add_one(raw.column(j), x))
    }

    /// The products of the frame's vectors with the columns of `x` [P, K], [vectors, K].
    pub(super) fn project(&self, space: &impl WholeColumns<T>, x: &Matrix<T>) -> Result<Matrix<T>, Failure> {
        let total: usize = self.sizes().iter().sum();
        let raw = space.told_by_columns(x, total, &|x, raw| self.project_one(x, raw))?;
        Ok(space.threads().run(|| self.of_own(&raw)))
    }

    /// The coefficients of the frame's vectors from those of all four families.
    fn of_own(&self, raw: &Matrix<T>) -> Matrix<T> {
        let sizes = self.sizes();
        let total: usize = sizes.iter().sum();
        let kept = total - sizes[3];
        let mut out = Matrix::zeros(self.len(), raw.columns);
        for (out, raw) in out.data.chunks_exact_mut(self.len().max(1)).zip(raw.iter_columns()) {
            out[..kept].copy_from_slice(&raw[..kept]);
        }
        let mut mixed = out.as_mut().subrows_mut(kept, self.len() - kept);
        let [of_right, of_stripes] = &self.mixed;
        let rights = raw.as_ref().subrows(kept - sizes[2], sizes[2]);
        product(mixed.as_mut(), of_right.as_ref().transpose(), rights, par());
        add_product(mixed, of_stripes.as_ref().transpose(), raw.as_ref().subrows(kept, sizes[3]), par());
        out
    }

    /// Adds the combinations of the frame's vectors with `coefficients` [vectors, K] to the columns of `out` [P, K].
    pub(super) fn add(
        &self,
        space: &impl WholeColumns<T>,
        coefficients: &Matrix<T>,
        out: &mut Matrix<T>,
    ) -> Result<(), Failure> {
        let raw = space.threads().run(|| self.to_own(coefficients));
        space.change_columns(out, 1, &|j, x| self.add_one(raw.column(j), x))
    }

    /// The coefficients of all four families from those of the frame's vectors.
    fn to_own(&self, coefficients: &Matrix<T>) -> Matrix<T> {
        let sizes = self.sizes();
        let total: usize = sizes.iter().sum();
        let kept = total - sizes[3];
        let mut raw = Matrix::zeros(total, coefficients.columns);
        for (raw, own) in raw.data.chunks_exact_mut(total.max(1)).zip(coefficients.iter_columns()) {
            raw[..kept].copy_from_slice(&own[..kept]);
        }
        let mixed = coefficients.as_ref().subrows(kept, self.len() - kept);
        let [of_right, of_stripes] = &self.mixed;
        add_product(raw.as_mut().subrows_mut(kept - sizes[2], sizes[2]), of_right.as_ref(), mixed, par());
        product(raw.as_mut().subrows_mut(kept, sizes[3]), of_stripes.as_ref(), mixed, par());
        raw
    }

    /// The coefficients of `x` `[P]` by all four families.
    fn project_one(&self, x: &[T], raw: &mut [T]) {
        let inputs = self.hidden.inputs();
        let mut raw = raw.iter_mut();
        self.coordinates.iter().zip(&mut raw).for_each(|(&i, raw)| *raw = x[i]);
        let last = &x[self.output.weight.clone()];
        for (unit, left) in self.left.iter().enumerate() {
            let own = last[unit..].iter().step_by(self.hidden.outputs);
            left.iter_columns()
                .zip(&mut raw)
                .for_each(|(v, raw)| *raw = v.iter().zip(own.clone()).map(|(&v, &x)| v * x).sum());
        }
        for (unit, right) in self.right.iter().enumerate() {
            let (weights, bias) = self.of_unit(unit, x);
            right.iter_columns().zip(&mut raw).for_each(|(v, raw)| {
                let (of_weights, of_bias) = v.split_at(inputs);
                *raw = inner(of_weights, weights);
                of_bias.iter().zip(bias).for_each(|(&v, &x)| *raw += v * x);
            });
        }
        let weights = &x[self.hidden.weight.clone()];
        let mut sums = vec![T::ZERO; inputs];
        for slot in &self.stripes {
            sums.fill(T::ZERO);
            for (v, x) in slot.weights.chunks_exact(inputs).zip(weights.chunks_exact(inputs)) {
                sums.iter_mut().zip(v.iter().zip(x)).for_each(|(sum, (&v, &x))| *sum += v * x);
            }
            slot.inputs.iter().zip(&mut raw).for_each(|(&input, raw)| *raw = sums[input]);
        }
    }

    /// Adds a combination by all four families.
    fn add_one(&self, raw: &[T], x: &mut [T]) {
        let inputs = self.hidden.inputs();
        let mut raw = raw.iter();
        self.coordinates.iter().zip(&mut raw).for_each(|(&i, &c)| x[i] += c);
        let last = &mut x[self.output.weight.clone()];
        for (unit, left) in self.left.iter().enumerate() {
            for (v, &c) in left.iter_columns().zip(&mut raw) {
                let own = last[unit..].iter_mut().step_by(self.hidden.outputs);
                own.zip(v).for_each(|(x, &v)| *x += c * v);
            }
        }
        for (unit, right) in self.right.iter().enumerate() {
            for (v, &c) in right.iter_columns().zip(&mut raw) {
                let (of_weights, of_bias) = v.split_at(inputs);
                let start = self.hidden.weight.start + unit * inputs;
                x[start..start + inputs].iter_mut().zip(of_weights).for_each(|(x, &v)| *x += c * v);
                if let (Some(bias), [v]) = (&self.hidden.bias, of_bias) {
                    x[bias.start + unit] += c * *v;
                }
            }
        }
        let weights = &mut x[self.hidden.weight.clone()];
        let mut own = vec![T::ZERO; inputs];
        for slot in &self.stripes {
            own.fill(T::ZERO);
            slot.inputs.iter().zip(&mut raw).for_each(|(&input, &c)| own[input] = c);
            for (v, x) in slot.weights.chunks_exact(inputs).zip(weights.chunks_exact_mut(inputs)) {
                x.iter_mut().zip(v.iter().zip(&own)).for_each(|(x, (&v, &c))| *x += v * c);
            }
        }
    }

    /// The entries of `x` for a unit's weights, and for its bias.
    fn of_unit<'a>(&self, unit: usize, x: &'a [T]) -> (&'a [T], &'a [T]) {
        let inputs = self.hidden.inputs();
        let start = self.hidden.weight.start + unit * inputs;
        let bias = self.hidden.bias.as_ref().map_or(&x[..0], |bias| &x[bias.start + unit..][..1]);
        (&x[start..start + inputs], bias)
    }
}

/// The combinations of a block's rows [C, weights] with `vectors` [C, k], as columns [weights, k].
fn block_rows<T: Scalar>(block: &Matrix<T>, vectors: &Matrix<T>) -> Matrix<T> {
    block.transposed_product(vectors)
}

/// sum_i a_i b_i in eight sums that do not wait for one another.
fn inner<T: Scalar>(a: &[T], b: &[T]) -> T {
    let (a_chunks, a_rest) = a.as_chunks::<8>();
    let (b_chunks, b_rest) = b.as_chunks::<8>();
    let mut sums = [T::ZERO; 8];
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (&a, &b))| *sum += a * b);
    }
    let rest: T = a_rest.iter().zip(b_rest).map(|(&a, &b)| a * b).sum();
    sums.into_iter().sum::<T>() + rest
}
