"""What solvers return: small frozen objects, whose vectors are NumPy arrays, or tensors where they live on a device."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heigen import _heigen
from heigen._arguments import array, finite, integer, positive, text
from heigen._drawings import Drawing
from heigen._errors import InputError, NotCertifiedError, WrongTypeError
from heigen._quadrature import mass_below, tridiagonal

__all__ = ["Certificate", "Count", "Density", "Diagonal", "EigenPairs", "Estimate", "Outliers", "Solution", "Spectrum"]

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A number known by sampling, with its standard error; 0 where it is exact."""

    value: float
    standard_error: float

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        return f"{self.value:.6g} +- {self.standard_error:.2g}"


@dataclass(frozen=True)
class Count(Estimate):
    """A number of eigenvalues known by sampling.

    The standard error is the scatter over random vectors. Where the quadrature of a single vector leaves open on which side
    eigenvalues lie, as inside of a cluster that its steps did not resolve, that is in ``lower`` and ``upper`` alone: the true
    number lies between them, each known up to its own standard error.
    """

    #: What is counted at least, and at most, by the Chebyshev-Markov-Stieltjes inequalities.
    lower: Estimate
    upper: Estimate

    def __str__(self) -> str:
        return f"{super().__str__()}, between {self.lower} and {self.upper}"


@dataclass(frozen=True)
class Certificate:
    """Bounds and checks of eigenpairs (lambda_i, v_i) of a symmetric operator A, from products that had no part in computing
    them.

    A is the matrix as its products compute it; ``matrix_error`` is what rounding did to the matrix itself, where the operator
    can tell. In float32, ``limit`` says what float32 can know.
    """

    #: max_i |A v_i - lambda_i v_i|, or a bound on it: every lambda_i is within this distance of an eigenvalue of A.
    residual_max: float
    #: (sum_i |A v_i - lambda_i v_i|^2)^(1/2), or a bound on it.
    residual_frobenius: float
    #: max |V^T V - I|, or a bound on it.
    orthogonality: float
    #: Bound on |A - V diag(lambda) V^T|_2: the part of A that the pairs do not explain, V the eigenvectors that were returned.
    outside_bound: float
    #: Upper bound on the probability that one of the bounds does not hold.
    failure_probability: float
    #: Sum of the eigenvalues.
    trace_eigenvalues: float
    #: tr A from random probes, with the pairs as control variate, and its standard error.
    trace_probes: float
    trace_standard_error: float
    #: tr A by a route without eigenvalues or products, where there is one.
    trace_exact: float | None
    #: The limit on residuals and ``outside_bound``, as a fraction of ``scale``; of orthogonality as it is.
    limit: float
    #: The rounding error of a product with an operator that is 0.
    rounding: float
    #: Estimate of the error that rounding made in the matrix itself.
    matrix_error: float | None
    #: Whether the matrix is zero as far as can be told.
    vanishes: bool
    #: max |lambda_i|.
    scale: float
    #: What keeps the pairs from being the whole spectrum, in words; None where they are.
    complaint: str | None = None

    @property
    def whole(self) -> bool:
        """Whether the pairs are the whole spectrum: residuals, orthogonality, the rest and the traces are within limits."""
        return self.complaint is None

    @property
    def pairs_hold(self) -> bool:
        """Whether each pair is an eigenpair up to the limit, and the vectors are orthonormal, whatever else A has."""
        allowed = max(self.limit * self.scale, self.rounding)
        return self.residual_max <= allowed and self.orthogonality <= self.limit

    def __repr__(self) -> str:
        bounds = f"residuals up to {self.residual_max:.1e}, outside {self.outside_bound:.1e}"
        return f"Certificate(whole={self.whole}, {bounds}, orthogonality {self.orthogonality:.1e})"

    def check(self, whole: bool = True) -> None:
        """Raise :class:`heigen.NotCertifiedError` where the pairs are not the whole spectrum; with ``whole=False``, where
        they are no eigenpairs."""
        if whole and self.complaint is not None:
            raise NotCertifiedError(self.complaint)
        if not whole and not self.pairs_hold:
            raise NotCertifiedError(
                "the pairs are no eigenpairs up to the limit",
                got=f"residuals up to {self.residual_max:.1e}, orthogonality {self.orthogonality:.1e}",
                wanted=f"{self.limit * self.scale:.1e} and {self.limit:.1e}",
            )


