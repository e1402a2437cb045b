//! The header of an `.npy` file: magic bytes, version, length, and a Python dictionary.

use std::io::{self, Read};

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Elements start at a multiple of this many bytes in the files that are written.
const ALIGNMENT: usize = 64;

/// How the elements of an array follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The last index runs fastest: a matrix row by row.
    C,
    /// The first index runs fastest: a matrix column by column.
    Fortran,
}

/// The type, order and shape of an array, without its elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// NumPy's name of the element type, e.g. `<f8`.
    pub descr: String,
    /// How the elements follow one another.
    pub order: Order,
    /// Lengths of the axes; empty for a single number.
    pub shape: Vec<usize>,
}

/// Why bytes are not the header of an array.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// The system could not read on.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// There are no bytes at all.
    #[error("empty")]
    Empty,
    /// The first bytes are not those of an `.npy` file.
    #[error("of another kind: it starts with other bytes")]
    OtherKind,
    /// The bytes end before the header does.
    #[error("truncated inside its header")]
    Truncated,
    /// A version of the format that does not exist yet: major and minor number.
    #[error("of the unknown version {0}.{1}")]
    Version(u8, u8),
    /// The header claims to be longer than the caller allows.
    #[error("damaged: its header claims to be longer than any array's")]
    TooLong,
    /// The array has records with named fields as elements.
    #[error("an array of records")]
    Records,
    /// The header is not text in UTF-8.
    #[error("damaged: its header is no text")]
    NoText,
    /// The header is not the dictionary of an array.
    #[error("damaged: its header is no dictionary")]
    NoDictionary,
}

impl Header {
    /// Reads the header at the beginning of `reader` and says at which byte the elements begin.
    ///
    /// A dictionary longer than `longest` bytes is refused before memory is taken for it. Whether the elements that the
    /// header claims are there is for the caller to check, by [`Self::content_bytes`].
    ///
    /// # Errors
    /// [`HeaderError`] says which part is missing or wrong.
    pub fn read(reader: &mut impl Read, longest: usize) -> Result<(Self, usize), HeaderError> {
        let mut magic = Vec::with_capacity(MAGIC.len());
        reader.take(MAGIC.len() as u64).read_to_end(&mut magic)?;
        if magic.is_empty() {
            return Err(HeaderError::Empty);
        }
        if !MAGIC.starts_with(&magic) {
            return Err(HeaderError::OtherKind);
        }
        let mut bytes = |count: usize| {
            let mut taken = vec![0; count];
            reader.read_exact(&mut taken).map(|()| taken).map_err(|cause| match cause.kind() {
                io::ErrorKind::UnexpectedEof => HeaderError::Truncated,
                _ => HeaderError::Io(cause),
            })
        };
        let width = match bytes(2)?[..] {
            [1, 0] => 2,
            [2 | 3, 0] => 4,
            [major, minor] => return Err(HeaderError::Version(major, minor)),
            _ => return Err(HeaderError::Truncated),
        };
        let length = bytes(width)?.iter().rev().fold(0_usize, |length, &byte| length << 8 | usize::from(byte));
        if length > longest {
            return Err(HeaderError::TooLong);
        }
        let text = String::from_utf8(bytes(length)?).map_err(|_| HeaderError::NoText)?;
        Ok((Self::parse(&text)?, MAGIC.len() + 2 + width + length))
    }

    /// Reads the literal `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`, keys in any order.
    fn parse(text: &str) -> Result<Self, HeaderError> {
        match Literal(text).dictionary() {
            Some(Dictionary::Array(header)) => Ok(header),
            Some(Dictionary::Records) => Err(HeaderError::Records),
            None => Err(HeaderError::NoDictionary),
        }
    }

    /// All bytes before the elements, in version 1.0 of the format; none if the shape has so many axes that the
    /// dictionary is too long for that version.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let fortran = if self.order == Order::Fortran { "True" } else { "False" };
        let shape = match self.shape.as_slice() {
            [only] => format!("({only},)"),
            axes => format!("({})", axes.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
        };
        let mut text = format!("{{'descr': '{}', 'fortran_order': {fortran}, 'shape': {shape}, }}", self.descr);
        let before = MAGIC.len() + 4;
        let padded = (before + text.len() + 1).next_multiple_of(ALIGNMENT) - before;
        text.extend(std::iter::repeat_n(' ', padded - 1 - text.len()));
        text.push('\n');
        let length = u16::try_from(text.len()).ok()?;
        Some([MAGIC.as_slice(), &[1, 0], &length.to_le_bytes(), text.as_bytes()].concat())
    }

    /// How many bytes the elements must take if each has `size` bytes; none if that is more than can be counted.
    pub fn content_bytes(&self, size: usize) -> Option<usize> {
        self.shape.iter().try_fold(size, |product, &n| product.checked_mul(n))
    }
}

/// The kind of array that the dictionary of a header describes.
enum Dictionary {
    /// An array whose elements are all of one type.
    Array(Header),
    /// An array of records with named fields.
    Records,
}

