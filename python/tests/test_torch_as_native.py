"""The boundary measures of a module by PyTorch and by the native engine are the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import heigen  # noqa: E402
import heigen.torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def trained():
    """A network of three classes in the plane at a minimum, and its samples."""
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(2, 9), nn.ReLU(), nn.Linear(9, 8), nn.ReLU(), nn.Linear(8, 3)).double()
    centres = torch.tensor([[2.0, -1.0], [-2.0, 0.0], [0.0, 2.0]], dtype=torch.float64)
    y = torch.arange(45) % 3
    # The engine takes samples in float32.
    X = (centres[y] + 0.5 * torch.randn(45, 2, dtype=torch.float64)).float().double()
    steps = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(300):
        steps.zero_grad()
        functional.cross_entropy(model(X), y).backward()
        steps.step()
    return model, X, y


@pytest.fixture(scope="module")
def analysis(trained):
    return heigen.analyze(*trained, full_basis=True, progress=False)


def test_the_hessian(trained, analysis):
    model, X, y = trained
    op = heigen.torch.Hessian(model, (X, y), nn.CrossEntropyLoss())
    native = heigen.operator(model, X, y)
    v = np.random.RandomState(0).randn(op.shape[0], 4)
    scale = analysis.lambda_max
    assert np.abs(op @ v - native @ v).max() <= 1e-12 * scale * np.abs(v).max()
    assert np.abs(heigen.spectrum(op).eigenvalues - analysis.eigenvalues).max() <= 1e-12 * scale
    assert abs(op.loss - analysis.loss) <= 1e-15


def test_alignments_and_g_theta(trained, analysis):
    model, X, y = trained
    aligned = heigen.torch.alignments(model, X, analysis.eigenvectors)
    assert np.abs(aligned - analysis.alignments).max() <= 1e-9
    found = heigen.torch.g_theta(model, X, analysis.eigenvalues, analysis.eigenvectors)
    assert len(found) == len(analysis.g_theta) > 0
    for ours, theirs in zip(found, analysis.g_theta):
        assert (ours.definition, ours.rule, ours.counted, ours.counted_null, ours.value) == (
            theirs.definition,
            theirs.rule,
            theirs.counted,
            theirs.counted_null,
            theirs.value,
        )
        assert abs(ours.eps - theirs.eps) <= 1e-12
    whole = heigen.spectrum(heigen.torch.Hessian(model, (X, y), nn.CrossEntropyLoss()))
    assert heigen.torch.g_theta(model, X, whole).recommended.counted == analysis.g_theta.recommended.counted


def test_the_margin(trained, analysis):
    model, X, y = trained
    native = analysis.measure_boundary(margin=True, progress=False).margin
    v = analysis.eigenvectors[:, -1]
    # Where the engine's descents end, the alignments are those that the engine found there.
    ends = np.stack([start.x for start in native.starts])
    cosines = heigen.torch.alignments(model, torch.from_numpy(ends), v)[0]
    assert np.abs(cosines**2 - [start.cos2 for start in native.starts]).max() <= 1e-9
    ours = heigen.torch.margin(model, X, v, steps=30)
    assert len(ours.starts) == len(native.starts)
    assert {native.most_aligned, native.least_aligned} == {ours.most_aligned, ours.least_aligned}
    # Descents begin where the engine's do, in NumPy's stream.
    begin = heigen.torch.margin(model, X, v, steps=0)
    assert np.array_equal(np.stack([start.x for start in begin.starts]), np.random.RandomState(0).randn(16, 2))


def test_the_complexity_of_the_boundary(trained, analysis):
    model, X, _ = trained
    native = analysis.measure_boundary(progress=False).complexity
    low, high = X.numpy().min(0), X.numpy().max(0)
    # The engine looks at the bounding box of the samples with a margin of a tenth.
    low, high = low - 0.1 * (high - low), high + 0.1 * (high - low)
    ours = heigen.torch.boundary(model, (low[0], high[0]), (low[1], high[1]))
    assert (ours.n_pieces, ours.n_linear) == (native.n_pieces, native.n_linear)
    assert abs(ours.length - native.length) <= 1e-9 * native.length
    assert abs(ours.turning - native.turning) <= 1e-9
