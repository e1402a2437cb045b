"""Writes random graphs down, and looks at every node by PyTorch before it is kept."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any

import graph_oracle
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

#: The most parameters of a graph.
MOST_PARAMETERS = 200
#: The largest number, and the largest derivative of a node.
LARGEST = 30.0


class Refused(Exception):
    """A choice of settings that makes no node: shapes do not fit, or numbers lie at a kink or a pole."""


class Writer:
    """A graph while it is being written, with the numbers of all its tensors."""

    def __init__(self, rng: np.random.Generator, kind: str, n_samples: int) -> None:
        self.rng = rng
        size = lambda low, high: int(rng.integers(low, high))  # noqa: E731
        shapes: dict[str, Callable[[], list[int]]] = {
            "features": lambda: [1, size(3, 6)],
            "sequence": lambda: [1, size(2, 5), size(2, 5)],
            "signal": lambda: [1, size(1, 4), size(5, 9)],
            "image": lambda: [1, size(1, 3), size(4, 7), size(4, 7)],
            "tokens": lambda: [1, size(3, 6)],
        }
        self.input_shape = shapes[kind]()
        self.vocabulary = 5
        if kind == "tokens":
            self.X = rng.integers(0, self.vocabulary, (n_samples, *self.input_shape[1:])).astype(np.float64)
        else:
            # The engine takes samples as they are in float32.
            self.X = rng.standard_normal((n_samples, *self.input_shape[1:])).astype(np.float32).astype(np.float64)
        self.kind = kind
        self.parameters: list[str] = []
        self.buffers: list[str] = []
        self.tensors: dict[str, NDArray[np.float64]] = {}
        self.nodes: list[dict[str, Any]] = []
        #: The tensors of every sample.
        self.values: dict[str, list[Tensor]] = {"x": [torch.from_numpy(x).reshape(self.input_shape) for x in self.X]}
        self._names = 0

    # What operations use.

    def shape(self, name: str) -> list[int]:
        return list(self.values[name][0].shape)

    def chance(self, probability: float = 0.5) -> bool:
        return bool(self.rng.random() < probability)

    def integer(self, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, both included."""
        if high < low:
            raise Refused
        return int(self.rng.integers(low, high + 1))

    def one_of(self, *things: Any) -> Any:
        return things[int(self.rng.integers(len(things)))]

    def parameter(self, shape: Sequence[int], scale: float | None = None, around: float = 0.0) -> str:
        """A new parameter of random numbers."""
        n = math.prod(shape)
        if n + sum(self.tensors[name].size for name in self.parameters) > MOST_PARAMETERS:
            raise Refused
        scale = 1 / math.sqrt(max(n / max(shape[0] if shape else 1, 1), 1)) if scale is None else scale
        return self._tensor("weight", self.parameters, around + scale * self.rng.standard_normal(tuple(shape)))

    def buffer(self, numbers: Any) -> str:
        return self._tensor("buffer", self.buffers, np.asarray(numbers, np.float64))

    def statistics(self, mean: Any, variance: Any) -> list[str]:
        """Running statistics under the names that a module gives them."""
        stem = self._name("norm")
        names = [f"{stem}.running_mean", f"{stem}.running_var"]
        for name, numbers in zip(names, (mean, variance)):
            self._tensor(name, self.buffers, np.asarray(numbers, np.float64), name)
        return names

    def constant(self, numbers: Any) -> str:
        numbers = np.asarray(numbers, np.float64)
        values = [float(v) if math.isfinite(v) else "-inf" if v < 0 else "inf" for v in numbers.flatten()]
        if len(set(values)) == 1 and self.chance():
            values = values[:1]
        return self.node("constant", shape=list(numbers.shape), values=values)

    def given(self, numbers: Any) -> str:
        """Numbers that are not trained, as a constant or as a buffer."""
        return self.constant(numbers) if self.chance() else self.buffer(numbers)

    def node(self, op: str, *inputs: str, **settings: Any) -> str:
        """A new node, if its numbers are harmless."""
        names = list(inputs)
        while names and not names[-1]:
            names.pop()
        made = {"id": self._name("n"), "op": op, "inputs": names, **settings}
        self._look_at(made)
        self.nodes.append(made)
        return str(made["id"])

    def tried(self, op: str, x: str, optional: bool = False) -> str:
        """The output of an operation on ``x``, after as many choices of settings as it takes."""
        from graph_operations import made

        for _ in range(40):
            kept = {key: copy.copy(value) for key, value in vars(self).items() if key not in ("rng", "X")}
            try:
                return made(self, op, x)
            except Refused:
                vars(self).update(kept)
        if optional:
            return x
        raise Refused

    def head(self, x: str, n_classes: int) -> str:
        """The outputs of the network: few sums of the numbers of a tensor."""
        n = math.prod(self.shape(x))
        flat = self.node("reshape", x, shape=[1, n])
        spread = 2.0 / math.sqrt(n) * self.rng.standard_normal((n, n_classes))
        y = self.node("matmul", flat, self.buffer(spread))
        if self.chance():
            y = self.node("linear", y, self.parameter([n_classes, n_classes]), self.parameter([n_classes]) if self.chance() else "")
        if not self.parameters:
            raise Refused
        return y

    def graph(self, output: str) -> dict[str, Any]:
        """The graph of the nodes that the output needs."""
        taken, nodes = {output}, []
        for node in reversed(self.nodes):
            if node["id"] in taken:
                nodes.append(node)
                taken |= set(node.get("inputs", []))
        if not any(name in taken for name in self.parameters):
            raise Refused
        for name in [*self.parameters, *self.buffers]:
            if name not in taken:
                del self.tensors[name]
        listed = {
            key: [{"name": name, "shape": list(self.tensors[name].shape)} for name in names if name in taken]
            for key, names in (("parameters", self.parameters), ("buffers", self.buffers))
        }
        return {"type": "graph", "input_shape": self.input_shape, **listed, "nodes": nodes[::-1], "output": output}

    # Parts.

    def _name(self, stem: str) -> str:
        self._names += 1
        return f"{stem}{self._names}"

    def _tensor(self, stem: str, names: list[str], numbers: NDArray[np.float64], name: str = "") -> str:
        name = name or self._name(stem)
        names.append(name)
        self.tensors[name] = np.asarray(numbers, np.float64)
        self.values[name] = [torch.from_numpy(self.tensors[name].copy())] * len(self.X)
        return name

    def _look_at(self, node: dict[str, Any]) -> None:
        """Computes a node, and refuses it if numbers or derivatives are large, or if the derivative changes within 1e-7."""
        inputs = [self.values[name] if name else None for name in node.get("inputs", [])]

        def computed(shift: float) -> tuple[list[Tensor], list[Tensor]]:
            generator = torch.Generator().manual_seed(7)
            given = []
            for one in inputs:
                if one is None:
                    given.append(None)
                elif node["op"] in ("embedding", "gather", "where", "compare") and one is inputs[_fixed(node)]:
                    given.append([value.clone() for value in one])
                else:
                    away = [shift * torch.randn(value.shape, generator=generator, dtype=torch.float64) for value in one]
                    given.append([(value + d).requires_grad_() for value, d in zip(one, away)])
            made = _applied(node, given, len(self.X))
            leaves = [value for one in given if one is not None for value in one if value.requires_grad]
            total = torch.zeros((), dtype=torch.float64)
            for value in made:
                total = total + (value * torch.randn(value.shape, generator=generator, dtype=torch.float64)).sum()
            if not leaves or not total.requires_grad:
                return made, []
            parts = torch.autograd.grad(total, leaves, allow_unused=True, create_graph=True)
            first = [part for part in parts if part is not None and part.requires_grad]
            second: Sequence[Tensor | None] = []
            if first:
                second = torch.autograd.grad(sum(part.sum() for part in first), leaves, allow_unused=True)  # type: ignore[arg-type]
            return made, [part.detach() for part in [*parts, *second] if part is not None]

        try:
            made, derivatives = computed(0.0)
            _, near = computed(1e-7)
        except (RuntimeError, IndexError, ValueError, TypeError) as error:
            raise Refused from error
        numbers = [value.detach() for value in made]
        infinite = node["op"] in ("constant", "where") or not numbers
        if not infinite and not all(value.isfinite().all() and value.abs().max() < LARGEST for value in numbers if value.numel()):
            raise Refused
        if any(value.numel() == 0 for value in numbers) or numbers[0].numel() > 400:
            raise Refused
        for one, other in zip(derivatives, near):
            if not one.isfinite().all() or one.abs().max() > 50 * LARGEST or (one - other).abs().max() > 1e-4 * (1 + one.abs().max()):
                raise Refused
        self.values[node["id"]] = numbers


