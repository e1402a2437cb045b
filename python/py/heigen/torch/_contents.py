"""Whether modules and tensors are still what they were: compared part by part and by exact sums over all their bytes."""

from __future__ import annotations

import functools
import operator
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

__all__ = ["Contents", "place", "sums"]

#: Bytes from which on sums of products of integers are faster than a checksum.
_MANY = 1 << 16
#: Words in a row of such a sum, and words that are converted at a time.
_ROW, _AT_ONCE = 4096, 1 << 22


@functools.lru_cache(maxsize=8)
def _factors(count: int, device: str) -> Any:
    """Odd numbers, so that no change of a single word is lost; an array for the host, else a tensor."""
    odd = np.random.RandomState(20230612).randint(-(1 << 62), 1 << 62, count) * 2 + 1
    return odd if device == "cpu" else torch.from_numpy(odd).to(device)


def _sum_of_bytes(flat: NDArray[np.uint8]) -> int:
    words = flat.size // 8
    rows = words // _ROW
    table = flat[: rows * _ROW * 8].view(np.int64).reshape(rows, _ROW)
    with np.errstate(over="ignore"):
        total = int(np.dot(np.dot(table, _factors(_ROW, "cpu")), _factors(rows + 1, "cpu")[1:]))
    return total ^ zlib.crc32(flat[rows * _ROW * 8 :].data)


def _sum_on_device(tensor: Tensor) -> Tensor:
    kinds = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
    flat = torch.view_as_real(tensor) if tensor.is_complex() else tensor
    flat = flat.contiguous().view(kinds[flat.element_size()]).reshape(-1)
    device = str(tensor.device)
    factors = torch.as_tensor(_factors(_ROW, device))
    total = torch.zeros((), dtype=torch.int64, device=tensor.device)
    for start in range(0, len(flat), _AT_ONCE):
        words = flat[start : start + _AT_ONCE].to(torch.int64)
        rows = -(-len(words) // _ROW)
        words = torch.nn.functional.pad(words, (0, rows * _ROW - len(words)))
        lines = (words.view(rows, _ROW) * factors).sum(1)
        total = total * 3 + (lines * torch.as_tensor(_factors(rows, device))).sum()
    return total


def _sum_of(tensor: Tensor) -> int:
    """The sum of a tensor in the host's memory."""
    try:
        array = tensor.numpy()
    except TypeError:
        # NumPy has no bfloat16.
        array = tensor.view(torch.int16).numpy()
    if not array.flags.c_contiguous:
        array = np.ascontiguousarray(array)
    return zlib.crc32(array.data) if array.nbytes < _MANY else _sum_of_bytes(array.reshape(-1).view(np.uint8))


def sums(tensors: Sequence[Tensor]) -> list[Any]:
    """A number for each tensor that depends on all its bytes and their places; None for those without bytes of their own."""
    out: list[Any] = []
    waiting: list[tuple[int, Tensor]] = []
    for index, tensor in enumerate(tensors):
        found: Any = None
        try:
            own = tensor.detach()
            if own.is_cpu:
                found = _sum_of(own)
            elif not own.is_meta:
                waiting.append((index, _sum_on_device(own)))
        except (RuntimeError, TypeError, ValueError, KeyError, NotImplementedError, AttributeError):
            # Sparse and quantized tensors.
            found = None
        out.append(found)
    if waiting:
        # One wait for the device.
        numbers = torch.stack([total for _, total in waiting]).tolist()
        for (index, _), number in zip(waiting, numbers):
            out[index] = number
    return out


def place(tensor: Tensor) -> tuple[Any, ...]:
    """Where the numbers of a tensor lie, and how often PyTorch has written there."""
    try:
        return id(tensor), tensor.data_ptr(), tensor._version, tensor.shape
    except RuntimeError:
        # Writes to tensors of the inference mode are not counted, and some have no memory.
        return id(tensor), tensor.data_ptr() if tensor.is_inference() else 0, 0, tensor.shape


#: Attributes of a module that are dictionaries changed in place.
_TABLES = ("_parameters", "_buffers", "_modules", "_forward_hooks", "_forward_pre_hooks")


class Contents:
    """A module at one moment: its parts and their attributes, and the values of its tensors.

    Writes that PyTorch does not count (those of fused optimizers, through ``.data`` or a NumPy array) are seen by the values.
    """

    def __init__(self, model: nn.Module) -> None:
        tensors = self.refresh(model)
        self._values = [*map(place, tensors), *sums(tensors)]

    def refresh(self, model: nn.Module) -> list[Tensor]:
        """Takes the parts as they are: what calls of the module have changed themselves, such as a counter, is no change.

        Returns the parameters and buffers.
        """
        self._parts: list[Any] = []
        self._constants: list[Any] = []
        tensors: dict[int, Tensor] = {}
        waiting, seen = [model], {id(model)}
        parts = self._parts
        while waiting:
            module = waiting.pop()
            attributes = module.__dict__
            parts.append(module)
            parts.extend(attributes.values())
            for name in _TABLES:
                table = attributes.get(name)
                if type(table) is dict or isinstance(table, dict):
                    parts.extend(table.values())
            scripted = isinstance(module, torch.jit.ScriptModule)
            own: Any = module.parameters(False) if scripted else module._parameters.values()
            tensors.update((id(tensor), tensor) for tensor in own if tensor is not None)
            own = module.buffers(False) if scripted else module._buffers.values()
            tensors.update((id(tensor), tensor) for tensor in own if tensor is not None)
            for child in module.children() if scripted else module._modules.values():
                if child is not None and id(child) not in seen:
                    seen.add(id(child))
                    waiting.append(child)
            self._constants.extend(place(value) for value in attributes.values() if isinstance(value, Tensor))
        return list(tensors.values())

    def same_parts(self, other: Contents) -> bool:
        """Whether modules and attributes are the same objects, and tensors among the latter have not been written to."""
        same = len(self._parts) == len(other._parts) and all(map(operator.is_, self._parts, other._parts))
        return same and self._constants == other._constants

    def same(self, other: Contents) -> bool:
        """Whether nothing has changed."""
        return self._values == other._values and self.same_parts(other)
