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
