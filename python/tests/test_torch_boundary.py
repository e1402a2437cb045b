"""Boundary measures of modules against their definitions, written out sample by sample."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import heigen  # noqa: E402
import heigen.torch  # noqa: E402
from modules import Attention, made  # noqa: E402
from torch import Tensor, nn  # noqa: E402

torch.set_num_threads(1)


def mlp(seed: int = 0, inputs: int = 2, classes: int = 3) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(inputs, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, classes)).double()


def gradient(model: nn.Module, x: Tensor, label: int | None = None) -> Tensor:
    """g(x), by one reverse pass."""
    z = model(x[None])
    target = z.argmax(1) if label is None else torch.tensor([label])
    loss = nn.functional.cross_entropy(z, target)
    return torch.cat([g.reshape(-1) for g in torch.autograd.grad(loss, list(model.parameters()))])


def test_reinforcing_gradients_and_alignments_are_those_of_single_inputs() -> None:
    model, X = mlp(), torch.randn(140, 2, dtype=torch.float64)
    wanted = torch.stack([gradient(model, x) for x in X], 1)
    got = heigen.torch.reinforcing_gradients(model, X)
    assert got.shape == wanted.shape and torch.allclose(got, wanted, rtol=1e-12, atol=1e-14)
    vectors = np.linalg.qr(np.random.RandomState(0).randn(wanted.shape[0], 3))[0]
    aligned = heigen.torch.alignments(model, X, vectors)
    assert isinstance(aligned, np.ndarray) and aligned.shape == (3, 140)
    assert np.allclose(aligned, vectors.T @ (wanted / wanted.norm(dim=0)).numpy(), rtol=0, atol=1e-12)
    fixed = heigen.torch.alignments(model, X, torch.from_numpy(vectors), labels=1)
    one = torch.stack([gradient(model, x, 1) for x in X], 1)
    assert isinstance(fixed, Tensor)
    assert torch.allclose(fixed, torch.from_numpy(vectors).T @ (one / one.norm(dim=0)), atol=1e-12)


def test_a_gradient_that_vanishes_has_no_alignment() -> None:
    model = nn.Sequential(nn.Linear(2, 2)).double()
    with torch.no_grad():
        model[0].weight.zero_()
        model[0].bias.copy_(torch.tensor([200.0, -200.0]))
    aligned = heigen.torch.alignments(model, torch.randn(3, 2, dtype=torch.float64), np.ones((6, 1)))
    assert np.array_equal(aligned, np.zeros((1, 3)))


@pytest.mark.parametrize("name", ["attention", "LSTM", "one logit", "GroupNorm and SiLU", "fused attention"])
def test_any_module_has_alignments(name: str) -> None:
    case = made(name, torch.float64)
    X = case.batches[0][0]
    gradients = heigen.torch.reinforcing_gradients(case.model, X, loss=case.loss)
    z = case.model(X)
    for n in range(len(X)):
        target = (z[n : n + 1] > 0).double() if name == "one logit" else z[n : n + 1].argmax(1)
        loss = case.loss(case.model(X[n : n + 1]), target)
        wanted = torch.autograd.grad(loss, list(case.model.parameters()), allow_unused=True, materialize_grads=True)
        assert torch.allclose(gradients[:, n], torch.cat([g.reshape(-1) for g in wanted]), atol=1e-12)


def test_g_theta_counts_the_eigenvectors_that_are_aligned() -> None:
    model, X = mlp(1), torch.randn(30, 2, dtype=torch.float64)
    y = torch.arange(30) % 3
    op = heigen.torch.Hessian(model, (X, y), nn.CrossEntropyLoss())
    H = op @ np.eye(op.shape[0])
    values, vectors = np.linalg.eigh((H + H.T) / 2)
    found = heigen.torch.g_theta(model, X, values, vectors)
    aligned = np.abs(heigen.torch.alignments(model, X, vectors))
    by_hand = {("eigenvectors", "max"): aligned.max(1), ("eigenvectors", "mean"): aligned.mean(1)}
    assert {g.definition for g in found} == {"eigenvectors", "subspaces"} and len(found) == 12
    for g in found:
        if g.definition == "eigenvectors":
            counted = int((by_hand[g.definition, g.rule] >= g.eps).sum())
            assert (g.counted, g.value) == (counted, counted / len(values))
    # By subspaces a rotation of the null space changes nothing.
    null = np.abs(values) <= 1e-10 * np.abs(values).max()
    assert null.sum() > 3
    turned = vectors.copy()
    turned[:, null] = vectors[:, null] @ np.linalg.qr(np.random.RandomState(1).randn(null.sum(), null.sum()))[0]
    again = heigen.torch.g_theta(model, X, values, turned)
    same = [(a, b) for a, b in zip(found, again) if a.definition == "subspaces"]
    assert all(a == b for a, b in same)
    # Nor does one of two eigenvectors of the same eigenvalue.
    equal, angle = values.copy(), 0.7
    equal[-6:-4] = equal[-6]
    rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    turned = vectors.copy()
    turned[:, -6:-4] = vectors[:, -6:-4] @ rotation

    def counts(eigenvalues: Any, basis: Any) -> list[int]:
        thresholds = np.linspace(0.01, float(np.abs(aligned[-6:-4]).max()), 12)
        each = [heigen.torch.g_theta(model, X, eigenvalues, basis, eps=eps) for eps in thresholds]
        return [g.counted for values in each for g in values if g.definition == "subspaces" and g.eps_source == "given"]

    assert counts(equal, vectors) == counts(equal, turned)
    assert counts(values, vectors) != counts(values, turned)
    # The vectors of the nonzero eigenvalues are enough.
    part = heigen.torch.g_theta(model, X, np.where(null, 0.0, values), vectors[:, ~null])
    assert [g for g in part if g.definition == "subspaces"] == [a for a, _ in same]
    assert [g.eps for g in heigen.torch.g_theta(model, X, values, vectors, eps=0.3)][0] == 0.3


def test_the_margin_of_a_linear_classifier_is_on_its_boundary() -> None:
    model = nn.Sequential(nn.Linear(2, 2, bias=True)).double()
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
        model[0].bias.zero_()
    X = torch.tensor([[2.0, 0.1], [-2.0, 0.2], [3.0, -1.0]], dtype=torch.float64)
    v = gradient(model, torch.tensor([0.3, 0.4], dtype=torch.float64))
    v = v / v.norm()
    found = heigen.torch.margin(model, X, v, starts=4, steps=60)
    assert len(found.starts) == 4 and found.margin == min(found.distance_most, found.distance_least)
    again = heigen.torch.margin(model, X, v.numpy(), starts=4, steps=60)
    assert np.array_equal(found.x_b, again.x_b)
    # The descent by hand, from the same start.
    x = np.random.RandomState(0).randn(4, 2)[found.start]
    for _ in range(60):
        at = torch.tensor(x, requires_grad=True)
        z = model(at[None])
        loss = nn.functional.cross_entropy(z, z.argmax(1))
        parts = torch.autograd.grad(loss, list(model.parameters()), create_graph=True)
        g = torch.cat([part.reshape(-1) for part in parts])
        (slope,) = torch.autograd.grad((((g @ v) / g.norm()) ** 2 - 1) ** 2, at)
        x = x - 0.01 * (slope.numpy() + 1e-3 * x)
    assert np.allclose(x, found.x_b, rtol=0, atol=1e-12)


def test_boundaries_of_known_shapes() -> None:
    class Outputs(nn.Module):
        def __init__(self, function: Any) -> None:
            super().__init__()
            self.function = function
            self.unused = nn.Parameter(torch.zeros(1, dtype=torch.float64))

        def forward(self, p: Tensor) -> Tensor:
            return torch.stack(self.function(p[:, 0], p[:, 1]), 1)

    def found(function: Any, n: int) -> Any:
        return heigen.torch.boundary(Outputs(function), (-1, 1), (-1, 1), n=n)

    line = found(lambda x, y: [x + 0.3 * y, 0 * x + 0.123], 47)
    assert (line.n_pieces, line.n_linear) == (1, 1)
    assert abs(line.length - 2 * math.sqrt(1.09)) < 1e-9 and line.turning < 1e-6
    circle = found(lambda x, y: [x * x + y * y, 0 * x + 0.25], 201)
    assert circle.n_pieces == 1
    assert abs(circle.turning - math.tau) < 1e-3 and abs(circle.length - math.pi) < 1e-3
    square = found(lambda x, y: [torch.maximum((x + 0.013).abs(), (y - 0.021).abs()), 0 * x + 0.5], 301)
    assert (square.n_pieces, square.n_linear) == (1, 4)
    sectors = found(
        lambda x, y: [math.cos(i * 2.0944 + 0.3) * x + math.sin(i * 2.0944 + 0.3) * y + 0.01 for i in range(3)], 41
    )
    assert (sectors.n_pieces, sectors.n_linear, len(sectors.lines)) == (1, 3, 3)
    nothing = found(lambda x, y: [x, 0 * x + 5.0], 9)
    assert (nothing.n_pieces, nothing.n_linear, nothing.length, nothing.turning) == (0, 0, 0.0, 0.0)


def test_a_binary_head_has_a_boundary_too() -> None:
    model = nn.Sequential(nn.Linear(2, 1), nn.Flatten(0))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0, 0.0]]))
        model[0].bias.zero_()
    found = heigen.torch.boundary(model, (-1.0, 1.0), (0.0, 1.0), n=20)
    assert found.n_linear == 1 and abs(found.length - 1) < 1e-6


def test_bad_input_of_boundary_measures_is_named() -> None:
    model, X = mlp(), torch.randn(4, 2, dtype=torch.float64)
    with pytest.raises(heigen.InputError, match="vectors"):
        heigen.torch.alignments(model, X, np.ones((5, 1)))
    with pytest.raises(heigen.InputError, match="out of range"):
        heigen.torch.alignments(model, X, np.ones((123, 1)), labels=3)
    with pytest.raises(heigen.InputError, match="differ in number"):
        heigen.torch.alignments(model, X, np.ones((123, 1)), labels=torch.zeros(3, dtype=torch.int64))
    with pytest.raises(heigen.InputError, match="no inputs"):
        heigen.torch.reinforcing_gradients(model, X[:0])
    with pytest.raises(heigen.InputError, match="batch normalisation"):
        heigen.torch.reinforcing_gradients(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)), X.float())
    with pytest.raises(heigen.InputError, match="not one tensor"):
        heigen.torch.margin(Attention(), torch.randint(0, 7, (4, 3)), np.ones(1))
    with pytest.raises(heigen.InputError, match="starts"):
        heigen.torch.margin(model, X, np.ones(123), starts=0)


def test_gradients_of_certain_predictions_keep_their_digits() -> None:
    # With z = (0, -40, -41) the derivative by z_0 is -(p_1 + p_2), of which p_0 - 1 has no digit.
    model = nn.Linear(2, 3).double()
    with torch.no_grad():
        model.weight.zero_()
        model.bias.copy_(torch.tensor([0.0, -40.0, -41.0]))
    X = torch.tensor([[1.0, 2.0]], dtype=torch.float64)
    p = torch.exp(torch.tensor([-40.0, -41.0], dtype=torch.float64))
    delta = torch.stack([-p.sum(), *p])
    wanted = torch.cat([(delta[:, None] * X[0]).reshape(-1), delta])
    got = heigen.torch.reinforcing_gradients(model, X)[:, 0]
    assert torch.allclose(got, wanted, rtol=1e-14, atol=0)
    head = nn.Sequential(nn.Linear(2, 1), nn.Flatten(0)).double()
    with torch.no_grad():
        head[0].weight.zero_()
        head[0].bias.fill_(40.0)
    got = heigen.torch.reinforcing_gradients(head, X, loss=nn.BCEWithLogitsLoss())[:, 0]
    assert torch.allclose(got, -math.exp(-40) * torch.tensor([1.0, 2.0, 1.0], dtype=torch.float64), rtol=1e-14, atol=0)


@pytest.mark.parametrize("name", ["LeakyReLU", "GroupNorm and SiLU", "attention", "one logit", "regression"])
def test_gradients_of_modules_that_vmap_knows_are_made_together(name: str) -> None:
    from heigen.torch._boundary import Classifier

    case = made(name, torch.float64)
    classifier = Classifier(case.model, case.loss, None, None)
    list(classifier.each_gradient(case.batches[0][0], "predicted"))
    assert classifier._together is True
