//! The moments that are known already. Each is written as soon as it is known: its arrays first, its record last, so that
//! wherever a record stands its arrays are whole, and a process that is killed loses one moment at most.

use crate::LabError;
use heigen::linalg::Matrix;
use heigen_store::along_record::{AlongPaths, Moment};
use heigen_store::atomic;
use heigen_store::files;
use heigen_store::npy::{self, Order};
use heigen_store::record::hash_file;
use std::path::Path;

/// A moment with the arrays that the next one begins with.
pub(super) struct Known {
    pub(super) moment: Moment,
    /// The eigenvectors, [P, k + l].
    pub(super) vectors: Matrix<f64>,
    /// The weights, `[P]`.
    pub(super) theta: Vec<f64>,
    /// The eigenvector of the preconditioned Hessian, [P, 1], where there is one.
    pub(super) preconditioned: Option<Matrix<f64>>,
}

/// Writes a moment and its arrays.
pub(super) fn write(paths: &AlongPaths, place: usize, known: &mut Known) -> Result<(), LabError> {
    let vectors = &known.vectors;
    let shape = [vectors.rows, vectors.columns];
    let of_vectors = npy::stage(&paths.vectors(place), &shape, Order::Fortran, &vectors.data)?;
    let of_theta = npy::stage(&paths.theta(place), &[known.theta.len()], Order::C, &known.theta)?;
    let second = match &known.preconditioned {
        Some(v) => Some(npy::stage(&paths.preconditioned(place), &[v.rows, 1], Order::Fortran, &v.data)?),
        None => None,
    };
    of_vectors.hash().clone_into(&mut known.moment.vectors_hash);
    of_theta.hash().clone_into(&mut known.moment.theta_hash);
    let record = known.moment.stage(&paths.moment(place))?;
    // An older record must not stand beside new arrays.
    atomic::remove(&paths.moment(place))?;
    for staged in second.into_iter().chain([of_vectors, of_theta, record]) {
        staged.commit()?;
    }
    Ok(())
}

/// The moments that are there from the first on, made from what `stamp` says, and the arrays of the last one. Moments before the
/// last have arrays only where `kept` says that they stay.
pub(super) fn read(
    paths: &AlongPaths,
    stamp: &str,
    kept: impl Fn(usize) -> bool,
) -> Result<(Vec<Moment>, Option<Known>), LabError> {
    let mut moments: Vec<Moment> = Vec::new();
    while let Ok(moment) = Moment::load(&paths.moment(moments.len()), stamp) {
        moments.push(moment);
    }
    // What was damaged is looked at again, with everything after it.
    let damaged = (0..moments.len()).find(|&place| kept(place) && !has_arrays(paths, place, &moments[place]));
    moments.truncate(damaged.unwrap_or(moments.len()));
    while moments.last().is_some_and(|moment| !whole(paths, moments.len() - 1, moment)) {
        moments.pop();
    }
    let Some(moment) = moments.last().cloned() else { return Ok((vec![], None)) };
    let place = moments.len() - 1;
    let theta = npy::read::<f64>(&paths.theta(place))?.values;
    let vectors = matrix(&paths.vectors(place))?;
    let preconditioned =
        if moment.preconditioned.is_some() { Some(matrix(&paths.preconditioned(place))?) } else { None };
    Ok((moments, Some(Known { moment, vectors, theta, preconditioned })))
}

/// Whether the arrays that a moment keeps are as they were written.
fn has_arrays(paths: &AlongPaths, place: usize, moment: &Moment) -> bool {
    let same = |path: &Path, hash: &str| hash_file(path).is_ok_and(|found| found == hash);
    same(&paths.vectors(place), &moment.vectors_hash) && same(&paths.theta(place), &moment.theta_hash)
}

/// Whether all that the moment after this one begins with is there.
fn whole(paths: &AlongPaths, place: usize, moment: &Moment) -> bool {
    has_arrays(paths, place, moment)
        && (moment.preconditioned.is_none() || files::is_file(&paths.preconditioned(place)))
}

/// Removes arrays of a moment that only the next one needed.
pub(super) fn forget_arrays(paths: &AlongPaths, place: usize, all: bool) -> Result<(), LabError> {
    atomic::remove(&paths.preconditioned(place))?;
    if all {
        atomic::remove(&paths.vectors(place))?;
        atomic::remove(&paths.theta(place))?;
    }
    Ok(())
}

/// Removes what earlier requests have left from `place` on.
pub(super) fn clear_from(paths: &AlongPaths, place: usize) -> Result<(), LabError> {
    for path in files::list(&paths.folder()).unwrap_or_default() {
        let of_moment = |path: &Path| {
            let name = path.file_name()?.to_str()?;
            name.strip_prefix("moment_")?.get(..6)?.parse::<usize>().ok()
        };
        if of_moment(&path).is_some_and(|at| at >= place) {
            atomic::remove(&path)?;
        }
    }
    Ok(())
}

/// A matrix of a file in Fortran order.
pub(super) fn matrix(path: &Path) -> Result<Matrix<f64>, LabError> {
    let array = npy::read::<f64>(path)?;
    let [rows, columns] = array.shape[..] else {
        return Err(LabError::ArrayOrder { path: path.to_owned() });
    };
    if array.order != Order::Fortran && rows > 1 && columns > 1 {
        return Err(LabError::ArrayOrder { path: path.to_owned() });
    }
    Ok(Matrix { data: array.values, rows, columns })
}
