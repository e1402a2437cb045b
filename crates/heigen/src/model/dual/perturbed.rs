//! The dual carrier with arithmetic that rounds otherwise, by which the error of rounding is estimated.

use super::{Dual, DualTensor};
use crate::linalg::{Matrix, Scalar};
use crate::model::{
    Algebra, ColumnMap, Contraction, Function, ImageMap, Join, Layer, Linear, Network, Plain, Regions, Sink, Window,
};
use faer::Par;
use heigen_spectra::philox;
use std::ops::Range;

/// The carrier that moves every result of an operation within its rounding, at random.
///
/// A number that an operation has rounded becomes its neighbour with probability 1/4, up or down: it moves by a unit
/// roundoff (half of a unit in the last place) in the root mean square, where rounding itself moves it by 0.58 of that. To
/// a product W x the errors of its terms are added, which cancellation among them would hide: u (sum_j (w_ij x_j)^2)^(1/2)
/// times a number between -1 and 1. All numbers move independently, as roundings do: to change the weights once for all
/// samples instead would move all outputs alike, which overstates the error of a mean over samples.
///
/// # References
/// Parker, *Monte Carlo arithmetic: exploiting randomness in floating-point arithmetic*, UCLA CSD 970002 (1997);
/// Higham, *Accuracy and Stability of Numerical Algorithms* (2002), section 3.1.
#[derive(Debug)]
pub(crate) struct Perturbed<'a, T> {
    dual: Dual<'a, T>,
    squares: &'a [T],
    dice: Dice,
}

impl<'a, T: Scalar> Perturbed<'a, T> {
    /// The carrier `dual` with other rounding, at random by the two words of `key`. `squares` are those of
    /// [`squared_weights`].
    pub(crate) fn new(dual: Dual<'a, T>, squares: &'a [T], key: [u64; 2]) -> Self {
        Self { dual, squares, dice: Dice { key, drawn: 0, bits: 0, left: 0 } }
    }

    /// The sums of the squares of the terms of W x, or of W^T x.
    fn squared_terms(&mut self, layer: &Linear, x: &Matrix<T>, transposed: bool) -> Matrix<T> {
        let mut plain = Plain::new(self.squares, Sink::None, &mut *self.dual.pool, Par::Seq);
        let mut squares = plain.input(x);
        squares.data.iter_mut().for_each(|x| *x *= *x);
        let terms = if transposed { plain.affine_transposed(layer, &squares) } else { plain.affine(layer, &squares) };
        plain.recycle(squares);
        terms
    }

    /// Adds the errors of terms whose squares have these sums, and gives the memory of the sums back.
    fn add_errors(&mut self, mut y: DualTensor<T>, squares: Matrix<T>) -> DualTensor<T> {
        for (y, square) in y.value.data.iter_mut().zip(&squares.data) {
            let error = 0.5 * T::EPSILON * square.to_f64().sqrt() * self.dice.between_minus_one_and_one();
            // Squares of huge numbers are infinite.
            if error.is_finite() {
                *y = T::from_f64(y.to_f64() + error);
            }
        }
        self.dual.pool.give(squares.data);
        self.moved(y)
    }

    /// The tensor with its numbers moved.
    fn moved(&mut self, mut tensor: DualTensor<T>) -> DualTensor<T> {
        self.dice.shift(&mut tensor.value.data);
        if let Some(tangents) = &mut tensor.tangents {
            self.dice.shift(tangents);
        }
        tensor
    }
}

/// The squares of the weights of `network` in their places in theta; zeros in the places of all other parameters.
pub(crate) fn squared_weights<T: Scalar>(network: &Network, theta: &[T]) -> Vec<T> {
    let mut squares = vec![T::ZERO; theta.len()];
    Layer::visit(network.layers(), &mut |layer| {
        if let Layer::Linear(linear) = layer {
            let (to, from) = (&mut squares[linear.weight.clone()], &theta[linear.weight.clone()]);
            to.iter_mut().zip(from).for_each(|(to, &w)| *to = w * w);
        }
    });
    squares
}

/// Random bits of a key.
#[derive(Debug)]
struct Dice {
    key: [u64; 2],
    /// Number of words that were drawn.
    drawn: u64,
    /// Bits that are left of the last word, and their number.
    bits: u64,
    left: u32,
}

impl Dice {
    fn word(&mut self) -> u64 {
        self.drawn += 1;
        philox([self.drawn, 0, 0, 0], self.key)[0]
    }

    /// A number from 0 to 7.
    fn octal(&mut self) -> u64 {
        if self.left < 3 {
            (self.bits, self.left) = (self.word(), u64::BITS);
        }
        let digit = self.bits & 7;
        self.bits >>= 3;
        self.left -= 3;
        digit
    }

