"""Operators of PyTorch modules against the dense Hessian of torch.autograd.functional."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import heigen.torch  # noqa: E402
from modules import NAMES, Case, made  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.func import functional_call  # noqa: E402

torch.set_num_threads(1)


def dense_hessian(case: Case) -> Tensor:
    """The Hessian of the case's loss as PyTorch's own function gives it."""
    names = [name for name, p in case.model.named_parameters() if p.requires_grad]
    shapes = [p.shape for _, p in case.model.named_parameters() if p.requires_grad]
    flat = torch.cat([p.detach().flatten() for _, p in case.model.named_parameters() if p.requires_grad])

    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = case.model

        def forward(self) -> Tensor:
            return case.total(self.inner)

    whole = Whole()

    def loss(theta: Tensor) -> Tensor:
        parts = theta.split([shape.numel() for shape in shapes])
        state = {f"inner.{name}": part.view(shape) for name, part, shape in zip(names, parts, shapes)}
        return functional_call(whole, state, ())

    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH), torch.backends.mkldnn.flags(enabled=False):
        return torch.autograd.functional.hessian(loss, flat)


def written_out(op: Any) -> np.ndarray:
    """All entries of an operator."""
    return op @ np.eye(op.shape[0], dtype=op.dtype)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_hessian_is_that_of_autograd(name: str, dtype: torch.dtype, tolerance: float) -> None:
    wanted = dense_hessian(made(name, torch.float64)).numpy()
    case = made(name, dtype)
    for batched in (False, True):
        op = heigen.torch.Hessian(case.model, case.batches, case.loss, batched=batched)
        got = written_out(op)
        assert got.dtype == op.dtype and op.shape == wanted.shape
        assert bool(op.batched) == batched, op.batched
        scale = np.abs(np.linalg.eigvalsh(wanted)).max()
        assert np.abs(got - wanted).max() <= tolerance * scale


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-9), (torch.float32, 1e-4)])
def test_eigenvalues_are_those_of_the_dense_hessian(name: str, dtype: torch.dtype, tolerance: float) -> None:
    wanted = np.linalg.eigvalsh(dense_hessian(made(name, torch.float64)).numpy())
    scale = np.abs(wanted).max()
    case = made(name, dtype)
    op = heigen.torch.Hessian(case.model, case.batches, case.loss)
    whole = heigen.spectrum(op)
    assert np.abs(whole.eigenvalues - wanted).max() <= tolerance * scale
    some = heigen.eigsh(op, 5, "LM", tol=1e-10 if dtype == torch.float64 else 1e-5)
    largest = wanted[np.argsort(-np.abs(wanted))][:5]
    assert np.abs(np.sort(some.eigenvalues) - np.sort(largest)).max() <= tolerance * scale
    assert some.eigenvectors.dtype == op.dtype


def per_sample_jacobians(case: Case) -> tuple[list[Tensor], list[Tensor], Tensor]:
    """J_n [C, P], outputs [C] and all targets of a case of one tensor of inputs, by reverse passes one after another."""
    X = torch.cat([batch[0] for batch in case.batches])
    y = torch.cat([batch[1] for batch in case.batches])
    parameters = [p for p in case.model.parameters() if p.requires_grad]
    jacobians, outputs = [], []
    for x in X:
        z = case.model(x[None])[0]
        rows = []
        for c in z.reshape(-1):
            gradient = torch.autograd.grad(c, parameters, retain_graph=True, allow_unused=True, materialize_grads=True)
            rows.append(torch.cat([g.reshape(-1) for g in gradient]))
        jacobians.append(torch.stack(rows))
        outputs.append(z.detach())
    return jacobians, outputs, y


GGN_CASES = [
    "attention",
    "GroupNorm and SiLU",
    "LSTM",
    "one logit",
    "label smoothing",
    "class weights",
    "regression",
    "sum over samples",
    "log-probabilities",
]


def curvature_of_outputs(case: Case, z: Tensor, target: Tensor, total: float) -> Tensor:
    """The second derivative of one sample's share of the loss by its outputs."""
    module = case.loss
    if isinstance(module, nn.NLLLoss):
        module = nn.CrossEntropyLoss()
    weight = 1.0
    if getattr(module, "weight", None) is not None:
        weight = float(module.weight[target])
    kind = type(module)

    def share(flat: Tensor) -> Tensor:
        options = {"reduction": "sum"}
        if kind is nn.CrossEntropyLoss:
            options["label_smoothing"] = module.label_smoothing  # type: ignore[assignment]
            return weight * kind(**options)(flat[None], target[None]) / total
        return kind(**options)(flat.reshape(z.shape)[None], target[None]) / total

    return torch.autograd.functional.hessian(share, z.reshape(-1))