def _fixed(node: dict[str, Any]) -> int:
    """The input that has whole numbers or truth values."""
    return {"embedding": 0, "gather": 1, "where": 0, "compare": -1}[node["op"]]


def _applied(node: dict[str, Any], given: list[list[Tensor] | None], n: int) -> list[Tensor]:
    rows = [[one[i] if one is not None else None for one in given] for i in range(n)]
    if node["op"] == "batch_norm" and node.get("training"):
        return graph_oracle._batch_norm_of_the_batch(node, rows)
    return [graph_oracle._OPERATIONS[node["op"]](node, *row) for row in rows]


def settings_of(spec: dict[str, Any]) -> set[str]:
    """The operations of a graph with their settings in words, such as "conv groups > 1"."""
    found = set()
    for node in spec["layers"][0]["nodes"]:
        op, inputs = node["op"], node.get("inputs", [])
        found.add(op)
        if op not in ("add", "sub", "mul", "concat", "constant"):
            found.add(f"{op} of {len([one for one in inputs if one])} tensors")
        for key, value in node.items():
            if key in ("id", "op", "inputs", "values", "equation", "shape", "permutation", "axes", "start", "length"):
                if key == "equation":
                    found.add(f"{op} {value}")
                continue
            if isinstance(value, (bool, str)) or value is None:
                found.add(f"{op} {key} = {value}")
            elif key == "padding":
                equal = all(a == b for a, b in value)
                found.add(f"{op} padding {'none' if not any(map(any, value)) else 'equal' if equal else 'unequal'}")
            elif isinstance(value, list):
                found.add(f"{op} {len(value)} axes")
                found.add(f"{op} {key} {'equal' if len(set(value)) == 1 else 'unequal'}")
            elif key == "groups":
                found.add(f"{op} groups {'= 1' if value == 1 else '> 1'}")
            elif key == "step":
                found.add(f"{op} step {'< 0' if value < 0 else '= 1' if value == 1 else '> 1'}")
            elif key == "axis":
                found.add(f"{op} {key} {min(value, 2)}")
            else:
                found.add(f"{op} {key} given")
        if op == "batch_norm" and not node.get("training"):
            found.add("batch_norm training = False")
        if op == "constant" and any(isinstance(value, str) for value in node["values"]):
            found.add("constant of infinite numbers")
        if op in ("reduce", "layer_norm", "rms_norm"):
            found.add(f"{op} over {node['axes'] if isinstance(node['axes'], int) else len(node['axes'])} axes")
    return found
