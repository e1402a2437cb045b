"""The loss of any module over a plane through its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call

from heigen import _heigen
from heigen._arguments import finite, integer, positive, seed_of
from heigen._errors import InputError, NotFiniteError, WrongTypeError
from heigen._progress import Progress, telling
from heigen._solvers import eigsh
from heigen._surface import LossSurface
from heigen.torch._curvature import Hessian
from heigen.torch._data import n_samples, pair
from heigen.torch._losses import OfOutputs, call
from heigen.torch._operators import TorchOperator
from heigen.torch._parameters import Choice, State, followed
from heigen.torch._products import Graph, WithLoss
from heigen.torch._recorder import Recorder
from heigen.torch._settings import same_numbers
from heigen.torch._vectors import columns, handed_out

__all__ = ["loss_surface"]

#: Against division by the length of a filter that is zero, as in arXiv:1712.09913.
_SMALL = 1e-10
#: The part of the way's rectangle that the plane has beyond it on each side.
_ROOM = 0.25
#: What wrappers of modules put before the names in state dicts.
_WRAPPERS = ("module.", "_orig_mod.")


class _Loss(TorchOperator):
    """The loss alone: nothing is differentiated."""

    _kind = "Loss"

    def _try(self, first: Any) -> None:
        self._data.watch(0)

    def _graph(self, state: State, part: Any, index: int) -> Graph:
        raise NotImplementedError


class _WithAnswers(WithLoss):
    """A model with its loss, and how many answers are right of how many that have a class."""

    def forward(self, batch: Any, count: int) -> Any:
        """Term, count, right answers, answers."""
        loss = self.loss
        if not isinstance(loss, OfOutputs) or not loss.known:
            return (*loss.term(self.model, batch, count), 0, 0)
        inputs, given = pair(batch)
        outputs = call(self.model, inputs)
        targets = loss.targets(outputs, given)
        loss.check(outputs, targets)
        return (*loss.of(outputs, targets, count), *_answers(loss.module, outputs, given, targets))


def _answers(module: nn.Module, outputs: Tensor, given: Any, targets: Any) -> tuple[Any, int]:
    """Right answers, and answers that have a class."""
    if isinstance(module, (nn.CrossEntropyLoss, nn.NLLLoss, nn.MultiMarginLoss)) and not targets.is_floating_point():
        kept = targets != getattr(module, "ignore_index", -100)
        guessed = outputs.argmax(1 if outputs.ndim > 1 else 0)
        return (guessed == targets)[kept].sum(), int(kept.sum())
    if isinstance(module, nn.BCEWithLogitsLoss) and outputs.shape[1:].numel() == 1:
        return ((outputs > 0) == (targets > 0.5)).sum(), outputs.numel()
    if isinstance(module, nn.MSELoss) and isinstance(given, Tensor) and not given.is_floating_point() and outputs.ndim == 2:
        if given.ndim == 1 and outputs.shape[1] > 1:
            return (outputs.argmax(1) == given).sum(), len(given)
    return 0, 0


def loss_surface(
    model: Any,
    data: Any = None,
    loss_fn: Any = None,
    *,
    directions: Any = "filter-normalised",
    steps: int | tuple[int, int] = 51,
    span: float | tuple[tuple[float, float], tuple[float, float]] | None = None,
    seed: int = 0,
    trajectory: Any = None,
    params: Choice = None,
    progress: Progress = None,
    **options: Any,
) -> LossSurface:
    """The loss and the accuracy of a model over a plane through its weights.

    >>> import torch, heigen.torch
    >>> _ = torch.manual_seed(0)
    >>> model = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
    >>> X, y = torch.randn(60, 2), torch.arange(60) % 3
    >>> surface = heigen.torch.loss_surface(model, (X, y), "cross_entropy", steps=11)
    >>> surface.losses.shape, bool(surface.losses[5, 5] == surface.loss)
    ((11, 11), True)

    ``model``, ``data`` and ``loss_fn`` are those of the operators of this module, as are ``params`` and further options, such as
    ``dtype`` and ``microbatch``; or ``model`` is such an operator, which has all of them. ``directions`` is

    - "filter-normalised": two Gaussian directions of ``seed``, of which each filter (what has one index along the first axis of a
      weight) is made as long as the model's; biases and other tensors of one axis do not move;
    - "trajectory": the first two principal components of ``trajectory``, a list of state dicts or of flat weights [P] from the
      start of a training to its end, or a :class:`Recorder`; the present weights are put at its end where they are not there;
    - "eigenvectors": the Hessian's of its two largest eigenvalues;
    - two directions of one's own, as the columns of [P, 2].

    ``steps`` is the number of points along each direction, or two numbers. ``span`` is how far the plane goes: s for -s to s, 1
    unless given, or ((a_first, a_last), (b_first, b_last)); around a trajectory it is a rectangle about the way unless given. Batches
    are gone through once, and all points evaluated on each.

    References: Li, Xu, Taylor, Studer, Goldstein, arXiv:1712.09913.
    """
    if isinstance(model, TorchOperator):
        if data is not None or loss_fn is not None or params is not None or options:
            raise InputError("an operator has its own data, loss and parameters", "model", wanted="the operator alone")
        op = model
    else:
        kind = Hessian if isinstance(directions, str) and directions == "eigenvectors" else _Loss
        op = kind(model, data, loss_fn, params=params, **options)
    across, up = _steps(steps)
    path, explained = None, None
    theta = _theta(op)
    if isinstance(directions, str):
        kind_of = directions
        if directions == "filter-normalised":
            vectors = _filter_normalised(op, theta, seed_of(seed))
        elif directions == "eigenvectors":
            vectors = torch.as_tensor(np.asarray(_host(eigsh(op, 2, "LA", progress=progress).eigenvectors).T))
        elif directions == "trajectory":
            found = _trajectory(op, theta, trajectory)
            vectors, path, explained = torch.from_numpy(found[0]), found[1], found[2]
        else:
            wanted = '"filter-normalised", "trajectory", "eigenvectors", or two columns [P, 2]'
            raise InputError("these directions are not known", "directions", repr(directions), wanted)
    else:
        kind_of = "own"
        vectors = columns(directions, op._length, torch.float64, torch.device("cpu"), where="directions", count=2).T.contiguous()
    if trajectory is not None and kind_of != "trajectory":
        raise InputError("a trajectory has directions of its own", "directions", repr(kind_of), "directions='trajectory'")
    ends_a, ends_b = _ends(span, path)
    a, b = np.linspace(*ends_a, across), np.linspace(*ends_b, up)
    vectors = vectors.to(op._device, op._torch_dtype)
    with telling(progress) as tell:
        losses, accuracies, loss = _evaluated(op, vectors, a, b, tell)
    return LossSurface(
        kind=kind_of,
        a=a,
        b=b,
        losses=losses,
        accuracies=accuracies,
        loss=loss,
        path=path,
        explained=explained,
        directions=handed_out(vectors.T),
    )


def _host(vectors: Any) -> NDArray[np.float64]:
    found = vectors.detach().cpu() if isinstance(vectors, Tensor) else vectors
    return np.asarray(found, np.float64)


def _steps(steps: Any) -> tuple[int, int]:
    """Numbers of points along the directions."""
    if isinstance(steps, (tuple, list)):
        if len(steps) != 2:
            raise InputError("there are two directions", "steps", len(steps), "a number, or two")
        first, second = steps
    else:
        first = second = steps
    return integer(first, "steps", 2), integer(second, "steps", 2)


def _ends(span: Any, path: NDArray[np.float64] | None) -> tuple[tuple[float, float], tuple[float, float]]:
    """The ends of the plane's sides."""
    if span is None and path is not None:
        low, high = np.minimum(path.min(0), 0.0), np.maximum(path.max(0), 0.0)
        room = _ROOM * (high - low)
        low, high = low - room, high + room
        return (float(low[0]), float(high[0])), (float(low[1]), float(high[1]))
    if isinstance(span, (tuple, list)):
        try:
            (a, b), (c, d) = span
        except (TypeError, ValueError):
            wanted = "a number, or ((-1, 1), (-1, 1))"
            raise WrongTypeError("these are no ends of a plane", "span", repr(span), wanted) from None
        ends = [finite(end, "span") for end in (a, b, c, d)]
        if not (ends[0] < ends[1] and ends[2] < ends[3]):
            raise InputError("the ends of the plane do not ascend", "span", repr(span), "((-1, 1), (-1, 1))")
        return (ends[0], ends[1]), (ends[2], ends[3])
    s = 1.0 if span is None else positive(span, "span")
    return (-s, s), (-s, s)


