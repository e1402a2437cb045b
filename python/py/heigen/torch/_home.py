"""Vectors as torch tensors, wherever they live; only small matrices come to the host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from heigen import _heigen

__all__ = ["TorchHome"]

#: Entries whose products are added up on their own, in the vectors' type; the sums of tiles are added in float64.
TILE = 4096
#: Numbers that the products of tiles may take at a time.
ROOM = 1 << 24

Small = NDArray[np.float64]


def _as_it_is(small: Small) -> Small:
    return small


class TorchHome:
    """R^P in tensors [k, P] on a device, in float32 or float64.

    ``agree`` is applied to every small matrix that solvers see: where several processes compute the same, it gives all of them
    the numbers of the first, so that they take the same decisions.
    """

    def __init__(
        self,
        length: int,
        dtype: torch.dtype = torch.float32,
        device: Any = "cpu",
        agree: Callable[[Small], Small] | None = None,
    ) -> None:
        self.length = length
        self.torch_dtype = dtype
        self.dtype: np.dtype[Any] = np.dtype(np.float64 if dtype == torch.float64 else np.float32)
        self._device = torch.device(device)
        self._agree = _as_it_is if agree is None else agree

    @property
    def device(self) -> torch.device:
        """The device that tensors are on."""
        return self._device

    def zeros(self, k: int) -> torch.Tensor:
        return torch.zeros(k, self.length, dtype=self.torch_dtype, device=self._device)

    def block(self, columns: Any) -> torch.Tensor:
        tensor = columns.detach() if isinstance(columns, torch.Tensor) else torch.as_tensor(np.asarray(columns))
        return tensor.to(self._device, self.torch_dtype).T.contiguous()

    def random(self, seed: int, start: int, stop: int, law: str) -> torch.Tensor:
        single = self.torch_dtype == torch.float32
        rows = _heigen.random_entries(self.length, seed, start, stop, law, single)
        return torch.from_numpy(rows).to(self._device)

    def select(self, block: torch.Tensor, rows: list[int]) -> torch.Tensor:
        if rows and rows == list(range(rows[0], rows[0] + len(rows))):
            return block[rows[0] : rows[0] + len(rows)].clone()
        return block[torch.tensor(rows, dtype=torch.long, device=self._device)]

    def gram(self, a: torch.Tensor, b: torch.Tensor) -> Small:
        with _exact_products(self._device):
            return self._small(_products_of_rows(a, b))

    def dots(self, a: torch.Tensor, b: torch.Tensor) -> Small:
        return self._small(_dots(a, b))

    def is_finite(self, a: torch.Tensor) -> bool:
        # NaN and infinity survive a sum of magnitudes, which takes no memory of the size of the block.
        finite = torch.isfinite(a.abs().amax()) if a.numel() else torch.tensor(True)
        return bool(self._small(finite.to(torch.float64).reshape(1))[0])

    def combine(self, alpha: float, weights: Small, a: torch.Tensor, beta: float, y: torch.Tensor) -> None:
        if not y.numel():
            return
        with _exact_products(self._device):
            if not len(a):
                y.mul_(beta) if beta else y.zero_()
                return
            torch.addmm(y, self._like(weights), a, beta=beta, alpha=alpha, out=y)

    def scale(self, a: torch.Tensor, factors: Small) -> None:
        a.mul_(self._like(factors).unsqueeze(1))

    def add_scaled(self, factors: Small, x: torch.Tensor, y: torch.Tensor) -> None:
        y.addcmul_(x, self._like(factors).unsqueeze(1))

    def multiply_add(self, a: torch.Tensor, b: torch.Tensor, y: torch.Tensor) -> None:
        y.addcmul_(a, b)

    def of_rows(self, ranges: list[tuple[int, int]]) -> TorchHome:
        return TorchHome(sum(b - a for a, b in ranges), self.torch_dtype, self._device, self._agree)

    def gather(self, block: torch.Tensor, ranges: list[tuple[int, int]]) -> torch.Tensor:
        return torch.cat([block[:, start:stop] for start, stop in ranges], dim=1).contiguous()

    def scatter(self, part: torch.Tensor, ranges: list[tuple[int, int]]) -> torch.Tensor:
        whole = self.zeros(len(part))
        place = 0
        for start, stop in ranges:
            whole[:, start:stop] = part[:, place : place + stop - start]
            place += stop - start
        return whole

    def largest(self, a: torch.Tensor) -> Small:
        if not a.numel():
            return np.zeros(len(a))
        # argmax does not promise the first of equal magnitudes; the smallest index among them is the first.
        magnitudes = a.abs()
        top = magnitudes.amax(dim=1, keepdim=True)
        index = torch.arange(self.length, device=self._device).expand_as(a)
        first = torch.where(magnitudes == top, index, self.length).amin(dim=1)
        return self._small(a.gather(1, first.clamp(max=self.length - 1).unsqueeze(1)).squeeze(1))

    def to_host(self, a: torch.Tensor, start: int = 0, stop: int | None = None) -> Small:
        entries: Small = a[:, start : self.length if stop is None else stop].to("cpu", torch.float64).numpy()
        return self._agree(np.ascontiguousarray(entries))

    def from_host(self, a: Small) -> torch.Tensor:
        return torch.tensor(np.ascontiguousarray(a), dtype=self.torch_dtype, device=self._device)

    def _like(self, small: Small) -> torch.Tensor:
        """A small matrix in the type and on the device of the vectors."""
        return torch.tensor(small, dtype=self.torch_dtype, device=self._device)

    def _small(self, tensor: torch.Tensor) -> Small:
        return self._agree(tensor.to("cpu", torch.float64).contiguous().numpy())


def _dots(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The inner products of rows, in float64: tile by tile."""
    whole = a.shape[1] // TILE * TILE
    total = torch.zeros(len(a), dtype=torch.float64, device=a.device)
    for first in range(0, whole, max(TILE, ROOM // max(len(a), 1) // TILE * TILE)):
        last = min(whole, first + max(TILE, ROOM // max(len(a), 1) // TILE * TILE))
        tiles = (a[:, first:last] * b[:, first:last]).view(len(a), -1, TILE)
        total += tiles.sum(dim=2, dtype=torch.float64).sum(dim=1)
    if whole < a.shape[1]:
        total += (a[:, whole:] * b[:, whole:]).sum(dim=1, dtype=torch.float64)
    return total


def _products_of_rows(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """a b^T in float64: products of tiles in the vectors' type, their sum in float64."""
    m, k, length = len(a), len(b), a.shape[1]
    total = torch.zeros(m, k, dtype=torch.float64, device=a.device)
    if m == 0 or k == 0:
        return total
    whole = length // TILE * TILE
    step = max(1, ROOM // (m * k)) * TILE
    for first in range(0, whole, step):
        last = min(whole, first + step)
        left = a[:, first:last].view(m, -1, TILE).transpose(0, 1)
        right = b[:, first:last].view(k, -1, TILE).permute(1, 2, 0)
        total += torch.bmm(left, right).sum(dim=0, dtype=torch.float64)
    if whole < length:
        total += (a[:, whole:] @ b[:, whole:].T).to(torch.float64)
    return total


@contextmanager
def _exact_products(device: torch.device) -> Iterator[None]:
    """Matrix products in the full precision of float32, without automatic casts; the user's settings are put back."""
    precision = torch.get_float32_matmul_precision()
    if precision != "highest":
        torch.set_float32_matmul_precision("highest")
    try:
        if torch.is_autocast_enabled(device.type):
            without_casts: Any = torch.autocast
            with without_casts(device.type, enabled=False):
                yield
        else:
            yield
    finally:
        if precision != "highest":
            torch.set_float32_matmul_precision(precision)
