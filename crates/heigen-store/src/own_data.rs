//! Data sets in files of the user's.

use crate::{FileOption, StoreError, bounded};
use flate2::read::GzDecoder;
use heigen::config::{FileArgs, TargetForm};
use heigen::data::{DataError, Dataset};
use heigen::vocabulary::{PositionLayout, Targets};
use heigen_formats::foreign_text::shown;
use heigen_formats::samples::{self, ClassOrder, Column, Numbers, SampleOptions, Samples, TargetKind};
use heigen_formats::{DEFAULT_LIMIT, FormatError};
use std::path::{Path, PathBuf};

/// Most classes of a note that lists them.
const LISTED: usize = 20;

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
    /// Sentences about how the file was read, where it could have been read otherwise: the order of the classes, the
    /// layout of images, columns that may be no features.
    pub notes: Vec<String>,
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

/// The bytes of a user's samples before they are parsed. A compressed table is unpacked only while it is parsed, line by
/// line.
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
/// [`StoreError::Read`] if a file cannot be read, [`StoreError::Content`] if it is no plain file or no whole gzip file,
/// [`StoreError::TooLarge`] if it is longer than `max_gib` allows.
pub fn open(args: &FileArgs) -> Result<Opened, StoreError> {
    opened(args, read_files(args)?)
}

/// The bytes of the files that `args` names: that of the features, and that of the labels where there is one.
///
/// # Errors
/// [`StoreError::Read`] if a file cannot be read, [`StoreError::Content`] if it is no plain file, [`StoreError::TooLarge`] if it is
/// longer than `max_gib` allows.
pub fn read_files(args: &FileArgs) -> Result<Vec<(PathBuf, Vec<u8>)>, StoreError> {
    let limit = limit(args) as u64;
    let paths = std::iter::once(&args.path).chain(&args.labels_path).map(PathBuf::from);
    paths.map(|path| bounded::read(&path, limit).map(|bytes| (path, bytes))).collect()
}

/// [`open`] for files that were read already, as [`read_files`] reads them.
///
/// # Errors
/// [`StoreError::Content`] if one is no whole gzip file, [`StoreError::TooLarge`] if it unpacks to more than `max_gib` allows.
pub fn opened(args: &FileArgs, files: Vec<(PathBuf, Vec<u8>)>) -> Result<Opened, StoreError> {
    let limit = limit(args) as u64;
    let path = Path::new(&args.path);
    let mut contents = files.into_iter().map(|(_, bytes)| bytes);
    let mut bytes = contents.next().unwrap_or_default();
    let labels_path = args.labels_path.as_deref().map(Path::new);
    let mut labels = labels_path.and_then(|_| contents.next());
    let hash = crate::record::stamp([Some(&bytes), labels.as_ref()].into_iter().flatten());
    let kind = kind(&args.path);
    if bounded::is_gzip(&bytes) && !matches!(&*kind, "csv" | "tsv") {
        bytes = bounded::unzipped(path, &bytes, limit)?;
    }
    if let (Some(labels), Some(path)) = (&mut labels, labels_path)
        && bounded::is_gzip(labels)
    {
        *labels = bounded::unzipped(path, labels, limit)?;
    }
    Ok(Opened { bytes, kind, labels, hash })
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes of .{} ({})", self.bytes.len(), self.kind, crate::document::short(&self.hash))
    }
}

impl Opened {
    /// Samples that were handed over in memory, as the bytes of two .npy files.
    pub fn of_arrays(features: Vec<u8>, labels: Vec<u8>) -> Self {
        let hash = crate::record::stamp([&features, &labels]);
        Self { bytes: features, kind: "npy".to_owned(), labels: Some(labels), hash }
    }

    /// The bytes of the file of features, and those of the file of labels where there is one.
    pub fn bytes(&self) -> (&[u8], Option<&[u8]>) {
        (&self.bytes, self.labels.as_deref())
    }

    /// A hash of the content of all files.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The samples, as [`read`] finds them.
    ///
    /// # Errors
    /// As [`read`].
    pub fn parse(&self, args: &FileArgs) -> Result<OwnData, StoreError> {
        let found = parse(args, &self.bytes, &self.kind, self.labels.as_deref())?;
        chosen(args, found, &crate::document::short(&self.hash))
    }
}

