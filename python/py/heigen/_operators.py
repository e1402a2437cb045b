"""Symmetric operators, known by their products with blocks of directions, and expressions of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from heigen._arguments import array, finite
from heigen._coordinates import names_within, ranges_of
from heigen._errors import InputError

if TYPE_CHECKING:
    from heigen._homes import Home

__all__ = ["Operator", "Restricted", "Scaled", "Shifted", "Sum", "as_operator"]


class Operator:
    """A symmetric linear map of R^P.

    A subclass sets ``_length`` (P), ``_dtype`` (float32 or float64) and, where its vectors do not live in the host's
    memory, ``_home``; and it writes one method, :meth:`_apply_into`.
    """

    _length: int
    _dtype: np.dtype[Any] = np.dtype(np.float64)
    #: Where vectors of this operator live: ``None`` is the memory of the host, as NumPy arrays.
    _home: Home | None = None
    #: Names of ranges of coordinates: (name, first, one past the last).
    _names: Sequence[tuple[str, int, int]] = ()
    #: The number of directions with which a product is the best bargain, for Lanczos; None leaves it to the solver. More
    #: directions take more products in all, so that they pay where a block costs hardly more than a single direction.
    _block: int | None = None
    #: Set once the operator has been found to be symmetric and deterministic; operators known to be so set it beforehand.
    _probed: bool = False

    def _apply_into(self, rows: Any, out: Any) -> None:
        """Write the products with the directions ``rows`` into ``out``.

        Both are [k, P] and contiguous, one direction a row: NumPy arrays in the operator's dtype, or what the home's
        blocks are. ``rows`` can only be read; ``out`` holds nothing that may be relied on.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define _apply_into")

    def _recompute_into(self, rows: Any, out: Any, trial: int) -> bool:
        """Write the products once more, with arithmetic that rounds otherwise, such as float64 where the operator's own is
        float32; False, and nothing written, where there is no other arithmetic. Certificates tell by it what rounding did to
        the matrix itself."""
        return False

    def _expression(self) -> tuple[Any, ...] | None:
        """What solvers make of an expression: its kind, and its parts."""
        return None

    def _describe(self) -> str:
        """The middle of ``repr(self)``."""
        return type(self).__name__

    @property
    def shape(self) -> tuple[int, int]:
        """(P, P)."""
        return self._length, self._length

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the entries of vectors: float32 or float64."""
        return self._dtype

    @property
    def device(self) -> str:
        """Where vectors live, as PyTorch writes it: "cpu", "cuda:0"."""
        return "cpu" if self._home is None else str(self._home.device)

    @property
    def names(self) -> list[tuple[str, int, int]]:
        """Names of ranges of coordinates, such as parameters: (name, first, one past the last)."""
        return list(self._names)

    def __repr__(self) -> str:
        where = "" if self.device == "cpu" else f" on {self.device}"
        return f"<heigen {self._describe()} [{self._length} x {self._length}], {self._dtype}{where}>"

    def matmat(self, directions: Any) -> Any:
        """The products A V with the columns of V [P, k]; the result is an array or a tensor like V."""
        rows, like = self._rows_of(directions)
        if self._home is None:
            out = np.empty(rows.shape, self._dtype)
        else:
            out = self._home.zeros(len(rows))
        self._apply_into(rows, out)
        return _columns_like(self._home, out, like)

    def matvec(self, direction: Any) -> Any:
        """The product A v with one direction v [P]."""
        return self.matmat(direction)

    def __matmul__(self, directions: Any) -> Any:
        return self.matmat(directions)

    # NumPy must leave `array @ operator` and `number * operator` to this class.
    __array_ufunc__ = None

    def _rows_of(self, directions: Any) -> tuple[Any, Any]:
        """Directions [P] or [P, k] of the user's as a block [k, P] in this operator's home; and an example of their form."""
        if not hasattr(directions, "shape"):
            directions = array(directions, "directions")
        shape = tuple(directions.shape)
        if len(shape) not in (1, 2) or shape[0] != self._length:
            wanted = f"({self._length},) or ({self._length}, k)"
            raise InputError("directions do not fit the operator", type(self).__name__, shape, wanted)
        tensor = hasattr(directions, "detach")
        like = (len(shape) == 1, directions if tensor else None)
        if len(shape) == 1:
            directions = directions.reshape(-1, 1)
        if self._home is not None:
            return self._home.block(directions), like
        return np.ascontiguousarray(array(directions, "directions").T, dtype=self._dtype), like

    # Expressions.

    def __add__(self, other: Any) -> Operator:
        return Sum(self, as_operator(other, n=self._length, dtype=self._dtype))

    def __radd__(self, other: Any) -> Operator:
        if isinstance(other, int) and other == 0:
            # What `sum` begins with.
            return self
        return Sum(as_operator(other, n=self._length, dtype=self._dtype), self)

    def __sub__(self, other: Any) -> Operator:
        return self + Scaled(as_operator(other, n=self._length, dtype=self._dtype), -1.0)

    def __rsub__(self, other: Any) -> Operator:
        return as_operator(other, n=self._length, dtype=self._dtype) + Scaled(self, -1.0)

    def __mul__(self, factor: Any) -> Operator:
        return Scaled(self, finite(factor, "the factor of an operator"))

    __rmul__ = __mul__

    def __truediv__(self, divisor: Any) -> Operator:
        number = finite(divisor, "the divisor of an operator")
        if number == 0.0:
            raise InputError("an operator cannot be divided by zero", "the divisor of an operator")
        return Scaled(self, 1.0 / number)

    def __neg__(self) -> Operator:
        return Scaled(self, -1.0)

    def shift(self, shift: float) -> Operator:
        """A + shift I."""
        return Shifted(self, finite(shift, "the shift of an operator"))

    def restrict(self, coordinates: Any) -> Operator:
        """The block of some coordinates, with all others held fixed.

        ``coordinates`` are a ``range`` or ``slice``, a pair (start, stop), a list of ranges or pairs, an array of indices
        or a mask of booleans [P], or a name or names out of :attr:`names`, or of layers: "0" stands for "0.weight" and
        "0.bias". Their order is that of the operator.
        """
        return Restricted(self, coordinates)

    def to_scipy(self) -> Any:
        """This operator as a :class:`scipy.sparse.linalg.LinearOperator`, whose vectors are NumPy arrays."""
        from scipy.sparse.linalg import LinearOperator

        def product(directions: Any) -> Any:
            return self.matmat(np.asarray(directions))

        return LinearOperator(
            self.shape, matvec=product, rmatvec=product, matmat=product, rmatmat=product, dtype=self._dtype
        )


def _columns_like(home: Home | None, rows: Any, like: tuple[bool, Any]) -> Any:
    """A block [k, P] as columns [P, k], or as [P], in the form of the user's directions."""
    single, tensor = like
    if tensor is None:
        host = rows if home is None else home.to_host(rows)
        return host[0] if single else host.T
    if home is None:
        import torch

        rows = torch.from_numpy(rows)
    result = rows.to(tensor.device)
    return result[0] if single else result.T


