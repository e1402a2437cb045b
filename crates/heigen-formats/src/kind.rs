//! The kind of a file, told by its structure.
//!
//! The first bytes alone do not tell: a safetensors file begins with the length of its header, which can be any number,
//! also one whose bytes are those at the beginning of a pickle, of a zip archive or of a gzip file.

/// The kind of a file that may hold weights or samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// Tensors in the safetensors format.
    Safetensors,
    /// A zip archive: PyTorch's `.pt` or NumPy's `.npz`.
    Zip,
    /// One array of NumPy's.
    Npy,
    /// A pickle outside of an archive.
    Pickle,
    /// A file compressed by gzip.
    Gzip,
    /// A Parquet file.
    Parquet,
    /// An HDF5 file, as Keras writes it.
    Hdf5,
    /// A tar archive.
    Tar,
    /// A message in the encoding of protocol buffers that begins as an ONNX model does.
    Onnx,
    /// None of these.
    Unknown,
}

impl FileKind {
    /// Tells the kind of the file that these bytes are.
    ///
    /// ```
    /// use heigen_formats::FileKind;
    ///
    /// // A header of 640 bytes: its length begins with the bytes of a pickle, 80 02.
    /// let mut file = 640_u64.to_le_bytes().to_vec();
    /// file.extend(format!("{:640}", r#"{"__metadata__":{}}"#).into_bytes());
    /// assert_eq!(FileKind::of(&file), FileKind::Safetensors);
    /// assert_eq!(FileKind::of(b"\x80\x02}."), FileKind::Pickle);
    /// ```
    pub fn of(bytes: &[u8]) -> Self {
        if is_safetensors(bytes) {
            return Self::Safetensors;
        }
        let begins = |start: &[u8]| bytes.starts_with(start);
        if begins(b"PK\x03\x04") || begins(b"PK\x05\x06") {
            Self::Zip
        } else if begins(b"\x93NUMPY") {
            Self::Npy
        } else if begins(b"\x1f\x8b\x08") {
            Self::Gzip
        } else if begins(b"PAR1") {
            Self::Parquet
        } else if begins(b"\x89HDF\r\n\x1a\n") {
            Self::Hdf5
        } else if bytes.get(257..262) == Some(b"ustar") {
            Self::Tar
        } else if matches!(bytes, [0x80, 0..=5, ..]) {
            Self::Pickle
        } else if is_onnx(bytes) {
            Self::Onnx
        } else {
            Self::Unknown
        }
    }

    /// The words of a message for the kind.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Safetensors => "a safetensors file",
            Self::Zip => "a zip archive (such as .npz or .pt)",
            Self::Npy => "a NumPy array (.npy)",
            Self::Pickle => "a pickle",
            Self::Gzip => "compressed by gzip",
            Self::Parquet => "a Parquet file",
            Self::Hdf5 => "an HDF5 file",
            Self::Tar => "a tar archive",
            Self::Onnx => "an ONNX model",
            Self::Unknown => "of another kind",
        }
    }
}

/// Whether the bytes are the length of a header that fits into the file, and the beginning of that header, a JSON object.
fn is_safetensors(bytes: &[u8]) -> bool {
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else { return false };
    let fits = usize::try_from(u64::from_le_bytes(*length)).ok().and_then(|length| rest.get(..length));
    fits.is_some_and(|header| {
        let end = header.iter().rposition(|byte| !byte.is_ascii_whitespace());
        header.first() == Some(&b'{') && end.is_some_and(|end| header[end] == b'}')
    })
}

/// Whether the bytes begin with the first field of an ONNX model, its version as a small number, and go on with another
/// known field: the producer's texts, the graph or the operator sets.
fn is_onnx(bytes: &[u8]) -> bool {
    matches!(bytes, [0x08, 1..=127, 0x12 | 0x1a | 0x22 | 0x28 | 0x32 | 0x3a | 0x42, ..])
}
