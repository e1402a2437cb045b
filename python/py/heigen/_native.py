"""How requests to the native engine are put into words: options as JSON, arrays as bytes, notes as warnings."""

from __future__ import annotations

import io
import json
import os
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from heigen._arguments import finite
from heigen._errors import FileError, InputError, NotDeterministicError, Warning, WrongTypeError

__all__ = ["asked", "choose_threads", "making", "npy", "resources", "samples_of", "told", "written"]

#: The loss of a network's analysis under the names of torch.nn.functional as well.
LOSSES = {
    "nll_loss": "nll", "mse_loss": "mse", "multi_margin_loss": "hinge", "l1_loss": "l1", "huber_loss": "huber",
    "smooth_l1_loss": "smooth_l1", "gaussian_nll_loss": "gaussian_nll",
    "binary_cross_entropy_with_logits": "binary_cross_entropy_with_logits",
}  # fmt: skip
#: Losses whose targets are numbers unless they are said to be classes.
REGRESSIONS = ("l1", "huber", "smooth_l1", "gaussian_nll")

#: Less memory than this is a number of something else than bytes.
_LEAST_MEMORY = 2**20

#: The number of threads of the engine where a call names none: that of heigen.set_threads; 0 is one for each processor.
_chosen_threads = 0


def asked(options: Mapping[str, Any]) -> str:
    """The options of an analysis for the engine."""
    known = dict(options)
    _check(known)
    known["samples"] = _range(known.get("samples"))
    known["density"] = _density(known.get("density"))
    for key in ("layers", "decay_only"):
        known[key] = _names(known.get(key), key)
    known["classes"] = _integers(known.get("classes"), "classes")
    if known.get("weights") is not None:
        known["weights"] = path_of(known["weights"], "weights")
    for key in ("trace", "diagonal"):
        if known.get(key) is True:
            known[key] = 120 if key == "trace" else 200
        elif known.get(key) is False:
            known[key] = None
    return json_of({key: _plain(value) for key, value in known.items()})


#: Options that are whole numbers from 1, switches, and finite numbers from 0.
_COUNTS = ("k", "batch", "trace", "diagonal")
_SWITCHES = ("by_layer", "full_basis", "matrix", "coherence", "eigenpairs")
_NUMBERS = ("tol", "weight_decay", "label_smoothing")


def _check(options: Mapping[str, Any]) -> None:
    """Refuse options by their names that the engine would refuse by its own, or take for something else."""
    for key in _COUNTS:
        value = options.get(key)
        optional = value is None or key in ("trace", "diagonal") and isinstance(value, (bool, np.bool_))
        if not optional:
            counted(value, key)
    for key in _SWITCHES:
        if key in options:
            truth(options[key], key)
    for key in _NUMBERS:
        if key in options and finite(options[key], key) < 0:
            raise InputError("the number is negative", key, options[key], "0 or more")
    for key in ("operator", "method", "which"):
        if key in options and text(options[key], key) is None:
            raise WrongTypeError("this is no text", key, None)


def making(seed: int | None = None, pretrained: Any = None, force: bool = False, eval_every: int | None = None) -> str:
    """The options of making results for the engine."""
    pretrained = None if pretrained is None else path_of(pretrained, "pretrained")
    force = truth(force, "force")
    return json_of({"seed": seed, "pretrained": pretrained, "force": force, "eval_every": eval_every})


def choose_threads(number: int) -> None:
    """Lets the engine run in so many threads wherever a call names none."""
    global _chosen_threads
    _chosen_threads = number


def resources(threads: int = 0, memory: float | None = None, images: Any = None) -> str:
    """What the engine may use: threads (0: those of set_threads), bytes of memory, the folder of the image sets."""
    threads = integer(threads, "threads")
    if not 0 <= threads <= 1024:
        raise InputError("the number of threads is out of range", "threads", threads, "0 (all cores) to 1024")
    if memory is not None and not (isinstance(memory, (int, float)) and 0 < memory < float("inf")):
        raise InputError("the memory is no number of bytes", "memory", memory, "a positive number")
    images = images if images is not None else os.environ.get("HEIGEN_DATA", "data")
    if memory is not None and memory < _LEAST_MEMORY:
        wanted = f"{memory:g} * 2**30 for so many GiB"
        raise InputError("the memory is given in bytes, and this is less than a MiB", "memory", memory, wanted)
    return json_of({"threads": threads or _chosen_threads, "memory": memory, "images": path_of(images, "images")})


