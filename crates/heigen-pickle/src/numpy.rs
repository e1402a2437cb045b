//! NumPy's arrays of unsigned bytes in a pickle.

use std::borrow::Cow;

use crate::{Id, Known, Pickle, Value};

/// The functions and classes that NumPy's pickles call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numpy {
    /// Makes an empty array, which its state fills.
    Reconstruct,
    /// The class of arrays.
    Ndarray,
    /// The class of element types.
    Dtype,
    /// `_codecs.encode(text, "latin1")`: how Python 3 writes bytes in protocol 2.
    Encode,
}

/// The names of [`Numpy`] in both of its major versions.
pub const NUMPY: Known<'static, Numpy> = Known {
    globals: &[
        ("numpy.core.multiarray", "_reconstruct", Numpy::Reconstruct),
        ("numpy._core.multiarray", "_reconstruct", Numpy::Reconstruct),
        ("numpy", "ndarray", Numpy::Ndarray),
        ("numpy", "dtype", Numpy::Dtype),
        ("_codecs", "encode", Numpy::Encode),
    ],
    makes: "NumPy's arrays",
};

/// An array of unsigned bytes.
#[derive(Debug)]
pub struct ByteArray<'p> {
    /// Lengths of the axes, as claimed: not compared with the number of bytes.
    pub shape: Vec<usize>,
    /// Whether the first index runs fastest.
    pub fortran_order: bool,
    /// The elements.
    pub bytes: Cow<'p, [u8]>,
}

/// The value `id` as an array of unsigned bytes: state (version, shape, dtype, Fortran order, bytes).
pub fn byte_array<'a>(pickle: &Pickle<'a, Numpy>, id: Id) -> Option<ByteArray<'a>> {
    let object = pickle.object(id).filter(|object| object.of == Numpy::Reconstruct)?;
    let &[_, shape, dtype, fortran, content] = pickle.tuple(object.state?)? else { return None };
    let dtype = pickle.object(dtype).filter(|object| object.of == Numpy::Dtype)?;
    let kind = pickle.text(*pickle.tuple(dtype.arguments)?.first()?)?;
    let fortran_order = match pickle.value(fortran) {
        Value::Bool(fortran) => *fortran,
        Value::Int(fortran) => *fortran != 0,
        _ => return None,
    };
    let shape = pickle.tuple(shape).and_then(|_| pickle.sizes(shape))?;
    let bytes = bytes(pickle, content)?;
    (kind == "u1").then_some(ByteArray { shape, fortran_order, bytes })
}

/// The entry `key` of the dictionary that the pickle is; Python 3 writes the keys of Python 2's strings as bytes.
pub fn entry(pickle: &Pickle<'_, Numpy>, key: &str) -> Option<Id> {
    let is_key = |id: Id| {
        // A text of Latin-1 takes at most two bytes for each of them: longer ones are not looked at.
        let long = encoded(pickle, id).is_some_and(|text| text.len() > 2 * key.len());
        !long && bytes(pickle, id).is_some_and(|bytes| *bytes == *key.as_bytes())
    };
    pickle.items(pickle.top()).iter().rev().find(|(k, _)| is_key(*k)).map(|&(_, value)| value)
}

/// The text that the call `id` of `_codecs.encode` would encode, in UTF-8.
fn encoded<'a>(pickle: &Pickle<'a, Numpy>, id: Id) -> Option<&'a [u8]> {
    let object = pickle.object(id).filter(|object| object.of == Numpy::Encode)?;
    match pickle.value(*pickle.tuple(object.arguments)?.first()?) {
        Value::Bytes(text) => Some(text),
        _ => None,
    }
}

/// Bytes as they stand, or as the Latin-1 of a text.
fn bytes<'a>(pickle: &Pickle<'a, Numpy>, id: Id) -> Option<Cow<'a, [u8]>> {
    if let Value::Bytes(bytes) = pickle.value(id) {
        return Some(Cow::Borrowed(bytes));
    }
    let text = std::str::from_utf8(encoded(pickle, id)?).ok()?;
    let latin: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    latin.map(Cow::Owned)
}
