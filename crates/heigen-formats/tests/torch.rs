//! Files of torch.save: where their weights are, and what broken or malicious ones do.
#![allow(missing_docs)]

mod common;

use common::pickle::{dictionary, int, parameter, tensor, text, whole};
use common::{archive, f32s, foreign, torch};
use heigen_formats::state_dict::{StateDict, pytorch};
use heigen_formats::{DEFAULT_LIMIT, Dtype, FormatError};
use proptest::prelude::*;

fn floats(key: &str, n: i64) -> Vec<u8> {
    tensor("FloatStorage", key, n, 0, &[n], &[1])
}

fn read(value: &[u8]) -> Result<StateDict, FormatError> {
    pytorch(
        &torch(value, &[("0", &f32s(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])), ("1", &[7, 0, 0, 0, 0, 0, 0, 0])]),
        "m.pt",
        None,
        DEFAULT_LIMIT,
    )
}

fn reason(value: &[u8]) -> String {
    read(value).unwrap_err().to_string()
}

fn names(found: &StateDict) -> Vec<&str> {
    found.tensors.iter().map(|tensor| &*tensor.name).collect()
}

#[test]
fn strides_and_offsets_are_respected() {
    let view = |offset, shape: &[i64], strides: &[i64]| tensor("FloatStorage", "0", 6, offset, shape, strides);
    let found = read(&dictionary(
        &[
            ("plain", view(0, &[2, 3], &[3, 1])),
            ("transposed", view(0, &[3, 2], &[1, 3])),
            ("column", view(1, &[2], &[3])),
            ("expanded", view(5, &[2, 2], &[0, 0])),
            ("scalar", view(4, &[], &[])),
            ("empty", view(0, &[0, 1_000_000_000_000], &[1, 1])),
            ("single", view(2, &[1, 2], &[i64::MAX, 1])),
            ("parameter", parameter(view(3, &[1], &[1]))),
            ("count", tensor("LongStorage", "1", 1, 0, &[], &[])),
        ],
        true,
    ))
    .unwrap();
    let values: Vec<&[f64]> = found.tensors.iter().map(|tensor| &*tensor.values).collect();
    let wanted: [&[f64]; 8] = [
        &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0],
        &[2.0, 5.0],
        &[6.0; 4],
        &[5.0],
        &[],
        &[3.0, 4.0],
        &[4.0],
    ];
    assert_eq!(values, wanted);
    assert!(found.tensors[4].shape.is_empty());
    assert_eq!(found.skipped, ["count"]);
}

#[test]
fn every_storage_and_both_byte_orders() {
    let cases = [
        ("DoubleStorage", Some(Dtype::Float64), 8),
        ("FloatStorage", Some(Dtype::Float32), 4),
        ("HalfStorage", Some(Dtype::Float16), 2),
        ("BFloat16Storage", Some(Dtype::BFloat16), 2),
        ("LongStorage", None, 8),
        ("IntStorage", None, 4),
        ("ShortStorage", None, 2),
        ("CharStorage", None, 1),
        ("ByteStorage", None, 1),
        ("BoolStorage", None, 1),
    ];
    for (class, dtype, size) in cases {
        let found = read(&dictionary(
            &[("w", tensor(class, "1", 8 / size, 0, &[8 / size], &[1])), ("x", floats("0", 6))],
            false,
        ));
        let found = found.unwrap();
        match dtype {
            Some(dtype) => assert_eq!((found.dtypes[0], &*found.tensors[0].name), (dtype, "w")),
            None => assert_eq!(found.skipped, ["w"]),
        }
    }
    let pickle = whole(&dictionary(&[("w", floats("0", 1))], false));
    let big = archive(
        &[("a/data.pkl", &pickle), ("a/byteorder", b"big"), ("a/data/0", &1.5f32.to_be_bytes()), ("a/version", b"3")],
        true,
    );
    assert_eq!(pytorch(&big, "m.pt", None, DEFAULT_LIMIT).unwrap().tensors[0].values, [1.5]);
    let before_byteorder = archive(&[("archive/data.pkl", &pickle), ("archive/data/0", &f32s(&[2.5]))], false);
    assert_eq!(pytorch(&before_byteorder, "m.pt", None, DEFAULT_LIMIT).unwrap().tensors[0].values, [2.5]);
}

