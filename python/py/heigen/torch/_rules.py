"""Update rules of PyTorch's optimizers: the curvature at which they become unstable, and what they divide their steps by."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from heigen import _heigen
from heigen._errors import InputError, UnsupportedModelError
from heigen._operators import Operator, _OfOperators
from heigen.torch._operators import TorchOperator

__all__ = ["Preconditioned", "UpdateRule"]

#: Settings that decide about stability, and have to be the same for all parameters.
_SETTINGS = ("lr", "momentum", "nesterov", "dampening", "betas", "eps", "amsgrad", "alpha", "centered", "weight_decay")


class UpdateRule:
    """The rule of an optimizer for the parameters of an operator."""

    def __init__(self, optimizer: Any, op: TorchOperator) -> None:
        self._optimizer, self._op = optimizer, op
        kinds = ((torch.optim.SGD, "sgd"), (torch.optim.Adam, "adam"), (torch.optim.AdamW, "adam"))
        kind = next((name for known, name in (*kinds, (torch.optim.RMSprop, "rmsprop")) if isinstance(optimizer, known)), None)
        if kind is None:
            got, wanted = type(optimizer).__name__, "SGD, Adam, AdamW or RMSprop of torch.optim; or leave optimizer out"
            raise UnsupportedModelError("the threshold of this optimizer is not known", "optimizer", got, wanted)
        self._kind = kind
        #: Whether steps are divided by a number for each parameter.
        self.scales = kind != "sgd"
        self.now()

    def _settings(self) -> dict[str, Any]:
        ours = {id(p) for _, p in self._op._chosen}
        groups = [g for g in self._optimizer.param_groups if any(id(p) in ours for p in g["params"])]
        if not groups:
            raise InputError("the optimizer has none of the operator's parameters", "optimizer")
        settings = [{key: group[key] for key in _SETTINGS if key in group} for group in groups]
        for other in settings[1:]:
            different = [key for key in other if other[key] != settings[0].get(key)]
            if different:
                got = ", ".join(different)
                what = "groups of parameters differ in what decides about stability"
                raise UnsupportedModelError(what, "optimizer", got, "the same for all, or an operator of one group's parameters")
        return settings[0]

    def now(self) -> tuple[float, float, float]:
        """The learning rate, the threshold of stability, and the multiple of the identity that weight decay adds."""
        s = self._settings()
        rate, decay = float(s["lr"]), float(s.get("weight_decay", 0.0))
        if rate == 0:
            return rate, float("inf"), decay
        if self._kind == "adam":
            return rate, _heigen.stability_threshold("averaged", float(s["betas"][0]), rate), 0.0
        momentum = float(s.get("momentum", 0.0))
        if self._kind == "rmsprop":
            return rate, _heigen.stability_threshold("polyak" if momentum else "plain", momentum, rate), 0.0
        dampening = float(s.get("dampening", 0.0))
        if momentum and dampening and dampening != momentum:
            raise UnsupportedModelError(
                "the threshold of momentum with this dampening is not known", "optimizer", dampening, f"0 or {momentum:g}"
            )
        rule = "plain"
        if momentum:
            rule = "averaged" if dampening else "nesterov" if s.get("nesterov") else "polyak"
        return rate, _heigen.stability_threshold(rule, momentum, rate), decay

    def diagonal(self) -> Tensor | None:
        """What steps are divided by, [P]; None before the first step, and where nothing is."""
        if not self.scales:
            return None
        s = self._settings()
        parts = []
        for _, parameter in self._op._chosen:
            state = self._optimizer.state.get(parameter)
            if not state:
                return None
            if self._kind == "adam":
                square = state["max_exp_avg_sq"] if s.get("amsgrad") else state["exp_avg_sq"]
                square = square / (1 - float(s["betas"][1]) ** float(state["step"]))
            else:
                square = state["square_avg"]
                if s.get("centered"):
                    square = square - state["grad_avg"].square()
            parts.append(square.detach().double().sqrt().reshape(-1) + float(s["eps"]))
        return torch.cat(parts)


class Preconditioned(_OfOperators):
    """D^-1/2 A D^-1/2, given the roots of 1 / D [P]."""

    def __init__(self, operator: Operator, inverse_roots: Tensor) -> None:
        super().__init__(operator)
        self._roots: Any = inverse_roots.cpu().numpy() if operator._home is None else inverse_roots
        self._probed = True

    def _apply_into(self, rows: Any, out: Any) -> None:
        scaled = rows * self._roots
        if isinstance(scaled, np.ndarray):
            scaled = np.ascontiguousarray(scaled, self._dtype)
        self._parts[0]._apply_into(scaled, out)
        out *= self._roots

    def _describe(self) -> str:
        return f"D^-1/2 {self._parts[0]._describe()} D^-1/2"
