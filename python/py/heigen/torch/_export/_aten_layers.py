"""Layers with weights, products, pools, normalisation and attention."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from heigen.torch._export._aten_pointwise import where
from heigen.torch._export._graph import Const, Graph, Operand, Value, reads

# Products.


@reads("linear")
def _linear(g: Graph, x: Operand, weight: Operand, bias: Operand | None) -> Operand:
    if len(weight.shape) == 1:
        made: Operand = g.binary("matmul", x, g.reshaped(weight, (*weight.shape, 1)))
        made = g.reshaped(made, x.shape[:-1])
        return made if bias is None else g.binary("add", made, bias)
    return g.emit("linear", x, weight, bias)


@reads("matmul")
def _matmul(g: Graph, x: Operand, other: Operand) -> Value:
    return g.emit("matmul", x, other)


@reads("mm", "bmm")
def _mm(g: Graph, x: Operand, mat2: Operand) -> Value:
    return g.emit("matmul", x, mat2)


@reads("mv")
def _mv(g: Graph, x: Operand, vec: Operand) -> Value:
    return g.emit("matmul", x, vec)


@reads("dot")
def _dot(g: Graph, x: Operand, tensor: Operand) -> Value:
    return g.emit("matmul", x, tensor)


def _with_sum(g: Graph, x: Operand, a: Operand, b: Operand, beta: float, alpha: float) -> Operand:
    product: Operand = g.emit("matmul", a, b, shape=g.shape)
    product = product if alpha == 1 else g.binary("mul", product, alpha)
    return product if beta == 0 else g.binary("add", x if beta == 1 else g.binary("mul", x, beta), product)


@reads("addmm")
def _addmm(g: Graph, x: Operand, mat1: Operand, mat2: Operand, beta: float = 1, alpha: float = 1) -> Operand:
    return _with_sum(g, x, mat1, mat2, beta, alpha)


@reads("baddbmm")
def _baddbmm(g: Graph, x: Operand, batch1: Operand, batch2: Operand, beta: float = 1, alpha: float = 1) -> Operand:
    return _with_sum(g, x, batch1, batch2, beta, alpha)


@reads("einsum")
def _einsum(g: Graph, equation: str, tensors: Sequence[Operand]) -> Value:
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    # The axes that dots stand for get letters of their own.
    free = [letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" if letter not in equation]
    dots = [len(one.shape) - len(term.replace("...", "")) if "..." in term else 0 for term, one in zip(terms, tensors)]
    letters = "".join(free[: max(dots, default=0)])
    terms = [term.replace("...", letters[len(letters) - n :]) for term, n in zip(terms, dots)]
    if arrow:
        right = right.replace("...", letters)
    else:
        once = sorted(letter for letter in set("".join(terms)) if "".join(terms).count(letter) == 1 and letter not in letters)
        right = letters + "".join(once)
    sizes: dict[str, int] = {}
    for term, one in zip(terms, tensors):
        for letter, size in zip(term, one.shape):
            sizes[letter] = max(sizes.get(letter, 1), size)
    # Sizes of 1 are repeated, as PyTorch does.
    operands = [g.expanded(one, [sizes[letter] for letter in term]) for term, one in zip(terms, tensors)]
    while len(operands) > 2:
        kept = "".join(dict.fromkeys(l for l in terms[0] + terms[1] if l in right or any(l in term for term in terms[2:])))
        shape = [sizes[letter] for letter in kept]
        joined = g.emit("einsum", *operands[:2], shape=shape, dtype=g.dtype, equation=f"{terms[0]},{terms[1]}->{kept}")
        terms, operands = [kept, *terms[2:]], [joined, *operands[2:]]
    return g.emit("einsum", *operands, equation=f"{','.join(terms)}->{right}")


@reads("bilinear")
def _bilinear(g: Graph, input1: Operand, input2: Operand, weight: Operand, bias: Operand | None) -> Value:
    outputs, left, right = weight.shape
    a, b = (g.reshaped(one, (math.prod(one.shape[:-1]), one.shape[-1])) for one in (input1, input2))
    half = g.emit("einsum", a, weight, shape=(a.shape[0], outputs, right), equation="bi,oij->boj")
    made: Operand = g.emit("einsum", half, b, shape=(a.shape[0], outputs), equation="boj,bj->bo")
    made = g.reshaped(made, g.shape)
    return made if bias is None else g.binary("add", made, bias)  # type: ignore[return-value]


@reads("embedding")
def _embedding(g: Graph, weight: Operand, indices: Operand, padding_idx: int = -1) -> Operand:
    rows = g.emit("embedding", indices, weight)
    if padding_idx < 0 or isinstance(weight, Const):
        return rows
    # PyTorch gives the row of padding no derivative: its numbers are constants.
    padding = g.binary("compare", g.reshaped(indices, (*indices.shape, 1)), padding_idx, torch.bool, comparison="equal")
    return where(g, padding, Const(g.numbers(weight)[padding_idx]), rows)


@reads("_weight_norm")
def _weight_norm(g: Graph, v: Operand, length: Operand, dim: int) -> Value:
    axes = [axis for axis in range(len(v.shape)) if axis != dim]
    shape = [1 if axis in axes else n for axis, n in enumerate(v.shape)]
    norm = g.emit("reduce", v, shape=shape, reduction="l2", axes=axes, keepdims=True)
    return g.binary("mul", v, g.binary("div", length, norm))


# Convolutions.


def _each(g: Graph, value: Any, axes: int) -> list[int]:
    """A setting for every axis."""
    numbers = list(value) if isinstance(value, (list, tuple)) else [value]
    return [int(n) for n in (numbers * axes if len(numbers) == 1 else numbers)]


def _batched(g: Graph, x: Operand, axes: int) -> Operand:
    """The tensor with axes of samples and of channels."""
    if axes > 2:
        raise g.refused("has a window of three axes; the engine has those of one and two")
    return x if len(x.shape) == axes + 2 else g.reshaped(x, (*[1] * (axes + 2 - len(x.shape)), *x.shape))


def _slid(g: Graph, op: str, x: Operand, *others: Operand | None, axes: int, **settings: Any) -> Operand:
    """An operation with a window, on a tensor that may have no axis of samples."""
    given, made = _batched(g, x, axes), g.shape
    shape = (*[1] * (len(given.shape) - len(made)), *made)
    return g.reshaped(g.emit(op, given, *others, shape=shape, dtype=x.dtype, **settings), made)


def _convolution(
    g: Graph, x: Operand, weight: Operand, bias: Operand | None, stride: Any, padding: Any, dilation: Any, groups: int
) -> Operand:
    axes = len(weight.shape) - 2
    dilation = _each(g, dilation, axes)
    if isinstance(padding, str):
        more = [d * (k - 1) if padding == "same" else 0 for d, k in zip(dilation, weight.shape[2:])]
        pairs = [[n // 2, n - n // 2] for n in more]
    else:
        pairs = [[n, n] for n in _each(g, padding, axes)]
    window = {"stride": _each(g, stride, axes), "padding": pairs, "dilation": dilation}
    return _slid(g, "conv", x, weight, bias, axes=axes, **window, groups=groups)


@reads("conv1d", "conv2d", "conv3d")
def _conv(
    g: Graph, x: Operand, weight: Operand, bias: Operand | None, stride: Any, padding: Any, dilation: Any, groups: int
) -> Operand:
    return _convolution(g, x, weight, bias, stride, padding, dilation, groups)


@reads("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
def _conv_transpose(
    g: Graph, x: Operand, weight: Operand, bias: Operand | None, stride: Any, padding: Any, output_padding: Any, groups: int,
    dilation: Any,
) -> Operand:  # fmt: skip
    axes = len(weight.shape) - 2
    window = {
        "stride": _each(g, stride, axes),
        "padding": [[n, n] for n in _each(g, padding, axes)],
        "dilation": _each(g, dilation, axes),
        "output_padding": _each(g, output_padding, axes),
    }
    return _slid(g, "conv_transpose", x, weight, bias, axes=axes, **window, groups=groups)


@reads("convolution", "_convolution")
def _any_convolution(
    g: Graph, x: Operand, weight: Operand, bias: Operand | None, stride: Any, padding: Any, dilation: Any, transposed: bool,
    output_padding: Any, groups: int,
) -> Operand:  # fmt: skip
    if transposed:
        return _conv_transpose(g, x, weight, bias, stride, padding, output_padding, groups, dilation)
    return _convolution(g, x, weight, bias, stride, padding, dilation, groups)


# Pools.


def _pool(g: Graph, op: str, x: Operand, kernel_size: Any, stride: Any, padding: Any, **settings: Any) -> Operand:
    axes = 1 if "1d" in g.node.target._schema.name else 2 if "2d" in g.node.target._schema.name else 3
    kernel = _each(g, kernel_size, axes)
    pairs = [[n, n] for n in _each(g, padding, axes)]
    window = {"kernel_size": kernel, "stride": _each(g, stride, axes) if stride not in (None, []) else kernel, "padding": pairs}
    return _slid(g, op, x, axes=axes, **window, **settings)


@reads("max_pool1d", "max_pool2d")
def _max_pool(g: Graph, x: Operand, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> Operand:
    axes = 1 if "1d" in g.node.target._schema.name else 2
    return _pool(g, "max_pool", x, kernel_size, stride, padding, dilation=_each(g, dilation, axes), ceil_mode=bool(ceil_mode))


@reads("avg_pool1d", "avg_pool2d")
def _avg_pool(
    g: Graph, x: Operand, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool, count_include_pad: bool,
    divisor_override: float | None = None,
) -> Operand:  # fmt: skip
    own = {} if divisor_override is None else {"divisor_override": float(divisor_override)}
    counted = {"ceil_mode": bool(ceil_mode), "count_include_pad": bool(count_include_pad)}
    return _pool(g, "avg_pool", x, kernel_size, stride, padding, **counted, **own)


@reads("avg_pool3d")
def _avg_pool3d(
    g: Graph, x: Operand, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool, count_include_pad: bool,
    divisor_override: float | None = None,
) -> Operand:  # fmt: skip
    kernel, steps = _each(g, kernel_size, 3), _each(g, stride or kernel_size, 3)
    if kernel[1:] != [1, 1] or steps[1:] != [1, 1] or any(_each(g, padding, 3)) or divisor_override is not None:
        raise g.refused("has a window of three axes; the engine has those of one and two")
    # What responses are normalised by: a window over the first axis only.
    given, made = g.reshaped(x, (1, 1, x.shape[-3], x.shape[-2] * x.shape[-1])), g.shape
    window = {"kernel_size": [kernel[0], 1], "stride": [steps[0], 1], "ceil_mode": bool(ceil_mode)}
    shape = (1, 1, made[-3], given.shape[-1])
    return g.reshaped(g.emit("avg_pool", given, shape=shape, dtype=x.dtype, **window, count_include_pad=count_include_pad), made)


def _adaptive(g: Graph, kind: str, x: Operand) -> Operand:
    axes = 1 if "1d" in g.node.target._schema.name else 2
    shape = g.shape if isinstance(g.node.meta["val"], torch.Tensor) else tuple(g.node.meta["val"][0].shape)
    given = _batched(g, x, axes)
    size = list(shape[-axes:])
    made = g.emit(f"adaptive_{kind}_pool", given, shape=(*given.shape[:2], *size), dtype=x.dtype, output_size=size)
    return g.reshaped(made, shape)


@reads("adaptive_avg_pool1d", "adaptive_avg_pool2d", "_adaptive_avg_pool2d")
def _adaptive_avg_pool(g: Graph, x: Operand, output_size: Any) -> Operand:
    return _adaptive(g, "avg", x)


@reads("adaptive_max_pool1d", "adaptive_max_pool2d")
def _adaptive_max_pool(g: Graph, x: Operand, output_size: Any) -> tuple[Operand, None]:
    return _adaptive(g, "max", x), None


def _interpolate(g: Graph, x: Operand, linear: bool, align_corners: bool, factors: Any) -> Operand:
    sizes = list(g.shape[2:])
    # Coordinates follow the factor that the user gave, not that of the sizes.
    if factors and any(n * f != size for n, f, size in zip(x.shape[2:], factors, sizes)) and not (linear and align_corners):
        raise g.refused("makes images larger by a factor that does not lead to a whole size")
    return g.emit("interpolate", x, output_size=sizes, linear=linear, align_corners=bool(align_corners))


@reads("upsample_nearest1d", "upsample_nearest2d")
def _nearest(g: Graph, x: Operand, output_size: Any, scale_factors: Any = None) -> Operand:
    return _interpolate(g, x, False, False, scale_factors)


@reads("upsample_linear1d", "upsample_bilinear2d")
def _linearly(g: Graph, x: Operand, output_size: Any, align_corners: bool, scale_factors: Any = None) -> Operand:
    return _interpolate(g, x, True, align_corners, scale_factors)


# Normalisation.


@reads("batch_norm")
def _batch_norm(
    g: Graph, x: Operand, weight: Operand | None, bias: Operand | None, running_mean: Operand | None, running_var: Operand | None,
    training: bool, eps: float,
) -> Operand:  # fmt: skip
    owner = getattr(running_mean, "buffer", None)
    if not training and running_mean is not None and (owner is None or owner.rpartition(".")[0] not in g.by_batch):
        return g.emit("batch_norm", x, running_mean, running_var, weight, bias, shape=x.shape, dtype=x.dtype, eps=float(eps))
    # The engine looks for weight and bias together, and keeps statistics even where it computes them from the batch.
    together = isinstance(weight, Value) and isinstance(bias, Value) and weight.is_parameter and bias.is_parameter
    statistics = g.statistics(owner.rpartition(".")[0] if owner else None, x.shape[1])
    affine = (weight, bias) if together else ()
    made: Operand = g.emit("batch_norm", x, *statistics, *affine, shape=x.shape, dtype=x.dtype, eps=float(eps), training=True)
    if not together:
        each = (x.shape[1], *[1] * (len(x.shape) - 2))
        made = made if weight is None else g.binary("mul", made, g.reshaped(weight, each))
        made = made if bias is None else g.binary("add", made, g.reshaped(bias, each))
    return made


@reads("_native_batch_norm_legit_no_training")
def _native_batch_norm(
    g: Graph, x: Operand, weight: Operand | None, bias: Operand | None, running_mean: Operand | None, running_var: Operand | None,
    eps: float,
) -> tuple[Operand, None, None]:  # fmt: skip
    return _batch_norm(g, x, weight, bias, running_mean, running_var, False, eps), None, None


@reads("_native_batch_norm_legit", "_native_batch_norm_legit_functional", "native_batch_norm")
def _legit_batch_norm(
    g: Graph, x: Operand, weight: Operand | None, bias: Operand | None, training: bool, eps: float, running_mean: Any = None,
    running_var: Any = None,
) -> tuple[Any, ...]:  # fmt: skip
    made = _batch_norm(g, x, weight, bias, running_mean, running_var, training, eps)
    return made, None, None, None, None


@reads("layer_norm")
def _layer_norm(g: Graph, x: Operand, normalized_shape: Any, weight: Operand | None, bias: Operand | None, eps: float) -> Value:
    axes = len(normalized_shape)
    return g.emit("layer_norm", x, weight, bias, shape=x.shape, dtype=x.dtype, axes=axes, eps=float(eps))


@reads("native_layer_norm")
def _native_layer_norm(
    g: Graph, x: Operand, normalized_shape: Any, weight: Operand | None, bias: Operand | None, eps: float
) -> tuple[Value, None, None]:
    return _layer_norm(g, x, normalized_shape, weight, bias, eps), None, None


@reads("rms_norm", "_fused_rms_norm")
def _rms_norm(g: Graph, x: Operand, normalized_shape: Any, weight: Operand | None, eps: float | None) -> Any:
    eps = torch.finfo(x.dtype).eps if eps is None else float(eps)
    made = g.emit("rms_norm", x, weight, shape=x.shape, dtype=x.dtype, axes=len(normalized_shape), eps=eps)
    return made if isinstance(g.node.meta["val"], torch.Tensor) else (made, None)


@reads("group_norm")
def _group_norm(g: Graph, x: Operand, num_groups: int, weight: Operand | None, bias: Operand | None, eps: float) -> Value:
    return g.emit("group_norm", x, weight, bias, shape=x.shape, dtype=x.dtype, groups=num_groups, eps=float(eps))


@reads("native_group_norm")
def _native_group_norm(
    g: Graph, x: Operand, weight: Operand | None, bias: Operand | None, group: int, eps: float
) -> tuple[Value, None, None]:
    return _group_norm(g, x, group, weight, bias, eps), None, None


@reads("instance_norm")
def _instance_norm(
    g: Graph, x: Operand, weight: Operand | None, bias: Operand | None, running_mean: Operand | None, running_var: Operand | None,
    use_input_stats: bool, eps: float,
) -> Operand:  # fmt: skip
    if not use_input_stats:
        return _batch_norm(g, x, weight, bias, running_mean, running_var, False, eps)
    return g.emit("group_norm", x, weight, bias, shape=x.shape, dtype=x.dtype, groups=x.shape[1], eps=float(eps))


# Attention.


@reads("scaled_dot_product_attention")
def _attention(
    g: Graph, query: Operand, key: Operand, value: Operand, attn_mask: Operand | None, is_causal: bool, scale: float | None,
    enable_gqa: bool = False,
) -> Value:  # fmt: skip
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        if isinstance(attn_mask, Const):
            shown = torch.zeros(attn_mask.shape, dtype=torch.float64)
            attn_mask = Const(shown.masked_fill(~attn_mask.tensor, -math.inf))
        else:
            attn_mask = where(g, attn_mask, 0.0, -math.inf)
    settings: dict[str, Any] = {"is_causal": bool(is_causal), "enable_gqa": bool(enable_gqa)}
    if scale is not None:
        settings["scale"] = float(scale)
    return g.emit("scaled_dot_product_attention", query, key, value, attn_mask, **settings)
