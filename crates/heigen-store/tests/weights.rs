//! Weights: round trips, `PyTorch`'s own files, and files that are refused.

mod common;

use std::collections::BTreeMap;
use std::fs;

use common::{files, golden, shown};
use heigen_store::weights::{NamedTensor, load, load_f64, save};
use insta::assert_snapshot;
use proptest::prelude::*;

fn tensor(name: &str, shape: &[usize], values: &[f32]) -> NamedTensor {
    NamedTensor { name: name.into(), shape: shape.to_vec(), values: values.to_vec() }
}

fn three() -> Vec<NamedTensor> {
    vec![
        tensor("z.weight", &[2, 3], &[1.0, -2.0, 0.5, f32::MIN_POSITIVE, f32::MAX, -0.0]),
        tensor("a.bias", &[2], &[3.0, 4.0]),
        tensor("scale", &[], &[7.0]),
    ]
}

fn metadata() -> BTreeMap<String, String> {
    ["b", "a", "c"].map(|key| (key.to_owned(), format!("value of {key}"))).into()
}

#[test]
fn tensors_come_back_in_their_order_and_the_bytes_are_always_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let [first, second] = ["1", "2"].map(|name| dir.path().join(name));
    save(&first, &three(), &metadata()).unwrap();
    save(&second, &three(), &metadata()).unwrap();
    assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
    let back = load(&first).unwrap();
    assert_eq!((back.tensors, back.metadata), (three(), metadata()));
    assert!(back.skipped.is_empty() && back.rounded.is_empty());
    let wide = load_f64(&first).unwrap();
    assert_eq!(wide.tensors[1].values, [3.0, 4.0]);
    save::<f32>(&first, &[], &BTreeMap::new()).unwrap();
    assert!(load(&first).unwrap().tensors.is_empty());
}

#[test]
fn the_library_of_the_format_reads_our_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("w");
    save(&path, &three(), &metadata()).unwrap();
    let bytes = fs::read(&path).unwrap();
    assert_eq!((u64::from_le_bytes(bytes[..8].try_into().unwrap())) % 8, 0);
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let view = file.tensor("z.weight").unwrap();
    assert_eq!((view.dtype(), view.shape()), (safetensors::Dtype::F32, [2, 3].as_slice()));
    assert_eq!(&view.data()[..4], 1.0_f32.to_le_bytes());
}

#[test]
fn checkpoints_of_pytorch_are_read() {
    let weights = load(&golden("gauss_30_ce.safetensors")).unwrap();
    let mut shapes: Vec<(&str, Vec<usize>)> =
        weights.tensors.iter().map(|t| (t.name.as_str(), t.shape.clone())).collect();
    shapes.sort();
    assert_eq!(
        shapes,
        [
            ("fc1.bias", vec![30]),
            ("fc1.weight", vec![30, 2]),
            ("fc2.bias", vec![30]),
            ("fc2.weight", vec![30, 30]),
            ("fc3.bias", vec![3]),
            ("fc3.weight", vec![3, 30]),
        ]
    );
    let mut read = 0;
    for entry in fs::read_dir(golden("")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "safetensors") {
            let tensors = load(&path).unwrap().tensors;
            assert!(tensors.iter().all(|t| t.values.len() == t.shape.iter().product::<usize>()));
            assert!(tensors.iter().flat_map(|t| &t.values).all(|value| value.is_finite()));
            read += 1;
        }
    }
    assert!(read >= 9, "{read}");
}

#[test]
fn other_types_are_converted_skipped_or_told() {
    let header = r#"{"half":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},"brain":{"dtype":"BF16","shape":[1],"data_offsets":[2,4]},"wide":{"dtype":"F64","shape":[1],"data_offsets":[4,12]},"num_batches_tracked":{"dtype":"I64","shape":[],"data_offsets":[12,20]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.bytes());
    bytes.extend(0x3555_u16.to_le_bytes()); // 0.333251953125
    bytes.extend(0x3eab_u16.to_le_bytes()); // 0.333984375
    bytes.extend((1.0_f64 / 3.0).to_le_bytes());
    bytes.extend(5_i64.to_le_bytes());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("w");
    fs::write(&path, bytes).unwrap();
    let narrow = load(&path).unwrap();
    let values: Vec<f32> = narrow.tensors.iter().map(|t| t.values[0]).collect();
    assert_eq!(values, [0.333_251_95, 0.333_984_38, 1.0 / 3.0]);
    assert_eq!((narrow.rounded, narrow.skipped), (vec!["wide".to_owned()], vec!["num_batches_tracked".to_owned()]));
    let wide = load_f64(&path).unwrap();
    assert_eq!(wide.tensors[2].values, [1.0 / 3.0]);
    assert!(wide.rounded.is_empty());
}

#[test]
fn files_that_hold_no_weights_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("w.safetensors");
    save(&path, &three(), &metadata()).unwrap();
    let sound = fs::read(&path).unwrap();
    let cases = [
        ("empty", vec![]),
        ("five bytes", sound[..5].to_vec()),
        ("half a header", sound[..40].to_vec()),
        ("the last byte missing", sound[..sound.len() - 1].to_vec()),
        ("one byte more", [sound.as_slice(), &[0]].concat()),
        ("text", b"not weights at all, but text".to_vec()),
        ("a header that is no JSON", [8_u64.to_le_bytes().as_slice(), b"no json!"].concat()),
        ("PyTorch's zip", b"PK\x03\x04 and so on".to_vec()),
    ];
    let mut lines = cases
        .map(|(what, bytes)| {
            fs::write(&path, bytes).unwrap();
            format!("{what}\n    {}", shown(&load(&path).unwrap_err(), dir.path()))
        })
        .to_vec();
    lines.push(shown(&load(&dir.path().join("absent")).unwrap_err(), dir.path()));
    lines.push(shown(&load(dir.path()).unwrap_err(), dir.path()));
    assert_snapshot!("files_that_hold_no_weights", lines.join("\n"));
}

#[test]
fn tensors_that_make_no_file_are_refused_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("w");
    let cases = [
        vec![tensor("a", &[2], &[1.0])],
        vec![tensor("a", &[1], &[1.0]), tensor("a", &[1], &[2.0])],
        vec![tensor("__metadata__", &[1], &[1.0])],
        vec![tensor("a", &[usize::MAX, 2], &[1.0])],
    ];
    let lines = cases.map(|tensors| shown(&save(&path, &tensors, &BTreeMap::new()).unwrap_err(), dir.path()));
    assert_snapshot!("tensors_that_make_no_file", lines.join("\n"));
    assert!(files(dir.path()).is_empty());
}

proptest! {
    #[test]
    fn no_damage_makes_the_reader_panic(cut in 0_usize..400, at in 0_usize..400, byte: u8) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("w");
        save(&path, &three(), &metadata()).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[at.min(last)] = byte;
        bytes.truncate(last.saturating_sub(cut) + 1);
        fs::write(&path, bytes).unwrap();
        let _ = load(&path);
    }
}
