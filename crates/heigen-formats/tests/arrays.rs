//! NumPy's arrays: every type and order, and what broken ones do.
#![allow(missing_docs)]

mod common;

use common::{archive, floats, integers, npy, texts};
use heigen_formats::npy::{AnyArray, any_array, array};
use heigen_formats::{DEFAULT_LIMIT, Dtype, state_dict};
use npyz::WriterBuilder;

fn reason(bytes: &[u8]) -> String {
    array(bytes, "x.npy").unwrap_err().to_string()
}

#[test]
fn every_type_in_both_byte_orders() {
    let bytes: Vec<u8> = (1..=16).collect();
    let cases = [
        ("b1", Dtype::Bool),
        ("i1", Dtype::Int8),
        ("i2", Dtype::Int16),
        ("i4", Dtype::Int32),
        ("i8", Dtype::Int64),
        ("u1", Dtype::UInt8),
        ("u2", Dtype::UInt16),
        ("u4", Dtype::UInt32),
        ("u8", Dtype::UInt64),
        ("f2", Dtype::Float16),
        ("f4", Dtype::Float32),
        ("f8", Dtype::Float64),
    ];
    for (name, dtype) in cases {
        let shape = format!("({},)", 16 / dtype.size());
        let little = array(&npy(&format!("<{name}"), false, &shape, &bytes), "x").unwrap();
        assert_eq!((little.dtype, little.values.len()), (dtype, 16 / dtype.size()));
        let swapped: Vec<u8> = bytes.chunks(dtype.size()).flat_map(|n| n.iter().rev().copied()).collect();
        assert_eq!(array(&npy(&format!(">{name}"), false, &shape, &swapped), "x").unwrap(), little);
    }
    let one = |descr, content| array(&npy(descr, false, "()", content), "x").unwrap();
    assert_eq!((one("|b1", &[1]).values, one("|b1", &[1]).shape), (vec![1.0], vec![]));
    assert_eq!(one(">f4", &[0x3f, 0x80, 0, 0]).values, [1.0]);
}

#[test]
fn columns_first_becomes_rows_first() {
    let fortran: Vec<u8> = (0..24).collect();
    let read = array(&npy("|u1", true, "(2, 3, 4)", &fortran), "x").unwrap();
    let wanted: Vec<f64> =
        (0..2).flat_map(|i| (0..3).flat_map(move |j| (0..4).map(move |k| f64::from(i + 2 * j + 6 * k)))).collect();
    assert_eq!((read.shape, read.values), (vec![2, 3, 4], wanted));
    let row = array(&npy("|u1", true, "(1, 4)", &[1, 2, 3, 4]), "x").unwrap();
    assert_eq!(row.values, [1.0, 2.0, 3.0, 4.0]);
    assert!(array(&npy("|u1", true, "(1000000000000, 0)", &[]), "x").unwrap().values.is_empty());
}

#[test]
fn all_three_versions_and_another_writer() {
    let body = b"{'descr': '<i2', 'fortran_order': False, 'shape': (2,)}";
    let length = u8::try_from(body.len()).unwrap();
    for (version, width) in [(1, 2), (2, 4), (3, 4)] {
        let mut bytes = [b"\x93NUMPY", &[version, 0, length][..], &vec![0; width - 1], body].concat();
        bytes.extend([7, 0, 8, 0]);
        assert_eq!(array(&bytes, "x").unwrap().values, [7.0, 8.0]);
    }
    let mut bytes = Vec::new();
    let options = npyz::WriteOptions::new().default_dtype().shape(&[2, 2]).order(npyz::Order::Fortran);
    let mut writer = options.writer(&mut bytes).begin_nd().unwrap();
    writer.extend([1.0f32, 2.0, 3.0, 4.0]).unwrap();
    writer.finish().unwrap();
    assert_eq!(array(&bytes, "x").unwrap().values, [1.0, 3.0, 2.0, 4.0]);
}

