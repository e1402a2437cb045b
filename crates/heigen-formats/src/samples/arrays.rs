//! Samples in NumPy's arrays: two of an `.npz`, or a pair of `.npy`.

use heigen_pickle::numpy::{Element, NUMPY, objects};
use heigen_pickle::parse;

use super::labels::{Labels, Texts};
use super::{Found, SampleOptions, Samples, TargetKind};
use crate::container::Container;
use crate::error::{axes, listed, shown};
use crate::npy::{AnyArray, Array, Header, limited};
use crate::{Dtype, FormatError, Remedy};

/// Reads the arrays `X`, [N, ...] of numbers, and `y`, `[N]` of classes, of an `.npz` file; the options `features_key` and
/// `labels_key` give other names. The labels may also be `[N, 1]`, or one-hot, [N, C].
///
/// # Errors
/// [`FormatError`] if the file is no such archive, an array is missing or has another shape, or samples cannot be used.
pub fn npz(bytes: &[u8], origin: &str, options: &SampleOptions) -> Result<Samples, FormatError> {
    let mend = "write it by numpy.savez(path, X=..., y=...)";
    let mut container = Container::open(bytes, origin, "an archive of NumPy arrays (.npz)", mend, options.limit())?;
    let mut entry = |key: &str, remedy: Remedy| {
        let name = format!("{key}.npy");
        if container.has(&name) {
            return Ok((container.read(&name)?, format!("array `{}` of {origin}", shown(key))));
        }
        let keys: Vec<&str> = container.names().filter_map(|name| name.strip_suffix(".npy")).collect();
        let found = if keys.is_empty() { "no arrays".to_owned() } else { format!("the arrays {}", listed(keys)) };
        let wanted = format!("one named `{}`", shown(key));
        Err(FormatError::holds(origin, found, wanted, "say which one is meant").mended_by(remedy))
    };
    let (features, features_origin) = entry(options.features_key.as_deref().unwrap_or("X"), Remedy::FeaturesKey)?;
    let (labels, labels_origin) = entry(options.labels_key.as_deref().unwrap_or("y"), Remedy::LabelsKey)?;
    npy_pair([&features, &labels], [&features_origin, &labels_origin], options)
}

/// Reads features, [N, ...] of numbers, and labels, as in [`npz`], from two `.npy` files; `origins` name them.
///
/// # Errors
/// As [`npz`].
pub fn npy_pair(bytes: [&[u8]; 2], origins: [&str; 2], options: &SampleOptions) -> Result<Samples, FormatError> {
    let AnyArray::Numbers(features) = limited(bytes[0], origins[0], options.limit())? else {
        let wanted = "a NumPy array of numbers (.npy)";
        return Err(FormatError::content(origins[0], "an array of texts", wanted, "encode them as numbers"));
    };
    let (labels_shape, labels) = match object_labels(bytes[1], origins[1]) {
        Some(read) => read?,
        None => match limited(bytes[1], origins[1], options.limit())? {
            AnyArray::Numbers(Array { shape, values, .. }) => (shape, Labels::Numbers(values)),
            AnyArray::Texts { shape, values } => {
                let mut texts = Texts::default();
                values.iter().for_each(|text| texts.push(text));
                (shape, Labels::Texts(texts))
            }
        },
    };
    let bytes = features.dtype == Dtype::UInt8;
    pair((&features.shape, features.values, bytes), (&labels_shape, labels), origins, options)
}

