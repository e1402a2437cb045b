"""Losses of :mod:`torch.nn` with random options and targets, as random graphs have them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from graph_writer import Writer
from torch import nn
from torch.nn import functional

#: Number of outputs of a graph.
N_OUTPUTS = 4
#: The losses; each belongs to the seeds that leave its place as remainder.
LOSSES = [
    "cross_entropy", "mse", "nll", "tokens", "huber", "hinge", "binary", "l1", "cross_entropy", "smooth_l1", "gaussian", "one_logit",
    "tokens",
]  # fmt: skip


class GaussianNLL(nn.GaussianNLLLoss):
    """PyTorch's, of outputs that are first the means, then the variances."""

    def forward(self, outputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        mean, variance = outputs.chunk(2, 1)
        return functional.gaussian_nll_loss(mean, target, variance, full=self.full, eps=self.eps, reduction=self.reduction)

    def plain(self) -> nn.GaussianNLLLoss:
        """PyTorch's own, which takes means and variances apart."""
        return nn.GaussianNLLLoss(full=self.full, eps=self.eps, reduction=self.reduction)


class OneLogit(nn.BCEWithLogitsLoss):
    """PyTorch's, of a single output and of classes 0 and 1."""

    def forward(self, outputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return super().forward(outputs[:, 0], target.to(outputs.dtype))

    def plain(self) -> nn.BCEWithLogitsLoss:
        """PyTorch's own."""
        return nn.BCEWithLogitsLoss(pos_weight=self.pos_weight, reduction=self.reduction)


class Tokens(nn.CrossEntropyLoss):
    """PyTorch's, of the classes of two positions: outputs are [N, positions, classes] or [N, classes, positions]."""

    #: What :func:`heigen.analyze` calls the targets.
    targets: str | None = None

    def forward(self, outputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        n, positions = target.shape
        if self.targets == "positions":
            return super().forward(outputs.view(n, positions, -1).transpose(1, 2), target)
        return super().forward(outputs.view(n, -1, positions), target)

    def plain(self) -> nn.CrossEntropyLoss:
        """PyTorch's own."""
        return nn.CrossEntropyLoss(
            self.weight, ignore_index=self.ignore_index, label_smoothing=self.label_smoothing, reduction=self.reduction
        )


def counted(loss: nn.Module, target: torch.Tensor) -> int:
    """The number of samples that the loss does not ignore as a whole."""
    if isinstance(loss, (nn.CrossEntropyLoss, nn.NLLLoss)):
        return int((target.view(len(target), -1) != loss.ignore_index).any(1).sum())
    return len(target)


def twice_differentiable(loss: nn.Module) -> Any:
    """The loss with second derivatives, which PyTorch's multi-margin loss has none of: that one is written out."""
    if not isinstance(loss, nn.MultiMarginLoss):
        return loss

    def hinge(outputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        own = outputs.gather(1, target[:, None])
        others = 1 - functional.one_hot(target, outputs.shape[1])
        of_samples = ((loss.margin - own + outputs).clamp(min=0) ** loss.p * others).mean(1)
        if loss.weight is not None:
            of_samples = of_samples * loss.weight[target]
        value = of_samples.sum() if loss.reduction == "sum" else of_samples.mean()
        torch.testing.assert_close(value.detach(), loss(outputs.detach(), target), rtol=1e-12, atol=1e-14)
        return value

    return hinge


def of_logits(loss: nn.Module) -> Any:
    """The loss whose Gauss-Newton matrix the engine means: the negative log-likelihood of a log-softmax is the cross-entropy of
    the logits before it, which is that of the log-probabilities, too."""
    if not isinstance(loss, nn.NLLLoss):
        return twice_differentiable(loss)
    return nn.CrossEntropyLoss(loss.weight, ignore_index=loss.ignore_index, reduction=loss.reduction)


def loss_of(kind: str, w: Writer, output: str) -> tuple[str, nn.Module, Any]:
    """The output that a loss takes, the loss, and its targets."""
    n = len(w.X)
    labels = torch.from_numpy(w.rng.integers(0, N_OUTPUTS, n))
    weight = torch.from_numpy(w.rng.uniform(0.3, 2.0, N_OUTPUTS)) if w.chance(0.4) else None
    options: dict[str, Any] = {"reduction": "sum"} if w.chance(0.2) else {}
    if kind in ("cross_entropy", "nll"):
        ignored = {"ignore_index": int(labels[0])} if w.chance(0.3) and len(set(labels.tolist())) > 1 else {}
        if kind == "nll":
            return w.node("log_softmax", output, axis=1), nn.NLLLoss(weight, **ignored, **options), labels
        smoothing = {"label_smoothing": 0.15} if w.chance(0.3) else {}
        return output, nn.CrossEntropyLoss(weight, **ignored, **smoothing, **options), labels
    if kind == "tokens":
        tokens = torch.from_numpy(w.rng.integers(0, N_OUTPUTS // 2, (n, 2)))
        if w.chance():
            tokens[torch.from_numpy(w.rng.random((n, 2)) < 0.4)] = -100
            tokens[-1, -1] = 1
        smoothing = {"label_smoothing": 0.15} if w.chance(0.3) else {}
        loss = Tokens(None if weight is None else weight[: N_OUTPUTS // 2], **smoothing, **options)
        loss.targets = w.one_of("positions", None)
        return output, loss, tokens
    if kind == "one_logit":
        one = w.node("slice", output, axis=1, start=0, length=1, step=1)
        return one, OneLogit(pos_weight=None if weight is None else weight[:1], **options), labels % 2
    if kind == "hinge":
        return output, nn.MultiMarginLoss(w.one_of(1, 2), 0.8, weight, **options), labels
    if kind == "binary":
        truths = torch.from_numpy(w.rng.integers(0, 2, (n, N_OUTPUTS)).astype(np.float64))
        own = torch.from_numpy(w.rng.uniform(0.3, 2.0, N_OUTPUTS)) if w.chance(0.4) else None
        return output, nn.BCEWithLogitsLoss(own, pos_weight=weight, **options), truths
    numbers = torch.from_numpy(w.rng.standard_normal((n, N_OUTPUTS)).astype(np.float32).astype(np.float64))
    if kind == "gaussian":
        mean = w.node("slice", output, axis=1, start=0, length=N_OUTPUTS // 2, step=1)
        spread = w.node("slice", output, axis=1, start=N_OUTPUTS // 2, length=N_OUTPUTS // 2, step=1)
        both = w.node("concat", mean, w.node("exp", w.node("tanh", spread)), axis=1)
        return both, GaussianNLL(full=w.chance(), eps=1e-6, **options), numbers[:, : N_OUTPUTS // 2].contiguous()
    made = {
        "mse": lambda: nn.MSELoss(**options),
        "l1": lambda: nn.L1Loss(**options),
        "huber": lambda: nn.HuberLoss(delta=0.7, **options),
        "smooth_l1": lambda: nn.SmoothL1Loss(beta=0.6, **options),
    }
    return output, made[kind](), numbers


def options_of(loss: nn.Module) -> set[str]:
    """A loss with its options in words."""
    name = type(loss).__name__
    found = {name, f"{name} reduction = {loss.reduction}"}
    for key in ("weight", "pos_weight"):
        if getattr(loss, key, None) is not None:
            found.add(f"{name} {key}")
    for key in ("label_smoothing", "p", "full"):
        if hasattr(loss, key):
            found.add(f"{name} {key} = {getattr(loss, key)}")
    if getattr(loss, "ignore_index", -100) != -100:
        found.add(f"{name} ignore_index")
    if isinstance(loss, Tokens):
        found.add(f"{name} targets = {loss.targets}")
    return found
