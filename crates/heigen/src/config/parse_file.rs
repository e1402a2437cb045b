//! The arguments of a data set in a file of the user.

use serde_json::Value;

use super::fields::Fields;
use super::{ConfigError, FileArgs, TargetForm};

/// The largest number of classes that is accepted.
const MAX_CLASSES: u64 = 10_000;
/// The largest number of outputs that is accepted; those of all positions of a sample count.
const MAX_OUTPUTS: u64 = 1_000_000;
/// The largest limit of memory that is accepted, in GiB.
const MAX_GIB: u64 = 1 << 20;

pub(super) fn file(set: &Fields<'_>, default_seed: u64) -> Result<FileArgs, ConfigError> {
    let args = set.args(&[
        "path",
        "labels_path",
        "features_key",
        "labels_key",
        "label_column",
        "more_label_columns",
        "drop",
        "header",
        "divide_by",
        "channels_last",
        "standardize",
        "class_names",
        "class_list",
        "max_gib",
        "random",
        "seed",
        "num_classes",
        "targets",
        "ignore_index",
    ])?;
    let path = text(&args, "path")?
        .ok_or_else(|| args.missing("path", "a data file: .npz, .npy, .csv, .tsv, .parquet or IDX"))?;
    let wanted = "a list of different classes, at least one";
    let class_list = given(&args, "class_list", || {
        let list = args.list("class_list", 0, MAX_CLASSES, None, wanted)?;
        let repeated = list.iter().enumerate().any(|(i, class)| list[..i].contains(class));
        if list.is_empty() || repeated { Err(args.invalid("class_list", wanted)) } else { Ok(list) }
    })?;
    let seed = args.whole("seed", 0, u64::from(u32::MAX), Some(default_seed))?;
    Ok(FileArgs {
        path,
        labels_path: text(&args, "labels_path")?,
        features_key: text(&args, "features_key")?,
        labels_key: text(&args, "labels_key")?,
        label_column: column(&args)?,
        more_label_columns: texts(&args, "more_label_columns", "a list of columns, by name")?,
        drop: texts(&args, "drop", "a list of columns, by name or by number")?,
        divide_by: number(&args, "divide_by", u64::from(u32::MAX))?,
        channels_last: args.truth("channels_last", false)?,
        class_names: texts(&args, "class_names", "a list of different labels, one for each class")?,
        max_gib: number(&args, "max_gib", MAX_GIB)?,
        header: given(&args, "header", || args.truth("header", false))?,
        standardize: args.truth("standardize", false)?,
        class_list,
        random: args.truth("random", false)?,
        seed: u32::try_from(seed).map_err(|_| args.invalid("seed", "a whole number below 2^32"))?,
        num_classes: given(&args, "num_classes", || args.count("num_classes", 1, MAX_OUTPUTS, None))?,
        targets: given(&args, "targets", || args.choice("targets", &TargetForm::ALL.map(|f| (f.name(), f)), None))?,
        ignore_index: args
            .get("ignore_index")
            .map(|value| value.as_i64().ok_or_else(|| args.invalid("ignore_index", "a whole number")))
            .transpose()?,
    })
}

/// The value that `read` returns where the key is there; `None` where it is not.
fn given<T>(
    args: &Fields<'_>,
    key: &str,
    read: impl FnOnce() -> Result<T, ConfigError>,
) -> Result<Option<T>, ConfigError> {
    args.get(key).map(|_| read()).transpose()
}

fn text(args: &Fields<'_>, key: &str) -> Result<Option<String>, ConfigError> {
    match args.get(key) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
        Some(_) => Err(args.invalid(key, "a text that is not empty")),
    }
}

/// Reads a whole number from 1 to `most`.
fn number(args: &Fields<'_>, key: &str, most: u64) -> Result<Option<u32>, ConfigError> {
    let read = given(args, key, || args.whole(key, 1, most, None))?;
    Ok(read.and_then(|number| u32::try_from(number).ok()))
}

/// Reads a list of different texts; numbers count as texts.
fn texts(args: &Fields<'_>, key: &str, wanted: &str) -> Result<Option<Vec<String>>, ConfigError> {
    let text = |value: &Value| match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) if number.is_i64() => Some(number.to_string()),
        _ => None,
    };
    let read = match args.get(key) {
        None => return Ok(None),
        Some(Value::Array(list)) => list.iter().map(text).collect::<Option<Vec<_>>>(),
        Some(_) => None,
    };
    let read = read.filter(|list| !list.is_empty() && !list.iter().enumerate().any(|(i, t)| list[..i].contains(t)));
    read.map(Some).ok_or_else(|| args.invalid(key, wanted))
}

/// Reads the name or the number of a column.
fn column(args: &Fields<'_>) -> Result<Option<String>, ConfigError> {
    match args.get("label_column") {
        Some(Value::Number(place)) if place.is_i64() => Ok(Some(place.to_string())),
        _ => text(args, "label_column"),
    }
}
