"""A program of :func:`torch.export.export` as the graph of operations that the native engine takes.

Every aten operation has a function in one of the modules ``_aten_*``, which writes it down as operations of the graph. Numbers
that do not depend on the input or on a parameter are computed here, by PyTorch, and become constants.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.fx import Node
from torch.fx.node import map_arg

from heigen._errors import UnsupportedModelError
from heigen.torch._export._program import INSTEAD, Program, is_in_place, kind_of, refused

__all__ = ["Const", "Graph", "Operand", "Value", "broadcast", "reads", "writes_down"]

#: The largest constant that stands in the graph itself; larger ones are tensors of the weights.
_INLINE = 64
#: Settings of aten operations that change no number that the engine knows of.
_HARMLESS = {
    "dtype", "layout", "device", "pin_memory", "memory_format", "non_blocking", "copy", "momentum", "cudnn_enabled",
    "cudnn_enable", "scale_grad_by_freq", "sparse", "implicit", "half_to_float", "return_indices", "masked_grad",
    "path",
}  # fmt: skip
#: Functions that write an aten operation down, by its name.
_READERS: dict[str, Callable[..., Any]] = {}


_Reader = TypeVar("_Reader", bound=Callable[..., Any])


def reads(*names: str) -> Callable[[_Reader], _Reader]:
    """Declares a function as the reader of aten operations.

    It gets the graph and the operation's arguments by their names (``x`` for ``self`` and ``input``). An argument that it
    does not take must have its default.
    """

    def declared(reader: _Reader) -> _Reader:
        for name in names:
            assert name not in _READERS, name
            _READERS[name] = reader
        return reader

    return declared


def writes_down(kind: str) -> bool:
    """Whether an aten operation of this name has a reader."""
    return kind in _READERS


@dataclass(frozen=True)
class Value:
    """A tensor that a node of the graph makes, or the input, or a parameter."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype = torch.float64
    #: Whether it depends on a parameter.
    varies: bool = True
    #: Whether it is a parameter as it is.
    is_parameter: bool = False


@dataclass(frozen=True)
class Const:
    """A tensor that does not depend on the input or on a parameter."""

    tensor: Tensor
    #: The name of the buffer that it is.
    buffer: str | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.tensor.shape)

    @property
    def dtype(self) -> torch.dtype:
        return self.tensor.dtype

    @property
    def varies(self) -> bool:
        return False


Operand = Value | Const


