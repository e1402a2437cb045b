//! Products of a tall matrix with few columns: of a basis with a block of directions, which is what orthogonalisation
//! consists of.
//!
//! A general product copies its left factor into the order that its kernel reads, which pays where an entry is used many
//! times. Here every entry of the tall matrix is used once for each of a few columns, and reading it is what takes the time.

use super::{Matrix, ROW_TILE, Scalar};
use faer::prelude::Reborrow;
use faer::{Accum, MatMut, MatRef, Par};
use pulp::{Arch, Simd, WithSimd};

/// Factors with at most this many columns are few.
pub(super) const FEW: usize = 8;
/// Rows that are worked on together, so many that a few columns of them fit into the first cache.
const ROWS: usize = 512;
/// Multiplications from which on rows are shared among threads.
const SHARED: usize = 1 << 20;

/// The entries of a column that lies in one piece.
fn entries<T>(a: MatRef<'_, T>, j: usize) -> &[T] {
    a.col(j).try_as_col_major().map_or(&[], |column| column.as_slice())
}

/// Whether columns lie in one piece each.
pub(super) fn is_by_columns<T>(a: MatRef<'_, T>) -> bool {
    a.row_stride() == 1
}

/// A columns from number `first` on; the last one again where there are fewer.
fn some<T, const A: usize>(a: MatRef<'_, T>, first: usize) -> [&[T]; A] {
    std::array::from_fn(|i| entries(a, (first + i).min(a.ncols() - 1)))
}

/// The matrix product `out += a^T b`, [columns of a, columns of b], column-major.
pub(super) fn add_inner_products<T: Scalar>(out: &mut [T], a: MatRef<'_, T>, b: MatRef<'_, T>) {
    if b.ncols() <= 2 {
        inner_products_by(out, a, b, T::inner_products_4_2);
    } else {
        inner_products_by(out, a, b, T::inner_products_2_4);
    }
}

/// [`add_inner_products`] by a kernel for A columns of a and B columns of b.
fn inner_products_by<T: Scalar, const A: usize, const B: usize>(
    out: &mut [T],
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    kernel: impl Fn([&[T]; A], [&[T]; B]) -> [[T; A]; B],
) {
    let (m, k) = (a.ncols(), b.ncols());
    for first in (0..a.nrows()).step_by(ROWS) {
        let rows = ROWS.min(a.nrows() - first);
        let (a, b) = (a.subrows(first, rows), b.subrows(first, rows));
        for i in (0..m).step_by(A) {
            for j in (0..k).step_by(B) {
                let sums = kernel(some(a, i), some(b, j));
                for (j, sums) in (j..k).zip(sums) {
                    out[i + j * m..(j + 1) * m].iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
                }
            }
        }
    }
}

/// `y += alpha a s` with s [columns of a, columns of y] and few columns of y; `y = alpha a s` if `accum` says so.
///
/// Rows do not depend on each other, so that sharing them among threads changes no byte, and neither does dealing tiles of rows to
/// pieces: a product with many columns of y is one for each tile, since the kernels of a general product may add in another order where
/// there are more rows.
pub fn combine<T: Scalar>(mut y: MatMut<'_, T>, accum: Accum, a: MatRef<'_, T>, s: &Matrix<T>, alpha: T, par: Par) {
    if s.columns > FEW || a.ncols() == 0 || !(is_by_columns(a) && is_by_columns(y.rb())) {
        return combine_tiles(y, accum, a, s, alpha, par);
    }
    if accum == Accum::Replace {
        y.fill(T::ZERO);
    }
    let s = Matrix { data: s.data.iter().map(|&s| alpha * s).collect(), ..*s };
    add_combinations(y, a, &s, par);
}

/// [`combine`] with a product for each tile of rows.
fn combine_tiles<T: Scalar>(y: MatMut<'_, T>, accum: Accum, a: MatRef<'_, T>, s: &Matrix<T>, alpha: T, par: Par) {
    let rows = a.nrows();
    if rows <= ROW_TILE {
        let within = if rows * s.data.len() >= SHARED { par } else { Par::Seq };
        return T::matmul(y, accum, a, s.as_ref(), alpha, within);
    }
    let middle = rows.div_ceil(ROW_TILE).div_ceil(2) * ROW_TILE;
    let ((y, below), (a, a_below)) = (y.split_at_row_mut(middle), a.split_at_row(middle));
    let above = || combine_tiles(y, accum, a, s, alpha, par);
    let rest = || combine_tiles(below, accum, a_below, s, alpha, par);
    if par.degree() > 1 && rows * s.data.len() >= SHARED {
        rayon::join(above, rest);
    } else {
        above();
        rest();
    }
}

