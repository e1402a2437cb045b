//! Where an axis is marked, and what is written there.

use crate::label::{fixed, power_of_ten};
use crate::scale::{Kind, Scale};

/// A mark on an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// Where, in values.
    pub value: f64,
    /// The text at the mark, for [`Label::tex`](crate::Label::tex).
    pub label: String,
}

impl Tick {
    fn new(value: f64, label: &str) -> Self {
        Self { value, label: format!("${label}$") }
    }
}

/// Marks for `scale`, ascending, about `intervals` steps between them and never many more.
///
/// Linear: steps of 1, 2 or 5 times a power of ten. Logarithmic: powers of ten, every n-th where there are many, with
/// 2 and 5 times them where there are few: then all numbers of an axis are plain, or all have their power of ten. Symmetric logarithmic: zero, and powers of ten down to the threshold.
///
/// ```
/// use heigen_figures::{Scale, ticks};
/// let labels: Vec<String> = ticks(&Scale::linear(-1.0, 1.0)?, 4).into_iter().map(|t| t.label).collect();
/// assert_eq!(labels, ["$-1.0$", "$-0.5$", "$0.0$", "$0.5$", "$1.0$"]);
/// # Ok::<(), heigen_figures::FigureError>(())
/// ```
pub fn ticks(scale: &Scale, intervals: usize) -> Vec<Tick> {
    let (low, high) = (scale.low().min(scale.high()), scale.low().max(scale.high()));
    let intervals = intervals.max(1);
    match scale.kind() {
        Kind::Linear => linear(low, high, intervals),
        Kind::Log => log(low, high, intervals),
        Kind::Symlog { threshold } => symlog(low, high, threshold, intervals),
    }
}

/// Slack for ends that are meant to be marks but miss them by rounding, in steps.
const SLACK: f64 = 1e-9;

fn linear(low: f64, high: f64, intervals: usize) -> Vec<Tick> {
    let raw = (high - low) / intervals as f64;
    let mut exponent = raw.log10().floor() as i32;
    let mantissa = raw / 10f64.powi(exponent);
    let nice = match mantissa {
        m if m <= 1.0 + SLACK => 1.0,
        m if m <= 2.0 + SLACK => 2.0,
        m if m <= 5.0 + SLACK => 5.0,
        _ => {
            exponent += 1;
            1.0
        }
    };
    // Division by a whole power of ten gives 0.3, not 0.30000000000000004.
    let at = |k: f64| if exponent < 0 { k * nice / 10f64.powi(-exponent) } else { k * nice * 10f64.powi(exponent) };
    let (first, last) = ((low / at(1.0) - SLACK).ceil(), (high / at(1.0) + SLACK).floor());
    // Ranges at the limits of floating point have no steps that could be marked.
    if !(0.0..=10.0 * intervals as f64).contains(&(last - first)) {
        return Vec::new();
    }
    let count = (last - first) as i64;
    let largest = low.abs().max(high.abs()).log10().floor() as i32;
    let label = |value: f64| {
        if largest >= 5 || (exponent < -4 && largest < -1) {
            let decimals = usize::try_from(largest - exponent).unwrap_or(0);
            let mantissa = fixed(value / 10f64.powi(largest), decimals);
            if value == 0.0 { "0".to_owned() } else { format!(r"{mantissa} \times 10^{{{largest}}}") }
        } else {
            fixed(value, usize::try_from(-exponent).unwrap_or(0))
        }
    };
    (0..=count).map(|i| at(first + i as f64) + 0.0).map(|value| Tick::new(value, &label(value))).collect()
}

/// The powers of ten that plain numbers on a logarithmic axis may have.
const PLAIN: std::ops::RangeInclusive<i32> = -3..=4;

/// The powers of ten from `low` to `high`.
fn decades(low: f64, high: f64) -> (i32, i32) {
    ((low.log10() - SLACK).ceil() as i32, (high.log10() + SLACK).floor() as i32)
}

fn log(low: f64, high: f64, intervals: usize) -> Vec<Tick> {
    let (first, last) = decades(low, high);
    if last - first >= 2 {
        let stride = usize::try_from(last - first).unwrap_or(1).div_ceil(intervals);
        // Multiples of the stride, so that 1 is marked where it can be.
        let step = i32::try_from(stride).unwrap_or(1);
        let powers = (first..=last).filter(|e| e.rem_euclid(step) == 0);
        return powers.map(|e| Tick::new(10f64.powi(e), &power_of_ten(e, false))).collect();
    }
    let candidates = (first - 1..=last).flat_map(|e| [1.0, 2.0, 5.0].map(|m| (m * 10f64.powi(e), m, e)));
    let inside = |&(value, _, _): &(f64, f64, i32)| (low * (1.0 - SLACK)..=high * (1.0 + SLACK)).contains(&value);
    let found: Vec<(f64, f64, i32)> = candidates.filter(inside).collect();
    if found.len() < 2 {
        return linear(low, high, intervals);
    }
    let plain = found.iter().all(|(_, _, e)| PLAIN.contains(e));
    let label = |value: f64, m: f64, e: i32| match m {
        _ if plain => fixed(value, usize::try_from(-e).unwrap_or(0)),
        1.0 => format!(r"10^{{{e}}}"),
        _ => format!(r"{m} \times 10^{{{e}}}"),
    };
    found.into_iter().map(|(value, m, e)| Tick::new(value, &label(value, m, e))).collect()
}

