//! Samples in a pair of IDX files, the format of MNIST.
//!
//! A magic number (two zeros, the element type, the number of axes), the lengths of the axes as 32-bit numbers, and the
//! elements; the most significant byte is first.

use super::arrays::pair;
use super::labels::Labels;
use super::{SampleOptions, Samples};
use crate::error::{axes as listed_axes, kind};
use crate::{ByteOrder, Dtype, FormatError};

const WANTED: &str = "an IDX file";
/// Most axes that are read: those of images with channels are sample, channel, row and column.
const MAX_AXES: usize = 4;

/// Reads features, [N, ...] with at most four axes, and labels, `[N]`, from two IDX files; `origins` name them.
///
/// # Errors
/// [`FormatError`] if a file is no IDX file, is compressed, truncated or too long, or samples cannot be used.
pub fn idx_pair(bytes: [&[u8]; 2], origins: [&str; 2], options: &SampleOptions) -> Result<Samples, FormatError> {
    let (shape, features, dtype) = array(bytes[0], origins[0], options)?;
    let (labels_shape, labels, _) = array(bytes[1], origins[1], options)?;
    let features = (&shape[..], features, dtype == Dtype::UInt8);
    pair(features, (&labels_shape, Labels::Numbers(labels)), origins, options)
}

fn array(bytes: &[u8], origin: &str, options: &SampleOptions) -> Result<(Vec<usize>, Vec<f64>, Dtype), FormatError> {
    let other = |found: &str, mend: &str| FormatError::content(origin, found, WANTED, mend);
    let (dtype, axes, rest) = match bytes {
        &[0, 0, dtype, axes, ref rest @ ..] => (dtype, usize::from(axes), rest),
        [0x1f, 0x8b, ..] => return Err(other("compressed by gzip", "decompress it: gunzip")),
        _ => return Err(other(kind(bytes), "check that this file is meant")),
    };
    let dtype = match dtype {
        0x08 => Dtype::UInt8,
        0x09 => Dtype::Int8,
        0x0b => Dtype::Int16,
        0x0c => Dtype::Int32,
        0x0d => Dtype::Float32,
        0x0e => Dtype::Float64,
        code => {
            return Err(other(&format!("of the unknown element type {code:#04x}"), "check that this file is meant"));
        }
    };
    if !(1..=MAX_AXES).contains(&axes) {
        let found = format!("{axes} axes");
        return Err(FormatError::holds(origin, found, format!("1 to {MAX_AXES}"), "check that this file is meant"));
    }
    let ends = || FormatError::damaged(origin, "it ends inside its header", WANTED);
    let (header, content) = rest.split_at_checked(4 * axes).ok_or_else(ends)?;
    let shape: Vec<usize> = header.as_chunks::<4>().0.iter().map(|&n| u32::from_be_bytes(n) as usize).collect();
    let claimed = shape.iter().try_fold(dtype.size(), |product, &n| product.checked_mul(n));
    if claimed != Some(content.len()) {
        let claims = listed_axes(&shape);
        let (got, size) = (content.len(), dtype.size());
        let what = format!("{got} bytes follow its header, which claims {claims} elements of {size} bytes");
        return Err(FormatError::damaged(origin, what, WANTED));
    }
    options.check_room(content.len() / dtype.size(), origin)?;
    Ok((shape, dtype.decode_all(content, ByteOrder::MostFirst), dtype))
}