/// Whether [`combine`] shares its work among threads, with `rows` rows of a.
pub(crate) fn is_combination_shared<T>(rows: usize, s: &Matrix<T>) -> bool {
    s.columns > FEW || (rows > ROW_TILE && rows * s.data.len() >= SHARED)
}

/// `y += a s`.
fn add_combinations<T: Scalar>(y: MatMut<'_, T>, a: MatRef<'_, T>, s: &Matrix<T>, par: Par) {
    let rows = a.nrows();
    if par.degree() > 1 && rows > ROW_TILE && rows * s.data.len() >= SHARED {
        let middle = (rows / ROW_TILE).div_ceil(2) * ROW_TILE;
        let ((y, below), (a, a_below)) = (y.split_at_row_mut(middle), a.split_at_row(middle));
        rayon::join(|| add_combinations(y, a, s, par), || add_combinations(below, a_below, s, par));
        return;
    }
    let mut rest = y;
    for first in (0..rows).step_by(ROWS) {
        let (y, below) = rest.split_at_row_mut(ROWS.min(rows - first));
        rest = below;
        let a = a.subrows(first, y.nrows());
        let columns =
            y.col_iter_mut().filter_map(|y| y.try_as_col_major_mut().map(faer::col::generic::Col::as_slice_mut));
        let mut columns: Vec<&mut [T]> = columns.collect();
        let mut j = 0;
        for pair in columns.chunks_mut(2) {
            match pair {
                [y, z] => combinations_by([y, z], a, s, j, T::combine_4_2),
                [z] => combinations_by([z], a, s, j, T::combine_4_1),
                _ => {}
            }
            j += 2;
        }
    }
}

/// `y += a s`, with B columns of y that belong to the columns of s from number `first` on, by a kernel for A columns of a.
fn combinations_by<T: Scalar, const A: usize, const B: usize>(
    mut y: [&mut [T]; B],
    a: MatRef<'_, T>,
    s: &Matrix<T>,
    first: usize,
    kernel: impl Fn([&mut [T]; B], [&[T]; A], [[T; A]; B]),
) {
    let m = a.ncols();
    for i in (0..m).step_by(A) {
        let entry = |j: usize, c: usize| if i + c < m { s.data[i + c + (first + j) * m] } else { T::ZERO };
        let factors = std::array::from_fn(|j| std::array::from_fn(|c| entry(j, c)));
        kernel(y.each_mut().map(|y| &mut **y), some(a, i), factors);
    }
}

/// The kernels for one number type. All columns that a kernel is given have the same length.
pub trait Narrow: Copy {
    /// a_i^T b_j of four and two columns, one array for every j.
    fn inner_products_4_2(a: [&[Self]; 4], b: [&[Self]; 2]) -> [[Self; 4]; 2];
    /// a_i^T b_j of two and four columns, one array for every j.
    fn inner_products_2_4(a: [&[Self]; 2], b: [&[Self]; 4]) -> [[Self; 2]; 4];
    /// `y_j += sum_i a_i s_ij` of four columns for one.
    fn combine_4_1(y: [&mut [Self]; 1], a: [&[Self]; 4], s: [[Self; 4]; 1]);
    /// `y_j += sum_i a_i s_ij` of four columns for two.
    fn combine_4_2(y: [&mut [Self]; 2], a: [&[Self]; 4], s: [[Self; 4]; 2]);
}

