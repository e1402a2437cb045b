//! Samples in NumPy's arrays: two of an `.npz`, or a pair of `.npy`.

use super::labels::{Labels, Texts};
use super::{Found, SampleOptions, Samples};
use crate::container::Container;
use crate::error::{listed, shown};
use crate::npy::{AnyArray, Array, any_array, array};
use crate::{FormatError, Remedy};

/// Reads the arrays `X`, [N, ...] of numbers, and `y`, `[N]` of class indices or texts, of an `.npz` file; the options
/// `features_key` and `labels_key` give other names.
///
/// # Errors
/// [`FormatError`] if the file is no such archive, an array is missing or has another shape, or samples cannot be used.
pub fn npz(bytes: &[u8], origin: &str, options: &SampleOptions) -> Result<Samples, FormatError> {
    let mend = "write it by numpy.savez(path, X=..., y=...)";
    let mut container = Container::open(bytes, origin, "an archive of NumPy arrays (.npz)", mend)?;
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
    npy_pair([&features, &labels], [&features_origin, &labels_origin], options.n_classes)
}

/// Reads features, [N, ...] of numbers, and labels, `[N]` of class indices or texts, from two `.npy` files; `origins` name
/// them.
///
/// # Errors
/// As [`npz`].
pub fn npy_pair(bytes: [&[u8]; 2], origins: [&str; 2], n_classes: Option<usize>) -> Result<Samples, FormatError> {
    let features = array(bytes[0], origins[0])?;
    let (labels_shape, labels) = match any_array(bytes[1], origins[1])? {
        AnyArray::Numbers(Array { shape, values, .. }) => (shape, Labels::Numbers(values)),
        AnyArray::Texts { shape, values } => {
            let mut texts = Texts::default();
            values.iter().for_each(|text| texts.push(text));
            (shape, Labels::Texts(texts))
        }
    };
    pair(&features.shape, features.values, &labels_shape, labels, origins, n_classes)
}

/// Features [N, ...] with labels `[N]`.
pub(super) fn pair(
    shape: &[usize],
    features: Vec<f64>,
    labels_shape: &[usize],
    labels: Labels,
    origins: [&str; 2],
    n_classes: Option<usize>,
) -> Result<Samples, FormatError> {
    let has_shape = |shape: &[usize]| format!("the shape {shape:?}");
    let (n, sample) = match shape {
        [n, sample @ ..] if !sample.is_empty() => (*n, sample.to_vec()),
        _ => {
            let mend = "make a column of single features: X.reshape(-1, 1)";
            return Err(FormatError::holds(origins[0], has_shape(shape), "[N, d] or more axes", mend));
        }
    };
    if labels_shape.len() != 1 {
        let mend = match labels_shape {
            [_, 1] => "remove the second axis: y.ravel()",
            [_, _] => "one-hot labels become indices by y.argmax(axis=1)",
            _ => "labels are one index or text for every sample",
        };
        return Err(FormatError::holds(origins[1], has_shape(labels_shape), format!("[{n}]"), mend));
    }
    if labels_shape[0] != n {
        let (found, wanted) =
            (format!("{} labels", labels_shape[0]), format!("{n}, one for every sample of {}", origins[0]));
        return Err(FormatError::holds(origins[1], found, wanted, "take both from the same data"));
    }
    Found { features, shape: sample, feature_names: Vec::new(), labels, label_name: None, rows: Vec::new() }
        .check(origins, n_classes)
}
