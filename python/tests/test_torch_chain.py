"""Fully connected networks read from their modules are those that ``torch.export`` finds; all others are left to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from heigen.torch import _export
from heigen.torch._export import _chain


def linear(*sides: int) -> list[nn.Module]:
    return [nn.Linear(a, b) for a, b in zip(sides, sides[1:])]


class Doubling(nn.ReLU):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(x)


CHAINS: dict[str, Any] = {
    "relu": lambda: nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5, bias=False), nn.ReLU(), nn.Linear(5, 3)),
    "smooth": lambda: nn.Sequential(nn.Linear(4, 6), nn.GELU("tanh"), nn.Linear(6, 6), nn.Softplus(), nn.Linear(6, 2), nn.Tanh()),
    "one map": lambda: nn.Sequential(nn.Linear(4, 2)),
    "one output": lambda: nn.Sequential(nn.Linear(4, 3), nn.Sigmoid(), nn.Linear(3, 1)),
    "nested": lambda: nn.Sequential(nn.Sequential(nn.Linear(4, 6), nn.GELU()), nn.Identity(), nn.Sequential(nn.Linear(6, 3))),
    "named log probabilities": lambda: nn.Sequential(
        nn.Flatten(), nn.Sequential(*linear(4, 5, 3)), nn.Dropout(0.5).eval(), nn.LogSoftmax(-1)
    ),
}  # fmt: skip


def both(model: nn.Module, pair: torch.Tensor, monkeypatch: Any) -> tuple[Any, Any]:
    """The network as it is read from modules, and by ``torch.export``."""
    assert _chain.chain_of(model, pair) is not None
    direct = _export.network_of(model, pair)
    monkeypatch.setattr(_export, "chain_of", lambda model, pair: None)
    return direct, _export.network_of(model, pair)


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_networks_read_from_modules_are_those_of_export(name: str, dtype: torch.dtype, monkeypatch: Any) -> None:
    model = CHAINS[name]().to(dtype)
    next(model.parameters()).requires_grad_(name != "relu")
    direct, exported = both(model, torch.randn(2, 4), monkeypatch)
    assert direct.architecture == exported.architecture
    assert (direct.name, direct.order, direct.trained) == (exported.name, exported.order, exported.trained)
    assert (direct.n_classes, direct.notes) == (exported.n_classes, exported.notes)
    assert list(direct.tensors) == list(exported.tensors)
    for key, value in direct.tensors.items():
        np.testing.assert_array_equal(value, exported.tensors[key])


def test_images_are_flattened_as_export_says(monkeypatch: Any) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.ReLU(), nn.Linear(4, 3))
    direct, exported = both(model, torch.randn(2, 3, 2, 2), monkeypatch)
    assert direct.architecture == exported.architecture
    assert direct.architecture["layers"][0] == {"type": "flatten"}


def hooked(add: str) -> nn.Module:
    model = nn.Sequential(*linear(4, 5, 3))
    getattr(model[0], add)(lambda *given: None)
    return model


def changed() -> nn.Module:
    model = nn.Sequential(*linear(4, 5, 3))
    model[0].forward = lambda x: 3 * nn.functional.linear(x, model[0].weight)
    return model


def shared() -> nn.Module:
    layer = nn.Linear(4, 4)
    return nn.Sequential(layer, nn.ReLU(), layer)


def tied() -> nn.Module:
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    model[2].weight = model[0].weight
    return model


def with_more() -> nn.Module:
    model = nn.Sequential(*linear(4, 3))
    model.register_parameter("temperature", nn.Parameter(torch.ones(1)))
    return model


OTHERS: dict[str, Any] = {
    "a hook before": lambda: hooked("register_forward_pre_hook"),
    "a hook after": lambda: hooked("register_forward_hook"),
    "a hook of gradients": lambda: hooked("register_full_backward_hook"),
    "a forward of its own": changed,
    "a class of its own": lambda: nn.Sequential(nn.Linear(4, 3), Doubling()),
    "a sequence of its own": lambda: type("Mine", (nn.Sequential,), {})(*linear(4, 3)),
    "a parametrization": lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 3))),
    "a layer twice": shared,
    "a tensor twice": tied,
    "a parameter of the sequence": with_more,
    "another softplus": lambda: nn.Sequential(nn.Linear(4, 3), nn.Softplus(2.0)),
    "other axes": lambda: nn.Sequential(nn.Linear(4, 3), nn.LogSoftmax(0)),
    "nothing linear": lambda: nn.Sequential(nn.ReLU()),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_modules_are_left_to_export(name: str) -> None:
    assert _chain.chain_of(OTHERS[name](), torch.randn(2, 4)) is None


def test_a_changed_class_is_seen_by_its_outputs(monkeypatch: Any) -> None:
    model = nn.Sequential(*linear(4, 5, 3))
    assert _chain.chain_of(model, torch.randn(2, 4)) is not None
    monkeypatch.setattr(nn.Linear, "forward", lambda self, x: nn.functional.linear(x, self.weight) + 1)
    assert _chain.chain_of(model, torch.randn(2, 4)) is None


def test_samples_with_other_axes_are_left_to_export() -> None:
    model = nn.Sequential(*linear(4, 5, 3))
    assert _chain.chain_of(model, torch.randn(2, 3, 4)) is None
    assert _chain.chain_of(model, torch.ones(2, 4, dtype=torch.int64)) is None
    assert _chain.chain_of(model, torch.randn(2, 5)) is None


def test_dropout_in_training_is_told_of() -> None:
    model = nn.Sequential(nn.Linear(4, 5), nn.Dropout(0.5), nn.Linear(5, 3))
    with pytest.warns(match="its dropout is left out"):
        _export.network_of(model, torch.randn(2, 4))
