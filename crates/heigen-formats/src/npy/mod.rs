//! Arrays in NumPy's `.npy` format, versions 1.0 to 3.0.
//!
//! [`array()`] and [`any_array`] read whole arrays of any element type from bytes that another program wrote. [`Header`]
//! and [`Element`] are for whoever keeps arrays in files of his own and reads or writes them piece by piece.
//!
//! # References
//! `numpy.lib.format`, NEP 1.

use crate::error::{axes, kind, shown};
use crate::{ByteOrder, Dtype, FormatError, Remedy};

mod element;
mod header;

pub use element::Element;
pub use header::{Header, HeaderError, Order};

/// Most axes of an array, as in NumPy.
const MAX_AXES: usize = 64;
const WANTED: &str = "a NumPy array of numbers (.npy)";
const MEND: &str = "write it by numpy.save";

/// An array of numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Lengths of the axes; empty for a single number.
    pub shape: Vec<usize>,
    /// All elements in C order: the last index runs fastest.
    pub values: Vec<f64>,
    /// The element type in the file.
    pub dtype: Dtype,
}

/// An array of numbers or texts.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyArray {
    /// An array of numbers.
    Numbers(Array),
    /// An array of texts, in C order.
    Texts {
        /// Lengths of the axes.
        shape: Vec<usize>,
        /// All elements.
        values: Vec<String>,
    },
}

/// Reads an array of numbers: f2, f4, f8, i1 to i8, u1 to u8 or b1, in any order of elements and bytes.
///
/// # Errors
/// [`FormatError`] if it is no such array, truncated or too long. What the header claims is compared with the number of
/// bytes before any allocation.
pub fn array(bytes: &[u8], origin: &str) -> Result<Array, FormatError> {
    match any_array(bytes, origin)? {
        AnyArray::Numbers(array) => Ok(array),
        AnyArray::Texts { .. } => {
            Err(FormatError::content(origin, "an array of texts", WANTED, "encode them as numbers"))
        }
    }
}

/// Reads an array of numbers, as [`array()`], or of texts (`U`, or bytes, `S`).
///
/// # Errors
/// As [`array()`].
pub fn any_array(bytes: &[u8], origin: &str) -> Result<AnyArray, FormatError> {
    Raw::parse(bytes, origin)?.decode(origin)
}

/// As [`any_array`], but numbers and texts may take `limit` bytes of memory at most.
pub(crate) fn limited(bytes: &[u8], origin: &str, limit: usize) -> Result<AnyArray, FormatError> {
    let raw = Raw::parse(bytes, origin)?;
    let count: usize = raw.shape.iter().product();
    let taken = match raw.kind {
        Kind::Number(_) => count.saturating_mul(size_of::<f64>()),
        Kind::Text(_) | Kind::Bytes(_) => count.saturating_mul(size_of::<String>()).saturating_add(bytes.len()),
    };
    if taken > limit {
        let found = format!("{} elements, which take more than the limit of memory", axes(&raw.shape));
        let mend = "take a part of them, or raise the limit";
        return Err(FormatError::holds(origin, found, "what fits in it", mend).mended_by(Remedy::Limit));
    }
    raw.decode(origin)
}

/// Kind of the elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Number(Dtype),
    /// Texts of this many code points of four bytes.
    Text(usize),
    /// Texts of this many bytes.
    Bytes(usize),
}

/// A checked header and the bytes of the elements.
pub(crate) struct Raw<'a> {
    pub(crate) shape: Vec<usize>,
    pub(crate) kind: Kind,
    order: Order,
    byte_order: ByteOrder,
    content: &'a [u8],
}

impl<'a> Raw<'a> {
    pub(crate) fn parse(bytes: &'a [u8], origin: &str) -> Result<Self, FormatError> {
        let damaged = |what: &str| FormatError::damaged(origin, what, WANTED);
        // A header can be as long as the file, and no longer.
        let (header, start) = Header::read(&mut &bytes[..], bytes.len()).map_err(|cause| match cause {
            HeaderError::Empty | HeaderError::OtherKind => FormatError::content(origin, kind(bytes), WANTED, MEND),
            HeaderError::Records => {
                let mend = "save each of its fields as an array";
                FormatError::content(origin, "an array of records", WANTED, mend)
            }
            HeaderError::Version(major, minor) => {
                damaged(&format!("its format has the unknown version {major}.{minor}"))
            }
            HeaderError::Io(_) | HeaderError::Truncated | HeaderError::TooLong => damaged("it ends inside its header"),
            HeaderError::NoText | HeaderError::NoDictionary => damaged("its header is no dictionary"),
        })?;
        let content = bytes.get(start..).unwrap_or_default();
        let (kind, byte_order) = element(&header.descr, origin)?;
        let size = match kind {
            Kind::Number(dtype) => dtype.size(),
            Kind::Text(points) => points.saturating_mul(4),
            Kind::Bytes(length) => length,
        };
        let Header { order, shape, .. } = &header;
        // Elements of no bytes could be as many as the header likes.
        if header.content_bytes(size) != Some(content.len()) || size == 0 || shape.len() > MAX_AXES {
            let what = format!(
                "{} bytes follow its header, which claims {} elements of {size} bytes",
                content.len(),
                axes(shape)
            );
            return Err(damaged(&what));
        }
        Ok(Self { kind, order: *order, byte_order, shape: header.shape, content })
    }

