"""Graphs of operations evaluated by PyTorch in float64: an oracle for the native engine, with which it shares no code.

A graph is the JSON of an architecture whose only layer is of type "graph", or that layer itself. Its tensors have the shapes
that they have for a batch of one sample, so samples are evaluated one by one; only batch normalisation in training mode
looks at all of them. Second derivatives are those of :mod:`torch.autograd`.

    spec = json.loads(Path("architecture.json").read_text())
    tensors = {"fc.weight": ..., "fc.bias": ...}
    outputs = run(spec, tensors, X)                                # [N, ...]
    matrix = hessian(spec, tensors, X, y, functional.cross_entropy)  # [P, P]

On the command line the same numbers are written into a file of arrays:

    python graph_oracle.py architecture.json weights.npz X.npy y.npy oracle.npz
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

#: A loss of outputs and targets, as those of :mod:`torch.nn.functional`.
Loss = Callable[[Tensor, Any], Tensor]
Spec = Mapping[str, Any]


def graph_of(spec: Spec) -> Spec:
    """The graph of an architecture, which has no other layers."""
    if "layers" not in spec:
        return spec
    (graph,) = spec["layers"]
    assert graph["type"] == "graph", graph["type"]
    return graph


def run(spec: Spec, tensors: Mapping[str, Any], X: Any) -> Tensor:
    """The outputs of all samples, one after another along the first axis; X is [N, ...] with the numbers of a sample."""
    return values(spec, tensors, X)[graph_of(spec)["output"]]


def values(spec: Spec, tensors: Mapping[str, Any], X: Any) -> dict[str, Tensor]:
    """The tensors that all nodes make, for all samples along the first axis, by name."""
    graph = graph_of(spec)
    samples = [_double(x).reshape(graph["input_shape"]) for x in _double(X)]
    shared = {}
    for tensor in [*graph.get("parameters", []), *graph.get("buffers", [])]:
        shared[tensor["name"]] = _double(tensors[tensor["name"]])
        assert list(shared[tensor["name"]].shape) == tensor["shape"], tensor
    known: list[dict[str, Tensor]] = [{**shared, "x": x} for x in samples]
    for node in graph.get("nodes", []):
        inputs = [[one[name] if name else None for name in node.get("inputs", [])] for one in known]
        if node["op"] == "batch_norm" and node.get("training", False):
            made = _batch_norm_of_the_batch(node, inputs)
        else:
            made = [_OPERATIONS[node["op"]](node, *given) for given in inputs]
        for one, value in zip(known, made):
            one[node["id"]] = value
    return {name: torch.cat([one[name] if one[name].dim() else one[name][None] for one in known]) for name in known[0]}


def names(spec: Spec) -> list[str]:
    """The names of the parameters, in the order of theta."""
    return [tensor["name"] for tensor in graph_of(spec).get("parameters", [])]


def flattened(spec: Spec, tensors: Mapping[str, Any]) -> Tensor:
    """Theta: the parameters one after another, [P]."""
    return torch.cat([_double(tensors[name]).flatten() for name in names(spec)])


def of_theta(spec: Spec, tensors: Mapping[str, Any], X: Any) -> Callable[[Tensor], Tensor]:
    """The outputs as a function of theta."""
    shapes = [tensor["shape"] for tensor in graph_of(spec).get("parameters", [])]
    sizes = [math.prod(shape) for shape in shapes]

    def outputs(theta: Tensor) -> Tensor:
        parts = {n: part.view(shape) for n, part, shape in zip(names(spec), theta.split(sizes), shapes)}
        return run(spec, {**tensors, **parts}, X)

    return outputs


def loss_and_gradient(spec: Spec, tensors: Mapping[str, Any], X: Any, y: Any, loss: Loss) -> tuple[float, NDArray[np.float64]]:
    """The loss and its gradient, [P]."""
    theta = flattened(spec, tensors).requires_grad_()
    value = loss(of_theta(spec, tensors, X)(theta), y)
    (gradient,) = torch.autograd.grad(value, theta, allow_unused=True)
    return float(value.detach()), np.zeros(len(theta)) if gradient is None else gradient.numpy()


def hessian(spec: Spec, tensors: Mapping[str, Any], X: Any, y: Any, loss: Loss) -> NDArray[np.float64]:
    """The Hessian of the loss by theta, [P, P]."""
    outputs = of_theta(spec, tensors, X)
    made = torch.autograd.functional.hessian(lambda theta: loss(outputs(theta), y), flattened(spec, tensors))
    return made.numpy()


def jacobian(spec: Spec, tensors: Mapping[str, Any], X: Any) -> tuple[Tensor, Tensor]:
    """The outputs, and the derivative of all of them, one after another, by theta, [numbers of outputs, P]."""
    outputs, theta = of_theta(spec, tensors, X), flattened(spec, tensors)
    return outputs(theta), torch.autograd.functional.jacobian(lambda theta: outputs(theta).flatten(), theta)


def ggn(
    spec: Spec, tensors: Mapping[str, Any], X: Any, y: Any, loss: Loss, known: tuple[Tensor, Tensor] | None = None
) -> NDArray[np.float64]:
    """J^T H_L J, where J is the :func:`jacobian` and H_L the Hessian of the loss by the outputs, [P, P]."""
    at, J = known or jacobian(spec, tensors, X)
    inner = torch.autograd.functional.hessian(lambda out: loss(out.view(at.shape), y), at.flatten())
    return (J.T @ inner @ J).numpy()


def gradients(at: Tensor, J: Tensor, y: Any, loss: Loss) -> NDArray[np.float64]:
    """The parts of the gradient that the outputs of single samples bring along, [N, P]."""
    out = at.detach().requires_grad_()
    (slope,) = torch.autograd.grad(loss(out, y), out)
    return torch.einsum("nc,ncp->np", slope.reshape(len(at), -1), J.view(len(at), -1, J.shape[1])).numpy()


# Every operation: the settings of a node and its tensors to the tensor that it makes.


def _double(value: Any) -> Tensor:
    return torch.as_tensor(value).to(torch.float64)


def _real(value: Any) -> float:
    return float(value)


def _constant(node: Spec) -> Tensor:
    numbers = torch.tensor([_real(v) for v in node["values"]], dtype=torch.float64)
    return numbers.expand(math.prod(node["shape"])).reshape(node["shape"]) if len(numbers) == 1 else numbers.view(node["shape"])


def _each(node: Spec, key: str, axes: int, default: Any) -> list[Any]:
    """A setting for every axis of a window."""
    return list(node.get(key) or [default] * axes)


def _padding(node: Spec, axes: int) -> list[list[int]]:
    return _each(node, "padding", axes, [0, 0])


def _steps(node: Spec) -> list[int]:
    """The distances of the places of a pool, without which its windows lie side by side."""
    return list(node.get("stride") or node["kernel_size"])


def _padded(x: Tensor, padding: Sequence[Sequence[int]], value: float = 0.0) -> Tensor:
    return functional.pad(x, [n for pair in reversed(padding) for n in pair], value=value)


def _celu(x: Tensor, alpha: float) -> Tensor:
    """PyTorch's own derivative has 1 / alpha in float32, whatever the type of the numbers: it is off by up to 1e-8."""
    made = torch.where(x > 0, x, alpha * torch.expm1(x.clamp(max=0) / alpha))
    torch.testing.assert_close(made.detach(), functional.celu(x.detach(), alpha), rtol=1e-14, atol=1e-14)
    return made


