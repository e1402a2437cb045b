"""A module as layers of the native engine: its graph by :func:`torch.export.export`, its tensors under their own names.

The parameters are those that are trained: nothing is folded. What the engine has no layer for is named and refused.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from heigen._errors import InputError, UnsupportedModelError, Warning

__all__ = ["Chain", "chain", "loss_of"]

_INSTEAD = "heigen.torch.Hessian takes any module"
_ACTIVATIONS = {"relu": "relu", "relu_": "relu", "tanh": "tanh", "tanh_": "tanh", "sigmoid": "sigmoid"}
#: Operations that hand on what they get.
_NOTHING = {"contiguous", "clone", "detach", "alias", "lift_fresh_copy", "_assert_tensor_metadata"}


@dataclass
class Chain:
    """A network as the engine takes it."""

    #: What the module is called in messages and names of results.
    name: str
    #: The layers, as the file of an architecture lists them.
    architecture: dict[str, Any]
    #: Parameters and statistics in float64 under the names of the state dict.
    tensors: dict[str, NDArray[np.float64]]
    #: The names of the parameters in the module's own order.
    order: list[str]
    #: The names of the parameters that are trained; all others are frozen.
    trained: list[str]
    #: C, the number of classes: two for a single output.
    n_classes: int
    #: Sentences about how the module was read.
    notes: list[str] = field(default_factory=list)


def chain(model: nn.Module, example: torch.Tensor) -> Chain:
    """The layers of ``model``; ``example`` is a batch of one or two inputs."""
    if isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
        model = model.module
    name = type(model).__name__
    parameters = dict(model.named_parameters(remove_duplicate=False))
    _refuse_tied(name, parameters)
    if not parameters:
        raise InputError("the module has no parameters", name)
    graph = _exported(model, example)
    notes: list[str] = []
    reader = _Reader(graph, model, notes)
    layers, used = reader.read()
    unused = [p for p in parameters if p not in used]
    if unused:
        raise UnsupportedModelError(
            f"the parameters {', '.join(unused[:5])} take no part in the output, so that nothing is known about them; {_INSTEAD}",
            name,
        )
    statistics = dict(model.named_buffers())
    tensors = {
        key: value.detach().to("cpu", torch.float64).numpy().copy(order="C")
        for key, value in {**parameters, **statistics}.items()
        if key in used and value is not None
    }
    architecture: dict[str, Any] = {"layers": layers}
    norms = [layer for layer in _all(layers) if layer["type"] == "batchnorm"]
    if norms:
        batch = norms[0].pop("_batch")
        if any(layer.pop("_batch") != batch for layer in norms[1:]):
            raise UnsupportedModelError(
                f"some batch normalisations take the statistics of the batch and some those of the training; {_INSTEAD}", name
            )
        architecture["batchnorm"] = "batch" if batch else "running"
        if batch:
            warnings.warn(
                f"{name} is in training mode: batch normalisation takes the statistics of all samples as one batch; "
                "model.eval() takes those of the training",
                Warning,
                stacklevel=4,
            )
    trained = [key for key, value in parameters.items() if value.requires_grad]
    return Chain(name, architecture, tensors, list(parameters), trained, max(reader.n_outputs, 2), notes)


def _refuse_tied(name: str, parameters: dict[str, nn.Parameter]) -> None:
    seen: dict[int, str] = {}
    for key, value in parameters.items():
        if id(value) in seen:
            raise UnsupportedModelError(
                f"{seen[id(value)]} and {key} are one parameter (tied weights), and layers of the engine have weights of "
                f"their own; {_INSTEAD}",
                name,
            )
        seen[id(value)] = key


def _exported(model: nn.Module, example: torch.Tensor) -> Any:
    name = type(model).__name__
    first = next(model.parameters())
    # Buffers and gradients of the user's module stay as they are.
    twin = copy.deepcopy(model)
    # Samples in integers are numbers to most networks, and places in a table to some.
    dtypes = [first.dtype] if example.is_floating_point() else [example.dtype, first.dtype]
    for dtype in dtypes:
        try:
            with warnings.catch_warnings(), torch.no_grad():
                warnings.simplefilter("ignore")
                return torch.export.export(twin, (example.to(first.device, dtype),), strict=False)
        except Exception as error:
            failed = error
    said = (str(failed).strip() or type(failed).__name__).splitlines()[0]
    raise UnsupportedModelError(f"torch.export cannot follow the module: {said}; {_INSTEAD}", name) from failed


def _all(layers: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for layer in layers:
        found.append(layer)
        found += _all(layer.get("main", ())) + _all(layer.get("shortcut", ()))
    return found


class _Reader:
    """Reads the nodes of a graph back from its output to its input."""

    def __init__(self, program: Any, model: nn.Module, notes: list[str]) -> None:
        signature = program.graph_signature
        self._tensors = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
        constants = getattr(signature, "inputs_to_lifted_tensor_constants", {})
        self._constants = {key: program.constants[value] for key, value in constants.items()}
        for key, value in signature.inputs_to_buffers.items():
            self._constants[key] = dict(model.named_buffers()).get(value)
        self._model, self._notes, self._name = model, notes, type(model).__name__
        nodes = list(program.graph.nodes)
        inputs = set(signature.user_inputs)
        entry = [node for node in nodes if node.op == "placeholder" and node.name in inputs]
        output = next(node for node in nodes if node.op == "output").args[0]
        wanted = [o for o in output if getattr(o, "name", None) in set(signature.user_outputs)]
        if len(entry) != 1 or len(wanted) != 1:
            raise UnsupportedModelError(f"the engine's networks have one input and one output; {_INSTEAD}", self._name)
        self._input, self._output = entry[0], wanted[0]
        shape = tuple(self._output.meta["val"].shape)
        if len(shape) != 2:
            raise UnsupportedModelError(f"the output is of shape {shape}, not one number for each class; {_INSTEAD}", self._name)
        self.n_outputs = int(shape[1])
        self._used: set[str] = set()

    def read(self) -> tuple[list[dict[str, Any]], set[str]]:
        return self._between(self._input, self._output), self._used

    def _between(self, start: Any, end: Any) -> list[dict[str, Any]]:
        """The layers whose input is the value of ``start`` and whose output is that of ``end``."""
        layers: list[dict[str, Any]] = []
        node = end
        while node is not start:
            if node.op != "call_function":
                raise self._refused(node, "does not follow from the module's input alone")
            before, added = self._layer(node)
            layers[:0] = added
            node = before
        return layers

    def _layer(self, node: Any) -> tuple[Any, list[dict[str, Any]]]:
        """The node before, and the layers that lead from it to this one."""
        kind = _kind(node)
        if kind in _NOTHING:
            return node.args[0], []
        if kind in _ACTIVATIONS:
            return node.args[0], [{"type": _ACTIVATIONS[kind]}]
        reader: Callable[[Any], tuple[Any, list[dict[str, Any]]]] | None = getattr(self, f"_read_{kind.rstrip('_')}", None)
        if reader is None:
            raise self._refused(node, f"is {kind}, for which the engine has no layer")
        return reader(node)

    # One function for each operation.

    def _read_linear(self, node: Any) -> tuple[Any, list[dict[str, Any]]]:
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
        known = [self._tensors.get(getattr(part, "name", None)) for part in (weight, bias, mean)]
        owner = next((known_name.rsplit(".", 1)[0] for known_name in known if known_name and "." in known_name), None)
        if owner is None:
            raise self._refused(node, "is a batch normalisation without a module of its own")
        affine = weight is not None
        self._used.update(f"{owner}.{part}" for part in ("running_mean", "running_var"))
        if affine:
            self._used.update(f"{owner}.{part}" for part in ("weight", "bias"))
        return x, [{"type": "batchnorm", "name": owner, "eps": eps, "affine": affine, "_batch": bool(training)}]

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
            warnings.warn(
                f"{self._name} is in training mode: its dropout is left out, since analyses are of the network as it predicts",
                Warning,
                stacklevel=8,
            )
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
            if node.op != "call_function":
                raise self._refused(node, "does not follow from the module's input alone")
            value, constant, _ = self._with_constant(node)
            if _kind(node).rstrip("_") == "add" and constant is None:
                other = set(self._spine(node.args[1]))
                node = next((n for n in self._spine(node.args[0]) if n in other), self._input)
            else:
                node = value
            spine.append(node)
        return spine

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
        constant = self._constant(second)
        if constant is None and (swapped := self._constant(first)) is not None:
            return second, swapped, True
        return first, constant, False

    def _constant(self, value: Any) -> list[float] | None:
        """The numbers of a constant, one, or one for each feature or channel; None for what is none."""
        if isinstance(value, (int, float)):
            return [float(value)]
        tensor = self._constants.get(getattr(value, "name", None))
        if tensor is None:
            return None
        shape = [n for n in tensor.shape if n != 1]
        return [float(v) for v in tensor.detach().double().flatten()] if len(shape) <= 1 else None

    def _window(self, node: Any, kernel: Any, stride: Any, padding: Any) -> dict[str, int]:
        if isinstance(padding, str):
            raise self._refused(node, f'has the padding "{padding}"; the engine takes numbers')
        sides = [_one(part) for part in (kernel, stride, padding)]
        if None in sides:
            raise self._refused(node, "has a window that is not square")
        return dict(zip(("kernel_size", "stride", "padding"), (int(side) for side in sides if side is not None)))

    def _refused(self, node: Any, why: str) -> UnsupportedModelError:
        stack = list((getattr(node, "meta", {}).get("nn_module_stack") or {}).values())
        path = stack[-1][0] if stack else ""
        where = f"{self._name}.{path}" if path else self._name
        return UnsupportedModelError(f"{getattr(node, 'name', node)} {why}; {_INSTEAD}", where)


def _kind(node: Any) -> str:
    """The name of the operation of a node, without its overload."""
    target = node.target
    return str(getattr(target, "_opname", None) or str(target).split(".")[-2 if "." in str(target) else -1])


def _with_defaults(given: Sequence[Any], *defaults: Any) -> list[Any]:
    return [*given, *defaults[len(given) :]]


def _one(pair: Any) -> int | None:
    """The number that both sides of a window have."""
    sides = set(pair) if isinstance(pair, (list, tuple, torch.Size)) else {pair}
    return int(sides.pop()) if len(sides) == 1 else None


def loss_of(loss: nn.Module) -> tuple[str, float]:
    """The engine's name of a loss of ``torch.nn``, and its label smoothing."""
    name = type(loss).__name__
    known = {
        "CrossEntropyLoss": "cross_entropy",
        "NLLLoss": "nll",
        "MSELoss": "mse",
        "MultiMarginLoss": "hinge",
        "BCEWithLogitsLoss": "cross_entropy",
    }
    if name not in known:
        raise UnsupportedModelError(f"the engine has no loss of this kind; {_INSTEAD}", name, wanted=", ".join(known))
    if getattr(loss, "reduction", "mean") != "mean":
        raise UnsupportedModelError(f"the engine's losses are means over the samples; {_INSTEAD}", name, loss.reduction, "mean")
    plain = {"weight": None, "pos_weight": None, "p": 1, "margin": 1.0, "ignore_index": -100}
    for key, value in plain.items():
        if getattr(loss, key, value) != value:
            raise UnsupportedModelError(f"the engine's loss has no {key}; {_INSTEAD}", name, getattr(loss, key))
    return known[name], float(getattr(loss, "label_smoothing", 0.0))
