//! The arguments of a data set in a file of the user.

use serde_json::Value;

use super::fields::Fields;
use super::{ConfigError, FileArgs};

/// The largest number of classes that is accepted.
const MAX_CLASSES: u64 = 10_000;

pub(super) fn file(set: &Fields<'_>, default_seed: u64) -> Result<FileArgs, ConfigError> {
    let args = set.args(&[
        "path",
        "labels_path",
        "features_key",
        "labels_key",
        "label_column",
        "header",
        "standardize",
        "class_list",
        "random",
        "seed",
        "class_names",
        "num_classes",
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
        header: given(&args, "header", || args.truth("header", false))?,
        standardize: args.truth("standardize", false)?,
        class_list,
        random: args.truth("random", false)?,
        seed: u32::try_from(seed).map_err(|_| args.invalid("seed", "a whole number below 2^32"))?,
        class_names: given(&args, "class_names", || class_names(&args))?,
        num_classes: given(&args, "num_classes", || args.count("num_classes", 1, MAX_CLASSES, None))?,
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

/// Reads the labels of the classes: different texts, at least one.
fn class_names(args: &Fields<'_>) -> Result<Vec<String>, ConfigError> {
    let names = args.get("class_names").and_then(Value::as_array);
    let names = names.and_then(|names| names.iter().map(|name| name.as_str().map(str::to_owned)).collect());
    let different = |names: &Vec<String>| {
        let all: std::collections::HashSet<&String> = names.iter().collect();
        !names.is_empty() && names.len() as u64 <= MAX_CLASSES && all.len() == names.len()
    };
    names.filter(different).ok_or_else(|| args.invalid("class_names", "a list of different texts, at least one"))
}

fn text(args: &Fields<'_>, key: &str) -> Result<Option<String>, ConfigError> {
    match args.get(key) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
        Some(_) => Err(args.invalid(key, "a text that is not empty")),
    }
}

/// Reads the name or the number of a column.
fn column(args: &Fields<'_>) -> Result<Option<String>, ConfigError> {
    match args.get("label_column") {
        Some(Value::Number(place)) if place.is_i64() => Ok(Some(place.to_string())),
        _ => text(args, "label_column"),
    }
}
