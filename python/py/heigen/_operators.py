"""Symmetric operators, known by their products with blocks of directions, and expressions of them."""

from __future__ import annotations

from collections.abc import Callable as Function
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from heigen._errors import InputError, WrongTypeError

if TYPE_CHECKING:
    from heigen._homes import Home

__all__ = [
    "Callable",
    "Dense",
    "FromProducts",
    "Operator",
    "Restricted",
    "Scaled",
    "Shifted",
    "Sum",
    "as_operator",
]


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
        shape = tuple(getattr(directions, "shape", ()))
        if len(shape) not in (1, 2) or shape[0] != self._length:
            wanted = f"({self._length},) or ({self._length}, k)"
            raise InputError("directions do not fit the operator", type(self).__name__, shape, wanted)
        tensor = hasattr(directions, "detach")
        like = (len(shape) == 1, directions if tensor else None)
        if len(shape) == 1:
            directions = directions.reshape(-1, 1)
        if self._home is not None:
            return self._home.block(directions), like
        if tensor:
            directions = directions.detach().cpu().numpy()
        return np.ascontiguousarray(np.asarray(directions).T, dtype=self._dtype), like

    # Expressions.

    def __add__(self, other: Any) -> Operator:
        return Sum(self, as_operator(other, n=self._length, dtype=self._dtype))

    def __radd__(self, other: Any) -> Operator:
        return Sum(as_operator(other, n=self._length, dtype=self._dtype), self)

    def __sub__(self, other: Any) -> Operator:
        return self + Scaled(as_operator(other, n=self._length, dtype=self._dtype), -1.0)

    def __mul__(self, factor: Any) -> Operator:
        return Scaled(self, _number(factor, "the factor of an operator"))

    __rmul__ = __mul__

    def __truediv__(self, divisor: Any) -> Operator:
        return Scaled(self, 1.0 / _number(divisor, "the divisor of an operator"))

    def __neg__(self) -> Operator:
        return Scaled(self, -1.0)

    def shift(self, shift: float) -> Operator:
        """A + shift I."""
        return Shifted(self, _number(shift, "the shift of an operator"))

    def restrict(self, coordinates: Any) -> Operator:
        """The block of some coordinates, with all others held fixed.

        ``coordinates`` are a ``range`` or ``slice``, a pair (start, stop), a list of ranges or pairs, an array of indices
        or a mask of booleans [P], or a name or names out of :attr:`names`. Their order is that of the operator.
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


def _number(value: Any, what: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise WrongTypeError(f"{what} is not a number", got=type(value).__name__) from None
    if not np.isfinite(number):
        raise InputError(f"{what} is not finite", got=number)
    return number


class Dense(Operator):
    """A symmetric matrix as an operator."""

    def __init__(self, matrix: Any) -> None:
        matrix = np.asarray(matrix)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise InputError("a matrix must be square to be an operator", got=matrix.shape)
        self._dtype = _dtype(matrix.dtype)
        self._matrix = np.ascontiguousarray(matrix, dtype=self._dtype)
        self._length = len(matrix)

    def _apply_into(self, rows: Any, out: Any) -> None:
        # Row v^T A^T of each direction; no use is made of symmetry, so that an asymmetric matrix is seen to be one.
        # What is infinite or NaN is found by the solver.
        with np.errstate(all="ignore"):
            np.matmul(rows, self._matrix.T, out=out)


class FromProducts(Operator):
    """Any object with ``shape`` and ``matmat`` or ``matvec``, such as SciPy's ``LinearOperator``."""

    def __init__(self, source: Any, dtype: Any = None) -> None:
        shape = tuple(source.shape)
        if len(shape) != 2 or shape[0] != shape[1]:
            raise InputError("an operator must be square", type(source).__name__, shape)
        self._length = int(shape[0])
        self._dtype = _dtype(dtype if dtype is not None else getattr(source, "dtype", None))
        self._source = source

    def _apply_into(self, rows: Any, out: Any) -> None:
        if hasattr(self._source, "matmat"):
            out[...] = _checked(self._source.matmat(rows.T), rows.T.shape, self._describe()).T
        else:
            for row, result in zip(rows, out):
                result[...] = _checked(self._source.matvec(row), row.shape, self._describe())

    def _describe(self) -> str:
        return f"operator from {type(self._source).__name__}"


