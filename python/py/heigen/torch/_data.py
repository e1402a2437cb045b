"""Data as people have them, as batches that can be gone through again and again."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from heigen._errors import InputError, NotDeterministicError, WrongTypeError
from heigen.torch._contents import place, sums

__all__ = ["Batches", "Fingerprint", "map_tensors", "n_samples", "pair", "parts", "tensors"]

#: Bytes of data that are compared before every product.
_FEW = 1 << 16
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


def _as_tensors(tree: Any, dtype: torch.dtype) -> Any:
    """Arrays, and lists of numbers, as tensors; the real numbers among them in ``dtype``."""
    if isinstance(tree, Tensor) or not _is_array(tree):
        if isinstance(tree, Mapping) and any(_is_array(value) for value in tree.values()):
            return {key: _as_tensors(value, dtype) for key, value in tree.items()}
        if type(tree) in (list, tuple) and any(_is_array(value) or isinstance(value, (list, tuple)) for value in tree):
            return type(tree)(_as_tensors(value, dtype) for value in tree)
        return tree
    array = np.asarray(tree)
    if array.dtype.kind == "u" and array.dtype.itemsize > 1:
        array = array.astype(np.int64)
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    with warnings.catch_warnings():
        # Of arrays that can only be read; nothing is written there.
        warnings.simplefilter("ignore")
        tensor = torch.from_numpy(np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="), copy=False)))
    return tensor.to(dtype) if tensor.is_floating_point() else tensor


def _is_array(value: Any) -> bool:
    """Whether this is an array of numbers, or lists of numbers in lists, that is no tensor."""
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fiub"
    first = value
    while isinstance(first, list) and first:
        first = first[0]
    if not isinstance(value, list) or not isinstance(first, (int, float, np.number)):
        return False
    try:
        kind = np.asarray(value).dtype
    except ValueError:
        # Lists of different lengths: several arrays in a list.
        return False
    return kind.kind in "fiub"


def _is_one_batch(data: Any) -> bool:
    if isinstance(data, (Tensor, Mapping)):
        return True
    if isinstance(data, tuple) and len(data) >= 2 and any(isinstance(data[i], Tensor) or _is_array(data[i]) for i in (0, -1)):
        return True
    return isinstance(data, list) and len(data) == 2 and all(isinstance(part, Tensor) or _is_array(part) for part in data)


class Batches:
    """Data of the user as something that can be iterated over any number of times; arrays become tensors of ``dtype``."""

    def __init__(self, data: Any, dtype: torch.dtype) -> None:
        self._dtype = dtype
        self.is_dataset = isinstance(data, torch.utils.data.Dataset)
        if isinstance(data, str) or (isinstance(data, (list, tuple)) and any(isinstance(part, str) for part in data)):
            raise WrongTypeError("this is no data", "data", "a text", "(X, y), a list of batches, or a DataLoader")
        if _is_one_batch(data):
            self._data: Any = [data]
        elif isinstance(data, Iterator):
            raise InputError(
                "an iterator can be gone through once only, and every product needs all batches",
                "data",
                f"a {type(data).__name__}",
                "a list of batches, list(iterator) where they fit into memory, or a DataLoader",
            )
        elif self.is_dataset and not isinstance(data, torch.utils.data.IterableDataset):
            got = f"the data set {type(data).__name__}"
            raise WrongTypeError("a data set has samples, not batches", "data", got, "DataLoader(dataset, batch_size=...)")
        elif hasattr(data, "__iter__") and not isinstance(data, (str, bytes)):
            self._data = data
        else:
            got = f"a {type(data).__name__}"
            raise WrongTypeError("this is no data", "data", got, "(X, y), a list of batches, or a DataLoader")
        #: Whether the batches lie in memory, so that each iteration gives the same ones in the same order.
        self.is_held = type(self._data) in (list, tuple)
        if self.is_held:
            self._data = [_as_tensors(batch, dtype) for batch in self._data]
        self._places: list[Any] = []
        self._sums: list[Any] | None = None

    def __iter__(self) -> Iterator[Any]:
        if self.is_held:
            return iter(self._data)
        return (_as_tensors(batch, self._dtype) for batch in self._data)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_places": []}

    def watch(self, bytes_of_work: int) -> None:
        """Remembers what batches in memory hold: their values where these are few, or a product works on many more bytes."""
        if self.is_held:
            everything = list(tensors(self._data))
            self._places = [place(tensor) for tensor in everything]
            size = sum(tensor.numel() * tensor.element_size() for tensor in everything)
            self._sums = sums(everything) if size <= max(_FEW, bytes_of_work // 8) else None

    def check(self) -> None:
        """Refuses batches in memory that have been changed since."""
        if not self._places:
            return
        everything = list(tensors(self._data))
        if self._places != [place(t) for t in everything] or (self._sums is not None and self._sums != sums(everything)):
            raise NotDeterministicError(
                "the data have been changed in place since the operator was made", "data", None, "a new operator"
            )


def _of_order(start: int, count: int, device: torch.device) -> Tensor:
    """Numbers for samples by their place among all."""
    places = torch.arange(start + 1, start + count + 1, dtype=torch.float64, device=device)
    return (places * 0.6180339887498949).frac()


@functools.lru_cache(maxsize=8)
def _random(length: int, device: torch.device) -> Tensor:
    return torch.from_numpy(np.random.RandomState(20230612).standard_normal(length)).to(device)


def _projected(rows: Tensor) -> Tensor:
    """The products of the rows of a matrix [n, d] with a random vector, of which a longer one is a continuation."""
    length = rows.shape[1]
    along = _random(1 << max(6, (length - 1).bit_length()), rows.device)[:length]
    step = max(1, (1 << 24) // max(1, length))
    return torch.cat([part.to(torch.float64) @ along for part in torch.split(rows, step)])


class Fingerprint:
    """What tells whether an iteration has given the same samples, in any order, and whether in the same order.

    Every sample is a number, its product with a random vector, so that it depends on all entries and their places; the
    fingerprint has sums of these numbers and of their squares.
    """

    def __init__(self) -> None:
        self.count = 0
        self._sums = np.zeros(4)

    def add(self, batch: Any) -> None:
        """Takes a batch into account."""
        n = n_samples(batch)
        own: Any = 0
        whole: Any = 0
        device = torch.device("cpu")
        for index, tensor in enumerate(tensors(batch)):
            numbers = tensor.detach()
            device = numbers.device if numbers.ndim else device
            numbers = numbers if numbers.layout is torch.strided else numbers.to_dense()
            numbers = torch.view_as_real(numbers) if numbers.is_complex() else numbers
            if not numbers.numel():
                continue
            factor = 1 + (index * 0.6180339887498949) % 1
            of_samples = numbers.ndim > 0 and numbers.shape[0] == n
            found = factor * _projected(numbers.reshape(n if of_samples else 1, -1)).nan_to_num()
            if of_samples:
                own = own + found
            else:
                whole = whole + found.cpu()
        numbers = own if isinstance(own, Tensor) else torch.zeros(n, dtype=torch.float64, device=device)
        ordered = (numbers * _of_order(self.count, n, numbers.device)).sum()
        sums_of = torch.stack([numbers.sum(), numbers.square().sum(), numbers.abs().sum(), ordered]).tolist()
        rest = float(whole.sum()) if isinstance(whole, Tensor) else 0.0
        self._sums += [sums_of[0] + rest, sums_of[1] + rest**2, sums_of[2] + abs(rest), sums_of[3]]
        self.count += n

    def differs(self, other: Fingerprint) -> bool:
        """Whether the samples differ by more than the order of summation explains."""
        if self.count != other.count:
            return True
        scales = np.maximum(np.abs(self._sums), np.abs(other._sums))[[2, 1, 2]]
        apart = np.abs(self._sums - other._sums)[:3]
        return not bool((apart <= 1e-10 * scales + 1e-300).all())

    def differs_in_order(self, other: Fingerprint) -> bool:
        """Whether the same samples have come in another order."""
        return not abs(self._sums[3] - other._sums[3]) <= 1e-10 * max(self._sums[2], other._sums[2]) + 1e-300
