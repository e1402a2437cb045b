"""The exceptions of the package: every one is a subclass of :class:`Error`, and of the built-in class that fits.

An error says what is wrong, where, what was got and what was wanted. The extension module raises the same classes.
"""

from __future__ import annotations

__all__ = [
    "Error",
    "FileError",
    "InputError",
    "InternalError",
    "NotCertifiedError",
    "NotComputedError",
    "NotConvergedError",
    "NotDeterministicError",
    "NotFiniteError",
    "NotPositiveError",
    "NotSymmetricError",
    "TooLargeError",
    "UnsupportedModelError",
    "Warning",
    "WrongTypeError",
]


class Error(Exception):
    """The class of all errors of heigen.

    ``what`` is the complaint in one sentence; ``where``, ``got`` and ``wanted`` are given where they say more.
    """

    what: str
    where: str | None
    got: object
    wanted: object

    def __init__(
        self, what: str, where: str | None = None, got: object = None, wanted: object = None
    ) -> None:
        self.what, self.where, self.got, self.wanted = what, where, got, wanted
        super().__init__(what)

    def __str__(self) -> str:
        text = self.what if self.where is None else f"{self.where}: {self.what}"
        if self.got is not None:
            text += f"; got {self.got}"
        if self.wanted is not None:
            text += f"{',' if self.got is not None else ';'} wanted {self.wanted}"
        return text

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.what, self.where, self.got, self.wanted), self.__dict__


class InputError(Error, ValueError):
    """An argument has a value that cannot be used: a shape that does not fit, an empty choice, an unknown name."""


class NotComputedError(InputError, AttributeError):
    """An analysis was not asked for a number or an array that it therefore has not: to ``hasattr`` it is not there."""


class WrongTypeError(Error, TypeError):
    """An argument is of a type that cannot be used."""


class NotSymmetricError(Error, ValueError):
    """The operator is not symmetric, so that nothing here applies to it."""


class NotDeterministicError(Error, ValueError):
    """The operator gives other products for the same direction, as one does whose data loader shuffles."""


class NotFiniteError(Error, ArithmeticError):
    """A product or a direction has an entry that is infinite or NaN."""


class NotPositiveError(Error, ValueError):
    """A linear system or a logarithm needs a positive definite operator, and this one is not."""


class NotConvergedError(Error, RuntimeError):
    """The products allowed were used up; ``result`` is what was reached."""

    result: object = None


class NotCertifiedError(Error, RuntimeError):
    """The certificate of a result does not hold, so that there is no result."""


class TooLargeError(Error, MemoryError):
    """The memory needed is more than what may be used."""


class UnsupportedModelError(Error, TypeError):
    """A module has a part that the native engine cannot express; :class:`heigen.torch.Hessian` takes any module."""


class FileError(Error, OSError):
    """A file cannot be read or written, or is not what was looked for."""


class InternalError(Error, RuntimeError):
    """A mistake in heigen itself. Please report it with the text of this error."""


class Warning(UserWarning):
    """The class of all warnings of heigen."""
