"""The parameters that an operator is about, and the model as a function of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from heigen._errors import InputError, WrongTypeError

__all__ = ["State", "aliases", "followed", "has_values", "select", "unwrap"]

#: How parameters are chosen: by name or regular expression, by a list of these and of parameters, or by a function.
Choice = str | re.Pattern[str] | nn.Parameter | Callable[[str, nn.Parameter], bool] | Iterable[Any] | None


def unwrap(model: nn.Module) -> nn.Module:
    """The module inside of DistributedDataParallel, DataParallel and torch.compile; sharded ones are refused."""
    if not isinstance(model, nn.Module):
        raise WrongTypeError("this is no model", "model", f"a {type(model).__name__}", "a torch.nn.Module")
    while True:
        kinds = {kind.__name__ for kind in type(model).__mro__}
        if kinds & {"FullyShardedDataParallel", "FSDPModule"}:
            raise InputError(
                "every process holds a part of the parameters only",
                "model",
                "FullyShardedDataParallel",
                "the whole model in every process, or DistributedDataParallel",
            )
        if kinds & {"DistributedDataParallel", "DataParallel"}:
            model = model.module  # type: ignore[assignment]
        elif "OptimizedModule" in kinds:
            model = model._orig_mod  # type: ignore[assignment]
        else:
            break
    sharded = [name for name, p in model.named_parameters() if type(p.data).__name__ == "DTensor"]
    if sharded:
        where = f"parameter {sharded[0]}"
        raise InputError("the parameter is spread over processes", where, "a DTensor", "the whole parameter in every process")
    return model


def select(model: nn.Module, choice: Choice) -> list[tuple[str, nn.Parameter]]:
    """The chosen parameters under their names, each once, also where several layers share it.

    Without a choice all that require a gradient. A frozen parameter is taken only where it is named exactly, by the
    name of its layer, or given itself. A regular expression has to match the whole name.
    """
    named = list(model.named_parameters())
    everywhere: dict[int, set[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        everywhere.setdefault(id(parameter), set()).add(name)
    if choice is None:
        chosen = [(name, p) for name, p in named if p.requires_grad]
        if not chosen:
            got = "a model without parameters" if not named else f"{len(named)} frozen parameters"
            raise InputError("no parameter requires a gradient", "params", got, "parameters by name")
        return _checked(chosen)
    single = isinstance(choice, (str, re.Pattern, Tensor)) or callable(choice)
    if not single and not isinstance(choice, Iterable):
        wanted = "names, parameters, or a function"
        raise WrongTypeError("parameters cannot be chosen by this", "params", f"a {type(choice).__name__}", wanted)
    items: list[Any] = [choice] if single else list(choice)  # type: ignore[arg-type]
    out: dict[int, tuple[str, nn.Parameter]] = {}
    for item in items:
        found = _matching(item, named, everywhere)
        if not found:
            what = item.pattern if isinstance(item, re.Pattern) else item if isinstance(item, str) else type(item).__name__
            names = ", ".join(name for name, _ in named[:8]) + (", ..." if len(named) > 8 else "")
            raise InputError("no parameter of the model is meant by this", "params", repr(what), f"some of {names}")
        for name, parameter in found:
            out.setdefault(id(parameter), (name, parameter))
    if not out:
        raise InputError("the list of parameters is empty", "params", "[]", "one parameter or more")
    return _checked(list(out.values()))


def _matching(
    item: Any, named: Sequence[tuple[str, nn.Parameter]], everywhere: dict[int, set[str]]
) -> list[tuple[str, nn.Parameter]]:
    if isinstance(item, Tensor):
        return [(name, p) for name, p in named if p is item]
    if isinstance(item, str):
        exact = [
            (name, p) for name, p in named if any(n == item or n.startswith(item + ".") for n in everywhere[id(p)])
        ]
        if exact:
            return exact
        try:
            item = re.compile(item)
        except re.error:
            return []
    if isinstance(item, re.Pattern):
        matches = item.fullmatch
        return [(n, p) for n, p in named if p.requires_grad and any(matches(name) for name in everywhere[id(p)])]
    if callable(item):
        return [(name, p) for name, p in named if item(name, p)]
    raise WrongTypeError(
        "parameters cannot be chosen by this", "params", f"a {type(item).__name__}", "names, parameters, or a function"
    )


def has_values(name: str, tensor: torch.Tensor) -> None:
    """Refuse a parameter or buffer that has no shape or no numbers yet."""
    if isinstance(tensor, (nn.parameter.UninitializedParameter, nn.parameter.UninitializedBuffer)):
        where, wanted = f"parameter {name}", "one call of the model"
        raise InputError("a lazy layer has no shape yet", where, "an uninitialized parameter", wanted)
    if tensor.device.type == "meta":
        raise InputError("the parameters have no values", "model", f"{name} on the device meta", "a real device")


def _checked(chosen: list[tuple[str, nn.Parameter]]) -> list[tuple[str, nn.Parameter]]:
    for name, parameter in chosen:
        has_values(name, parameter)
        if not parameter.is_floating_point():
            raise InputError("derivatives need real numbers", f"parameter {name}", str(parameter.dtype), "float32 or float64")
    devices = {str(parameter.device): name for name, parameter in chosen}
    if len(devices) > 1:
        got = ", ".join(f"{name} on {device}" for device, name in devices.items())
        raise InputError("the parameters are on several devices", "model", got, "all on one device")
    return chosen


def aliases(model: nn.Module, chosen: Sequence[tuple[str, nn.Parameter]]) -> list[list[str]]:
    """All names of each chosen parameter."""
    names: dict[int, list[str]] = {id(parameter): [] for _, parameter in chosen}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        if id(parameter) in names:
            names[id(parameter)].append(name)
    return [names[id(parameter)] for _, parameter in chosen]


def followed(
    model: nn.Module, chosen: Sequence[tuple[str, nn.Parameter]], shared: list[list[str]]
) -> list[tuple[str, nn.Parameter]]:
    """The parameters that the model has now under the names of the chosen ones, and with the same other names."""
    present = dict(model.named_parameters(remove_duplicate=False))
    out = []
    for name, before in chosen:
        now = present.get(name)
        got = "no such parameter" if now is None else f"shape {tuple(now.shape)} on {now.device}"
        if now is None or now.shape != before.shape or now.device != before.device:
            wanted = f"shape {tuple(before.shape)} on {before.device}, or a new operator"
            raise InputError("the model has been changed since the operator was made", f"parameter {name}", got, wanted)
        out.append((name, now))
    found = aliases(model, out)
    if found != shared:
        name = next(name for (name, _), one, two in zip(out, found, shared) if one != two)
        what = "the model has been changed since the operator was made: other layers share the parameter"
        raise InputError(what, f"parameter {name}", None, "a new operator")
    return _checked(out)


class State:
    """The tensors that a model computes with: the chosen parameters as leaves of a graph of our own, which share the memory
    of the model's where the type is the same; all others without gradient; and copies of the buffers."""

    def __init__(self, model: nn.Module, chosen: Sequence[tuple[str, nn.Parameter]], dtype: torch.dtype) -> None:
        self.chosen = list(chosen)

        def converted(tensor: Tensor) -> Tensor:
            tensor = tensor.clone() if tensor.is_inference() else tensor.detach()
            return tensor.to(dtype) if tensor.is_floating_point() else tensor

        self.leaves = [converted(p).requires_grad_() for _, p in self.chosen]
        taken = {id(p) for _, p in self.chosen}
        self._fixed = {name: converted(p) for name, p in model.named_parameters() if id(p) not in taken}
        self._buffers = {name: converted(b) for name, b in model.named_buffers() if b is not None}

    def tensors(self, prefix: str = "") -> dict[str, Tensor]:
        """All tensors by name, for one call of the model; changes that the call makes to buffers are lost with it."""
        out = {prefix + name: leaf for (name, _), leaf in zip(self.chosen, self.leaves)}
        out.update((prefix + name, tensor) for name, tensor in self._fixed.items())
        out.update((prefix + name, tensor.clone()) for name, tensor in self._buffers.items())
        return out
