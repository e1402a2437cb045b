"""Vectors of the length of the parameters, as users give them and get them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from heigen._errors import InputError, NotFiniteError, WrongTypeError

__all__ = ["columns", "handed_out", "vectors_of"]


def vectors_of(vectors: Any) -> Any:
    """The eigenvectors of a result that holds some; anything else as it is."""
    return getattr(vectors, "eigenvectors", vectors)


def columns(
    given: Any, length: int, dtype: torch.dtype, device: torch.device, *, where: str = "vectors", count: int | None = None
) -> Tensor:
    """Vectors [P, k] or [P] of the user's as a tensor [P, k]; of eigenpairs the eigenvectors.

    ``where`` is the name of the argument, in the plural; ``count`` is the number of vectors where there is one.
    """
    given = vectors_of(given)
    try:
        found = torch.as_tensor(given).detach().to(device, dtype)
    except (TypeError, ValueError, RuntimeError) as error:
        raise WrongTypeError(f"these are no {where} ({error})", where, type(given).__name__) from None
    shape = tuple(found.shape)
    if found.ndim == 1:
        found = found[:, None]
    if found.ndim != 2 or found.shape[0] != length or count not in (None, found.shape[1]):
        wanted = f"({length}, {'k' if count is None else count})"
        raise InputError(f"the {where} do not belong to these parameters", where, shape, wanted)
    if not bool(torch.isfinite(found).all()):
        raise NotFiniteError(f"one of the {where} has an entry that is infinite or NaN", where)
    return found


def handed_out(found: Tensor) -> Any:
    """Columns as users get them: an array where the vectors live in host memory, else the tensor."""
    return found.cpu().numpy() if found.device.type == "cpu" else found
