"""The decision boundary of any module: gradients of single inputs, their alignments, and lines in the plane."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from heigen._arguments import finite, integer
from heigen._errors import Error, InputError, NotFiniteError, WrongTypeError
from heigen._parts import Complexity
from heigen.torch._data import map_tensors, tensors
from heigen.torch._losses import OfOutputs, as_loss, call
from heigen.torch._operators import dtype_of
from heigen.torch._parameters import Choice, State, select, unwrap
from heigen.torch._plane import complexity, trace
from heigen.torch._settings import batch_dependent, exact, exclusive, has_recurrence, same_numbers
from heigen.torch._vectors import columns, vectors_of

__all__ = ["SMALLEST_NORM", "Classifier", "PlaneBoundary", "alignments", "boundary", "reinforcing_gradients"]

#: Below this norm a gradient has no direction, and its alignments are 0.
SMALLEST_NORM = 1e-20
#: Samples that go through the model together, at most, and numbers of their gradients.
_SAMPLES, _NUMBERS = 128, 1 << 24

#: The class against which the loss of a single input is taken: the model's own prediction, one class for all, or given.
Labels = str | int | Tensor | NDArray[Any]


class Classifier:
    """A model for single inputs: no input's outputs depend on any other's."""

    @exclusive()
    def __init__(self, model: nn.Module, loss: Any, params: Choice, dtype: Any) -> None:
        self.model = unwrap(model)
        chosen = select(self.model, params)
        mixing = batch_dependent(self.model)
        if mixing:
            where = f"layer {mixing[0]}"
            got = "batch normalisation in training mode"
            raise InputError("a single input has no batch statistics", where, got, "model.eval()")
        kind = as_loss(loss, None)
        if not isinstance(kind, OfOutputs):
            raise InputError("the loss of a single input is needed", "loss", type(loss).__name__, "a loss of torch.nn")
        self.dtype = dtype_of(chosen, dtype)
        self.device = chosen[0][1].device
        self._module = copy.deepcopy(kind.module).to(self.dtype)
        if kind.known:
            setattr(self._module, "reduction", "sum" if kind.reduction == "sum" else "mean")
        self._summed = kind.reduction == "sum"
        self.state = State(self.model, chosen, self.dtype)
        self.n_params = sum(p.numel() for _, p in chosen)
        self.shapes = [p.shape for _, p in chosen]
        self._together: bool | None = None
        self._recurrent = has_recurrence(self.model)

    def settings(self) -> Any:
        """The kernels and the precision of all computations."""
        return exact(self.device, self._recurrent, False)

    def inputs(self, X: Any) -> Any:
        """Inputs as tensors of this classifier's type, on its device."""
        if isinstance(X, np.ndarray):
            X = torch.from_numpy(X).to(self.device)
        for tensor in tensors(X):
            if tensor.device != self.device:
                got = f"inputs on {tensor.device}"
                raise InputError("model and inputs are on different devices", "X", got, f"inputs on {self.device}")
        X = map_tensors(lambda t: t.to(self.dtype) if t.is_floating_point() else t, X)
        if self.count(X) == 0:
            raise InputError("there are no inputs", "X", "0 inputs", "one or more")
        if not all(bool(torch.isfinite(t).all()) for t in tensors(X) if t.is_floating_point()):
            raise NotFiniteError("an input is infinite or NaN", "X")
        return X

    @staticmethod
    def count(X: Any) -> int:
        """The number of inputs."""
        for tensor in tensors(X):
            if tensor.ndim:
                return int(tensor.shape[0])
        raise WrongTypeError("inputs are no tensor", "X", f"a {type(X).__name__}", "a tensor with one input a row")

    def of(self, X: Any, leaves: tuple[Tensor, ...] | None = None) -> Tensor:
        """The outputs of inputs, of the parameters' own values or of others."""
        everything = self.state.tensors()
        if leaves is not None:
            everything.update(zip([name for name, _ in self.state.chosen], leaves))

        class Called(nn.Module):
            def __init__(self, model: nn.Module) -> None:
                super().__init__()
                self.model = model

            def forward(self, inputs: Any) -> Tensor:
                return call(self.model, inputs)

        named = {f"model.{name}": tensor for name, tensor in everything.items()}
        return functional_call(Called(self.model), named, (X,))  # type: ignore[no-any-return]

    def outputs(self, X: Any) -> Tensor:
        """The outputs of all inputs, without a graph."""
        try:
            with self.settings(), torch.no_grad(), same_numbers(self.device, 0):
                return torch.cat([self.of(part) for part in self._slices(X, _SAMPLES)])
        except Error:
            raise
        except Exception as error:  # Modules raise whatever they like.
            said = (str(error).strip() or type(error).__name__).splitlines()[0]
            shapes = ", ".join(f"{str(t.dtype).removeprefix('torch.')} {tuple(t.shape)}" for t in tensors(X))
            raise InputError(f"the model fails on the inputs ({type(error).__name__}: {said})", "X", shapes) from error

    def _slices(self, X: Any, size: int) -> Iterator[Any]:
        for start in range(0, self.count(X), size):
            stop = start + size

            def some(tensor: Tensor, start: int = start, stop: int = stop) -> Tensor:
                return tensor[start:stop] if tensor.ndim else tensor

            yield map_tensors(some, X)

    def predicted(self, outputs: Tensor) -> Tensor:
        """The class of the largest output, the first of equal ones; of one logit, whether it is positive."""
        if outputs.ndim == 1 or (outputs.shape[1] == 1 and isinstance(self._module, nn.BCEWithLogitsLoss)):
            return (outputs > 0).to(self.dtype)
        return outputs.argmax(1)

    def targets(self, outputs: Tensor, labels: Labels) -> Tensor:
        """The targets of the loss for the inputs with these outputs."""
        if isinstance(labels, str):
            if labels != "predicted":
                raise InputError("this is no choice of labels", "labels", repr(labels), "'predicted', a class, or an array")
            chosen = self.predicted(outputs)
        elif isinstance(labels, int):
            chosen = torch.full_like(self.predicted(outputs), labels)
        else:
            chosen = torch.as_tensor(labels, device=self.device)
            if len(chosen) != len(outputs):
                raise InputError("labels and inputs differ in number", "labels", len(chosen), len(outputs))
        if isinstance(self._module, (nn.CrossEntropyLoss, nn.NLLLoss, nn.MultiMarginLoss, nn.MSELoss)):
            if not chosen.is_floating_point() and chosen.numel() and not 0 <= int(chosen.min()) <= int(chosen.max()) < outputs.shape[1]:
                got = int(chosen.max()) if int(chosen.min()) >= 0 else int(chosen.min())
                raise InputError("a label is out of range", "labels", got, f"0 to {outputs.shape[1] - 1}")
        if isinstance(self._module, nn.MSELoss) and not chosen.is_floating_point():
            chosen = nn.functional.one_hot(chosen, outputs.shape[1])
        return chosen.to(self.dtype) if chosen.is_floating_point() or isinstance(self._module, nn.MSELoss) else chosen

    def loss_of_one(self, leaves: tuple[Tensor, ...], x: Any, target: Tensor) -> Tensor:
        """The loss of one input, which has no dimension of samples."""
        outputs = self.of(map_tensors(lambda t: t[None], x), leaves)
        precise = self._precise(outputs[0], target)
        return self._module(outputs, target[None]) if precise is None else precise

    def _precise(self, z: Tensor, target: Tensor) -> Tensor | None:
        """The cross-entropy of one input as log(1 + exp(d)), d the other logits' logsumexp less the label's.

        Its derivatives have all their digits also where the prediction is all but certain and the derivative of PyTorch's
        loss, p - 1, has few: there gradients are tiny, but their direction counts.
        """
        module, zero = self._module, z.new_zeros(())
        if isinstance(module, nn.CrossEntropyLoss):
            if z.ndim != 1 or len(z) < 2 or target.ndim or target.is_floating_point() or module.label_smoothing:
                return None
            if self._summed and module.weight is not None:
                return None
            own = torch.arange(len(z), device=z.device) == target
            others = z.masked_fill(own, -torch.inf).logsumexp(0)
            return torch.logaddexp(others - torch.where(own, z, zero).sum(), zero)
        if isinstance(module, nn.BCEWithLogitsLoss) and module.weight is None and module.pos_weight is None:
            if z.numel() != 1:
                return None
            return torch.logaddexp(z.reshape(()) * (1 - 2 * target.reshape(())), zero)
        return None

    def each_gradient(self, X: Any, labels: Labels) -> Iterator[Tensor]:
        """The gradients of the losses of single inputs, in blocks [some inputs, P]."""
        X = self.inputs(X)
        size = max(1, min(_SAMPLES, _NUMBERS // max(1, self.n_params)))
        targets = self.targets(self.outputs(X), labels)
        leaves = tuple(self.state.leaves)
        one = grad(self.loss_of_one)
        for part, part_targets in zip(self._slices(X, size), torch.split(targets, size)):
            with self.settings(), same_numbers(self.device, 0):
                rows = self._gradients(one, leaves, part, part_targets)
            yield torch.cat([row.detach().reshape(len(row), -1) for row in rows], 1)

    def _gradients(
        self, one: Callable[..., Any], leaves: tuple[Tensor, ...], part: Any, targets: Tensor
    ) -> tuple[Tensor, ...]:
        if self._together is not False:
            try:
                rows = vmap(one, in_dims=(None, 0, 0), randomness="same")(leaves, part, targets)
                self._together = True
                return rows  # type: ignore[no-any-return]
            except (RuntimeError, NotImplementedError):
                if self._together:
                    raise
                # The batching rules of vmap do not cover every module.
                self._together = False
        singles = [list(self._slices(part, 1)), targets]
        rows = [one(leaves, map_tensors(lambda t: t[0], single), target) for single, target in zip(*singles)]
        return tuple(torch.stack(column) for column in zip(*rows))

    def vectors(self, vectors: Any) -> Tensor:
        """Directions [P, k] or [P] of the user's as a tensor [P, k]; of eigenpairs the eigenvectors."""
        return columns(vectors, self.n_params, self.dtype, self.device)


#: Points of a grid along a side at most: every one of them squared goes through the model.
_GRID = 10_000


def _range(side: Any, where: str) -> tuple[float, float]:
    """The ends of a side of the plane."""
    wanted = "ascending ends, such as (-1, 1)"
    if isinstance(side, str) or not hasattr(side, "__len__") or len(side) != 2:
        raise WrongTypeError("these are no ends of a side of the plane", where, side, wanted)
    low, high = (finite(end, where) for end in side)
    if not low < high:
        raise InputError("these are no ends of a side of the plane", where, side, wanted)
    return low, high


def reinforcing_gradients(
    model: nn.Module,
    X: Any,
    *,
    loss: Any = "cross_entropy",
    labels: Labels = "predicted",
    params: Choice = None,
    dtype: Any = None,
) -> Tensor:
    """The gradients g(x) of the loss of every single input against the class that the model itself predicts: [P, N].

    ``labels`` is "predicted", one class for all inputs, or a class for each. The columns are those of a tensor on the
    model's device, parameters in the order of the operators of this module.

    References: arXiv:2306.07104, section 3.
    """
    classifier = Classifier(model, loss, params, dtype)
    return torch.cat(list(classifier.each_gradient(X, labels))).T


def alignments(
    model: nn.Module,
    X: Any,
    vectors: Any,
    *,
    loss: Any = "cross_entropy",
    labels: Labels = "predicted",
    params: Choice = None,
    dtype: Any = None,
) -> Any:
    """A_i(x) = <g(x), v_i> / |g(x)| of every input with the columns v_i of ``vectors`` [P, k]: [k, N].

    0 where \\|g\\| <= 1e-20. ``vectors`` may be a result that holds eigenvectors, such as that of :func:`heigen.eigsh`. The
    alignments are a NumPy array where the vectors are one, and a tensor otherwise. Gradients are made for some inputs at a time,
    so that memory does not grow with N.

    References: arXiv:2306.07104, section 3.
    """
    classifier = Classifier(model, loss, params, dtype)
    vectors = vectors_of(vectors)
    directions = classifier.vectors(vectors)
    columns = []
    for gradients in classifier.each_gradient(X, labels):
        norms = gradients.norm(dim=1)
        inverse = torch.where(norms > SMALLEST_NORM, 1 / norms, torch.zeros_like(norms))
        columns.append((gradients @ directions).T * inverse)
    out = torch.cat(columns, 1)
    return out if isinstance(vectors, Tensor) else out.cpu().numpy()


@dataclass(frozen=True, eq=False)
class PlaneBoundary(Complexity):
    """The decision boundary in a rectangle of the plane: connected pieces, maximal straight segments that the grid
    resolves, total length, and the sum of all turning angles in radians."""

    #: Polylines [points, 2] on which the predicted class changes.
    lines: tuple[NDArray[np.float64], ...]

    def __repr__(self) -> str:
        return (
            f"PlaneBoundary({self.n_pieces} pieces, {self.n_linear} straight segments, length {self.length:.6g}, "
            f"turning {self.turning:.6g})"
        )


def boundary(
    model: nn.Module,
    x: tuple[float, float],
    y: tuple[float, float],
    *,
    n: int = 400,
    to_input: Callable[[Tensor], Any] | None = None,
) -> PlaneBoundary:
    """The boundary between the classes of a model in the plane, from its outputs on ``n`` by ``n`` points.

    ``to_input`` makes inputs of points [m, 2], for a model whose inputs are not two features: a plane through the space
    of inputs, such as ``lambda p: origin + p @ directions``. Every square of the grid is cut into two triangles, on which
    the outputs are taken as linear. Compare boundaries on the same grid.
    """
    ends = [_range(side, name) for side, name in ((x, "x"), (y, "y"))]
    n = integer(n, "n", 2)
    if n > _GRID:
        raise InputError("the grid is too fine", "n", n, f"at most {_GRID}")
    x, y = ends
    classifier = Classifier(model, "cross_entropy", None, None)
    first, second = (low + (high - low) * np.arange(n) / (n - 1) for low, high in (x, y))
    nodes = np.stack([np.tile(first, n), np.repeat(second, n)], 1)
    points = torch.as_tensor(nodes, dtype=classifier.dtype, device=classifier.device)
    try:
        outputs = classifier.outputs(points if to_input is None else to_input(points)).cpu().double().numpy()
    except InputError as error:
        wanted = "to_input=, which makes inputs of points [m, 2]" if to_input is None else "inputs of the model's"
        where = "model" if to_input is None else "to_input"
        raise InputError(f"{error.what}, which are points of the plane", where, error.got, wanted) from error
    if outputs.ndim == 1 or outputs.shape[1] == 1:
        # One logit: the class changes where it is zero.
        outputs = np.stack([np.zeros(len(nodes)), outputs.reshape(len(nodes))], 1)
    lines = trace(nodes, outputs, n, n)
    cell = float(np.hypot(x[1] - x[0], y[1] - y[0])) / (n - 1)
    return PlaneBoundary(*complexity(lines, cell), lines=tuple(np.array(line) for line in lines))
