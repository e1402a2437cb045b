"""Operators from elsewhere: matrices, functions, and the operators of other libraries."""

from __future__ import annotations

from collections.abc import Callable as Function
from typing import Any

import numpy as np

from heigen._arguments import array, dtype_of
from heigen._errors import InputError, WrongTypeError
from heigen._operators import Operator

__all__ = ["Callable", "Dense", "FromProducts", "as_operator"]


class Dense(Operator):
    """A symmetric matrix as an operator."""

    def __init__(self, matrix: Any, dtype: Any = None) -> None:
        matrix = array(matrix, "matrix")
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise InputError("a matrix must be square to be an operator", got=matrix.shape)
        self._dtype = dtype_of(matrix.dtype if dtype is None else dtype)
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
        shape: Any = getattr(source, "shape", None)
        sides = list(shape) if hasattr(shape, "__len__") and not isinstance(shape, str) else []
        if len(sides) != 2 or not all(hasattr(side, "__index__") for side in sides):
            raise WrongTypeError("an operator has the shape (P, P)", type(source).__name__, shape, "a pair of whole numbers")
        if sides[0] != sides[1] or sides[0] < 1:
            raise InputError("an operator must be square", type(source).__name__, tuple(sides))
        if not callable(getattr(source, "matmat", None)) and not callable(getattr(source, "matvec", None)):
            raise WrongTypeError("the products of an operator are functions", type(source).__name__, "matmat or matvec that is none")
        self._length = int(sides[0])
        self._dtype = dtype_of(dtype if dtype is not None else getattr(source, "dtype", None))
        self._source = source

    def _apply_into(self, rows: Any, out: Any) -> None:
        if callable(getattr(self._source, "matmat", None)):
            out[...] = _checked(self._source.matmat(rows.T), rows.T.shape, self)
        else:
            for row, result in zip(rows, out):
                result[...] = _checked(self._source.matvec(row), row.shape, self)

    def _describe(self) -> str:
        return f"operator from {type(self._source).__name__}"


class Callable(Operator):
    """A function v -> A v as an operator.

    With ``block=True`` the function takes [P, k] and gives [P, k], otherwise [P] and [P].
    """

    def __init__(self, function: Function[[Any], Any], n: int, dtype: Any = None, block: bool = False) -> None:
        try:
            length = 0 if isinstance(n, (bool, np.bool_)) else int(n.__index__())
        except (AttributeError, TypeError):
            length = 0
        if length < 1:
            raise InputError("the length of vectors must be a positive integer", "n", n)
        self._length = length
        self._dtype = dtype_of(dtype)
        self._function = function
        self._takes_blocks = block

    def _apply_into(self, rows: Any, out: Any) -> None:
        if self._takes_blocks:
            out[...] = _checked(self._function(rows.T), rows.T.shape, self)
        else:
            for row, result in zip(rows, out):
                result[...] = _checked(self._function(row), row.shape, self)

    def _describe(self) -> str:
        return f"operator from {getattr(self._function, '__name__', type(self._function).__name__)}"


def _checked(product: Any, shape: tuple[int, ...], operator: Operator) -> Any:
    """A product as a row, or as rows, where it has the shape of its directions."""
    where = operator._describe()
    found = array(product, f"a product of {where}")
    if found.shape != shape:
        if found.size == np.prod(shape, dtype=int) and len(shape) == 1:
            found = found.reshape(shape)
        else:
            raise InputError("a product has another shape than its directions", where, found.shape, shape)
    if operator.dtype == np.float64 and found.dtype in (np.float32, np.float16):
        wanted = 'products in float64, or as_operator(..., dtype="float32")'
        raise InputError("products in a short type have not the digits of an operator in float64", where, found.dtype, wanted)
    return found.T


def as_operator(obj: Any, n: int | None = None, dtype: Any = None, *, block: bool = False) -> Operator:
    """Any symmetric operator as heigen's: what all solvers do with their first argument.

    Taken are heigen's own operators; objects with ``shape`` and ``matmat`` or ``matvec``, such as SciPy's
    ``LinearOperator``, or with a method ``to_scipy`` that makes one, such as curvlinops'; square arrays and SciPy's sparse matrices; and, with ``n``, a function v -> A v, of one
    direction [P] at a time or, with ``block=True``, of several, [P, k].
    """
    if isinstance(obj, Operator):
        return obj
    kinds = {f"{kind.__module__}.{kind.__name__}" for kind in type(obj).__mro__}
    if "torch.nn.modules.module.Module" in kinds:
        wanted = "heigen.torch.Hessian(model, (X, y), loss_fn), or heigen.operator(model, X, y)"
        raise WrongTypeError("a module is no operator, its Hessian is one", got=type(obj).__name__, wanted=wanted)
    if "heigen._analysis.Analysis" in kinds:
        wanted = "analysis.operator(), or the analysis's own eigenvalues and eigenvectors"
        raise WrongTypeError("an analysis is no operator, its matrix is one", got=f"the analysis of {obj.name}", wanted=wanted)
    if kinds & {"heigen._results.Spectrum", "heigen._results.EigenPairs"}:
        wanted = "the operator that it was computed of"
        raise WrongTypeError("eigenpairs are no operator", got=f"a {type(obj).__name__}", wanted=wanted)
    if hasattr(obj, "matmat") or hasattr(obj, "matvec"):
        return FromProducts(obj, dtype)
    if callable(getattr(obj, "to_scipy", None)):
        return FromProducts(obj.to_scipy(), dtype)
    if hasattr(obj, "detach") or isinstance(obj, (np.ndarray, list, tuple)):
        return Dense(obj, dtype)
    if hasattr(obj, "__array__") and len(getattr(obj, "shape", ())) == 2 and not hasattr(obj, "tocsr"):
        # Arrays of other libraries, such as JAX.
        return Dense(obj, dtype)
    if hasattr(obj, "tocsr") and hasattr(obj, "shape"):
        from scipy.sparse.linalg import aslinearoperator

        return FromProducts(aslinearoperator(obj), dtype)
    if callable(obj):
        if n is None:
            raise InputError("a function needs the length of its vectors to be an operator", "n", wanted="n=P")
        return Callable(obj, n, dtype, block)
    wanted = "an operator, an object with shape and matmat or matvec, a square array, or a function with n="
    raise WrongTypeError("this is not an operator", got=type(obj).__name__, wanted=wanted)
