//! Reads the golden files that NumPy, scikit-learn and PyTorch wrote.
#![allow(dead_code, missing_docs, unreachable_pub)]

pub mod cases;
pub mod compare;
pub mod hyper_dual;
pub mod images;
pub mod networks;
pub mod operators;
pub mod plans;
pub mod textbook;

use std::{cell::RefCell, fs::File, io::BufReader, path::PathBuf};

pub fn golden_path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/golden").join(file)
}

/// An array of a golden file in C order.
#[derive(Clone, Debug)]
pub struct Array {
    pub shape: Vec<usize>,
    pub values: Vec<f64>,
}

impl Array {
    pub fn scalar(&self) -> f64 {
        assert_eq!(self.values.len(), 1, "not a scalar: {:?}", self.shape);
        self.values[0]
    }
    pub fn f32(&self) -> Vec<f32> {
        self.values.iter().map(|&v| v as f32).collect()
    }
    pub fn usize(&self) -> Vec<usize> {
        self.values.iter().map(|&v| v as usize).collect()
    }
}

pub struct Golden(RefCell<npyz::npz::NpzArchive<BufReader<File>>>, String);

impl Golden {
    pub fn open(name: &str) -> Self {
        let path = golden_path(&format!("{name}.npz"));
        Self(
            RefCell::new(npyz::npz::NpzArchive::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))),
            name.into(),
        )
    }

    /// The array `key` as f64 (float32 is exact; integers are up to 2^53: see [`Golden::i64`]).
    pub fn get(&self, key: &str) -> Array {
        let mut archive = self.0.borrow_mut();
        let npy = archive.by_name(key).unwrap().unwrap_or_else(|| panic!("{}.npz has no {key}", self.1));
        let shape: Vec<usize> = npy.shape().iter().map(|&n| n as usize).collect();
        let column_major = npy.order() == npyz::Order::Fortran && shape.len() > 1;
        let npyz::DType::Plain(t) = npy.dtype() else { panic!("{key}: {:?}", npy.dtype()) };
        let values: Vec<f64> = match (t.type_char(), t.size_field()) {
            (npyz::TypeChar::Float, 8) => npy.into_vec::<f64>().unwrap(),
            (npyz::TypeChar::Float, 4) => npy.into_vec::<f32>().unwrap().into_iter().map(f64::from).collect(),
            (npyz::TypeChar::Int, 8) => npy.into_vec::<i64>().unwrap().into_iter().map(|v| v as f64).collect(),
            other => panic!("{key}: {other:?}"),
        };
        if column_major {
            assert_eq!(shape.len(), 2, "{key}");
            let (rows, columns) = (shape[0], shape[1]);
            let c_order = (0..rows * columns).map(|i| values[i / columns + rows * (i % columns)]).collect();
            return Array { shape, values: c_order };
        }
        Array { shape, values }
    }

    /// The int64 array `key`, exactly.
    pub fn i64(&self, key: &str) -> Vec<i64> {
        let mut archive = self.0.borrow_mut();
        archive.by_name(key).unwrap().unwrap_or_else(|| panic!("{}.npz has no {key}", self.1)).into_vec().unwrap()
    }
}

/// A float32 tensor of a safetensors file.
pub fn safetensor(file: &str, name: &str) -> (Vec<usize>, Vec<f32>) {
    let bytes = std::fs::read(golden_path(file)).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let t = tensors.tensor(name).unwrap_or_else(|e| panic!("{file}: {name}: {e}"));
    assert_eq!(t.dtype(), safetensors::Dtype::F32);
    let values = t.data().as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
    (t.shape().to_vec(), values)
}
