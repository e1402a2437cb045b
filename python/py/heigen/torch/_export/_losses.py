"""Losses of ``torch.nn`` under the names that the native engine has for them."""

from __future__ import annotations

from torch import nn

from heigen._errors import UnsupportedModelError
from heigen.torch._export._program import INSTEAD

__all__ = ["loss_of"]


def loss_of(loss: nn.Module) -> tuple[str, float]:
    """The engine's name of a loss of ``torch.nn``, and its label smoothing."""
    name = type(loss).__name__
    known = {
        "CrossEntropyLoss": "cross_entropy",
        "NLLLoss": "nll",
        "MSELoss": "mse",
        "MultiMarginLoss": "hinge",
        "BCEWithLogitsLoss": "cross_entropy",
    }
    if name not in known:
        raise UnsupportedModelError(f"the engine has no loss of this kind; {INSTEAD}", name, wanted=", ".join(known))
    if getattr(loss, "reduction", "mean") != "mean":
        raise UnsupportedModelError(f"the engine's losses are means over the samples; {INSTEAD}", name, loss.reduction, "mean")
    plain = {"weight": None, "pos_weight": None, "p": 1, "margin": 1.0, "ignore_index": -100}
    for key, value in plain.items():
        if getattr(loss, key, value) != value:
            raise UnsupportedModelError(f"the engine's loss has no {key}; {INSTEAD}", name, getattr(loss, key))
    return known[name], float(getattr(loss, "label_smoothing", 0.0))