    fn between_minus_one_and_one(&mut self) -> f64 {
        (self.word() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// Moves a quarter of the numbers to the next one, up or down; zeros and infinite numbers stay.
    fn shift<T: Scalar>(&mut self, numbers: &mut [T]) {
        for number in numbers {
            let exact = number.to_f64();
            let moves = exact != 0.0 && exact.is_finite();
            match self.octal() {
                0 if moves => *number = T::from_f64(exact.next_up()),
                1 if moves => *number = T::from_f64(exact.next_down()),
                _ => {}
            }
        }
    }
}

impl<T: Scalar> Algebra for Perturbed<'_, T> {
    type Real = T;
    type Tensor = DualTensor<T>;

    fn affine(&mut self, layer: &Linear, x: &DualTensor<T>) -> DualTensor<T> {
        let y = self.dual.affine(layer, x);
        let squares = self.squared_terms(layer, &x.value, false);
        self.add_errors(y, squares)
    }

    fn affine_transposed(&mut self, layer: &Linear, delta: &DualTensor<T>) -> DualTensor<T> {
        let y = self.dual.affine_transposed(layer, delta);
        let squares = self.squared_terms(layer, &delta.value, true);
        self.add_errors(y, squares)
    }

    fn affine_gradient(&mut self, layer: &Linear, delta: &DualTensor<T>, x: &DualTensor<T>) {
        self.dual.affine_gradient(layer, delta, x);
    }

    fn elementwise(&mut self, f: Function, order: u8, x: &DualTensor<T>) -> DualTensor<T> {
        let y = self.dual.elementwise(f, order, x);
        self.moved(y)
    }

    fn multiply(&mut self, a: DualTensor<T>, b: &DualTensor<T>) -> DualTensor<T> {
        let y = self.dual.multiply(a, b);
        self.moved(y)
    }

    fn add(&mut self, a: DualTensor<T>, b: &DualTensor<T>) -> DualTensor<T> {
        let y = self.dual.add(a, b);
        self.moved(y)
    }

    fn negate(&mut self, a: DualTensor<T>) -> DualTensor<T> {
        self.dual.negate(a)
    }

    fn copy(&mut self, x: &DualTensor<T>) -> DualTensor<T> {
        self.dual.copy(x)
    }

    fn mean(&mut self, x: &DualTensor<T>) -> DualTensor<T> {
        let y = self.dual.mean(x);
        self.moved(y)
    }

    fn parameter(&mut self, range: &Range<usize>) -> DualTensor<T> {
        self.dual.parameter(range)
    }

    fn constant(&mut self, values: &[f64]) -> DualTensor<T> {
        self.dual.constant(values)
    }

    fn parameter_gradient(&mut self, range: &Range<usize>, delta: &DualTensor<T>) {
        self.dual.parameter_gradient(range, delta);
    }

    fn per_sample<const M: usize>(&mut self, x: [&DualTensor<T>; M], map: &impl ColumnMap<T, M>) -> DualTensor<T> {
        let y = self.dual.per_sample(x, map);
        self.moved(y)
    }

    fn per_image(&mut self, map: &impl ImageMap<T>, x: &DualTensor<T>) -> DualTensor<T> {
        self.dual.per_image(map, x)
    }

    fn max_pool(&mut self, window: &Window, x: &DualTensor<T>) -> DualTensor<T> {
        self.dual.max_pool(window, x)
    }

    fn max_pool_transposed(&mut self, window: &Window, delta: &DualTensor<T>, x: &DualTensor<T>) -> DualTensor<T> {
        self.dual.max_pool_transposed(window, delta, x)
    }

    fn regroup(&mut self, x: DualTensor<T>, rows: usize) -> DualTensor<T> {
        self.dual.regroup(x, rows)
    }

    fn contract(&mut self, map: &Contraction, a: &DualTensor<T>, b: &DualTensor<T>, fold: bool) -> DualTensor<T> {
        let c = self.dual.contract(map, a, b, fold);
        let mut plain = Plain::new(&[], Sink::None, &mut *self.dual.pool, Par::Seq);
        let mut square = |x: &Matrix<T>| {
            let mut squares = plain.input(x);
            squares.data.iter_mut().for_each(|x| *x *= *x);
            squares
        };
        let (a, b) = (square(&a.value), square(&b.value));
        let terms = plain.contract(map, &a, &b, fold);
        plain.recycle(a);
        plain.recycle(b);
        self.add_errors(c, terms)
    }

    fn join(&mut self, join: &Join, x: &[&DualTensor<T>]) -> DualTensor<T> {
        self.dual.join(join, x)
    }

    fn total(&mut self, x: &DualTensor<T>, own: usize) -> DualTensor<T> {
        let y = self.dual.total(x, own);
        self.moved(y)
    }

    fn masked(&mut self, a: DualTensor<T>, mask: &DualTensor<T>) -> DualTensor<T> {
        self.dual.masked(a, mask)
    }

    fn order(&mut self, a: DualTensor<T>, b: &DualTensor<T>) -> DualTensor<T> {
        self.dual.order(a, b)
    }

    fn choose(&mut self, regions: &Regions, x: &DualTensor<T>, by: &DualTensor<T>) -> DualTensor<T> {
        self.dual.choose(regions, x, by)
    }

    fn choose_transposed(&mut self, regions: &Regions, delta: &DualTensor<T>, by: &DualTensor<T>) -> DualTensor<T> {
        self.dual.choose_transposed(regions, delta, by)
    }

    fn look_up(&mut self, table: &DualTensor<T>, ids: &DualTensor<T>, row: usize) -> DualTensor<T> {
        self.dual.look_up(table, ids, row)
    }

    fn look_up_transposed(
        &mut self,
        delta: &DualTensor<T>,
        ids: &DualTensor<T>,
        shape: [usize; 2],
        fold: bool,
    ) -> DualTensor<T> {
        self.dual.look_up_transposed(delta, ids, shape, fold)
    }

    fn keep(&mut self, tensor: DualTensor<T>) -> DualTensor<T> {
        self.dual.keep(tensor)
    }

    fn recycle(&mut self, tensor: DualTensor<T>) {
        self.dual.recycle(tensor);
    }
}
