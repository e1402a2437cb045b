"""The loss over a plane in the space of the weights: numbers and their picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heigen import _heigen
from heigen._drawings import Drawing

__all__ = ["LossSurface"]

Array = NDArray[np.float64]

#: From this ratio of the largest to the smallest loss on a picture has a logarithmic scale.
_DECADES = 50.0


@dataclass(frozen=True, eq=False)
class LossSurface:
    """The loss L(theta + a v_1 + b v_2) over a plane through the weights theta."""

    #: "eigenvectors", "filter-normalised", "trajectory", or "own".
    kind: str
    #: The factors of the first direction, [n_a], and of the second, [n_b].
    a: Array
    b: Array
    #: The losses, [n_b, n_a]: ``losses[i, j]`` is at ``a[j]``, ``b[i]``.
    losses: Array
    #: The accuracies, [n_b, n_a]; None where the loss is of no classes.
    accuracies: Array | None
    #: The loss in the middle of the plane, at the weights themselves.
    loss: float
    #: The points of a training in the plane, [T, 2], from its start to its end.
    path: Array | None = None
    #: The fractions of the training's variance that lie along v_1 and v_2.
    explained: tuple[float, float] | None = None
    #: v_1 and v_2 as the columns of an array or a tensor [P, 2]; None where they are not at hand.
    directions: Any = None

    def plot(self, logarithmic: bool | None = None) -> Drawing:
        """The plane from above with lines of equal loss, the surface at a slant, and the accuracies.

        ``logarithmic`` chooses the scale of the losses; unless given, it is logarithmic where the largest loss is fifty times the
        smallest one.
        """
        low, high = min(self.loss, float(self.losses.min())), float(self.losses.max())
        if logarithmic is None:
            logarithmic = low > 0 and high > _DECADES * low
        names = {
            "eigenvectors": "loss along eigenvectors",
            "filter-normalised": "loss in filter-normalised directions",
            "trajectory": "loss around a training",
        }
        axes = ("$a$", "$b$")
        if self.explained is not None:
            first, second = (f"{100 * share:.3g}" for share in self.explained)
            axes = (f"first component ({first} % of the variance)", f"second component ({second} %)")
        return Drawing(
            _heigen.draw_landscape,
            names.get(self.kind, "loss over a plane"),
            axes,
            (float(self.a[0]), float(self.a[-1])),
            (float(self.b[0]), float(self.b[-1])),
            (len(self.a), len(self.b)),
            self.losses.ravel().tolist(),
            None if self.accuracies is None else self.accuracies.ravel().tolist(),
            self.loss,
            None if self.path is None else self.path.tolist(),
            bool(logarithmic),
        )

    def _repr_svg_(self) -> str:
        return self.plot().svg

    def __repr__(self) -> str:
        n_b, n_a = self.losses.shape
        return f"LossSurface({self.kind}, {n_a} x {n_b} points, losses {self.losses.min():.4g} to {self.losses.max():.4g})"
