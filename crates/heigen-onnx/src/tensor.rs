//! Constants: from the bytes of a tensor to numbers, with a bound on how many.

use crate::error::{OnnxError, list, quote};
use crate::proto::{TensorProto, data_type};
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

/// How many more numbers may be made. What a file makes is bounded by its length, whatever its graph does.
#[derive(Debug)]
pub(crate) struct Budget(usize);

impl Budget {
    /// For a file of `length` bytes. A weight of two bytes is decoded, transposed and scaled at most a few times.
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
        if proto.data_location != 0 || !proto.external_data.is_empty() {
            return Err(OnnxError::External { name });
        }
        let shape = shape(&proto.dims).ok_or_else(|| {
            error(format!("it has the shape {}; expected at most {MOST_AXES} sizes of 1 or more", list(&proto.dims)))
        })?;
        let claimed = shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d));
        let holds = stored(proto).ok_or_else(|| error(format!("numbers of type {} are not read", proto.data_type)))?;
        let bytes = proto.raw_data.as_ref().map_or(0, bytes::Bytes::len);
        if width(proto.data_type).is_some_and(|width| !bytes.is_multiple_of(width)) {
            return Err(error(format!("its {bytes} bytes end in the middle of a number")));
        }
        if claimed != Some(holds) {
            return Err(error(format!("it has the shape {shape:?}, but {holds} numbers")));
        }
        budget.spend(holds, || format!("tensor {name}"))?;
        let values: Rc<[f64]> = numbers(proto).into();
        let precision = match proto.data_type {
            data_type::FLOAT16 | data_type::BFLOAT16 => Precision::Half,
            data_type::FLOAT => Precision::Single,
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

/// Bytes of one number in `raw_data`.
fn width(kind: i32) -> Option<usize> {
    Some(match kind {
        data_type::FLOAT | data_type::INT32 => 4,
        data_type::DOUBLE | data_type::INT64 => 8,
        data_type::FLOAT16 | data_type::BFLOAT16 => 2,
        _ => return None,
    })
}

/// How many numbers the tensor holds; `None` for a type that is not read.
fn stored(proto: &TensorProto) -> Option<usize> {
    let width = width(proto.data_type)?;
    if let Some(raw) = &proto.raw_data {
        return Some(raw.len() / width);
    }
    Some(match proto.data_type {
        data_type::FLOAT => proto.float_data.len(),
        data_type::DOUBLE => proto.double_data.len(),
        data_type::INT64 => proto.int64_data.len(),
        _ => proto.int32_data.len(),
    })
}

fn numbers(proto: &TensorProto) -> Vec<f64> {
    let kind = proto.data_type;
    if let Some(raw) = &proto.raw_data {
        return match kind {
            data_type::FLOAT => words(raw, |w| f64::from(f32::from_le_bytes(w))),
            data_type::DOUBLE => words(raw, f64::from_le_bytes),
            data_type::INT64 => words(raw, |w| i64::from_le_bytes(w) as f64),
            data_type::INT32 => words(raw, |w| f64::from(i32::from_le_bytes(w))),
            data_type::BFLOAT16 => words(raw, |w| bfloat16(u16::from_le_bytes(w))),
            _ => words(raw, |w| float16(u16::from_le_bytes(w))),
        };
    }
    let half = |convert: fn(u16) -> f64| proto.int32_data.iter().map(|&bits| convert(bits as u16)).collect();
    match kind {
        data_type::FLOAT => proto.float_data.iter().copied().map(f64::from).collect(),
        data_type::DOUBLE => proto.double_data.clone(),
        data_type::INT64 => proto.int64_data.iter().map(|&n| n as f64).collect(),
        data_type::FLOAT16 => half(float16),
        data_type::BFLOAT16 => half(bfloat16),
        _ => proto.int32_data.iter().copied().map(f64::from).collect(),
    }
}

fn words<const N: usize>(raw: &[u8], convert: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    raw.as_chunks::<N>().0.iter().map(|&word| convert(word)).collect()
}

fn bfloat16(bits: u16) -> f64 {
    f64::from(f32::from_bits(u32::from(bits) << 16))
}

/// The value of a number in IEEE 754's binary16.
fn float16(bits: u16) -> f64 {
    let sign = if bits >> 15 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2.0_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2.0_f64.powi(exponent - 25),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_numbers_have_their_values() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333251953125),
            (0x0001, 5.960464477539063e-8),
            (0x7bff, 65504.0),
            (0x7c00, f64::INFINITY),
            (0x8000, 0.0),
        ] {
            assert_eq!(float16(bits), value, "{bits:#x}");
        }
        assert!(float16(0x7e00).is_nan());
        assert_eq!(bfloat16(0x3fc0), 1.5);
    }

    #[test]
    fn a_budget_is_spent_once() {
        let mut budget = Budget::of_file(0);
        assert!(budget.spend(1 << 16, String::new).is_ok());
        assert_eq!(budget.spend(1, || "x".into()), Err(OnnxError::TooLarge { place: "x".into() }));
    }
}
