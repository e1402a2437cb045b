//! Numbers as labels write them, in the small TeX of [`Label::tex`](super::Label::tex), to be put between `$`.

/// `value` with `digits` significant digits: plain from 0.001 up to 10,000, scientific outside of that.
///
/// Digits before the point are never dropped: 1234.5 with three digits is 1234.
///
/// ```
/// use heigen_figures::significant;
/// assert_eq!(significant(0.154, 3), "0.154");
/// assert_eq!(significant(-0.0000123, 3), r"-1.23 \times 10^{-5}");
/// ```
pub fn significant(value: f64, digits: usize) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let decimals = digits.max(1) - 1;
    let scientific = format!("{value:.decimals$e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    // The exponent after rounding decides: 0.00099999 is 0.00100.
    match exponent.parse::<isize>() {
        Ok(e @ -3..=3) => format!("{value:.*}", decimals.saturating_add_signed(-e)),
        _ => format!(r"{mantissa} \times 10^{{{exponent}}}"),
    }
}

/// `value` with `decimals` digits after the point; never a negative zero.
pub fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| c == '0' || c == '.') => rest.to_owned(),
        _ => text,
    }
}

/// A power of ten: `10^{-2}`, and 1 for the power 0; with a sign where `negative`.
pub fn power_of_ten(exponent: i32, negative: bool) -> String {
    let sign = if negative { "-" } else { "" };
    if exponent == 0 { format!("{sign}1") } else { format!("{sign}10^{{{exponent}}}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_significant_digits() {
        for (value, text) in [
            (0.154, "0.154"),
            (0.1536, "0.154"),
            (0.023, "0.0230"),
            (1.0, "1.00"),
            (12.345, "12.3"),
            (-12.345, "-12.3"),
            (999.9, "1000"),
            (1234.4, "1234"),
            (9999.9, r"1.00 \times 10^{4}"),
            (12345.0, r"1.23 \times 10^{4}"),
            (0.001, "0.00100"),
            (0.00099999, "0.00100"),
            (0.000999, r"9.99 \times 10^{-4}"),
            (-1.5e-12, r"-1.50 \times 10^{-12}"),
            (0.0, "0"),
            (-0.0, "0"),
        ] {
            assert_eq!(significant(value, 3), text, "{value}");
        }
    }

    #[test]
    fn fixed_and_powers() {
        assert_eq!(fixed(-0.0001, 1), "0.0");
        assert_eq!(fixed(-0.5, 1), "-0.5");
        assert_eq!(power_of_ten(-2, false), "10^{-2}");
        assert_eq!(power_of_ten(-2, true), "-10^{-2}");
        assert_eq!(power_of_ten(0, true), "-1");
    }
}