def _theta(op: TorchOperator) -> NDArray[np.float64]:
    """The present weights, [P]."""
    chosen = followed(op._model, op._chosen, op._aliases)
    return torch.cat([p.detach().reshape(-1).double().cpu() for _, p in chosen]).numpy()


def _filter_normalised(op: TorchOperator, theta: NDArray[np.float64], seed: int) -> Tensor:
    """Two random directions [2, P], filter by filter as long as the weights."""
    directions = torch.from_numpy(np.array(_heigen.random_entries(op._length, seed, 0, 2, "gaussian", False)))
    weights = torch.from_numpy(theta)
    for (_, start, stop), shape in zip(op._names, op._shapes):
        if len(shape) < 2:
            directions[:, start:stop] = 0
            continue
        filters = directions[:, start:stop].view(2, shape[0], -1)
        lengths = weights[start:stop].view(shape[0], -1).norm(dim=1)
        filters *= (lengths / (filters.norm(dim=2) + _SMALL))[:, :, None]
    return directions


def _trajectory(
    op: TorchOperator, theta: NDArray[np.float64], trajectory: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[float, float]]:
    """The plane of a trajectory: directions [2, P], path [T, 2], shares of the variance."""
    wanted = "a list of state dicts or of flat weights, or a heigen.torch.Recorder"
    if trajectory is None:
        raise InputError("the way of the training is needed", "trajectory", None, wanted)
    if isinstance(trajectory, Recorder):
        along = trajectory.along
        points: list[Any] = [along.theta(int(place)) for place in along.kept]
    elif isinstance(trajectory, (Sequence, np.ndarray)) and not isinstance(trajectory, str):
        points = list(trajectory)
    else:
        raise WrongTypeError("this is no way of a training", "trajectory", type(trajectory).__name__, wanted)
    flat = [_flat(op, point, index) for index, point in enumerate(points)]
    if not flat or not np.array_equal(flat[-1], theta):
        flat.append(theta)
    directions, path, explained = _heigen.trajectory_plane(np.ascontiguousarray(flat))
    return directions, path, explained