def json_of(value: Any) -> str:
    """A value for the engine."""
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise WrongTypeError(f"an option has a value that cannot be used: {error}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, (np.integer, np.floating)):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value


def path_of(value: Any, where: str) -> str:
    """The text of a path."""
    try:
        text = os.fspath(value)
    except TypeError:
        raise WrongTypeError("this is no path", where, type(value).__name__, "a text or a pathlib.Path") from None
    if not isinstance(text, str) or "\0" in text or not text:
        raise WrongTypeError("this is no path", where, value, "a text or a pathlib.Path")
    return text


def items_of(value: Any, where: str, wanted: str) -> list[Any]:
    """What a list or the like holds."""
    if isinstance(value, (str, bytes, Mapping)):
        raise WrongTypeError("this is no list", where, type(value).__name__, wanted)
    try:
        return list(value)
    except TypeError:
        raise WrongTypeError("this is no list", where, type(value).__name__, wanted) from None


def text(value: Any, where: str) -> str | None:
    """A text, or None."""
    if value is None or isinstance(value, str):
        return value
    raise WrongTypeError("this is no text", where, type(value).__name__)


def texts(value: Any, where: str) -> list[str]:
    """One text or several."""
    found = [value] if isinstance(value, str) else items_of(value, where, "texts")
    if not all(isinstance(one, str) for one in found):
        raise WrongTypeError("these are no texts", where, found)
    return found


def truth(value: Any, where: str) -> bool:
    """A switch."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise WrongTypeError("this is no switch", where, type(value).__name__, "True or False")


def integer(value: Any, where: str) -> int:
    """A whole number."""
    try:
        number: int = value.__index__()
    except (AttributeError, TypeError):
        raise WrongTypeError("this is no whole number", where, type(value).__name__) from None
    if not -(1 << 62) < number < 1 << 62:
        raise InputError("the number is out of range", where, number)
    return number


def counted(value: Any, where: str) -> int:
    """A whole number from 1 that the engine's numbers hold."""
    if isinstance(value, (bool, np.bool_)) or not 1 <= integer(value, where) < 1 << 32:
        raise InputError("the number is out of range", where, value, "a whole number from 1")
    return integer(value, where)


def _range(samples: Any) -> list[int] | None:
    if samples is None:
        return None
    wanted = "a number or range(a, b)"
    if isinstance(samples, (range, slice)):
        if samples.step not in (None, 1) or samples.stop is None:
            raise InputError("the chosen samples are one range", "samples", samples, wanted)
        ends = [samples.start or 0, samples.stop]
    elif hasattr(samples, "__index__") and not getattr(samples, "shape", ()):
        ends = [0, samples]
    else:
        ends = items_of(samples, "samples", wanted)
    if len(ends) != 2:
        raise InputError("the chosen samples are one range", "samples", f"{len(ends)} numbers", wanted)
    numbers = [integer(end, "samples") for end in ends]
    if numbers[0] < 0 or numbers[1] < numbers[0]:
        raise InputError("the chosen samples are no range of them", "samples", samples, wanted)
    return numbers


def _density(density: Any) -> list[int] | None:
    if density is None or density is False:
        return None
    if density is True:
        return [10, 100]
    pair = items_of(density, "density", "True or (probes, steps)")
    if len(pair) != 2:
        raise InputError("the density takes two numbers", "density", f"{len(pair)} of them", "True or (probes, steps)")
    return [counted(number, "density") for number in pair]


def _names(names: Any, where: str) -> list[str]:
    if names is None:
        return []
    chosen = [names] if isinstance(names, str) else items_of(names, where, "names of layers or tensors")
    if not all(isinstance(name, str) for name in chosen):
        raise WrongTypeError("layers are chosen by names", where, chosen)
    if not chosen:
        raise InputError("nothing is chosen", where, "an empty list", "one name or more, or None for all")
    return [str(name) for name in chosen]


def _integers(values: Any, where: str) -> list[int]:
    if values is None:
        return []
    single = hasattr(values, "__index__") and not getattr(values, "shape", ())
    chosen = [integer(value, where) for value in ([values] if single else items_of(values, where, "numbers of classes"))]
    if not chosen:
        raise InputError("nothing is chosen", where, "an empty list", "one class or more, or None for all")
    return chosen


def told(notes: Sequence[tuple[bool, str]], stacklevel: int = 3) -> tuple[list[str], list[str]]:
    """The sentences of a piece of work: notes, and warnings, which are also given as such."""
    said: list[str] = []
    warned: list[str] = []
    for is_warning, text in notes:
        (warned if is_warning else said).append(text)
        if is_warning:
            warnings.warn(text, Warning, stacklevel=stacklevel)
    return said, warned


@contextmanager
def written(path: Any) -> Iterator[None]:
    """What keeps a file from being written, as heigen's error."""
    try:
        yield
    except OSError as error:
        raise FileError(f"the file cannot be written: {error.strerror or error}", str(path)) from None


def npy(values: Any, where: str) -> bytes:
    """An array as the bytes of a .npy file."""
    made = to_numpy(values, where)
    if made.dtype == object or made.dtype.kind not in "fiubUS":
        raise WrongTypeError("samples are numbers, and labels numbers or texts", where, made.dtype)
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(made), allow_pickle=False)
    return buffer.getvalue()


