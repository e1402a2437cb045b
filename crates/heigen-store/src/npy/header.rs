//! The header of an `.npy` file: magic bytes, version, length, and a Python dictionary.
//!
//! Reference: `numpy.lib.format`, NEP 1.

use std::io::Read;
use std::path::Path;

use super::Order;
use crate::StoreError;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Data starts at a multiple of this.
const ALIGNMENT: usize = 64;
/// Longest dictionary that is read; an array's takes about 100 bytes.
const MAX_DICTIONARY: usize = 1 << 16;

/// What an array is, without its elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// `NumPy`'s name of the element type.
    pub(super) descr: String,
    pub(super) order: Order,
    pub(super) shape: Vec<usize>,
}

impl Header {
    /// All bytes before the data in version 1.0, if the dictionary is short enough for it.
    pub(super) fn to_bytes(&self) -> Option<Vec<u8>> {
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

    /// Reads the header of a file of `length` bytes; also returns where the data starts.
    pub(super) fn read(reader: &mut impl Read, length: u64, path: &Path) -> Result<(Self, u64), StoreError> {
        let refused = |found: &str| StoreError::content(path, found, "a NumPy array file (.npy)");
        let mut bytes = |count: usize| {
            let mut taken = vec![0; count];
            reader.read_exact(&mut taken).map(|()| taken).map_err(|e| match e.kind() {
                std::io::ErrorKind::UnexpectedEof => refused("truncated inside its header"),
                _ => StoreError::read(path, e),
            })
        };
        if length == 0 {
            return Err(refused("empty"));
        }
        let magic = bytes(MAGIC.len().min(usize::try_from(length).unwrap_or(usize::MAX)))?;
        if !MAGIC.starts_with(&magic) {
            return Err(refused("of another kind: it starts with other bytes"));
        }
        let width = match bytes(2)?[..] {
            [1, 0] => 2,
            [2 | 3, 0] => 4,
            _ => return Err(refused("of an unknown version")),
        };
        let size = bytes(width)?.iter().rev().fold(0_usize, |size, &byte| size << 8 | usize::from(byte));
        if size > MAX_DICTIONARY {
            return Err(refused("damaged: its header claims to be longer than any array's"));
        }
        let text = String::from_utf8(bytes(size)?).map_err(|_| refused("damaged: its header is no text"))?;
        let header = Reader(text.trim_end()).header().ok_or_else(|| {
            refused(
                "an array of records or of an unknown kind, or damaged: its header is no dictionary of a plain array",
            )
        })?;
        let start = MAGIC.len() + 2 + width + size;
        Ok((header, u64::try_from(start).unwrap_or(u64::MAX)))
    }
}

/// The rest of a Python dictionary literal with the three keys of an array.
struct Reader<'a>(&'a str);

impl<'a> Reader<'a> {
    fn header(mut self) -> Option<Header> {
        let (mut descr, mut order, mut shape) = (None, None, None);
        self.token("{")?;
        while self.token("}").is_none() {
            let key = self.string()?;
            self.token(":")?;
            match key {
                "descr" => descr = Some(self.string()?.to_owned()),
                "fortran_order" => order = Some(self.order()?),
                "shape" => shape = Some(self.shape()?),
                _ => return None,
            }
            if self.token(",").is_none() {
                self.token("}")?;
                break;
            }
        }
        self.0.trim().is_empty().then_some(())?;
        Some(Header { descr: descr?, order: order?, shape: shape? })
    }

    fn token(&mut self, token: &str) -> Option<()> {
        self.0 = self.0.trim_start().strip_prefix(token)?;
        Some(())
    }

    fn string(&mut self) -> Option<&'a str> {
        let quote = if self.token("'").is_some() {
            '\''
        } else {
            self.token("\"")?;
            '"'
        };
        let (string, rest) = self.0.split_once(quote)?;
        self.0 = rest;
        Some(string)
    }

    fn order(&mut self) -> Option<Order> {
        if self.token("True").is_some() { Some(Order::Fortran) } else { self.token("False").map(|()| Order::C) }
    }

    fn shape(&mut self) -> Option<Vec<usize>> {
        let mut shape = Vec::new();
        self.token("(")?;
        while self.token(")").is_none() {
            self.0 = self.0.trim_start();
            let digits = self.0.find(|c: char| !c.is_ascii_digit())?;
            shape.push(self.0[..digits].parse().ok()?);
            self.0 = &self.0[digits..];
            if self.token(",").is_none() {
                self.token(")")?;
                break;
            }
        }
        Some(shape)
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
            let length = u64::try_from(bytes.len()).unwrap();
            assert_eq!(Header::read(&mut &bytes[..], length, Path::new("x")).unwrap(), (header, length));
        }
    }

    #[test]
    fn dictionaries_of_other_writers_are_understood() {
        let read = |text: &'static str| Reader(text).header();
        let plain = Header { descr: "<f4".into(), order: Order::C, shape: vec![5] };
        for text in [
            "{'descr': '<f4', 'fortran_order': False, 'shape': (5,)}",
            "{\"shape\":(5,),\"fortran_order\":False,\"descr\":\"<f4\"}",
            "{ 'fortran_order' : False , 'descr' : '<f4' , 'shape' : ( 5 ) , } ",
        ] {
            assert_eq!(read(text), Some(plain.clone()), "{text}");
        }
        for text in [
            "",
            "{}",
            "{'descr': '<f4'",
            "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (5,)}",
            "{'descr': '<f4', 'fortran_order': 0, 'shape': (5,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (-5,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (5,)} x",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
