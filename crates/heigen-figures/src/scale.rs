//! Scales: from values to fractions of an axis or of a colour map.

use crate::error::FigureError;

/// A rule that sends values to fractions: `low` to 0 and `high` to 1. `low` may be the larger one: the axis then runs backwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    kind: Kind,
    low: f64,
    high: f64,
}

/// The law between values and lengths.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Linear,
    Log,
    Symlog { threshold: f64 },
}

impl Scale {
    /// Equal differences take equal lengths.
    ///
    /// # Errors
    /// Where an end is not finite, or both are equal.
    pub fn linear(low: f64, high: f64) -> Result<Self, FigureError> {
        Self::checked(Kind::Linear, low, high)
    }

    /// Equal ratios take equal lengths.
    ///
    /// # Errors
    /// Where an end is not finite and positive, or both are equal.
    pub fn log(low: f64, high: f64) -> Result<Self, FigureError> {
        if low <= 0.0 || high <= 0.0 {
            let got = format!("{low}..{high}");
            return Err(FigureError::value("the range of a logarithmic scale", got, "positive ends"));
        }
        Self::checked(Kind::Log, low, high)
    }

    /// Logarithmic on both sides of zero, linear between -`threshold` and `threshold`, which is as long as a decade.
    ///
    /// # Errors
    /// Where an end is not finite, both are equal, or `threshold` is not positive and finite.
    pub fn symlog(low: f64, high: f64, threshold: f64) -> Result<Self, FigureError> {
        if !(threshold.is_finite() && threshold > 0.0) {
            return Err(FigureError::value("the threshold of a symlog scale", threshold, "a positive number"));
        }
        Self::checked(Kind::Symlog { threshold }, low, high)
    }

    fn checked(kind: Kind, low: f64, high: f64) -> Result<Self, FigureError> {
        if !(low.is_finite() && high.is_finite()) || low == high || !(high - low).is_finite() {
            let got = format!("{low}..{high}");
            return Err(FigureError::value("the range of a scale", got, "two different finite ends"));
        }
        Ok(Self { kind, low, high })
    }

    /// The value at fraction 0.
    pub fn low(&self) -> f64 {
        self.low
    }

    /// The value at fraction 1.
    pub fn high(&self) -> f64 {
        self.high
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// The fraction of `value`; outside of 0..1 for values outside of the range. On a logarithmic scale, values of zero
    /// and below have none: the result is negative infinity.
    pub fn fraction(&self, value: f64) -> f64 {
        let (low, high) = (self.bend(self.low), self.bend(self.high));
        (self.bend(value) - low) / (high - low)
    }

    fn bend(&self, value: f64) -> f64 {
        match self.kind {
            Kind::Linear => value,
            Kind::Log if value <= 0.0 => f64::NEG_INFINITY,
            Kind::Log => value.log10(),
            Kind::Symlog { threshold } if value.abs() <= threshold => value / threshold,
            Kind::Symlog { threshold } => value.signum() * (1.0 + (value.abs() / threshold).log10()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions() -> Result<(), FigureError> {
        for (scale, value, fraction) in [
            (Scale::linear(-1.0, 1.0)?, 0.5, 0.75),
            (Scale::linear(20.0, 1.0)?, 20.0, 0.0),
            (Scale::log(1.0, 1e4)?, 100.0, 0.5),
            (Scale::symlog(-1.0, 1.0, 1e-3)?, 0.0, 0.5),
            (Scale::symlog(-1.0, 1.0, 1e-3)?, 1e-3, 0.625),
            (Scale::symlog(-1.0, 1.0, 1e-3)?, -1e-1, 0.125),
        ] {
            assert!((scale.fraction(value) - fraction).abs() < 1e-12, "{scale:?} {value}");
        }
        assert_eq!(Scale::log(1.0, 10.0)?.fraction(0.0), f64::NEG_INFINITY);
        Ok(())
    }

    #[test]
    fn impossible_ranges_are_errors() {
        assert!(Scale::linear(1.0, 1.0).is_err());
        assert!(Scale::linear(f64::NAN, 1.0).is_err());
        assert!(Scale::linear(-f64::MAX, f64::MAX).is_err());
        assert!(Scale::log(0.0, 1.0).is_err());
        assert!(Scale::symlog(-1.0, 1.0, 0.0).is_err());
        assert!(Scale::symlog(-1.0, 1.0, f64::NAN).is_err());
    }
}