/// Labels in an array of Python's objects, which is a pickle behind a header: numbers and texts are read, nothing is
/// executed. None if the array is of another type.
fn object_labels(bytes: &[u8], origin: &str) -> Option<Result<(Vec<usize>, Labels), FormatError>> {
    let (header, start) = Header::read(&mut &bytes[..], bytes.len()).ok()?;
    header.descr.trim_start_matches(['|', '<', '>', '=']).starts_with('O').then_some(())?;
    let refused = || {
        let found = "an array of Python objects that are not all numbers or all texts";
        let mend = "convert it before saving, by .astype(int) or .astype(str)";
        FormatError::content(origin, found, "an array of labels", mend)
    };
    let read = || {
        let pickle = parse(bytes.get(start..).unwrap_or_default(), &NUMPY).map_err(|_| refused())?;
        let elements = objects(&pickle).ok_or_else(refused)?;
        if header.content_bytes(1) != Some(elements.len()) {
            return Err(FormatError::damaged(origin, "it has not as many objects as it says", "an array of labels"));
        }
        let (mut numbers, mut texts) = (Vec::new(), Texts::default());
        for element in &elements {
            match element {
                Element::Number(number) => numbers.push(*number),
                Element::Text(text) => texts.push(text),
            }
        }
        match (numbers.is_empty(), texts.names.is_empty()) {
            (true, _) => Ok((header.shape.clone(), Labels::Texts(texts))),
            (false, true) => Ok((header.shape.clone(), Labels::Numbers(numbers))),
            (false, false) => Err(refused()),
        }
    };
    Some(read())
}

/// Features [N, ...], which may be bytes in the file, with labels `[N]`, `[N, 1]`, or one-hot [N, C]; each behind its shape.
pub(super) fn pair(
    (shape, features, bytes): (&[usize], Vec<f64>, bool),
    (labels_shape, labels): (&[usize], Labels),
    origins: [&str; 2],
    options: &SampleOptions,
) -> Result<Samples, FormatError> {
    let has_shape = |shape: &[usize]| format!("the shape [{}]", axes(shape));
    let (n, sample) = match shape {
        [n, sample @ ..] if !sample.is_empty() => (*n, sample.to_vec()),
        _ => {
            let mend = "make a column of single features: X.reshape(-1, 1)";
            return Err(FormatError::holds(origins[0], has_shape(shape), "[N, d] or more axes", mend));
        }
    };
    let labels = match (labels_shape, labels) {
        ([_, inner @ ..], Labels::Numbers(numbers)) if options.targets != TargetKind::Classes => {
            Labels::Rows(numbers, inner.iter().fold(1, |width: usize, &n| width.saturating_mul(n)))
        }
        ([_] | [_, 1], labels) => labels,
        (&[_, width], Labels::Numbers(numbers)) if width > 1 => one_hot(&numbers, width, origins[1])?,
        _ => {
            let mend = "labels are one class for every sample, or one-hot";
            return Err(FormatError::holds(origins[1], has_shape(labels_shape), format!("[{n}]"), mend));
        }
    };
    if labels_shape[0] != n {
        let (found, wanted) =
            (format!("{} labels", labels_shape[0]), format!("{n}, one for every sample of {}", origins[0]));
        return Err(FormatError::holds(origins[1], found, wanted, "take both from the same data"));
    }
    let (feature_names, label_name, rows, notes) = (Vec::new(), None, Vec::new(), Vec::new());
    Found { features, shape: sample, feature_names, labels, label_name, rows, table: false, bytes, notes }
        .check(origins, options)
}

/// Labels of which every row has one 1 among zeros.
fn one_hot(numbers: &[f64], width: usize, origin: &str) -> Result<Labels, FormatError> {
    let place = |row: &[f64]| {
        let place = row.iter().position(|&x| x == 1.0)?;
        row.iter().enumerate().all(|(i, &x)| x == f64::from(u8::from(i == place))).then_some(place)
    };
    let places = numbers.chunks_exact(width).enumerate().map(|(n, row)| {
        place(row).ok_or_else(|| {
            let found = format!("{width} numbers a sample that are not one-hot: those of sample {}", n + 1);
            let wanted = "one label for every sample, or a single 1 among zeros";
            let mend = "give the class of every sample, or say that targets are numbers";
            FormatError::holds(origin, found, wanted, mend)
        })
    });
    Ok(Labels::OneHot(places.collect::<Result<_, _>>()?, width))
}
