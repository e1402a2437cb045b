//! The weights of a network by the names of its tensors, as PyTorch's `state_dict()` and NumPy's `savez` write them.

use crate::container::Container;
use crate::error::shown;
use crate::npy::{AnyArray, Kind, Raw};
use crate::{Dtype, FormatError, NamedTensor};

mod pickled;
mod tensors;

pub use pickled::pytorch;

/// Whether a file is an archive of NumPy's arrays, rather than one of PyTorch's, by the names of its entries.
pub fn is_npz(bytes: &[u8]) -> bool {
    let Ok(container) = Container::open(bytes, "", "", "", crate::DEFAULT_LIMIT) else { return false };
    let mut names = container.names();
    names.any(|name| name.strip_suffix(".npy").is_some()) && !container.names().any(|name| name.ends_with("data.pkl"))
}

/// The tensors of a file, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StateDict {
    /// All tensors of floats.
    pub tensors: Vec<NamedTensor<f64>>,
    /// The element type that each of the tensors has in the file, a type of floats.
    pub dtypes: Vec<Dtype>,
    /// Names of entries that are no such tensors: integers such as `num_batches_tracked`, texts, numbers.
    pub skipped: Vec<String>,
    /// Places in `tensors` of two that are the same numbers in the file: in PyTorch one parameter under two names.
    pub tied: Vec<[usize; 2]>,
    /// Places in `tensors` of two that have numbers of the file in common in another way: one is a view of the other.
    pub overlapping: Vec<[usize; 2]>,
    /// Sentences about the choice of the dictionary among several.
    pub notes: Vec<String>,
}

/// Reads every array of an `.npz` file as a tensor, by its name without `.npy`; integers are skipped. The file may unpack
/// to `limit` bytes at most ([`DEFAULT_LIMIT`](crate::DEFAULT_LIMIT)).
///
/// # Errors
/// [`FormatError`] for a file that is no zip archive, that unpacks to implausibly much, or that has a broken array or one
/// of Python objects; if it has no array of floats.
pub fn npz(bytes: &[u8], origin: &str, limit: usize) -> Result<StateDict, FormatError> {
    const WANTED: &str = "an archive of NumPy arrays (.npz)";
    let mut container = Container::open(bytes, origin, WANTED, "write it by numpy.savez", limit)?;
    let names: Vec<String> = container.names().map(str::to_owned).collect();
    let mut found = StateDict::default();
    for entry in names {
        let Some(name) = entry.strip_suffix(".npy") else {
            found.skipped.push(entry);
            continue;
        };
        let content = container.read(&entry)?;
        let origin = format!("array `{}` of {origin}", shown(name));
        let raw = Raw::parse(&content, &origin)?;
        match raw.kind {
            Kind::Number(dtype) if dtype.is_float() => {
                if let AnyArray::Numbers(array) = raw.decode(&origin)? {
                    let name = name.to_owned();
                    found.tensors.push(NamedTensor { name, shape: array.shape, values: array.values });
                    found.dtypes.push(dtype);
                }
            }
            _ => found.skipped.push(name.to_owned()),
        }
    }
    if found.tensors.is_empty() {
        let mend = "write it by numpy.savez(path, **{name: array, ...}) with arrays of float32 or float64";
        return Err(FormatError::holds(origin, "no array of floats", "the weights of a network", mend));
    }
    Ok(found)
}
