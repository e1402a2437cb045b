//! Numbers that are known by sampling, with their standard errors.

use crate::linalg::{EigenError, SQUARES, exponent, times_power_of_two};
use crate::ordinary::Ordinary;
use crate::{Failure, Stopped};

/// A mean over samples and its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub value: f64,
    /// The standard error: sqrt(sum (x_i - mean)^2 / (s (s - 1))) over s samples; infinite for one sample.
    pub standard_error: f64,
}

impl Estimate {
    /// Mean and standard error of independent samples.
    pub(crate) fn of(samples: &[f64]) -> Self {
        let s = samples.len() as f64;
        let value = samples.iter().sum::<f64>() / s;
        if s < 2.0 {
            return Self { value, standard_error: f64::INFINITY };
        }
        let error = |n: i32| {
            let squares: f64 = samples.iter().map(|x| times_power_of_two(x - value, -n).powi(2)).sum();
            (squares, times_power_of_two((squares / (s * (s - 1.0))).sqrt(), n))
        };
        let (squares, standard_error) = error(0);
        let largest = samples.iter().fold(0.0f64, |m, x| m.max((x - value).abs()));
        // Squares of huge and of tiny deviations are no numbers any more; those of the deviations over 2^n are.
        let far = !SQUARES.contains(&squares) && largest > 0.0 && largest.is_finite();
        Self { value, standard_error: if far { error(exponent(largest)).1 } else { standard_error } }
    }

    /// The estimate for an operator of any scale from that for the same operator at an ordinary one.
    pub(crate) fn back<O: ?Sized>(self, ordinary: &Ordinary<'_, O>) -> Self {
        Self { value: ordinary.back(self.value), standard_error: ordinary.back(self.standard_error) }
    }

    /// The estimate of `factor` times the quantity.
    pub(crate) fn scaled(self, factor: f64) -> Self {
        Self { value: self.value * factor, standard_error: self.standard_error * factor.abs() }
    }
}

/// Why an estimate could not be made.
#[derive(Debug, thiserror::Error)]
pub enum EstimateError {
    /// Too few samples or steps for the quantity asked for.
    #[error("{what} is {got}; expected {wanted} or more")]
    TooFew {
        /// The option.
        what: &'static str,
        /// Its value.
        got: usize,
        /// The smallest value that makes sense.
        wanted: usize,
    },
    /// A + mu I is not positive definite, so that its logarithm does not exist.
    #[error(
        "the operator has eigenvalues down to {smallest:.3e}, which a damping of {damping:.3e} does not make positive"
    )]
    NotPositive {
        /// The smallest node of the quadrature, an upper bound on the smallest eigenvalue.
        smallest: f64,
        /// mu.
        damping: f64,
    },
    /// A product or an operation on vectors failed, or the watch stopped the computation.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<EigenError> for EstimateError {
    fn from(error: EigenError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Stopped> for EstimateError {
    fn from(stopped: Stopped) -> Self {
        Self::Failed(stopped.into())
    }
}

pub(crate) fn at_least(what: &'static str, got: usize, wanted: usize) -> Result<(), EstimateError> {
    if got < wanted { Err(EstimateError::TooFew { what, got, wanted }) } else { Ok(()) }
}
