//! Makes small files of every format.
#![allow(dead_code, unreachable_pub)]

use std::io::{Cursor, Write};
use std::path::PathBuf;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A file that another program wrote.
pub fn foreign(file: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/foreign").join(file);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A seed of a fuzz target.
pub fn seed(target: &str, name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target).join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A zip archive of these entries.
pub fn archive(entries: &[(&str, &[u8])], compressed: bool) -> Vec<u8> {
    let method = if compressed { CompressionMethod::Deflated } else { CompressionMethod::Stored };
    let options = SimpleFileOptions::default().compression_method(method);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// An array with this dictionary.
pub fn npy(descr: &str, fortran: bool, shape: &str, content: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    let text = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\x00", &u16::try_from(text.len()).unwrap().to_le_bytes()[..], text.as_bytes(), content].concat()
}

/// An array of float64.
pub fn floats(shape: &str, values: &[f64]) -> Vec<u8> {
    npy("<f8", false, shape, &values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>())
}

/// An array of int64.
pub fn integers(shape: &str, values: &[i64]) -> Vec<u8> {
    npy("<i8", false, shape, &values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>())
}

/// An array of texts.
pub fn texts(values: &[&str]) -> Vec<u8> {
    let points = values.iter().map(|v| v.chars().count()).max().unwrap();
    let mut content = Vec::new();
    for value in values {
        let padded = value.chars().chain(std::iter::repeat('\0')).take(points);
        content.extend(padded.flat_map(|c| u32::from(c).to_le_bytes()));
    }
    npy(&format!("<U{points}"), false, &format!("({},)", values.len()), &content)
}

/// Pieces of a pickle in protocol 2.
pub mod pickle {
    /// A text.
    pub fn text(text: &str) -> Vec<u8> {
        [b"X", &u32::try_from(text.len()).unwrap().to_le_bytes()[..], text.as_bytes()].concat()
    }

    /// An integer.
    pub fn int(n: i64) -> Vec<u8> {
        [b"\x8a\x08", &n.to_le_bytes()[..]].concat()
    }

    /// A tuple of integers.
    pub fn ints(values: &[i64]) -> Vec<u8> {
        [b"(".to_vec(), values.iter().flat_map(|&n| int(n)).collect(), b"t".to_vec()].concat()
    }

    /// A dictionary, or an ordered one.
    pub fn dictionary(entries: &[(&str, Vec<u8>)], ordered: bool) -> Vec<u8> {
        let mut bytes = if ordered { b"ccollections\nOrderedDict\n)R(".to_vec() } else { b"}(".to_vec() };
        for (key, value) in entries {
            bytes.extend(text(key));
            bytes.extend(value);
        }
        bytes.push(b'u');
        bytes
    }

    /// A tensor in storage `key` of `length` elements.
    pub fn tensor(class: &str, key: &str, length: i64, offset: i64, shape: &[i64], strides: &[i64]) -> Vec<u8> {
        let mut bytes = b"ctorch._utils\n_rebuild_tensor_v2\n((".to_vec();
        bytes.extend(text("storage"));
        bytes.extend(format!("ctorch\n{class}\n").into_bytes());
        bytes.extend([text(key), text("cpu"), int(length), b"tQ".to_vec()].concat());
        bytes.extend([int(offset), ints(shape), ints(strides)].concat());
        bytes.extend(b"\x89ccollections\nOrderedDict\n)RtR");
        bytes
    }

    /// A parameter.
    pub fn parameter(tensor: Vec<u8>) -> Vec<u8> {
        [b"ctorch._utils\n_rebuild_parameter\n(".to_vec(), tensor, b"\x88ccollections\nOrderedDict\n)RtR".to_vec()]
            .concat()
    }

    /// The whole pickle.
    pub fn whole(value: &[u8]) -> Vec<u8> {
        [b"\x80\x02", value, b"."].concat()
    }
}

/// A file of torch.save: its pickled value and storages.
pub fn torch(value: &[u8], storages: &[(&str, &[u8])]) -> Vec<u8> {
    let pickle = pickle::whole(value);
    let names: Vec<String> = storages.iter().map(|(key, _)| format!("m/data/{key}")).collect();
    let mut entries: Vec<(&str, &[u8])> = vec![("m/data.pkl", &pickle), ("m/byteorder", b"little")];
    entries.extend(names.iter().zip(storages).map(|(name, &(_, content))| (name.as_str(), content)));
    archive(&entries, false)
}

/// float32 as bytes.
pub fn f32s(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}