def total_count(case: Case, y: Tensor) -> float:
    """What the mean of the case's loss divides by."""
    if case.loss.reduction == "sum":
        return 1.0
    if isinstance(case.loss, nn.CrossEntropyLoss) and case.loss.weight is not None:
        return float(case.loss.weight[y].sum())
    return float(y.numel())


@pytest.mark.parametrize("name", GGN_CASES)
def test_ggn_is_the_sum_over_samples(name: str) -> None:
    case = made(name, torch.float64)
    jacobians, outputs, y = per_sample_jacobians(case)
    total = total_count(case, y)
    wanted = sum(J.T @ curvature_of_outputs(case, z, t, total) @ J for J, z, t in zip(jacobians, outputs, y)).numpy()
    for batched in (False, True):
        got = written_out(heigen.torch.GGN(case.model, case.batches, case.loss, batched=batched))
        assert np.abs(got - wanted).max() <= 1e-12 * np.abs(wanted).max()


@pytest.mark.parametrize("name", [name for name in GGN_CASES if name not in ("label smoothing",)])
def test_empirical_fisher_is_the_second_moment_of_gradients(name: str) -> None:
    case = made(name, torch.float64)
    parameters = list(case.model.parameters())
    N = sum(len(batch[1]) for batch in case.batches)
    mean = case.loss.reduction == "mean"
    total = case.total(case.model)
    moments = 0
    # L is the mean (or the sum) of the samples' own losses, whatever its own division is.
    whole = torch.autograd.grad(total, parameters, allow_unused=True, materialize_grads=True)
    first = torch.cat([g.reshape(-1) for g in whole])
    weights = total_count(case, torch.cat([batch[1] for batch in case.batches]))
    gradients = []
    for X, y in case.batches:
        for x, t in zip(X, y):
            module = type(case.loss)(
                **{"reduction": "sum"}, **({"weight": case.loss.weight} if getattr(case.loss, "weight", None) is not None else {})
            )
            loss = module(case.model(x[None]), t[None])
            g = torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)
            flat = torch.cat([part.reshape(-1) for part in g])
            gradients.append(flat * (N / weights if mean else 1.0))
    g = torch.stack(gradients)
    assert torch.allclose(g.mean(0) if mean else g.sum(0), first, atol=1e-12)
    moments = (g.T @ g / (N if mean else 1)).numpy()
    got = written_out(heigen.torch.EmpiricalFisher(case.model, case.batches, case.loss))
    assert np.abs(got - moments).max() <= 1e-12 * np.abs(moments).max()


@pytest.mark.parametrize("name", ["attention", "one logit", "class weights", "regression", "sum over samples"])
def test_fisher_by_monte_carlo_tends_to_the_ggn(name: str) -> None:
    case = made(name, torch.float64)
    ggn = written_out(heigen.torch.GGN(case.model, case.batches, case.loss))
    op = heigen.torch.Fisher(case.model, case.batches, case.loss, mc_samples=4000, seed=3)
    got = written_out(op)
    assert np.abs(got - ggn).max() <= 0.1 * np.abs(ggn).max()
    assert np.array_equal(got, written_out(heigen.torch.Fisher(case.model, case.batches, case.loss, mc_samples=4000, seed=3)))
    other = heigen.torch.Fisher(case.model, case.batches, case.loss, mc_samples=1, seed=4)
    assert np.abs(written_out(other) - ggn).max() > 0.1 * np.abs(ggn).max()
