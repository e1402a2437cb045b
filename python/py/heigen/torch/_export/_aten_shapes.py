"""Shapes, pieces, tables of indices and reductions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from heigen.torch._export._aten_pointwise import where
from heigen.torch._export._graph import Const, Graph, Operand, Value, reads

# The same numbers in another shape.


@reads(
    "view", "_unsafe_view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "view_as", "reshape_as", "view_copy",
    "squeeze_copy", "unsqueeze_copy", "ravel",
)  # fmt: skip
def _reshape(
    g: Graph, x: Operand, size: Any = None, shape: Any = None, start_dim: Any = None, end_dim: Any = None, dim: Any = None,
    sizes: Any = None, other: Any = None,
) -> Operand:  # fmt: skip
    return g.reshaped(x, g.shape)


@reads("swapaxes")
def _swapaxes(g: Graph, x: Operand, axis0: int, axis1: int) -> Operand:
    return _transpose(g, x, axis0, axis1)


@reads("transpose", "swapdims")
def _transpose(g: Graph, x: Operand, dim0: int, dim1: int) -> Operand:
    order = list(range(len(x.shape)))
    if order:
        order[dim0], order[dim1] = order[dim1], order[dim0]
    return g.permuted(x, order)


@reads("permute", "permute_copy")
def _permute(g: Graph, x: Operand, dims: Sequence[int]) -> Operand:
    return g.permuted(x, dims)


@reads("t", "numpy_T", "mT", "mH", "adjoint", "matrix_H")
def _t(g: Graph, x: Operand) -> Operand:
    axes = list(range(len(x.shape)))
    return g.permuted(x, axes[::-1] if str(g.node.target).split(".")[1] in ("t", "numpy_T") else [*axes[:-2], *axes[:-3:-1]])


@reads("movedim", "moveaxis")
def _movedim(g: Graph, x: Operand, source: Any, destination: Any) -> Operand:
    source, destination = (list(one) if isinstance(one, (list, tuple)) else [one] for one in (source, destination))
    rank = len(x.shape)
    left = [axis for axis in range(rank) if axis not in [s % rank for s in source]]
    placed = {d % rank: s % rank for s, d in zip(source, destination)}
    return g.permuted(x, [placed[axis] if axis in placed else left.pop(0) for axis in range(rank)])


@reads("expand", "expand_as", "broadcast_to", "expand_copy")
def _expand(g: Graph, x: Operand, size: Any = None, other: Any = None) -> Operand:
    return g.expanded(x, g.shape)


@reads("repeat", "tile")
def _repeat(g: Graph, x: Operand, repeats: Any = None, dims: Any = None) -> Operand:
    shape = g.shape
    own = [1] * (len(shape) - len(x.shape)) + list(x.shape)
    times = [n // m for n, m in zip(shape, own)]
    apart = g.reshaped(x, [size for m in own for size in (1, m)])
    return g.reshaped(g.expanded(apart, [size for n, m in zip(times, own) for size in (n, m)]), shape)


@reads("repeat_interleave")
def _repeat_interleave(g: Graph, x: Operand, repeats: Any, dim: int | None = None) -> Operand:
    if not isinstance(repeats, int):
        raise g.refused("repeats entries by numbers of a tensor")
    x = g.reshaped(x, (math.prod(x.shape),)) if dim is None else x
    axis = (dim or 0) % len(x.shape)
    apart = g.reshaped(x, (*x.shape[: axis + 1], 1, *x.shape[axis + 1 :]))
    return g.reshaped(g.expanded(apart, (*x.shape[: axis + 1], repeats, *x.shape[axis + 1 :])), g.shape)


# Pieces.


@reads("slice", "slice_copy")
def _slice(g: Graph, x: Operand, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Operand:
    rows = range(x.shape[dim])[start:end:step]
    return g.piece(x, dim, rows.start, len(rows), step)


@reads("narrow")
def _narrow(g: Graph, x: Operand, dim: int, start: int, length: int) -> Operand:
    return g.piece(x, dim, start % x.shape[dim] if start < 0 else start, length)


@reads("select", "select_copy")
def _select(g: Graph, x: Operand, dim: int, index: int) -> Operand:
    return g.reshaped(g.piece(x, dim, index % x.shape[dim], 1), g.shape)


@reads("split", "split_with_sizes", "chunk", "tensor_split", "unsafe_split", "unsafe_chunk", "unbind", "split_copy")
def _split(
    g: Graph, x: Operand, split_size: Any = None, split_sizes: Any = None, chunks: Any = None, sections: Any = None,
    indices: Any = None, dim: int = 0,
) -> list[Operand]:  # fmt: skip
    parts: list[Any] = []
    start = 0
    for part in g.node.meta["val"]:
        shape = tuple(part.shape)
        length = 1 if len(shape) < len(x.shape) else shape[dim]
        # Pieces that nobody uses are not made.
        parts.append(g.reshaped(g.piece(x, dim, start, length), shape) if _is_used(g, len(parts)) else None)
        start += length
    return parts


def _is_used(g: Graph, i: int) -> bool:
    return any(len(user.args) < 2 or user.args[1] == i for user in g.node.users)


@reads("flip", "fliplr", "flipud")
def _flip(g: Graph, x: Operand, dims: Sequence[int]) -> Operand:
    for axis in dims:
        x = g.piece(x, axis, x.shape[axis] - 1, x.shape[axis], -1)
    return x


@reads("cat", "concat", "concatenate")
def _cat(g: Graph, tensors: Sequence[Operand], dim: int = 0) -> Operand:
    # PyTorch leaves out empty tensors of one axis.
    parts = [one for one in tensors if one.shape != (0,)]
    return parts[0] if len(parts) == 1 else g.emit("concat", *parts, axis=dim % len(g.shape))


@reads("stack")
def _stack(g: Graph, tensors: Sequence[Operand], dim: int = 0) -> Operand:
    axis = dim % len(g.shape)
    return _cat(g, [g.reshaped(one, (*one.shape[:axis], 1, *one.shape[axis:])) for one in tensors], axis)


@reads("pad", "constant_pad_nd", "reflection_pad1d", "reflection_pad2d", "replication_pad1d", "replication_pad2d")
def _pad(g: Graph, x: Operand, pad: Any = None, padding: Any = None, mode: str = "constant", value: float | None = None) -> Operand:
    name = str(g.node.target._schema.name)
    mode = "reflect" if "reflection" in name else "replicate" if "replication" in name else mode
    numbers = list(pad if pad is not None else padding)
    pairs = [[0, 0] for _ in x.shape]
    for axis, (before, after) in enumerate(zip(numbers[::2], numbers[1::2]), 1):
        pairs[-axis] = [max(before, 0), max(after, 0)]
        cut = [max(-before, 0), max(-after, 0)]
        if cut != [0, 0]:
            x = g.piece(x, -axis, cut[0], x.shape[-axis] - sum(cut))
    if all(pair == [0, 0] for pair in pairs):
        return x
    if value is not None and not math.isfinite(value):
        raise g.refused("puts numbers around a tensor that are infinite or NaN")
    own: dict[str, Any] = {"value": float(value)} if value and mode == "constant" else {}
    return g.emit("pad", x, padding=pairs, mode=mode, **own)


@reads("roll")
def _roll(g: Graph, x: Operand, shifts: Any, dims: Any = ()) -> Operand:
    shifts, dims = (list(one) if isinstance(one, (list, tuple)) else [one] for one in (shifts, dims))
    made = x if dims else g.reshaped(x, (math.prod(x.shape),))
    for shift, axis in zip(shifts, dims or [0]):
        n = made.shape[axis]
        if (cut := -shift % n) != 0:
            ends = g.piece(made, axis, cut, n - cut), g.piece(made, axis, 0, cut)
            made = g.emit("concat", *ends, shape=made.shape, dtype=x.dtype, axis=axis % len(made.shape))
    return g.reshaped(made, g.shape)


@reads("tril")
def _tril(g: Graph, x: Operand, diagonal: int = 0) -> Value:
    return where(g, Const(torch.ones(x.shape[-2:], dtype=torch.bool).tril(diagonal)), x, 0.0)


@reads("triu")
def _triu(g: Graph, x: Operand, diagonal: int = 0) -> Value:
    return where(g, Const(torch.ones(x.shape[-2:], dtype=torch.bool).triu(diagonal)), x, 0.0)


@reads("zeros_like", "ones_like", "full_like", "new_zeros", "new_ones", "new_full")
def _full(g: Graph, x: Operand, size: Any = None, fill_value: float | None = None) -> Const:
    number = fill_value if fill_value is not None else float("ones" in str(g.node.target))
    return Const(torch.full(g.shape, number, dtype=g.dtype))


# Tables of indices: entries of a tensor with its axes made one.


@reads("diagonal", "diagonal_copy", "unfold", "unfold_copy", "rot90")
def _rearranged(
    g: Graph, x: Operand, offset: int = 0, dim1: int = 0, dim2: int = 1, dimension: int = 0, size: int = 0, step: int = 1, k: int = 1,
    dims: Any = (0, 1),
) -> Operand:  # fmt: skip
    # The numbers of x, moved: where each comes from is what the operation makes of the numbers of places.
    places = torch.arange(math.prod(x.shape)).view(x.shape)
    moved = g.node.target(places, *g.node.args[1:], **g.node.kwargs)
    return _entries(g, g.reshaped(x, (math.prod(x.shape),)), [Const(moved)])


@reads("sym_size", "size")
def _size(g: Graph, x: Operand, dim: int | None = None) -> Any:
    return list(x.shape) if dim is None else x.shape[dim]


@reads("index_select")
def _index_select(g: Graph, x: Operand, dim: int, index: Operand) -> Value:
    return g.emit("gather", x, index, axis=dim % len(x.shape))


@reads("gather")
def _gather(g: Graph, x: Operand, dim: int, index: Operand) -> Operand:
    axes = [torch.arange(n).view(-1, *[1] * (len(g.shape) - 1 - axis)) for axis, n in enumerate(g.shape)]
    entries: list[Operand] = [Const(one) for one in axes]
    entries[dim] = index
    return _entries(g, x, entries)


@reads("index", "_unsafe_index")
def _index(g: Graph, x: Operand, indices: Sequence[Operand | None]) -> Operand:
    given: list[Operand | None] = []
    for one in indices:
        if isinstance(one, Const) and one.dtype == torch.bool:
            given += [Const(axis) for axis in one.tensor.nonzero(as_tuple=True)]
        else:
            given.append(one)
    if any(one is not None and one.dtype == torch.bool for one in given):
        raise g.refused("takes entries by truth values that depend on the sample")
    axes = [axis for axis, one in enumerate(given) if one is not None]
    chosen = [one for one in given if one is not None]
    rest = [axis for axis in range(len(x.shape)) if axis not in axes]
    rows = g.permuted(x, [*axes, *rest])
    made = _entries(g, rows, chosen)
    # The new axes stand where those that they replace were together, or else in front.
    n = len(made.shape) - len(rest)
    if axes != list(range(axes[0], axes[-1] + 1)):
        return made
    return g.permuted(made, [*range(n, n + axes[0]), *range(n), *range(n + axes[0], len(made.shape))])


def _entries(g: Graph, x: Operand, indices: Sequence[Operand]) -> Operand:
    """The entries that have an index for each of the first axes; shapes of indices are broadcast."""
    n, flat = len(indices), None
    for size, index in zip(x.shape, indices):
        if isinstance(index, Const):
            index = Const(index.tensor.long() % size)
        elif index.varies:
            raise g.refused("takes entries by indices that depend on parameters")
        else:
            negative = g.binary("compare", index, 0, torch.bool, comparison="less")
            index = where(g, negative, g.binary("add", index, size), index)
        if flat is None:
            flat = index
        elif isinstance(flat, Const) and isinstance(index, Const):
            flat = Const(flat.tensor * size + index.tensor)
        else:
            flat = g.binary("add", g.binary("mul", flat, size), index)
    assert flat is not None
    rows = g.reshaped(x, (math.prod(x.shape[:n]), *x.shape[n:]))
    if isinstance(rows, Const) and isinstance(flat, Const):
        return Const(rows.tensor[flat.tensor])
    return g.emit("gather", rows, flat, shape=(*flat.shape, *x.shape[n:]), dtype=x.dtype, axis=0)


@reads("select_scatter")
def _select_scatter(g: Graph, x: Operand, src: Operand, dim: int, index: int) -> Value:
    axis = dim % len(x.shape)
    chosen = torch.zeros(x.shape[axis], dtype=torch.bool)
    chosen[index] = True
    source = g.reshaped(g.operand(src), (*src.shape[:axis], 1, *src.shape[axis:]))
    return where(g, Const(chosen.view(-1, *[1] * (len(x.shape) - 1 - axis))), source, x)


@reads("slice_scatter")
def _slice_scatter(
    g: Graph, x: Operand, src: Operand, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Value:
    axis = dim % len(x.shape)
    size = x.shape[axis]
    rows = range(size)[start:end:step]
    source = torch.zeros(size, dtype=torch.long)
    chosen = torch.zeros(size, dtype=torch.bool)
    source[rows.start : rows.stop : rows.step] = torch.arange(len(rows))
    chosen[rows.start : rows.stop : rows.step] = True
    spread = g.emit("gather", src, Const(source), shape=x.shape, dtype=x.dtype, axis=axis)
    return where(g, Const(chosen.view(-1, *[1] * (len(x.shape) - 1 - axis))), spread, x)


# Reductions.


def _axes(x: Operand, dim: Any) -> list[int]:
    axes = list(dim) if isinstance(dim, (list, tuple)) else [] if dim is None else [dim]
    return sorted(axis % len(x.shape) for axis in axes) or list(range(len(x.shape)))


def _reduced(g: Graph, x: Operand, kind: str, dim: Any, keepdim: bool) -> Operand:
    if not x.shape:
        return x
    axes = _axes(x, dim)
    shape = [1 if axis in axes else n for axis, n in enumerate(x.shape) if keepdim or axis not in axes]
    return g.emit("reduce", x, shape=shape, dtype=x.dtype, reduction=kind, axes=axes, keepdims=bool(keepdim))


def _reduction(kind: str) -> Any:
    return lambda g, x, dim=None, keepdim=False: _reduced(g, x, kind, dim, keepdim)


for _name, _kind in {"sum": "sum", "mean": "mean", "amax": "max", "amin": "min", "prod": "prod", "logsumexp": "log_sum_exp"}.items():
    reads(_name)(_reduction(_kind))
for _name, _kind in {"any": "max", "all": "min"}.items():
    reads(_name)(_reduction(_kind))


def _extreme(g: Graph, kind: str, x: Operand, dim: Any, keepdim: bool, other: Any) -> Any:
    if other is not None:
        return g.binary(f"{kind}imum", x, other)
    if dim is None:
        return _reduced(g, x, kind, None, False)
    return _reduced(g, x, kind, dim, keepdim), None


@reads("max")
def _max(g: Graph, x: Operand, dim: Any = None, keepdim: bool = False, other: Any = None) -> Any:
    return _extreme(g, "max", x, dim, keepdim, other)


@reads("min")
def _min(g: Graph, x: Operand, dim: Any = None, keepdim: bool = False, other: Any = None) -> Any:
    return _extreme(g, "min", x, dim, keepdim, other)


@reads("var")
def _var(
    g: Graph, x: Operand, dim: Any = None, unbiased: bool = True, correction: Any = None, keepdim: bool = False
) -> Operand:
    less = (1 if unbiased else 0) if correction is None else correction
    axes = _axes(x, dim)
    n = math.prod(x.shape[axis] for axis in axes)
    away = g.binary("sub", x, _reduced(g, x, "mean", axes, True))
    made = _reduced(g, g.unary("pow_scalar", away, exponent=2.0), "sum", axes, keepdim)
    return g.binary("div", made, float(n - less))


@reads("std")
def _std(
    g: Graph, x: Operand, dim: Any = None, unbiased: bool = True, correction: Any = None, keepdim: bool = False
) -> Operand:
    return g.unary("sqrt", _var(g, x, dim, unbiased, correction, keepdim))


@reads("linalg_vector_norm", "norm", "frobenius_norm", "linalg_norm")
def _norm(g: Graph, x: Operand, ord: Any = None, p: Any = None, dim: Any = None, keepdim: bool = False) -> Operand:
    order = ord if ord is not None else p if p is not None else 2
    if order == 2 or order == "fro":
        return _reduced(g, x, "l2", dim, keepdim)
    if order == 1:
        return _reduced(g, g.unary("abs", x), "sum", dim, keepdim)
    if isinstance(order, (int, float)) and math.isinf(order):
        return _reduced(g, g.unary("abs", x), "max" if order > 0 else "min", dim, keepdim)
    raise g.refused(f"is a norm of order {order}; the engine has those of 1, 2 and infinity")


@reads("cumsum")
def _cumsum(g: Graph, x: Operand, dim: int) -> Value:
    return g.emit("cumsum", x, axis=dim % max(len(x.shape), 1))