def _conv(node: Spec, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    axes = weight.dim() - 2
    by_axes = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}[axes]
    stride, dilation = _each(node, "stride", axes, 1), _each(node, "dilation", axes, 1)
    return by_axes(_padded(x, _padding(node, axes)), weight, bias, stride, 0, dilation, node.get("groups", 1))


def _conv_transpose(node: Spec, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    axes, groups = weight.dim() - 2, node.get("groups", 1)
    by_axes = {1: functional.conv_transpose1d, 2: functional.conv_transpose2d, 3: functional.conv_transpose3d}[axes]
    stride, dilation = _each(node, "stride", axes, 1), _each(node, "dilation", axes, 1)
    more, padding = _each(node, "output_padding", axes, 0), _padding(node, axes)
    if all(before == after for before, after in padding):
        return by_axes(x, weight, bias, stride, [before for before, _ in padding], more, groups, dilation)
    # PyTorch takes off as much at both ends; the whole map is computed and its ends are cut.
    whole = _padded(by_axes(x, weight, None, stride, 0, 0, groups, dilation), [[0, n] for n in more])
    for axis, (before, after) in enumerate(padding, 2):
        whole = whole.narrow(axis, before, whole.shape[axis] - before - after)
    return whole if bias is None else whole + bias.view(-1, *[1] * axes)


def _attention(node: Spec, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    causal = node.get("is_causal", False)
    if causal and mask is not None:
        hidden = torch.full((q.shape[-2], k.shape[-2]), -math.inf, dtype=torch.float64).triu(1)
        mask, causal = mask + hidden, False
    # The fused ways have no second derivative.
    with sdpa_kernel(SDPBackend.MATH):
        return functional.scaled_dot_product_attention(
            q, k, v, mask, 0.0, causal, scale=node.get("scale"), enable_gqa=node.get("enable_gqa", False)
        )


def _places(node: Spec, shape: Sequence[int]) -> list[list[tuple[list[int], int]]]:
    """For every axis of a pool and every place of its window the rows of the tensor inside, and the number of rows counted
    with the padding."""
    kernel, axes = node["kernel_size"], len(node["kernel_size"])
    stride, padding, dilation = _steps(node), _padding(node, axes), _each(node, "dilation", axes, 1)
    found = []
    for n, k, s, (before, after), d in zip(shape, kernel, stride, padding, dilation):
        beyond = n + before + after - d * (k - 1) - 1
        places = (-(-beyond // s) if node.get("ceil_mode", False) else beyond // s) + 1
        if node.get("ceil_mode", False) and (places - 1) * s >= n + before:
            places -= 1
        axis = []
        for place in range(places):
            rows = [place * s - before + i * d for i in range(k)]
            axis.append(([row for row in rows if 0 <= row < n], sum(row < n + after for row in rows)))
        found.append(axis)
    return found


def _pool(node: Spec, x: Tensor, of: Callable[[Tensor, int], Tensor]) -> Tensor:
    """A pool place by place, for what PyTorch's have no settings for; ``of`` makes a number of the entries of every channel
    in a window [1, C, entries] and of the number of entries that count."""
    axes = len(node["kernel_size"])
    places = _places(node, x.shape[-axes:])
    made = []
    for window in product(*places):
        part, counted = x, 1
        for axis, (rows, count) in enumerate(window):
            part, counted = part.index_select(axis - axes, torch.tensor(rows)), counted * count
        made.append(of(part.flatten(-axes), counted))
    return torch.stack(made, -1).unflatten(-1, [len(axis) for axis in places])


def _by_pytorch(node: Spec) -> bool:
    """Whether PyTorch's pools have the padding: equal at both ends, and at most half of the window."""
    axes = len(node["kernel_size"])
    return all(a == b and 2 * a <= k for (a, b), k in zip(_padding(node, axes), node["kernel_size"]))


def _max_pool(node: Spec, x: Tensor) -> Tensor:
    axes, kernel = len(node["kernel_size"]), node["kernel_size"]
    if not _by_pytorch(node):
        return _pool(node, x, lambda entries, _: entries.max(-1).values)
    by_axes = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}[axes]
    stride, dilation = _steps(node), _each(node, "dilation", axes, 1)
    padding = [before for before, _ in _padding(node, axes)]
    return by_axes(x, kernel, stride, padding, dilation, node.get("ceil_mode", False))


def _avg_pool(node: Spec, x: Tensor) -> Tensor:
    axes, kernel = len(node["kernel_size"]), node["kernel_size"]
    counted, divisor = node["count_include_pad"], node.get("divisor_override")
    by_axes: Any = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}[axes]
    plain = set(_each(node, "dilation", axes, 1)) == {1} and (divisor is None or (axes > 1 and divisor == int(divisor)))
    if not _by_pytorch(node) or not plain:

        def mean(entries: Tensor, all_entries: int) -> Tensor:
            return entries.sum(-1) / (divisor or (all_entries if counted else entries.shape[-1]))

        return _pool(node, x, mean)
    padding = [before for before, _ in _padding(node, axes)]
    own = {} if divisor is None else {"divisor_override": int(divisor)}
    return by_axes(x, kernel, _steps(node), padding, node.get("ceil_mode", False), counted, **own)


def _adaptive(node: Spec, x: Tensor, kind: str) -> Tensor:
    size = node["output_size"]
    return getattr(functional, f"adaptive_{kind}_pool{len(size)}d")(x, size if len(size) > 1 else size[0])


def _interpolate(node: Spec, x: Tensor) -> Tensor:
    size = tuple(node["output_size"])
    if not node["linear"]:
        return functional.interpolate(x, size, mode="nearest")
    mode = {1: "linear", 2: "bilinear", 3: "trilinear"}[len(size)]
    return functional.interpolate(x, size, mode=mode, align_corners=node["align_corners"])


def _batch_norm(
    node: Spec, x: Tensor, mean: Tensor | None, variance: Tensor | None, weight: Tensor | None = None, bias: Tensor | None = None
) -> Tensor:
    return functional.batch_norm(x, mean, variance, weight, bias, False, 0.0, node["eps"])


def _batch_norm_of_the_batch(node: Spec, inputs: Sequence[Sequence[Tensor | None]]) -> list[Tensor]:
    xs = [given[0] for given in inputs if given[0] is not None]
    weight, bias = (*inputs[0][3:], None, None)[:2]
    made = functional.batch_norm(torch.cat(xs), None, None, weight, bias, True, 0.0, node["eps"])
    return list(made.split([len(x) for x in xs]))


def _slice(node: Spec, x: Tensor) -> Tensor:
    rows = node["start"] + node["step"] * torch.arange(node["length"])
    return x.index_select(node["axis"], rows)


def _pad(node: Spec, x: Tensor) -> Tensor:
    if node["mode"] == "constant":
        return _padded(x, node["padding"], _real(node.get("value", 0.0)))
    mode = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}[node["mode"]]
    for axis, (before, after) in enumerate(node["padding"]):
        rows = np.pad(np.arange(x.shape[axis]), (before, after), mode)  # type: ignore[call-overload]
        x = x.index_select(axis, torch.from_numpy(rows))
    return x


def _gather(node: Spec, x: Tensor, indices: Tensor) -> Tensor:
    axis = node["axis"]
    rows = x.index_select(axis, indices.long().flatten())
    return rows.reshape(*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])


