"""A module as a network of the native engine: its graph by :func:`torch.export.export`, its tensors under their own names.

The parameters are those that are trained: nothing is folded. A module that is a list of the engine's layers becomes one; any other
becomes a graph of operations. What the engine has no operation for is named and refused.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from heigen._errors import InputError, UnsupportedModelError, Warning
from heigen.torch._export import _aten_layers, _aten_pointwise, _aten_shapes  # noqa: F401
from heigen.torch._export._chain import chain_of
from heigen.torch._export._graph import Const, Graph, writes_down
from heigen.torch._export._layers import layers_of
from heigen.torch._export._program import (
    INSTEAD,
    Program,
    each_sample_alone,
    exported,
    functional,
    is_in_place,
    kind_of,
    refused,
    same_derivative,
)
from heigen.torch._settings import exclusive

__all__ = ["Network", "network_of"]


@dataclass
class Network:
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


@exclusive()
def network_of(model: nn.Module, pair: torch.Tensor) -> Network:
    """The network that ``model`` is; ``pair`` is a batch of two inputs."""
    if isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
        model = model.module
    name = type(model).__name__
    everything = dict(model.named_parameters(remove_duplicate=False))
    if not everything:
        raise InputError("the module has no parameters", name)
    # Tied parameters have one name, the first.
    parameters = dict(model.named_parameters())
    first = {id(value): key for key, value in parameters.items()}
    names = {key: first[id(value)] for key, value in everything.items()}
    (architecture, used, constants), outputs, by_batch = _read(model, pair, names)
    unused = [key for key in parameters if key not in used]
    if unused:
        raise UnsupportedModelError(
            f"the parameters {', '.join(unused[:5])} take no part in the output, so that nothing is known about them; {INSTEAD}",
            name,
        )
    tensors = {
        key: value.detach().to("cpu", torch.float64).numpy().copy(order="C")
        for key, value in {**parameters, **dict(model.named_buffers())}.items()
        if key in used and value is not None
    }
    if by_batch:
        warnings.warn(
            f"{name} is in training mode: batch normalisation takes the statistics of all samples as one batch; "
            "model.eval() takes those of the training",
            Warning,
            stacklevel=6,
        )
    trained = [key for key, value in parameters.items() if value.requires_grad]
    n_outputs = int(outputs.shape[1]) if outputs.dim() > 1 else 1
    return Network(name, architecture, {**tensors, **constants}, list(parameters), trained, max(n_outputs, 2))


#: An architecture, the names of the tensors that it uses, and its constants.
_Read = tuple[dict[str, Any], set[str], dict[str, NDArray[np.float64]]]


def _read(model: nn.Module, pair: torch.Tensor, names: dict[str, str]) -> tuple[_Read, torch.Tensor, set[str]]:
    """The module in the shortest form that it has, its outputs for ``pair``, and what normalises by the statistics of the batch."""
    chain = chain_of(model, pair)
    if chain is not None:
        layers, used, outputs = chain
        return ({"layers": layers}, used, {}), outputs, set()
    program = exported(model, pair[:1])
    outputs = each_sample_alone(program, pair)
    read = _as_layers(model, program, names) or _as_graph(model, program, names, outputs)
    return read, outputs, program.by_batch


def _as_layers(model: nn.Module, program: Program, names: dict[str, str]) -> _Read | None:
    """The module as a list of layers, the names of the tensors that they use; None if it is none."""
    if len(set(names.values())) != len(names):
        return None
    try:
        layers, used = layers_of(program, model)
    except UnsupportedModelError:
        return None
    same_derivative(program, names)
    architecture: dict[str, Any] = {"layers": layers}
    batches = {layer.pop("_batch") for layer in _all(layers) if layer["type"] == "batchnorm"}
    if len(batches) > 1:
        return None
    if batches:
        architecture["batchnorm"] = "batch" if batches.pop() else "running"
    return architecture, used, {}


def _all(layers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for layer in layers:
        found.append(layer)
        found += _all(layer.get("main", [])) + _all(layer.get("shortcut", []))
    return found


def _as_graph(model: nn.Module, program: Program, names: dict[str, str], outputs: torch.Tensor) -> _Read:
    """The module as a graph of operations, the names of the tensors that it uses, and its constants."""
    unknown = _unknown(program)
    if unknown:
        try:
            program = functional(program, writes_down)
        except Exception as error:  # Whatever PyTorch makes of operations that it cannot take apart.
            why = f"is {unknown[0].target}, for which the engine has no operation"
            raise refused(unknown[0], why, program.name) from error
    same_derivative(program, names)
    signature = program.exported.graph_signature
    placeholders = {node.name: node for node in program.exported.graph.nodes if node.op == "placeholder"}
    inputs = {key: names[value] for key, value in signature.inputs_to_parameters.items()}
    held = dict(program.twin.named_buffers())
    constants = {key: Const(held[value].detach().cpu(), value) for key, value in signature.inputs_to_buffers.items()}
    for key, value in getattr(signature, "inputs_to_lifted_tensor_constants", {}).items():
        constants[key] = Const(program.exported.constants[value].detach().cpu())
    entry = [placeholders[key] for key in signature.user_inputs if key in placeholders]
    output = next(node for node in program.exported.graph.nodes if node.op == "output").args[0]
    wanted = [one for one in output if getattr(one, "name", None) in set(signature.user_outputs)]
    if len(entry) != 1 or len(wanted) != 1:
        raise UnsupportedModelError(f"the engine's networks have one input and one output; {INSTEAD}", program.name)
    graph = Graph(program, model)
    made = graph.read(inputs, constants, entry[0], wanted[0])
    # One output for each sample, in the shape that a batch of them has.
    shape = (1, *outputs.shape[1:]) if outputs.dim() > 1 else (1, 1)
    if math.prod(shape) != math.prod(made.shape):
        raise UnsupportedModelError(f"the output is of shape {made.shape}, not one for each sample; {INSTEAD}", program.name)
    last = graph.reshaped(made, shape)
    assert not isinstance(last, Const)
    nodes, taken = _needed(graph.nodes, last.name)
    used = {name for name in names.values() if name in taken}
    own = {key: value for key, value in graph.buffers.items() if key in taken}
    spec = {
        "type": "graph",
        "input_shape": list(program.example.shape) if program.example.dim() > 1 else [1],
        "parameters": [{"name": key, "shape": list(value.shape)} for key, value in model.named_parameters() if key in used],
        "buffers": [{"name": key, "shape": list(value.shape)} for key, value in own.items()],
        "nodes": nodes,
        "output": last.name,
    }
    return {"layers": [spec]}, used, own


def _unknown(program: Program) -> list[Any]:
    """The operations that nothing writes down as they are: those that change a tensor in place, and those without a reader whose
    result is not a constant."""
    signature = program.exported.graph_signature
    constant = set(signature.inputs_to_buffers) | set(getattr(signature, "inputs_to_lifted_tensor_constants", {}))
    live, found = set(), []
    for node in program.exported.graph.nodes:
        if node.op == "placeholder" and node.name not in constant:
            live.add(node)
        elif node.op == "call_function":
            if is_in_place(node):
                found.append(node)
            elif any(before in live for before in node.all_input_nodes):
                live.add(node)
                if node.users and kind_of(node) != "getitem" and not writes_down(kind_of(node)):
                    found.append(node)
    return found


def _needed(nodes: list[dict[str, Any]], output: str) -> tuple[list[dict[str, Any]], set[str]]:
    """The nodes that the output needs, and the names of all tensors that they take."""
    taken, kept = {output}, []
    for node in reversed(nodes):
        if node["id"] in taken:
            kept.append(node)
            taken |= set(node.get("inputs", []))
    return kept[::-1], taken
