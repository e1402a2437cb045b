//! Reads the published formats of MNIST and CIFAR-10 from bytes.

use heigen_pickle::{PickleError, Value, numpy};

use super::Images;

/// Images of MNIST have this many rows and columns.
const MNIST_SIDE: usize = 28;
/// Images of CIFAR-10 have these channels, rows and columns.
const CIFAR: [usize; 3] = [3, 32, 32];
const CIFAR_SIZE: usize = 3 * 32 * 32;
/// Number of classes of both sets.
const CLASSES: u8 = 10;

/// Why bytes are not the image file that they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageFileError {
    /// The file is of another kind.
    #[error("its first four bytes are the number {got}; expected {wanted}, {what}")]
    Magic {
        /// The number in the first four bytes.
        got: u32,
        /// The number with which the format begins.
        wanted: u32,
        /// The name of the format.
        what: &'static str,
    },
    /// The file has the wrong number of bytes.
    #[error("it has {got} bytes; expected {wanted}")]
    Length {
        /// The number of bytes that there are.
        got: usize,
        /// The number of bytes that are expected, in words.
        wanted: String,
    },
    /// The images have another size.
    #[error("its images have {rows} x {columns} pixels; expected {MNIST_SIDE} x {MNIST_SIDE}")]
    Size {
        /// Number of rows.
        rows: u32,
        /// Number of columns.
        columns: u32,
    },
    /// A label that is not the number of a class.
    #[error("label {index} is {label}; expected 0 to 9")]
    Label {
        /// The index of the label in the file.
        index: usize,
        /// The value of the label.
        label: i64,
    },
    /// The two files do not belong together.
    #[error("there are {labels} labels for {images} images")]
    Counts {
        /// Number of images.
        images: usize,
        /// Number of labels.
        labels: usize,
    },
    /// The pickle cannot be read.
    #[error(transparent)]
    Pickle(#[from] PickleError),
    /// The pickle holds something other than a batch of CIFAR-10.
    #[error("the pickle holds no batch of CIFAR-10: {0}")]
    Batch(&'static str),
}

/// The number at `bytes[4 i..]`, most significant byte first.
fn word(bytes: &[u8], i: usize) -> Option<u32> {
    bytes.get(4 * i..4 * i + 4)?.try_into().ok().map(u32::from_be_bytes)
}

/// Checks the header of `words` numbers: the magic number, then sizes, whose product is the number of bytes that follow.
fn idx<'a, const WORDS: usize>(
    bytes: &'a [u8],
    magic: u32,
    what: &'static str,
) -> Result<([u32; WORDS], &'a [u8]), ImageFileError> {
    let short = || ImageFileError::Length { got: bytes.len(), wanted: format!("{} or more", 4 * (1 + WORDS)) };
    let got = word(bytes, 0).ok_or_else(short)?;
    if got != magic {
        return Err(ImageFileError::Magic { got, wanted: magic, what });
    }
    let mut sizes = [0; WORDS];
    for (i, size) in sizes.iter_mut().enumerate() {
        *size = word(bytes, i + 1).ok_or_else(short)?;
    }
    let content = &bytes[4 * (1 + WORDS)..];
    let product = sizes.iter().fold(1u128, |p, &n| p.saturating_mul(u128::from(n)));
    if product != content.len() as u128 {
        let shape = sizes.map(|n| n.to_string()).join(" x ");
        let wanted = format!("{} for the {shape} numbers that its header claims", 4 * (1 + WORDS as u128) + product);
        return Err(ImageFileError::Length { got: bytes.len(), wanted });
    }
    Ok((sizes, content))
}

/// MNIST from the contents of its IDX files (decompressed): images [N, 28, 28] and labels `[N]`.
///
/// # Errors
/// [`ImageFileError`] for another magic number, other sizes, bytes missing or left over, labels above 9.
pub fn mnist(images: &[u8], labels: &[u8]) -> Result<Images, ImageFileError> {
    let pixels = mnist_pixels(images)?;
    let labels = mnist_labels(labels)?;
    let n = pixels.len() / (MNIST_SIDE * MNIST_SIDE);
    if n != labels.len() {
        return Err(ImageFileError::Counts { images: n, labels: labels.len() });
    }
    Ok(Images { pixels: pixels.to_vec(), labels: labels.to_vec(), shape: [1, MNIST_SIDE, MNIST_SIDE] })
}

