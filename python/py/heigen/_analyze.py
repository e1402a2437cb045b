"""Requests to the native engine: analyses and operators of networks that it can express."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from heigen import _native
from heigen._analysis import Analysis
from heigen._errors import InputError, UnsupportedModelError, WrongTypeError
from heigen._heigen import Workspace
from heigen._operators import Operator
from heigen._progress import Progress, telling

__all__ = ["analyze", "operator"]

#: Keywords of :func:`analyze` that say which numbers are computed; all others say of what, or how.
_ASKED = (
    "operator", "classes", "samples", "layers", "weight_decay", "decay_only", "label_smoothing", "batch", "method", "dtype",
    "k", "which", "tol", "trace", "density", "diagonal", "by_layer", "full_basis", "matrix", "coherence", "eigenpairs",
)  # fmt: skip


def analyze(
    model: Any,
    X: Any = None,
    y: Any = None,
    *,
    loss: Any = "cross_entropy",
    loss_args: Mapping[str, Any] | None = None,
    targets: str | None = None,
    operator: str = "hessian",
    classes: Any = None,
    samples: Any = None,
    layers: Any = None,
    weight_decay: float = 0.0,
    decay_only: Any = None,
    label_smoothing: float = 0.0,
    batch: int | None = None,
    method: str = "auto",
    dtype: Any = "float64",
    k: int | None = None,
    which: str = "LA",
    tol: float = 1e-8,
    trace: int | bool | None = None,
    density: Any = False,
    diagonal: int | bool | None = None,
    by_layer: bool = False,
    full_basis: bool = False,
    matrix: bool = False,
    coherence: bool = False,
    eigenpairs: bool = True,
    standardize: bool = False,
    divide_by: int | None = None,
    channels_last: bool = False,
    class_names: Sequence[str] | None = None,
    max_gib: int | None = None,
    rename: Mapping[str, str] | None = None,
    leave_out: Sequence[str] = (),
    weights_key: str | None = None,
    name: str | None = None,
    folder: Any = None,
    force: bool = False,
    threads: int = 0,
    memory: float | None = None,
    progress: Progress = None,
) -> Analysis:
    """The spectrum of a trained network's loss, with a certificate, and all that follows from it, by the native engine.

    ``model`` is a :class:`torch.nn.Module` whose operations the engine has (others are refused by the name of the
    part that it lacks: :class:`heigen.torch.Hessian` takes any module), the path of an ONNX file, or a pair
    ``(architecture, weights)``: a dictionary of layers or the path of its JSON file, and a dictionary of arrays or the
    path of a state dict. ``X`` [N, ...] and ``y`` [N] are arrays or tensors; or ``X`` alone is a pair, an iterable of
    batches (a list or a DataLoader, gone through twice to see that it gives the same samples), or the path of a file of
    samples, for which ``y`` may be the path of a file of labels. The loss is the mean over all of them.

    ``loss`` is a loss of ``torch.nn`` with its options, or a name: "cross_entropy" (for one output the binary
    cross-entropy), "binary_cross_entropy_with_logits", "nll", "hinge", "mse", "l1", "huber", "smooth_l1", "gaussian_nll"
    (outputs are first the means, then the variances). ``loss_args`` has options of a named loss under PyTorch's names:
    weight, ignore_index, label_smoothing, reduction, pos_weight, p, margin, delta, beta, eps, full. ``targets`` says what
    ``y`` is where the loss leaves it open: "classes" [N], "numbers" [N] or [N, D], "positions" [N, L] with outputs
    [positions, classes], or "positions_classes_first". Where samples have no class, what tells classes apart is left out.
    The matrix is the Hessian, or by ``operator`` "ggn", "fisher" or "remainder"; with ``weight_decay`` mu/2 |theta|^2 is
    part of the loss. ``layers`` chooses a diagonal block by names of layers or tensors, ``classes`` and ``samples`` choose
    samples, and ``batch`` bounds the samples in memory at a time.

    Without ``k`` the whole spectrum is computed, where that is within reach; with it ``k`` eigenpairs at the end ``which``
    ("LA", "SA", "BE", "LM") by Lanczos, up to residuals of ``tol`` |A|. ``trace``, ``density``, ``diagonal`` and
    ``by_layer`` ask for estimates besides; with ``eigenpairs=False`` they are all that is computed.

    Files of samples and of weights are read up to 2 GiB of memory, or up to ``max_gib``.

    Nothing is written unless ``folder`` says where: there the command ``heigen`` finds the results, and later calls too.

    Reasons why the numbers may mislead, such as weights that are no minimum of this loss on these samples, are given as
    :class:`heigen.Warning` and stay in ``analysis.warnings``; what is worth knowing else is in ``analysis.notes``.

    Raises :class:`heigen.UnsupportedModelError` for modules that the engine cannot express, :class:`heigen.InputError`
    for arguments that do not fit together.
    """
    given = dict(locals())
    options = {key: given[key] for key in _ASKED}
    workspace, found = _taken_in(given, options)
    return _analysed(workspace, options, found, progress)


def _analysed(workspace: Workspace, options: dict[str, Any], found: _Network, progress: Progress) -> Analysis:
    with telling(progress) as tell:
        summary, record, notes = workspace.analyse(_native.asked(options), _native.making(force=found.force), tell)
    said, warned = _native.told(notes, stacklevel=4)
    notes_of, warnings_of = [*found.notes, *said], [*found.warnings, *warned]
    numbers = json.loads(summary)
    have = len(numbers.get("eigenvalues", ()))
    if options["k"] is not None and 0 < have < options["k"]:
        notes_of.append(f"{options['k']} eigenpairs were asked for, and the matrix has {have}")
    once, warned_once = list(dict.fromkeys(notes_of)), list(dict.fromkeys(warnings_of))
    return Analysis(workspace, options, record, numbers, once, warned_once, found.order)


def operator(
    model: Any, X: Any = None, y: Any = None, *, kind: str = "hessian", loss: Any = "cross_entropy", **options: Any
) -> Operator:
    """The matrix of a network that the native engine can express, as an operator for all solvers.

    Arguments are those of :func:`heigen.analyze`. Products never enter Python.
    """
    unknown = set(options) - set(_ASKED) - set(_DEFAULTS)
    if unknown:
        raise WrongTypeError(f"there is no keyword {', '.join(sorted(unknown))}", "operator")
    given = {**_DEFAULTS, **options, "model": model, "X": X, "y": y, "loss": loss}
    asked = {**{key: options[key] for key in _ASKED if key in options}, "operator": kind}
    workspace, found = _taken_in(given, asked)
    shell = Analysis(workspace, asked, "", {}, order=found.order)
    shell.summary["n_params"] = sum(b - a for _, a, b, _ in shell._tensors)
    return shell.operator()


_DEFAULTS: dict[str, Any] = {
    "standardize": False, "divide_by": None, "channels_last": False, "class_names": None, "max_gib": None,
    "rename": None, "leave_out": (), "weights_key": None, "name": None, "folder": None, "force": False, "threads": 0,
    "memory": None, "progress": None, "loss_args": None, "targets": None,
}  # fmt: skip


class _Network:
    """A network as the engine takes it in."""

    def __init__(self) -> None:
        self.origin: dict[str, Any] = {}
        self.tensors: list[tuple[str, Any]] | None = None
        #: The names of parameters in the module's own order, and of those that are frozen.
        self.order: list[str] | None = None
        self.trained: list[str] | None = None
        self.n_classes: int | None = None
        #: The shape of the outputs of a sample, of a module.
        self.outputs: tuple[int, ...] | None = None
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self.force = False


def _taken_in(given: Mapping[str, Any], options: dict[str, Any]) -> tuple[Workspace, _Network]:
    """The network and its samples in the engine's hands; ``options`` are completed by what the network says."""
    samples, data = _samples(given)
    found = _network(given["model"], None if samples is None else samples[0])
    found.force = _native.truth(given["force"], "force")
    y = None if samples is None else samples[1]
    if samples is not None:
        y = _one_hot_as_classes(y, found)
        samples = samples[0], y
    _loss(given["loss"], given["loss_args"], options, found, y)
    _fit_outputs(given["targets"], found, y)
    data["targets"] = _targets(given["targets"], found, y)
    # Squared errors of one output are of numbers, which the engine tells by the network.
    may_be_numbers = found.origin["loss"] == "mse" and y is not None and y.dtype.kind == "f"
    if y is not None and found.n_classes is not None and data["targets"] in (None, "classes") and not may_be_numbers:
        _check_labels(y, found.n_classes, found.origin["loss_args"].get("ignore_index"))
    options["dtype"] = _dtype_name(options.get("dtype", "float64"))
    if found.trained is not None and options.get("layers") is None:
        options["layers"] = found.trained
        found.notes.append("parameters without requires_grad are held fixed, as PyTorch does")
    rename = given["rename"]
    if not isinstance(rename, (Mapping, type(None))):
        raise WrongTypeError("new names of tensors are a dictionary", "rename", type(rename).__name__)
    found.origin.update(
        rename=[(str(a), str(b)) for a, b in (rename or {}).items()],
        leave_out=_native.texts(given["leave_out"], "leave_out"),
        weights_key=_native.text(given["weights_key"], "weights_key"),
        data=data,
        name=_native.text(given["name"], "name"),
        force=found.force,
    )
    pieces = None if samples is None else (_native.npy(samples[0], "X"), _native.npy(samples[1], "y"))
    folder = None if given["folder"] is None else Path(_native.path_of(given["folder"], "folder"))
    resources = _native.resources(given["threads"], given["memory"])
    with telling(given["progress"]) as tell:
        workspace, notes = Workspace.taken_in(_native.json_of(found.origin), resources, folder, found.tensors, pieces, tell)
    said, warned = _native.told(notes, stacklevel=5)
    found.notes += said
    found.warnings += warned
    return workspace, found


