"""Homes of vectors that are not the host's memory."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Home"]


class Home(Protocol):
    """The vector space R^P in a memory of its own, such as that of a GPU.

    A block holds k vectors as [k, P], one a row; it can be sliced by rows (``block[2:5]``, a view), ``len(block)`` is k. Small
    matrices are NumPy arrays in float64. No operation depends on anything but its arguments, and sums over the P entries
    belong to fixed tiles of them. Solvers call one operation at a time.
    """

    #: P.
    length: int
    #: The type of entries, float32 or float64.
    dtype: np.dtype[Any]

    @property
    def device(self) -> Any:
        """Where the vectors are, for messages."""

    def zeros(self, k: int) -> Any:
        """A block of k zero vectors."""

    def block(self, columns: Any) -> Any:
        """The user's columns [P, k] (an array or a tensor) as a new block of this home's type, or a contiguous view."""

    def random(self, seed: int, start: int, stop: int, law: str) -> Any:
        """Columns ``start..stop`` of the random matrix of ``seed``, as ``heigen._heigen.random_entries`` defines it."""

    def select(self, block: Any, rows: list[int]) -> Any:
        """A new block of the given rows, in that order."""

    def gram(self, a: Any, b: Any) -> NDArray[np.float64]:
        """All inner products a_i b_j, [len(a), len(b)]; symmetric to the bit where both are the same object."""

    def dots(self, a: Any, b: Any) -> NDArray[np.float64]:
        """The inner products a_j b_j, [k]."""

    def is_finite(self, a: Any) -> bool:
        """Whether no entry is infinite or NaN."""

    def combine(self, alpha: float, weights: NDArray[np.float64], a: Any, beta: float, y: Any) -> None:
        """``y = alpha weights a + beta y``, with weights [len(y), len(a)]; y is not read where beta is 0."""

    def scale(self, a: Any, factors: NDArray[np.float64]) -> None:
        """``a_j *= factors_j``."""

    def add_scaled(self, factors: NDArray[np.float64], x: Any, y: Any) -> None:
        """``y_j += factors_j x_j``."""

    def multiply_add(self, a: Any, b: Any, y: Any) -> None:
        """``y += a * b``, entry by entry."""

    def of_rows(self, ranges: list[tuple[int, int]]) -> Home:
        """The home of shorter vectors with the entries in ``ranges`` only, ascending and disjoint."""

    def gather(self, block: Any, ranges: list[tuple[int, int]]) -> Any:
        """The entries in ``ranges`` of a block, as a block of the home that ``of_rows`` gives."""

    def scatter(self, part: Any, ranges: list[tuple[int, int]]) -> Any:
        """A block of this home with the entries of ``part`` in ``ranges``, and zeros elsewhere."""

    def largest(self, a: Any) -> NDArray[np.float64]:
        """For every vector its entry of largest magnitude, with its sign; the first of equally large ones."""

    def to_host(self, a: Any, start: int = 0, stop: int | None = None) -> NDArray[np.float64]:
        """The entries ``start..stop`` of every vector, as an array [k, stop - start] in float64."""

    def from_host(self, a: NDArray[np.float64]) -> Any:
        """A block of the entries of an array [k, P] in the host's memory."""
