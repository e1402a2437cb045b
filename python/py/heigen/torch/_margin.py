"""The margin estimated from the leading eigenvector of the Hessian, for any module."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import grad, grad_and_value, vmap

from heigen._arguments import integer, positive, seed_of
from heigen._errors import Error, InputError
from heigen._parts import Margin, MarginStart
from heigen.torch._boundary import SMALLEST_NORM, Classifier, alignments
from heigen.torch._parameters import Choice
from heigen.torch._settings import same_numbers

__all__ = ["margin"]

#: A step that float32 would round away, relative to x: the point stands still.
_STILL = float(np.finfo(np.float32).eps) / 2
#: Points with cos^2 this close to the best are solutions alike; the one nearest to a sample counts.
_ALIKE = 1e-3


def margin(
    model: nn.Module,
    X: Any,
    vector: Any,
    *,
    loss: Any = "cross_entropy",
    params: Choice = None,
    dtype: Any = None,
    starts: int = 16,
    steps: int = 20_000,
    learning_rate: float = 0.01,
    decay_step: int = 5_000,
    weight_decay: float = 1e-3,
    seed: int = 0,
) -> Margin:
    """The margin by the leading eigenvector v_1: x_b minimises (cos^2(g(x), v_1) - 1)^2, by gradient descent.

    g(x) is the reinforcing gradient of x. The descent is the paper's, from several starts N(0, 1) at once:
    x -= lr (d/dx + decay x), lr a tenth from ``decay_step`` on; a point that float32 would no longer move is done. x_b is
    the end with the best cos^2, and of those within 0.001 of it the one nearest to a sample.

    Inputs are one tensor of numbers; a model of tokens has no margin of this kind.

    References: arXiv:2306.07104, section 6.
    """
    starts, steps, seed = integer(starts, "starts", 1), integer(steps, "steps", 0), seed_of(seed)
    learning_rate = positive(learning_rate, "learning_rate")
    classifier = Classifier(model, loss, params, dtype)
    samples = classifier.inputs(X)
    if not isinstance(samples, Tensor) or not samples.is_floating_point():
        raise InputError("the inputs are not one tensor of numbers", "X", type(X).__name__, "a tensor with one input a row")
    directions = classifier.vectors(vector)
    if directions.shape[1] != 1:
        raise InputError("the margin is about one vector", "vector", tuple(directions.shape), f"({classifier.n_params},)")
    if not bool(directions.any()):
        raise InputError("the vector is zero and has no direction", "vector", wanted="an eigenvector")
    shape = samples.shape[1:]
    stream = np.random.RandomState(seed)
    points = stream.randn(starts, *shape).astype(np.float64).reshape(starts, -1)
    taken, moving = np.full(starts, steps), np.arange(starts)
    slope = _slope(classifier, directions[:, 0], shape)
    for step in range(steps):
        if not len(moving):
            break
        cosines, slopes = slope(points[moving])
        rate = learning_rate if step < decay_step else learning_rate / 10
        factor = 4 * cosines * (cosines * cosines - 1)
        with np.errstate(all="ignore"):
            updates = rate * (factor[:, None] * slopes + weight_decay * points[moving])
            size = np.abs(points[moving]).max(1)
            points[moving] -= updates
            moved = np.abs(updates).max(1)
            still = ~((moved > _STILL * size) & np.isfinite(moved))
        taken[moving[still]] = step + 1
        moving = moving[~still]
    flat = samples.reshape(len(samples), -1).double().cpu().numpy()
    cosines, _ = slope(points)
    ends = []
    for i, point in enumerate(points):
        done = i not in moving and bool(np.isfinite(point).all())
        to_data = float(np.sqrt(((flat - point) ** 2).sum(1)).min())
        ends.append(MarginStart(point.reshape(shape), float(cosines[i]) ** 2, int(taken[i]), done, to_data))
    finite = [i for i, end in enumerate(ends) if np.isfinite(end.x).all() and np.isfinite(end.cos2)]
    if not finite:
        raise Error("no start ends at a finite point", "margin", f"{starts} starts", "a smaller learning_rate")
    best = max(ends[i].cos2 for i in finite)
    start = min((i for i in finite if ends[i].cos2 >= best - _ALIKE), key=lambda i: (ends[i].to_data, i))
    aligned = alignments(model, X, directions, loss=loss, params=params, dtype=dtype)[0].cpu().numpy()
    most, least = int(aligned.argmax()), int(aligned.argmin())
    far, near = (float(np.sqrt(((flat[n] - points[start]) ** 2).sum())) for n in (most, least))
    end = ends[start]
    return Margin(
        margin=min(far, near),
        x_b=end.x,
        cos2=end.cos2,
        most_aligned=most,
        least_aligned=least,
        distance_most=far,
        distance_least=near,
        steps=end.steps,
        start=start,
        starts=tuple(ends),
    )


def _slope(classifier: Classifier, vector: Tensor, shape: torch.Size) -> Any:
    """A function of points [m, d]: the alignments with the vector, and their derivatives by the points."""
    leaves = tuple(classifier.state.leaves)
    parts = [part.view(s) for part, s in zip(torch.split(vector, [s.numel() for s in classifier.shapes]), classifier.shapes)]

    def aligned(x: Tensor, target: Tensor) -> Tensor:
        gradient = grad(classifier.loss_of_one)(leaves, x, target)
        along = sum((g * v).sum() for g, v in zip(gradient, parts))
        squared = sum((g * g).sum() for g in gradient)
        vanishes = squared <= SMALLEST_NORM**2
        norm = torch.where(vanishes, torch.ones_like(squared), squared).sqrt()
        return torch.where(vanishes, torch.zeros_like(norm), along / norm)

    one = grad_and_value(aligned)
    together = [True]

    def each(x: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        if together[0]:
            try:
                return vmap(one, randomness="same")(x, targets)
            except (RuntimeError, NotImplementedError):
                # The batching rules of vmap do not cover every module; an error of another kind comes again below.
                together[0] = False
        pairs = [one(a, b) for a, b in zip(x, targets)]
        return torch.stack([slope for slope, _ in pairs]), torch.stack([cosine for _, cosine in pairs])

    def at(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        x = torch.as_tensor(points, dtype=classifier.dtype, device=classifier.device).view(len(points), *shape)
        with torch.no_grad():
            targets = classifier.targets(classifier.outputs(x), "predicted")
        with classifier.settings(), same_numbers(classifier.device, 0):
            slopes, cosines = (t.detach().double().cpu() for t in each(x, targets))
        return cosines.numpy(), slopes.reshape(len(points), -1).numpy()

    return at
