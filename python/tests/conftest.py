"""What several tests use. The installed package is tested, never the source tree."""

from __future__ import annotations

import os

# Two threads of PyTorch's or of OpenBLAS's for every test would only be in each other's way.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np
import pytest


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20230612)


def matrix_with(eigenvalues, rng):
    """A symmetric matrix with these eigenvalues, and its eigenvectors."""
    q, _ = np.linalg.qr(rng.standard_normal((len(eigenvalues),) * 2))
    a = (q * eigenvalues) @ q.T
    return (a + a.T) / 2, q


def low_rank(p, rank):
    """Eigenvalues that fall over three decades, with both signs; the others are 0."""
    values = np.zeros(p)
    i = np.arange(rank)
    values[:rank] = 10.0 ** (-3.0 * i / rank) * np.where(i % 3 == 2, -0.5, 1.0)
    return values


def pytest_sessionfinish(session, exitstatus):
    """Where everything is installed nothing may be skipped."""
    skipped = session.config.pluginmanager.get_plugin("terminalreporter").stats.get("skipped", [])
    if os.environ.get("CI") and skipped and exitstatus == 0:
        print("\ntests were skipped, which must not happen where CI is set")
        session.exitstatus = 1
