"""Counts of eigenvalues by quadrature come with bounds that hold where eigenvalues lie densely."""

from __future__ import annotations

import numpy as np
import pytest

import heigen
from heigen._quadrature import mass_below, tridiagonal


def quadrature(eigenvalues, start, steps):
    """Nodes and weights of the Gauss quadrature of a vector, by Lanczos on a diagonal matrix."""
    basis, alphas, betas = [start], [], []
    for step in range(steps):
        product = eigenvalues * basis[-1]
        alphas.append(basis[-1] @ product)
        for _ in range(2):
            rows = np.array(basis)
            product = product - rows.T @ (rows @ product)
        norm = np.linalg.norm(product)
        if step + 1 == steps or norm < 1e-13:
            break
        betas.append(norm)
        basis.append(product / norm)
    nodes, vectors = np.linalg.eigh(np.diag(alphas) + np.diag(betas, 1) + np.diag(betas, -1))
    return nodes, vectors[0] ** 2


@pytest.mark.parametrize("seed", range(20))
def test_the_true_weight_below_a_point_lies_between_the_bounds(seed, rng):
    rng = np.random.default_rng(seed)
    p = int(rng.integers(3, 150))
    spread, dense = rng.standard_normal(p) ** 3, np.round(rng.standard_normal(p), 1)
    eigenvalues = np.sort(np.where(rng.random(p) < 0.4, spread, dense))
    start = rng.standard_normal(p)
    start /= np.linalg.norm(start)
    nodes, weights = quadrature(eigenvalues, start, int(rng.integers(1, min(p, 40) + 1)))
    jacobi = tridiagonal(nodes, weights)
    points = [*rng.standard_normal(20), *eigenvalues[::5], *(eigenvalues[::7] + 1e-9), *nodes, -50.0, 50.0, 0.0]
    for x in points:
        low, high = mass_below(*jacobi, float(x))
        below, upto = (start[eigenvalues < x] ** 2).sum(), (start[eigenvalues <= x] ** 2).sum()
        assert low <= below + 1e-9 and upto <= high + 1e-9, (x, low, below, upto, high)


def test_a_count_inside_of_a_dense_cluster_is_covered_by_its_bounds_where_the_standard_error_does_not(rng):
    # Three clusters far from one another; within each, 20 steps do not resolve the eigenvalues.
    eigenvalues = np.concatenate([np.linspace(0, 1e-3, 300), np.linspace(0.5, 0.5005, 150), np.linspace(1, 1.2, 50)])
    op = heigen.as_operator(lambda v: eigenvalues * v, n=500)
    density = heigen.density(op, probes=10, steps=12)
    missed = 0
    for x in np.linspace(0, 1.2, 200).tolist() + np.linspace(0, 1e-3, 50).tolist():
        count, true = density.count_below(x), int((eigenvalues <= x).sum())
        missed += abs(count.value - true) > 5 * count.standard_error + 1e-6
        assert count.lower.value - 5 * count.lower.standard_error <= true + 1e-6
        assert true <= count.upper.value + 5 * count.upper.standard_error + 1e-6
        assert count.lower.value <= count.value + 1e-6 and count.value <= count.upper.value + 1e-6
    assert missed > 10
    # Between clusters the bounds are as near as the scatter.
    apart = density.count_below(0.25)
    assert apart.upper.value - apart.lower.value < 1.0
    assert str(apart).count("+-") == 3 and "between" in str(apart)


def test_what_a_density_says_of_counts_can_be_pickled(rng):
    import pickle

    density = heigen.density(np.diag(np.linspace(0, 1, 40)), 3, 10)
    first = density.count_below(0.5)
    again = pickle.loads(pickle.dumps(density)).count_below(0.5)
    assert again == first and isinstance(first, heigen.Estimate) and float(first) == first.value


def test_eigenpairs_draw_themselves():
    pairs = heigen.eigsh(np.diag(np.linspace(0, 1, 40)), 5)
    assert pairs.plot().svg.startswith("<svg")


def test_names_of_layers_choose_all_their_coordinates():
    op = heigen.as_operator(np.diag(np.arange(6.0)))
    op._names = [("0.weight", 0, 2), ("0.bias", 2, 3), ("10.weight", 3, 5), ("10.bias", 5, 6)]
    assert (op.restrict("0") @ np.eye(3)).diagonal().tolist() == [0.0, 1.0, 2.0]
    assert op.restrict(["10", "0.bias"]).names == [("0.bias", 0, 1), ("10.weight", 1, 3), ("10.bias", 3, 4)]
    with pytest.raises(heigen.InputError, match="no parameter and no layer named '1'"):
        op.restrict("1")