/// The samples as an experiment takes them: scaled, in float32, of the chosen classes, permuted.
fn chosen(args: &FileArgs, found: Samples, hash: &str) -> Result<OwnData, StoreError> {
    let Samples { features, mut shape, labels: y, numbers, classes, feature_names, order, bytes, mut notes } = found;
    let divisor = f64::from(args.divide_by.unwrap_or(1));
    let features: Vec<f64> = if divisor == 1.0 { features } else { features.iter().map(|x| x / divisor).collect() };
    let mut single: Vec<f32> = features.iter().map(|&x| x as f32).collect();
    // A quotient that float32 rounds as PyTorch's own division does is no news.
    let rounded = divisor == 1.0 && features.iter().zip(&single).any(|(&x, &s)| x.to_bits() != f64::from(s).to_bits());
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
    if bytes && args.divide_by.is_none() && !args.standardize {
        notes.push(format!("features of {name} are bytes, 0 to 255, and are taken as they are, not divided by 255"));
    }
    if args.channels_last {
        shape = channels_first(&mut single, &shape, args)?;
        notes.push(format!("the channels of images, the last axis of {name}, are taken to the front, as in PyTorch"));
    }
    let mut data = Dataset {
        features: single,
        shape,
        labels: y,
        others: None,
        n_classes: classes.len(),
        source: format!("{name} ({hash})"),
    };
    if let Some(numbers) = numbers {
        data.n_classes = args.num_classes.unwrap_or(numbers.width);
        data.others = Some(others(args, numbers)?);
        if args.class_list.is_some() || args.random {
            return Err(DataError::NoClasses { from: data.source }.into());
        }
        return Ok(OwnData { data, classes: vec![], feature_names, rounded, notes });
    }
    let data = data.chosen(args)?;
    let classes = match &args.class_list {
        Some(list) => list.iter().filter_map(|&class| classes.get(class).cloned()).collect(),
        None => classes,
    };
    let further = (classes.len()..data.n_classes).map(|class| class.to_string());
    let classes: Vec<String> = classes.iter().cloned().chain(further).collect();
    notes.extend(order_of(&classes, order));
    Ok(OwnData { data, classes, feature_names, rounded, notes })
}

/// Labels that are no classes of samples: numbers, or classes of positions.
fn others(args: &FileArgs, Numbers { values, width }: Numbers) -> Result<Targets, StoreError> {
    let layout = match args.targets {
        Some(TargetForm::Positions) => PositionLayout::ClassesLast,
        Some(TargetForm::PositionsClassesFirst) => PositionLayout::ClassesFirst,
        _ => return Ok(Targets::Real { values, outputs: width }),
    };
    let ignored = args.ignore_index.map(|index| index as f64);
    let class = |&value: &f64| match value {
        value if Some(value) == ignored => Some(Targets::IGNORED),
        value if value.fract() == 0.0 && (0.0..1e9).contains(&value) => Some(value as usize),
        _ => None,
    };
    let classes: Option<Vec<usize>> = values.iter().map(class).collect();
    let classes = classes.ok_or_else(|| {
        let place = values.iter().position(|value| class(value).is_none()).unwrap_or_default();
        StoreError::Content {
            path: args.labels_path.as_ref().unwrap_or(&args.path).into(),
            found: format!(
                "without a class at position {} of sample {}: {}",
                place % width,
                place / width,
                values[place]
            ),
            wanted: "the number of a class, from 0, at every position".into(),
            mend: "give the label that the loss ignores, if that is one".into(),
        }
    })?;
    Ok(Targets::Positions { classes, positions: width, layout })
}

/// A sentence about the order of classes that have other names than their numbers, or whose labels were read by a rule.
fn order_of(classes: &[String], order: ClassOrder) -> Option<String> {
    let named = classes.iter().enumerate().any(|(i, name)| *name != i.to_string());
    if order == ClassOrder::Index || !named && order != ClassOrder::OneHot {
        return None;
    }
    let mut listed: Vec<String> =
        classes.iter().take(LISTED).enumerate().map(|(i, name)| format!("{i} is {}", shown(name))).collect();
    if classes.len() > LISTED {
        listed.push(format!("... ({} more)", classes.len() - LISTED));
    }
    Some(format!("{}: {}", order.words(), listed.join(", ")))
}

