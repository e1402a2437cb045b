//! Named tensors in the safetensors format, under `PyTorch`'s names.
//!
//! Files are written in the order the tensors are given (the order of the state dictionary) with sorted metadata, so
//! the same weights always give the same bytes. They are read in the order of their data.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

pub use heigen_formats::NamedTensor;

use heigen_formats::{ByteOrder, Dtype, FileKind};
use safetensors::SafeTensors;
use serde_json::{Map, Value, json};

use crate::atomic::Staged;
use crate::bounded::{self, LONGEST};
use crate::safetensors_header::repeated_key;
use crate::{StoreError, atomic, files};

/// Longest header that is believed, as in the safetensors library.
const MAX_HEADER: u64 = 100_000_000;
/// Bytes at the beginning of a file that tell its kind.
const START: u64 = 512;
/// Numbers that are converted at a time.
const CHUNK: usize = 1 << 14;
/// The header's key for the metadata, which no tensor may have as its name.
const METADATA: &str = "__metadata__";

/// The content of a weights file.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights<T = f32> {
    /// The tensors of floating-point numbers in the order of their data.
    pub tensors: Vec<NamedTensor<T>>,
    /// Free text by key.
    pub metadata: BTreeMap<String, String>,
    /// Names of tensors that hold no floating-point numbers, such as `num_batches_tracked`; they are no weights.
    pub skipped: Vec<String>,
    /// Names of tensors whose numbers were rounded to a narrower type.
    pub rounded: Vec<String>,
}

/// A number type of tensors that are written.
pub trait Float: Copy + sealed::Sealed {
    /// The name of the type in the format.
    const DTYPE: &'static str;
    /// Appends the number's bytes, least significant first.
    fn append(self, bytes: &mut Vec<u8>);
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

impl Float for f32 {
    const DTYPE: &'static str = "F32";
    fn append(self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }
}

impl Float for f64 {
    const DTYPE: &'static str = "F64";
    fn append(self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }
}

/// Writes `tensors` and `metadata`.
///
/// # Errors
/// [`StoreError::Values`] if a name stands twice or is reserved, or a shape does not fit its values; else as
/// [`atomic::write_with`].
pub fn save<T: Float>(
    path: &Path,
    tensors: &[NamedTensor<T>],
    metadata: &BTreeMap<String, String>,
) -> Result<(), StoreError> {
    stage(path, tensors, metadata)?.commit()
}

/// As [`save`], but the file waits for [`Staged::commit`] to get its name.
///
/// # Errors
/// As [`save`].
pub fn stage<T: Float>(
    path: &Path,
    tensors: &[NamedTensor<T>],
    metadata: &BTreeMap<String, String>,
) -> Result<Staged, StoreError> {
    let mut header = Map::new();
    if !metadata.is_empty() {
        header.insert(METADATA.to_owned(), json!(metadata));
    }
    let mut end = 0;
    for tensor in tensors {
        let wanted = tensor.shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
        if wanted != Some(tensor.values.len()) {
            let (name, shape, count) = (&tensor.name, &tensor.shape, tensor.values.len());
            return Err(StoreError::values(path, format!("`{name}` has the shape {shape:?} and {count} values")));
        }
        let start = end;
        end += tensor.values.len() * size_of::<T>();
        let entry = json!({"dtype": T::DTYPE, "shape": tensor.shape, "data_offsets": [start, end]});
        if tensor.name == METADATA || header.insert(tensor.name.clone(), entry).is_some() {
            return Err(StoreError::values(path, format!("the name `{}` is reserved or stands twice", tensor.name)));
        }
    }
    let mut text = Value::Object(header).to_string();
    // Data starts at a multiple of 8 bytes.
    text.extend(std::iter::repeat_n(' ', text.len().next_multiple_of(8) - text.len()));
    let length = u64::try_from(text.len()).ok().filter(|&length| length <= MAX_HEADER);
    let length =
        length.ok_or_else(|| StoreError::values(path, "names and metadata are longer than the format allows"))?;
    atomic::stage_with(path, |file| {
        file.write_all(&length.to_le_bytes())?;
        file.write_all(text.as_bytes())?;
        let mut bytes = Vec::with_capacity(CHUNK * size_of::<T>());
        for values in tensors.iter().flat_map(|tensor| tensor.values.chunks(CHUNK)) {
            bytes.clear();
            values.iter().for_each(|value| value.append(&mut bytes));
            file.write_all(&bytes)?;
        }
        Ok(())
    })
}

/// Reads the tensors as float32. Float16 and bfloat16 are converted exactly; float64 is rounded to nearest, and its
/// tensors are named in [`Weights::rounded`].
///
/// # Errors
/// [`StoreError::Read`] if there is no such file, [`StoreError::Content`] if it is truncated or foreign.
pub fn load(path: &Path) -> Result<Weights<f32>, StoreError> {
    load_as(path, |value| value as f32, |dtype| dtype == Dtype::Float64)
}

/// Reads the tensors as float64, converting narrower types exactly.
///
/// # Errors
/// As [`load`].
pub fn load_f64(path: &Path) -> Result<Weights<f64>, StoreError> {
    load_as(path, |value| value, |_| false)
}

/// Reads the tensors from the bytes of a file as float64; `path` is its name in messages.
///
/// # Errors
/// [`StoreError::Content`] if they are truncated or foreign.
pub fn parse_f64(path: &Path, bytes: &[u8]) -> Result<Weights<f64>, StoreError> {
    check_start(path, bytes, bytes.len() as u64)?;
    parse(path, bytes, |value| value, |_| false)
}

/// The bytes of a weights file, read once.
#[derive(Debug)]
pub struct Opened {
    path: PathBuf,
    bytes: Vec<u8>,
    hash: String,
}

/// Reads a file of weights without looking at what it holds.
///
/// # Errors
/// [`StoreError::Read`] if it cannot be read, [`StoreError::Content`] if it is no plain file.
pub fn open(path: &Path) -> Result<Opened, StoreError> {
    Ok(Opened::of(path.to_owned(), bounded::read(path, LONGEST)?))
}

impl Opened {
    /// The bytes of a file of weights, read already; `path` names it in messages.
    pub fn of(path: PathBuf, bytes: Vec<u8>) -> Self {
        let hash = blake3::hash(&bytes).to_hex().to_string();
        Self { path, bytes, hash }
    }

