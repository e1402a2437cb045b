"""Functions that cannot be differentiated twice are found in the graph of a gradient.

PyTorch's own error comes only where the missing derivative is asked for. Where inputs that play no part are allowed, as
they have to be here, it does not come at all: the derivative would silently be zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from heigen._errors import InputError

__all__ = ["differentiable"]

_BROKEN = "torch::autograd::Error"


def _nodes(tensors: Sequence[Tensor]) -> Iterator[Any]:
    """All nodes of the graph that has made some tensors."""
    found = {tensor.grad_fn for tensor in tensors}
    found.discard(None)
    waiting = list(found)
    while waiting:
        node: Any = waiting.pop()
        yield node
        for following, _ in node.next_functions:
            if following is not None and following not in found:
                found.add(following)
                waiting.append(following)


def differentiable(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor], seeds: Sequence[Tensor] | None = None
) -> tuple[Tensor, ...]:
    """The derivative of ``outputs`` by ``inputs``, along ``seeds``, that can be differentiated once more.

    Functions of the user's (:class:`torch.autograd.Function`) whose reverse pass cannot be are refused by name.
    """
    own = [node for node in _nodes(outputs) if isinstance(node, torch.autograd.function.BackwardCFunction)]
    if own:
        # Of constant seeds a function that can be differentiated once only would not show it, nor of those that are zero.
        _check(outputs, inputs, own)
    return torch.autograd.grad(
        list(outputs), list(inputs), seeds, create_graph=True, allow_unused=True, materialize_grads=True
    )


def _check(outputs: Sequence[Tensor], inputs: Sequence[Tensor], own: Sequence[Any]) -> None:
    seeds = [torch.ones_like(output, requires_grad=True) for output in outputs]
    broken: list[str] = []
    handles = [node.register_hook(_watching(node, broken)) for node in own]
    try:
        gradient = torch.autograd.grad(
            list(outputs), list(inputs), seeds, create_graph=True, allow_unused=True, materialize_grads=True
        )
    finally:
        for handle in handles:
            handle.remove()
    if not broken and any(node.name() == _BROKEN for node in _nodes(gradient)):
        broken.append(", ".join(sorted({_name(node) for node in own})))
    if broken:
        raise InputError(
            "a function of the model or the loss has no second derivative",
            "torch.autograd.Function",
            broken[0],
            "a backward that can be differentiated, without @once_differentiable and outside of torch.no_grad()",
        )


def _name(node: Any) -> str:
    return str(getattr(getattr(node, "_forward_cls", None), "__name__", "") or node.name().removesuffix("Backward"))


def _watching(node: Any, broken: list[str]) -> Any:
    """A hook that looks at what a reverse pass returns."""

    def hook(results: Any, given: Any) -> None:
        if not any(isinstance(g, Tensor) and g.requires_grad for g in given):
            return
        for result in results:
            if not isinstance(result, Tensor):
                continue
            unmoved = not result.requires_grad and bool(result.detach().count_nonzero())
            if unmoved or (result.grad_fn is not None and result.grad_fn.name() == _BROKEN):
                broken.append(_name(node))
                return

    return hook
