//! Element types and their bytes. The only conversion of float16 and bfloat16 in the workspace is here.

use half::{bf16, f16};

/// The type of the numbers in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Dtype {
    Bool,
    Int8,
    Int16,
    Int32,
    Int64,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    Float8E4M3,
    Float8E5M2,
    Float16,
    BFloat16,
    Float32,
    Float64,
}

/// The order of the bytes of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    /// Little-endian: the least significant byte is first.
    LeastFirst,
    /// Big-endian: the most significant byte is first.
    MostFirst,
}

impl Dtype {
    /// Bytes of one number.
    pub const fn size(self) -> usize {
        match self {
            Self::Bool | Self::Int8 | Self::UInt8 | Self::Float8E4M3 | Self::Float8E5M2 => 1,
            Self::Int16 | Self::UInt16 | Self::Float16 | Self::BFloat16 => 2,
            Self::Int32 | Self::UInt32 | Self::Float32 => 4,
            Self::Int64 | Self::UInt64 | Self::Float64 => 8,
        }
    }

    /// Whether its numbers have fractions.
    pub const fn is_float(self) -> bool {
        matches!(
            self,
            Self::Float8E4M3 | Self::Float8E5M2 | Self::Float16 | Self::BFloat16 | Self::Float32 | Self::Float64
        )
    }

    /// The number that the first [`Self::size`] of `bytes` are; missing bytes count as 0. Integers beyond 2^53 are rounded,
    /// all other numbers are exact.
    pub fn decode(self, bytes: &[u8], order: ByteOrder) -> f64 {
        let mut word = [0; 8];
        let bytes = &bytes[..bytes.len().min(self.size())];
        word[..bytes.len()].copy_from_slice(bytes);
        if order == ByteOrder::MostFirst {
            word[..bytes.len()].reverse();
        }
        let bits = u64::from_le_bytes(word);
        match self {
            Self::Bool => f64::from(u8::from(bits != 0)),
            Self::Int8 => f64::from((bits as u8).cast_signed()),
            Self::Int16 => f64::from((bits as u16).cast_signed()),
            Self::Int32 => f64::from((bits as u32).cast_signed()),
            Self::Int64 => bits.cast_signed() as f64,
            Self::UInt8 | Self::UInt16 | Self::UInt32 | Self::UInt64 => bits as f64,
            Self::Float8E4M3 => float8_e4m3(bits as u8),
            // The upper byte of a float16.
            Self::Float8E5M2 => f16::from_bits((bits as u16) << 8).to_f64(),
            Self::Float16 => f16::from_bits(bits as u16).to_f64(),
            Self::BFloat16 => bf16::from_bits(bits as u16).to_f64(),
            Self::Float32 => f64::from(f32::from_bits(bits as u32)),
            Self::Float64 => f64::from_bits(bits),
        }
    }

    /// All numbers of `bytes`, by [`Self::decode`]; a rest at the end that is no whole number is ignored.
    pub fn decode_all(self, bytes: &[u8], order: ByteOrder) -> Vec<f64> {
        bytes.chunks_exact(self.size()).map(|number| self.decode(number, order)).collect()
    }
}

/// A number of one sign, four exponent and three fraction bits, with a NaN and without infinity (PyTorch's float8_e4m3fn).
fn float8_e4m3(bits: u8) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 3 & 15), f64::from(bits & 7) / 8.0);
    let size = match (exponent, bits & 7) {
        (15, 7) => f64::NAN,
        (0, _) => fraction * 2f64.powi(-6),
        _ => (1.0 + fraction) * 2f64.powi(exponent - 7),
    };
    if bits & 0x80 == 0 { size } else { -size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_both_byte_orders() {
        let cases: [(Dtype, &[u8], f64); 16] = [
            (Dtype::Bool, &[1], 1.0),
            (Dtype::Int8, &[0xfe], -2.0),
            (Dtype::UInt8, &[0xfe], 254.0),
            (Dtype::Int16, &[0xff, 0xfe], -2.0),
            (Dtype::UInt16, &[1, 2], 258.0),
            (Dtype::Int32, &[0xff, 0xff, 0xff, 0xff], -1.0),
            (Dtype::UInt32, &[0xff, 0xff, 0xff, 0xff], 4_294_967_295.0),
            (Dtype::Int64, &[0xff; 8], -1.0),
            (Dtype::UInt64, &[0x80, 0, 0, 0, 0, 0, 0, 0], 9_223_372_036_854_775_808.0),
            (Dtype::Float16, &[0x3c, 0x00], 1.0),
            (Dtype::Float16, &[0xc0, 0x00], -2.0),
            (Dtype::Float16, &[0x00, 0x01], 5.960464477539063e-8),
            (Dtype::Float16, &[0x7b, 0xff], 65504.0),
            (Dtype::BFloat16, &[0x40, 0x49], 3.140625),
            (Dtype::Float32, &1.5f32.to_be_bytes(), 1.5),
            (Dtype::Float64, &0.1f64.to_be_bytes(), 0.1),
        ];
        for (dtype, most_first, number) in cases {
            assert_eq!(dtype.size(), most_first.len());
            assert_eq!(dtype.decode(most_first, ByteOrder::MostFirst), number, "{dtype:?}");
            let least_first: Vec<u8> = most_first.iter().rev().copied().collect();
            assert_eq!(dtype.decode(&least_first, ByteOrder::LeastFirst), number, "{dtype:?}");
        }
    }

    #[test]
    fn float8_numbers_are_those_of_pytorch() {
        // torch.tensor(bytes, dtype=torch.uint8).view(torch.float8_e4m3fn).double(), and float8_e5m2.
        let e4m3 = [(0x00, 0.0), (0x01, 0.001953125), (0x38, 1.0), (0xb9, -1.125), (0x7e, 448.0), (0x80, 0.0)];
        for (bits, value) in e4m3 {
            assert_eq!(Dtype::Float8E4M3.decode(&[bits], ByteOrder::LeastFirst), value, "{bits:#x}");
        }
        assert!(Dtype::Float8E4M3.decode(&[0x7f], ByteOrder::LeastFirst).is_nan());
        for (bits, value) in [(0x01, 1.52587890625e-5), (0x3c, 1.0), (0xc5, -5.0), (0x7b, 57344.0)] {
            assert_eq!(Dtype::Float8E5M2.decode(&[bits], ByteOrder::LeastFirst), value, "{bits:#x}");
        }
        assert_eq!(Dtype::Float8E5M2.decode(&[0x7c], ByteOrder::LeastFirst), f64::INFINITY);
    }

    #[test]
    fn half_precision_numbers_have_their_values() {
        for (bits, value) in [
            (0x3c00_u16, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333251953125),
            (0x0001, 5.960464477539063e-8),
            (0x7bff, 65504.0),
            (0x7c00, f64::INFINITY),
            (0xfc00, f64::NEG_INFINITY),
            (0x8000, 0.0),
        ] {
            assert_eq!(Dtype::Float16.decode(&bits.to_le_bytes(), ByteOrder::LeastFirst), value, "{bits:#x}");
        }
        assert!(Dtype::Float16.decode(&[0x00, 0x7e], ByteOrder::LeastFirst).is_nan());
        assert_eq!(Dtype::BFloat16.decode(&[0xc0, 0x3f], ByteOrder::LeastFirst), 1.5);
    }
}
