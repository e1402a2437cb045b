//! Orthonormal bases of blocks of columns.

use super::{EigenError, Matrix, ROW_TILE, Scalar, branches, par};
use faer::prelude::{Reborrow, ReborrowMut};
use faer::{Mat, MatMut, MatRef, Par};
use std::iter::Peekable;
use std::ops::Range;

/// Columns `from..` of the identity [m, m], `count` of them.
fn identity<T: Scalar>(m: usize, from: usize, count: usize) -> Matrix<T> {
    let mut out = Matrix::zeros(m, count);
    (0..count).for_each(|j| out.data[from + j + j * m] = T::ONE);
    out
}

/// Replaces the columns of `a` [m, n], m >= n, by an orthonormal basis Q of their span, by Householder's A = Q R;
/// returns the magnitudes of R's diagonal, `[n]`.
///
/// Rows are factored tile by tile, and the triangles of the tiles in a fixed tree: A = diag(Q_1, Q_2, ...) [R_1; R_2; ...], and the
/// second factor once more. So tiles of rows may lie in several pieces, whose bytes are those of one. (Demmel, Grigori, Hoemmen and
/// Langou, SIAM J. Sci. Comput. 34 (2012), A206, doi:10.1137/080731992.)
///
/// For columns in general position the diagonal drops to the level of rounding where the span is exhausted; the columns
/// of Q from there on are orthonormal to the others but arbitrary. About 4 m n^2 operations, and 16 n^3 for each tile.
///
/// # Errors
/// [`EigenError::Memory`] if there is no room for the workspace.
pub fn orthonormalize<T: Scalar>(a: &mut Matrix<T>) -> Result<Vec<T>, EigenError> {
    let (m, n) = (a.rows, a.columns);
    if n == 0 || m == 0 {
        return Ok(vec![]);
    }
    let root = 0..m.div_ceil(ROW_TILE);
    let mut q = Matrix::zeros(m, n);
    let (node, r) = FactoredRows::of(a.as_mut(), &root, par_of(m))?;
    let diagonal = magnitudes(r.as_ref());
    node.write(identity::<T>(r.nrows(), 0, n).as_ref(), q.as_mut(), par_of(m))?;
    *a = q;
    Ok(diagonal)
}

/// How the factorisations of tiles are split, which follows from the number of all rows: a single tile is split by itself, several are
/// shared among threads.
pub(crate) fn par_of(rows: usize) -> Par {
    if rows <= ROW_TILE { par() } else { Par::Seq }
}

/// The magnitudes of the diagonal of R.
pub(crate) fn magnitudes<T: Scalar>(r: MatRef<'_, T>) -> Vec<T> {
    (0..r.nrows().min(r.ncols())).map(|j| r[(j, j)]).map(|r| if r < T::ZERO { -r } else { r }).collect()
}

/// The factorisation of the rows of a node of the tree of tiles.
pub(crate) enum FactoredRows<'a, T> {
    /// A tile: its reflections, and their factors.
    Tile(MatMut<'a, T>, Mat<T>),
    /// Two branches, and what was done with their triangles.
    Node(Joint<T>, Box<[Self; 2]>),
}

impl<'a, T: Scalar> FactoredRows<'a, T> {
    /// Factors the rows `a` [m, n] of `node` in place; R [min(m, n), n], upper triangular, is told.
    pub(crate) fn of(mut a: MatMut<'a, T>, node: &Range<usize>, par: Par) -> Result<(Self, Mat<T>), EigenError> {
        if node.len() <= 1 {
            let factors = T::factor(a.rb_mut(), par)?;
            let r = triangle(a.rb());
            return Ok((Self::Tile(a, factors), r));
        }
        let [left, right] = branches(node);
        let (above, below) = a.split_at_row_mut(left.len() * ROW_TILE);
        let (left, right) = rayon::join(|| Self::of(above, &left, par), || Self::of(below, &right, par));
        let ((left, r_left), (right, r_right)) = (left?, right?);
        let (joint, r) = Joint::of(&r_left, &r_right)?;
        Ok((Self::Node(joint, Box::new([left, right])), r))
    }

