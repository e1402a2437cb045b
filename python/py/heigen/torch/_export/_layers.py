"""A module as a list of layers, where its program is one: the short form, for which the engine knows most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from heigen._errors import UnsupportedModelError
from heigen.torch._export._program import INSTEAD, Program, is_in_place, kind_of, refused, tell_of_dropout

__all__ = ["layers_of"]

_ACTIVATIONS = {"relu": "relu", "tanh": "tanh", "sigmoid": "sigmoid"}
#: Operations that hand on what they get.
_NOTHING = {"contiguous", "clone", "alias", "lift_fresh_copy"}
#: Operations whose result is a tensor of its own, which nothing else holds.
_FRESH = {"linear", "conv2d", "batch_norm", "add", "sub", "mul", "div", "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "relu"}


def layers_of(program: Program, model: nn.Module) -> tuple[list[dict[str, Any]], set[str]]:
    """The layers of a program for one sample, and the names of the tensors that they use.

    Raises :class:`UnsupportedModelError` where the program is no list of layers.
    """
    reader = _Reader(program, model)
    return reader.read()


class _Reader:
    """Reads the nodes of a graph back from its output to its input."""

    def __init__(self, program: Program, model: nn.Module) -> None:
        signature = program.exported.graph_signature
        self._tensors = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
        constants = getattr(signature, "inputs_to_lifted_tensor_constants", {})
        self._constants = {key: program.exported.constants[value] for key, value in constants.items()}
        for key, value in signature.inputs_to_buffers.items():
            self._constants[key] = dict(model.named_buffers()).get(value)
        self._name, self._by_batch = program.name, program.by_batch
        nodes = list(program.exported.graph.nodes)
        inputs = set(signature.user_inputs)
        entry = [node for node in nodes if node.op == "placeholder" and node.name in inputs]
        output = next(node for node in nodes if node.op == "output").args[0]
        wanted = [o for o in output if getattr(o, "name", None) in set(signature.user_outputs)]
        if len(entry) != 1 or len(wanted) != 1:
            raise UnsupportedModelError(f"the engine's networks have one input and one output; {INSTEAD}", self._name)
        self._input, self._output = entry[0], wanted[0]
        shape = tuple(self._output.meta["val"].shape)
        if len(shape) != 2:
            raise UnsupportedModelError(f"the output is of shape {shape}, not one number for each class; {INSTEAD}", self._name)
        for node in nodes:
            # What changes in place must be seen by nobody else.
            if is_in_place(node) and (kind_of(node.args[0]) not in _FRESH or len(node.args[0].users) > 1):
                raise self._refused(node, "changes a tensor in place that others see")
        self._used: set[str] = set()
        self._found_before: dict[Any, Any] = {}

    def read(self) -> tuple[list[dict[str, Any]], set[str]]:
        return self._between(self._input, self._output), self._used

    def _between(self, start: Any, end: Any) -> list[dict[str, Any]]:
        """The layers whose input is the value of ``start`` and whose output is that of ``end``."""
        layers: list[dict[str, Any]] = []
        node = end
        while node is not start:
            if getattr(node, "op", None) != "call_function":
                raise self._refused(node, "does not follow from the module's input alone")
            before, added = self._layer(node)
            layers[:0] = added
            node = before
        return layers

    def _layer(self, node: Any) -> tuple[Any, list[dict[str, Any]]]:
        """The node before, and the layers that lead from it to this one."""
        kind = kind_of(node)
        if kind in _NOTHING:
            return node.args[0], []
        if kind in _ACTIVATIONS:
            return node.args[0], [{"type": _ACTIVATIONS[kind]}]
        reader: Callable[[Any], tuple[Any, list[dict[str, Any]]]] | None = getattr(self, f"_read_{kind}", None)
        if reader is None:
            raise self._refused(node, f"is {kind}, for which the engine has no layer")
        return reader(node)

    # One function for each operation.

    def _read_linear(self, node: Any) -> tuple[Any, list[dict[str, Any]]]:
        if _rank(node.args[0]) != 2:
            raise self._refused(node, "is a map of the last of several axes")
        name, weight, bias = self._weights(node, 1)
        return node.args[0], [{"type": "linear", "name": name, "out_features": weight.shape[0], "bias": bias}]

    def _read_conv2d(self, node: Any) -> tuple[Any, list[dict[str, Any]]]:
        name, weight, bias = self._weights(node, 1)
        stride, padding, dilation, groups = _with_defaults(node.args[3:], [1, 1], [0, 0], [1, 1], 1)
        if groups != 1:
            raise self._refused(node, f"is a convolution in {groups} groups; the engine has those of one")
        if _one(dilation) != 1:
            raise self._refused(node, "is a dilated convolution")
        window = self._window(node, weight.shape[2:], stride, padding)
        return node.args[0], [
            {"type": "conv2d", "name": name, "out_channels": weight.shape[0], **window, "bias": bias}
        ]

    def _read_batch_norm(self, node: Any) -> tuple[Any, list[dict[str, Any]]]:
        x, weight, bias, mean, _, training, _, eps, *_ = node.args
        if _rank(x) not in (2, 4):
            raise self._refused(node, "is a batch normalisation of sequences")
        known = [self._tensors.get(getattr(part, "name", None)) for part in (weight, bias, mean)]
        owner = next((known_name.rsplit(".", 1)[0] for known_name in known if known_name and "." in known_name), None)
        if owner is None:
            raise self._refused(node, "is a batch normalisation without a module of its own")
        affine = weight is not None
        self._used.update(f"{owner}.{part}" for part in ("running_mean", "running_var"))
        if affine:
            self._used.update(f"{owner}.{part}" for part in ("weight", "bias"))
        return x, [{"type": "batchnorm", "name": owner, "eps": eps, "affine": affine, "_batch": bool(training) or owner in self._by_batch}]

    def _read_gelu(self, node: Any) -> tuple[Any, list[dict[str, Any]]]:
        return node.args[0], [{"type": "gelu", "approximate": node.kwargs.get("approximate", "none")}]

    def _read_softplus(self, node: Any) -> tuple[Any, list[dict[str, Any]]]:
        beta, threshold = _with_defaults(node.args[1:], 1, 20)
        if beta != 1 or threshold != 20:
            raise self._refused(node, f"is a softplus with beta {beta} and threshold {threshold}; the engine has 1 and 20")
        return node.args[0], [{"type": "softplus"}]

    def _read_max_pool2d(self, node: Any) -> tuple[Any, list[dict[str, Any]]]:
        kernel = node.args[1]
        stride, padding, dilation, ceil = _with_defaults(node.args[2:], kernel, 0, 1, False)
        if _one(dilation) != 1 or ceil:
            raise self._refused(node, "is a pool that is dilated or rounds sizes up")
        return node.args[0], [{"type": "maxpool", **self._window(node, kernel, stride or kernel, padding)}]

    def _read_avg_pool2d(self, node: Any) -> tuple[Any, list[dict[str, Any]]]:
        kernel = node.args[1]
        stride, padding, ceil, counted, divisor = _with_defaults(node.args[2:], kernel, 0, False, True, None)
        if ceil or divisor is not None or (not counted and _one(padding) != 0):
            raise self._refused(node, "is a mean over windows that rounds sizes up or counts in its own way")
        return node.args[0], [{"type": "avgpool", **self._window(node, kernel, stride or kernel, padding)}]

    def _read_adaptive_avg_pool2d(self, node: Any) -> tuple[Any, list[dict[str, Any]]]:
        got, wanted = node.args[0].meta["val"].shape[-2:], list(node.args[1])
        if wanted == [1, 1]:
            return node.args[0], [{"type": "global_avgpool"}]
        if got[0] != got[1] or wanted[0] != wanted[1] or got[0] % wanted[0] != 0:
            raise self._refused(node, f"takes images of {tuple(got)} to {tuple(wanted)} by windows of unequal size")
        side = int(got[0] // wanted[0])
        window = {"kernel_size": side, "stride": side, "padding": 0}
        return node.args[0], [] if side == 1 else [{"type": "avgpool", **window}]

    def _read_mean(self, node: Any) -> tuple[Any, list[dict[str, Any]]]:
        axes = sorted(axis % 4 for axis in node.args[1]) if node.args[0].meta["val"].dim() == 4 else []
        if axes != [2, 3]:
            raise self._refused(node, "is a mean over other axes than the rows and columns of an image")
        keep = len(node.args) > 2 and node.args[2]
        return node.args[0], [{"type": "global_avgpool"}] + ([] if keep else [{"type": "flatten"}])

    def _read_flatten(self, node: Any) -> tuple[Any, list[dict[str, Any]]]:
        before, after = node.args[0].meta["val"].shape, node.meta["val"].shape
        if tuple(before) == tuple(after):
            return node.args[0], []
        if len(after) != 2 or before[0] != after[0]:
            raise self._refused(node, f"reshapes {tuple(before)} to {tuple(after)}; the engine flattens a sample to features")
        # Samples with axes are features to a network that begins so.
        return node.args[0], [{"type": "flatten"}]

    _read_view = _read_reshape = _read__unsafe_view = _read_squeeze = _read_flatten

    def _read_dropout(self, node: Any) -> tuple[Any, list[dict[str, Any]]]:
        p, training = node.args[1], node.args[2]
        if training and p > 0:
            tell_of_dropout(self._name)
        return node.args[0], [{"type": "dropout", "p": float(p)}]

    _read_feature_dropout = _read_dropout

    def _read_log_softmax(self, node: Any) -> tuple[Any, list[dict[str, Any]]]:
        if node.args[1] not in (1, -1) or node.meta["val"].dim() != 2:
            raise self._refused(node, "is a log_softmax over other axes than the classes")
        return node.args[0], [{"type": "log_softmax"}]

    def _read_add(self, node: Any) -> tuple[Any, list[dict[str, Any]]]:
        if node.kwargs.get("alpha", 1) != 1:
            raise self._refused(node, "is a weighted sum")
        value, constant, _ = self._with_constant(node)
        if constant is not None:
            return value, [{"type": "scale", "scale": [1.0], "shift": constant}]
        first, second = node.args[0], node.args[1]
        one, other = self._spine(first), self._spine(second)
        fork = next((node for node in one if node in set(other)), None)
        if fork is None:
            raise self._refused(node, "adds values that have no input in common")
        main, shortcut = self._between(fork, first), self._between(fork, second)
        if not main:
            main, shortcut = shortcut, main
        if not main:
            return fork, [{"type": "scale", "scale": [2.0], "shift": [0.0]}]
        return fork, [{"type": "residual", "main": main, "shortcut": shortcut}]

    def _read_sub(self, node: Any) -> tuple[Any, list[dict[str, Any]]]:
        value, constant, swapped = self._with_constant(node)
        if constant is None or node.kwargs.get("alpha", 1) != 1:
            raise self._refused(node, "subtracts what is no constant")
        if swapped:
            return value, [{"type": "scale", "scale": [-1.0], "shift": constant}]
        return value, [{"type": "scale", "scale": [1.0], "shift": [-number for number in constant]}]

    def _read_rsub(self, node: Any) -> tuple[Any, list[dict[str, Any]]]:
        value, constant, _ = self._with_constant(node)
        if constant is None or _with_defaults(node.args[2:], 1)[0] != 1:
            raise self._refused(node, "subtracts from what is no constant")
        return value, [{"type": "scale", "scale": [-1.0], "shift": constant}]

    def _read_mul(self, node: Any) -> tuple[Any, list[dict[str, Any]]]:
        value, constant, _ = self._with_constant(node)
        if constant is None:
            raise self._refused(node, "multiplies what is no constant")
        return value, [{"type": "scale", "scale": constant, "shift": [0.0]}]

    def _read_div(self, node: Any) -> tuple[Any, list[dict[str, Any]]]:
        value, constant, swapped = self._with_constant(node)
        if constant is None or swapped or node.kwargs.get("rounding_mode") is not None:
            raise self._refused(node, "divides by what is no constant")
        return value, [{"type": "scale", "scale": [1.0 / number for number in constant], "shift": [0.0]}]

    def _read_neg(self, node: Any) -> tuple[Any, list[dict[str, Any]]]:
        return node.args[0], [{"type": "scale", "scale": [-1.0], "shift": [0.0]}]

    # Parts of nodes.

    def _spine(self, node: Any) -> list[Any]:
        """The nodes that all of a value passes through, from the value back to the input."""
        spine = [node]
        while node is not self._input:
            node = self._before(node)
            spine.append(node)
        return spine

    def _before(self, node: Any) -> Any:
        """The nearest node that all of a value passes through. It is looked for once: otherwise every residual block would double
        the work."""
        if node not in self._found_before:
            if getattr(node, "op", None) != "call_function":
                raise self._refused(node, "does not follow from the module's input alone")
            value, constant, _ = self._with_constant(node)
            if kind_of(node) == "add" and constant is None:
                other = set(self._spine(node.args[1]))
                value = next((n for n in self._spine(node.args[0]) if n in other), self._input)
            self._found_before[node] = value
        return self._found_before[node]

    def _weights(self, node: Any, place: int) -> tuple[str, Any, bool]:
        """The name that weight and bias have in common, the weight, and whether there is a bias."""
        weight = self._tensors.get(node.args[place].name)
        bias_node = node.args[place + 1] if len(node.args) > place + 1 else None
        bias = None if bias_node is None else self._tensors.get(bias_node.name)
        if weight is None or (bias_node is not None and bias is None):
            raise self._refused(node, "has weights that are no parameters, but follow from others")
        name = weight.removesuffix(".weight")
        if name == weight or (bias is not None and bias != f"{name}.bias"):
            raise self._refused(node, f"has parameters with names of their own: {weight}{'' if bias is None else ', ' + bias}")
        if weight in self._used:
            raise self._refused(node, f"uses {weight} a second time")
        self._used.update(part for part in (weight, bias) if part is not None)
        return name, node.args[place].meta["val"], bias is not None

    def _with_constant(self, node: Any) -> tuple[Any, list[float] | None, bool]:
        """Of an operation on two values the one that is no constant, the constant if there is one, and whether it is first."""
        first, second = (*node.args, None)[:2]
        constant = self._constant(second, first)
        if constant is None and (swapped := self._constant(first, second)) is not None:
            return second, swapped, True
        return first, constant, False

    def _constant(self, value: Any, other: Any) -> list[float] | None:
        """The numbers of a constant that is used with another tensor: one, or one for each of its features or channels; None
        for what is none."""
        if isinstance(value, (int, float)):
            return [float(value)]
        tensor = self._constants.get(getattr(value, "name", None))
        if tensor is None or not hasattr(other, "meta"):
            return None
        rank = _rank(other)
        axes = [rank - tensor.dim() + axis for axis, n in enumerate(tensor.shape) if n != 1]
        # Axis 1 has the features or channels.
        return [float(v) for v in tensor.detach().double().flatten()] if axes in ([], [1]) and rank in (2, 4) else None

    def _window(self, node: Any, kernel: Any, stride: Any, padding: Any) -> dict[str, int]:
        if isinstance(padding, str):
            raise self._refused(node, f'has the padding "{padding}"; the engine takes numbers')
        shape = node.args[0].meta["val"].shape
        if len(shape) != 4 or shape[2] != shape[3]:
            raise self._refused(node, "is of images that are not square")
        sides = [_one(part) for part in (kernel, stride, padding)]
        if None in sides:
            raise self._refused(node, "has a window that is not square")
        return dict(zip(("kernel_size", "stride", "padding"), (int(side) for side in sides if side is not None)))

    def _refused(self, node: Any, why: str) -> UnsupportedModelError:
        return refused(node, why, self._name)


def _with_defaults(given: Sequence[Any], *defaults: Any) -> list[Any]:
    return [*given, *defaults[len(given) :]]


def _one(pair: Any) -> int | None:
    """The number that both sides of a window have."""
    sides = set(pair) if isinstance(pair, (list, tuple, torch.Size)) else {pair}
    return int(sides.pop()) if len(sides) == 1 else None


def _rank(node: Any) -> int:
    """The number of axes of a tensor."""
    return len(node.meta["val"].shape)
