"""How operators of PyTorch modules compute: in which type, where their vectors live, and how many directions at once."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from heigen._errors import InputError, WrongTypeError
from heigen.torch._distributed import Alone
from heigen.torch._home import TorchHome

__all__ = ["DTYPES", "Batched", "as_tensor", "dtype_of", "home"]

#: The types of numbers of products.
DTYPES: dict[torch.dtype, np.dtype[Any]] = {torch.float32: np.dtype(np.float32), torch.float64: np.dtype(np.float64)}


@dataclass(frozen=True)
class Batched:
    """Whether several directions go through the model at once, and why."""

    together: bool
    why: str

    def __bool__(self) -> bool:
        return self.together


def dtype_of(chosen: Sequence[tuple[str, nn.Parameter]], asked: Any) -> torch.dtype:
    """The type to compute in: the one asked for, or the parameters' own, float32 where that is a short one."""
    if asked is not None:
        names = {"float32": torch.float32, "float64": torch.float64}
        try:
            dtype = asked if isinstance(asked, torch.dtype) else names.get(np.dtype(asked).name)
        except (TypeError, ValueError):
            dtype = None
        if dtype not in DTYPES:
            raise InputError("curvature is computed in two types only", "dtype", str(asked), "float32 or float64")
        return dtype
    own = {parameter.dtype for _, parameter in chosen}
    return torch.float64 if torch.float64 in own else torch.float32


def as_tensor(block: Any) -> Tensor:
    """A block as a tensor that shares its memory."""
    if isinstance(block, Tensor):
        return block
    if isinstance(block, np.ndarray):
        if block.flags.writeable:
            return torch.from_numpy(block)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.from_numpy(block)
    raise WrongTypeError("a block of directions has another type", None, f"a {type(block).__name__}", "a NumPy array")


def home(device: torch.device, dtype: torch.dtype, length: int, group: Alone) -> TorchHome | None:
    """The home of the operator's vectors: None for the host's memory, which solvers share with PyTorch.

    Several processes take their decisions by the small matrices of the first.
    """
    if device.type == "cpu" and group.size == 1:
        return None
    return TorchHome(length, dtype, device, group.of_first if group.size > 1 else None)