/// The part of a Python literal that is still to be read.
struct Literal<'a>(&'a str);

impl<'a> Literal<'a> {
    /// Reads the literal as the dictionary of a header; none if it is not one.
    fn dictionary(&mut self) -> Option<Dictionary> {
        let (mut descr, mut order, mut shape) = (None, None, None);
        self.eat("{")?;
        while self.eat("}").is_none() {
            let key = self.string()?;
            self.eat(":")?;
            match key {
                // The fields of records may nest: nothing after them is read.
                "descr" if self.eat("[").is_some() => return Some(Dictionary::Records),
                "descr" => descr = Some(self.string()?.to_owned()),
                "fortran_order" => order = Some(self.order()?),
                "shape" => shape = Some(self.shape()?),
                _ => return None,
            }
            if self.eat(",").is_none() {
                self.eat("}")?;
                break;
            }
        }
        self.0.trim().is_empty().then_some(())?;
        Some(Dictionary::Array(Header { descr: descr?, order: order?, shape: shape? }))
    }

    fn eat(&mut self, token: &str) -> Option<()> {
        self.0 = self.0.trim_start().strip_prefix(token)?;
        Some(())
    }

    fn string(&mut self) -> Option<&'a str> {
        let quote = ["'", "\""].into_iter().find(|quote| self.eat(quote).is_some())?;
        let (string, rest) = self.0.split_once(quote)?;
        self.0 = rest;
        Some(string)
    }

    fn order(&mut self) -> Option<Order> {
        if self.eat("True").is_some() { Some(Order::Fortran) } else { self.eat("False").map(|()| Order::C) }
    }

    fn shape(&mut self) -> Option<Vec<usize>> {
        self.eat("(")?;
        let (inside, rest) = self.0.split_once(')')?;
        self.0 = rest;
        let mut axes: Vec<&str> = inside.split(',').map(str::trim).collect();
        // A comma may stand at the end; `()` is a single number.
        axes.pop_if(|last| last.is_empty());
        // Python 2 wrote long integers with an L.
        axes.iter().map(|axis| axis.strip_suffix('L').unwrap_or(axis).parse().ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_numpys_version_1_0_aligned_to_64_bytes() {
        let header = Header { descr: "<f8".into(), order: Order::Fortran, shape: vec![3, 4] };
        let bytes = header.to_bytes().unwrap();
        assert_eq!(bytes.len(), 128);
        assert_eq!(&bytes[..10], b"\x93NUMPY\x01\x00\x76\x00");
        let text = "{'descr': '<f8', 'fortran_order': True, 'shape': (3, 4), }";
        assert_eq!(&bytes[10..10 + text.len()], text.as_bytes());
        assert!(bytes[10 + text.len()..127].iter().all(|&byte| byte == b' '));
        assert_eq!(bytes[127], b'\n');
        for shape in [vec![], vec![7], vec![0, 3], vec![usize::MAX; 9]] {
            let header = Header { descr: "<i8".into(), order: Order::C, shape };
            let bytes = header.to_bytes().unwrap();
            assert_eq!(bytes.len() % ALIGNMENT, 0);
            assert_eq!(Header::read(&mut &bytes[..], 1 << 16).unwrap(), (header, bytes.len()));
        }
    }

    #[test]
    fn dictionaries_of_many_writers() {
        for text in [
            "{'descr': '<f4', 'fortran_order': False, 'shape': (5,)}",
            "{\"shape\":(5,),\"fortran_order\":False,\"descr\":\"<f4\"}",
            "{ 'fortran_order' : False , 'descr' : '<f4' , 'shape' : ( 5 ) , } ",
            "{ 'fortran_order' : False , 'descr' : '<f4' , 'shape' : ( 5L ) , }  \n",
        ] {
            let plain = Header { descr: "<f4".into(), order: Order::C, shape: vec![5] };
            assert_eq!(Header::parse(text).unwrap(), plain, "{text}");
        }
        let scalar = Header::parse("{'descr': '|b1', 'fortran_order': True, 'shape': (), }").unwrap();
        assert_eq!((scalar.order, scalar.shape), (Order::Fortran, vec![]));
        let records = "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (5,)}";
        assert!(matches!(Header::parse(records), Err(HeaderError::Records)));
        for text in [
            "",
            "{}",
            "{'descr': '<f4'",
            "{'descr': '<f4', 'fortran_order': 0, 'shape': (5,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (-5,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (5,,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (5,)} x",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (5,), 'more': 1}",
        ] {
            assert!(matches!(Header::parse(text), Err(HeaderError::NoDictionary)), "{text}");
        }
    }

    #[test]
    fn a_header_that_claims_to_be_long_is_refused_before_it_is_allocated() {
        let bytes = b"\x93NUMPY\x02\x00\xff\xff\xff\xff";
        assert!(matches!(Header::read(&mut &bytes[..], 1 << 16), Err(HeaderError::TooLong)));
    }
}