@dataclass(frozen=True, eq=False)
class EigenPairs:
    """Eigenpairs at the ends of a spectrum, in the order asked for; it unpacks as ``values, vectors = ...``."""

    #: The eigenvalues [k].
    eigenvalues: Vector
    #: The eigenvectors [P, k], orthonormal columns.
    eigenvectors: Any
    #: Bounds on |A v_i - lambda_i v_i|, from products with random combinations of the returned vectors: an eigenvalue of A is
    #: as near as that.
    residuals: Vector
    #: The estimate of |A| that the tolerance is relative to.
    scale: float
    #: The tolerance applied: the one asked for, or the smallest that rounding allows.
    tolerance: float
    #: Columns that the operator was applied to.
    products: int
    #: Number of thick restarts.
    restarts: int
    #: Whether every residual is at most ``tolerance * scale``.
    converged: bool

    def __iter__(self) -> Iterator[Any]:
        return iter((self.eigenvalues, self.eigenvectors))

    def __len__(self) -> int:
        return len(self.eigenvalues)

    def plot(self, title: str = "eigenvalues") -> Drawing:
        """The eigenvalues that were computed, those that stand apart among them in colour."""
        ascending = np.sort(self.eigenvalues)
        return Drawing(_heigen.draw_spectrum, text(title, "title"), ascending.tolist(), Outliers.of(ascending).count)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{i}</td><td>{value:.8g}</td><td>{residual:.1e}</td></tr>"
            for i, (value, residual) in enumerate(zip(self.eigenvalues, self.residuals), 1)
        )
        head = "<tr><th></th><th>eigenvalue</th><th>residual</th></tr>"
        return f"<table>{head}{rows}</table><p>{self.products} products</p>"

    def __repr__(self) -> str:
        return (
            f"EigenPairs({_some(self.eigenvalues)}, residuals up to {_largest(self.residuals):.1e}, "
            f"{self.products} products)"
        )


@dataclass(frozen=True, eq=False)
class Spectrum:
    """All eigenvalues of an operator, with a certificate."""

    #: All P eigenvalues, ascending; those of the null space that were not computed are exact zeros.
    eigenvalues: Vector
    #: The eigenvectors [P, K] that were computed, in ascending order of their eigenvalues.
    eigenvectors: Any
    #: For every column of ``eigenvectors`` the index of its eigenvalue.
    places: NDArray[np.int64]
    #: The way that was taken: "exact" or "dense".
    method: str
    #: Bounds of the errors.
    certificate: Certificate
    #: The magnitude up to which an eigenvalue counts as zero.
    zero: float
    #: Where the operator is a multiple of the identity on all that the eigenvectors do not span: (multiple, ranges of
    #: coordinates, number of directions).
    on_complement: tuple[float, list[tuple[int, int]], int] | None = None

    @property
    def rank(self) -> int:
        """Number of eigenvalues that do not count as zero."""
        return int(np.count_nonzero(np.abs(self.eigenvalues) > self.zero))

    @property
    def trace(self) -> float:
        """Sum of the eigenvalues."""
        return float(np.sum(self.eigenvalues))

    @property
    def lambda_max(self) -> float:
        """The largest eigenvalue."""
        return float(self.eigenvalues[-1]) if len(self.eigenvalues) else 0.0

    def top(self, k: int) -> tuple[Vector, Any]:
        """The k largest eigenvalues that have an eigenvector, largest first, and their eigenvectors [P, k]."""
        have = len(self.places)
        columns = np.arange(max(have - k, 0), have)[::-1]
        return self.eigenvalues[self.places[columns]], self.eigenvectors[:, columns.tolist()]

    def outliers(self) -> Outliers:
        """How many eigenvalues stand apart from the bulk at the upper end."""
        return Outliers.of(self.eigenvalues)

    def plot(self, title: str = "eigenvalues") -> Drawing:
        """All eigenvalues, outliers in colour, and their density."""
        return Drawing(_heigen.draw_spectrum, text(title, "title"), self.eigenvalues.tolist(), self.outliers().count)

    def _repr_svg_(self) -> str:
        return self.plot().svg

    def __repr__(self) -> str:
        return (
            f"Spectrum({_some(self.eigenvalues[::-1])}, rank {self.rank} of {len(self.eigenvalues)}, "
            f"residuals up to {self.certificate.residual_max:.1e}, {self.method})"
        )