def _samples(given: Mapping[str, Any]) -> tuple[tuple[Any, Any] | None, dict[str, Any]]:
    """The samples in memory, or None for those of a file; and the options that go with them."""
    X, y = given["X"], given["y"]
    names = given["class_names"]
    data = {
        "standardize": _native.truth(given["standardize"], "standardize"),
        "divide_by": None if given["divide_by"] is None else _native.counted(given["divide_by"], "divide_by"),
        "channels_last": _native.truth(given["channels_last"], "channels_last"),
        "max_gib": None if given["max_gib"] is None else _native.counted(given["max_gib"], "max_gib"),
        "class_names": None if names is None else [str(n) for n in _native.items_of(names, "class_names", "names")],
    }
    if isinstance(X, (str, os.PathLike)):
        labels = None if y is None else _native.path_of(y, "y")
        return None, {**data, "path": _native.path_of(X, "X"), "labels_path": labels}
    if X is None:
        raise InputError("there are no samples", "X", None, "arrays X and y, batches, or a path")
    torch = sys.modules.get("torch")
    if y is not None and isinstance(X, tuple) and torch is not None and isinstance(given["model"], torch.nn.Module):
        got = f"a tuple of {len(X)}"
        wanted = "one array; heigen.torch.Hessian(model, (X1, X2, y), loss_fn) takes a module with several inputs"
        raise InputError("the engine's networks have one input", "X", got, wanted)
    features, labels = _native.samples_of(X, y)
    if features.ndim == 0 or len(features) == 0:
        raise InputError("there are no samples: the mean loss over none is undefined", "X", features.shape)
    if labels.ndim == 0 or len(labels) != len(features):
        raise InputError("every sample needs one label", "y", labels.shape, f"({len(features)},)")
    if features.dtype.kind == "f" and not np.all(np.isfinite(features)):
        bad = int(np.flatnonzero(~np.isfinite(features).reshape(len(features), -1).all(1))[0])
        raise InputError(f"sample {bad} has a feature that is infinite or NaN", "X")
    # One column is the shape that losses of one output take labels in.
    return (features, labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels), {**data, "path": "X"}


