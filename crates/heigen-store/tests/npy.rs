//! Arrays: round trips, agreement with another reader, and files that are refused.

mod common;

use std::fs;

use common::{files, shown};
use heigen_store::npy::{Array, Order, read, read_shaped, write, write_parts};
use insta::assert_snapshot;
use proptest::prelude::*;

#[test]
fn arrays_come_back_bit_for_bit() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.npy");
    let doubles = vec![0.0, -0.0, f64::MIN_POSITIVE, f64::MAX, f64::INFINITY, 1.0 / 3.0];
    for order in [Order::C, Order::Fortran] {
        write(&path, &[2, 3], order, &doubles).unwrap();
        let back = read::<f64>(&path).unwrap();
        assert_eq!((back.shape, back.order), (vec![2, 3], order));
        assert!(back.values.iter().zip(&doubles).all(|(a, b)| a.to_bits() == b.to_bits()));
    }
    write(&path, &[], Order::C, &[i64::MIN]).unwrap();
    assert_eq!(read::<i64>(&path).unwrap(), Array { shape: vec![], order: Order::C, values: vec![i64::MIN] });
    write::<f32>(&path, &[0, 5], Order::C, &[]).unwrap();
    assert!(read_shaped::<f32>(&path, &[0, 5]).unwrap().values.is_empty());
    let long: Vec<f32> = (0..60_001_u16).map(f32::from).collect();
    write(&path, &[long.len()], Order::C, &long).unwrap();
    assert_eq!(read::<f32>(&path).unwrap().values, long);
}

#[test]
fn columns_are_written_one_by_one_and_read_in_any_order() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.npy");
    let columns = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]];
    write_parts(&path, &[2, 3], Order::Fortran, columns.iter().map(<[f64; 2]>::as_slice)).unwrap();
    let array = read::<f64>(&path).unwrap();
    assert_eq!(array.values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let rows = array.into_c_order();
    assert_eq!((rows.order, rows.values), (Order::C, vec![1.0, 3.0, 5.0, 2.0, 4.0, 6.0]));
    let cube = Array { shape: vec![2, 2, 2], order: Order::Fortran, values: vec![0, 1, 2, 3, 4, 5, 6, 7] };
    assert_eq!(cube.into_c_order().values, [0, 4, 2, 6, 1, 5, 3, 7]);
}

#[test]
fn another_reader_sees_the_same_array() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.npy");
    write(&path, &[3, 2], Order::Fortran, &[1.5_f32, 2.5, 3.5, 4.5, 5.5, 6.5]).unwrap();
    let bytes = fs::read(&path).unwrap();
    assert_eq!((&bytes[..8], bytes.len()), (b"\x93NUMPY\x01\x00".as_slice(), 128 + 24));
    let file = npyz::NpyFile::new(&bytes[..]).unwrap();
    assert_eq!((file.shape(), file.order()), ([3, 2].as_slice(), npyz::Order::Fortran));
    assert_eq!(file.into_vec::<f32>().unwrap(), [1.5, 2.5, 3.5, 4.5, 5.5, 6.5]);
}

#[test]
fn another_writers_array_is_read() {
    use npyz::WriterBuilder;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.npy");
    let mut bytes = Vec::new();
    let mut writer = npyz::WriteOptions::new().default_dtype().shape(&[2, 2]).writer(&mut bytes).begin_nd().unwrap();
    writer.extend([1_i64, 2, 3, 4]).unwrap();
    writer.finish().unwrap();
    fs::write(&path, bytes).unwrap();
    assert_eq!(read_shaped::<i64>(&path, &[2, 2]).unwrap().values, [1, 2, 3, 4]);
}

#[test]
fn files_that_are_no_such_array_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.npy");
    write(&path, &[2, 3], Order::C, &[1.0_f64; 6]).unwrap();
    let sound = fs::read(&path).unwrap();
    let header = |text: &str| {
        let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        bytes.extend(format!("{text:<117}\n").bytes());
        bytes
    };
    let with = |at: usize, byte: u8| {
        let mut bytes = sound.clone();
        bytes[at] = byte;
        bytes
    };
    let huge = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }";
    let overflowing = "{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296, 9), }";
    let cases = [
        ("empty", vec![]),
        ("three bytes", sound[..3].to_vec()),
        ("half a header", sound[..60].to_vec()),
        ("half the data", sound[..150].to_vec()),
        ("one byte more", [sound.as_slice(), &[0]].concat()),
        ("text", b"not an array at all".to_vec()),
        ("version 9", with(6, 9)),
        ("version 2 claiming 4 GB of header", b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec()),
        ("a terabyte claimed", header(huge)),
        ("more than can be counted claimed", header(overflowing)),
        ("big-endian", header("{'descr': '>f8', 'fortran_order': False, 'shape': (0,), }")),
        ("float32", header("{'descr': '<f4', 'fortran_order': False, 'shape': (0,), }")),
        ("records", header("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (0,), }")),
        ("objects", header("{'descr': '|O', 'fortran_order': False, 'shape': (0,), }")),
    ];
    let lines = cases.map(|(what, bytes)| {
        fs::write(&path, bytes).unwrap();
        format!("{what}\n    {}", shown(&read::<f64>(&path).unwrap_err(), dir.path()))
    });
    let mut lines = lines.to_vec();
    fs::write(&path, &sound).unwrap();
    lines.push(shown(&read_shaped::<f64>(&path, &[3, 2]).unwrap_err(), dir.path()));
    lines.push(shown(&read::<f64>(&dir.path().join("absent.npy")).unwrap_err(), dir.path()));
    assert_snapshot!("files_that_are_no_such_array", lines.join("\n"));
}

#[test]
fn a_shape_that_does_not_fit_leaves_the_old_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.npy");
    write(&path, &[1], Order::C, &[1_i64]).unwrap();
    let few = write(&path, &[2, 3], Order::C, &[1_i64; 5]).unwrap_err();
    let none = write(&path, &[usize::MAX, 2], Order::C, &[1_i64]).unwrap_err();
    assert_snapshot!("shapes_that_do_not_fit", [few, none].map(|e| shown(&e, dir.path())).join("\n"));
    assert_eq!(read::<i64>(&path).unwrap().values, [1]);
    assert_eq!(files(dir.path()), ["a.npy"]);
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), magic: bool) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.npy");
        if magic {
            bytes.splice(0..0, *b"\x93NUMPY\x01\x00");
        }
        fs::write(&path, bytes).unwrap();
        prop_assert!(read::<f64>(&path).is_err());
    }

    #[test]
    fn no_damage_to_a_header_makes_the_reader_panic(at in 0_usize..128, byte: u8) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.npy");
        write(&path, &[2, 3], Order::C, &[1.0_f64; 6]).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] = byte;
        fs::write(&path, bytes).unwrap();
        let _ = read::<f64>(&path);
    }
}
