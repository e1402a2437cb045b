"""Activations, arithmetic and comparisons: operations on every number by itself."""

from __future__ import annotations

import math
from typing import Any

import torch

from heigen.torch._export._graph import Const, Graph, Operand, Value, broadcast, reads
from heigen.torch._export._program import tell_of_dropout

#: Operations that have the same name and no settings.
_SAME = (
    "relu", "selu", "silu", "mish", "hardswish", "tanh", "sigmoid", "exp", "expm1", "log", "log1p", "sqrt", "rsqrt", "reciprocal",
    "erf", "sin", "cos", "abs", "sign", "floor", "ceil", "round", "neg",
)  # fmt: skip
_OTHER_NAMES = {"log_sigmoid": "log_sigmoid", "negative": "neg", "absolute": "abs", "sgn": "sign", "special_expm1": "expm1"}
_COMPARISONS = {
    "eq": "equal", "gt": "greater", "ge": "greater_equal", "lt": "less", "le": "less_equal", "ne": "not_equal",
    "greater": "greater", "greater_equal": "greater_equal", "less": "less", "less_equal": "less_equal", "not_equal": "not_equal",
}  # fmt: skip


def _of_one(op: str) -> Any:
    return lambda g, x: g.unary(op, x)


for _name in _SAME:
    reads(_name)(_of_one(_name))
for _name, _op in _OTHER_NAMES.items():
    reads(_name)(_of_one(_op))


def _of_two(op: str) -> Any:
    return lambda g, x, other: g.binary(op, x, other)


for _name, _op in {"maximum": "maximum", "minimum": "minimum", "multiply": "mul", "mul": "mul", "true_divide": "div"}.items():
    reads(_name)(_of_two(_op))


def _comparison(kind: str) -> Any:
    return lambda g, x, other: g.binary("compare", x, other, torch.bool, comparison=kind)


for _name, _op in _COMPARISONS.items():
    reads(_name)(_comparison(_op))


# Activations with settings.


@reads("leaky_relu")
def _leaky_relu(g: Graph, x: Value, negative_slope: float) -> Value:
    return g.unary("leaky_relu", x, negative_slope=float(negative_slope))


@reads("rrelu", "rrelu_with_noise")
def _rrelu(g: Graph, x: Value, lower: float, upper: float) -> Value:
    return g.unary("leaky_relu", x, negative_slope=(float(lower) + float(upper)) / 2)


@reads("prelu", "_prelu_kernel")
def _prelu(g: Graph, x: Value, weight: Operand) -> Value:
    return g.emit("prelu", x, g.reshaped(weight, (math.prod(weight.shape),)))


@reads("elu")
def _elu(g: Graph, x: Value, alpha: float) -> Value:
    return g.unary("elu", x, alpha=float(alpha))


@reads("celu")
def _celu(g: Graph, x: Value, alpha: float) -> Value:
    return g.unary("celu", x, alpha=float(alpha))


@reads("gelu")
def _gelu(g: Graph, x: Value, approximate: str) -> Value:
    return g.unary("gelu", x, approximate=approximate)


@reads("hardsigmoid")
def _hardsigmoid(g: Graph, x: Value) -> Value:
    return g.unary("hardsigmoid", x, alpha=1 / 6, beta=0.5)


@reads("softplus")
def _softplus(g: Graph, x: Value, beta: float, threshold: float) -> Value:
    return g.unary("softplus", x, beta=float(beta), threshold=float(threshold))


@reads("softshrink")
def _softshrink(g: Graph, x: Value, lambd: float) -> Value:
    return g.unary("softshrink", x, lambd=float(lambd))


@reads("hardshrink")
def _hardshrink(g: Graph, x: Value, lambd: float) -> Value:
    return g.unary("hardshrink", x, lambd=float(lambd))


@reads("threshold")
def _threshold(g: Graph, x: Value, threshold: float, value: float) -> Value:
    return g.unary("threshold", x, threshold=float(threshold), value=float(value))


@reads("hardtanh")
def _hardtanh(g: Graph, x: Value, min_val: float, max_val: float) -> Value:
    return g.unary("clip", x, min=float(min_val), max=float(max_val))


@reads("relu6")
def _relu6(g: Graph, x: Value) -> Value:
    return g.unary("clip", x, min=0.0, max=6.0)