def _check_labels(labels: Any, n_classes: int, ignored: int | None = None) -> None:
    """Refuse classes that the outputs of a module do not have; texts are numbered by the engine."""
    if labels.ndim != 1 or labels.dtype.kind not in "iuf":
        return
    bad = (labels < 0) | (labels >= n_classes) | (labels != np.floor(labels))
    wrong = np.flatnonzero(bad if ignored is None else bad & (labels != ignored))
    if len(wrong):
        where = f"y, sample {int(wrong[0])}"
        raise InputError("a label is no class of the network's", where, labels[wrong[0]], f"0 to {n_classes - 1}")


def _network(model: Any, features: Any) -> _Network:
    found = _Network()
    if isinstance(model, (str, os.PathLike)):
        found.origin = {"model": _native.path_of(model, "model")}
        return found
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(model, torch.nn.Module):
        _module(found, model, features)
        return found
    if isinstance(model, tuple) and len(model) == 2:
        architecture, weights = model
        if isinstance(architecture, Mapping):
            found.origin["architecture"] = _native.json_of(dict(architecture))
        elif isinstance(architecture, (list, tuple)):
            found.origin["architecture"] = _native.json_of({"layers": list(architecture)})
        elif isinstance(architecture, (str, os.PathLike)):
            found.origin["arch"] = _native.path_of(architecture, "model")
        else:
            wanted = "a dictionary of layers, the path of its JSON file, or the name of a known one"
            raise WrongTypeError("this is no architecture", "model", type(architecture).__name__, wanted)
        if isinstance(weights, (str, os.PathLike)):
            found.origin["model"] = _native.path_of(weights, "model")
        elif isinstance(weights, Mapping):
            found.origin["model"] = "network"
            arrays = {str(key): _native.to_numpy(value, str(key)) for key, value in weights.items()}
            real = {key: value for key, value in arrays.items() if value.dtype.kind == "f"}
            found.tensors = [(key, np.array(value, np.float64, order="C")) for key, value in real.items()]
        else:
            raise WrongTypeError("these are no weights", "model", type(weights).__name__, "a dictionary of arrays, or a path")
        return found
    wanted = "a torch.nn.Module, the path of an ONNX file, or (architecture, weights)"
    raise WrongTypeError("this is no network", "model", type(model).__name__, wanted)


