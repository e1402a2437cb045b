//! Weights in files: snapshots of a training, or checkpoints of a network that was trained elsewhere.

use super::FollowedWeights;
use crate::call::Call;
use crate::{CheckpointSeries, LabError};
use heigen::config::ExperimentName;
use std::path::{Path, PathBuf};

/// A file of weights and the number of epochs before it.
pub(crate) struct Point {
    pub(crate) epoch: usize,
    pub(crate) path: PathBuf,
}

/// The files that are followed; `None` where the experiment is trained.
pub(crate) fn points(
    call: &Call,
    name: &ExperimentName,
    weights: &FollowedWeights,
) -> Result<Option<Vec<Point>>, LabError> {
    if *weights == FollowedWeights::Training {
        return Ok(None);
    }
    let found = || -> Result<Vec<(usize, PathBuf)>, LabError> {
        match weights {
            FollowedWeights::Training | FollowedWeights::Snapshots => {
                let series = CheckpointSeries::of(&call.store.of(name)?)?;
                Ok(series.points().map(|(epoch, path)| (epoch, path.to_owned())).collect())
            }
            FollowedWeights::Files(paths) => {
                let mut files = vec![];
                for path in paths {
                    if path.is_dir() { files.extend(in_order(path)?) } else { files.push(path.clone()) }
                }
                Ok(numbered(&files))
            }
        }
    };
    // Other processes need not see the folder.
    let points: Vec<(usize, PathBuf)> = call.lab.together.read_value(found)?;
    let points: Vec<Point> = points.into_iter().map(|(epoch, path)| Point { epoch, path }).collect();
    if points.is_empty() {
        return Err(LabError::NothingToFollow { name: name.clone() });
    }
    Ok(Some(points))
}

/// The files with the last numbers in their names where these ascend, else with their places.
fn numbered(paths: &[PathBuf]) -> Vec<(usize, PathBuf)> {
    let numbers: Option<Vec<usize>> = paths.iter().map(|path| number(path)).collect();
    let ascending = numbers.filter(|n| n.windows(2).all(|pair| pair[0] < pair[1]));
    let epochs = ascending.unwrap_or_else(|| (0..paths.len()).collect());
    epochs.into_iter().zip(paths.iter().cloned()).collect()
}

/// The last whole number in a file's name.
fn number(path: &Path) -> Option<usize> {
    let name = path.file_stem()?.to_str()?;
    let last = name.split(|c: char| !c.is_ascii_digit()).rfind(|part| !part.is_empty())?;
    last.parse().ok()
}

/// The files of a folder in the order of the numbers in their names, and of the names where these are equal.
///
/// # Errors
/// [`LabError::Read`] if the folder cannot be read.
fn in_order(folder: &Path) -> Result<Vec<PathBuf>, LabError> {
    let failed = |source| LabError::Read { path: folder.to_owned(), source };
    let mut files: Vec<PathBuf> =
        heigen_store::files::list(folder).map_err(failed)?.into_iter().filter(|path| is_weights(path)).collect();
    files.sort_by_key(|path| (number(path), path.clone()));
    Ok(files)
}

/// Whether the name of a file says that it holds weights.
fn is_weights(path: &Path) -> bool {
    let known = ["safetensors", "pt", "pth", "bin", "ckpt", "npz"];
    let extension = path.extension().and_then(|e| e.to_str()).map(str::to_lowercase);
    heigen_store::files::is_file(path) && extension.is_some_and(|e| known.contains(&&*e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_numbered_by_their_names_where_these_ascend() {
        let epochs = |names: &[&str]| -> Vec<usize> {
            let paths: Vec<PathBuf> = names.iter().map(PathBuf::from).collect();
            numbered(&paths).into_iter().map(|(epoch, _)| epoch).collect()
        };
        assert_eq!(epochs(&["a/step_000010.pt", "a/step_000200.pt"]), [10, 200]);
        assert_eq!(epochs(&["run2_e5.pt", "run2_e3.pt"]), [0, 1]);
        assert_eq!(epochs(&["first.pt", "last.pt"]), [0, 1]);
        assert_eq!(number(Path::new("x/epoch=12-step=340.ckpt")), Some(340));
    }
}