def _flat(op: TorchOperator, point: Any, index: int) -> NDArray[np.float64]:
    """A point of a trajectory as flat weights [P]."""
    where = f"trajectory[{index}]"
    if isinstance(point, nn.Module):
        point = point.state_dict()
    if isinstance(point, Mapping):
        parts = []
        for names, shape in zip(op._aliases, op._shapes):
            found = next((value for name in names for value in _named(point, name)), None)
            if found is None or tuple(found.shape) != tuple(shape):
                got = "no such tensor" if found is None else f"shape {tuple(found.shape)}"
                raise InputError(f"the state has other tensors than the model: {names[0]}", where, got, f"shape {tuple(shape)}")
            parts.append(torch.as_tensor(found).detach().reshape(-1).double().cpu())
        values = torch.cat(parts).numpy()
    else:
        try:
            values = torch.as_tensor(point).detach().double().cpu().reshape(-1).numpy()
        except (TypeError, ValueError, RuntimeError) as error:
            raise WrongTypeError(f"these are no weights ({error})", where, type(point).__name__) from None
    if values.shape != (op._length,):
        raise InputError("the weights belong to another model", where, f"{len(values)} numbers", f"{op._length}")
    if not np.isfinite(values).all():
        raise NotFiniteError("a weight is infinite or NaN", where)
    return np.array(values, np.float64)


def _named(state: Mapping[str, Any], name: str) -> Any:
    """The tensors of a state that have a name, also with what wrappers put before it."""
    yield from (state[key] for key in (name, *(prefix + name for prefix in _WRAPPERS)) if key in state)


def _evaluated(
    op: TorchOperator, vectors: Tensor, a: NDArray[np.float64], b: NDArray[np.float64], tell: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None, float]:
    """Losses and accuracies at all points, and the loss of the weights themselves."""
    points = [*((float(x), float(y)) for y in b for x in a), (0.0, 0.0)]
    totals = torch.zeros(len(points), 2, dtype=torch.float64, device=op._device)
    counts = answers = 0.0
    # The model is the same at all points.
    with op._by_hand() as state, torch.no_grad():
        leaves = [leaf.detach().clone() for leaf in state.leaves]
        steps = [part.view(2, *shape) for part, shape in zip(torch.split(vectors, op._sizes, 1), op._shapes)]
        module = _WithAnswers(op._model, op._loss)
        done, total = 0, op._n_parts * len(points)
        for index, part in op._each_part():
            for k, (x, y) in enumerate(points):
                state.leaves = [leaf + x * v[0] + y * v[1] for leaf, v in zip(leaves, steps)]
                with same_numbers(op._device, 7919 * op._processes.rank + index):
                    everything = state.tensors("model.")
                    term, count, right, of = functional_call(module, everything, (part, n_samples(part)))
                totals[k, 0] += term.detach().double().reshape(())
                totals[k, 1] += right
                done += 1
                if tell is not None and done % len(a) == 0:
                    tell("loss surface", done, total, "points")
            counts, answers = counts + count, answers + of
    flat = op._processes.sums([*totals[:, 0].tolist(), *totals[:, 1].tolist(), counts, answers])
    n, divisor = len(points), op._loss.divisor(flat[-2])
    losses = np.array(flat[:n]) / divisor
    # The last point is that of the weights themselves.
    plane = (len(b), len(a))
    accuracies = np.array(flat[n : 2 * n - 1]).reshape(plane) / flat[-1] if flat[-1] else None
    return losses[:-1].reshape(plane), accuracies, float(losses[-1])
