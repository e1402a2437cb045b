//! Results as arrays in NumPy's `.npy` format: little-endian float32, float64 and int64 in C or Fortran order.
//!
//! The format itself, header and elements, is in [`heigen_formats::npy`]. Here are the files: they are written so that
//! they are seen complete or not at all, and checked when they are read back. Files are version 1.0 with data aligned to 64
//! bytes, as `numpy.save` writes them; versions 2.0 and 3.0 are read too.

use std::io::{self, BufReader, Read};
use std::path::Path;

use crate::atomic::Staged;
use crate::{StoreError, atomic, files};

pub use heigen_formats::npy::{Element, Order};

use heigen_formats::npy::{Header, HeaderError, c_order};

/// Longest header that is read, in bytes; that of an array of numbers takes about 100.
const LONGEST_HEADER: usize = 1 << 16;
/// Bytes of elements that are converted at a time.
const CHUNK: usize = 1 << 16;

/// An array as it stands in its file.
#[derive(Clone, Debug, PartialEq)]
pub struct Array<T> {
    /// Lengths of the axes; empty for a single number.
    pub shape: Vec<usize>,
    /// How `values` are ordered.
    pub order: Order,
    /// All elements.
    pub values: Vec<T>,
}

impl<T: Copy> Array<T> {
    /// The array with its elements in C order.
    #[must_use]
    pub fn into_c_order(self) -> Self {
        Self { values: c_order(self.values, &self.shape, self.order), shape: self.shape, order: Order::C }
    }
}

/// Writes `values`, which are in `order`, as an array of `shape`.
///
/// # Errors
/// [`StoreError::Values`] if the number of values is not the product of `shape`, else as [`atomic::write_with`].
pub fn write<T: Element>(path: &Path, shape: &[usize], order: Order, values: &[T]) -> Result<(), StoreError> {
    write_parts(path, shape, order, [values])
}

/// As [`write()`], but the file waits for [`Staged::commit`] to get its name.
///
/// # Errors
/// As [`write()`].
pub fn stage<T: Element>(path: &Path, shape: &[usize], order: Order, values: &[T]) -> Result<Staged, StoreError> {
    stage_parts(path, shape, order, [values])
}

/// Writes an array of `shape` whose elements are the `parts` one after another, e.g. the columns of a matrix in
/// Fortran order. Nothing is copied as a whole.
///
/// # Errors
/// As [`write()`].
pub fn write_parts<'a, T: Element + 'a>(
    path: &Path,
    shape: &[usize],
    order: Order,
    parts: impl IntoIterator<Item = &'a [T]>,
) -> Result<(), StoreError> {
    stage_parts(path, shape, order, parts)?.commit()
}

fn stage_parts<'a, T: Element + 'a>(
    path: &Path,
    shape: &[usize],
    order: Order,
    parts: impl IntoIterator<Item = &'a [T]>,
) -> Result<Staged, StoreError> {
    stage_with(path, shape, order, |put| parts.into_iter().try_for_each(put))
}

/// As [`stage`], with the elements that `fill` hands over one after another, in parts of any length: for arrays that no memory holds.
///
/// # Errors
/// As [`write()`]; also an error of `fill`.
pub fn stage_with<T: Element>(
    path: &Path,
    shape: &[usize],
    order: Order,
    fill: impl FnOnce(&mut dyn FnMut(&[T]) -> io::Result<()>) -> io::Result<()>,
) -> Result<Staged, StoreError> {
    let wanted = shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
    let head = Header { descr: T::DESCR.to_owned(), order, shape: shape.to_vec() }.to_bytes();
    let (Some(wanted), Some(head)) = (wanted, head) else {
        return Err(StoreError::values(path, format!("no file holds an array of shape {shape:?}")));
    };
    let mut count = 0_usize;
    let mut mismatch = false;
    let staged = atomic::stage_with(path, |file| {
        file.write_all(&head)?;
        let mut bytes = Vec::with_capacity(CHUNK);
        fill(&mut |part| {
            count = count.saturating_add(part.len());
            for values in part.chunks(CHUNK / T::BYTES) {
                bytes.clear();
                for value in values {
                    value.put(&mut bytes);
                }
                file.write_all(&bytes)?;
            }
            Ok(())
        })?;
        mismatch = count != wanted;
        // Any error keeps the temporary file from being renamed; the reason is told below.
        if mismatch { Err(std::io::ErrorKind::InvalidInput.into()) } else { Ok(()) }
    });
    if mismatch {
        return Err(StoreError::values(path, format!("the shape {shape:?} needs {wanted} values, there are {count}")));
    }
    staged
}