def _module(found: _Network, model: Any, features: Any) -> None:
    if features is None:
        raise InputError("a module needs samples in memory", "X", wanted="arrays or tensors X and y")
    import torch

    from heigen.torch._export import network_of

    from heigen.torch._tried import quietly, tried

    example = torch.as_tensor(np.array(features[:2]))
    pair = example if example.shape[0] == 2 else torch.cat([example, example])
    found.outputs = tried(model, pair, features.shape)
    with quietly():
        read = network_of(model, pair)
    found.origin = {
        "model": re.sub(r"[^\w.+-]", "_", read.name).lstrip(".") or "network",
        "architecture": json.dumps(read.architecture),
        # Parameters of a module are one where they are one object, whatever numbers they hold.
        "ties_are_known": True,
    }
    found.tensors = list(read.tensors.items())
    found.order, found.notes, found.n_classes = read.order, list(read.notes), read.n_classes
    if len(read.trained) != len(read.order):
        if not read.trained:
            raise InputError("all parameters of the module are frozen", read.name)
        found.trained = read.trained


#: Options of losses, under PyTorch's names.
_LOSS_ARGS = (
    "weight", "ignore_index", "label_smoothing", "reduction", "pos_weight", "p", "margin", "delta", "beta", "eps", "full",
)  # fmt: skip


def _loss(loss: Any, loss_args: Any, options: dict[str, Any], found: _Network, y: Any) -> None:
    """Puts the loss and its options into the request; ``y`` are the targets, where they are in memory."""
    torch = sys.modules.get("torch")
    args: dict[str, Any] = {}
    pytorch = not isinstance(loss, str)
    if isinstance(loss, str):
        found.origin["loss"] = _native.LOSSES.get(loss, loss)
    elif torch is not None and isinstance(loss, torch.nn.Module):
        from heigen.torch._native_losses import engine_loss

        found.origin["loss"], args = engine_loss(loss)
    elif callable(loss) and getattr(loss, "__name__", "") in ("cross_entropy", *_native.LOSSES):
        found.origin["loss"] = _native.LOSSES.get(loss.__name__, loss.__name__)
    elif isinstance(loss, type):
        raise WrongTypeError("this is the class of a loss, not a loss", "loss", loss.__name__, f"{loss.__name__}()")
    elif callable(loss):
        raise UnsupportedModelError("the engine has losses by name; heigen.torch.Hessian takes any function", "loss")
    else:
        raise WrongTypeError("this is no loss", "loss", type(loss).__name__, '"cross_entropy", "mse", "nll", "hinge"')
    if not isinstance(loss_args, (Mapping, type(None))):
        raise WrongTypeError("options of a loss are a dictionary", "loss_args", type(loss_args).__name__)
    for key, value in (loss_args or {}).items():
        if key not in _LOSS_ARGS:
            raise InputError("there is no such option of a loss", "loss_args", key, ", ".join(_LOSS_ARGS))
        if value is not None and key != "reduction" and not isinstance(value, bool):
            numbers = _native.to_numpy(value, f"loss_args, {key}")
            if numbers.dtype.kind not in "fiub" or not np.isfinite(numbers).all():
                raise WrongTypeError("options of a loss are finite numbers", f"loss_args, {key}", value)
            value = numbers.tolist()
        if value is not None:
            args[str(key)] = value
    for key in ("weight", "pos_weight"):
        if key in args and not isinstance(args[key], list):
            args[key] = [args[key]]
    # Smoothing is an option of its own, which analyses of one network may differ in.
    smoothing = args.pop("label_smoothing", 0.0)
    if smoothing:
        options["label_smoothing"] = smoothing
    ignores = found.origin["loss"] in ("cross_entropy", "nll") and pytorch and "ignore_index" not in args
    if ignores and y is not None and y.dtype.kind == "i" and bool((y == -100).any()):
        args["ignore_index"] = -100
    found.origin["loss_args"] = args