#[test]
fn weights_are_found_beside_other_entries() {
    let weights = || dictionary(&[("w", floats("0", 6)), ("b", floats("0", 6))], true);
    let momentum = dictionary(&[("momentum_buffer", floats("0", 6))], false);
    let optimizer = || {
        dictionary(
            &[("state", dictionary(&[("0", momentum.clone())], false)), ("lr", b"G?\xf0\0\0\0\0\0\0".to_vec())],
            false,
        )
    };
    for wrapper in ["state_dict", "model_state_dict", "model", "net"] {
        let whole = dictionary(
            &[("epoch", int(3)), ("optimizer", optimizer()), (wrapper, weights()), ("ema", weights())],
            false,
        );
        assert_eq!(names(&read(&whole).unwrap()), ["w", "b"], "{wrapper}");
    }
    let other = dictionary(&[("epoch", int(3)), ("my_weights", weights()), ("optimizer", optimizer())], false);
    assert_eq!(names(&read(&other).unwrap()), ["w", "b"], "the only dictionary of tensors");
    let arguments = b"cargparse\nNamespace\n)\x81}X\x02\x00\x00\x00lrK\x01sb".to_vec();
    let beside = dictionary(&[("args", arguments), ("state_dict", weights()), ("best", floats("0", 6))], false);
    assert_eq!(names(&read(&beside).unwrap()), ["w", "b"]);
    let mixed = read(&dictionary(&[("w", floats("0", 6)), ("epoch", int(3))], false)).unwrap();
    assert_eq!((names(&mixed), &mixed.skipped), (vec!["w"], &vec!["epoch".to_owned()]));
    let metadata = [dictionary(&[("w", floats("0", 6))], true), b"}X\x09\x00\x00\x00_metadata}sb".to_vec()].concat();
    assert_eq!(names(&read(&metadata).unwrap()), ["w"]);
}

#[test]
fn what_is_no_state_dictionary_is_refused_with_the_reason() {
    let weights = || dictionary(&[("w", floats("0", 6))], true);
    let wide = |offset, shape: &[i64], strides: &[i64]| {
        reason(&dictionary(&[("w", tensor("FloatStorage", "0", 6, offset, shape, strides))], false))
    };
    let raw = |bytes: &[u8]| pytorch(bytes, "m.pt", None, DEFAULT_LIMIT).unwrap_err().to_string();
    let script = archive(&[("m/data.pkl", b"N."), ("m/constants.pkl", b"N."), ("m/code/m.py", b"")], false);
    let reasons = [
        reason(&floats("0", 6)),
        reason(b"]"),
        reason(b"}"),
        reason(&dictionary(&[("epoch", int(3)), ("loss", int(4))], false)),
        reason(&dictionary(&[("encoder", weights()), ("decoder", weights())], false)),
        reason(&dictionary(&[("w", tensor("FloatStorage", "9", 6, 0, &[6], &[1]))], false)),
        reason(&dictionary(&[("w", tensor("FloatStorage", "0", 7, 0, &[6], &[1]))], false)),
        reason(&dictionary(&[("w", tensor("ComplexFloatStorage", "0", 3, 0, &[3], &[1]))], false)),
        reason(&dictionary(&[("w", b"ctorch._utils\n_rebuild_tensor_v2\n)R".to_vec())], false)),
        wide(1, &[6], &[1]),
        wide(0, &[2, 3], &[i64::MAX, 1]),
        wide(0, &[1_000_000, 1_000_000], &[0, 0]),
        wide(0, &[i64::MAX, i64::MAX], &[0, 0]),
        wide(0, &[-1], &[1]),
        reason(&text("only a text")[..5]),
        raw(b""),
        raw(b"\x80\x02}."),
        raw(&archive(&[("x.npy", b"")], false)),
        raw(&script),
        raw(&archive(&[("m/data.pkl", b"}."), ("m/byteorder", b"both")], false)),
    ];
    insta::assert_snapshot!(reasons.join("\n"));
}

