//! Constants: from the bytes of a tensor to numbers, with a bound on how many.

use crate::error::{OnnxError, list, quote};
use crate::proto::{TensorProto, data_type};
use heigen_formats::{ByteOrder, Dtype};
use std::rc::Rc;

/// Most axes of a tensor.
pub(crate) const MOST_AXES: usize = 8;

/// How exactly the file holds the numbers of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precision {
    /// 16 bits, float16 or bfloat16.
    Half,
    /// 32 bits.
    Single,
    /// 64 bits; also numbers that the import computed.
    Double,
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tensor {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Rc<[f64]>,
    pub(crate) precision: Precision,
}

/// The number of numbers that may still be made from constants. It begins in proportion to the length of the file, so that
/// no graph, however it is made, takes more memory.
#[derive(Debug)]
pub(crate) struct Budget(usize);

impl Budget {
    /// The budget for a file of `length` bytes: enough to decode, transpose and scale every weight of two bytes.
    pub(crate) fn of_file(length: usize) -> Self {
        Self(length.saturating_mul(8).saturating_add(1 << 16))
    }

    pub(crate) fn spend(&mut self, numbers: usize, place: impl FnOnce() -> String) -> Result<(), OnnxError> {
        self.0 = self.0.checked_sub(numbers).ok_or_else(|| OnnxError::TooLarge { place: place() })?;
        Ok(())
    }
}

impl Tensor {
    pub(crate) fn is_scalar(&self) -> bool {
        self.values.len() == 1
    }

    /// Reads a tensor; the numbers must be as many as its shape says.
    pub(crate) fn decode(proto: &TensorProto, name: &str, budget: &mut Budget) -> Result<Self, OnnxError> {
        let name = quote(name);
        let error = |problem: String| OnnxError::Tensor { name: name.clone(), problem };
        if proto.data_location != 0 {
            let problem = "only initializers are read from other files".to_owned();
            return Err(OnnxError::External { name, file: quote(""), problem });
        }
        let shape = shape(&proto.dims).ok_or_else(|| {
            error(format!("it has the shape {}; expected at most {MOST_AXES} sizes of 1 or more", list(&proto.dims)))
        })?;
        let claimed = shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d));
        let dtype = element(proto.data_type)
            .ok_or_else(|| error(format!("numbers of type {} are not read", proto.data_type)))?;
        let holds = count(proto, dtype);
        let bytes = proto.raw_data.as_ref().map_or(0, bytes::Bytes::len);
        if !bytes.is_multiple_of(dtype.size()) {
            return Err(error(format!("its {bytes} bytes end in the middle of a number")));
        }
        if claimed != Some(holds) {
            return Err(error(format!("it has the shape {shape:?}, but {holds} numbers")));
        }
        budget.spend(holds, || format!("tensor {name}"))?;
        let values: Rc<[f64]> = numbers(proto, dtype).into();
        let precision = match dtype {
            Dtype::Float16 | Dtype::BFloat16 => Precision::Half,
            Dtype::Float32 => Precision::Single,
            _ => Precision::Double,
        };
        Ok(Self { shape, values, precision })
    }
}

fn shape(dims: &[i64]) -> Option<Vec<usize>> {
    if dims.len() > MOST_AXES {
        return None;
    }
    dims.iter().map(|&d| usize::try_from(d).ok().filter(|&d| d > 0)).collect()
}

/// The element type that a number of onnx.proto stands for; none for types that are not read.
fn element(data_type: i32) -> Option<Dtype> {
    Some(match data_type {
        data_type::FLOAT => Dtype::Float32,
        data_type::DOUBLE => Dtype::Float64,
        data_type::INT32 => Dtype::Int32,
        data_type::INT64 => Dtype::Int64,
        data_type::FLOAT16 => Dtype::Float16,
        data_type::BFLOAT16 => Dtype::BFloat16,
        data_type::BOOL => Dtype::Bool,
        _ => return None,
    })
}

/// How many numbers of type `dtype` the tensor holds.
fn count(proto: &TensorProto, dtype: Dtype) -> usize {
    if let Some(raw) = &proto.raw_data {
        return raw.len() / dtype.size();
    }
    match dtype {
        Dtype::Float32 => proto.float_data.len(),
        Dtype::Float64 => proto.double_data.len(),
        Dtype::Int64 => proto.int64_data.len(),
        _ => proto.int32_data.len(),
    }
}

fn numbers(proto: &TensorProto, dtype: Dtype) -> Vec<f64> {
    if let Some(raw) = &proto.raw_data {
        return dtype.decode_all(raw, ByteOrder::LeastFirst);
    }
    match dtype {
        Dtype::Float32 => proto.float_data.iter().copied().map(f64::from).collect(),
        Dtype::Float64 => proto.double_data.clone(),
        Dtype::Int64 => proto.int64_data.iter().map(|&n| n as f64).collect(),
        // All others stand in fields of 32 bits, those of 16 bits in the lower half.
        _ => proto.int32_data.iter().map(|n| dtype.decode(&n.to_le_bytes(), ByteOrder::LeastFirst)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_once() {
        let mut budget = Budget::of_file(0);
        assert!(budget.spend(1 << 16, String::new).is_ok());
        assert_eq!(budget.spend(1, || "x".into()), Err(OnnxError::TooLarge { place: "x".into() }));
    }
}