def _is_one_hot(y: Any) -> bool:
    return bool(np.isin(y, (0.0, 1.0)).all() and (y.sum(1) == 1).all())


def _one_hot_as_classes(y: Any, found: _Network) -> Any:
    """One-hot labels in whole numbers as classes, for a module with one output a class; those in floats the engine reads."""
    wide = found.outputs is not None and y.ndim == 2 and found.outputs == y.shape[1:]
    return y.argmax(1) if wide and y.dtype.kind in "iub" and _is_one_hot(y) else y


def _fit_outputs(given: Any, found: _Network, y: Any) -> None:
    """Refuse classes that have not the shape that a module's outputs ask for, as PyTorch does."""
    outputs, classes = found.outputs, y is not None and y.dtype.kind in "iu"
    if outputs is None or not classes or found.origin["loss"] not in ("cross_entropy", "nll"):
        return
    got = f"outputs {('N', *outputs)} and y {('N', *y.shape[1:])}".replace("'", "")
    if given in (None, "classes") and y.ndim == 1 and any(side > 1 for side in outputs[1:]):
        wanted = 'outputs [N, classes], or targets="positions" with y [N, L] for outputs [N, L, classes]'
        raise InputError("there are several outputs for every class that y names", "y", got, wanted)
    if given is None and y.ndim > 1 and len(outputs) > 1 and y.shape[1:] != outputs[1:] and y.shape[1:] == outputs[:-1]:
        wanted = 'targets="positions", which has the classes last'
        raise InputError("PyTorch's loss has the classes of outputs first, and y does not fit the rest", "y", got, wanted)
    if given is None and y.ndim == 2 and len(outputs) == 1 and y.shape[1:] == outputs:
        raise InputError("the rows of y are neither classes nor one-hot", "y", got, "y [N], or one-hot [N, classes]")


def _targets(given: Any, found: _Network, y: Any) -> str | None:
    """What the targets are, as PyTorch tells it by the type and the shape of ``y``; None where the loss says it."""
    if given is not None or y is None or y.dtype.kind not in "iuf":
        return _native.text(given, "targets")
    loss, real = found.origin["loss"], y.dtype.kind == "f"
    if loss in ("cross_entropy", "nll") and y.ndim > 1 and not real:
        return "positions_classes_first"
    if loss in ("cross_entropy", "mse") and y.ndim == 2 and real and not _is_one_hot(y):
        return "numbers"
    if loss == "mse" and y.ndim > 2 and real:
        return "numbers"
    if loss == "binary_cross_entropy_with_logits" and real and not np.isin(y, (0.0, 1.0)).all():
        return "numbers"
    if loss in _native.REGRESSIONS:
        return "numbers"
    return None


def _dtype_name(dtype: Any) -> str:
    known = {np.dtype(np.float32): "float32", np.dtype(np.float64): "float64"}
    try:
        name = str(dtype)
        made = np.dtype(name.removeprefix("torch.") if name.startswith("torch.") else dtype)
    except (TypeError, ValueError):
        made = np.dtype(object)
    if dtype is None or made not in known:
        raise InputError("this is no type that curvature is computed in", "dtype", dtype, "float32 or float64")
    return known[made]
