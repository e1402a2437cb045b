"""Modules that the native engine has layers for, with data and the Hessian that PyTorch differentiates by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn import functional


@dataclass
class Case:
    """A module with its samples; ``loss`` is what :func:`heigen.analyze` takes, ``function`` is PyTorch's."""

    model: nn.Module
    X: torch.Tensor
    y: torch.Tensor
    loss: Any = "cross_entropy"
    function: Any = staticmethod(functional.cross_entropy)


class Residual(nn.Module):
    """Convolutions with a shortcut around them, pools, batch normalisation, constants, and names in another order than use."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 3)
        self.conv1 = nn.Conv2d(2, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.wide = nn.Conv2d(4, 8, 1, stride=2)
        self.side = nn.Conv2d(4, 8, 3, stride=2, padding=1)
        self.register_buffer("scale", torch.tensor(2.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = (x - 0.25) / 0.5
        x = torch.relu(self.norm(self.conv1(x)))
        x = functional.softplus(x + self.conv2(x))
        x = self.wide(x) + torch.tanh(self.side(x))
        x = functional.adaptive_avg_pool2d(x, 1)
        return self.scale * self.head(torch.flatten(x, 1))


class Functions(nn.Module):
    """A module written with functions, whose output is log-probabilities."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(4, 5), nn.Linear(5, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.gelu(self.fc1(x.view(x.size(0), -1)), approximate="tanh")
        return functional.log_softmax(self.fc2(functional.dropout(x, 0.3, self.training)), dim=-1)


def samples(shape: tuple[int, ...], n: int, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    X = torch.randn(n, *shape)
    return X, torch.arange(n) % classes


def cases() -> dict[str, Case]:
    """The modules by name; all are made anew with the same numbers."""
    torch.manual_seed(11)
    made = {
        "a sequence with tanh": Case(
            nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3)), *samples((2,), 40, 3)
        ),
        "images with pools": Case(
            nn.Sequential(
                nn.Conv2d(1, 3, 3, padding=1),
                nn.GELU(),
                nn.MaxPool2d(2),
                nn.Conv2d(3, 4, 3),
                nn.Sigmoid(),
                nn.AvgPool2d(2),
                nn.Flatten(),
                nn.Dropout(0.5),
                nn.Linear(4, 3),
            ),
            *samples((1, 8, 8), 12, 3),
        ),
        "residual blocks": Case(Residual(), *samples((2, 6, 6), 10, 3)),
        "functions and log-probabilities": Case(
            Functions(), *samples((4,), 20, 3), nn.NLLLoss(), functional.nll_loss
        ),
        "one output": Case(
            nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 1)),
            *samples((3,), 24, 2),
            nn.BCEWithLogitsLoss(),
            lambda out, y: functional.binary_cross_entropy_with_logits(out[:, 0], y.to(out.dtype)),
        ),
        "label smoothing": Case(
            nn.Sequential(nn.Linear(2, 5), nn.Softplus(), nn.Linear(5, 3)),
            *samples((2,), 21, 3),
            nn.CrossEntropyLoss(label_smoothing=0.1),
            lambda out, y: functional.cross_entropy(out, y, label_smoothing=0.1),
        ),
        "squares": Case(
            nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 3)),
            *samples((2,), 21, 3),
            "mse",
            lambda out, y: functional.mse_loss(out, functional.one_hot(y, 3).to(out.dtype)),
        ),
    }
    for case in made.values():
        for module in case.model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2.0)
        case.model.eval()
    return made


def hessian_of(case: Case) -> np.ndarray:
    """The Hessian in float64 by torch.autograd, in the order of the module's parameters."""
    names = [name for name, _ in case.model.named_parameters()]
    values = [p.detach().double() for p in case.model.parameters()]
    buffers = {k: v.double() if v.is_floating_point() else v for k, v in case.model.named_buffers()}
    sizes, shapes = [v.numel() for v in values], [v.shape for v in values]
    X = case.X.double() if case.X.is_floating_point() else case.X

    def loss(theta: torch.Tensor) -> torch.Tensor:
        parts = {n: t.view(s) for n, t, s in zip(names, theta.split(sizes), shapes)}
        # Fused attention has no second derivative.
        with sdpa_kernel(SDPBackend.MATH):
            outputs = torch.func.functional_call(case.model, {**parts, **buffers}, (X,))
        return case.function(outputs, case.y)

    theta = torch.cat([v.flatten() for v in values])
    return torch.autograd.functional.hessian(loss, theta, vectorize=True).numpy()
