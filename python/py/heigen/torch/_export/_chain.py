"""A fully connected ``nn.Sequential`` as a list of layers, read from its modules: ``torch.export`` needs longer for such a small
network than the engine for its eigenpairs.

Only modules whose class is PyTorch's own, without hooks or parametrizations, are read here; for all others the program that
``torch.export`` makes of them says what they compute.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as _module

from heigen.torch._export._program import tell_of_dropout

__all__ = ["chain_of"]

#: The layers of the engine that a module is, and its values for what it gets; None for a module that is no such layer.
_Step = tuple[list[dict[str, Any]], torch.Tensor] | None
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def chain_of(model: nn.Module, pair: torch.Tensor) -> tuple[list[dict[str, Any]], set[str], torch.Tensor] | None:
    """The layers of ``model``, the names of its tensors and the outputs of ``pair``; None if it is no such network.

    The layers are those that the reader of programs finds. Their outputs are compared with the module's own.
    """
    if not pair.is_floating_point() or _has_global_hooks():
        return None
    modules = _flat(model, "")
    if modules is None or next((m for _, m in modules if isinstance(m, nn.Linear)), None) is None:
        return None
    x = pair.to("cpu", torch.float64)
    layers: list[dict[str, Any]] = []
    used: set[str] = set()
    with torch.no_grad():
        for name, module in modules:
            step = _LAYERS[type(module)](name, module, x)
            if step is None:
                return None
            layers += step[0]
            x = step[1]
        twin = copy.deepcopy(model).to("cpu", torch.float64).eval()
        outputs = twin(pair.to("cpu", torch.float64))
    for layer in layers:
        if layer["type"] == "linear":
            used |= {f"{layer['name']}.weight"} | ({f"{layer['name']}.bias"} if layer["bias"] else set())
    every = [name for name, _ in model.named_parameters(remove_duplicate=False)]
    same = x.shape == outputs.shape and torch.allclose(x, outputs, 1e-10, 1e-10, equal_nan=True)
    # A second use of a tensor, tensors that nothing uses: the other readers know what to say.
    if x.dim() != 2 or not same or sorted(every) != sorted(used) or len({id(p) for p in model.parameters()}) != len(every):
        return None
    dropout = [module for _, module in modules if isinstance(module, nn.Dropout) and module.training and module.p > 0]
    if dropout:
        tell_of_dropout(type(model).__name__)
    return layers, used, outputs


def _has_global_hooks() -> bool:
    """Whether hooks hold for all modules; True where this version of PyTorch does not say."""
    ask = getattr(_module, "_has_any_global_hook", None)
    return ask is None or bool(ask())


def _flat(model: nn.Module, path: str) -> list[tuple[str, nn.Module]] | None:
    """The leaves of nested ``nn.Sequential`` with their paths; None if a module is of another class or has something added."""
    if "forward" in vars(model) or any(getattr(model, hooks, None) for hooks in _HOOKS):
        return None
    if type(model) is not nn.Sequential:
        plain = type(model) in _LAYERS and all(type(p) is nn.Parameter for p in model._parameters.values() if p is not None)
        return [(path, model)] if plain and path and not model._modules else None
    if model._parameters or model._buffers:
        return None
    leaves: list[tuple[str, nn.Module]] = []
    for name, child in model._modules.items():
        part = None if child is None else _flat(child, f"{path}.{name}" if path else name)
        if part is None:
            return None
        leaves += part
    return leaves


def _linear(name: str, module: Any, x: torch.Tensor) -> _Step:
    weight, bias = module.weight, module.bias
    if x.dim() != 2 or weight.dim() != 2 or x.shape[1] != weight.shape[1] or not weight.is_floating_point() or weight.numel() == 0:
        return None
    layer = {"type": "linear", "name": name, "out_features": weight.shape[0], "bias": bias is not None}
    return [layer], nn.functional.linear(x, weight.detach().to(x), None if bias is None else bias.detach().to(x))


def _entrywise(type_: str, function: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[str, Any, torch.Tensor], _Step]:
    return lambda name, module, x: ([{"type": type_}], function(x))


def _gelu(name: str, module: Any, x: torch.Tensor) -> _Step:
    return [{"type": "gelu", "approximate": module.approximate}], nn.functional.gelu(x, approximate=module.approximate)


def _softplus(name: str, module: Any, x: torch.Tensor) -> _Step:
    usual = module.beta == 1 and module.threshold == 20
    return ([{"type": "softplus"}], nn.functional.softplus(x)) if usual else None


def _dropout(name: str, module: Any, x: torch.Tensor) -> _Step:
    return [{"type": "dropout", "p": float(module.p)}], x


def _flatten(name: str, module: Any, x: torch.Tensor) -> _Step:
    if module.start_dim != 1 or module.end_dim != -1 or x.dim() < 2:
        return None
    return ([], x) if x.dim() == 2 else ([{"type": "flatten"}], x.flatten(1))


def _identity(name: str, module: Any, x: torch.Tensor) -> _Step:
    return [], x


def _log_softmax(name: str, module: Any, x: torch.Tensor) -> _Step:
    return ([{"type": "log_softmax"}], nn.functional.log_softmax(x, 1)) if module.dim in (1, -1) and x.dim() == 2 else None


_LAYERS: dict[type, Callable[[str, Any, torch.Tensor], _Step]] = {
    nn.Linear: _linear,
    nn.ReLU: _entrywise("relu", torch.relu),
    nn.Tanh: _entrywise("tanh", torch.tanh),
    nn.Sigmoid: _entrywise("sigmoid", torch.sigmoid),
    nn.GELU: _gelu,
    nn.Softplus: _softplus,
    nn.Dropout: _dropout,
    nn.Flatten: _flatten,
    nn.Identity: _identity,
    nn.LogSoftmax: _log_softmax,
}