@dataclass(frozen=True)
class Outliers:
    """How many eigenvalues stand apart from the bulk at the upper end.

    The bulk ends below the lowest gap between neighbouring eigenvalues of at least ``gap`` times the largest one.
    """

    count: int
    gap: float
    count_at_half_gap: int
    count_at_double_gap: int
    #: Counts with other gaps: (gap, count).
    sensitivity: list[tuple[float, int]] = field(default_factory=list)

    @classmethod
    def of(cls, eigenvalues: Any) -> Outliers:
        """The count from all eigenvalues, in any order."""
        values = np.asarray(array(eigenvalues, "eigenvalues"), np.float64)
        if values.ndim != 1 or not np.isfinite(values).all():
            got = values.shape if values.ndim != 1 else "an eigenvalue that is infinite or NaN"
            raise InputError("outliers are counted among finite eigenvalues [P]", "eigenvalues", got)
        return cls(*_heigen.outliers(np.sort(values).tolist()))

    def __int__(self) -> int:
        return self.count

    def __index__(self) -> int:
        return self.count


@dataclass(frozen=True, eq=False)
class Diagonal:
    """The diagonal of an operator [P], with standard errors [P]; zeros where it is exact."""

    values: Vector
    standard_errors: Vector

    def __repr__(self) -> str:
        return f"Diagonal(of {len(self.values)} entries, standard errors up to {_largest(self.standard_errors):.1e})"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(self.values, dtype=dtype, copy=True if copy is None else copy)


