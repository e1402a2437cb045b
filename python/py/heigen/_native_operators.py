"""Operators of the native engine, whose products never enter Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heigen._errors import WrongTypeError
from heigen._operators import Operator

__all__ = ["NativeOperator", "Reordered"]


class _OfTheEngine(Operator):
    """An operator that stands in the engine's memory."""

    _probed = True

    def __deepcopy__(self, memo: Any) -> Any:
        # Nothing changes it.
        return self

    def __reduce__(self) -> Any:
        wanted = "an analysis, which can be pickled, and its analysis.operator() where it arrives"
        raise WrongTypeError("an operator of the engine cannot be pickled", got=repr(self), wanted=wanted)


class NativeOperator(_OfTheEngine):
    """A matrix of the native engine. Solvers work on it without a call to Python."""

    def __init__(self, handle: Any, names: Sequence[tuple[str, int, int]], dtype: str, kind: str) -> None:
        self._native = handle
        self._length = handle.length
        self._dtype = np.dtype(dtype)
        self._names = list(names)
        self._kind = kind

    def _apply_into(self, rows: Any, out: Any) -> None:
        self._native.apply(np.ascontiguousarray(rows, self._dtype), out)

    def _describe(self) -> str:
        return f"native {self._kind}"


class Reordered(_OfTheEngine):
    """A native operator whose coordinates stand in the order of a module's own parameters."""

    def __init__(self, native: NativeOperator, order: NDArray[Any], names: Sequence[tuple[str, int, int]]) -> None:
        self._inner, self._order = native, order
        self._length, self._dtype, self._names = native._length, native._dtype, list(names)

    def _apply_into(self, rows: Any, out: Any) -> None:
        engine = np.empty_like(rows)
        engine[:, self._order] = rows
        products = np.empty_like(engine)
        self._inner._apply_into(engine, products)
        out[...] = products[:, self._order]

    def _describe(self) -> str:
        return self._inner._describe()
