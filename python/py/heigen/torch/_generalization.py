"""The generalization measure G_theta: the share of all eigenvectors that some input's gradient is aligned with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from heigen._arguments import finite
from heigen._errors import InputError, NotFiniteError
from heigen._parts import FIGURE_4_EPS, GTheta, GThetas
from heigen.torch._boundary import SMALLEST_NORM, Labels, reinforcing_gradients
from heigen.torch._parameters import Choice

__all__ = ["FIXED_EPS", "g_theta"]

#: The threshold of the paper's definition.
FIXED_EPS = 1e-6
#: Eigenvalues up to this fraction of the largest count as zero; in float32, up to what rounding makes of a zero.
_NULL, _ROUNDING = 1e-10, 4.0
#: Neighbouring eigenvalues closer than this fraction of the largest belong to one cluster, and in float32 closer than so many
#: units of rounding.
_CLUSTER, _CLUSTER_ROUNDING = 1e-12, 64.0

Array = NDArray[Any]


def g_theta(
    model: nn.Module,
    X: Any,
    eigenvalues: Any,
    eigenvectors: Any = None,
    *,
    loss: Any = "cross_entropy",
    labels: Labels = "predicted",
    params: Choice = None,
    dtype: Any = None,
    eps: float | None = None,
) -> GThetas:
    """G_theta(eps) of a model over inputs: the fraction of all P eigenvectors whose largest alignment is at least eps.

    ``eigenvalues`` are all P, and ``eigenvectors`` [P, k] belong to all of them, or to those that are not zero. A result of
    :func:`heigen.spectrum`, or an analysis of the whole spectrum, holds both. The leading eigenpairs alone are refused: what
    they leave is no null space, and counts by eigenvalues that nobody knows.
    Values are given for the thresholds of the paper (or for ``eps``) and for the one that random directions reach, by the
    rules "max" and "mean". By the definition "subspaces", eigenvalues that rounding cannot tell apart count by the
    principal directions of their eigenspace, and so does the null space: that is independent of the basis which an
    eigensolver happens to return.

    References: arXiv:2306.07104, section 5.
    """
    if eps is not None and finite(eps, "eps") < 0:
        raise InputError("a threshold of cosines is no less than 0", "eps", eps)
    if eigenvectors is None:
        if not hasattr(eigenvalues, "eigenvectors"):
            wanted = "eigenvalues and eigenvectors, or a result that holds them"
            raise InputError("there are no eigenvectors", "eigenvectors", type(eigenvalues).__name__, wanted)
        eigenvalues, eigenvectors = eigenvalues.eigenvalues, eigenvalues.eigenvectors
    gradients = _host(reinforcing_gradients(model, X, loss=loss, labels=labels, params=params, dtype=dtype))
    values, vectors = _pairs(_host(eigenvalues).astype(np.float64), _host(eigenvectors), len(gradients))
    if not (np.isfinite(values).all() and np.isfinite(vectors).all()):
        raise NotFiniteError("an eigenvalue or an eigenvector is infinite or NaN", "eigenvectors")
    thresholds = _thresholds(gradients, eps)
    unit = _unit(gradients)
    p = len(gradients)
    epsilon = float(np.finfo(vectors.dtype).eps) if vectors.dtype == np.float32 else 0.0
    scale = float(np.abs(values).max(initial=0.0))
    if scale == 0.0:
        return GThetas()
    zero = scale * max(_NULL, _ROUNDING * epsilon * p**0.5)
    nonzero = np.abs(values) > zero
    out = _by_subspaces(values[nonzero], vectors[:, nonzero], unit, scale, epsilon, thresholds)
    whole = len(values) == p
    chosen = np.ones_like(nonzero) if whole else nonzero
    out += _by_eigenvectors(vectors[:, chosen].T @ unit, ~nonzero[chosen], p, thresholds, whole)
    return GThetas(out)


def _host(array: Any) -> Array:
    made: Array = array.detach().cpu().numpy() if isinstance(array, Tensor) else np.asarray(array)
    return made


def _pairs(values: Array, vectors: Array, p: int) -> tuple[Array, Array]:
    """The eigenvalues of the given eigenvectors, ascending, with these."""
    if vectors.ndim != 2 or vectors.shape[0] != p:
        raise InputError("the eigenvectors do not belong to these parameters", "eigenvectors", vectors.shape, f"({p}, k)")
    k = vectors.shape[1]
    if len(values) == k < p:
        got, wanted = f"{k} of {p} eigenvalues", f"all {p}, as heigen.spectrum gives them; those without an eigenvector are zeros"
        raise InputError("G_theta needs the whole spectrum", "eigenvalues", got, wanted)
    if len(values) != k:
        largest = np.abs(values).max(initial=0.0)
        kept = np.sort(np.argsort(-np.abs(values), kind="stable")[:k])
        if len(values) != p or not np.all(np.abs(np.delete(values, kept)) <= 1e-7 * largest):
            got = f"{len(values)} eigenvalues for {k} eigenvectors"
            raise InputError("eigenvalues and eigenvectors differ in number", "eigenvalues", got, f"{k}")
        values = values[kept]
    order = np.argsort(values, kind="stable")
    return values[order], vectors[:, order]


def _unit(gradients: Array) -> Array:
    norms = np.sqrt((gradients * gradients).sum(0))
    return gradients * np.where(norms > SMALLEST_NORM, 1 / np.maximum(norms, 1e-300), 0)


def _per_vector(aligned: Array, rule: str) -> Array:
    magnitudes = np.abs(aligned)
    each: Array = magnitudes.max(1, initial=0.0) if rule == "max" else magnitudes.mean(1)
    return each


def _thresholds(gradients: Array, eps: float | None) -> list[tuple[float, str]]:
    """The fixed thresholds, and the mean over 5 random unit vectors of their own largest alignment."""
    stream = np.random.RandomState(42)
    directions = np.stack([stream.randn(len(gradients)) for _ in range(5)])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    by_chance = _per_vector(directions.astype(gradients.dtype) @ _unit(gradients), "max").astype(np.float64)
    fixed = [(FIXED_EPS, "fixed"), (FIGURE_4_EPS, "fixed, as in the paper's Figure 4")]
    given = fixed if eps is None else [(float(eps), "given")]
    return [*given, (float(by_chance.mean()), "mean over 5 random unit vectors of their largest |A|")]


def _principal(rows: Array) -> Array:
    """Alignments with the principal directions of the rows' span: for rows [m, N], sigma_j w_j^T, largest last."""
    if len(rows) <= 1:
        return rows
    if rows.shape[0] <= rows.shape[1]:
        turned: Array = np.linalg.eigh(rows @ rows.T)[1].T @ rows
        return turned
    squares, right = np.linalg.eigh(rows.T @ rows)
    scaled: Array = np.sqrt(np.maximum(squares, 0))[:, None] * right.T
    return scaled


