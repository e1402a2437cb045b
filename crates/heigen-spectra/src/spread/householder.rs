//! Householder's factorisation of columns whose rows are spread over pieces.

use super::Spread;
use crate::host::columns_found;
use crate::linalg::{FactoredRows, Matrix, ROW_TILE, Scalar, Top, magnitudes, nodes_within, par_of};
use crate::{Failure, Foreign, Space};
use faer::{Mat, MatRef};
use std::ops::Range;

impl<T: Scalar> Spread<T> {
    /// Replaces the columns by an orthonormal basis of their span, as [`orthonormalize`](crate::linalg::orthonormalize) does, and tells how
    /// many of them count.
    pub(super) fn householder(&self, a: &mut Matrix<T>, drop: f64) -> Result<usize, Failure> {
        let (n, own, tiles) = (a.columns, self.communicator.rank(), self.rows.tiles());
        if n == 0 || self.rows.len == 0 {
            return Ok(0);
        }
        let nodes_of = |piece: usize| nodes_within(&tiles, &self.rows.tiles_of(piece));
        let rows_of = |node: &Range<usize>| (node.end * ROW_TILE).min(self.rows.len) - node.start * ROW_TILE;
        // The shape of a node's triangle, and of what comes back for it.
        let size = |node: &Range<usize>| rows_of(node).min(n);
        let par = par_of(self.rows.len);
        let nodes = nodes_of(own);
        let mut q = Matrix::zeros(a.rows, n);
        let factored = self.threads().run(|| {
            let (mut rest, mut all) = (a.as_mut(), Vec::with_capacity(nodes.len()));
            for node in &nodes {
                let (rows, below) = rest.split_at_row_mut(rows_of(node));
                rest = below;
                all.push(FactoredRows::of(rows, node, par)?);
            }
            Ok::<_, Failure>(all)
        })?;
        let (factored, triangles): (Vec<_>, Vec<_>) = factored.into_iter().unzip();
        let mut found = [0.0];
        let coefficients = if own > 0 {
            for r in &triangles {
                self.communicator.send(0, T::numbers(&numbers(r.as_ref())))?;
            }
            self.communicator.broadcast(&mut found)?;
            let mut all = Vec::with_capacity(nodes.len());
            for node in &nodes {
                all.push(self.matrix_of(0, size(node), n)?);
            }
            all
        } else {
            let mut all: Vec<(Range<usize>, Mat<T>)> = nodes.iter().cloned().zip(triangles).collect();
            for piece in 1..self.communicator.size() {
                for node in nodes_of(piece) {
                    let r = self.matrix_of(piece, size(&node), n)?;
                    all.push((node, r));
                }
            }
            let top = self.threads().run(|| Top::of(&tiles, &mut all.into_iter().peekable()))?;
            let (top, r) = top.ok_or_else(|| Failure::of(Foreign { rank: own }))?;
            found = [columns_found(&magnitudes(r.as_ref()), drop) as f64];
            self.communicator.broadcast(&mut found)?;
            let mut all = vec![];
            self.threads().run(|| top.parts(Mat::identity(r.nrows(), n), &mut all))?;
            let mut of_others = all.split_off(nodes.len()).into_iter();
            for piece in 1..self.communicator.size() {
                for c in of_others.by_ref().take(nodes_of(piece).len()) {
                    self.communicator.send(piece, T::numbers(&numbers(c.as_ref())))?;
                }
            }
            all
        };
        self.threads().run(|| {
            let mut rest = q.as_mut();
            for ((node, factored), c) in nodes.iter().zip(&factored).zip(&coefficients) {
                let (rows, below) = rest.split_at_row_mut(rows_of(node));
                rest = below;
                factored.write(c.as_ref(), rows, par)?;
            }
            Ok::<_, Failure>(())
        })?;
        std::mem::drop(factored);
        *a = q;
        Ok(found[0] as usize)
    }

    /// A matrix [rows, columns] from another piece.
    fn matrix_of(&self, piece: usize, rows: usize, columns: usize) -> Result<Mat<T>, Failure> {
        let mut numbers = vec![T::ZERO; rows * columns];
        self.communicator.receive(piece, T::numbers_mut(&mut numbers))?;
        Ok(MatRef::from_column_major_slice(&numbers, rows, columns).to_owned())
    }
}

/// The numbers of a matrix, column after column.
fn numbers<T: Scalar>(a: MatRef<'_, T>) -> Vec<T> {
    (0..a.ncols()).flat_map(|j| (0..a.nrows()).map(move |i| a[(i, j)])).collect()
}