/// Takes images of [height, width, channels] to [channels, height, width], the order of PyTorch; returns that shape.
fn channels_first(features: &mut [f32], shape: &[usize], args: &FileArgs) -> Result<Vec<usize>, StoreError> {
    let &[height, width, channels] = shape else {
        return Err(StoreError::Content {
            path: args.path.clone().into(),
            found: format!("an array of samples with {} axes each", shape.len()),
            wanted: "images of [height, width, channels]".into(),
            mend: "say that channels are last of images only".into(),
        });
    };
    let pixels = height * width;
    for image in features.chunks_exact_mut((pixels * channels).max(1)) {
        let old = image.to_vec();
        for (place, &value) in old.iter().enumerate() {
            image[place % channels * pixels + place / channels] = value;
        }
    }
    Ok(vec![channels, height, width])
}

/// Refuses options that say nothing of a file of this kind.
fn applies(args: &FileArgs, kind: &str) -> Result<(), StoreError> {
    let given = [
        (FileOption::LabelsPath, args.labels_path.is_some()),
        (FileOption::FeaturesKey, args.features_key.is_some()),
        (FileOption::LabelsKey, args.labels_key.is_some()),
        (FileOption::LabelColumn, args.label_column.is_some()),
        (FileOption::Header, args.header.is_some()),
        (FileOption::Drop, args.drop.is_some()),
    ];
    let known: &[FileOption] = match kind {
        "npz" => &[FileOption::FeaturesKey, FileOption::LabelsKey],
        "csv" | "tsv" => &[FileOption::LabelColumn, FileOption::Header, FileOption::Drop],
        "parquet" => &[FileOption::LabelColumn, FileOption::Drop],
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
        drop: args.drop.iter().flatten().map(column).collect(),
        header: args.header,
        class_names: args.class_names.clone(),
        limit: Some(limit(args)),
        n_classes: args.num_classes.filter(|_| args.class_list.is_none()),
        targets: match args.targets.unwrap_or_default() {
            TargetForm::Classes => TargetKind::Classes,
            TargetForm::Numbers => TargetKind::Numbers,
            TargetForm::Positions | TargetForm::PositionsClassesFirst => TargetKind::Positions,
        },
        more_label_columns: args.more_label_columns.iter().flatten().map(column).collect(),
        ignore_index: args.ignore_index,
    };
    let pair = || {
        let labels_origin = args.labels_path.as_deref().unwrap_or_default();
        labels.map(|labels| (labels, labels_origin)).ok_or_else(|| StoreError::NoLabels { path: origin.into() })
    };
    let format = |found: Result<Samples, FormatError>| found.map_err(StoreError::from);
    match kind {
        "npz" => format(samples::npz(bytes, origin, &options)),
        "csv" if bounded::is_gzip(bytes) => format(samples::csv_from(GzDecoder::new(bytes), origin, &options)),
        "tsv" if bounded::is_gzip(bytes) => format(samples::tsv_from(GzDecoder::new(bytes), origin, &options)),
        "csv" => format(samples::csv(bytes, origin, &options)),
        "tsv" => format(samples::tsv(bytes, origin, &options)),
        "parquet" => format(samples::parquet(bytes, origin, &options)),
        "npy" => {
            let (labels, labels_origin) = pair()?;
            format(samples::npy_pair([bytes, labels], [origin, labels_origin], &options))
        }
        _ if bytes.starts_with(&[0, 0]) => {
            let (labels, labels_origin) = pair()?;
            format(samples::idx_pair([bytes, labels], [origin, labels_origin], &options))
        }
        _ => Err(StoreError::Content {
            path: origin.into(),
            found: "a file of another kind".into(),
            wanted: ".npz, .npy, .csv, .tsv, .parquet, or IDX".into(),
            mend: "convert it, e.g. by numpy.savez(\"data.npz\", X=X, y=y)".into(),
        }),
    }
}

/// The file's kind: its ending in small letters, without `.gz`.
fn kind(path: &str) -> String {
    let lower = path.to_ascii_lowercase();
    let bare = lower.strip_suffix(".gz").unwrap_or(&lower);
    Path::new(bare).extension().map_or_else(String::new, |e| e.to_string_lossy().into_owned())
}

/// The most bytes to which the files of samples, and the network that is studied with them, may unpack.
pub fn limit(args: &FileArgs) -> usize {
    args.max_gib.map_or(DEFAULT_LIMIT, |gib| usize::try_from(u64::from(gib) << 30).unwrap_or(usize::MAX))
}
