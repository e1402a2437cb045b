//! The exponential function in arithmetic alone, without branches or tables, so that loops over many numbers are vectorised.

use std::f64::consts::LOG2_E;

/// Its last digits hold the whole number that is nearest to what is added to it, 1.5 * 2^52.
const ROUNDER: f64 = 6_755_399_441_055_744.0;
/// The leading digits of ln 2, whose products with the numbers of [`Exponential`] are exact.
const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
/// The other digits of ln 2.
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// 1/2!, 1/3!, ..., 1/13!: what the series leaves out is below 2^-55 of its sum for arguments up to (ln 2)/2.
const INVERSE_FACTORIALS: [f64; 12] = [
    1.0 / 2.0,
    1.0 / 6.0,
    1.0 / 24.0,
    1.0 / 120.0,
    1.0 / 720.0,
    1.0 / 5_040.0,
    1.0 / 40_320.0,
    1.0 / 362_880.0,
    1.0 / 3_628_800.0,
    1.0 / 39_916_800.0,
    1.0 / 479_001_600.0,
    1.0 / 6_227_020_800.0,
];

/// The derivative of an order that is known at run time, of a function that takes it as a constant: of one number, or by `each` of many.
macro_rules! by_order {
    ($order:expr, $f:ident, $z:expr) => {
        match $order {
            0 => $f::<0>($z),
            1 => $f::<1>($z),
            _ => $f::<2>($z),
        }
    };
    ($order:expr, $each:ident, $x:expr, $y:expr, $f:ident) => {
        match $order {
            0 => $each($x, $y, $f::<0>),
            1 => $each($x, $y, $f::<1>),
            _ => $each($x, $y, $f::<2>),
        }
    };
}
pub(super) use by_order;

/// e^y and e^y - 1 for y <= 0, each with all of its digits but the last one or two.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exponential {
    /// e^y.
    pub(super) e: f64,
    /// e^y - 1.
    pub(super) less_one: f64,
}

impl Exponential {
    /// Below -708, where results would lose digits, e^y is taken as 0. NaN stays NaN.
    ///
    /// With n the whole number nearest to y / ln 2, and r = y - n ln 2, e^y is 2^n e^r, and e^y - 1 is 2^n (e^r - 1) + (2^n - 1),
    /// where nothing is lost for any n <= 0. e^r - 1 is a Taylor series of degree 13 for |r| <= (ln 2) / 2.
    #[inline(always)]
    pub(super) fn of(y: f64) -> Self {
        let within = if y < -708.0 { -708.0 } else { y };
        let shifted = within * LOG2_E + ROUNDER;
        let n = shifted - ROUNDER;
        let r = (-n).mul_add(LN_2_LOW, (-n).mul_add(LN_2_HIGH, within));
        let mut series = INVERSE_FACTORIALS[11];
        for k in (0..11).rev() {
            series = series.mul_add(r, INVERSE_FACTORIALS[k]);
        }
        let p = (r * r).mul_add(series, r);
        let power = f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52);
        let e = power.mul_add(p, power);
        Self { e: if y < -708.0 { 0.0 } else { e }, less_one: power.mul_add(p, power - 1.0) }
    }
}

/// The `ORDER`-th derivative of tanh at z, order 0 to 2.
#[inline(always)]
pub(super) fn tanh<const ORDER: u8>(z: f64) -> f64 {
    let Exponential { e, less_one } = Exponential::of(-2.0 * z.abs());
    // 1 - tanh^2 is computed as 1 / cosh^2, to avoid the difference of nearly equal numbers.
    let sum = less_one + 2.0;
    let slope = 4.0 * e / (sum * sum);
    match ORDER {
        0 => (-less_one / sum).copysign(z),
        1 => slope,
        _ => -2.0 * (-less_one / sum).copysign(z) * slope,
    }
}

/// The `ORDER`-th derivative of the logistic function 1 / (1 + e^-z) at z, order 0 to 2.
#[inline(always)]
pub(super) fn sigmoid<const ORDER: u8>(z: f64) -> f64 {
    // The exponent is never positive, so the exponential cannot overflow.
    let Exponential { e, less_one } = Exponential::of(-z.abs());
    let (small, large) = (e / (1.0 + e), 1.0 / (1.0 + e));
    let (s, complement) = if z < 0.0 { (small, large) } else { (large, small) };
    match ORDER {
        0 => s,
        1 => s * complement,
        // complement - s is tanh(-z / 2).
        _ => s * complement * (less_one / (1.0 + e)).copysign(-z),
    }
}

