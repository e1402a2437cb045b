//! Snapshots of the weights along a training.

use crate::{LabError, Prepared};
use heigen_store::files;
use heigen_store::layout::ExperimentPaths;
use heigen_store::weights;
use std::path::{Path, PathBuf};

/// A series of weights along a training: the snapshots in a folder, each with the number of epochs before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointSeries {
    points: Vec<(usize, PathBuf)>,
}

impl CheckpointSeries {
    /// The snapshots of an experiment; an empty series where its training keeps none.
    ///
    /// # Errors
    /// [`LabError::Read`] if their folder is there and cannot be read.
    pub fn of(paths: &ExperimentPaths) -> Result<Self, LabError> {
        Self::in_folder(&paths.snapshots())
    }

    /// The files `epoch_<number>.safetensors` in a folder; an empty series where there is no such folder.
    ///
    /// # Errors
    /// [`LabError::Read`] if the folder is there and cannot be read.
    pub fn in_folder(folder: &Path) -> Result<Self, LabError> {
        let failed = |source| LabError::Read { path: folder.to_owned(), source };
        let paths = match files::list(folder) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Self { points: vec![] }),
            paths => paths.map_err(failed)?,
        };
        let mut points: Vec<_> = paths.into_iter().filter_map(|path| Some((epoch(&path)?, path))).collect();
        points.sort();
        Ok(Self { points })
    }

    /// The number of epochs and the file of every snapshot, in ascending order of epochs.
    pub fn points(&self) -> impl ExactSizeIterator<Item = (usize, &Path)> {
        self.points.iter().map(|(epoch, path)| (*epoch, &**path))
    }

    /// The weights `[P]` of the snapshot at this place in the series, for the network of `prepared`; `None` where the
    /// series has no such place.
    ///
    /// # Errors
    /// [`LabError`] for a file that cannot be read, or weights of another network.
    pub fn theta(&self, place: usize, prepared: &Prepared) -> Result<Option<Vec<f64>>, LabError> {
        let Some((_, path)) = self.points.get(place) else { return Ok(None) };
        prepared.clone().place(&weights::load_f64(path)?.tensors).map(Some)
    }
}

/// The number of epochs in the name of a snapshot's file.
fn epoch(path: &Path) -> Option<usize> {
    let name = path.file_name()?.to_str()?;
    name.strip_prefix("epoch_")?.strip_suffix(".safetensors")?.parse().ok()
}