fn symlog(low: f64, high: f64, threshold: f64, intervals: usize) -> Vec<Tick> {
    let largest = low.abs().max(high.abs());
    if largest <= threshold {
        return linear(low, high, intervals);
    }
    let (first, last) = decades(threshold, largest);
    let sides = if low < 0.0 && high > 0.0 { 2 } else { 1 };
    let each = (intervals / sides).max(1);
    let stride = usize::try_from(last - first + 1).unwrap_or(1).div_ceil(each).max(1);
    // From the outside inwards: the ends matter most.
    let powers: Vec<i32> = (first..=last).rev().step_by(stride).collect();
    let negative = powers.iter().map(|&e| Tick::new(-(10f64.powi(e)), &power_of_ten(e, true)));
    let positive = powers.iter().rev().map(|&e| Tick::new(10f64.powi(e), &power_of_ten(e, false)));
    let all = negative.chain(std::iter::once(Tick::new(0.0, "0"))).chain(positive);
    all.filter(|t| t.value >= low - SLACK * largest && t.value <= high + SLACK * largest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FigureError;

    fn labels(scale: Scale, intervals: usize) -> String {
        ticks(&scale, intervals).iter().map(|t| t.label.trim_matches('$')).collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn linear_marks() -> Result<(), FigureError> {
        for (low, high, intervals, expected) in [
            (-1.0, 1.0, 4, "-1.0 | -0.5 | 0.0 | 0.5 | 1.0"),
            (-1.0, 1.0, 2, "-1 | 0 | 1"),
            (0.0, 0.3, 3, "0.0 | 0.1 | 0.2 | 0.3"),
            (20.0, 1.0, 4, "5 | 10 | 15 | 20"),
            (0.35, 1.5, 5, "0.5 | 1.0 | 1.5"),
            (-0.02, 0.16, 2, "0.0 | 0.1"),
            (0.0, 4e-6, 4, r"0 | 1 \times 10^{-6} | 2 \times 10^{-6} | 3 \times 10^{-6} | 4 \times 10^{-6}"),
            (0.0, 2e6, 2, r"0 | 1 \times 10^{6} | 2 \times 10^{6}"),
            (1000.0, 3000.0, 2, "1000 | 2000 | 3000"),
        ] {
            assert_eq!(labels(Scale::linear(low, high)?, intervals), expected, "{low}..{high}");
        }
        assert_eq!(ticks(&Scale::linear(0.0, 0.3)?, 3)[3].value, 0.3);
        for (low, high) in [(-1e-320, 1e-320), (-1e307, 1e307), (1.0, 1.0 + f64::EPSILON), (0.0, f64::MAX)] {
            assert!(ticks(&Scale::linear(low, high)?, 4).len() <= 41, "{low}..{high}");
        }
        Ok(())
    }

    #[test]
    fn log_marks() -> Result<(), FigureError> {
        for (low, high, intervals, expected) in [
            (1.0, 1e3, 4, "1 | 10^{1} | 10^{2} | 10^{3}"),
            (1e-8, 1.0, 4, "10^{-8} | 10^{-6} | 10^{-4} | 10^{-2} | 1"),
            (0.3, 12.0, 4, "0.5 | 1 | 2 | 5 | 10"),
            (400.0, 15e3, 4, "500 | 1000 | 2000 | 5000 | 10000"),
            (3e-3, 0.2, 4, "0.005 | 0.01 | 0.02 | 0.05 | 0.1 | 0.2"),
            (0.4e-3, 3e-3, 4, r"5 \times 10^{-4} | 10^{-3} | 2 \times 10^{-3}"),
            (4e4, 1e6, 4, r"5 \times 10^{4} | 10^{5} | 2 \times 10^{5} | 5 \times 10^{5} | 10^{6}"),
            (0.4, 3e-4, 4, "10^{-3} | 10^{-2} | 10^{-1}"),
            (2.2, 4.8, 3, "3 | 4"),
        ] {
            assert_eq!(labels(Scale::log(low, high)?, intervals), expected, "{low}..{high}");
        }
        Ok(())
    }

    #[test]
    fn symlog_marks() -> Result<(), FigureError> {
        for (low, high, threshold, intervals, expected) in [
            (-1.0, 1.0, 1e-5, 6, "-1 | -10^{-2} | -10^{-4} | 0 | 10^{-4} | 10^{-2} | 1"),
            (0.0, 100.0, 1.0, 3, "0 | 1 | 10^{1} | 10^{2}"),
            (-0.5, 0.5, 1.0, 2, "-0.5 | 0.0 | 0.5"),
        ] {
            assert_eq!(labels(Scale::symlog(low, high, threshold)?, intervals), expected, "{low}..{high}");
        }
        Ok(())
    }
}
