//! Errors of Rust as exceptions of Python. The classes are those of `heigen._errors`.

use heigen_spectra::linalg::EigenError;
use heigen_spectra::{EstimateError, Failure, IndexRangesError, SpectrumError};
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// The classes of `heigen._errors` that are raised from here.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Class {
    Error,
    Input,
    Internal,
    NotCertified,
    NotDeterministic,
    NotFinite,
    NotPositive,
    NotSymmetric,
    TooLarge,
    WrongType,
}

impl Class {
    fn name(self) -> &'static str {
        match self {
            Self::Error => "Error",
            Self::Input => "InputError",
            Self::Internal => "InternalError",
            Self::NotCertified => "NotCertifiedError",
            Self::NotDeterministic => "NotDeterministicError",
            Self::NotFinite => "NotFiniteError",
            Self::NotPositive => "NotPositiveError",
            Self::NotSymmetric => "NotSymmetricError",
            Self::TooLarge => "TooLargeError",
            Self::WrongType => "WrongTypeError",
        }
    }
}

/// What is wrong; where, what was got, and what was wanted, where that says more.
#[derive(Clone, Debug, Default)]
pub(crate) struct Complaint {
    pub(crate) what: String,
    pub(crate) place: Option<String>,
    pub(crate) got: Option<String>,
    pub(crate) wanted: Option<String>,
}

/// The exception of a class of `heigen._errors`.
pub(crate) fn exception(class: Class, complaint: Complaint) -> PyErr {
    static ERRORS: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    Python::attach(|py| {
        let made = || -> PyResult<PyErr> {
            let errors = ERRORS.get_or_try_init(py, || py.import("heigen._errors").map(Bound::unbind))?;
            let Complaint { what, place, got, wanted } = complaint;
            let value = errors.bind(py).getattr(class.name())?.call1((what, place, got, wanted))?;
            Ok(PyErr::from_value(value))
        };
        made().unwrap_or_else(|error| error)
    })
}

/// The exception of a class with a text alone.
#[expect(clippy::needless_pass_by_value, reason = "a text, or an error that ends here")]
pub(crate) fn error(class: Class, what: impl ToString) -> PyErr {
    exception(class, Complaint { what: what.to_string(), ..Complaint::default() })
}

/// The exception of an operation that was stopped by its watch without an exception of Python's.
pub(crate) fn interrupted() -> PyErr {
    PyKeyboardInterrupt::new_err(())
}

/// The exception of a failed product or operation; one that came from Python goes back as it is.
pub(crate) fn of_failure(failure: Failure) -> PyErr {
    match failure {
        Failure::Stopped(_) => interrupted(),
        Failure::NotFinite => error(Class::NotFinite, Failure::NotFinite),
        Failure::Eigen(EigenError::Memory(size)) => error(Class::TooLarge, EigenError::Memory(size)),
        Failure::Eigen(other) => error(Class::Error, other),
        Failure::Operator(inner) => match inner.downcast::<PyErr>() {
            Ok(error) => *error,
            Err(other) if other.is::<IndexRangesError>() => error(Class::Input, other),
            Err(other) => error(Class::Error, other),
        },
    }
}

/// The exception of a spectrum that was not found.
pub(crate) fn of_spectrum(failed: SpectrumError) -> PyErr {
    match failed {
        SpectrumError::Failed(failure) => of_failure(failure),
        SpectrumError::TooLarge { .. } => error(Class::TooLarge, failed),
        SpectrumError::NotCertified { .. } => error(Class::NotCertified, failed),
        SpectrumError::HighRank { .. } | SpectrumError::NeedsFloat64 => error(Class::Input, failed),
    }
}

/// The exception of an estimate that was not made.
pub(crate) fn of_estimate(failed: EstimateError) -> PyErr {
    match failed {
        EstimateError::Failed(failure) => of_failure(failure),
        EstimateError::NotPositive { .. } => error(Class::NotPositive, failed),
        EstimateError::TooFew { .. } => error(Class::Input, failed),
    }
}