class Callable(Operator):
    """A function v -> A v as an operator.

    With ``block=True`` the function takes [P, k] and gives [P, k], otherwise [P] and [P].
    """

    def __init__(self, function: Function[[Any], Any], n: int, dtype: Any = None, block: bool = False) -> None:
        if not isinstance(n, int) or n < 1:
            raise InputError("the length of vectors must be a positive integer", "n", n)
        self._length = n
        self._dtype = _dtype(dtype)
        self._function = function
        self._takes_blocks = block

    def _apply_into(self, rows: Any, out: Any) -> None:
        if self._takes_blocks:
            out[...] = _checked(self._function(rows.T), rows.T.shape, self._describe()).T
        else:
            for row, result in zip(rows, out):
                result[...] = _checked(self._function(row), row.shape, self._describe())

    def _describe(self) -> str:
        return f"operator from {getattr(self._function, '__name__', type(self._function).__name__)}"


def _checked(product: Any, shape: tuple[int, ...], where: str) -> Any:
    """A product as an array, where it has the shape of its directions."""
    if hasattr(product, "detach"):
        product = product.detach().cpu()
    array = np.asarray(product)
    if array.dtype.kind not in "fiub":
        raise WrongTypeError("a product is not an array of real numbers", where, array.dtype)
    if array.shape != shape:
        if array.size == np.prod(shape, dtype=int) and len(shape) == 1:
            return array.reshape(shape)
        raise InputError("a product has another shape than its directions", where, array.shape, shape)
    return array


def _dtype(dtype: Any) -> np.dtype[Any]:
    """float32 stays, and all else that real numbers can be is computed in float64."""
    # PyTorch's types have the names of NumPy's.
    name = str(dtype).removeprefix("torch.") if type(dtype).__module__ == "torch" else dtype
    try:
        given: np.dtype[Any] = np.dtype(np.float64 if name is None else name)
    except TypeError:
        raise WrongTypeError("this is no type of numbers", "dtype", dtype, "float32 or float64") from None
    if given == np.float32:
        return given
    if given.kind in "fiub":
        return np.dtype(np.float64)
    raise WrongTypeError("an operator has real entries", got=given)


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
    """A + B."""

    def __init__(self, first: Operator, second: Operator) -> None:
        super().__init__(first, second)

    def _apply_into(self, rows: Any, out: Any) -> None:
        self._parts[0]._apply_into(rows, out)
        second = self._empty(rows)
        self._parts[1]._apply_into(rows, second)
        out += second

    def _expression(self) -> tuple[Any, ...]:
        return "sum", *self._parts

    def _describe(self) -> str:
        return f"({self._parts[0]._describe()} + {self._parts[1]._describe()})"


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
        self._names = list(_names_within(operator._names, self._ranges))

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


def _names_within(
    names: Iterable[tuple[str, int, int]], ranges: list[tuple[int, int]]
) -> Iterable[tuple[str, int, int]]:
    """The names whose coordinates were all chosen, with their new places."""
    for name, start, stop in names:
        place = 0
        for first, last in ranges:
            if first <= start and stop <= last:
                yield name, place + start - first, place + stop - first
            place += last - first