/// Inner products of the columns $a with the columns $b. Whole vectors are read together (`$all`, `$each`: the nested iterator
/// and its pattern), and the rest of the columns as one vector that zeros fill.
macro_rules! inner_products {
    ($t:ty, $name:ident, $A:literal, $B:literal, [$($a:ident)+], [$($b:ident)+], $each:pat, $all:expr,
     $split:ident, $load:ident, $splat:ident, $fma:ident, $sum:ident) => {
        #[inline]
        fn $name(a: [&[$t]; $A], b: [&[$t]; $B]) -> [[$t; $A]; $B] {
            struct Kernel<'a>([&'a [$t]; $A], [&'a [$t]; $B]);
            impl WithSimd for Kernel<'_> {
                type Output = [[$t; $A]; $B];

                #[inline(always)]
                fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
                    let Self([$($a),+], [$($b),+]) = self;
                    let mut sums = [[simd.$splat(0.0); $A]; $B];
                    let mut add = |a: [_; $A], b: [_; $B]| {
                        for i in 0..$A {
                            for j in 0..$B {
                                sums[j][i] = simd.$fma(a[i], b[j], sums[j][i]);
                            }
                        }
                    };
                    let ends = ([$(simd.$load(S::$split($a).1)),+], [$(simd.$load(S::$split($b).1)),+]);
                    $(let $a = S::$split($a).0;)+
                    $(let $b = S::$split($b).0;)+
                    for $each in $all {
                        add([$(*$a),+], [$(*$b),+]);
                    }
                    add(ends.0, ends.1);
                    let mut out = [[0.0; $A]; $B];
                    for j in 0..$B {
                        for i in 0..$A {
                            out[j][i] = simd.$sum(sums[j][i]);
                        }
                    }
                    out
                }
            }
            Arch::new().dispatch(Kernel(a, b))
        }
    };
}

/// Adds combinations of the columns $a to the columns $y, in the same way.
macro_rules! combine {
    ($t:ty, $name:ident, $A:literal, $B:literal, [$($a:ident)+], [$($y:ident $j:literal)+], $each:pat, $all:expr,
     $split:ident, $split_mut:ident, $load:ident, $store:ident, $splat:ident, $fma:ident) => {
        #[inline]
        fn $name(y: [&mut [$t]; $B], a: [&[$t]; $A], s: [[$t; $A]; $B]) {
            struct Kernel<'a>([&'a mut [$t]; $B], [&'a [$t]; $A], [[$t; $A]; $B]);
            impl WithSimd for Kernel<'_> {
                type Output = ();

                #[inline(always)]
                fn with_simd<S: Simd>(self, simd: S) {
                    let Self([$($y),+], [$($a),+], factors) = self;
                    let mut s = [[simd.$splat(0.0); $A]; $B];
                    for j in 0..$B {
                        for i in 0..$A {
                            s[j][i] = simd.$splat(factors[j][i]);
                        }
                    }
                    let sum = |mut y, a: [_; $A], s: &[_; $A]| {
                        for i in 0..$A {
                            y = simd.$fma(a[i], s[i], y);
                        }
                        y
                    };
                    let ends = [$(simd.$load(S::$split($a).1)),+];
                    $(let $a = S::$split($a).0;)+
                    $(let ($y, end) = S::$split_mut($y);
                    simd.$store(end, sum(simd.$load(end), ends, &s[$j]));)+
                    for $each in $all {
                        let a = [$(*$a),+];
                        $(*$y = sum(*$y, a, &s[$j]);)+
                    }
                }
            }
            Arch::new().dispatch(Kernel(y, a, s));
        }
    };
}

macro_rules! narrow {
    ($t:ty, $split:ident, $split_mut:ident, $load:ident, $store:ident, $splat:ident, $fma:ident, $sum:ident) => {
        impl Narrow for $t {
            inner_products!($t, inner_products_4_2, 4, 2, [a b c d], [y z], (((((a, b), c), d), y), z),
                a.iter().zip(b).zip(c).zip(d).zip(y).zip(z), $split, $load, $splat, $fma, $sum);
            inner_products!($t, inner_products_2_4, 2, 4, [a b], [w x y z], (((((a, b), w), x), y), z),
                a.iter().zip(b).zip(w).zip(x).zip(y).zip(z), $split, $load, $splat, $fma, $sum);
            combine!($t, combine_4_1, 4, 1, [a b c d], [z 0], ((((a, b), c), d), z),
                a.iter().zip(b).zip(c).zip(d).zip(z), $split, $split_mut, $load, $store, $splat, $fma);
            combine!($t, combine_4_2, 4, 2, [a b c d], [y 0 z 1], (((((a, b), c), d), y), z),
                a.iter().zip(b).zip(c).zip(d).zip(y).zip(z), $split, $split_mut, $load, $store, $splat, $fma);
        }
    };
}
narrow!(
    f32,
    as_simd_f32s,
    as_mut_simd_f32s,
    partial_load_f32s,
    partial_store_f32s,
    splat_f32s,
    mul_add_e_f32s,
    reduce_sum_f32s
);
narrow!(
    f64,
    as_simd_f64s,
    as_mut_simd_f64s,
    partial_load_f64s,
    partial_store_f64s,
    splat_f64s,
    mul_add_e_f64s,
    reduce_sum_f64s
);

