"""How requests to the native engine are put into words: options as JSON, arrays as bytes, notes as warnings."""

from __future__ import annotations

import io
import json
import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from heigen._errors import InputError, Warning, WrongTypeError

__all__ = ["asked", "making", "npy", "resources", "samples_of", "told"]

#: The loss of a network's analysis under the names of torch.nn.functional as well.
LOSSES = {"nll_loss": "nll", "mse_loss": "mse", "multi_margin_loss": "hinge"}


def asked(options: Mapping[str, Any]) -> str:
    """The options of an analysis for the engine."""
    known = dict(options)
    known["samples"] = _range(known.get("samples"))
    known["density"] = _density(known.get("density"))
    for key in ("layers", "decay_only"):
        known[key] = _names(known.get(key), key)
    known["classes"] = _integers(known.get("classes"), "classes")
    if known.get("weights") is not None:
        known["weights"] = os.fspath(known["weights"])
    for key in ("trace", "diagonal"):
        if known.get(key) is True:
            known[key] = 120 if key == "trace" else 200
        elif known.get(key) is False:
            known[key] = None
    return _json({key: _plain(value) for key, value in known.items()})


def making(seed: int | None = None, pretrained: Any = None, force: bool = False, eval_every: int | None = None) -> str:
    """The options of making results for the engine."""
    pretrained = None if pretrained is None else os.fspath(pretrained)
    return _json({"seed": seed, "pretrained": pretrained, "force": force, "eval_every": eval_every})


def resources(threads: int = 0, memory: float | None = None, images: Any = None) -> str:
    """What the engine may use: threads (0: all cores), bytes of memory, the folder of the image sets."""
    images = images if images is not None else os.environ.get("HEIGEN_DATA", "data")
    return _json({"threads": threads, "memory": memory, "images": os.fspath(images)})


def _json(value: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise WrongTypeError(f"an option has a value that cannot be used: {error}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, (np.integer, np.floating)):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value


def _range(samples: Any) -> list[int] | None:
    if samples is None:
        return None
    if isinstance(samples, (int, np.integer)):
        return [0, int(samples)]
    if isinstance(samples, (range, slice)):
        if samples.step not in (None, 1) or samples.stop is None:
            raise InputError("the chosen samples are one range", "samples", samples, "range(a, b)")
        return [samples.start or 0, samples.stop]
    if isinstance(samples, Sequence) and len(samples) == 2:
        return [int(samples[0]), int(samples[1])]
    raise WrongTypeError("the chosen samples are a number or a range", "samples", type(samples).__name__)


def _density(density: Any) -> list[int] | None:
    if density is None or density is False:
        return None
    if density is True:
        return [10, 100]
    if isinstance(density, Sequence) and len(density) == 2:
        return [int(density[0]), int(density[1])]
    raise WrongTypeError("the density is True or (probes, steps)", "density", density)


def _names(names: Any, where: str) -> list[str]:
    if names is None:
        return []
    if isinstance(names, str):
        return [names]
    chosen = list(names)
    if not all(isinstance(name, str) for name in chosen):
        raise WrongTypeError("layers are chosen by names", where, chosen)
    return chosen


def _integers(values: Any, where: str) -> list[int]:
    if values is None:
        return []
    chosen = [values] if isinstance(values, (int, np.integer)) else list(values)
    if not all(isinstance(value, (int, np.integer)) for value in chosen):
        raise WrongTypeError("classes are chosen by their numbers", where, chosen)
    return [int(value) for value in chosen]


def told(notes: Sequence[tuple[bool, str]], stacklevel: int = 3) -> tuple[list[str], list[str]]:
    """The sentences of a piece of work: notes, and warnings, which are also given as such."""
    said: list[str] = []
    warned: list[str] = []
    for is_warning, text in notes:
        (warned if is_warning else said).append(text)
        if is_warning:
            warnings.warn(text, Warning, stacklevel=stacklevel)
    return said, warned


def npy(values: Any, where: str) -> bytes:
    """An array as the bytes of a .npy file."""
    made = to_numpy(values)
    if made.dtype == object or made.dtype.kind not in "fiubUS":
        raise WrongTypeError("samples are numbers, and labels numbers or texts", where, made.dtype)
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(made), allow_pickle=False)
    return buffer.getvalue()


def to_numpy(values: Any) -> Any:
    """Any array or tensor as a NumPy array in the host's memory."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        if str(values.dtype) in ("torch.bfloat16", "torch.float16"):
            values = values.float()
        return values.numpy()
    return np.asarray(values)


def samples_of(X: Any, y: Any) -> tuple[Any, Any]:
    """Features and labels as arrays: of two arrays, of a pair, of a data set or of batches."""
    if y is not None:
        return to_numpy(X), to_numpy(y)
    if isinstance(X, tuple) and len(X) == 2:
        return to_numpy(X[0]), to_numpy(X[1])
    if hasattr(X, "__array__") or hasattr(X, "detach"):
        raise InputError("there are no labels", "y", None, "one class for each sample")
    features, labels = [], []
    batches = iter(X)
    for batch in batches:
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            raise InputError("batches are pairs of samples and labels", "X", type(batch).__name__)
        one, label = to_numpy(batch[0]), to_numpy(batch[1])
        single = label.ndim == 0
        features.append(one[None] if single else one)
        labels.append(label[None] if single else label)
    if not features:
        raise InputError("there are no samples: the mean loss over none is undefined", "X")
    return np.concatenate(features), np.concatenate(labels)
