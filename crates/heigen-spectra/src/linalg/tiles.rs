//! Sums over the rows of tall matrices. Fixed tiles are added in a fixed tree, so that the bytes of a sum depend
//! neither on the number of threads nor on the pieces that vectors lie in.

use super::eigen::{exponent, times_power_of_two};
use super::narrow::{FEW, add_inner_products, is_by_columns};
use super::{Matrix, Scalar, matrix::lower_gram, product};
use faer::{MatRef, Par};
use std::ops::{Range, RangeInclusive};

/// Rows whose products are added up on their own. A tile belongs to its rows, not to a thread or to a piece of the vector,
/// and sums of tiles are added in a fixed tree.
pub const ROW_TILE: usize = 4096;

/// Multiplications of a sum over tiles from which on its branches are shared among threads.
const SHARED: usize = 1 << 22;
/// Multiplications of one tile from which on its product is split among threads, too.
const SPLIT_TILE: usize = 1 << 24;

/// The two branches of a node of the tree of tiles, a range of at least two of them. The left branch holds the largest power of two of
/// tiles that leaves something for the right one, so that aligned groups of tiles are branches.
pub(crate) fn branches(node: &Range<usize>) -> [Range<usize>; 2] {
    let middle = node.start + node.len().next_power_of_two() / 2;
    [node.start..middle, middle..node.end]
}

/// The largest nodes of the tree over `tiles` that lie in a range of them, in order; together they are the range.
pub(crate) fn nodes_within(tiles: &Range<usize>, share: &Range<usize>) -> Vec<Range<usize>> {
    if share.start <= tiles.start && tiles.end <= share.end {
        return if tiles.is_empty() { vec![] } else { vec![tiles.clone()] };
    }
    if share.start >= tiles.end || tiles.start >= share.end {
        return vec![];
    }
    branches(tiles).iter().flat_map(|branch| nodes_within(branch, share)).collect()
}

/// The sum over a node of a tree with these `branches`, from the sums over nodes that make it up, which are taken from `parts` in order;
/// `None` where one is missing.
pub(crate) fn sum_of_nodes<S>(
    node: &Range<usize>,
    branches: &impl Fn(&Range<usize>) -> [Range<usize>; 2],
    parts: &mut std::iter::Peekable<impl Iterator<Item = (Range<usize>, S)>>,
    add: &impl Fn(&mut S, S),
) -> Option<S> {
    if let Some((_, sum)) = parts.next_if(|(part, _)| part == node) {
        return Some(sum);
    }
    if node.len() < 2 {
        return None;
    }
    let [left, right] = branches(node);
    let mut sum = sum_of_nodes(&left, branches, parts, add)?;
    add(&mut sum, sum_of_nodes(&right, branches, parts, add)?);
    Some(sum)
}

/// The sum of `leaf(i)` over a node of the tree of tiles. If `shared`, the two branches are computed in parallel, which changes no sum.
fn tree_sum<S: Send>(
    leaves: Range<usize>,
    shared: bool,
    leaf: &(impl Fn(usize) -> S + Sync),
    add: &(impl Fn(&mut S, S) + Sync),
) -> Option<S> {
    match leaves.len() {
        0 => None,
        1 => Some(leaf(leaves.start)),
        _ => {
            let [left, right] = branches(&leaves);
            let left = || tree_sum(left.clone(), shared, leaf, add);
            let right = || tree_sum(right.clone(), shared, leaf, add);
            let (left, right) = if shared { rayon::join(left, right) } else { (left(), right()) };
            let mut sum = left?;
            if let Some(right) = right {
                add(&mut sum, right);
            }
            Some(sum)
        }
    }
}

/// sum_i a_i b_i in float64: tile by tile of rows, which are added in a fixed tree.
pub fn dot<T: Scalar>(a: &[T], b: &[T]) -> f64 {
    dot_of_node(a, b, &(0..a.len().div_ceil(ROW_TILE)), 0)
}

/// sum_i a_i b_i over the tiles of a node, where `a` and `b` begin with the rows of tile number `first`.
pub(crate) fn dot_of_node<T: Scalar>(a: &[T], b: &[T], node: &Range<usize>, first: usize) -> f64 {
    let tile = |i: usize| {
        let rows = (i - first) * ROW_TILE..((i - first + 1) * ROW_TILE).min(a.len());
        dot_of_tile(&a[rows.clone()], &b[rows])
    };
    tree_sum(node.clone(), false, &tile, &|sum, x| *sum += x).unwrap_or(0.0)
}