def to_numpy(values: Any, where: str = "an array") -> Any:
    """Any array or tensor as a NumPy array in the host's memory."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        if str(values.dtype) in ("torch.bfloat16", "torch.float16"):
            values = values.float()
        return values.numpy()
    try:
        found = np.asarray(values)
        # Other libraries know the machine's own order of bytes only.
        return found if found.dtype.isnative else found.astype(found.dtype.newbyteorder("="))
    except (TypeError, ValueError) as error:
        raise WrongTypeError(f"this is no array: {error}", where, type(values).__name__) from None


def samples_of(X: Any, y: Any) -> tuple[Any, Any]:
    """Features and labels as arrays: of two arrays, of a pair, of a data set or of batches."""
    if y is not None:
        return to_numpy(X, "X"), to_numpy(y, "y")
    if isinstance(X, tuple) and len(X) == 2:
        return to_numpy(X[0], "X"), to_numpy(X[1], "y")
    if hasattr(X, "__array__") or hasattr(X, "detach"):
        raise InputError("there are no labels", "y", None, "one class for each sample")
    _refuse_dropping(X)
    found = _gathered(X)
    if not isinstance(X, (list, tuple)) and iter(X) is not X:
        _refuse_others(found, _gathered(X))
    return found


def _gathered(X: Any) -> tuple[Any, Any]:
    """All samples and labels of an iterable of batches, or of single samples."""
    features, labels = [], []
    for batch in items_of(X, "X", "arrays X and y, or batches of both"):
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            raise InputError("batches are pairs of samples and labels", "X", _batch(batch), "(X, y)")
        one, label = to_numpy(batch[0], "X"), to_numpy(batch[1], "y")
        single = label.ndim == 0
        features.append(one[None] if single else one)
        labels.append(label[None] if single else label)
    if not features:
        raise InputError("there are no samples: the mean loss over none is undefined", "X")
    try:
        return np.concatenate(features), np.concatenate(labels)
    except ValueError as error:
        raise InputError(f"the batches do not fit together: {error}", "X") from None


def _batch(batch: Any) -> str:
    return f"a {type(batch).__name__} of {len(batch)}" if isinstance(batch, (tuple, list)) else f"a {type(batch).__name__}"


_SAME = "the same samples each time: no random augmentation, and no drop_last with shuffle"


def _refuse_dropping(X: Any) -> None:
    """Refuse a DataLoader that leaves out samples, others each time: the loss is the mean over all."""
    sampler, size = type(getattr(X, "sampler", None)).__name__, getattr(X, "batch_size", None)
    if not getattr(X, "drop_last", False) or "Random" not in sampler or not size or not hasattr(X, "dataset"):
        return
    try:
        left = len(X.sampler) % size
    except TypeError:
        return
    if left:
        got = f"shuffle with drop_last, which leaves out {left} samples"
        raise NotDeterministicError("the data loader gives other samples each time it is gone through", "X", got, _SAME)


def _refuse_others(found: tuple[Any, Any], again: tuple[Any, Any]) -> None:
    """Refuse samples that are others when they are gone through again, in whatever order."""
    if _checksums(found) != _checksums(again):
        count, before = len(again[1]), len(found[1])
        got = f"{count} samples, before {before}" if count != before else "other numbers in them"
        raise NotDeterministicError("the data loader gives other samples each time it is gone through", "X", got, _SAME)


def _checksums(pieces: tuple[Any, Any]) -> list[int]:
    """A number for each sample with its label that depends on all their bytes, in an order that is not that of the samples."""
    rows = zip(*(np.ascontiguousarray(piece) for piece in pieces))
    return sorted(zlib.crc32(y.tobytes(), zlib.crc32(x.tobytes())) for x, y in rows)