def ranges_of(
    coordinates: Any, length: int, names: Sequence[tuple[str, int, int]] = ()
) -> list[tuple[int, int]]:
    """A choice of coordinates as ascending ranges (first, one past the last) that neither overlap nor touch."""
    where = "the choice of coordinates"
    if isinstance(coordinates, (str, range, slice)) or (
        isinstance(coordinates, tuple) and len(coordinates) == 2 and all(isinstance(c, int) for c in coordinates)
    ):
        coordinates = [coordinates]
    pairs: list[tuple[int, int]] = []
    chosen = list(coordinates) if isinstance(coordinates, (list, tuple)) else None
    if chosen and not isinstance(chosen[0], (int, bool, np.integer, np.bool_)):
        known = {name: (start, stop) for name, start, stop in names}
        for one in chosen:
            if isinstance(one, str):
                if one not in known:
                    raise InputError(f"there is no parameter named {one!r}", where, wanted=", ".join(known) or None)
                pairs.append(known[one])
            elif isinstance(one, (range, slice)):
                step = 1 if one.step is None else one.step
                start = 0 if one.start is None else one.start
                stop = length if one.stop is None else one.stop
                if step == 1:
                    pairs.append((start, stop))
                else:
                    pairs.extend((i, i + 1) for i in sorted(range(start, stop, step)))
            elif isinstance(one, tuple) and len(one) == 2:
                pairs.append((int(one[0]), int(one[1])))
            else:
                raise WrongTypeError("ranges, pairs (start, stop) or names are expected", where, type(one).__name__)
    else:
        indices = np.asarray(coordinates)
        if indices.dtype == bool:
            if indices.shape != (length,):
                raise InputError("a mask must be as long as vectors are", where, indices.shape, (length,))
            indices = np.flatnonzero(indices)
        if indices.ndim != 1 or (indices.size and indices.dtype.kind not in "iu"):
            raise InputError("indices must be a list of integers", where, f"{indices.dtype} {indices.shape}")
        pairs = [(int(i), int(i) + 1) for i in np.sort(indices)]
    for start, stop in pairs:
        if not 0 <= start <= stop <= length:
            raise InputError(f"the range {start}..{stop} does not lie in the vector", where, wanted=f"within 0..{length}")
    joined: list[tuple[int, int]] = []
    for start, stop in sorted(pair for pair in pairs if pair[0] < pair[1]):
        if joined and start < joined[-1][1]:
            raise InputError(f"coordinate {start} is chosen twice", where)
        if joined and start == joined[-1][1]:
            joined[-1] = joined[-1][0], stop
        else:
            joined.append((start, stop))
    if not joined:
        raise InputError("nothing is chosen", where)
    return joined


def as_operator(obj: Any, n: int | None = None, dtype: Any = None) -> Operator:
    """Any symmetric operator as heigen's: what all solvers do with their first argument.

    Taken are heigen's own operators; objects with ``shape`` and ``matmat`` or ``matvec``, such as SciPy's
    ``LinearOperator``, or with a method ``to_scipy`` that makes one, such as curvlinops'; square arrays and SciPy's sparse matrices; and, with ``n``, a function v -> A v.
    """
    if isinstance(obj, Operator):
        return obj
    if hasattr(obj, "matmat") or hasattr(obj, "matvec"):
        return FromProducts(obj, dtype)
    if callable(getattr(obj, "to_scipy", None)):
        return FromProducts(obj.to_scipy(), dtype)
    if hasattr(obj, "detach"):
        obj = obj.detach().cpu().numpy()
    if isinstance(obj, np.ndarray) or isinstance(obj, (list, tuple)):
        return Dense(obj if dtype is None else np.asarray(obj, dtype))
    if hasattr(obj, "tocsr") and hasattr(obj, "shape"):
        from scipy.sparse.linalg import aslinearoperator

        return FromProducts(aslinearoperator(obj), dtype)
    if callable(obj):
        if n is None:
            raise InputError("a function needs the length of its vectors to be an operator", "n", wanted="n=P")
        return Callable(obj, n, dtype)
    wanted = "an operator, an object with shape and matmat or matvec, a square array, or a function with n="
    raise WrongTypeError("this is not an operator", got=type(obj).__name__, wanted=wanted)
