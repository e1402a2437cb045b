//! Single-precision logarithm, sine and cosine after Cephes, as PyTorch's AVX2 kernel for normal numbers evaluates
//! them.
//!
//! Coefficients: Moshier, Cephes Mathematical Library, `logf`, `sinf`, `cosf` (1992). The order of the roundings is
//! part of the stream: PyTorch's compiler fuses every product with the sum that uses it, the earlier product first
//! where a sum has two. (That it does follows from its uniform numbers and from what GCC makes of such sums; the twenty
//! golden normal numbers happen to come out the same with and without fusing.)

use std::f32::consts::FRAC_1_SQRT_2;

/// Polynomial of ln(1 + x) - x + x^2/2, divided by x^3, highest power first.
const LN: [f32; 9] = [
    7.0376836292e-2,
    -1.1514610310e-1,
    1.1676998740e-1,
    -1.2420140846e-1,
    1.4249322787e-1,
    -1.6668057665e-1,
    2.0000714765e-1,
    -2.4999993993e-1,
    3.3333331174e-1,
];
/// ln 2 = `LN_2_HIGH` + `LN_2_LOW`.
const LN_2_HIGH: f32 = 0.693359375;
const LN_2_LOW: f32 = -2.12194440e-4;
/// Polynomial of (cos x - 1 + x^2/2) / x^4 in x^2, highest power first.
const COS: [f32; 3] = [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2];
/// Polynomial of (sin x - x) / x^3 in x^2, highest power first.
const SIN: [f32; 3] = [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1];
/// 4 / pi.
const FOUR_OVER_PI: f32 = 1.27323954473516;
/// pi / 4 in three parts, so that its multiples subtract without loss.
const PI_OVER_4: [f32; 3] = [0.78515625, 2.4187564849853515625e-4, 3.77489497744594108e-8];

/// Horner's rule with fused steps.
fn polynomial(coefficients: &[f32], x: f32) -> f32 {
    coefficients.iter().skip(1).fold(coefficients[0], |sum, &c| sum.mul_add(x, c))
}

/// ln x for positive normal x: x = 2^e m with m in [sqrt(1/2), sqrt 2), ln x = e ln 2 + ln m.
pub(super) fn ln(x: f32) -> f32 {
    let bits = x.max(f32::MIN_POSITIVE).to_bits();
    let mut exponent = (bits >> 23).cast_signed() - 126;
    let mut m = f32::from_bits(bits & 0x007f_ffff | 0x3f00_0000);
    if m < FRAC_1_SQRT_2 {
        exponent -= 1;
        m = m - 1.0 + m;
    } else {
        m -= 1.0;
    }
    let e = exponent as f32;
    let m2 = m * m;
    let y = (polynomial(&LN, m) * m).mul_add(m2, e * LN_2_LOW);
    e.mul_add(LN_2_HIGH, m + m2.mul_add(-0.5, y))
}

/// (sin x, cos x) for x >= 0: reduction modulo pi / 4, then the polynomial of the octant.
pub(super) fn sin_cos(x: f32) -> (f32, f32) {
    let octant = ((x * FOUR_OVER_PI) as i32 + 1) & !1;
    let j = octant as f32;
    let x = PI_OVER_4.iter().fold(x, |rest, &part| (-j).mul_add(part, rest));
    let z = x * x;
    let near_one = (polynomial(&COS, z) * z).mul_add(z, -0.5 * z) + 1.0;
    let near_x = (polynomial(&SIN, z) * z).mul_add(x, x);
    let (sin, cos) = if octant & 2 == 0 { (near_x, near_one) } else { (near_one, near_x) };
    let sin = if octant & 4 == 0 { sin } else { -sin };
    let cos = if (octant - 2) & 4 == 0 { -cos } else { cos };
    (sin, cos)
}