/// Reads an array of any shape.
///
/// # Errors
/// [`StoreError::Read`] if there is no such file, and [`StoreError::Content`] if it is no `.npy` file, is truncated or
/// too long, or holds another type. What the header claims is checked against the file's length before any allocation.
pub fn read<T: Element>(path: &Path) -> Result<Array<T>, StoreError> {
    let failed = |cause| StoreError::read(path, cause);
    let (header, count, mut reader) = open::<T>(path)?;
    let mut values = Vec::with_capacity(count);
    let mut chunk = vec![0; CHUNK];
    while values.len() < count {
        let bytes = &mut chunk[..CHUNK.min((count - values.len()) * T::BYTES)];
        reader.read_exact(bytes).map_err(failed)?;
        values.extend(bytes.chunks_exact(T::BYTES).filter_map(T::take));
    }
    Ok(Array { shape: header.shape, order: header.order, values })
}

/// Reads an array that must have `shape`.
///
/// # Errors
/// As [`read`], and [`StoreError::Content`] for another shape.
pub fn read_shaped<T: Element>(path: &Path, shape: &[usize]) -> Result<Array<T>, StoreError> {
    let array = read(path)?;
    check_shape(path, &array.shape, shape)?;
    Ok(array)
}

/// Whether the file at `path` holds an array of this type and `shape`, by its header and length alone.
///
/// # Errors
/// As [`read_shaped`].
pub fn check_shaped<T: Element>(path: &Path, shape: &[usize]) -> Result<(), StoreError> {
    check_shape(path, &open::<T>(path)?.0.shape, shape)
}

fn check_shape(path: &Path, got: &[usize], wanted: &[usize]) -> Result<(), StoreError> {
    if got == wanted {
        Ok(())
    } else {
        Err(StoreError::content(path, format!("an array of shape {got:?}"), format!("{wanted:?}")))
    }
}

/// The checked header, the number of elements, and a reader at the first of them.
fn open<T: Element>(path: &Path) -> Result<(Header, usize, BufReader<files::Reading>), StoreError> {
    let failed = |cause| StoreError::read(path, cause);
    let file = files::open(path).map_err(failed)?;
    let length = file.length().map_err(failed)?;
    let mut reader = BufReader::with_capacity(CHUNK, file);
    let (header, start) = Header::read(&mut reader, LONGEST_HEADER).map_err(|cause| match cause {
        HeaderError::Io(cause) => StoreError::read(path, cause),
        cause => StoreError::content(path, refused(&cause), "a NumPy array file (.npy)"),
    })?;
    let wanted = format!("an array of {}", T::DESCR);
    if header.descr != T::DESCR {
        return Err(StoreError::content(path, format!("an array of {}", header.descr), wanted));
    }
    let bytes = header.content_bytes(T::BYTES).and_then(|bytes| u64::try_from(bytes).ok());
    let present = length.saturating_sub(start as u64);
    if bytes != Some(present) {
        let claimed = bytes.map_or_else(|| "more than any file has".to_owned(), |bytes| bytes.to_string());
        let state = if bytes.is_some_and(|bytes| bytes < present) { "too long" } else { "truncated" };
        let found = format!("{state}: {present} bytes of data follow the header");
        let wanted = format!("{claimed}, by the shape {:?} in the header", header.shape);
        return Err(StoreError::content(path, found, wanted));
    }
    let count = header.shape.iter().product();
    Ok((header, count, reader))
}

/// The words of a message for why a header is not that of a result.
fn refused(cause: &HeaderError) -> String {
    match cause {
        HeaderError::Version(..) => "of an unknown version".to_owned(),
        HeaderError::Records | HeaderError::NoDictionary => {
            "an array of records or of an unknown kind, or damaged: its header is no dictionary of a plain array"
                .to_owned()
        }
        cause => cause.to_string(),
    }
}
