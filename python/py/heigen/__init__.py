"""The curvature of a classifier's loss and what it says about the decision boundary."""

from heigen._errors import (
    Error,
    InputError,
    InternalError,
    NotCertifiedError,
    NotConvergedError,
    NotDeterministicError,
    NotFiniteError,
    NotPositiveError,
    NotSymmetricError,
    TooLargeError,
    Warning,
    WrongTypeError,
)
from heigen._heigen import __version__
from heigen._operators import Operator, as_operator

__all__ = [
    "Error",
    "InputError",
    "InternalError",
    "NotCertifiedError",
    "NotConvergedError",
    "NotDeterministicError",
    "NotFiniteError",
    "NotPositiveError",
    "NotSymmetricError",
    "Operator",
    "TooLargeError",
    "Warning",
    "WrongTypeError",
    "__version__",
    "as_operator",
]
