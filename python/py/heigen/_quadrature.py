"""What the quadrature of a random vector says of the distribution of its weight over the eigenvalues, and what it leaves open.

References: Akhiezer, The Classical Moment Problem (1965), section 2.5; Golub, SIAM Review 15 (1973), 318.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["mass_below", "tridiagonal"]

Vector = NDArray[np.float64]

#: Nodes nearer than this fraction of the largest are one node as far as rounding can tell.
_NEAR = 1e-7


def tridiagonal(nodes: Vector, weights: Vector) -> tuple[Vector, Vector]:
    """The diagonal and the other entries of the Jacobi matrix whose eigenvalues are the nodes, with ``weights`` the squares of
    its eigenvectors' first entries: by Lanczos with full reorthogonalisation."""
    n = len(nodes)
    scale = float(np.abs(nodes).max(initial=0.0))
    basis = np.zeros((n, n))
    alphas, betas = [], []
    vector = np.sqrt(np.maximum(weights, 0.0))
    vector /= np.linalg.norm(vector)
    for i in range(n):
        basis[i] = vector
        product = nodes * vector
        alphas.append(float(vector @ product))
        for _ in range(2):
            product -= basis[: i + 1].T @ (basis[: i + 1] @ product)
        beta = float(np.linalg.norm(product))
        if i + 1 == n or beta <= 1e-14 * scale:
            break
        betas.append(beta)
        vector = product / beta
    return np.array(alphas), np.array(betas)


def mass_below(alphas: Vector, betas: Vector, x: float) -> tuple[float, float]:
    """What every distribution with the moments of a Jacobi matrix has up to x at least, and at most: the weights of the
    quadrature that has x for a node, without and with this node."""
    scale = max(float(np.abs(alphas).max() + 2 * betas.max(initial=0.0)), abs(x), 1e-300)
    # The pivots of J - x. With x + beta^2 / pivot for its last diagonal entry, which the moments leave free, the matrix has the
    # eigenvalue x; where the pivot is too small for that, the next smaller matrix does as well.
    pivots = [float(alphas[0]) - x]
    for alpha, beta in zip(alphas[1:], betas):
        before = pivots[-1] if abs(pivots[-1]) > 1e-15 * scale else 1e-15 * scale
        pivots.append(float(alpha) - x - float(beta) ** 2 / before)
    size = len(alphas)
    while size > 1 and abs(pivots[size - 2]) < 1e-4 * scale:
        size -= 1
    last = x + float(betas[size - 2]) ** 2 / pivots[size - 2] if size > 1 else x
    off = betas[: size - 1]
    nodes, vectors = np.linalg.eigh(np.diag([*alphas[: size - 1], last]) + np.diag(off, 1) + np.diag(off, -1))
    weights = vectors[0] ** 2
    # Rounding leaves the node a little beside x, and divides the weight between it and another that is as near.
    near = _NEAR * scale
    return float(weights[nodes < x - near].sum()), float(weights[nodes <= x + near].sum())