@reads("clamp", "clip")
def _clamp(g: Graph, x: Operand, min: Any = None, max: Any = None) -> Operand:
    if not any(isinstance(bound, (Value, Const)) for bound in (min, max)):
        return g.unary("clip", x, min=None if min is None else float(min), max=None if max is None else float(max))
    x = x if min is None else g.binary("maximum", x, min)
    return x if max is None else g.binary("minimum", x, max)


@reads("clamp_min")
def _clamp_min(g: Graph, x: Value, min: Any) -> Operand:
    return _clamp(g, x, min)


@reads("clamp_max")
def _clamp_max(g: Graph, x: Value, max: Any) -> Operand:
    return _clamp(g, x, None, max)


@reads("softsign")
def _softsign(g: Graph, x: Value) -> Value:
    return g.unary("softsign", x)


@reads("tanhshrink")
def _tanhshrink(g: Graph, x: Value) -> Value:
    return g.binary("sub", x, g.unary("tanh", x))


@reads("glu")
def _glu(g: Graph, x: Value, dim: int) -> Value:
    half = x.shape[dim] // 2
    return g.binary("mul", g.piece(x, dim, 0, half), g.unary("sigmoid", g.piece(x, dim, half, half)))


@reads("softmax", "_softmax")
def _softmax(g: Graph, x: Value, dim: int) -> Value:
    return g.emit("softmax", x, axis=dim % max(len(x.shape), 1))


@reads("log_softmax", "_log_softmax")
def _log_softmax(g: Graph, x: Value, dim: int) -> Value:
    return g.emit("log_softmax", x, axis=dim % max(len(x.shape), 1))


@reads("dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout")
def _dropout(g: Graph, x: Value, p: float, train: bool) -> Value:
    if train and p > 0:
        tell_of_dropout(g.module_name)
    return x


@reads("native_dropout")
def _native_dropout(g: Graph, x: Value, p: float, train: bool) -> tuple[Value, None]:
    return _dropout(g, x, p, train), None


# Numbers as they are.


@reads("contiguous", "clone", "alias", "lift_fresh_copy", "lift_fresh", "positive", "conj", "resolve_conj", "resolve_neg", "real")
def _identity(g: Graph, x: Value) -> Value:
    return x


@reads("detach")
def _detach(g: Graph, x: Value) -> Value:
    if x.varies:
        raise g.refused("cuts the derivative (detach), and graphs of the engine are differentiated as they are")
    return x


@reads("to", "_to_copy", "type_as", "float", "double", "half", "long", "int", "bool")
def _to(g: Graph, x: Value) -> Value:
    if g.dtype == torch.bool and x.dtype != torch.bool:
        return g.binary("compare", x, 0, torch.bool, comparison="not_equal")
    if x.dtype.is_floating_point and not g.dtype.is_floating_point:
        x = _towards_zero(g, x)
    return Value(x.name, x.shape, g.dtype, x.varies)


def _towards_zero(g: Graph, x: Operand) -> Value:
    return g.binary("mul", g.unary("sign", x), g.unary("floor", g.unary("abs", x)))


@reads("trunc", "fix")
def _trunc(g: Graph, x: Value) -> Value:
    return _towards_zero(g, x)


# Arithmetic.


def _times(g: Graph, x: Any, factor: Any) -> Any:
    return x if factor == 1 else g.binary("mul", x, factor)


@reads("add")
def _add(g: Graph, x: Any, other: Any, alpha: float = 1) -> Value:
    return g.binary("add", x, _times(g, other, alpha))


@reads("sub", "subtract")
def _sub(g: Graph, x: Any, other: Any, alpha: float = 1) -> Value:
    return g.binary("sub", x, _times(g, other, alpha))


@reads("rsub")
def _rsub(g: Graph, x: Any, other: Any, alpha: float = 1) -> Value:
    return g.binary("sub", other, _times(g, x, alpha))


@reads("div", "divide")
def _div(g: Graph, x: Any, other: Any, rounding_mode: str | None = None) -> Value:
    made = g.binary("div", x, other, torch.float64 if rounding_mode is None else None)
    if rounding_mode is None:
        return made
    return g.unary("floor", made) if rounding_mode == "floor" else _towards_zero(g, made)