/// z (1 + tanh u) / 2 with u = sqrt(2 / pi) (z + 0.044715 z^3), PyTorch's approximation of GELU, or its `ORDER`-th derivative at z, order
/// 0 to 2.
#[inline(always)]
pub(super) fn gelu_tanh<const ORDER: u8>(z: f64) -> f64 {
    const SCALE: f64 = std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2;
    const CUBIC: f64 = 0.044715;
    let u = SCALE * (z + CUBIC * z * z * z);
    // (1 + tanh u) / 2 is the logistic function of 2 u, which keeps the digits of a small value; its derivatives by u:
    let probability = sigmoid::<0>(2.0 * u);
    let (slope, bend) = (2.0 * sigmoid::<1>(2.0 * u), 4.0 * sigmoid::<2>(2.0 * u));
    let (du, ddu) = (SCALE * (1.0 + 3.0 * CUBIC * z * z), 6.0 * SCALE * CUBIC * z);
    match ORDER {
        0 => z * probability,
        1 => probability + z * slope * du,
        _ => 2.0 * slope * du + z * (bend * du * du + slope * ddu),
    }
}

/// The logistic function times its argument, z / (1 + e^-z), or its `ORDER`-th derivative at z, order 0 to 2.
#[inline(always)]
pub(super) fn silu<const ORDER: u8>(z: f64) -> f64 {
    match ORDER {
        0 => z * sigmoid::<0>(z),
        1 => z.mul_add(sigmoid::<1>(z), sigmoid::<0>(z)),
        _ => z.mul_add(sigmoid::<2>(z), 2.0 * sigmoid::<1>(z)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The distance in units of the last digit of `wanted`.
    fn digits_off(got: f64, wanted: f64) -> f64 {
        let unit = f64::from_bits(wanted.abs().to_bits() + 1) - wanted.abs();
        (got - wanted).abs() / unit
    }

    fn arguments() -> impl Iterator<Item = f64> {
        let small = (-60..3).flat_map(|n| [1.0, 1.37, 1.93].map(|m| m * 2f64.powi(n)));
        let even = (0..40_000).map(|i| f64::from(i) * 0.017);
        small.chain(even)
    }

    #[test]
    fn exponentials_have_the_digits_of_the_systems() {
        for y in arguments().filter(|&y| y < 708.0).map(|y| -y) {
            let Exponential { e, less_one } = Exponential::of(y);
            assert!(digits_off(e, y.exp()) <= 1.5, "exp({y}) = {e}, {}", y.exp());
            assert!(digits_off(less_one, y.exp_m1()) <= 2.0, "expm1({y}) = {less_one}, {}", y.exp_m1());
        }
    }

    #[test]
    fn hyperbolic_tangents_have_the_digits_of_the_systems_and_know_the_limits() {
        for z in arguments().flat_map(|z| [z, -z]) {
            assert!(digits_off(tanh::<0>(z), z.tanh()) <= 3.0, "tanh({z}) = {}, {}", tanh::<0>(z), z.tanh());
            if z.abs() < 350.0 {
                let slope = z.cosh().powi(-2);
                assert!((tanh::<1>(z) - slope).abs() <= 2e-15 * slope, "{z}");
                assert!((tanh::<2>(z) + 2.0 * z.tanh() * slope).abs() <= 4e-15 * slope, "{z}");
            }
        }
        for limit in [f64::INFINITY, 1e300, 400.0] {
            assert_eq!(
                [tanh::<0>(limit), tanh::<0>(-limit), tanh::<1>(limit), tanh::<2>(-limit)],
                [1.0, -1.0, 0.0, 0.0]
            );
            assert_eq!([sigmoid::<0>(2.0 * limit), sigmoid::<0>(-2.0 * limit)], [1.0, 0.0]);
        }
        assert_eq!(tanh::<0>(-0.0).to_bits(), (-0.0f64).to_bits());
        assert!(tanh::<0>(f64::NAN).is_nan() && tanh::<1>(f64::NAN).is_nan() && tanh::<2>(f64::NAN).is_nan());
        assert!(sigmoid::<0>(f64::NAN).is_nan() && sigmoid::<1>(f64::NAN).is_nan());
    }

    #[test]
    fn logistic_functions_have_the_digits_of_their_definition() {
        for z in arguments().filter(|&z| z < 700.0).flat_map(|z| [z, -z]) {
            let (s, complement) = (1.0 / (1.0 + (-z).exp()), 1.0 / (1.0 + z.exp()));
            assert!((sigmoid::<0>(z) - s).abs() <= 6e-16 * s, "{z}");
            assert!((sigmoid::<1>(z) - s * complement).abs() <= 1.2e-15 * s * complement, "{z}");
            let bend = -s * complement * (0.5 * z).tanh();
            assert!((sigmoid::<2>(z) - bend).abs() <= 2e-15 * bend.abs(), "{z}");
        }
    }
}
