"""Mistakes that people make with the measures of the decision boundary of a module."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import heigen  # noqa: E402
import heigen.torch  # noqa: E402
from test_torch_boundary import mlp  # noqa: E402
from torch import nn  # noqa: E402

torch.set_num_threads(1)


def test_g_theta_of_leading_eigenpairs_is_refused_because_the_rest_is_no_null_space() -> None:
    model, X = mlp(1), torch.randn(30, 2, dtype=torch.float64)
    op = heigen.torch.Hessian(model, (X, torch.arange(30) % 3), nn.CrossEntropyLoss())
    pairs = heigen.eigsh(op, 3, which="LA")
    with pytest.raises(heigen.InputError, match="G_theta needs the whole spectrum; got 3 of"):
        heigen.torch.g_theta(model, X, pairs)
    with pytest.raises(heigen.InputError, match="whole spectrum.*heigen.spectrum"):
        heigen.torch.g_theta(model, X, pairs.eigenvalues, pairs.eigenvectors)
    assert 0 < heigen.torch.g_theta(model, X, heigen.spectrum(op)).value < 1


def test_alignments_take_eigenpairs() -> None:
    model, X = mlp(1), torch.randn(30, 2, dtype=torch.float64)
    op = heigen.torch.Hessian(model, (X, torch.arange(30) % 3), nn.CrossEntropyLoss())
    pairs = heigen.eigsh(op, 3, which="LA")
    wanted = heigen.torch.alignments(model, X, pairs.eigenvectors)
    assert np.array_equal(heigen.torch.alignments(model, X, pairs), wanted)


def test_a_model_of_other_inputs_than_points_needs_to_input() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 2))
    with pytest.raises(heigen.InputError, match="model fails on the inputs.*points of the plane.*to_input="):
        heigen.torch.boundary(model, (0, 1), (0, 1), n=5)
    with pytest.raises(heigen.InputError, match="^to_input: .*fails"):
        heigen.torch.boundary(model, (0, 1), (0, 1), n=5, to_input=lambda p: p)


def test_vectors_inputs_and_thresholds_that_are_no_numbers_are_refused() -> None:
    model, X = mlp(1), torch.randn(30, 2, dtype=torch.float64)
    p = sum(q.numel() for q in model.parameters())
    good, nan = np.ones(p), np.full(p, np.nan)
    bad = X.clone()
    bad[3, 1] = float("inf")
    with pytest.raises(heigen.NotFiniteError, match="^vectors"):
        heigen.torch.alignments(model, X, nan)
    with pytest.raises(heigen.NotFiniteError, match="^X"):
        heigen.torch.reinforcing_gradients(model, bad)
    with pytest.raises(heigen.InputError, match=r"^X: the model fails on the inputs.*float64 \(30, 1\)"):
        heigen.torch.alignments(model, X[:, :1], good)
    with pytest.raises(heigen.InputError, match="the vector is zero"):
        heigen.torch.margin(model, X, 0 * good)
    with pytest.raises(heigen.InputError, match="seed"):
        heigen.torch.margin(model, X, good, seed=-1)
    for eps in (float("nan"), -1.0):
        with pytest.raises(heigen.InputError, match="eps"):
            heigen.torch.g_theta(model, X, np.ones(p), np.eye(p), eps=eps)
    with pytest.raises(heigen.NotFiniteError, match="eigenvectors"):
        heigen.torch.g_theta(model, X, nan, np.eye(p))


def test_planes_and_grids_that_are_none_are_refused() -> None:
    model = mlp(1)
    for x, y, n in (("ab", (0, 1), 9), ((0, 1), (1, 0), 9), (3, (0, 1), 9), ((0, 1), (0, 1), 10**7), ((0, 1), (0, 1), 2.5)):
        with pytest.raises(heigen.Error, match="^[xyn]: "):
            heigen.torch.boundary(model, x, y, n=n)
