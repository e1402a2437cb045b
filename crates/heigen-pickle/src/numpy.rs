//! NumPy's arrays of unsigned bytes, and of Python's objects, in a pickle.

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
    /// Makes a single number or text of one of NumPy's types from its bytes.
    Scalar,
}

/// The names of [`Numpy`] in both of its major versions.
pub const NUMPY: Known<'static, Numpy> = Known {
    globals: &[
        ("numpy.core.multiarray", "_reconstruct", Numpy::Reconstruct),
        ("numpy._core.multiarray", "_reconstruct", Numpy::Reconstruct),
        ("numpy", "ndarray", Numpy::Ndarray),
        ("numpy", "dtype", Numpy::Dtype),
        ("_codecs", "encode", Numpy::Encode),
        ("numpy.core.multiarray", "scalar", Numpy::Scalar),
        ("numpy._core.multiarray", "scalar", Numpy::Scalar),
    ],
    makes: "NumPy's arrays",
    others: None,
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
    let kind = dtype_code(pickle, dtype)?;
    let fortran_order = match pickle.value(fortran) {
        Value::Bool(fortran) => *fortran,
        Value::Int(fortran) => *fortran != 0,
        _ => return None,
    };
    let shape = pickle.tuple(shape).and_then(|_| pickle.sizes(shape))?;
    let bytes = bytes(pickle, content)?;
    (kind == "u1").then_some(ByteArray { shape, fortran_order, bytes })
}

/// An element of an array of Python's objects.
#[derive(Clone, Debug, PartialEq)]
pub enum Element {
    /// A truth value, an integer or a float.
    Number(f64),
    /// A text, or bytes that are one.
    Text(String),
}

/// The elements of the array of Python's objects that the pickle is, in its order; none if it is another value, or if an
/// element is neither a number nor a text.
pub fn objects(pickle: &Pickle<'_, Numpy>) -> Option<Vec<Element>> {
    let object = pickle.object(pickle.top()).filter(|object| object.of == Numpy::Reconstruct)?;
    let &[_, _, dtype, _, content] = pickle.tuple(object.state?)? else { return None };
    let Value::List(elements) = pickle.value(content) else { return None };
    dtype_code(pickle, dtype)?.starts_with('O').then_some(())?;
    elements.iter().map(|&id| element(pickle, id)).collect()
}

/// NumPy's short name of the element type `id`, such as `u1`.
fn dtype_code<'a>(pickle: &Pickle<'a, Numpy>, id: Id) -> Option<&'a str> {
    let dtype = pickle.object(id).filter(|object| object.of == Numpy::Dtype)?;
    pickle.text(*pickle.tuple(dtype.arguments)?.first()?)
}

fn element(pickle: &Pickle<'_, Numpy>, id: Id) -> Option<Element> {
    match pickle.value(id) {
        Value::Bool(truth) => Some(Element::Number(f64::from(u8::from(*truth)))),
        Value::Int(n) => Some(Element::Number(*n as f64)),
        Value::Float(x) => Some(Element::Number(*x)),
        Value::Object(object) if object.of == Numpy::Scalar => {
            let &[dtype, content] = pickle.tuple(object.arguments)? else { return None };
            let order = most_first(pickle, dtype);
            scalar(dtype_code(pickle, dtype)?, &bytes(pickle, content)?, order)
        }
        _ => String::from_utf8(bytes(pickle, id)?.into_owned()).ok().map(Element::Text),
    }
}

/// Whether the element type `id` has its most significant byte first: its state is (version, byte order, ...).
fn most_first(pickle: &Pickle<'_, Numpy>, id: Id) -> bool {
    let state = pickle.object(id).and_then(|dtype| pickle.tuple(dtype.state?));
    state.and_then(|state| pickle.text(*state.get(1)?)) == Some(">")
}

/// A number or text of the type `code` from its bytes.
fn scalar(code: &str, bytes: &[u8], most_first: bool) -> Option<Element> {
    if code.starts_with('U') {
        let points = bytes.as_chunks::<4>().0.iter();
        let point = |b: &[u8; 4]| if most_first { u32::from_be_bytes(*b) } else { u32::from_le_bytes(*b) };
        let text = points.map(|b| char::from_u32(point(b))).collect::<Option<String>>()?;
        return Some(Element::Text(text.trim_end_matches('\0').to_owned()));
    }
    if code.starts_with('S') {
        return String::from_utf8(bytes.to_vec()).ok().map(Element::Text);
    }
    let mut word = [0; 8];
    word.get_mut(..bytes.len())?.copy_from_slice(bytes);
    if most_first {
        word.get_mut(..bytes.len())?.reverse();
    }
    let bits = u64::from_le_bytes(word);
    let shift = 64 - 8 * u32::try_from(bytes.len()).ok().filter(|&n| n > 0)?;
    let number = match code.get(..1)? {
        "b" | "u" => bits as f64,
        "i" => ((bits << shift).cast_signed() >> shift) as f64,
        "f" if bytes.len() == 8 => f64::from_bits(bits),
        "f" if bytes.len() == 4 => f64::from(f32::from_bits(bits as u32)),
        _ => return None,
    };
    Some(Element::Number(number))
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
