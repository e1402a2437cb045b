"""Data as people have them, as batches that can be gone through again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from heigen._errors import InputError, WrongTypeError

__all__ = ["Batches", "Fingerprint", "map_tensors", "n_samples", "pair", "parts", "tensors"]

#: Keys under which the targets of a batch stand that is a dict.
TARGETS = ("labels", "label", "targets", "target", "y")


def tensors(tree: Any) -> Iterator[Tensor]:
    """All tensors in dicts, lists and tuples, in their order."""
    if isinstance(tree, Tensor):
        yield tree
    elif isinstance(tree, Mapping):
        for value in tree.values():
            yield from tensors(value)
    elif isinstance(tree, (list, tuple)):
        for value in tree:
            yield from tensors(value)


def map_tensors(function: Callable[[Tensor], Tensor], tree: Any) -> Any:
    """The same structure with ``function`` of every tensor; a dict of any kind becomes a dict."""
    if isinstance(tree, Tensor):
        return function(tree)
    if isinstance(tree, Mapping):
        return {key: map_tensors(function, value) for key, value in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(map_tensors(function, value) for value in tree))
    if isinstance(tree, (list, tuple)):
        return type(tree)(map_tensors(function, value) for value in tree)
    return tree


def pair(batch: Any) -> tuple[Any, Any]:
    """Inputs and targets of a batch: of (X, y), of (X1, X2, ..., y), or of a dict with a key such as "labels"."""
    if isinstance(batch, Mapping):
        found = [key for key in TARGETS if key in batch]
        if not found:
            keys = ", ".join(map(str, batch))
            raise InputError("a batch that is a dict has no targets", "data", keys, f"one of the keys {TARGETS}")
        return {key: value for key, value in batch.items() if key != found[0]}, batch[found[0]]
    if isinstance(batch, (list, tuple)) and len(batch) >= 2:
        return (batch[0] if len(batch) == 2 else tuple(batch[:-1])), batch[-1]
    got = f"a {type(batch).__name__}"
    raise WrongTypeError("a batch has no targets", "data", got, "(X, y), or a loss of the form loss_fn(model, batch)")


def n_samples(batch: Any) -> int:
    """The number of samples in a batch: the first dimension of its targets, or of its first tensor."""
    if isinstance(batch, Mapping):
        for key in TARGETS:
            if isinstance(batch.get(key), Tensor) and batch[key].ndim:
                return int(batch[key].shape[0])
    elif isinstance(batch, (list, tuple)) and batch and isinstance(batch[-1], Tensor) and batch[-1].ndim:
        return int(batch[-1].shape[0])
    for tensor in tensors(batch):
        if tensor.ndim:
            return int(tensor.shape[0])
    got = f"a {type(batch).__name__}"
    raise WrongTypeError("a batch holds no tensor with samples along its first dimension", "data", got, "tensors")


def parts(batch: Any, size: int | None) -> Iterator[Any]:
    """A batch in parts of at most ``size`` samples: every tensor with as many rows as there are samples is cut."""
    count = n_samples(batch)
    if size is None or count <= size:
        # A batch without samples adds nothing, and most layers cannot differentiate it.
        if count:
            yield batch
        return
    for start in range(0, count, size):

        def cut(tensor: Tensor, start: int = start) -> Tensor:
            return tensor[start : start + size] if tensor.ndim and tensor.shape[0] == count else tensor

        yield map_tensors(cut, batch)


def _is_one_batch(data: Any) -> bool:
    if isinstance(data, (Tensor, Mapping)):
        return True
    if isinstance(data, tuple) and len(data) >= 2 and isinstance(data[-1], Tensor):
        return True
    return isinstance(data, list) and len(data) == 2 and all(isinstance(part, Tensor) for part in data)


class Batches:
    """Data of the user as something that can be iterated over any number of times."""

    def __init__(self, data: Any) -> None:
        if _is_one_batch(data):
            self._data: Any = [data]
        elif isinstance(data, Iterator):
            raise InputError(
                "an iterator can be gone through once only, and every product needs all batches",
                "data",
                f"a {type(data).__name__}",
                "a list of batches, list(iterator) where they fit into memory, or a DataLoader",
            )
        elif isinstance(data, torch.utils.data.Dataset) and not isinstance(data, torch.utils.data.IterableDataset):
            got = f"the data set {type(data).__name__}"
            raise WrongTypeError("a data set has samples, not batches", "data", got, "DataLoader(dataset, batch_size=...)")
        elif hasattr(data, "__iter__") and not isinstance(data, (str, bytes)):
            self._data = data
        else:
            got = f"a {type(data).__name__}"
            raise WrongTypeError("this is no data", "data", got, "(X, y), a list of batches, or a DataLoader")

    def __iter__(self) -> Iterator[Any]:
        return iter(self._data)

    @property
    def is_held(self) -> bool:
        """Whether the batches lie in memory, so that each iteration gives the same ones."""
        return isinstance(self._data, (list, tuple))


class Fingerprint:
    """Sums over all numbers of the data, which tell whether an iteration has given the same samples, in any order."""

    def __init__(self) -> None:
        self.count = 0
        self.sums: list[float] = [0.0, 0.0, 0.0]

    def add(self, batch: Any) -> None:
        """Takes a batch into account."""
        self.count += n_samples(batch)
        for tensor in tensors(batch):
            numbers = tensor.detach()
            numbers = numbers.abs() if numbers.is_complex() else numbers
            self.sums[0] += float(numbers.sum(dtype=torch.float64))
            self.sums[1] += float(numbers.abs().sum(dtype=torch.float64) if numbers.dtype != torch.bool else 0)
            if numbers.is_floating_point():
                self.sums[2] += float(numbers.to(torch.float64).square().sum())

    def differs(self, other: Fingerprint) -> bool:
        """Whether the samples differ by more than the order of summation explains."""
        if self.count != other.count:
            return True
        scale = max(self.sums[1], other.sums[1], 1e-300), max(self.sums[2], other.sums[2], 1e-300)
        limits = 1e-10 * scale[0], 1e-10 * scale[0], 1e-10 * scale[1]
        return any(not abs(a - b) <= limit for a, b, limit in zip(self.sums, other.sums, limits))
