//! The error function and the normal distribution in arithmetic alone, without branches, so that loops over many numbers are
//! vectorised.

use super::exponential::Exponential;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

/// The polynomial in u = (a - 3.75) / (a + 3.75) that is (1 + 2 a) e^(a^2) erfc(a) for a >= 0: its Chebyshev expansion up to degree
/// 25, in powers of u. What it leaves out is below 3e-18, and the magnitudes of its coefficients sum up to 1.8.
///
/// The function and the map are those of Shepherd and Laframboise, Math. Comp. 36 (1981), 249, doi:10.1090/S0025-5718-1981-0595058-X;
/// the coefficients were computed with 60 digits.
const SCALED: [f64; 26] = [
    1.237_512_630_837_827_5,
    -0.140_240_598_585_547_02,
    0.003_585_415_485_464_429_3,
    0.082_276_738_490_151_02,
    -0.108_803_930_141_748_86,
    0.092_304_321_160_198_34,
    -0.058_693_398_589_636_77,
    0.028_362_277_421_515_6,
    -0.009_746_579_558_029_276,
    0.001_755_625_832_421_752_9,
    0.000_293_713_665_591_344_8,
    -0.000_290_153_979_289_867_65,
    5.164_909_889_268_241e-05,
    2.238_391_203_655_067_8e-05,
    -1.144_414_623_770_052_4e-05,
    -9.728_495_822_111_22e-07,
    1.751_637_648_849_062e-06,
    -5.826_281_078_800_777e-08,
    -2.586_685_071_615_588_4e-07,
    2.428_976_292_548_870_7e-08,
    3.867_533_424_222_235_4e-08,
    -4.389_284_159_986_328e-09,
    -5.173_990_214_011_309_5e-09,
    5.457_157_304_704_688e-10,
    4.251_471_444_796_389_5e-10,
    -3.753_158_277_959_62e-11,
];
/// The middle of the map of a to u.
const MIDDLE: f64 = 3.75;
/// Arguments of larger magnitude than this give what this one gives: 0, 1 or -1.
const FAR: f64 = 1e3;
/// The largest argument of the error function for which its series is summed; 1 - erfc would lose digits.
const NEAR: f64 = 0.5;
/// (-1)^k / (k! (2 k + 1)) for k from 1 to 12: the next one adds less than 2^-60 of the sum.
const SERIES: [f64; 12] = [
    -1.0 / 3.0,
    1.0 / 10.0,
    -1.0 / 42.0,
    1.0 / 216.0,
    -1.0 / 1_320.0,
    1.0 / 9_360.0,
    -1.0 / 75_600.0,
    1.0 / 685_440.0,
    -1.0 / 6_894_720.0,
    1.0 / 76_204_800.0,
    -1.0 / 918_086_400.0,
    1.0 / 11_975_040_000.0,
];

/// e^(a^2) erfc(a) for a >= 0.
#[inline(always)]
fn scaled_complement(a: f64) -> f64 {
    let u = (a - MIDDLE) / (a + MIDDLE);
    let mut sum = SCALED[25];
    for k in (0..25).rev() {
        sum = sum.mul_add(u, SCALED[k]);
    }
    sum / 2.0f64.mul_add(a, 1.0)
}

/// e^(-c z^2), where the rounding of z^2 is made good. `z` has at most the magnitude [`FAR`].
#[inline(always)]
fn gaussian(c: f64, z: f64) -> f64 {
    let square = z * z;
    let rest = z.mul_add(z, -square);
    let e = Exponential::of(-c * square).e;
    e.mul_add(-c * rest, e)
}

/// `z` or the number of its sign and the magnitude [`FAR`]; NaN stays NaN.
#[inline(always)]
fn bounded(z: f64) -> f64 {
    if z.abs() > FAR { FAR.copysign(z) } else { z }
}

/// z times the probability of the standard normal distribution up to z, which is PyTorch's GELU, or its `ORDER`-th derivative at z,
/// order 0 to 2.
#[inline(always)]
pub(super) fn gelu<const ORDER: u8>(z: f64) -> f64 {
    let near = bounded(z);
    let e = gaussian(0.5, near);
    let density = 0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2 * e;
    if ORDER > 1 {
        return (2.0 - near * near) * density;
    }
    // The probability beyond |z|, which keeps the digits of a small probability.
    let beyond = 0.5 * e * scaled_complement(near.abs() * FRAC_1_SQRT_2);
    let probability = if z < 0.0 { beyond } else { 1.0 - beyond };
    if ORDER == 0 { z * probability } else { near.mul_add(density, probability) }
}

