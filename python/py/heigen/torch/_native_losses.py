"""Losses of ``torch.nn`` in the engine's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from heigen._errors import UnsupportedModelError

__all__ = ["engine_loss"]

#: The engine's name of every loss, and the options that it shares with PyTorch's.
_KNOWN: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "CrossEntropyLoss": ("cross_entropy", ("weight", "ignore_index", "label_smoothing")),
    "NLLLoss": ("nll", ("weight", "ignore_index")),
    "BCEWithLogitsLoss": ("binary_cross_entropy_with_logits", ("weight", "pos_weight")),
    "MultiMarginLoss": ("hinge", ("p", "margin", "weight")),
    "MSELoss": ("mse", ()),
    "L1Loss": ("l1", ()),
    "HuberLoss": ("huber", ("delta",)),
    "SmoothL1Loss": ("smooth_l1", ("beta",)),
    "GaussianNLLLoss": ("gaussian_nll", ("eps", "full")),
}
#: PyTorch's defaults, which need not be said.
_DEFAULTS: Mapping[str, Any] = {
    "ignore_index": -100, "label_smoothing": 0.0, "p": 1, "margin": 1.0, "delta": 1.0, "beta": 1.0, "eps": 1e-6, "full": False,
}  # fmt: skip
_INSTEAD = "heigen.torch.Hessian takes any loss"


def engine_loss(loss: nn.Module) -> tuple[str, dict[str, Any]]:
    """The engine's name of a loss of ``torch.nn``, and those of its options that are not PyTorch's defaults."""
    kind = type(loss).__name__
    if kind not in _KNOWN or type(loss).__module__.split(".")[0] != "torch":
        raise UnsupportedModelError(f"the engine has no loss of this kind; {_INSTEAD}", kind, wanted=", ".join(_KNOWN))
    name, options = _KNOWN[kind]
    args: dict[str, Any] = {}
    for option in options:
        value: Any = getattr(loss, option, None)
        if hasattr(value, "detach"):
            if value.ndim > 1:
                raise UnsupportedModelError(
                    f"the engine's {option} is one number for each class or output; {_INSTEAD}", kind, tuple(value.shape)
                )
            args[option] = [float(v) for v in value.detach().reshape(-1).tolist()]
        elif value is not None and value != _DEFAULTS.get(option):
            args[option] = value
    reduction = getattr(loss, "reduction", "mean")
    if reduction not in ("mean", "sum"):
        raise UnsupportedModelError(f"a loss that is one number has a reduction; {_INSTEAD}", kind, reduction, "mean or sum")
    if reduction == "sum":
        args["reduction"] = reduction
    return name, args