class _OfOperators(Operator):
    """An expression; its products are here for ``op @ V`` only, solvers build the same expression natively."""

    _parts: tuple[Operator, ...]

    def __init__(self, *parts: Operator) -> None:
        first = parts[0]
        for other in parts[1:]:
            if other.shape != first.shape:
                raise InputError("operators of different sizes", got=other.shape, wanted=first.shape)
            if other._dtype != first._dtype:
                raise InputError("operators of different types", got=other._dtype, wanted=first._dtype)
            if other.device != first.device:
                raise InputError("operators on different devices", got=other.device, wanted=first.device)
        self._parts = parts
        self._block = first._block
        self._length, self._dtype, self._home = first._length, first._dtype, first._home
        self._names = first._names

    def _empty(self, rows: Any) -> Any:
        return np.empty_like(rows) if self._home is None else self._home.zeros(len(rows))


class Sum(_OfOperators):
    """A + B; a sum of sums is one sum, however many terms it has."""

    def __init__(self, first: Operator, second: Operator) -> None:
        terms = [operator._parts if type(operator) is Sum else (operator,) for operator in (first, second)]
        super().__init__(*terms[0], *terms[1])

    def _apply_into(self, rows: Any, out: Any) -> None:
        self._parts[0]._apply_into(rows, out)
        term = self._empty(rows)
        for part in self._parts[1:]:
            part._apply_into(rows, term)
            out += term

    def _expression(self) -> tuple[Any, ...]:
        return "sum", *self._parts

    def _describe(self) -> str:
        shown = [part._describe() for part in self._parts[:3]]
        return f"({' + '.join(shown)}{' + ...' if len(self._parts) > 3 else ''})"


class Scaled(_OfOperators):
    """c A."""

    def __init__(self, operator: Operator, factor: float) -> None:
        super().__init__(operator)
        self._factor = factor

    def _apply_into(self, rows: Any, out: Any) -> None:
        self._parts[0]._apply_into(rows, out)
        out *= self._factor

    def _expression(self) -> tuple[Any, ...]:
        return "scaled", self._parts[0], self._factor

    def _describe(self) -> str:
        return f"{self._factor:g} {self._parts[0]._describe()}"


class Shifted(_OfOperators):
    """A + mu I."""

    def __init__(self, operator: Operator, shift: float) -> None:
        super().__init__(operator)
        self._shift = shift

    def _apply_into(self, rows: Any, out: Any) -> None:
        self._parts[0]._apply_into(rows, out)
        out += self._shift * rows

    def _expression(self) -> tuple[Any, ...]:
        return "shifted", self._parts[0], self._shift

    def _describe(self) -> str:
        return f"({self._parts[0]._describe()} + {self._shift:g} I)"


class Restricted(_OfOperators):
    """The block of an operator that belongs to some of its coordinates."""

    def __init__(self, operator: Operator, coordinates: Any) -> None:
        super().__init__(operator)
        self._ranges = ranges_of(coordinates, operator._length, operator._names)
        self._length = sum(stop - start for start, stop in self._ranges)
        self._home = None if operator._home is None else operator._home.of_rows(self._ranges)
        self._names = list(names_within(operator._names, self._ranges))

    def _apply_into(self, rows: Any, out: Any) -> None:
        whole = self._parts[0]
        if whole._home is None:
            wide = np.zeros((len(rows), whole._length), self._dtype)
        else:
            wide = whole._home.zeros(len(rows))
        products = wide * 0
        for (start, stop), place in zip(self._ranges, self._places()):
            wide[:, start:stop] = rows[:, place : place + stop - start]
        whole._apply_into(wide, products)
        for (start, stop), place in zip(self._ranges, self._places()):
            out[:, place : place + stop - start] = products[:, start:stop]

    def _places(self) -> list[int]:
        lengths = [stop - start for start, stop in self._ranges]
        return [0, *np.cumsum(lengths[:-1]).tolist()]

    def _expression(self) -> tuple[Any, ...]:
        return "restricted", self._parts[0], self._ranges

    def _describe(self) -> str:
        return f"{self._parts[0]._describe()} restricted to {self._length} coordinates"


# Sums take whatever can be made an operator. What that is builds on the class of operators, so that it comes last.
from heigen._sources import as_operator  # noqa: E402