class Graph:
    """The graph while it is being written."""

    def __init__(self, program: Program, model: nn.Module) -> None:
        self._program, self._model, self._name = program, model, program.name
        self.nodes: list[dict[str, Any]] = []
        #: Tensors of the weights that are no parameters, and what they are in the module.
        self.buffers: dict[str, NDArray[np.float64]] = {}
        self.used: set[str] = set()
        self._taken = {"x", *dict(model.named_parameters(remove_duplicate=False)), *dict(model.named_buffers())}
        self._constants: dict[tuple[tuple[int, ...], bytes], str] = {}
        self._known: dict[Node, Any] = {}
        #: The aten operation that is being written down.
        self.node: Any = None

    # What readers use.

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the tensor that the operation makes."""
        return tuple(self.node.meta["val"].shape)

    @property
    def dtype(self) -> torch.dtype:
        """The type of the tensor that the operation makes."""
        made: torch.dtype = self.node.meta["val"].dtype
        return made

    def emit(
        self, op: str, *inputs: Operand | None, shape: Sequence[int] | None = None, dtype: torch.dtype | None = None, **settings: Any
    ) -> Value:
        """Writes an operation of the graph down; without ``shape`` it makes the tensor of the aten operation."""
        name, n = str(self.node.name), 1
        while name in self._taken:
            name, n = f"{self.node.name}.{n}", n + 1
        self._taken.add(name)
        names = [self._named(one) if one is not None else "" for one in inputs]
        while names and not names[-1]:
            names.pop()
        made = self.node.meta["val"]
        sizes = tuple(int(n) for n in (made.shape if shape is None else shape))
        if op in ("reshape", "expand"):
            settings["shape"] = list(sizes)
        self.nodes.append({"id": name, "op": op, "inputs": names, **settings})
        own = made.dtype if isinstance(made, Tensor) else torch.float64
        return Value(name, sizes, dtype or own, any(one is not None and one.varies for one in inputs))

    def operand(self, value: Any) -> Operand:
        """A tensor or a number as a tensor."""
        if isinstance(value, (bool, int, float)):
            return Const(torch.tensor(value, dtype=torch.float64 if isinstance(value, float) else None))
        if not isinstance(value, (Value, Const)):
            raise self.refused(f"takes {value!r}, which is no tensor of real numbers")
        return value

    def reshaped(self, x: Operand, shape: Sequence[int]) -> Operand:
        """The same numbers in another shape."""
        shape = tuple(int(n) for n in shape)
        if isinstance(x, Const):
            return x if x.shape == shape else Const(x.tensor.reshape(shape))
        return x if x.shape == shape else self.emit("reshape", x, shape=shape, dtype=x.dtype)

    def permuted(self, x: Operand, order: Sequence[int]) -> Operand:
        """The tensor with its axes in another order."""
        order = [axis % len(x.shape) for axis in order]
        if isinstance(x, Const):
            return Const(x.tensor.permute(order))
        if order == sorted(order):
            return x
        return self.emit("transpose", x, shape=[x.shape[axis] for axis in order], dtype=x.dtype, permutation=order)

    def expanded(self, x: Operand, shape: Sequence[int]) -> Operand:
        """The tensor repeated to a shape."""
        shape = tuple(int(n) for n in shape)
        if isinstance(x, Const):
            return Const(x.tensor.expand(shape))
        return x if x.shape == shape else self.emit("expand", x, shape=shape, dtype=x.dtype)

    def piece(self, x: Operand, axis: int, start: int, length: int, step: int = 1) -> Operand:
        """Every ``step``-th entry along an axis."""
        axis %= len(x.shape)
        if isinstance(x, Const):
            return Const(x.tensor.index_select(axis, start + step * torch.arange(length)))
        if (start, length, step) == (0, x.shape[axis], 1):
            return x
        shape = [*x.shape[:axis], length, *x.shape[axis + 1 :]]
        return self.emit("slice", x, shape=shape, dtype=x.dtype, axis=axis, start=start, length=length, step=step)

    def binary(self, op: str, a: Any, b: Any, dtype: torch.dtype | None = None, **settings: Any) -> Value:
        """An operation on two tensors, whose shapes are broadcast."""
        a, b = self.operand(a), self.operand(b)
        shape = broadcast(a.shape, b.shape)
        return self.emit(op, a, b, shape=shape, dtype=dtype or torch.promote_types(a.dtype, b.dtype), **settings)

    def unary(self, op: str, x: Operand, dtype: torch.dtype | None = None, **settings: Any) -> Value:
        """An operation on every number of a tensor."""
        return self.emit(op, x, shape=x.shape, dtype=dtype or x.dtype, **settings)

    def refused(self, why: str) -> UnsupportedModelError:
        """The error of the operation that is being written down."""
        return refused(self.node, why, self._name)

    def statistics(self, owner: str | None, channels: int) -> list[Operand]:
        """Running statistics that a normalisation by the batch does not use: those of a module, or others in their place."""
        names = [f"{owner or self.node.name}.running_{which}" for which in ("mean", "var")]
        known = dict(self._model.named_buffers())
        for name, number in zip(names, (0.0, 1.0)):
            self.buffers[name] = _array(known[name]) if name in known else np.full(channels, number)
        return [Value(name, (channels,), varies=False) for name in names]

    def numbers(self, parameter: Value) -> Tensor:
        """The numbers that a parameter has now."""
        return dict(self._model.named_parameters())[parameter.name].detach().to("cpu", torch.float64)

    @property
    def by_batch(self) -> set[str]:
        """The paths of the modules that normalise by the statistics of the batch."""
        return self._program.by_batch

    @property
    def module_name(self) -> str:
        """The class of the module."""
        return self._name

    # The whole program.

    def read(self, inputs: dict[str, str], constants: dict[str, Const], entry: Node, output: Node) -> Value:
        """Writes down all that leads from the module's input to its output, which is returned. ``inputs`` are the names of
        the parameters by those of the program, ``constants`` its other tensors."""
        wanted: set[Node] = set()
        open_ends = [output]
        while open_ends:
            node = open_ends.pop()
            if node not in wanted:
                wanted.add(node)
                open_ends += node.all_input_nodes
        for node in self._program.exported.graph.nodes:
            if node in wanted:
                self.node = node
                self._known[node] = self._value(node, inputs, constants, entry)
        self.node = output
        made = self._known[output]
        if not isinstance(made, Value):
            raise UnsupportedModelError(f"the output does not depend on the input or on a parameter; {INSTEAD}", self._name)
        return made

    def _value(self, node: Node, inputs: dict[str, str], constants: dict[str, Const], entry: Node) -> Any:
        if node is entry:
            made = node.meta["val"]
            return Value("x", tuple(made.shape), made.dtype, False)
        if node.op == "placeholder":
            if node.name in inputs:
                made = node.meta["val"]
                return Value(inputs[node.name], tuple(made.shape), made.dtype, is_parameter=True)
            return constants[node.name]
        if node.op != "call_function":
            raise self.refused("is no operation on tensors")
        given: Any = map_arg((node.args, node.kwargs), self._known.__getitem__)
        args, kwargs = given
        if node.target is operator.getitem:
            part = args[0][args[1]]
            if part is None:
                raise self.refused("is a second result of an operation, of which the engine knows only the first")
            return part
        return self._operation(node, args, kwargs)

    def _operation(self, node: Node, args: Any, kwargs: Any) -> Any:
        kind = kind_of(node)
        schema = getattr(node.target, "_schema", None)
        if schema is None or str(schema.name).split("::")[0] != "aten":
            raise self.refused(f"is {str(node.target).removeprefix('torch.ops.')}, which is no operation of a graph")
        if is_in_place(node):
            raise self.refused(f"({schema.name}) changes a tensor in place")
        tensors = _leaves((args, kwargs))
        if not any(isinstance(one, Value) for one in tensors):
            return self._computed(node, args, kwargs)
        reader = _READERS.get(kind)
        if reader is None:
            raise self.refused(f"is aten.{kind}, for which the engine has no operation")
        if any(one.dtype.is_complex for one in tensors):
            raise self.refused(f"is aten.{kind} of complex numbers")
        bound = {argument.name: value for argument, value in zip(schema.arguments, args)} | dict(kwargs)
        accepted = inspect.signature(reader).parameters
        given = {}
        for argument in schema.arguments:
            name = {"self": "x", "input": "x", "g": "length"}.get(argument.name, argument.name)
            value = bound.get(argument.name, argument.default_value if argument.has_default_value() else None)
            if name in accepted:
                given[name] = value
            elif name not in _HARMLESS and argument.name in bound and value != argument.default_value:
                raise self.refused(f"is aten.{kind} with {argument.name} = {value}, which the engine does not have")
        return reader(self, **given)

    def _computed(self, node: Node, args: Any, kwargs: Any) -> Any:
        """The value of an operation on constants, by PyTorch."""
        target: Any = node.target
        if torch.Tag.nondeterministic_seeded in target.tags:
            raise self.refused("is random")
        kwargs = {key: torch.device("cpu") if key == "device" else value for key, value in kwargs.items()}
        args, kwargs = _mapped((args, kwargs), lambda const: const.tensor)
        with torch.no_grad():
            return _mapped(target(*args, **kwargs), Const)

    def _named(self, value: Operand) -> str:
        """The name of a tensor in the graph; constants are put there."""
        if isinstance(value, Value):
            return value.name
        if value.buffer is not None:
            name = value.buffer
            self.buffers[name] = _array(dict(self._model.named_buffers())[name])
            return name
        array = _array(value.tensor)
        numbers = array.flatten()
        same = len(numbers) > 0 and bool(np.all(numbers.view(np.int64) == numbers.view(np.int64)[0]))
        key = array.shape, numbers[:1].tobytes() if same else numbers.tobytes()
        if key not in self._constants:
            name, n = f"{self.node.name}.constant", 1
            while name in self._taken:
                name, n = f"{self.node.name}.constant{n}", n + 1
            self._taken.add(name)
            self._constants[key] = name
            if same or len(numbers) <= _INLINE:
                values = [_real(number) for number in (numbers[:1] if same else numbers)]
                self.nodes.append({"id": name, "op": "constant", "shape": list(array.shape), "values": values})
            else:
                self.buffers[name] = array
        return self._constants[key]


def broadcast(*shapes: Sequence[int]) -> tuple[int, ...]:
    """The shape of tensors of several shapes together."""
    return tuple(np.broadcast_shapes(*(tuple(shape) for shape in shapes)))


def _array(tensor: Tensor) -> NDArray[np.float64]:
    return np.array(tensor.detach().to("cpu", torch.float64).numpy(), order="C")


def _real(number: float) -> float | str:
    number = float(number)
    return number if np.isfinite(number) else "nan" if np.isnan(number) else "inf" if number > 0 else "-inf"


def _leaves(tree: Any) -> list[Operand]:
    if isinstance(tree, (Value, Const)):
        return [tree]
    parts = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, (list, tuple)) else ()
    return [leaf for part in parts for leaf in _leaves(part)]


def _mapped(tree: Any, of: Callable[[Any], Any]) -> Any:
    """A tree of lists, tuples and dictionaries with its tensors replaced."""
    if isinstance(tree, (Const, Tensor)):
        return of(tree)
    if isinstance(tree, dict):
        return {key: _mapped(value, of) for key, value in tree.items()}
    return type(tree)(_mapped(value, of) for value in tree) if isinstance(tree, (list, tuple)) else tree
