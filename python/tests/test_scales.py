"""A matrix times a power of two has the results of the matrix times that power, digit for digit, however far that is from 1."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import low_rank, matrix_with

import heigen

SCALES = [(np.float64, 900), (np.float64, -900), (np.float64, 600), (np.float64, -600), (np.float32, 70), (np.float32, -70)]


@pytest.fixture
def matrix(rng):
    return matrix_with(low_rank(60, 12), rng)[0]


@pytest.mark.parametrize(("dtype", "power"), SCALES)
def test_results_scale_with_the_matrix(matrix, dtype, power):
    factor = 2.0**power
    a = matrix.astype(dtype)
    b = (a * dtype(factor)).astype(dtype)
    assert np.isfinite(b).all() and (b[a != 0] != 0).all()
    # float32 divides by another power, so that only the digits of its own type are the same.
    same = np.testing.assert_array_equal if dtype is np.float64 else lambda x, y: np.testing.assert_allclose(x, y, rtol=3e-5)
    for which in ("LA", "SA", "LM", "BE"):
        near, far = heigen.eigsh(a, 4, which=which), heigen.eigsh(b, 4, which=which)
        same(np.asarray(far.eigenvalues, dtype=np.float64), np.asarray(near.eigenvalues, dtype=np.float64) * factor)
        assert np.all(np.asarray(far.residuals) <= far.tolerance * far.scale)
    same(heigen.spectrum(b).eigenvalues, np.asarray(heigen.spectrum(a).eigenvalues, dtype=np.float64) * factor)
    for estimate in (heigen.trace, heigen.frobenius_norm):
        near, far = estimate(a), estimate(b)
        same([far.value, far.standard_error], np.array([near.value, near.standard_error], dtype=np.float64) * factor)
    near, far = heigen.diagonal(a, 30), heigen.diagonal(b, 30)
    same(np.asarray(far.values, dtype=np.float64), np.asarray(near.values, dtype=np.float64) * factor)


@pytest.mark.parametrize("power", [900, -900])
def test_systems_and_certificates_scale_with_the_matrix(matrix, rng, power):
    factor = 2.0**power
    positive = matrix @ matrix + np.eye(len(matrix))
    right = rng.standard_normal(len(matrix))
    wanted = np.linalg.solve(positive, right)
    found = heigen.solve(positive * factor, right)
    np.testing.assert_allclose(found.x * factor, wanted, rtol=1e-6)
    values, vectors = np.linalg.eigh(matrix)
    certificate = heigen.certify(matrix * factor, values * factor, vectors)
    assert certificate.residual_max <= 1e-12 * np.abs(values).max() * factor