    /// Writes Q C for `c` [rows of R, k] into `out` [m, k], which holds zeros.
    pub(crate) fn write(&self, c: MatRef<'_, T>, mut out: MatMut<'_, T>, par: Par) -> Result<(), EigenError> {
        match self {
            Self::Tile(reflections, factors) => {
                out.rb_mut().subrows_mut(0, c.nrows()).copy_from(c);
                T::apply(reflections.rb(), factors.as_ref(), out, par)
            }
            Self::Node(joint, both) => {
                let [of_left, of_right] = joint.parts(c)?;
                let (above, below) = out.split_at_row_mut(both[0].rows());
                let (left, right) = rayon::join(
                    || both[0].write(of_left.as_ref(), above, par),
                    || both[1].write(of_right.as_ref(), below, par),
                );
                left.and(right)
            }
        }
    }

    /// m.
    fn rows(&self) -> usize {
        match self {
            Self::Tile(rows, _) => rows.nrows(),
            Self::Node(_, both) => both[0].rows() + both[1].rows(),
        }
    }
}

/// R of a factored matrix.
fn triangle<T: Scalar>(a: MatRef<'_, T>) -> Mat<T> {
    let rows = a.nrows().min(a.ncols());
    Mat::from_fn(rows, a.ncols(), |i, j| if i <= j { a[(i, j)] } else { T::ZERO })
}

/// The factorisation of two triangles, one above the other.
pub(crate) struct Joint<T> {
    reflections: Mat<T>,
    factors: Mat<T>,
    /// Rows of the first triangle.
    above: usize,
}

impl<T: Scalar> Joint<T> {
    /// Factors the triangles; the triangle of both is told.
    pub(crate) fn of(above: &Mat<T>, below: &Mat<T>) -> Result<(Self, Mat<T>), EigenError> {
        let first = above.nrows();
        let entry = |i: usize, j: usize| if i < first { above[(i, j)] } else { below[(i - first, j)] };
        let mut both = Mat::from_fn(first + below.nrows(), above.ncols(), entry);
        let factors = T::factor(both.as_mut(), Par::Seq)?;
        let r = triangle(both.as_ref());
        Ok((Self { reflections: both, factors, above: first }, r))
    }

    /// Q C for `c` [rows of the triangle, k], taken apart into the rows of the two triangles.
    pub(crate) fn parts(&self, c: MatRef<'_, T>) -> Result<[Mat<T>; 2], EigenError> {
        let mut all = Mat::<T>::zeros(self.reflections.nrows(), c.ncols());
        all.as_mut().subrows_mut(0, c.nrows()).copy_from(c);
        T::apply(self.reflections.as_ref(), self.factors.as_ref(), all.as_mut(), Par::Seq)?;
        let (above, below) = all.as_ref().split_at_row(self.above);
        Ok([above.to_owned(), below.to_owned()])
    }
}

/// The upper part of the tree, whose nodes are of several pieces: the triangles of nodes of the pieces are its ends.
pub(crate) enum Top<T> {
    Part,
    Node(Joint<T>, Box<[Self; 2]>),
}

impl<T: Scalar> Top<T> {
    /// Factors the triangles of the nodes that make up `node`, which are taken from `parts` in order; `None` where one is missing.
    pub(crate) fn of(
        node: &Range<usize>,
        parts: &mut Peekable<impl Iterator<Item = (Range<usize>, Mat<T>)>>,
    ) -> Result<Option<(Self, Mat<T>)>, EigenError> {
        if let Some((_, r)) = parts.next_if(|(part, _)| part == node) {
            return Ok(Some((Self::Part, r)));
        }
        if node.len() < 2 {
            return Ok(None);
        }
        let [left, right] = branches(node);
        let Some((left, r_left)) = Self::of(&left, parts)? else { return Ok(None) };
        let Some((right, r_right)) = Self::of(&right, parts)? else { return Ok(None) };
        let (joint, r) = Joint::of(&r_left, &r_right)?;
        Ok(Some((Self::Node(joint, Box::new([left, right])), r)))
    }

    /// The rows of Q C that belong to each of the parts, in order.
    pub(crate) fn parts(&self, c: Mat<T>, found: &mut Vec<Mat<T>>) -> Result<(), EigenError> {
        match self {
            Self::Part => found.push(c),
            Self::Node(joint, both) => {
                let [left, right] = joint.parts(c.as_ref())?;
                both[0].parts(left, found)?;
                both[1].parts(right, found)?;
            }
        }
        Ok(())
    }
}

