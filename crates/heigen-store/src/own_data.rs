//! Data sets in files of the user's.

use crate::{FileOption, StoreError, class_names};
use flate2::read::GzDecoder;
use heigen::config::FileArgs;
use heigen::data::Dataset;
use heigen_formats::FormatError;
use heigen_formats::samples::{self, Column, SampleOptions, Samples};
use std::fs;
use std::io::Read;
use std::path::Path;

/// Largest file that is read, compressed or not.
const LONGEST: u64 = 1 << 34;

/// Samples, and the names of their classes and features.
#[derive(Clone, Debug)]
pub struct OwnData {
    /// The samples, chosen and permuted as asked for.
    pub data: Dataset,
    /// Name of every class.
    pub classes: Vec<String>,
    /// Name of every feature; empty where the file names none.
    pub feature_names: Vec<String>,
    /// Whether features were rounded to float32.
    pub rounded: bool,
}

/// Reads the samples that `args` names: by the file's ending `.npz`, `.npy`, `.csv`, `.tsv` or `.parquet`, else as IDX;
/// gzipped or not.
///
/// # Errors
/// [`StoreError::Read`] if a file cannot be read, [`StoreError::Format`] for what it holds, [`StoreError::Data`] for
/// classes that are not there.
pub fn read(args: &FileArgs) -> Result<OwnData, StoreError> {
    open(args)?.parse(args)
}

/// The bytes of a user's samples, decompressed, before they are parsed.
#[derive(Debug)]
pub struct Opened {
    bytes: Vec<u8>,
    /// The file's ending, which tells its kind.
    kind: String,
    labels: Option<Vec<u8>>,
    hash: String,
}

/// Reads the files that `args` names, without looking at what they hold.
///
/// # Errors
/// [`StoreError::Read`] if a file cannot be read, [`StoreError::Content`] if it is too long or no whole gzip file.
pub fn open(args: &FileArgs) -> Result<Opened, StoreError> {
    let (bytes, kind) = content(&args.path)?;
    let labels = args.labels_path.as_deref().map(content).transpose()?.map(|(bytes, _)| bytes);
    let hash = crate::record::stamp([Some(&bytes), labels.as_ref()].into_iter().flatten());
    Ok(Opened { bytes, kind, labels, hash })
}

impl Opened {
    /// A hash of the content of all files.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The samples, as [`read`] finds them.
    ///
    /// # Errors
    /// As [`read`].
    pub fn parse(&self, args: &FileArgs) -> Result<OwnData, StoreError> {
        let mut found = parse(args, &self.bytes, &self.kind, self.labels.as_deref())?;
        if let Some(names) = &args.class_names {
            found = class_names::ordered(found, names, &args.path)?;
        }
        chosen(args, found, &crate::document::short(&self.hash))
    }
}

/// The samples as an experiment takes them: in float32, of the chosen classes, permuted.
fn chosen(args: &FileArgs, found: Samples, hash: &str) -> Result<OwnData, StoreError> {
    let Samples { features, shape, labels: y, classes, feature_names } = found;
    let single: Vec<f32> = features.iter().map(|&x| x as f32).collect();
    let rounded = features.iter().zip(&single).any(|(&x, &s)| x.to_bits() != f64::from(s).to_bits());
    if let Some(n) = single.iter().position(|x| !x.is_finite()) {
        let d = shape.iter().product::<usize>().max(1);
        return Err(StoreError::Content {
            path: args.path.clone().into(),
            found: format!("beyond float32: feature {} of sample {} is {}", n % d, n / d, features[n]),
            wanted: "numbers up to 3.4e38".into(),
            mend: "scale that feature".into(),
        });
    }
    let name =
        Path::new(&args.path).file_name().map_or_else(|| args.path.clone(), |n| n.to_string_lossy().into_owned());
    let data =
        Dataset { features: single, shape, labels: y, n_classes: classes.len(), source: format!("{name} ({hash})") };
    let data = data.chosen(args)?;
    let classes = match &args.class_list {
        Some(list) => list.iter().filter_map(|&class| classes.get(class).cloned()).collect(),
        None => classes,
    };
    let further = (classes.len()..data.n_classes).map(|class| class.to_string());
    let classes = classes.iter().cloned().chain(further).collect();
    Ok(OwnData { data, classes, feature_names, rounded })
}