/// The error function, 2 / sqrt(pi) times the integral of e^(-t^2) for t from 0 to z, or its `ORDER`-th derivative at z, order 0 to 2.
#[inline(always)]
pub(super) fn erf<const ORDER: u8>(z: f64) -> f64 {
    let near = bounded(z);
    let e = gaussian(1.0, near);
    match ORDER {
        0 => {
            let square = near * near;
            let mut series = SERIES[11];
            for k in (0..11).rev() {
                series = series.mul_add(square, SERIES[k]);
            }
            let small = (FRAC_2_SQRT_PI * near).mul_add(square * series, FRAC_2_SQRT_PI * near);
            let large = 1.0 - e * scaled_complement(near.abs());
            (if near.abs() < NEAR { small } else { large }).copysign(z)
        }
        1 => FRAC_2_SQRT_PI * e,
        _ => -2.0 * near * FRAC_2_SQRT_PI * e,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The probability of the standard normal distribution beyond z, by mpmath with 60 digits.
    fn tails() -> Vec<(f64, f64)> {
        vec![
            (0.001, 0.499_601_057_786_088_93),
            (0.25, 0.401_293_674_317_076_3),
            (0.5, 0.308_537_538_725_986_9),
            (1.0, 0.158_655_253_931_457_05),
            (1.5, 0.066_807_201_268_858_07),
            (2.0, 0.022_750_131_948_179_21),
            (3.0, 0.001_349_898_031_630_094_6),
            (4.5, 3.397_673_124_730_060_3e-06),
            (6.0, 9.865_876_450_376_98e-10),
            (8.25, 7.919_726_314_642_477e-17),
            (12.0, 1.776_482_112_077_679e-33),
            (20.0, 2.753_624_118_606_233_7e-89),
            (30.0, 4.906_713_927_148_187e-198),
            (37.5, 4.605_353_009_581_955e-308),
        ]
    }

    /// The error function, by mpmath with 60 digits.
    fn errors() -> Vec<(f64, f64)> {
        vec![
            (1e-300, 1.128_379_167_095_512_6e-300),
            (1e-09, 1.128_379_167_095_512_7e-09),
            (0.031_25, 0.035_250_373_867_322_826),
            (0.25, 0.276_326_390_168_236_96),
            (0.437_5, 0.463_898_135_749_933),
            (0.5, 0.520_499_877_813_046_5),
            (0.562_5, 0.573_674_456_615_591_9),
            (0.75, 0.711_155_633_653_515_1),
            (1.0, 0.842_700_792_949_714_9),
            (1.5, 0.966_105_146_475_310_8),
            (2.25, 0.998_537_283_413_318_8),
            (3.5, 0.999_999_256_901_627_6),
            (5.5, 0.999_999_999_999_992_7),
            (6.5, 1.0),
        ]
    }

    #[test]
    fn gelu_has_the_digits_of_its_definition_far_into_the_tail() {
        for (z, tail) in tails() {
            let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
            let close =
                |got: f64, wanted: f64| assert!((got - wanted).abs() <= 8e-16 * wanted.abs(), "{z}: {got} {wanted}");
            close(gelu::<0>(-z), -z * tail);
            close(gelu::<0>(z), z * (1.0 - tail));
            // The system's exponential takes the rounded square, so that it is what is compared up to that only.
            let rounding = 2e-15 + z * z * 1.2e-16;
            let slopes = [(z, 1.0 - tail + z * density), (-z, tail - z * density)];
            for (z, slope) in slopes {
                let size = if z > 0.0 { 1.0 } else { tail } + z.abs() * density;
                assert!((gelu::<1>(z) - slope).abs() <= rounding * size, "{z}");
                assert!((gelu::<2>(z) - (2.0 - z * z) * density).abs() <= rounding * (2.0 + z * z) * density, "{z}");
            }
        }
    }

    #[test]
    fn the_error_function_has_all_digits_but_the_last_ones() {
        for (z, wanted) in errors() {
            assert!((erf::<0>(z) - wanted).abs() <= 6e-16 * wanted, "{z}: {} {wanted}", erf::<0>(z));
            assert_eq!(erf::<0>(-z), -erf::<0>(z));
        }
        for i in 0..4_000 {
            let z = f64::from(i) * 0.0017;
            assert!((erf::<0>(z) - libm::erf(z)).abs() <= 6e-16 * libm::erf(z), "{z}");
            let slope = FRAC_2_SQRT_PI * (-z * z).exp();
            assert!((erf::<1>(z) - slope).abs() <= (1e-15 + z * z * 1.2e-16) * slope, "{z}");
            assert!((erf::<2>(z) + 2.0 * z * slope).abs() <= (2e-15 + z * z * 1.2e-16) * 2.0 * z * slope, "{z}");
        }
    }

    #[test]
    fn limits_are_known() {
        for far in [40.0, 1e5, 1e300] {
            assert_eq!([gelu::<0>(far), gelu::<0>(-far), gelu::<1>(far), gelu::<1>(-far)], [far, 0.0, 1.0, 0.0]);
            assert_eq!([erf::<0>(far), erf::<0>(-far), erf::<1>(far), erf::<2>(far)], [1.0, -1.0, 0.0, 0.0]);
        }
        assert_eq!([erf::<0>(f64::INFINITY), erf::<0>(f64::NEG_INFINITY)], [1.0, -1.0]);
        assert_eq!(
            [gelu::<0>(f64::INFINITY), gelu::<1>(f64::INFINITY), gelu::<2>(f64::INFINITY)],
            [f64::INFINITY, 1.0, 0.0]
        );
        assert_eq!(erf::<0>(-0.0).to_bits(), (-0.0f64).to_bits());
        for order in 0..3 {
            let of = |z: f64| super::super::exponential::by_order!(order, gelu, z);
            let error = |z: f64| super::super::exponential::by_order!(order, erf, z);
            assert!(of(f64::NAN).is_nan() && error(f64::NAN).is_nan(), "{order}");
        }
    }
}