@reads("floor_divide")
def _floor_divide(g: Graph, x: Any, other: Any) -> Value:
    return _div(g, x, other, "floor")


@reads("remainder")
def _remainder(g: Graph, x: Any, other: Any) -> Value:
    return g.binary("sub", x, g.binary("mul", other, _div(g, x, other, "floor")))


@reads("fmod")
def _fmod(g: Graph, x: Any, other: Any) -> Value:
    return g.binary("sub", x, g.binary("mul", other, _div(g, x, other, "trunc")))


@reads("pow")
def _pow(g: Graph, x: Any, exponent: Any) -> Value:
    if isinstance(exponent, Const) and exponent.tensor.numel() == 1 and math.prod(g.shape) == math.prod(x.shape):
        return g.emit("pow_scalar", g.reshaped(g.operand(x), g.shape), exponent=float(exponent.tensor))
    if isinstance(exponent, (int, float)):
        return g.unary("pow_scalar", x, exponent=float(exponent))
    return g.binary("pow", x, exponent)


@reads("square")
def _square(g: Graph, x: Value) -> Value:
    return g.unary("pow_scalar", x, exponent=2.0)


@reads("log2")
def _log2(g: Graph, x: Value) -> Value:
    return g.binary("mul", g.unary("log", x), 1 / math.log(2))


@reads("log10")
def _log10(g: Graph, x: Value) -> Value:
    return g.binary("mul", g.unary("log", x), 1 / math.log(10))


@reads("erfc")
def _erfc(g: Graph, x: Value) -> Value:
    return g.binary("sub", 1.0, g.unary("erf", x))


@reads("tan")
def _tan(g: Graph, x: Value) -> Value:
    return g.binary("div", g.unary("sin", x), g.unary("cos", x))


@reads("addcmul")
def _addcmul(g: Graph, x: Any, tensor1: Any, tensor2: Any, value: float = 1) -> Value:
    return g.binary("add", x, _times(g, g.binary("mul", tensor1, tensor2), value))


@reads("addcdiv")
def _addcdiv(g: Graph, x: Any, tensor1: Any, tensor2: Any, value: float = 1) -> Value:
    return g.binary("add", x, _times(g, g.binary("div", tensor1, tensor2), value))


@reads("lerp")
def _lerp(g: Graph, x: Any, end: Any, weight: Any) -> Value:
    return g.binary("add", x, g.binary("mul", weight, g.binary("sub", end, x)))


# Truth values are 0 and 1.


@reads("logical_and", "bitwise_and", "__and__")
def _and(g: Graph, x: Any, other: Any) -> Value:
    a, b = _truths(g, x, other)
    return g.binary("mul", a, b, torch.bool)


@reads("logical_or", "bitwise_or", "__or__")
def _or(g: Graph, x: Any, other: Any) -> Value:
    a, b = _truths(g, x, other)
    return g.binary("maximum", a, b, torch.bool)


@reads("logical_xor", "bitwise_xor", "__xor__")
def _xor(g: Graph, x: Any, other: Any) -> Value:
    a, b = _truths(g, x, other)
    return g.binary("compare", a, b, torch.bool, comparison="not_equal")


@reads("logical_not", "bitwise_not")
def _not(g: Graph, x: Any) -> Value:
    (truth,) = _truths(g, x)
    return g.binary("sub", 1, truth, torch.bool)


def _truths(g: Graph, *values: Any) -> list[Operand]:
    operands = [g.operand(value) for value in values]
    if any(value.dtype != torch.bool for value in operands):
        raise g.refused("combines the bits of whole numbers")
    return operands


@reads("where")
def _where(g: Graph, condition: Operand, x: Any, other: Any) -> Value:
    return where(g, condition, x, other)


@reads("masked_fill")
def _masked_fill(g: Graph, x: Any, mask: Operand, value: Any) -> Value:
    return where(g, mask, value, x)


def where(g: Graph, condition: Operand, a: Any, b: Any) -> Value:
    """``a`` where the condition holds, ``b`` elsewhere."""
    a, b = g.operand(a), g.operand(b)
    shape = broadcast(condition.shape, a.shape, b.shape)
    return g.emit("where", condition, a, b, shape=shape, dtype=torch.promote_types(a.dtype, b.dtype))
