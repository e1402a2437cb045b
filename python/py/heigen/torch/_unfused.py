"""Formulas for the functions of PyTorch whose fused kernels have no second derivative, or a wrong one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode
from torch.utils.checkpoint import CheckpointFunction

__all__ = ["Unfused", "eager"]


def _weight_norm(v: Tensor, g: Tensor, dim: int = 0) -> Tensor:
    """g v / |v|. The kernel's second derivative is wrong: its reverse pass treats the norm as a constant."""
    others = [axis for axis in range(v.ndim) if axis != dim % v.ndim] if dim != -1 else list(range(v.ndim))
    if not others:
        return v * (g / v.abs())
    return v * (g / v.square().sum(others, keepdim=True).sqrt())


def _reduced(terms: Tensor, size_average: bool | None, reduce: bool | None, reduction: str) -> Tensor:
    if size_average is not None or reduce is not None:
        reduction = "none" if reduce is False else "sum" if size_average is False else "mean"
    return terms if reduction == "none" else terms.sum() if reduction == "sum" else terms.mean()


def _multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """1/C sum over the other classes of w_y max(0, margin - z_y + z_j)^p."""
    z, y = (input, target) if input.ndim == 2 else (input[None], target.reshape(1))
    own = functional.one_hot(y, z.shape[1]).bool()
    apart = torch.relu(margin - z.gather(1, y[:, None]) + z).masked_fill(own, 0.0)
    terms = (apart if p == 1 else apart.square()).sum(1) / z.shape[1]
    if weight is not None:
        terms = terms * weight[y]
    return _reduced(terms if input.ndim == 2 else terms[0], size_average, reduce, reduction)


def _multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """1/C sum over classes i that are no labels and labels j, which end before the first -1, of max(0, 1 - z_j + z_i)."""
    z, y = (input, target) if input.ndim == 2 else (input[None], target[None])
    given = (y < 0).cumsum(1) == 0
    places = y.clamp(min=0)
    labels = torch.zeros_like(z).scatter_add(1, places, given.to(z.dtype)) > 0
    apart = torch.relu(1 - z.gather(1, places)[:, :, None] + z[:, None, :])
    terms = (apart * (given[:, :, None] & ~labels[:, None, :])).sum((1, 2)) / z.shape[1]
    return _reduced(terms if input.ndim == 2 else terms[0], size_average, reduce, reduction)


def _embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Sums, means or maxima of rows of a table, bag by bag."""
    if max_norm is not None or scale_grad_by_freq or (input.ndim == 1 and offsets is None):
        return functional.embedding_bag(
            input, weight, offsets, max_norm, norm_type, scale_grad_by_freq, mode, False, per_sample_weights,
            include_last_offset, padding_idx,
        )  # fmt: skip
    ids = input.reshape(-1)
    if input.ndim == 2:
        bags = len(input)
        bag = torch.arange(bags, device=ids.device).repeat_interleave(input.shape[1])
    else:
        assert offsets is not None
        ends = offsets if include_last_offset else torch.cat([offsets, offsets.new_tensor([len(ids)])])
        bags = len(ends) - 1
        bag = torch.arange(bags, device=ids.device).repeat_interleave(ends.diff())
    factors = None if per_sample_weights is None else per_sample_weights.reshape(-1)
    if padding_idx is not None:
        kept = ids != padding_idx % len(weight)
        ids, bag, factors = ids[kept], bag[kept], None if factors is None else factors[kept]
    rows = weight[ids] if factors is None else weight[ids] * factors[:, None]
    out = rows.new_zeros(bags, weight.shape[1])
    if mode == "max":
        places = bag[:, None].expand_as(rows)
        # Of equal rows the first counts, as in the kernel.
        largest = out.scatter_reduce(0, places, rows.detach(), "amax", include_self=False)
        order = torch.arange(len(ids), device=ids.device)[:, None].expand_as(rows)
        candidates = torch.where(rows.detach() == largest[bag], order, len(ids))
        first = torch.full_like(out, len(ids), dtype=torch.long).scatter_reduce(0, places, candidates, "amin")
        return out.index_add(0, bag, rows * (order == first[bag]))
    out = out.index_add(0, bag, rows)
    if mode == "sum":
        return out
    return out / torch.bincount(bag, minlength=bags).clamp(min=1)[:, None]


def _embedding(input: Tensor, weight: Tensor, *options: Any, **named: Any) -> Tensor:
    """A table whose gradient is dense: sparse gradients cannot be differentiated."""
    named.pop("sparse", None)
    return functional.embedding(input, weight, *options[:4], **named)


def _attention(*arguments: Any, **named: Any) -> Any:
    """Attention by its formula, also where the model itself asks for a fused kernel."""
    with sdpa_kernel(SDPBackend.MATH):
        return functional.scaled_dot_product_attention(*arguments, **named)


_FORMULAS: dict[Any, Callable[..., Any]] = {
    torch._weight_norm: _weight_norm,
    functional.multi_margin_loss: _multi_margin_loss,
    functional.multilabel_margin_loss: _multilabel_margin_loss,
    functional.embedding_bag: _embedding_bag,
    functional.embedding: _embedding,
    functional.scaled_dot_product_attention: _attention,
}


def _recomputed(function: Callable[..., Any], preserve: bool, *arguments: Any) -> Any:
    """What a part of a model computes whose values were to be recomputed later."""
    return function(*arguments)


class Unfused(TorchFunctionMode):
    """Inside, the functions above are computed by their formulas, in this thread.

    Checkpoints by re-entrant reverse passes, which have no second derivative, either, keep their values instead.
    """

    #: Whether any of the functions has been called.
    used = False

    def __enter__(self) -> Unfused:
        self._apply = CheckpointFunction.__dict__.get("apply")
        setattr(CheckpointFunction, "apply", staticmethod(_recomputed))
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *exception: Any) -> None:
        try:
            super().__exit__(*exception)  # type: ignore[no-untyped-call]
        finally:
            if self._apply is None:
                delattr(CheckpointFunction, "apply")
            else:
                setattr(CheckpointFunction, "apply", self._apply)

    def __torch_function__(
        self, function: Any, types: Iterable[Any], arguments: tuple[Any, ...] = (), named: dict[str, Any] | None = None
    ) -> Any:
        formula = _FORMULAS.get(function)
        if formula is None:
            formula = function
        else:
            self.used = True
        return formula(*arguments, **named) if named else formula(*arguments)


def eager() -> AbstractContextManager[Any]:
    """Compiled modules and functions run as they are written inside: what the compiler makes has no second derivative."""
    compiler: Any = torch.compiler
    # Nothing has been compiled where the compiler has not been imported.
    if "torch._dynamo.eval_frame" not in sys.modules or not hasattr(compiler, "set_stance"):
        return nullcontext()
    return compiler.set_stance("force_eager")  # type: ignore[no-any-return]
