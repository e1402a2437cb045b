"""Curvature of any JAX function of a tree of parameters.

Products are computed by JAX, compiled once for each shape of a batch, several directions at a time. Directions and
products lie in the host's memory, as NumPy arrays.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from heigen._arguments import integer
from heigen._errors import Error, InputError, NotFiniteError, WrongTypeError
from heigen._operators import Operator

__all__ = ["GGN", "Hessian", "JaxOperator"]

#: Directions that go through the function at once, at most. Blocks are filled up to a power of two, so that few sizes
#: have to be compiled.
TOGETHER = 16


def _x64(needed: bool) -> contextlib.AbstractContextManager[Any]:
    """float64 inside, where JAX does not have it anyway."""
    if not needed or jnp.zeros(0).dtype == np.float64:
        return contextlib.nullcontext()
    enable: Any = getattr(jax, "enable_x64", None)
    if enable is None:
        enable = importlib.import_module("jax.experimental").enable_x64
    return enable(True)  # type: ignore[no-any-return]


def _batches(data: Any) -> list[Any]:
    """One batch, or a list of batches, as a list."""
    if isinstance(data, Iterator):
        wanted = "a list of batches"
        raise InputError("an iterator can be gone through once only", "data", type(data).__name__, wanted)
    if isinstance(data, list):
        return data
    return [data]


def _count(batch: Any) -> int:
    """The number of samples: the first dimension of the first array that has one; 1 of a batch without arrays."""
    for leaf in jax.tree_util.tree_leaves(batch):
        if np.ndim(leaf):
            return int(np.shape(leaf)[0])
    return 1


class JaxOperator(Operator):
    """What :class:`Hessian` and :class:`GGN` have in common."""

    _kind = ""

    def __init__(
        self,
        loss: Callable[..., Any],
        params: Any,
        data: Any,
        *,
        dtype: Any = None,
        reduction: str = "mean",
        together: int = TOGETHER,
    ) -> None:
        if not callable(loss):
            raise WrongTypeError("this is no loss", "loss", type(loss).__name__, "a function")
        if reduction not in ("mean", "sum"):
            raise InputError("this is no reduction", "reduction", repr(reduction), "'mean' or 'sum'")
        together = integer(together, "together", 1)
        paths, _ = jax.tree_util.tree_flatten_with_path(params)
        if not paths:
            raise InputError("there are no parameters", "params", type(params).__name__, "a tree of arrays")
        kinds = {jax.tree_util.keystr(path): np.dtype(getattr(leaf, "dtype", np.asarray(leaf).dtype)) for path, leaf in paths}
        for name, kind in kinds.items():
            if not jnp.issubdtype(kind, jnp.floating):
                raise InputError("derivatives need real numbers", f"params{name}", kind, "float32 or float64")
        asked = np.dtype(np.float64 if np.dtype(np.float64) in kinds.values() else np.float32)
        try:
            self._dtype = asked if dtype is None else np.dtype(dtype)
        except TypeError:
            raise InputError("curvature is computed in two types only", "dtype", repr(dtype), "float32 or float64") from None
        if self._dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
            raise InputError("curvature is computed in two types only", "dtype", self._dtype, "float32 or float64")
        self._reduction, self._together_most = reduction, together
        with self._numbers():
            cast = jax.tree_util.tree_map(lambda leaf: jnp.asarray(leaf, self._dtype), params)
            self._theta, self._unravel = ravel_pytree(cast)
            self._batches = [self._on_device(batch) for batch in _batches(data)]
        self._length = int(self._theta.size)
        self._loss_function = loss
        place = 0
        names = []
        for path, leaf in paths:
            names.append((jax.tree_util.keystr(path), place, place + int(np.size(leaf))))
            place += int(np.size(leaf))
        self._names = names
        self._products = jax.jit(self._some_products)
        self._survey()

    def _numbers(self) -> contextlib.AbstractContextManager[Any]:
        return _x64(self._dtype == np.float64)

    def _on_device(self, batch: Any) -> Any:
        def own(leaf: Any) -> Any:
            try:
                array = jnp.asarray(leaf)
            except (TypeError, ValueError):
                got = f"a {type(leaf).__name__}"
                raise WrongTypeError("data are no numbers", "data", got, "arrays of numbers in any tree") from None
            return array.astype(self._dtype) if jnp.issubdtype(array.dtype, jnp.floating) else array

        return jax.tree_util.tree_map(own, batch)

    def _value(self, theta: Any, batch: Any) -> Any:
        """The loss of a batch, and what its mean divides by where it says so."""
        raise NotImplementedError

    def _survey(self) -> None:
        """Computes the loss of all batches, and finds what would fail."""
        self.n_samples = sum(_count(batch) for batch in self._batches)
        if self.n_samples == 0:
            raise InputError("the data are empty", "data", "0 samples", "one sample or more")
        total, counts = 0.0, []
        kept = [batch for batch in self._batches if _count(batch)]
        self._batches = kept
        with self._numbers():
            for number, batch in enumerate(kept):
                try:
                    value = self._value(self._theta, batch)
                except Error:
                    raise
                except Exception as error:
                    what = f"the loss fails: {type(error).__name__}: {error}"
                    raise InputError(what, f"batch {number}") from error
                count = float(_count(batch))
                if isinstance(value, tuple) and len(value) == 2:
                    value, count = value[0], float(value[1])
                if np.shape(value) != ():
                    raise InputError("the loss is not one number", "loss", f"shape {np.shape(value)}", "a scalar")
                if not jnp.issubdtype(jnp.result_type(value), jnp.floating):
                    got = str(jnp.result_type(value))
                    raise InputError("the loss is no real number", "loss", got, "float32 or float64")
                total += float(value) * (count if self._reduction == "mean" else 1.0)
                counts.append(count)
        if self._reduction == "mean":
            if sum(counts) == 0:
                raise InputError("no sample counts in the loss", "data", "counts that are all 0", "another count")
            self._weights = [count / sum(counts) for count in counts]
            total /= sum(counts)
        else:
            self._weights = [1.0] * len(counts)
        self.loss = total
        if not np.isfinite(total):
            raise NotFiniteError("the loss is not finite", "loss", total, "a number")
        self._try()

    def _try(self) -> None:
        """Traces a product, without computing it, so that a derivative that is missing shows before work begins."""
        direction = np.zeros((1, self._length), self._dtype)
        with self._numbers():
            try:
                jax.eval_shape(self._some_products, self._theta, self._batches[0], self._dtype.type(1), direction)
            except Error:
                raise
            except Exception as error:
                text = str(error).strip().splitlines()
                what = f"the second derivative fails: {type(error).__name__}: {text[0] if text else ''}"
                raise InputError(what, "loss") from error

    def _scalar(self, theta: Any, batch: Any) -> Any:
        value = self._value(theta, batch)
        return value[0] if isinstance(value, tuple) else value

    def _one_product(self, theta: Any, batch: Any, direction: Any) -> Any:
        raise NotImplementedError

    def _some_products(self, theta: Any, batch: Any, weight: Any, rows: Any) -> Any:
        return weight * jax.vmap(lambda v: self._one_product(theta, batch, v))(rows)

    def _apply_into(self, rows: Any, out: Any) -> None:
        with self._numbers():
            start = 0
            while start < len(rows):
                width = min(self._together_most, 1 << (len(rows) - start - 1).bit_length())
                some = rows[start : start + width]
                block = np.zeros((width, self._length), self._dtype)
                block[: len(some)] = some
                total: Any = 0
                for weight, batch in zip(self._weights, self._batches):
                    total = total + self._products(self._theta, batch, self._dtype.type(weight), block)
                out[start : start + len(some)] = np.asarray(total)[: len(some)]
                start += width

    def _describe(self) -> str:
        return f"{self._kind} by JAX, {self.n_samples} samples"

    def __getstate__(self) -> dict[str, Any]:
        raise WrongTypeError("an operator of JAX holds compiled functions and cannot be pickled", type(self).__name__)


class Hessian(JaxOperator):
    """The Hessian of ``loss(params, batch)`` over the batches of ``data``.

    ``data`` is one batch (an array, or a tuple or dict of arrays with the samples along their first dimension), or a list
    of batches. With ``reduction="mean"`` the loss of a batch is a mean over its samples, and batches count by their numbers
    of samples; a loss whose mean has its own count returns (loss, count). With ``reduction="sum"`` the losses are
    added. ``dtype`` is that of the parameters unless given; float64 works whether JAX's x64 mode is on or not.

    >>> import heigen.jax, jax.numpy as jnp
    >>> H = heigen.jax.Hessian(lambda w, x: 0.5 * jnp.mean((x @ w) ** 2), jnp.ones(2), jnp.eye(2))
    >>> H @ [2.0, 4.0]
    array([1., 2.], dtype=float32)
    """

    _kind = "Hessian"

    def _value(self, theta: Any, batch: Any) -> Any:
        return self._loss_function(self._unravel(theta), batch)

    def _one_product(self, theta: Any, batch: Any, direction: Any) -> Any:
        slope = jax.grad(lambda at: self._scalar(at, batch))
        return jax.jvp(slope, (theta,), (direction,))[1]


class GGN(JaxOperator):
    """The generalized Gauss-Newton matrix of ``loss(model(params, batch), batch)`` over the batches of ``data``.

    J^T A J with J the derivative of the model's outputs, in any tree, and A the second derivative of the loss by them.
    ``data``, ``reduction`` and ``dtype`` are those of :class:`Hessian`.
    """

    _kind = "GGN"

    def __init__(self, loss: Callable[..., Any], params: Any, data: Any, *, model: Callable[..., Any], **options: Any) -> None:
        if not callable(model):
            raise WrongTypeError("this is no model", "model", type(model).__name__, "a function of parameters and a batch")
        self._model = model
        super().__init__(loss, params, data, **options)

    def _value(self, theta: Any, batch: Any) -> Any:
        return self._loss_function(self._model(self._unravel(theta), batch), batch)

    def _one_product(self, theta: Any, batch: Any, direction: Any) -> Any:
        def outputs(at: Any) -> Any:
            return self._model(self._unravel(at), batch)

        def scalar(z: Any) -> Any:
            value = self._loss_function(z, batch)
            return value[0] if isinstance(value, tuple) else value

        z, tangent = jax.jvp(outputs, (theta,), (direction,))
        curved = jax.jvp(jax.grad(scalar), (z,), (tangent,))[1]
        return jax.vjp(outputs, theta)[1](curved)[0]
