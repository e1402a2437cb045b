//! Eigenvectors in the home that the solvers had: some of them with all their rows, and all of them as a file.

use super::stage;
use crate::LabError;
use heigen::curvature::{Columns, Failure, Host, Space, Spread, WholeColumns};
use heigen::linalg::{Matrix, Scalar};
use heigen_store::atomic::Staged;
use heigen_store::npy::{self, Element, Order};
use std::io;
use std::ops::Range;
use std::path::Path;

/// Numbers of eigenvectors that are compared with samples at a time where there are many, but always those of a few eigenvectors.
const TOGETHER: usize = 1 << 24;
const FEW: usize = 4;
/// Rows that come to the process that writes at a time.
const WRITTEN: usize = 1 << 20;

/// A home of vectors from which the lab takes eigenvectors.
pub(super) trait Vectors<T: Scalar + Element>: WholeColumns<T> {
    /// Stages all columns as an array [P, k] in Fortran order; `None` from a process that does not write.
    fn stage(&self, path: &Path, block: &Matrix<T>) -> Result<Option<Staged>, LabError>;

    /// The columns of a block [P, k] in groups that are compared with samples together, which follow from P and k alone.
    fn groups(&self, block: &Matrix<T>) -> Vec<Range<usize>> {
        let k = block.columns;
        let together = (TOGETHER / self.len().max(1)).max(FEW);
        (0..k).step_by(together).map(|first| first..(first + together).min(k)).collect()
    }

    /// The largest entry of |V^T V - I|, with inner products in float64.
    fn orthogonality(&self, v: &Matrix<T>) -> Result<f64, Failure> {
        let (k, mut largest) = (v.columns, 0.0f64);
        for apart in 0..k {
            let part = |range| Columns { block: v, range };
            let wanted = if apart == 0 { 1.0 } else { 0.0 };
            let dots = self.dots(part(0..k - apart), part(apart..k))?;
            largest = dots.iter().fold(largest, |m, dot| m.max((dot - wanted).abs()));
        }
        Ok(largest)
    }
}

impl<T: Scalar + Element> Vectors<T> for Host<T> {
    fn stage(&self, path: &Path, block: &Matrix<T>) -> Result<Option<Staged>, LabError> {
        stage(path, block).map(Some)
    }
}

impl<T: Scalar + Element> Vectors<T> for Spread<T> {
    /// The process of rank 0 writes one range of rows after another, which the others send to it.
    fn stage(&self, path: &Path, block: &Matrix<T>) -> Result<Option<Staged>, LabError> {
        let (p, k) = (self.len(), block.columns);
        let places =
            (0..k).flat_map(|j| (0..p).step_by(WRITTEN).map(move |first| (j, first..(first + WRITTEN).min(p))));
        let some = |(j, rows)| self.to_first(&Columns { block, range: j..j + 1 }, rows);
        if self.communicator().rank() > 0 {
            for place in places {
                some(place)?;
            }
            return Ok(None);
        }
        let mut failed = None;
        let staged = npy::stage_with(path, &[p, k], Order::Fortran, |put| {
            for place in places {
                match some(place) {
                    Ok(Some(rows)) => put(&rows.data)?,
                    Ok(None) => {}
                    Err(failure) => {
                        failed = Some(failure);
                        return Err(io::ErrorKind::BrokenPipe.into());
                    }
                }
            }
            Ok(())
        });
        match failed {
            Some(failure) => Err(failure.into()),
            None => Ok(Some(staged?)),
        }
    }
}
