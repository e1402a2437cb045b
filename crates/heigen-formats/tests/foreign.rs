//! Files that PyTorch, `NumPy` and pandas wrote, and what they hold.
#![allow(missing_docs)]

mod common;

use common::foreign;
use heigen_formats::samples::{self, Column, SampleOptions, Samples};
use heigen_formats::state_dict::{self, StateDict};
use heigen_formats::{DEFAULT_LIMIT, Dtype, FormatError};

fn pytorch(file: &str) -> Result<StateDict, FormatError> {
    state_dict::pytorch(&foreign(file), file, None, DEFAULT_LIMIT)
}

#[test]
fn views_of_every_type_are_read_through_their_strides() {
    let found = pytorch("noncontiguous.pt").unwrap();
    let wanted: serde_json::Value = serde_json::from_slice(&foreign("noncontiguous.json")).unwrap();
    let wanted = wanted.as_object().unwrap();
    for (name, wanted) in wanted {
        if wanted["dtype"].as_str().unwrap().starts_with("int") {
            assert!(found.skipped.contains(name), "{name}");
            continue;
        }
        let (tensor, dtype) = found.tensors.iter().zip(&found.dtypes).find(|(tensor, _)| tensor.name == *name).unwrap();
        let shape: Vec<usize> = serde_json::from_value(wanted["shape"].clone()).unwrap();
        let mut values = Vec::new();
        flatten(&wanted["values"], &mut values);
        assert_eq!((&tensor.shape, &tensor.values), (&shape, &values), "{name}");
        assert_eq!(format!("{dtype:?}").to_lowercase(), wanted["dtype"].as_str().unwrap());
    }
    assert_eq!(found.tensors.len() + found.skipped.len(), wanted.len());
    assert_eq!(found.dtypes.len(), found.tensors.len());
}

fn flatten(value: &serde_json::Value, numbers: &mut Vec<f64>) {
    match value {
        serde_json::Value::Array(parts) => parts.iter().for_each(|part| flatten(part, numbers)),
        number => numbers.push(number.as_f64().unwrap()),
    }
}

#[test]
fn the_same_weights_in_two_formats() {
    let pt = pytorch("moons_tanh.pt").unwrap();
    let npz = state_dict::npz(&foreign("weights.npz"), "weights.npz", DEFAULT_LIMIT).unwrap();
    assert_eq!(pt, npz);
    let names: Vec<&str> = pt.tensors.iter().map(|tensor| &*tensor.name).collect();
    assert_eq!(names, ["0.weight", "0.bias", "2.weight", "2.bias"]);
    assert!(pt.dtypes.iter().all(|&dtype| dtype == Dtype::Float32));
}

#[test]
fn counters_of_batches_are_skipped() {
    let found = pytorch("digits_batchnorm.pth").unwrap();
    assert!(!found.skipped.is_empty() && found.skipped.iter().all(|name| name.ends_with("num_batches_tracked")));
    assert!(found.tensors.iter().any(|tensor| tensor.name.ends_with("running_var")));
}

#[test]
fn what_is_more_or_older_than_weights_is_refused() {
    let texts = ["whole_module.pt", "malicious.pt", "legacy.pt"].map(|file| pytorch(file).unwrap_err().to_string());
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn samples_of_every_format() {
    let options = SampleOptions::default();
    let summary = |samples: Result<Samples, FormatError>| {
        let Samples { features, shape, labels, classes, .. } = samples.unwrap();
        assert_eq!(features.len(), labels.len() * shape.iter().product::<usize>());
        (labels.len(), shape, classes.len())
    };
    let read = |file: &str| samples::npz(&foreign(file), file, &options);
    assert_eq!(summary(read("moons.npz")), (400, vec![2], 2));
    assert_eq!(summary(read("digits.npz")), (90, vec![1, 8, 8], 3));
    let arrays = ["blobs_X.npy", "blobs_y.npy"];
    let blobs = samples::npy_pair([&foreign(arrays[0]), &foreign(arrays[1])], arrays, &SampleOptions::default());
    assert_eq!(summary(blobs), (120, vec![5], 3));
    let files = ["digits-images.idx3-ubyte", "digits-labels.idx1-ubyte"];
    let digits = samples::idx_pair([&foreign(files[0]), &foreign(files[1])], files, &SampleOptions::default());
    assert_eq!(summary(digits), (20, vec![8, 8], 10));
}

#[test]
fn a_table_is_the_same_in_text_and_parquet() {
    let options = SampleOptions::default();
    let csv = samples::csv(&foreign("iris.csv"), "iris.csv", &options).unwrap();
    assert_eq!(samples::parquet(&foreign("iris.parquet"), "iris.parquet", &options).unwrap(), csv);
    assert_eq!(csv.classes, ["setosa", "versicolor", "virginica"]);
    assert_eq!(csv.feature_names, ["sepal_length", "sepal_width", "petal_length", "petal_width"]);
    assert_eq!((&csv.features[..4], csv.labels[0], csv.labels[149]), (&[5.1, 3.5, 1.4, 0.2][..], 0, 2));
    let named = SampleOptions { label_column: Some(Column::Name("species".to_owned())), ..options };
    assert_eq!(samples::csv(&foreign("iris.csv"), "iris.csv", &named).unwrap(), csv);
}
