"""Every operation of a graph with random settings, as :mod:`random_graphs` puts it on a tensor."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from graph_writer import Refused, Writer

_MAKERS: dict[str, Callable[[Writer, str], str]] = {}
#: The kind of input that an operation needs.
KINDS: dict[str, str] = {"embedding": "tokens"}


def _makes(*ops: str, kind: str = "") -> Callable[[Callable[[Writer, str], str]], Callable[[Writer, str], str]]:
    def declared(maker: Callable[[Writer, str], str]) -> Callable[[Writer, str], str]:
        for op in ops:
            _MAKERS[op] = maker
            if kind:
                KINDS[op] = kind
        return maker

    return declared


def made(w: Writer, op: str, x: str) -> str:
    """The output of an operation on ``x``, with nodes before and after as it needs them."""
    return _MAKERS[op](w, x)


# Numbers by themselves.


def positive(w: Writer, x: str) -> str:
    """Positive numbers made of any."""
    way = w.integer(0, 2)
    if way == 0:
        return w.node("add", w.node("pow_scalar", x, exponent=2.0), w.constant(0.4))
    return w.node("exp", w.node("tanh", x)) if way == 1 else w.node("softplus", x, beta=1.0, threshold=20.0)


def _plain(op: str) -> Callable[[Writer, str], str]:
    return lambda w, x: w.node(op, x)


for _op in (
    "relu", "selu", "silu", "mish", "hardswish", "softsign", "tanh", "sigmoid", "log_sigmoid", "exp", "expm1", "erf", "sin", "cos",
    "abs", "neg",
):  # fmt: skip
    _MAKERS[_op] = _plain(_op)
for _op in ("log", "log1p", "sqrt", "rsqrt", "reciprocal"):
    _MAKERS[_op] = lambda w, x, op=_op: w.node(op, positive(w, x))
for _op in ("sign", "floor", "ceil", "round"):
    # Their derivative is zero: they stand beside what has one.
    _MAKERS[_op] = lambda w, x, op=_op: w.node("mul", x, w.node(op, w.node("mul", x, w.constant(1.7))))


def _with(op: str, settings: Callable[[Writer], dict[str, Any]]) -> None:
    _MAKERS[op] = lambda w, x: w.node(op, x, **settings(w))


def _between(w: Writer, low: float, high: float) -> float:
    return round(float(w.rng.uniform(low, high)), 3)


_with("leaky_relu", lambda w: {"negative_slope": _between(w, 0.01, 0.5)})
_with("elu", lambda w: {"alpha": _between(w, 0.5, 1.5)})
_with("celu", lambda w: {"alpha": _between(w, 0.5, 1.5)})
_with("gelu", lambda w: {"approximate": w.one_of("none", "tanh")})
_with("hardsigmoid", lambda w: w.one_of({"alpha": 1 / 6, "beta": 0.5}, {"alpha": 0.2, "beta": 0.4}))
_with("softplus", lambda w: {"beta": _between(w, 0.5, 2.0), "threshold": w.one_of(20.0, 1.5)})
_with("softshrink", lambda w: {"lambd": _between(w, 0.1, 0.5)})
_with("hardshrink", lambda w: {"lambd": _between(w, 0.1, 0.5)})
_with("threshold", lambda w: {"threshold": _between(w, -0.3, 0.3), "value": _between(w, -1, 1)})
_with("clip", lambda w: w.one_of({"min": -0.7, "max": 0.9}, {"min": -0.5}, {"max": 0.5}, {"min": -1.0, "max": None}))


@_makes("pow_scalar")
def _pow_scalar(w: Writer, x: str) -> str:
    exponent = w.one_of(2.0, 3.0, 1.0, 4.0, 0.5, -1.0, 1.7, -0.5)
    whole = exponent == int(exponent) and exponent > 0
    return w.node("pow_scalar", x if whole else positive(w, x), exponent=exponent)


@_makes("prelu")
def _prelu(w: Writer, x: str) -> str:
    shape = w.shape(x)
    return w.node("prelu", x, w.parameter([shape[1] if len(shape) > 1 and w.chance() else 1], 0.3, 0.2))


for _op in ("softmax", "log_softmax", "cumsum"):
    _MAKERS[_op] = lambda w, x, op=_op: w.node(op, x, axis=w.integer(0, len(w.shape(x)) - 1))


@_makes("start")
def _start(w: Writer, x: str) -> str:
    """The first node, which brings parameters in."""
    return w.tried(w.one_of("linear", "mul", "add"), x)


# Arithmetic.


def _other(w: Writer, x: str) -> str:
    """A second tensor whose shape goes with that of the first by broadcasting."""
    shape = w.shape(x)
    same = [name for name in w.values if w.shape(name) == shape and name != x]
    way = w.integer(0, 5)
    if way == 0 and same:
        return str(w.one_of(*same))
    cut = w.integer(0, len(shape))
    smaller = [1 if w.chance(0.3) else n for n in shape[cut:]]
    if way == 1:
        return w.given(np.round(w.rng.standard_normal(smaller), 3))
    if way == 2:
        # The first one is repeated, too.
        smaller = [w.integer(2, 3) if n == 1 and w.chance() else n for n in smaller]
    return w.parameter(smaller, 0.7)


def _pair(w: Writer, x: str) -> tuple[str, str]:
    other = _other(w, x)
    return (x, other) if w.chance(0.7) else (other, x)


for _op in ("add", "sub", "mul", "maximum", "minimum"):
    _MAKERS[_op] = lambda w, x, op=_op: w.node(op, *_pair(w, x))


@_makes("div")
def _div(w: Writer, x: str) -> str:
    other = _other(w, x)
    return w.node("div", x, positive(w, other)) if w.chance() else w.node("div", other, positive(w, x))


@_makes("pow")
def _pow(w: Writer, x: str) -> str:
    other = _other(w, x)
    return w.node("pow", positive(w, x), other) if w.chance() else w.node("pow", positive(w, other), x)


@_makes("compare")
def _compare(w: Writer, x: str) -> str:
    kind = w.one_of("equal", "greater", "greater_equal", "less", "less_equal", "not_equal")
    if kind in ("equal", "not_equal"):
        whole = w.node("floor", w.node("mul", x, w.constant(2.0)))
        return w.node("mul", x, w.node("compare", whole, w.constant(0.0), comparison=kind))
    return w.node("mul", x, w.node("compare", *_pair(w, x), comparison=kind))


@_makes("where")
def _where(w: Writer, x: str) -> str:
    shape = w.shape(x)
    if w.chance():
        condition = w.given((w.rng.random([1 if w.chance(0.3) else n for n in shape]) < 0.6).astype(float))
    else:
        condition = w.node("compare", x, w.constant(0.1), comparison="greater")
    a, b = _pair(w, x)
    return w.node("where", condition, a, b)


@_makes("constant")
def _constant(w: Writer, x: str) -> str:
    shape = w.shape(x)
    return w.node("mul", x, w.constant(np.round(w.rng.uniform(0.5, 1.5, shape[w.integer(0, len(shape)) :]), 3)))


# Products.


@_makes("linear")
def _linear(w: Writer, x: str) -> str:
    n, m = w.shape(x)[-1], w.integer(1, 4)
    return w.node("linear", x, w.parameter([m, n]), w.parameter([m]) if w.chance() else "")


def _of_axes(w: Writer, x: str, *ranks: int) -> str:
    """The numbers of a tensor with a given number of axes, some of them or some again where they do not fit."""
    if len(w.shape(x)) in ranks:
        return x
    shape = [1, *(w.integer(2, 4) for _ in range(w.one_of(*ranks) - 1))]
    n, have = math.prod(shape), math.prod(w.shape(x))
    flat = w.node("reshape", x, shape=[have])
    if n != have:
        flat = w.node("gather", flat, w.given(np.arange(n) % have), axis=0)
    return w.node("reshape", flat, shape=shape)


@_makes("matmul")
def _matmul(w: Writer, x: str) -> str:
    shape = w.shape(x)
    n, m = shape[-1], w.integer(1, 3)
    way = w.integer(0, 5)
    if way == 0:
        return w.node("matmul", x, w.parameter([n, m]))
    if way == 1:
        return w.node("matmul", x, w.parameter([n]))
    if way == 2:
        return w.node("matmul", w.parameter([m, shape[-2]], 0.5), x)
    if way == 3:
        return w.node("matmul", w.parameter([shape[-2]], 0.5), x)
    if way == 4:
        return w.node("matmul", x, w.parameter([2, *[1] * (len(shape) - 2), n, m], 0.5))
    order = [*range(len(shape) - 2), len(shape) - 1, len(shape) - 2]
    return w.node("matmul", x, w.node("transpose", w.node("tanh", x), permutation=order))


@_makes("einsum")
def _einsum(w: Writer, x: str) -> str:
    x = _of_axes(w, x, 2, 3)
    shape = w.shape(x)
    if len(shape) == 2:
        a, b = shape
        other = {
            "ij,kj->ik": [2, b], "ij,ij->ij": [a, b], "ij,j->i": [b], "ij,kl->jkil": [2, 2], "ij,kj->k": [2, b], "ij,jk->ki": [b, 3],
        }  # fmt: skip
        single = ("ij->ji", "ij->j", "ij->")
    else:
        a, b, c = shape
        other = {
            "bij,bkj->bik": [a, 2, c], "bij,jk->bki": [c, 2], "bij,oij->bo": [2, b, c], "bij,ik->kbj": [b, 2], "bij,j->ib": [c],
        }  # fmt: skip
        single = ("bij->jib", "bij->bj", "bij->i")
    equation = w.one_of(*other, *single)
    made = w.node("einsum", x, *([w.parameter(other[equation], 0.5)] if equation in other else []), equation=equation)
    return made if w.shape(made) else w.node("reshape", made, shape=[1, 1])


@_makes("embedding", kind="tokens")
def _embedding(w: Writer, x: str) -> str:
    if w.kind != "tokens" or x != "x":
        raise Refused
    return w.node("embedding", x, w.parameter([w.vocabulary, w.integer(2, 4)], 0.8))


@_makes("scaled_dot_product_attention")
def _attention(w: Writer, x: str) -> str:
    x = _of_axes(w, x, 3)
    _, steps, width = w.shape(x)
    settings: dict[str, Any] = {}
    if w.chance(0.4):
        settings["scale"] = _between(w, 0.3, 1.2)
    heads = w.one_of(1, 2, 2)
    shared = heads == 2 and w.chance(0.4)

    def part(n: int) -> str:
        projected = w.node("linear", x, w.parameter([2 * n, width], 0.6))
        if n == 1:
            return projected
        apart = w.node("reshape", projected, shape=[1, steps, n, 2])
        return w.node("transpose", apart, permutation=[0, 2, 1, 3])

    query = part(heads)
    key, value = (part(1 if shared else heads) for _ in range(2))
    if shared:
        key, value = (w.node("reshape", one, shape=[1, 1, steps, 2]) for one in (key, value))
        settings["enable_gqa"] = True
    mask = ""
    way = w.integer(0, 3)
    if way == 1:
        settings["is_causal"] = True
    elif way == 2:
        hidden = np.where(np.triu(np.ones((steps, steps)), 1) > 0, -np.inf, 0.0)
        mask = w.given(hidden)
    elif way == 3:
        mask = w.parameter([steps, steps], 0.5) if w.chance() else w.given(np.round(w.rng.standard_normal((steps, steps)), 2))
    return w.node("scaled_dot_product_attention", query, key, value, mask, **settings)


# Windows.


def _pictures(w: Writer, x: str) -> str:
    """A tensor with channels and one axis or two for a window."""
    if len(w.shape(x)) in (3, 4) and w.shape(x)[0] == 1:
        return x
    axes = w.integer(1, 2)
    shape = [1, w.integer(1, 3), *(w.integer(3, 5) for _ in range(axes))]
    n, have = math.prod(shape), math.prod(w.shape(x))
    flat = w.node("gather", w.node("reshape", x, shape=[have]), w.given(np.arange(n) % have), axis=0)
    return w.node("reshape", flat, shape=shape)


def _window(w: Writer, axes: int, dilated: bool = True, unequal: bool = True, most: int = 2) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if w.chance(0.6):
        settings["stride"] = [w.integer(1, 3) for _ in range(axes)]
    if w.chance(0.6):
        pairs = [[w.integer(0, most), w.integer(0, most)] for _ in range(axes)]
        settings["padding"] = pairs if unequal and w.chance() else [[a, a] for a, _ in pairs]
    if dilated and w.chance(0.4):
        settings["dilation"] = [w.integer(1, 2) for _ in range(axes)]
    return settings


@_makes("conv", kind="image")
def _conv(w: Writer, x: str) -> str:
    x = _pictures(w, x)
    _, channels, *sizes = w.shape(x)
    groups = w.one_of(*[n for n in range(1, channels + 1) if channels % n == 0])
    outputs = groups * w.integer(1, 2)
    weight = w.parameter([outputs, channels // groups, *(w.integer(1, 3) for _ in sizes)])
    return w.node("conv", x, weight, w.parameter([outputs]) if w.chance() else "", **_window(w, len(sizes)), groups=groups)


@_makes("conv_transpose", kind="image")
def _conv_transpose(w: Writer, x: str) -> str:
    x = _pictures(w, x)
    _, channels, *sizes = w.shape(x)
    groups = w.one_of(*[n for n in range(1, channels + 1) if channels % n == 0])
    outputs = groups * w.integer(1, 2)
    weight = w.parameter([channels, outputs // groups, *(w.integer(1, 3) for _ in sizes)], 0.5)
    settings = _window(w, len(sizes), most=1)
    if w.chance(0.4) and "stride" in settings:
        settings["output_padding"] = [w.integer(0, stride - 1) for stride in settings["stride"]]
    return w.node("conv_transpose", x, weight, w.parameter([outputs]) if w.chance() else "", **settings, groups=groups)


@_makes("max_pool", kind="image")
def _max_pool(w: Writer, x: str) -> str:
    x = _pictures(w, x)
    axes = len(w.shape(x)) - 2
    settings = _window(w, axes, most=1)
    return w.node("max_pool", x, kernel_size=[w.integer(1, 3) for _ in range(axes)], **settings, ceil_mode=w.chance(0.4))


@_makes("avg_pool", kind="signal")
def _avg_pool(w: Writer, x: str) -> str:
    x = _pictures(w, x)
    axes = len(w.shape(x)) - 2
    settings = _window(w, axes, dilated=False, most=1)
    settings |= {"divisor_override": float(w.integer(2, 5))} if w.chance(0.3) else {}
    kernel = [w.integer(1, 3) for _ in range(axes)]
    return w.node("avg_pool", x, kernel_size=kernel, **settings, ceil_mode=w.chance(0.4), count_include_pad=w.chance())


def _sizes(w: Writer, x: str) -> list[int]:
    return [w.integer(1, 6) for _ in w.shape(x)[2:]]




for _op in ("adaptive_avg_pool", "adaptive_max_pool"):

    def _adaptive_of(w: Writer, x: str, op: str = _op) -> str:
        x = _pictures(w, x)
        return w.node(op, x, output_size=_sizes(w, x))

    _MAKERS[_op] = _adaptive_of


@_makes("interpolate", kind="image")
def _interpolate(w: Writer, x: str) -> str:
    x = _pictures(w, x)
    linear = w.chance(0.7)
    return w.node("interpolate", x, output_size=_sizes(w, x), linear=linear, align_corners=linear and w.chance())


# Normalisation.


def _affine(w: Writer, shape: list[int]) -> list[str]:
    if w.chance(0.3):
        return []
    return [w.parameter(shape, 0.3, 1.0), w.parameter(shape, 0.3)] if w.chance(0.7) else [w.parameter(shape, 0.3, 1.0)]


@_makes("batch_norm")
def _batch_norm(w: Writer, x: str) -> str:
    shape = w.shape(x)
    if len(shape) < 2:
        raise Refused
    eps = w.one_of(1e-5, 0.1)
    statistics = w.statistics(w.rng.standard_normal(shape[1]), w.rng.uniform(0.5, 2, shape[1]))
    if w.chance():
        # Weight and bias, or neither, as modules have them.
        affine = [w.parameter([shape[1]], 0.3, 1.0), w.parameter([shape[1]], 0.3)] if w.chance() else []
        return w.node("batch_norm", x, *statistics, *affine, eps=eps, training=True)
    return w.node("batch_norm", x, *statistics, *_affine(w, [shape[1]]), eps=eps)


@_makes("layer_norm")
def _layer_norm(w: Writer, x: str) -> str:
    axes = w.integer(1, max(len(w.shape(x)) - 1, 1))
    return w.node("layer_norm", x, *_affine(w, w.shape(x)[-axes:]), axes=axes, eps=w.one_of(1e-5, 0.1))


@_makes("rms_norm")
def _rms_norm(w: Writer, x: str) -> str:
    axes = w.integer(1, max(len(w.shape(x)) - 1, 1))
    return w.node("rms_norm", x, *_affine(w, w.shape(x)[-axes:])[:1], axes=axes, eps=w.one_of(1e-5, 0.1))


@_makes("group_norm", kind="image")
def _group_norm(w: Writer, x: str) -> str:
    x = _pictures(w, x)
    channels = w.shape(x)[1]
    groups = w.one_of(*[n for n in range(1, channels + 1) if channels % n == 0])
    return w.node("group_norm", x, *_affine(w, [channels]), groups=groups, eps=w.one_of(1e-5, 0.1))


# Shapes.


@_makes("reshape")
def _reshape(w: Writer, x: str) -> str:
    n, shape = math.prod(w.shape(x)), []
    while n > 1 and len(shape) < 3:
        factor = w.one_of(*[d for d in range(1, n + 1) if n % d == 0])
        shape, n = [*shape, factor], n // factor
    return w.node("reshape", x, shape=[1, *shape, n] if n > 1 else [1, *shape])


@_makes("transpose")
def _transpose(w: Writer, x: str) -> str:
    return w.node("transpose", x, permutation=[int(axis) for axis in w.rng.permutation(len(w.shape(x)))])


@_makes("expand")
def _expand(w: Writer, x: str) -> str:
    shape = w.shape(x)
    if w.chance():
        axis = w.integer(0, len(shape) - 1)
        x = w.node("reduce", x, reduction="mean", axes=[axis], keepdims=True)
        return w.node("expand", x, shape=[w.integer(2, 3) if i == axis else n for i, n in enumerate(shape)])
    return w.node("expand", x, shape=[w.integer(1, 2), *shape])


@_makes("slice")
def _slice(w: Writer, x: str) -> str:
    axis = w.integer(0, len(w.shape(x)) - 1)
    n, step = w.shape(x)[axis], w.one_of(1, 2, -1, -2)
    start = w.integer(0, n - 1)
    most = (n - 1 - start) // step + 1 if step > 0 else start // -step + 1
    return w.node("slice", x, axis=axis, start=start, length=w.integer(1, most), step=step)


@_makes("concat")
def _concat(w: Writer, x: str) -> str:
    shape = w.shape(x)
    axis = w.integer(0, len(shape) - 1)
    parts = [x, w.parameter([w.integer(1, 2) if i == axis else n for i, n in enumerate(shape)], 0.7)]
    if w.chance():
        parts.append(w.node("sin", x))
    order = w.rng.permutation(len(parts))
    return w.node("concat", *(parts[i] for i in order), axis=axis)


@_makes("pad")
def _pad(w: Writer, x: str) -> str:
    shape, mode = w.shape(x), w.one_of("constant", "reflect", "replicate", "circular")
    most = [0 if w.chance(0.4) else {"constant": 2, "replicate": 2, "reflect": n - 1, "circular": n}[mode] for n in shape]
    padding = [[w.integer(0, min(m, 2)), w.integer(0, min(m, 2))] for m in most]
    if not any(map(any, padding)):
        raise Refused
    return w.node("pad", x, padding=padding, mode=mode, **({"value": 0.5} if mode == "constant" and w.chance() else {}))


@_makes("gather")
def _gather(w: Writer, x: str) -> str:
    axis = w.integer(0, len(w.shape(x)) - 1)
    n = w.shape(x)[axis]
    if w.kind == "tokens" and w.chance():
        indices = w.node("clip", "x", max=float(n - 1))
    else:
        shape = w.one_of((), (2,), (3,), (2, 2))
        indices = w.given(w.rng.integers(0, n, shape))
    made = w.node("gather", x, indices, axis=axis)
    return made if w.shape(made) else w.node("reshape", made, shape=[1, 1])


@_makes("reduce")
def _reduce(w: Writer, x: str) -> str:
    rank = len(w.shape(x))
    axes = sorted(int(axis) for axis in w.rng.choice(rank, w.integer(1, min(rank, 2)), replace=False))
    kind = w.one_of("sum", "mean", "max", "min", "prod", "l2", "log_sum_exp")
    made = w.node("reduce", x, reduction=kind, axes=axes, keepdims=w.chance())
    return made if w.shape(made) else w.node("reshape", made, shape=[1, 1])


#: Operations with many settings, which graphs are made for more often.
_MANIFOLD = [
    "avg_pool", "batch_norm", "conv", "conv_transpose", "einsum", "gather", "group_norm", "interpolate", "matmul", "max_pool", "pad",
    "reduce", "scaled_dot_product_attention", "slice",
]  # fmt: skip
#: The operations that graphs are made for, one after another.
FOCUSED = [*sorted(op for op in _MAKERS if op != "start"), *_MANIFOLD, *_MANIFOLD]