#[cfg(test)]
mod tests {
    use super::super::{par, transposed_product_by_tiles};
    use super::*;

    fn entry(i: usize, j: usize) -> f64 {
        ((i * 7919 + j * 104729) % 1000) as f64 / 997.0 - 0.3
    }

    fn agree_with_loops<T: Scalar>(tolerance: f64) {
        for (rows, m) in [(1, 1), (3, 5), (511, 2), (513, 7), (2 * ROW_TILE + 37, 6)] {
            let a = Matrix::from_fn(rows, m, |i, j| T::from_f64(entry(i, j)));
            for k in 1..=FEW + 1 {
                let b = Matrix::from_fn(rows, k, |i, j| T::from_f64(entry(i, 100 + j)));
                let products = transposed_product_by_tiles(a.as_ref(), b.as_ref(), par());
                assert_eq!(products, transposed_product_by_tiles(a.as_ref(), b.as_ref(), Par::Seq));
                let s = Matrix::from_fn(m, k, |i, j| T::from_f64(entry(i, 200 + j)));
                let mut sum = b.clone();
                combine(sum.as_mut(), Accum::Add, a.as_ref(), &s, T::from_f64(-0.5), par());
                let mut replaced = Matrix::from_fn(rows, k, |_, _| T::from_f64(f64::NAN));
                combine(replaced.as_mut(), Accum::Replace, a.as_ref(), &s, T::ONE, Par::Seq);
                let close = |got: f64, wanted: f64, size: f64| assert!((got - wanted).abs() <= tolerance * size);
                for j in 0..k {
                    for i in 0..m {
                        let wanted: f64 =
                            a.column(i).iter().zip(b.column(j)).map(|(a, b)| a.to_f64() * b.to_f64()).sum();
                        close(products.data[i + j * m], wanted, rows as f64);
                    }
                    for i in 0..rows {
                        let along: f64 = (0..m).map(|c| a.column(c)[i].to_f64() * s.data[c + j * m].to_f64()).sum();
                        close(sum.column(j)[i].to_f64(), b.column(j)[i].to_f64() - 0.5 * along, m as f64);
                        close(replaced.column(j)[i].to_f64(), along, m as f64);
                    }
                }
            }
        }
    }

    /// Tiles of rows may be dealt to pieces: the numbers of a row are the same, whatever rows there are beside it.
    fn rows_depend_on_no_other<T: Scalar>() {
        for (m, k) in [(1, 1), (5, 2), (37, 3), (300, 12), (64, 64)] {
            let a = Matrix::from_fn(3 * ROW_TILE + 37, m, |i, j| T::from_f64(entry(i, j)));
            let s = Matrix::from_fn(m, k, |i, j| T::from_f64(entry(i, 200 + j)));
            let start = Matrix::from_fn(a.rows, k, |i, j| T::from_f64(entry(i, 100 + j)));
            let mut whole = start.clone();
            combine(whole.as_mut(), Accum::Add, a.as_ref(), &s, T::from_f64(-0.5), par());
            for (first, rows) in [(0, ROW_TILE), (ROW_TILE, 2 * ROW_TILE), (2 * ROW_TILE, ROW_TILE + 37)] {
                let part = |from: &Matrix<T>| Matrix::from_fn(rows, from.columns, |i, j| from.column(j)[first + i]);
                let mut own = part(&start);
                combine(own.as_mut(), Accum::Add, part(&a).as_ref(), &s, T::from_f64(-0.5), Par::Seq);
                assert!(own == part(&whole), "rows {first} to {} of a product [{m}, {k}]", first + rows);
            }
        }
    }

    #[test]
    fn tiles_of_rows_may_lie_anywhere() {
        rows_depend_on_no_other::<f64>();
        rows_depend_on_no_other::<f32>();
    }

    #[test]
    fn few_columns_are_multiplied_as_by_loops() {
        agree_with_loops::<f64>(1e-15);
        agree_with_loops::<f32>(1e-6);
    }
}
