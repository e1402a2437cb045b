//! The files of networks that a request names, by themselves or as folders of them.

use super::ImportError;
use crate::{Lab, LabError};
use heigen_store::files;
use std::path::{Path, PathBuf};

/// The endings of files that may be networks.
const ENDINGS: [&str; 6] = ["onnx", "safetensors", "pt", "pth", "ckpt", "npz"];

impl Lab {
    /// The files of networks that `given` names: a folder stands for all files in it that may be networks, in the order of their names.
    /// Of several processes the leading one looks for all.
    ///
    /// # Errors
    /// [`LabError::Read`] for a folder that cannot be read, [`ImportError::NoNetworks`] for one that holds no network.
    pub fn networks(&self, given: &[PathBuf]) -> Result<Vec<PathBuf>, LabError> {
        self.together.read_value(|| {
            let mut networks = vec![];
            for path in given {
                if path.is_dir() { networks.extend(in_folder(path)?) } else { networks.push(path.clone()) }
            }
            Ok(networks)
        })
    }
}

fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, LabError> {
    let failed = |source| LabError::Read { path: folder.to_owned(), source };
    let found: Vec<PathBuf> = files::list(folder).map_err(failed)?.into_iter().filter(|p| may_be_network(p)).collect();
    if found.is_empty() {
        return Err(ImportError::NoNetworks { folder: folder.to_owned(), endings: &ENDINGS }.into());
    }
    Ok(found)
}

fn may_be_network(path: &Path) -> bool {
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    path.is_file() && (ENDINGS.contains(&&*ending) || path.to_string_lossy().ends_with(".pth.tar"))
}