#[test]
fn texts_are_read_without_their_filling() {
    let AnyArray::Texts { shape, values } = any_array(&texts(&["a", "", "größer"]), "x").unwrap() else { panic!() };
    assert_eq!((shape, values), (vec![3], vec!["a".to_owned(), String::new(), "größer".to_owned()]));
    let big = npy(">U1", false, "()", &[0, 0, 0, b'x']);
    assert_eq!(any_array(&big, "x").unwrap(), AnyArray::Texts { shape: vec![], values: vec!["x".to_owned()] });
    assert!(any_array(&npy("<U1", false, "()", &[0, 0xd8, 0, 0]), "x").is_err(), "no code point");
}

#[test]
fn broken_arrays_are_refused_with_the_reason() {
    let mut version = floats("(1,)", &[1.0]);
    version[6] = 9;
    let reasons = [
        reason(b""),
        reason(b"PK\x03\x04"),
        reason(&floats("(1,)", &[1.0])[..7]),
        reason(&floats("(1,)", &[1.0])[..20]),
        reason(&version),
        reason(&floats("(3,)", &[1.0, 2.0])),
        reason(&floats("(1000000, 1000000)", &[1.0, 2.0])),
        reason(&floats("(1000000000000, 1000000000000)", &[])),
        reason(&floats("(-1,)", &[])),
        reason(&npy("|O", false, "(1,)", b"\x80\x04N.")),
        reason(&npy("<c16", false, "(1,)", &[0; 16])),
        reason(&npy("<M8[ns]", false, "(1,)", &[0; 8])),
        reason(&npy("<U1", false, "(1,)", &[0; 4])),
        reason(b"\x93NUMPY\x01\x00\x3c\x00{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}xxxx"),
        any_array(&npy("<U0", false, "(1000000000000,)", b""), "x.npy").unwrap_err().to_string(),
    ];
    insta::assert_snapshot!(reasons.join("\n"));
}

#[test]
fn an_archive_of_arrays_is_a_state_dictionary() {
    let bytes = archive(
        &[
            ("0.weight.npy", &floats("(1, 2)", &[1.0, 2.0])),
            ("steps.npy", &integers("()", &[7])),
            ("names.npy", &texts(&["a"])),
            ("block/bias.npy", &npy("<f2", false, "(1,)", &[0, 0x3c])),
            ("README", b"text"),
        ],
        true,
    );
    let found = state_dict::npz(&bytes, "w.npz", DEFAULT_LIMIT).unwrap();
    let tensors = found.tensors.iter().zip(&found.dtypes);
    let names: Vec<_> = tensors.map(|(t, &dtype)| (&*t.name, t.shape.clone(), t.values.clone(), dtype)).collect();
    let weight = ("0.weight", vec![1, 2], vec![1.0, 2.0], Dtype::Float64);
    assert_eq!(names, [weight, ("block/bias", vec![1], vec![1.0], Dtype::Float16)]);
    assert_eq!(found.skipped, ["steps", "names", "README"]);
    let refused = |bytes: &[u8]| state_dict::npz(bytes, "w.npz", DEFAULT_LIMIT).unwrap_err().to_string();
    let mut broken = bytes.clone();
    broken[60] ^= 0xff;
    let zeros = npy("|u1", false, "(70000000,)", &vec![0; 70_000_000]);
    let reasons = [
        refused(b"\x93NUMPY"),
        refused(&bytes[..100]),
        refused(&archive(&[], false)),
        refused(&archive(&[("y.npy", &integers("()", &[7]))], false)),
        refused(&archive(&[("y.npy", b"no array")], false)),
        refused(&archive(&[("y.npy", &npy("|O", false, "()", b"\x80\x04N."))], false)),
        // 70 MB of zeros in less than 100 kB.
        refused(&archive(&[("x.npy", &zeros)], true)),
    ];
    insta::assert_snapshot!(reasons.join("\n"));
    assert!(state_dict::npz(&broken, "w.npz", DEFAULT_LIMIT).is_err());
}
