"""A look at a module before it is read: whether it has values, and whether it takes the samples at all."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import sys
from collections.abc import Iterator

import torch
from torch import nn

from heigen._errors import InputError, NotFiniteError
from heigen.torch._parameters import has_values, unwrap

__all__ = ["quietly", "tried"]


def tried(model: nn.Module, pair: torch.Tensor, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape of the outputs of one sample; None where outputs are no tensor with one row for each of the two samples.

    A module whose numbers are missing or not finite is refused, and so are samples on which it fails.
    """
    model = unwrap(model)
    _has_numbers(model)
    first = next(model.parameters(), None)
    if first is None:
        return None
    # Whole numbers are places in a table to some modules, and numbers to most.
    types = [first.dtype] if pair.is_floating_point() else [pair.dtype, first.dtype]
    failed: Exception | None = None
    for dtype in types:
        try:
            twin = copy.deepcopy(model).eval()
            with torch.no_grad(), torch.random.fork_rng(devices=[]):
                outputs = twin(pair.to(first.device, dtype))
        except Exception as error:  # Modules raise whatever they like.
            failed = failed or error
        else:
            rows = isinstance(outputs, torch.Tensor) and outputs.dim() > 0 and outputs.shape[0] == len(pair)
            return tuple(outputs.shape[1:]) if rows else None
    said = (str(failed).strip() or type(failed).__name__).splitlines()[0]
    got = f"{str(pair.dtype).removeprefix('torch.')} {tuple(shape)}"
    raise InputError(f"the module fails on the samples ({type(failed).__name__}: {said})", "X", got) from failed


def _has_numbers(model: nn.Module) -> None:
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        has_values(name, tensor)
    for name, parameter in model.named_parameters():
        if parameter.is_floating_point() and not bool(torch.isfinite(parameter.detach()).all()):
            raise NotFiniteError("the parameter has an entry that is infinite or NaN", f"parameter {name}")


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """PyTorch writes neither logs nor its graph of a module that it cannot follow: an error says so."""
    loggers = [logging.getLogger(name) for name in ("torch", *logging.root.manager.loggerDict) if name.startswith("torch")]
    # Setting a level would clear the caches of all loggers each time, hundreds of times here.
    disabled: list[tuple[logging.Logger, bool]] = [(one, one.disabled) for one in loggers]
    written = io.StringIO()
    try:
        for one in loggers:
            one.disabled = True
        with contextlib.redirect_stderr(written):
            yield
        # What goes well may have something to say, such as warnings.
        if written.getvalue() and sys.stderr is not None:
            sys.stderr.write(written.getvalue())
    finally:
        for one, before in disabled:
            one.disabled = before
