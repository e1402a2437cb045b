"""The parts of an analysis: small frozen objects with the numbers that the engine records."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heigen._results import Estimate

__all__ = [
    "Boundary",
    "BoundaryPoint",
    "Complexity",
    "DensityCurve",
    "Encoding",
    "GTheta",
    "GThetas",
    "Layer",
    "Margin",
    "MarginStart",
    "Switches",
]

Vector = NDArray[np.float64]
#: The threshold of the paper's Figure 4, which published values have.
FIGURE_4_EPS = 0.04727759086412113


@dataclass(frozen=True)
class GTheta:
    """A value of the generalization measure, with everything that is needed to compute it again."""

    #: The fraction of the P directions that are counted.
    value: float
    #: The threshold of the alignment, and where it comes from.
    eps: float
    eps_source: str
    #: "max" or "mean": how the alignments of all samples with a direction become one number.
    rule: str
    #: "subspaces" (independent of the basis that a solver returns), "eigenvectors" or "nonzero_eigenvectors".
    definition: str
    #: How many directions were counted, and how many of them belong to the null space.
    counted: int
    counted_null: int

    def __float__(self) -> float:
        return self.value


class GThetas(tuple[GTheta, ...]):
    """G_theta by all definitions, rules and thresholds; as a number it is the recommended value."""

    @property
    def recommended(self) -> GTheta | None:
        """The value to quote: over eigenspaces, by the largest alignment, at the threshold of the paper's Figure 4."""
        for one in self:
            if one.definition == "subspaces" and one.rule == "max" and one.eps == FIGURE_4_EPS:
                return one
        return None

    @property
    def value(self) -> float:
        """The recommended value; NaN where the matrix has no directions to count."""
        return float("nan") if self.recommended is None else self.recommended.value

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        return f"<G_theta = {self.value:.6g}, and {max(len(self) - 1, 0)} other definitions>"


@dataclass(frozen=True)
class Layer:
    """The diagonal block of the matrix that belongs to one layer."""

    name: str
    n_params: int
    trace: float
    #: 0 where the trace is exact.
    trace_standard_error: float
    #: The share of the whole trace; None where that is zero.
    share: float | None
    lambda_max: float
    lambda_min: float
    grad_norm: float


@dataclass(frozen=True, eq=False)
class DensityCurve:
    """The density of eigenvalues by stochastic Lanczos quadrature, smoothed by a Gaussian."""

    #: Points of the axis of eigenvalues, the density there, and its standard errors.
    grid: Vector
    density: Vector
    standard_errors: Vector
    #: Standard deviation of the Gaussian.
    bandwidth: float
    #: Random vectors, and Lanczos steps from each.
    probes: int
    steps: int
    #: The trace that the quadrature gives.
    trace: Estimate


@dataclass(frozen=True)
class Complexity:
    """The boundary on the plane: pieces, their length and total curvature."""

    n_pieces: int
    n_linear: int
    length: float
    turning: float


@dataclass(frozen=True)
class Switches:
    """Changes of the predicted class along segments between samples."""

    pairs: int
    mean: float
    standard_error: float
    max: int


@dataclass(frozen=True)
class Encoding:
    """How well the signs of the alignments with the outlying eigenvectors tell the class."""

    n_directions: int
    accuracy: float
    #: The share of the most frequent class: what a guess would reach.
    majority: float


@dataclass(frozen=True, eq=False)
class MarginStart:
    """The end of the descent from one start."""

    x: Vector
    cos2: float
    steps: int
    converged: bool
    to_data: float


@dataclass(frozen=True, eq=False)
class Margin:
    """The margin estimated by v_1: a point of the boundary, and its distances to the samples most and least aligned."""

    #: The margin: the smaller of the two distances.
    margin: float
    #: The point of the boundary at which the reinforcing gradient is parallel to v_1, and cos^2 of their angle there.
    x_b: Vector
    cos2: float
    most_aligned: int
    least_aligned: int
    distance_most: float
    distance_least: float
    steps: int
    start: int
    starts: tuple[MarginStart, ...]

    def __float__(self) -> float:
        return self.margin

    def __repr__(self) -> str:
        return f"Margin({self.margin:.6g}, cos2 {self.cos2:.4f})"


@dataclass(frozen=True, eq=False)
class BoundaryPoint:
    """The sample nearest to the boundary, and where it meets it."""

    sample: int
    distance: float
    point: Vector
    #: The class of the sample, and the one on the other side.
    predicted: int
    other: int
    verified: bool


@dataclass(frozen=True, eq=False)
class Boundary:
    """The decision boundary, measured beside the curvature."""

    #: On planes only.
    complexity: Complexity | None
    same_class: Switches
    different_class: Switches
    encoding: Encoding
    #: The accuracy of as many random directions.
    encoding_random: float
    #: None for networks for which it takes minutes, unless it was asked for.
    margin: Margin | None
    nearest: BoundaryPoint | None
    nearest_among: int


def array(values: Iterable[float]) -> Vector:
    """Numbers as an array that cannot be written to."""
    made = np.asarray(list(values), np.float64)
    made.flags.writeable = False
    return made


def margin_of(record: dict[str, Any]) -> Margin:
    """The margin in the record of a boundary."""
    starts = tuple(MarginStart(**{**start, "x": array(start["x"])}) for start in record["starts"])
    return Margin(**{**record, "x_b": array(record["x_b"]), "starts": starts})


def boundary_of(record: dict[str, Any]) -> Boundary:
    """The measures in the record of a boundary."""
    nearest, complexity, margin = record["nearest"], record["complexity"], record["margin"]
    switches = record["switches"]
    return Boundary(
        complexity=None if complexity is None else Complexity(**complexity),
        same_class=Switches(**switches["same_class"]),
        different_class=Switches(**switches["different_class"]),
        encoding=Encoding(**record["encoding"]),
        encoding_random=record["encoding_random"],
        margin=None if margin is None else margin_of(margin),
        nearest=None
        if nearest is None
        else BoundaryPoint(
            nearest["sample"],
            nearest["distance"],
            array(nearest["point"]),
            nearest["class"],
            nearest["other"],
            nearest["verified"],
        ),
        nearest_among=record["nearest_among"],
    )