/// An orthonormal basis of everything orthogonal to the orthonormal columns of `v` [m, k]: [m, m - k].
///
/// About 4 m k (m - k) operations.
///
/// # Errors
/// [`EigenError::Memory`] if there is no room for the workspace.
pub fn complement<T: Scalar>(v: &Matrix<T>) -> Result<Matrix<T>, EigenError> {
    let (m, k) = (v.rows, v.columns);
    let mut out = identity(m, k, m - k);
    if k > 0 && k < m {
        let mut reflections = v.clone();
        let factors = T::factor(reflections.as_mut(), par())?;
        T::apply(reflections.as_ref(), factors.as_ref(), out.as_mut(), par())?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::nodes_within;

    /// Columns whose lengths fall over ten decades; where there are several tiles, one of them is zero in the first tile.
    fn columns(rows: usize, n: usize) -> Matrix<f64> {
        Matrix::from_fn(rows, n, |i, j| {
            let wave = ((i * (j + 3)) as f64 * 0.37).sin() + (i as f64 * 0.011 * (j + 1) as f64).cos();
            if j == 2 && i < ROW_TILE && rows > ROW_TILE { 0.0 } else { wave * 0.1f64.powf(j as f64) }
        })
    }

    #[test]
    fn tiles_give_an_orthonormal_basis_of_the_span_and_the_diagonal_of_r() {
        for rows in [20, ROW_TILE, ROW_TILE + 3, 3 * ROW_TILE + 700] {
            let n = 10;
            let a = columns(rows, n);
            let mut q = a.clone();
            let diagonal = orthonormalize(&mut q).unwrap();
            let gram = q.gram();
            for i in 0..n {
                for j in 0..n {
                    let wanted = f64::from(u8::from(i == j));
                    assert!((gram.data[i + j * n] - wanted).abs() < 1e-14, "{rows} rows");
                }
            }
            // A = Q Q^T A, column by column, relative to the column's own length; and |R_jj| = |q_j^T a_j|.
            let r = q.transposed_product(&a);
            for (j, &diagonal) in diagonal.iter().enumerate() {
                let norm = crate::linalg::norm(a.column(j));
                for i in 0..rows {
                    let back: f64 = (0..n).map(|c| q.column(c)[i] * r.data[c + j * n]).sum();
                    assert!((a.column(j)[i] - back).abs() < 1e-13 * norm, "row {i} of column {j} of {rows}");
                }
                assert!((diagonal - r.data[j + j * n].abs()).abs() < 1e-13 * norm);
            }
        }
    }

    #[test]
    fn the_top_of_the_tree_has_the_bytes_of_the_whole() {
        let (tiles, n) = (5, 6);
        let rows = (tiles - 1) * ROW_TILE + 4;
        let mut whole = columns(rows, n);
        let diagonal = orthonormalize(&mut whole).unwrap();
        for pieces in [2, 3, 5] {
            let share = |piece: usize| piece * tiles / pieces..(piece + 1) * tiles / pieces;
            let nodes: Vec<_> = (0..pieces).flat_map(|piece| nodes_within(&(0..tiles), &share(piece))).collect();
            let all = columns(rows, n);
            let of = |node: &Range<usize>| {
                let rows = node.start * ROW_TILE..(node.end * ROW_TILE).min(rows);
                Matrix::from_fn(rows.len(), n, |i, j| all.column(j)[rows.start + i])
            };
            let mut own: Vec<_> = nodes.iter().map(of).collect();
            let factored: Vec<_> = own
                .iter_mut()
                .zip(&nodes)
                .map(|(a, node)| FactoredRows::of(a.as_mut(), node, Par::Seq).unwrap())
                .collect();
            let (rows_of, triangles): (Vec<_>, Vec<_>) = factored.into_iter().unzip();
            let mut parts = nodes.iter().cloned().zip(triangles).peekable();
            let (top, r) = Top::of(&(0..tiles), &mut parts).unwrap().unwrap();
            assert_eq!(magnitudes(r.as_ref()), diagonal);
            let mut found = vec![];
            top.parts(Mat::identity(n, n), &mut found).unwrap();
            for ((node, rows_of), c) in nodes.iter().zip(&rows_of).zip(&found) {
                let mut q = Matrix::zeros(rows_of.rows(), n);
                rows_of.write(c.as_ref(), q.as_mut(), Par::Seq).unwrap();
                let first = node.start * ROW_TILE;
                for j in 0..n {
                    assert_eq!(q.column(j), &whole.column(j)[first..first + q.rows], "{pieces} pieces");
                }
            }
            let missing = Top::<f64>::of(&(0..tiles), &mut std::iter::empty().peekable()).unwrap();
            assert!(missing.is_none());
        }
    }
}
