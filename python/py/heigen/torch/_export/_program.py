"""A module as the program that :func:`torch.export.export` makes of it, and checks that it is the module.

The program is of a twin of the module, in float64 where the module allows it, so that numbers which the module computes on its
way (tables of positions, masks) have all digits. The user's module stays as it is.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from heigen._errors import UnsupportedModelError, Warning

__all__ = [
    "INSTEAD", "Program", "each_sample_alone", "exported", "functional", "is_in_place", "kind_of", "refused", "same_derivative",
    "tell_of_dropout",
]  # fmt: skip

INSTEAD = "heigen.torch.Hessian takes any module"
#: How much two computations in float64 may differ, of the largest number.
_ROUNDING = 1e-6


@dataclass
class Program:
    """The program of a module for one batch."""

    #: The class of the module, for messages.
    name: str
    #: What :func:`torch.export.export` made.
    exported: Any
    #: The module that was exported.
    twin: nn.Module
    #: The batch that it was exported for.
    example: torch.Tensor
    #: The paths of the modules that normalise by the statistics of the batch, as the module stands.
    by_batch: set[str]


def exported(model: nn.Module, example: torch.Tensor) -> Program:
    """The program of ``model`` for a batch of inputs like ``example``."""
    name = type(model).__name__
    first = next(model.parameters())
    # Samples in integers are numbers to most networks, and places in a table to some. A module that does not work in float64
    # (numbers of a fixed type inside, devices without it) is taken as it is.
    kinds: list[tuple[torch.dtype, torch.dtype]] = []
    for weights in dict.fromkeys([torch.float64, first.dtype]):
        kinds += [(weights, dtype) for dtype in ([] if example.is_floating_point() else [example.dtype]) + [weights]]
    failed: Exception | None = None
    for weights, dtype in kinds:
        try:
            twin, by_batch = _twin(model, weights, name)
            inputs = example.to(first.device, dtype)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return Program(name, torch.export.export(twin, (inputs,), strict=False), twin, inputs, by_batch)
        except Exception as error:  # Modules raise whatever they like.
            failed = failed or error
    said = (str(failed).strip() or type(failed).__name__).splitlines()[0]
    raise UnsupportedModelError(f"torch.export cannot follow the module: {said}; {INSTEAD}", name) from failed


def _twin(model: nn.Module, dtype: torch.dtype, name: str) -> tuple[nn.Module, set[str]]:
    """A copy of the module as it predicts, and the paths of what normalises by statistics of the batch.

    Those take running statistics in the copy, so that batches of one sample can go through; the readers put it right.
    """
    twin = copy.deepcopy(model).to(dtype)
    by_batch = set()
    for path, module in twin.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            if module.training or module.running_mean is None:
                by_batch.add(path)
            if module.running_mean is None:
                first = next(twin.parameters())
                module.register_buffer("running_mean", first.new_zeros(module.num_features))
                module.register_buffer("running_var", first.new_ones(module.num_features))
            module.eval()
        elif isinstance(module, (nn.modules.dropout._DropoutNd, nn.RNNBase, nn.MultiheadAttention)):
            dropout = getattr(module, "p", getattr(module, "dropout", 0.0))
            if module.training and dropout > 0:
                tell_of_dropout(name)
            module.training = False
    return twin, by_batch


def tell_of_dropout(name: str) -> None:
    """Say that dropout is left out."""
    warnings.warn(
        f"{name} is in training mode: its dropout is left out, since analyses are of the network as it predicts",
        Warning,
        stacklevel=2,
    )


def functional(program: Program, known: Callable[[str], bool]) -> Program:
    """The program without operations that change a tensor in place, and with those that are not ``known`` made of smaller
    ones where PyTorch knows how."""
    from torch import _decomp

    # Older versions of PyTorch have them under another name.
    table: Any = getattr(torch.export, "default_decompositions", None) or _decomp.core_aten_decompositions
    decompositions = table()
    for target in list(decompositions):
        if known(_opname(target)):
            del decompositions[target]
    # Assignments to parts of a tensor leave copies behind, which have no derivative.
    decompositions[torch.ops.aten.copy.default] = lambda x, source, non_blocking=False: source.to(x.dtype).expand_as(x).clone()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        smaller = program.exported.run_decompositions(decompositions)
    return Program(program.name, smaller, program.twin, program.example, program.by_batch)


def each_sample_alone(program: Program, pair: torch.Tensor) -> torch.Tensor:
    """The outputs of the twin for two samples, after a check that they are those of each alone.

    ``program`` is that of the first sample alone.
    """
    pair = pair.to(program.example.device, program.example.dtype)
    with torch.no_grad():
        try:
            outputs: list[Any] = [program.twin(x) for x in (pair, pair[:1], pair[1:])]
        except Exception as error:
            said = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise UnsupportedModelError(f"the module takes one sample, but not two: {said}; {INSTEAD}", program.name) from error
    if not all(isinstance(out, torch.Tensor) for out in outputs):
        raise UnsupportedModelError(f"the engine's networks have one output; {INSTEAD}", program.name)
    both: torch.Tensor = outputs[0]
    first, second = outputs[1:]
    if both.dim() == 0 or both.shape[0] != 2 or both.numel() != 2 * first.numel():
        raise UnsupportedModelError(
            f"the output of two samples is of shape {tuple(both.shape)}, not one for each sample; {INSTEAD}", program.name
        )
    alone = torch.stack([first.flatten(), second.flatten()])
    largest = float(alone.nan_to_num(0.0, 0.0, 0.0).abs().max())
    if not torch.allclose(both.reshape(2, -1), alone, _ROUNDING, _ROUNDING * largest, equal_nan=True):
        raise UnsupportedModelError(
            f"the output of a sample depends on the other samples of its batch; {INSTEAD}", program.name
        )
    return both


def same_derivative(program: Program, names: dict[str, str]) -> None:
    """Check that the operations of the program have the derivative that the module has: parts under ``torch.no_grad`` and
    functions with a derivative of their own look like any others there. ``names`` leads from all names of a parameter to one."""

    def gradient(module: nn.Module) -> dict[str, torch.Tensor]:
        parameters = dict(module.named_parameters(remove_duplicate=False))
        different = {id(p): p for p in parameters.values()}
        with torch.enable_grad():
            for p in different.values():
                p.requires_grad_(p.is_floating_point())
            out = module(program.example)
            weights = torch.cos(torch.arange(out.numel(), dtype=out.dtype, device=out.device)).view(out.shape)
            parts = torch.autograd.grad((out * weights).sum(), list(different.values()), allow_unused=True)
        found = dict(zip(different, parts))
        total: dict[str, torch.Tensor] = {}
        for key in {id(p): key for key, p in reversed(parameters.items())}.values():
            part = found[id(parameters[key])]
            if part is not None:
                total[names[key]] = total.get(names[key], 0.0) + part
        return total

    try:
        wanted, got = gradient(program.twin), gradient(program.exported.module())
    except RuntimeError as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UnsupportedModelError(f"the module cannot be differentiated: {said}; {INSTEAD}", program.name) from error
    largest = max((float(g.abs().max()) for g in wanted.values() if g.numel()), default=0.0)
    for key in names.values():
        zero = torch.zeros(())
        off = (wanted.get(key, zero) - got.get(key, zero)).abs().max()
        if float(off) > 1e-5 * largest:
            raise UnsupportedModelError(
                f"the derivative by {key} is not that of the module's operations: a part of the module is under torch.no_grad, "
                f"or has a derivative of its own; {INSTEAD}",
                program.name,
            )


def kind_of(node: Any) -> str:
    """The name of the operation of a node, without its overload and without the underscore of those in place."""
    name = _opname(node.target)
    return name[:-1] if is_in_place(node) and name.endswith("_") else name


def _opname(target: Any) -> str:
    schema = getattr(target, "_schema", None)
    return str(schema.name).split("::")[-1] if schema is not None else str(getattr(target, "__name__", target))


def is_in_place(node: Any) -> bool:
    """Whether an operation changes one of its tensors."""
    schema = getattr(node.target, "_schema", None)
    return bool(schema is not None and schema.is_mutable)


def place_of(node: Any, name: str) -> str:
    """The module in which a node stands."""
    stack: Iterable[Any] = (getattr(node, "meta", {}).get("nn_module_stack") or {}).values()
    path = next((entry[0] for entry in reversed(list(stack)) if entry[0]), "")
    return f"{name}.{path}" if path else name


def refused(node: Any, why: str, name: str) -> UnsupportedModelError:
    """The error of an operation that the engine cannot express."""
    line = _line_of(node)
    return UnsupportedModelError(f"{getattr(node, 'name', node)} {why}{line}; {INSTEAD}", place_of(node, name))


def _line_of(node: Any) -> str:
    """The user's line that made a node, if it is known."""
    lines = [line.strip() for line in (getattr(node, "meta", {}).get("stack_trace") or "").splitlines() if line.strip()]
    own = [i for i, line in enumerate(lines) if line.startswith("File ") and "torch/nn/modules" not in line]
    if not own or own[-1] + 1 >= len(lines):
        return ""
    return f" (`{lines[own[-1] + 1][:80]}`)"