/// Refuses options that say nothing of a file of this kind.
fn applies(args: &FileArgs, kind: &str) -> Result<(), StoreError> {
    let given = [
        (FileOption::LabelsPath, args.labels_path.is_some()),
        (FileOption::FeaturesKey, args.features_key.is_some()),
        (FileOption::LabelsKey, args.labels_key.is_some()),
        (FileOption::LabelColumn, args.label_column.is_some()),
        (FileOption::Header, args.header.is_some()),
    ];
    let known: &[FileOption] = match kind {
        "npz" => &[FileOption::FeaturesKey, FileOption::LabelsKey],
        "csv" | "tsv" => &[FileOption::LabelColumn, FileOption::Header],
        "parquet" => &[FileOption::LabelColumn],
        _ => &[FileOption::LabelsPath],
    };
    match given.into_iter().find(|(option, given)| *given && !known.contains(option)) {
        Some((option, _)) => Err(StoreError::Inapplicable { path: (&args.path).into(), option, kind: kind.to_owned() }),
        None => Ok(()),
    }
}

fn parse(args: &FileArgs, bytes: &[u8], kind: &str, labels: Option<&[u8]>) -> Result<Samples, StoreError> {
    applies(args, kind)?;
    let origin = &args.path;
    let column = |text: &String| text.parse().map_or_else(|_| Column::Name(text.clone()), Column::Position);
    let options = SampleOptions {
        features_key: args.features_key.clone(),
        labels_key: args.labels_key.clone(),
        label_column: args.label_column.as_ref().map(column),
        header: args.header,
        n_classes: match &args.class_names {
            Some(names) => Some(class_names::expected(names)),
            None => args.num_classes.filter(|_| args.class_list.is_none()),
        },
    };
    let pair = || {
        let labels_origin = args.labels_path.as_deref().unwrap_or_default();
        labels.map(|labels| (labels, labels_origin)).ok_or_else(|| StoreError::NoLabels { path: origin.into() })
    };
    let format = |found: Result<Samples, FormatError>| found.map_err(StoreError::from);
    match kind {
        "npz" => format(samples::npz(bytes, origin, &options)),
        "csv" => format(samples::csv(bytes, origin, &options)),
        "tsv" => format(samples::tsv(bytes, origin, &options)),
        "parquet" => format(samples::parquet(bytes, origin, &options)),
        "npy" => {
            let (labels, labels_origin) = pair()?;
            format(samples::npy_pair([bytes, labels], [origin, labels_origin], options.n_classes))
        }
        _ if bytes.starts_with(&[0, 0]) => {
            let (labels, labels_origin) = pair()?;
            format(samples::idx_pair([bytes, labels], [origin, labels_origin], options.n_classes))
        }
        _ => Err(StoreError::Content {
            path: origin.into(),
            found: "a file of another kind".into(),
            wanted: ".npz, .npy, .csv, .tsv, .parquet, or IDX".into(),
            mend: "convert it, e.g. by numpy.savez(\"data.npz\", X=X, y=y)".into(),
        }),
    }
}

/// A file's content, decompressed if it is gzipped, and the file's kind: its ending in small letters, without `.gz`.
fn content(path: &str) -> Result<(Vec<u8>, String), StoreError> {
    let own = Path::new(path);
    let length = fs::metadata(own).map_err(|e| StoreError::read(own, e))?.len();
    let too_long = || StoreError::Content {
        path: own.into(),
        found: format!("longer than {} GiB", LONGEST >> 30),
        wanted: "samples that fit in memory".into(),
        mend: "take a part of them".into(),
    };
    if length > LONGEST {
        return Err(too_long());
    }
    let bytes = fs::read(own).map_err(|e| StoreError::read(own, e))?;
    let lower = path.to_ascii_lowercase();
    let bare = lower.strip_suffix(".gz").unwrap_or(&lower);
    let kind = Path::new(bare).extension().map_or_else(String::new, |e| e.to_string_lossy().into_owned());
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok((bytes, kind));
    }
    let mut inside = Vec::new();
    let length =
        GzDecoder::new(&bytes[..]).take(LONGEST).read_to_end(&mut inside).map_err(|e| StoreError::Content {
            path: own.into(),
            found: format!("no whole gzip file ({e})"),
            wanted: "a complete file".into(),
            mend: "copy it again".into(),
        })?;
    if length as u64 == LONGEST { Err(too_long()) } else { Ok((inside, kind)) }
}
