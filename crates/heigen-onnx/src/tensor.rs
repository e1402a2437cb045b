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

/// The kind of the numbers of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    Float,
    Integer,
    /// Truth values, as 0 and 1.
    Bool,
}

impl Element {
    /// The kind that a number of onnx.proto stands for.
    pub(crate) fn of(kind: i32) -> Option<Self> {
        use data_type as t;
        Some(match kind {
            t::BOOL => Self::Bool,
            t::INT8 | t::INT16 | t::INT32 | t::INT64 | t::UINT8 | t::UINT16 | t::UINT32 | t::UINT64 => Self::Integer,
            kind if data_type::is_float(kind) => Self::Float,
            _ => return None,
        })
    }
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tensor {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Rc<[f64]>,
    pub(crate) precision: Precision,
    pub(crate) element: Element,
}

/// The number of numbers that may still be made from constants. It begins in proportion to the length of the file, so that
/// no graph, however it is made, takes more memory.
#[derive(Debug)]
pub(crate) struct Budget(usize);

impl Budget {
    /// A budget for a graph, whose shapes and masks are computed from small constants, for a file of `length` bytes.
    pub(crate) fn of_graph(length: usize) -> Self {
        Self(length.saturating_mul(16).saturating_add(1 << 23))
    }

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
    /// Integers in a list.
    pub(crate) fn integers(values: impl IntoIterator<Item = i64>) -> Self {
        let values: Rc<[f64]> = values.into_iter().map(|n| n as f64).collect();
        Self { shape: vec![values.len()], values, precision: Precision::Double, element: Element::Integer }
    }

    /// Takes a number in single precision for the one that it was rounded from, if that is plain: a short decimal, or a
    /// root of a whole number, such as the 1 / sqrt(d) of attention.
    pub(crate) fn exact(&mut self) {
        if self.element == Element::Float && self.precision == Precision::Single && self.values.len() == 1 {
            self.values = [unrounded(self.values[0])].into();
        }
    }

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
            error(format!("it has the shape {}; expected at most {MOST_AXES} sizes of 0 or more", list(&proto.dims)))
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
        let element = Element::of(proto.data_type).unwrap_or(Element::Float);
        Ok(Self { shape, values, precision, element })
    }
}

/// The number that somebody meant who wrote `single`, a number in single precision, if that can be told.
pub(crate) fn unrounded(single: f64) -> f64 {
    const LARGEST: f64 = 65_536.0;
    const LONGEST: usize = 8;
    let rounded = single as f32;
    if f64::from(rounded) != single || !single.is_finite() || single == 0.0 {
        return single;
    }
    let decimal = rounded.abs().to_string();
    if decimal.bytes().filter(u8::is_ascii_digit).count() < LONGEST {
        return rounded.to_string().parse().unwrap_or(single);
    }
    let size = single.abs();
    let (square, fourth) = (size * size, size.powi(4));
    let candidates = [
        (square.recip().round(), -0.5),
        (square.round(), 0.5),
        (fourth.recip().round(), -0.25),
        (size.recip().round(), -1.0),
    ];
    let of = |&(whole, power): &(f64, f64)| match power {
        -0.5 => whole.sqrt().recip(),
        0.5 => whole.sqrt(),
        -0.25 => whole.sqrt().sqrt().recip(),
        _ => whole.recip(),
    };
    let mut plain = candidates.iter().filter(|(whole, _)| (1.0..=LARGEST).contains(whole)).map(of);
    let two_over_pi = (2.0 / std::f64::consts::PI).sqrt();
    let found =
        plain.find(|v| *v as f32 == rounded.abs()).or((two_over_pi as f32 == rounded.abs()).then_some(two_over_pi));
    found.map_or(single, |v| v.copysign(single))
}

fn shape(dims: &[i64]) -> Option<Vec<usize>> {
    if dims.len() > MOST_AXES {
        return None;
    }
    dims.iter().map(|&d| usize::try_from(d).ok()).collect()
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
        data_type::UINT8 => Dtype::UInt8,
        data_type::INT8 => Dtype::Int8,
        data_type::UINT16 => Dtype::UInt16,
        data_type::INT16 => Dtype::Int16,
        data_type::UINT32 => Dtype::UInt32,
        data_type::UINT64 => Dtype::UInt64,
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
    fn numbers_that_were_rounded_are_told() {
        let meant =
            [0.1, 0.044_715, 1e-5, 8.0_f64.sqrt().recip(), 2.0_f64.sqrt(), 8.0_f64.powf(-0.25), 1.0 / 3.0, -0.5];
        for number in meant.into_iter().chain([(2.0 / std::f64::consts::PI).sqrt()]) {
            let got = unrounded(f64::from(number as f32));
            assert!((got - number).abs() <= 1e-16 * number.abs().max(1.0), "{number}: {got}");
        }
        for number in [0.123_456_789_f32, 3.402_823_5e38, f32::NEG_INFINITY] {
            assert_eq!(unrounded(f64::from(number)), f64::from(number));
        }
    }

    #[test]
    fn a_budget_is_spent_once() {
        let mut budget = Budget::of_file(0);
        assert!(budget.spend(1 << 16, String::new).is_ok());
        assert_eq!(budget.spend(1, || "x".into()), Err(OnnxError::TooLarge { place: "x".into() }));
    }
}