def _by_subspaces(
    values: Array, vectors: Array, unit: Array, scale: float, epsilon: float, thresholds: list[tuple[float, str]]
) -> list[GTheta]:
    p = len(unit)
    aligned = vectors.T @ unit
    gap = scale * max(_CLUSTER, _CLUSTER_ROUNDING * epsilon)
    starts = [0, *(np.flatnonzero(np.diff(values) > gap) + 1).tolist(), len(values)]
    clusters = [_principal(aligned[a:b]) for a, b in zip(starts, starts[1:]) if b > a]
    rest = unit - vectors @ aligned
    null = _principal(rest)
    null = null[len(null) - min(len(null), p - len(values)) :]
    out = []
    for rule in ("max", "mean"):
        of_values = np.concatenate([_per_vector(c, rule) for c in clusters]) if clusters else np.zeros(0)
        of_null = _per_vector(null, rule)
        for eps, source in thresholds:
            counted, counted_null = int((of_values >= eps).sum()), int((of_null >= eps).sum())
            total = counted + counted_null
            out.append(GTheta(total / p, eps, source, rule, "subspaces", total, counted_null))
    return out


def _by_eigenvectors(
    aligned: Array, null: Array, p: int, thresholds: list[tuple[float, str]], whole: bool
) -> list[GTheta]:
    out = []
    for rule in ("max", "mean"):
        each = _per_vector(aligned, rule)
        for eps, source in thresholds:
            counted = each >= eps
            definition = "eigenvectors" if whole else "nonzero_eigenvectors"
            total = int(counted.sum())
            out.append(GTheta(total / p, eps, source, rule, definition, total, int((counted & null).sum())))
    return out