def _reduce(node: Spec, x: Tensor) -> Tensor:
    kept = [axis for axis in range(x.dim()) if axis not in node["axes"]]
    rows = x.permute(*kept, *node["axes"]).reshape(*[x.shape[axis] for axis in kept], -1)
    kinds: dict[str, Callable[[Tensor], Tensor]] = {
        "sum": lambda r: r.sum(-1),
        "mean": lambda r: r.mean(-1),
        "max": lambda r: r.max(-1).values,
        "min": lambda r: r.min(-1).values,
        "prod": lambda r: r.prod(-1),
        "l2": lambda r: torch.linalg.vector_norm(r, dim=-1),
        "log_sum_exp": lambda r: torch.logsumexp(r, -1),
    }
    made = kinds[node["reduction"]](rows)
    if node.get("keepdims", False):
        made = made.reshape([1 if axis in node["axes"] else n for axis, n in enumerate(x.shape)])
    return made


def _compare(node: Spec, a: Tensor, b: Tensor) -> Tensor:
    kinds = {"equal": "eq", "greater": "gt", "greater_equal": "ge", "less": "lt", "less_equal": "le", "not_equal": "ne"}
    return getattr(torch, kinds[node["comparison"]])(a, b).to(torch.float64)


_OPERATIONS: dict[str, Callable[..., Tensor]] = {
    "constant": _constant,
    "linear": lambda n, x, w, b=None: functional.linear(x, w, b),
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "embedding": lambda n, x, table: functional.embedding(x.long(), table),
    "matmul": lambda n, a, b: torch.matmul(a, b),
    "einsum": lambda n, *given: torch.einsum(n["equation"], *given),
    "scaled_dot_product_attention": _attention,
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
    "adaptive_avg_pool": lambda n, x: _adaptive(n, x, "avg"),
    "adaptive_max_pool": lambda n, x: _adaptive(n, x, "max"),
    "interpolate": _interpolate,
    "batch_norm": _batch_norm,
    "layer_norm": lambda n, x, w=None, b=None: functional.layer_norm(x, x.shape[-n["axes"] :], w, b, n["eps"]),
    "group_norm": lambda n, x, w=None, b=None: functional.group_norm(x, n["groups"], w, b, n["eps"]),
    "rms_norm": lambda n, x, w=None: functional.rms_norm(x, x.shape[-n["axes"] :], w, n["eps"]),
    "relu": lambda n, x: functional.relu(x),
    "leaky_relu": lambda n, x: functional.leaky_relu(x, n["negative_slope"]),
    "prelu": lambda n, x, slope: functional.prelu(x, slope.flatten()),
    "elu": lambda n, x: functional.elu(x, n["alpha"]),
    "selu": lambda n, x: functional.selu(x),
    "celu": lambda n, x: _celu(x, n["alpha"]),
    "gelu": lambda n, x: functional.gelu(x, approximate=n["approximate"]),
    "silu": lambda n, x: functional.silu(x),
    "mish": lambda n, x: functional.mish(x),
    "hardswish": lambda n, x: functional.hardswish(x),
    "hardsigmoid": lambda n, x: torch.clamp(n["alpha"] * x + n["beta"], 0.0, 1.0),
    "softplus": lambda n, x: functional.softplus(x, n["beta"], n["threshold"]),
    "softsign": lambda n, x: functional.softsign(x),
    "tanh": lambda n, x: torch.tanh(x),
    "sigmoid": lambda n, x: torch.sigmoid(x),
    "log_sigmoid": lambda n, x: functional.logsigmoid(x),
    "softshrink": lambda n, x: functional.softshrink(x, n["lambd"]),
    "hardshrink": lambda n, x: functional.hardshrink(x, n["lambd"]),
    "threshold": lambda n, x: functional.threshold(x, n["threshold"], n["value"]),
    "exp": lambda n, x: torch.exp(x),
    "expm1": lambda n, x: torch.expm1(x),
    "log": lambda n, x: torch.log(x),
    "log1p": lambda n, x: torch.log1p(x),
    "sqrt": lambda n, x: torch.sqrt(x),
    "rsqrt": lambda n, x: torch.rsqrt(x),
    "reciprocal": lambda n, x: torch.reciprocal(x),
    "erf": lambda n, x: torch.erf(x),
    "sin": lambda n, x: torch.sin(x),
    "cos": lambda n, x: torch.cos(x),
    "abs": lambda n, x: torch.abs(x),
    "sign": lambda n, x: torch.sign(x),
    "floor": lambda n, x: torch.floor(x),
    "ceil": lambda n, x: torch.ceil(x),
    "round": lambda n, x: torch.round(x),
    "neg": lambda n, x: -x,
    "clip": lambda n, x: torch.clamp(x, n.get("min"), n.get("max")) if {n.get("min"), n.get("max")} != {None} else x,
    "pow_scalar": lambda n, x: torch.pow(x, n["exponent"]),
    "softmax": lambda n, x: torch.softmax(x, n["axis"]),
    "log_softmax": lambda n, x: torch.log_softmax(x, n["axis"]),
    "add": lambda n, a, b: a + b,
    "sub": lambda n, a, b: a - b,
    "mul": lambda n, a, b: a * b,
    "div": lambda n, a, b: a / b,
    "pow": lambda n, a, b: torch.pow(a, b),
    "maximum": lambda n, a, b: torch.maximum(a, b),
    "minimum": lambda n, a, b: torch.minimum(a, b),
    "compare": _compare,
    "where": lambda n, condition, a, b: torch.where(condition != 0, a, b),
    "reshape": lambda n, x: x.reshape(n["shape"]),
    "transpose": lambda n, x: x.permute(n["permutation"]),
    "expand": lambda n, x: x.expand(n["shape"]),
    "slice": _slice,
    "concat": lambda n, *given: torch.cat(given, n["axis"]),
    "pad": _pad,
    "gather": _gather,
    "reduce": _reduce,
    "cumsum": lambda n, x: torch.cumsum(x, n["axis"]),
}


def main(arguments: Sequence[str]) -> None:
    """Outputs, loss, gradient, Hessian and GGN of the mean cross-entropy into a file of arrays."""
    architecture, weights, features, labels, out = arguments
    with open(architecture) as file:
        spec = json.load(file)
    tensors = dict(np.load(weights)) if weights.endswith(".npz") else torch.load(weights)
    X, y = np.load(features), torch.from_numpy(np.load(labels))
    loss, gradient = loss_and_gradient(spec, tensors, X, y, functional.cross_entropy)
    matrices = {f.__name__: f(spec, tensors, X, y, functional.cross_entropy) for f in (hessian, ggn)}
    np.savez(out, outputs=run(spec, tensors, X).numpy(), loss=loss, gradient=gradient, **matrices)


if __name__ == "__main__":
    main(sys.argv[1:])