@dataclass(frozen=True, eq=False)
class Density:
    """The distribution of the P eigenvalues as random vectors see it: a quadrature for each of them.

    For a function f the mean of f over the eigenvalues is the mean over probes of ``weights @ f(nodes)``. Standard errors are
    the scatter over probes; the error of each quadrature itself is not in them: it is small for smooth f, and for numbers of
    eigenvalues :meth:`count_below` bounds it.
    """

    n_params: int
    #: The nodes of every probe, ascending; and their weights, whose sum is 1.
    nodes: list[Vector]
    weights: list[Vector]

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and the largest node: the spectrum reaches at least as far."""
        return float(min(nodes[0] for nodes in self.nodes)), float(max(nodes[-1] for nodes in self.nodes))

    def mean_of(self, function: Callable[[Vector], Any]) -> Estimate:
        """1/P sum_i f(lambda_i), for a function of arrays. The standard error is the scatter over probes alone."""
        if not callable(function):
            raise WrongTypeError("a function of an array is expected", "function", type(function).__name__)
        samples = np.array([float(np.dot(w, _values(function(x), x))) for x, w in zip(self.nodes, self.weights)])
        return Estimate(float(samples.mean()), float(samples.std(ddof=1) / np.sqrt(len(samples))))

    def curve(self, points: int = 500, bandwidth: float = 0.01) -> tuple[Vector, Vector, Vector]:
        """(grid, density, standard errors): smoothed by a Gaussian whose width is ``bandwidth`` of the range."""
        points, bandwidth = integer(points, "points", 2), positive(bandwidth, "bandwidth")
        if points > _POINTS:
            raise InputError("a curve has fewer points", "points", points, f"at most {_POINTS}")
        grid, density, errors, _ = _heigen.density_curve(self.n_params, *self._lists(), points, bandwidth)
        return grid, density, errors

    def plot(self, title: str = "eigenvalue density", points: int = 500, bandwidth: float = 0.01) -> Drawing:
        """The smoothed density on a logarithmic axis, with its standard error."""
        grid, density, errors = self.curve(points, bandwidth)
        name = f"{len(self.nodes)} probes"
        return Drawing(_heigen.draw_density, text(title, "title"), name, grid.tolist(), density.tolist(), errors.tolist())

    def _repr_svg_(self) -> str:
        return self.plot().svg

    def count_below(self, x: float) -> Count:
        """The number of eigenvalues <= x, between ``lower`` and ``upper``. The standard error is the scatter over probes, which
        does not cover what the quadrature itself leaves open where eigenvalues lie densely around x; the bounds do.

        More steps bring the bounds together.

        References: Akhiezer, The Classical Moment Problem (1965), section 2.5 (the inequalities of Chebyshev, Markov and
        Stieltjes); Golub, SIAM Review 15 (1973), 318 (the quadrature with a prescribed node).
        """
        x = finite(x, "count_below")
        found = self._estimate("count_below", x)
        bounds = np.array([mass_below(*jacobi, x) for jacobi in self._jacobi]) * self.n_params
        means, errors = bounds.mean(0), bounds.std(0, ddof=1) / np.sqrt(len(bounds))
        lower, upper = (Estimate(float(mean), float(error)) for mean, error in zip(means, errors))
        return Count(found.value, found.standard_error, lower, upper)

    @cached_property
    def _jacobi(self) -> list[tuple[Vector, Vector]]:
        """The tridiagonal matrix of every probe's quadrature."""
        return [tridiagonal(x, w) for x, w in zip(self.nodes, self.weights)]

    def log_determinant(self, damping: float) -> Estimate:
        """log det(A + damping I)."""
        return self._estimate("log_determinant", damping)

    def effective_dimension(self, damping: float) -> Estimate:
        """tr A (A + damping I)^-1."""
        return self._estimate("effective_dimension", damping)

    def _lists(self) -> tuple[list[list[float]], list[list[float]]]:
        return [x.tolist() for x in self.nodes], [w.tolist() for w in self.weights]

    def _estimate(self, what: str, x: float) -> Estimate:
        return Estimate(*_heigen.density_estimate(what, self.n_params, *self._lists(), finite(x, what)))

    def __repr__(self) -> str:
        low, high = self.range
        return f"Density(of {self.n_params} eigenvalues from {low:.4g} to {high:.4g}, {len(self.nodes)} probes)"


@dataclass(frozen=True, eq=False)
class Solution:
    """Solutions x of (A + damping I) x = b."""

    #: [P] or [P, k], as the right-hand sides were.
    x: Any
    #: |b - (A + damping I) x| for every right-hand side, from products with the returned solutions.
    residuals: Vector
    #: |b| for every right-hand side.
    norms: Vector
    damping: float
    #: The tolerance applied to ``residuals / norms``.
    tolerance: float
    #: Columns that the operator was applied to.
    products: int
    converged: bool

    @property
    def error_bound(self) -> Vector:
        """Bounds on the distance from the exact solutions, where A is positive semidefinite: residual / damping."""
        if self.damping <= 0.0:
            raise InputError("without damping the residual bounds no error", "damping", self.damping, "> 0")
        return self.residuals / self.damping

    def __repr__(self) -> str:
        relative = _largest(self.residuals / np.where(self.norms > 0, self.norms, 1.0))
        return f"Solution(residuals up to {relative:.1e} of b, {self.products} products)"


#: Points of a curve at most: more than any screen shows, and no more than a moment of work.
_POINTS = 100_000


def _values(found: Any, nodes: Vector) -> Vector:
    """The values of a user's function at the nodes; one number stands for a constant function."""
    values = np.asarray(array(found, "a value of the function"), np.float64)
    if values.shape not in ((), nodes.shape):
        raise InputError("the function has not one value for each node", "function", values.shape, nodes.shape)
    return np.broadcast_to(values, nodes.shape)


def _some(values: Vector) -> str:
    shown = ", ".join(f"{value:.4g}" for value in values[:4])
    return f"eigenvalues {shown}{', ...' if len(values) > 4 else ''}" if len(values) else "no eigenvalues"


def _largest(values: Vector) -> float:
    return float(np.max(values)) if len(values) else 0.0