/// The pixels of an IDX file of images, checked as by [`mnist`].
///
/// # Errors
/// [`ImageFileError`] as for [`mnist`].
pub fn mnist_pixels(bytes: &[u8]) -> Result<&[u8], ImageFileError> {
    let ([_, rows, columns], pixels) = idx(bytes, 2051, "IDX images of unsigned bytes")?;
    if [rows, columns] != [MNIST_SIDE as u32; 2] {
        return Err(ImageFileError::Size { rows, columns });
    }
    Ok(pixels)
}

/// The labels of an IDX file of labels, checked as by [`mnist`].
///
/// # Errors
/// [`ImageFileError`] as for [`mnist`].
pub fn mnist_labels(bytes: &[u8]) -> Result<&[u8], ImageFileError> {
    let ([_], labels) = idx(bytes, 2049, "IDX labels of unsigned bytes")?;
    labels.iter().enumerate().try_for_each(|(index, &label)| in_range(index, i64::from(label)).map(|_| ()))?;
    Ok(labels)
}

fn in_range(index: usize, label: i64) -> Result<u8, ImageFileError> {
    u8::try_from(label).ok().filter(|&l| l < CLASSES).ok_or(ImageFileError::Label { index, label })
}

/// A batch in CIFAR-10's binary version: for every image its label, then its red, green and blue pixels, row by row.
///
/// # Errors
/// [`ImageFileError`] for a length that is no multiple of 3,073, labels above 9.
pub fn cifar10_binary(bytes: &[u8]) -> Result<Images, ImageFileError> {
    if bytes.is_empty() || !bytes.len().is_multiple_of(1 + CIFAR_SIZE) {
        let wanted = format!("a multiple of {}, label and pixels of an image", 1 + CIFAR_SIZE);
        return Err(ImageFileError::Length { got: bytes.len(), wanted });
    }
    let mut images = Images { pixels: Vec::new(), labels: Vec::new(), shape: CIFAR };
    for (index, record) in bytes.chunks_exact(1 + CIFAR_SIZE).enumerate() {
        images.labels.push(in_range(index, i64::from(record[0]))?);
        images.pixels.extend_from_slice(&record[1..]);
    }
    Ok(images)
}

/// A batch of CIFAR-10's python version: a pickled dictionary with `data`, a NumPy array of unsigned bytes [N, 3072], and
/// `labels`, a list.
///
/// # Errors
/// [`ImageFileError`] for a pickle that is broken, that would execute anything, or that holds something else.
pub fn cifar10_python(bytes: &[u8]) -> Result<Images, ImageFileError> {
    let pickle = heigen_pickle::parse(bytes, &numpy::NUMPY)?;
    let missing = ImageFileError::Batch("it has no entry `data` or no entry `labels`");
    let entry = |key: &str| numpy::entry(&pickle, key).ok_or(missing.clone());
    let Value::List(labels) = pickle.value(entry("labels")?) else {
        return Err(ImageFileError::Batch("its `labels` are no list"));
    };
    let array = numpy::byte_array(&pickle, entry("data")?)
        .ok_or(ImageFileError::Batch("its `data` are no array of unsigned bytes"))?;
    if array.shape.len() != 2 || array.shape[1] != CIFAR_SIZE || array.fortran_order {
        return Err(ImageFileError::Batch("its `data` are not [N, 3072] in C order"));
    }
    if array.bytes.len() != array.shape[0].saturating_mul(CIFAR_SIZE) {
        let wanted = format!("{} for {} images", array.shape[0].saturating_mul(CIFAR_SIZE), array.shape[0]);
        return Err(ImageFileError::Length { got: array.bytes.len(), wanted });
    }
    if labels.len() != array.shape[0] {
        return Err(ImageFileError::Counts { images: array.shape[0], labels: labels.len() });
    }
    let label = |(index, &id)| match pickle.value(id) {
        Value::Int(label) => in_range(index, *label),
        _ => Err(ImageFileError::Batch("a label is no integer")),
    };
    let labels = labels.iter().enumerate().map(label).collect::<Result<_, _>>()?;
    Ok(Images { pixels: array.bytes.into_owned(), labels, shape: CIFAR })
}