    pub(crate) fn decode(self, origin: &str) -> Result<AnyArray, FormatError> {
        match self.kind {
            Kind::Number(dtype) => {
                let values = dtype.decode_all(self.content, self.byte_order);
                let values = c_order(values, &self.shape, self.order);
                Ok(AnyArray::Numbers(Array { shape: self.shape, values, dtype }))
            }
            Kind::Bytes(length) => {
                let values = self.content.chunks_exact(length).map(byte_text).collect();
                let values = c_order(values, &self.shape, self.order);
                Ok(AnyArray::Texts { shape: self.shape, values })
            }
            Kind::Text(points) => {
                let texts: Option<Vec<String>> =
                    self.content.chunks_exact(4 * points).map(|bytes| text(bytes, self.byte_order)).collect();
                let values = texts.ok_or_else(|| FormatError::damaged(origin, "a text is no Unicode", WANTED))?;
                let values = c_order(values, &self.shape, self.order);
                Ok(AnyArray::Texts { shape: self.shape, values })
            }
        }
    }
}

/// The element type and the order of bytes that `name`, NumPy's name of a type such as `<f8`, stands for.
fn element(name: &str, origin: &str) -> Result<(Kind, ByteOrder), FormatError> {
    let refused = |found: &str, mend: &str| FormatError::content(origin, found, WANTED, mend);
    let (order, code) = match name.as_bytes().first() {
        Some(b'<' | b'|' | b'=') => (ByteOrder::LeastFirst, &name[1..]),
        Some(b'>') => (ByteOrder::MostFirst, &name[1..]),
        _ => (ByteOrder::LeastFirst, name),
    };
    let dtype = match code {
        "b1" => Dtype::Bool,
        "i1" => Dtype::Int8,
        "i2" => Dtype::Int16,
        "i4" => Dtype::Int32,
        "i8" => Dtype::Int64,
        "u1" => Dtype::UInt8,
        "u2" => Dtype::UInt16,
        "u4" => Dtype::UInt32,
        "u8" => Dtype::UInt64,
        "f2" => Dtype::Float16,
        "f4" => Dtype::Float32,
        "f8" => Dtype::Float64,
        _ => {
            if let Some(points) = code.strip_prefix('U').and_then(|points| points.parse().ok()) {
                return Ok((Kind::Text(points), order));
            }
            if let Some(length) = code.strip_prefix('S').and_then(|length| length.parse().ok()) {
                return Ok((Kind::Bytes(length), order));
            }
            return Err(if code.starts_with('O') {
                refused(
                    "an array of Python objects, which only running code could restore",
                    "convert it before saving, by .astype(float) or .astype(str)",
                )
            } else {
                refused(
                    &format!("an array of `{}`", shown(name)),
                    "convert it before saving, by .astype(float) or .astype(str)",
                )
            });
        }
    };
    Ok((Kind::Number(dtype), order))
}

/// The text of bytes that zeros fill up: in UTF-8, or else in Latin-1.
fn byte_text(bytes: &[u8]) -> String {
    let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    let bytes = &bytes[..end];
    std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().map(|&b| char::from(b)).collect(), str::to_owned)
}

/// The text of code points of four bytes each, filled up with zeros.
fn text(bytes: &[u8], order: ByteOrder) -> Option<String> {
    let points = bytes.as_chunks::<4>().0.iter().map(|&point| match order {
        ByteOrder::LeastFirst => u32::from_le_bytes(point),
        ByteOrder::MostFirst => u32::from_be_bytes(point),
    });
    let mut text = points.map(char::from_u32).collect::<Option<String>>()?;
    text.truncate(text.trim_end_matches('\0').len());
    Some(text)
}

/// The elements of an array of `shape`, which stand in `order`, reordered so that the last index runs fastest. The number
/// of values must be the product of `shape`.
pub fn c_order<T: Clone>(values: Vec<T>, shape: &[usize], order: Order) -> Vec<T> {
    if order == Order::C || shape.len() < 2 || values.is_empty() {
        return values;
    }
    let mut strides: Vec<usize> = Vec::with_capacity(shape.len());
    let mut stride = 1;
    for &n in shape {
        strides.push(if n == 1 { 0 } else { stride });
        stride *= n;
    }
    strided(shape, &strides, 0, |at| values[at].clone())
}

/// The elements of an array of `shape` in C order, where `take` gives the element at a place: that of the indices i, j, ...
/// is at the place `offset + i strides[0] + j strides[1] + ...`.
///
/// The caller has checked that all places are there, and sets the strides of axes of length 1 to 0.
pub(crate) fn strided<T>(shape: &[usize], strides: &[usize], offset: usize, take: impl Fn(usize) -> T) -> Vec<T> {
    let count = shape.iter().product();
    let mut taken = Vec::with_capacity(count);
    let mut index = vec![0; shape.len()];
    let mut at = offset;
    for _ in 0..count {
        taken.push(take(at));
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            at += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            at -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    taken
}
