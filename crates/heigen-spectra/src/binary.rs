//! Powers of two that keep the squares of numbers from vanishing and from overflowing. Ordinary numbers stay as they are, and
//! scaled ones keep all digits.

use crate::linalg::exponent;
use crate::{Failure, Space};

/// Exponents up to this one are ordinary: squares of such numbers, and sums of many of them, are normal numbers.
const FAR: i32 = 300;

/// The binary exponent of the largest of these entries, if squares of such numbers are near underflow or overflow; else 0.
pub(crate) fn far_from_one(entries: &[f64]) -> i32 {
    let largest = entries.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    let binary = if largest == 0.0 || !largest.is_finite() { 0 } else { exponent(largest) };
    if binary.abs() > FAR { binary } else { 0 }
}

/// Divides a block by 2^binary.
pub(crate) fn divide<S: Space>(space: &S, block: &mut S::Block, binary: i32) -> Result<(), Failure> {
    if binary != 0 {
        // Two factors, since 2^-binary alone may overflow where the result does not.
        for part in [-binary / 2, -binary - -binary / 2] {
            space.scale_columns(block, &vec![2f64.powi(part); space.columns(block)])?;
        }
    }
    Ok(())
}