    /// The BLAKE3 hash of the bytes.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The tensors as [`load_f64`] reads them.
    ///
    /// # Errors
    /// [`StoreError::Content`] if the bytes are truncated or foreign.
    pub fn parse(&self) -> Result<Weights<f64>, StoreError> {
        parse_f64(&self.path, &self.bytes)
    }
}

fn load_as<T>(path: &Path, convert: fn(f64) -> T, rounds: fn(Dtype) -> bool) -> Result<Weights<T>, StoreError> {
    parse(path, &read_checked(path)?, convert, rounds)
}

fn parse<T>(
    path: &Path,
    bytes: &[u8],
    convert: fn(f64) -> T,
    rounds: fn(Dtype) -> bool,
) -> Result<Weights<T>, StoreError> {
    let damaged = |reason: safetensors::SafeTensorError| {
        StoreError::content(path, format!("truncated or damaged ({reason})"), "a safetensors file")
    };
    let (_, header_bytes) = header_of(bytes);
    if let Some(key) = repeated_key(header_bytes) {
        let found = format!("a file whose header has the key `{}` twice", heigen_formats::foreign_text::shown(&key));
        return Err(StoreError::content(path, found, "tensors of different names"));
    }
    let file = SafeTensors::deserialize(bytes).map_err(damaged)?;
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
    let mut weights = Weights { tensors: Vec::new(), metadata, skipped: Vec::new(), rounded: Vec::new() };
    // Unlike the library's other listings, this one has the order of the data.
    for name in header.offset_keys() {
        let view = file.tensor(&name).map_err(damaged)?;
        let Some(dtype) = float(view.dtype()) else {
            weights.skipped.push(name);
            continue;
        };
        if rounds(dtype) {
            weights.rounded.push(name.clone());
        }
        // The way over float64 is exact for every narrower type.
        let numbers = view.data().chunks_exact(dtype.size()).map(|number| dtype.decode(number, ByteOrder::LeastFirst));
        let values = numbers.map(convert).collect();
        weights.tensors.push(NamedTensor { name, shape: view.shape().to_vec(), values });
    }
    Ok(weights)
}

/// The element type that a name of the safetensors library stands for; none if it has no fractions.
fn float(dtype: safetensors::Dtype) -> Option<Dtype> {
    match dtype {
        safetensors::Dtype::F64 => Some(Dtype::Float64),
        safetensors::Dtype::F32 => Some(Dtype::Float32),
        safetensors::Dtype::F16 => Some(Dtype::Float16),
        safetensors::Dtype::BF16 => Some(Dtype::BFloat16),
        safetensors::Dtype::F8_E4M3 => Some(Dtype::Float8E4M3),
        safetensors::Dtype::F8_E5M2 => Some(Dtype::Float8E5M2),
        _ => None,
    }
}

/// The length of the header as the file claims it, and the header, empty if it is not there.
fn header_of(bytes: &[u8]) -> (u64, &[u8]) {
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else { return (0, &[]) };
    let length = u64::from_le_bytes(*length);
    (length, usize::try_from(length).ok().and_then(|length| rest.get(..length)).unwrap_or_default())
}

/// All bytes of a file whose first ones are plausible, so that a huge foreign file is not read as a whole.
fn read_checked(path: &Path) -> Result<Vec<u8>, StoreError> {
    let failed = |cause| StoreError::read(path, cause);
    let length = bounded::length(path)?;
    let mut start = Vec::new();
    files::open(path).map_err(failed)?.take(START).read_to_end(&mut start).map_err(failed)?;
    check_start(path, &start, length)?;
    bounded::read(path, LONGEST)
}

/// Whether a file of `length` bytes that begins with `start` can be one: the length of a header that fits into it, and the
/// beginning of the header, a JSON object.
fn check_start(path: &Path, start: &[u8], length: u64) -> Result<(), StoreError> {
    let (header, _) = header_of(start);
    let fits = header <= length.saturating_sub(8) && header <= MAX_HEADER;
    if fits && start.get(8) == Some(&b'{') {
        return Ok(());
    }
    if matches!(FileKind::of(start), FileKind::Zip | FileKind::Pickle) {
        return Err(StoreError::Content {
            path: path.to_owned(),
            found: "a PyTorch checkpoint (zip or pickle)".to_owned(),
            wanted: "a safetensors file".to_owned(),
            mend: "convert it with safetensors.torch.save_file(model.state_dict(), \"name.safetensors\")".to_owned(),
        });
    }
    let found = if start.len() < 8 {
        format!("{length} bytes long")
    } else if fits || header > MAX_HEADER {
        "of another kind: it starts with other bytes".to_owned()
    } else {
        "truncated inside its header, or of another kind".to_owned()
    };
    Err(StoreError::content(path, found, "a safetensors file"))
}