/// sum_i a_i b_i of one tile.
fn dot_of_tile<T: Scalar>(a: &[T], b: &[T]) -> f64 {
    // Eight sums that do not wait for one another; their number is fixed, so the result is too.
    const LANES: usize = 8;
    let mut sums = [0.0f64; LANES];
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a.to_f64() * b.to_f64();
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a.to_f64() * b.to_f64()).sum();
    sums.iter().sum::<f64>() + rest
}

/// Sums of squares in float64 that neither underflow nor overflow has changed.
pub(crate) const SQUARES: RangeInclusive<f64> = 1e-280..=1e300;

/// Euclidean norm in float64, of entries of any magnitude.
pub fn norm<T: Scalar>(a: &[T]) -> f64 {
    let square = dot(a, a);
    if SQUARES.contains(&square) {
        return square.sqrt();
    }
    let largest = a.iter().fold(0.0f64, |m, x| m.max(x.to_f64().abs()));
    if largest == 0.0 || !largest.is_finite() {
        return square.sqrt();
    }
    let binary = exponent(largest);
    let scaled: Vec<f64> = a.iter().map(|x| times_power_of_two(x.to_f64(), -binary)).collect();
    times_power_of_two(dot(&scaled, &scaled).sqrt(), binary)
}

/// The matrix product A^T B of A [P, m] and B [P, k], [m, k]: tiles of rows in T, their sum in float64.
///
/// `par` is how large products may be split; narrow ones are faster in one piece, and their bytes are equal.
pub fn transposed_product_by_tiles<T: Scalar>(a: MatRef<'_, T>, b: MatRef<'_, T>, par: Par) -> Matrix<f64> {
    transposed_product_of_node(a, b, &all_tiles(a.nrows()), 0, par)
}

/// [`transposed_product_by_tiles`] over the tiles of a node of the tree, where A and B begin with the rows of tile number `first`.
pub(crate) fn transposed_product_of_node<T: Scalar>(
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    node: &Range<usize>,
    first: usize,
    par: Par,
) -> Matrix<f64> {
    let few = b.ncols() <= FEW && is_by_columns(a) && is_by_columns(b);
    of_node(a.nrows(), [a.ncols(), b.ncols()], node, first, par, |out, first, rows, par| {
        let (a, b) = (a.subrows(first, rows), b.subrows(first, rows));
        if few {
            add_inner_products(&mut out.data, a, b);
        } else {
            product(out.as_mut(), a.transpose(), b, par);
        }
    })
}

/// The Gram matrix A^T A of A [P, m], [m, m], P summed by tiles: half the operations of a product, mirrored.
///
/// `par` is how large products may be split; narrow ones are faster in one piece, and their bytes are equal.
pub fn gram_by_tiles<T: Scalar>(a: MatRef<'_, T>, par: Par) -> Matrix<f64> {
    let mut out = lower_gram_of_node(a, &all_tiles(a.nrows()), 0, par);
    out.mirror_lower();
    out
}

/// The lower triangle of [`gram_by_tiles`] over the tiles of a node of the tree, where A begins with the rows of tile number `first`.
pub(crate) fn lower_gram_of_node<T: Scalar>(
    a: MatRef<'_, T>,
    node: &Range<usize>,
    first: usize,
    par: Par,
) -> Matrix<f64> {
    let few = a.ncols() <= FEW && is_by_columns(a);
    of_node(a.nrows(), [a.ncols(), a.ncols()], node, first, par, |out, first, rows, par| {
        let a = a.subrows(first, rows);
        if few { add_inner_products(&mut out.data, a, a) } else { lower_gram(out, a, par) }
    })
}

fn all_tiles(rows: usize) -> Range<usize> {
    0..rows.div_ceil(ROW_TILE)
}

/// Whether a sum over `rows` rows of products with m and k columns is shared among threads.
pub(crate) fn is_sum_shared(rows: usize, m: usize, k: usize) -> bool {
    rows * m * k >= SHARED
}

