"""Arguments of functions: converted and checked, and named where they cannot be used."""

from __future__ import annotations

from typing import Any

import numpy as np

from heigen._errors import InputError, WrongTypeError

__all__ = ["array", "dtype_of", "finite", "integer", "positive", "seed_of", "text"]


def array(value: Any, where: str | None) -> Any:
    """An array or tensor, or lists of numbers, as a NumPy array of real numbers, or of booleans."""
    try:
        if hasattr(value, "detach"):
            value = value.detach().cpu()
            if value.is_floating_point():
                # NumPy knows fewer types than PyTorch; float64 holds all of them.
                value = value.double() if value.element_size() < 4 else value
            value = value.numpy()
        found = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise WrongTypeError(f"this is no array of numbers ({error})", where, type(value).__name__) from None
    if found.dtype.kind not in "fiub":
        raise WrongTypeError("an array of real numbers is expected", where, found.dtype)
    return found


def dtype_of(dtype: Any) -> np.dtype[Any]:
    """float32 stays, and all else that real numbers can be is computed in float64."""
    # PyTorch's types have the names of NumPy's.
    name = str(dtype).removeprefix("torch.") if str(type(dtype)) == "<class 'torch.dtype'>" else dtype
    try:
        given: np.dtype[Any] = np.dtype(np.float64 if name is None else name)
    except (TypeError, ValueError):
        raise WrongTypeError("this is no type of numbers", "dtype", dtype, "float32 or float64") from None
    if given == np.float32:
        return given
    if given.kind in "fiub":
        return np.dtype(np.float64)
    raise WrongTypeError("an operator has real entries", got=given)



def integer(value: Any, where: str, least: int) -> int:
    """An integer from ``least`` on."""
    if isinstance(value, (bool, np.bool_)):
        raise WrongTypeError("an integer is expected", where, value)
    try:
        number = value.__index__()
    except (AttributeError, TypeError):
        raise WrongTypeError("an integer is expected", where, type(value).__name__) from None
    if number < least:
        raise InputError("the number is too small", where, number, f"{least} or more")
    if number >= 1 << 63:
        raise InputError("the number is too large", where, number, "less than 2^63")
    return int(number)


def seed_of(value: Any) -> int:
    """A seed of random directions."""
    seed = integer(value, "seed", 0)
    if seed >= 1 << 32:
        raise InputError("the seed is too large", "seed", seed, "less than 2^32")
    return seed


def finite(value: Any, where: str) -> float:
    """A number that is neither infinite nor NaN."""
    try:
        number = float(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise WrongTypeError("a number is expected", where, type(value).__name__) from None
    if not np.isfinite(number):
        raise InputError("the number is not finite", where, number)
    return number


def positive(value: Any, where: str) -> float:
    """A number greater than 0."""
    number = finite(value, where)
    if number <= 0.0:
        raise InputError("the number is not positive", where, number)
    return number


def text(value: Any, where: str) -> str:
    """A text."""
    if not isinstance(value, str):
        raise WrongTypeError("a text is expected", where, type(value).__name__)
    return value