#[test]
fn nothing_is_executed() {
    let marker = std::env::temp_dir().join(format!("heigen-formats-{}", std::process::id()));
    let command = text(&format!("touch {}", marker.display()));
    let attacks: [(&str, Vec<u8>); 7] = [
        ("os.system", [b"cos\nsystem\n".to_vec(), command.clone(), b"\x85R".to_vec()].concat()),
        ("builtins.eval", [b"\x8c\x08builtins\x8c\x04eval\x93".to_vec(), command.clone(), b"\x85R".to_vec()].concat()),
        ("torch.load", [b"ctorch\nload\n".to_vec(), command.clone(), b"\x85R".to_vec()].concat()),
        (
            "torch.serialization.load",
            [b"ctorch.serialization\nload\n".to_vec(), command.clone(), b"\x85R".to_vec()].concat(),
        ),
        ("subprocess.Popen", [b"(".to_vec(), command.clone(), b"isubprocess\nPopen\n".to_vec()].concat()),
        ("torch._utils._rebuild_tensor_v2.__globals__", b"ctorch._utils\n_rebuild_tensor_v2.__globals__\n".to_vec()),
        ("builtins.getattr", b"cbuiltins\ngetattr\n(ctorch\nSize\nX\x04\x00\x00\x00exectR".to_vec()),
    ];
    for (name, attack) in attacks {
        // Alone, as an entry beside good weights, and as the name of a storage.
        let good = [b"}(".to_vec(), text("w"), floats("0", 6), text("x"), attack.clone(), b"u".to_vec()].concat();
        for value in [attack.clone(), good, [attack, b"Q".to_vec()].concat()] {
            match read(&value).unwrap_err() {
                FormatError::Call { name: refused, .. } => assert_eq!(refused, name),
                // The name of a storage is no value of its own.
                FormatError::Holds { .. } if value.ends_with(b"Q") => {}
                other => panic!("{other}"),
            }
        }
    }
    // Known names with arguments that they never have: kept, not called.
    let strange = dictionary(
        &[("w", floats("0", 6)), ("x", [b"ctorch\ndevice\n".to_vec(), command, b"\x85R".to_vec()].concat())],
        false,
    );
    assert_eq!(read(&strange).unwrap().skipped, ["x"]);
    assert!(!marker.exists());
}

#[test]
fn bombs_cost_what_their_bytes_do() {
    let deep = [
        b"}(".to_vec(),
        text("w"),
        floats("0", 6),
        text("x"),
        b"]".repeat(1_000_000),
        b"a".repeat(999_999),
        b"u".to_vec(),
    ];
    assert_eq!(names(&read(&deep.concat()).unwrap()), ["w"]);
    let wide = [text("w"), b"N".to_vec(), b"22\x87".repeat(200_000)].concat();
    assert!(read(&[b"}(", &wide[..], b"u"].concat()).is_err());
    // One dictionary of many entries under many names is looked through once.
    let many = [b"}(".to_vec(), [text("k"), b"N".to_vec()].concat().repeat(20_000), b"uq\x000}(".to_vec()].concat();
    let names: Vec<u8> = (0..20_000).flat_map(|i| [text(&i.to_string()), b"h\x00".to_vec()].concat()).collect();
    assert!(reason(&[&many[..], &names, b"u"].concat()).contains("no tensors"));
    // One storage as many tensors: more elements than the file has bytes for.
    let one = [floats("0", 6), b"q\x000".to_vec()].concat();
    let storage = f32s(&vec![0.5; 100_000]);
    let names: Vec<u8> = (0..1000).flat_map(|i| [text(&i.to_string()), b"h\x00".to_vec()].concat()).collect();
    let one = [&tensor("FloatStorage", "0", 100_000, 0, &[100_000], &[1])[..], &one[one.len() - 3..]].concat();
    let error =
        pytorch(&torch(&[&one[..], b"}(", &names, b"u"].concat(), &[("0", &storage)]), "m.pt", None, DEFAULT_LIMIT)
            .unwrap_err();
    assert!(error.to_string().contains("more than the file has bytes for"), "{error}");
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let made = torch(&dictionary(&[("w", floats("0", 2))], true), &[("0", &f32s(&[1.0, 2.0]))]);
    for whole in [made, foreign("moons_tanh.pt")] {
        for cut in 0..whole.len() {
            assert!(pytorch(&whole[..cut], "m.pt", None, DEFAULT_LIMIT).is_err(), "{cut} bytes");
        }
    }
    // The pickle alone, in an archive that is whole.
    let value = dictionary(&[("w", floats("0", 6)), ("b", parameter(floats("0", 6)))], true);
    for cut in 0..value.len() - 1 {
        assert!(read(&value[..cut]).is_err(), "{cut} bytes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_files_are_answered(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        for file in ["noncontiguous.pt", "digits_batchnorm.pth"] {
            let mut bytes = foreign(file);
            for (place, byte) in &changes {
                let place = place.index(bytes.len());
                bytes[place] = *byte;
            }
            let _ = pytorch(&bytes, "m.pt", None, DEFAULT_LIMIT);
        }
    }

    /// Inside of an archive whose checksums are right.
    #[test]
    fn changed_pickles_are_answered(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut value = dictionary(&[("w", floats("0", 6)), ("b", parameter(floats("0", 6))), ("n", int(5))], true);
        for (place, byte) in &changes {
            let place = place.index(value.len());
            value[place] = *byte;
        }
        if let Ok(found) = read(&value) {
            for tensor in found.tensors {
                prop_assert_eq!(tensor.values.len(), tensor.shape.iter().product::<usize>());
            }
        }
    }
}
