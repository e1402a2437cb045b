"""Processes that hold parts of the data each (torch.distributed): sums over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor

from heigen._errors import Error, InputError

__all__ = ["Alone", "Processes", "processes"]


class Alone:
    """One process."""

    rank = 0
    size = 1

    def sum_(self, tensor: Tensor) -> None:
        """Replaces a tensor by its sum over all processes."""

    def sums(self, numbers: Sequence[float]) -> list[float]:
        """The sums of some numbers over all processes."""
        return [float(x) for x in numbers]

    def largest(self, number: float) -> float:
        """The largest of the numbers of all processes."""
        return float(number)

    def agree(self, failure: BaseException | None) -> None:
        """Raises the failure; other processes, which would wait for this one for ever, raise an error that names it."""
        if failure is not None:
            raise failure

    def same(self, numbers: Sequence[float], what: str) -> None:
        """Raises an error where the processes have different numbers."""


    def of_first(self, small: NDArray[np.float64]) -> NDArray[np.float64]:
        """The small matrix of the first process, in all of them."""
        return small


class Processes(Alone):
    """The processes of a group."""

    def __init__(self, device: torch.device, group: Any) -> None:
        self._device, self._group = device, group
        self.rank, self.size = dist.get_rank(group), dist.get_world_size(group)

    def sum_(self, tensor: Tensor) -> None:
        """Replaces a tensor by its sum over all processes, the same bytes in each."""
        dist.all_reduce(tensor, group=self._group)

    def of_first(self, small: NDArray[np.float64]) -> NDArray[np.float64]:
        """The small matrix of the first process, in all of them."""
        sent = torch.tensor(small, dtype=torch.float64, device=self._device)
        if sent.numel():
            dist.broadcast(sent, src=dist.get_global_rank(self._group, 0) if self._group else 0, group=self._group)
        return sent.cpu().numpy()

    def _gathered(self, numbers: Sequence[float]) -> Tensor:
        # Counts and sums travel in float64 where the device has it.
        own = torch.tensor(list(numbers), dtype=torch.float64, device=self._device)
        out = [torch.empty_like(own) for _ in range(self.size)]
        dist.all_gather(out, own, group=self._group)
        return torch.stack(out).cpu()

    def sums(self, numbers: Sequence[float]) -> list[float]:
        """The sums of some numbers over all processes, added in the order of the ranks."""
        total = [0.0] * len(numbers)
        for row in self._gathered(numbers).tolist():
            total = [a + b for a, b in zip(total, row)]
        return total

    def largest(self, number: float) -> float:
        """The largest of the numbers of all processes."""
        return float(self._gathered([number]).max())

    def agree(self, failure: BaseException | None) -> None:
        """Raises the failure here, and an error that names this process in all others."""
        failed = self._gathered([0.0 if failure is None else 1.0])[:, 0]
        if failure is not None:
            raise failure
        ranks = [str(rank) for rank, flag in enumerate(failed.tolist()) if flag]
        if ranks:
            raise Error("another process has failed; its own message says why", f"rank {', '.join(ranks)}")

    def same(self, numbers: Sequence[float], what: str) -> None:
        """Raises an error where the processes have different numbers."""
        rows = self._gathered(numbers)
        apart = [rank for rank in range(self.size) if not torch.equal(rows[rank], rows[0])]
        if apart:
            raise InputError(f"the processes have different {what}", f"rank {apart[0]}", None, f"the {what} of rank 0")


def processes(device: torch.device, distributed: bool | None, group: Any) -> Alone:
    """All processes where torch.distributed is initialized and has several, unless ``distributed`` is False."""
    ready = dist.is_available() and dist.is_initialized()
    if distributed and not ready:
        raise InputError("torch.distributed is not initialized", "distributed", True, "init_process_group before")
    if not ready or distributed is False or dist.get_world_size(group) == 1:
        return Alone()
    if device.type == "cpu" and "gloo" not in str(dist.get_backend(group)):
        got = dist.get_backend(group)
        raise InputError("this backend cannot send what lies in host memory", "distributed", got, "gloo, or a model on a GPU")
    return Processes(device, group)