/// The sum over the tiles of a node of what `leaf(out, first row, rows, par)` leaves in a matrix [m, k] of zeros. There are `rows` rows,
/// which begin with tile number `first`.
fn of_node<T: Scalar>(
    rows: usize,
    [m, k]: [usize; 2],
    node: &Range<usize>,
    first: usize,
    par: Par,
    leaf: impl Fn(&mut Matrix<T>, usize, usize, Par) + Sync,
) -> Matrix<f64> {
    let shared = par.degree() > 1 && is_sum_shared(rows, m, k);
    let within = if rows.min(ROW_TILE) * m * k >= SPLIT_TILE { par } else { Par::Seq };
    let tile = |i: usize| {
        let mut out = Matrix::<T>::zeros(m, k);
        let first = (i - first) * ROW_TILE;
        leaf(&mut out, first, ROW_TILE.min(rows - first), within);
        Matrix { data: out.data.into_iter().map(T::to_f64).collect(), rows: m, columns: k }
    };
    let add = |sum: &mut Matrix<f64>, x: Matrix<f64>| sum.data.iter_mut().zip(x.data).for_each(|(sum, x)| *sum += x);
    tree_sum(node.clone(), shared, &tile, &add).unwrap_or_else(|| Matrix::zeros(m, k))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_does_not_depend_on_what_follows_an_aligned_group() {
        let text = |n: usize| {
            let add = |sum: &mut String, x: String| *sum = format!("({sum}+{x})");
            tree_sum(0..n, n.is_multiple_of(2), &|i| i.to_string(), &add).unwrap()
        };
        assert_eq!(text(3), "((0+1)+2)");
        assert_eq!(text(4), "((0+1)+(2+3))");
        assert_eq!(text(7), "(((0+1)+(2+3))+((4+5)+6))");
    }

    #[test]
    fn nodes_of_shares_make_up_the_sum_in_the_same_order() {
        let add = |sum: &mut String, x: String| *sum = format!("({sum}+{x})");
        for (tiles, pieces) in [(1, 3), (7, 2), (7, 3), (21, 4), (64, 7)] {
            let all = 0..tiles;
            let wanted = tree_sum(all.clone(), false, &|i| i.to_string(), &add).unwrap();
            let share = |piece: usize| piece * tiles / pieces..(piece + 1) * tiles / pieces;
            let parts = (0..pieces).flat_map(|piece| nodes_within(&all, &share(piece)));
            let parts = parts.map(|node| (node.clone(), tree_sum(node, false, &|i| i.to_string(), &add).unwrap()));
            let parts: Vec<_> = parts.collect();
            let sum = sum_of_nodes(&all, &branches, &mut parts.clone().into_iter().peekable(), &add);
            assert_eq!(sum, Some(wanted));
            let less = parts.iter().skip(1).cloned();
            assert_eq!(sum_of_nodes(&all, &branches, &mut less.peekable(), &add), None, "a part is missing");
        }
    }

    #[test]
    fn splitting_changes_no_byte() {
        let entry = |i: usize, j: usize| ((i * 7919 + j * 104729) % 1000) as f64 / 997.0 - 0.3;
        let a = Matrix::from_fn(2 * ROW_TILE + 500, 120, entry);
        // The second width is beyond both thresholds.
        for columns in [4, 60] {
            let b = a.columns(0..columns);
            let split = transposed_product_by_tiles(a.as_ref(), b.as_ref(), super::super::par());
            assert_eq!(split, transposed_product_by_tiles(a.as_ref(), b.as_ref(), Par::Seq));
        }
        assert_eq!(gram_by_tiles(a.as_ref(), super::super::par()), gram_by_tiles(a.as_ref(), Par::Seq));
    }

    #[test]
    fn tiles_sum_to_the_product() {
        let a = Matrix::from_fn(2 * ROW_TILE + 5, 3, |i, j| ((i * 7 + j * 3) % 11) as f64);
        let b = Matrix::from_fn(2 * ROW_TILE + 5, 2, |i, j| ((i * 5 + j) % 13) as f64);
        // Integers: every order of summation is exact.
        assert_eq!(transposed_product_by_tiles(a.as_ref(), b.as_ref(), Par::Seq), a.transposed_product(&b));
        assert_eq!(gram_by_tiles(a.as_ref(), Par::Seq), a.gram());
        assert_eq!(dot(a.column(0), a.column(1)), a.gram().data[1]);
    }
}
