"""The largest eigenvalues over mini-batches, against those of all samples together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from heigen import _heigen
from heigen._arguments import finite, integer, positive, seed_of
from heigen._drawings import Drawing
from heigen._errors import InputError, WrongTypeError
from heigen._progress import Progress, telling
from heigen._solvers import eigsh
from heigen.torch._curvature import Hessian
from heigen.torch._data import n_samples
from heigen.torch._parameters import Choice

__all__ = ["MinibatchEigenvalues", "minibatch_eigenvalues"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MinibatchEigenvalues:
    """The largest eigenvalues of the Hessian of each mini-batch's loss, and of all of them together; with the weight decay."""

    #: The eigenvalues of each batch, largest first, [batches, k].
    values: Array
    #: The bounds on their residuals, [batches, k].
    residuals: Array
    #: The number of samples in each batch, [batches].
    sizes: NDArray[np.int64]
    #: The eigenvalues of the loss over all these batches, [k]; None where they were not asked for.
    full: Array | None
    #: The loss of each batch, without the penalty of weight decay, [batches].
    losses: Array
    #: What was added to every eigenvalue.
    weight_decay: float
    #: Products of Hessians of batches that the eigenvalues took.
    products: int

    @property
    def largest(self) -> Array:
        """lambda_1 of each batch, [batches]."""
        return self.values[:, 0]

    def plot(self, bins: int | None = None) -> Drawing:
        """A histogram of lambda_1 over the batches, with its mean, and lambda_1 of all samples together."""
        levels = [("mean of the batches", float(self.largest.mean()))]
        if self.full is not None:
            levels.append(("all samples", float(self.full[0])))
        title = f"{len(self.values)} mini-batches of {int(self.sizes.max())}"
        count = 0 if bins is None else integer(bins, "bins", 1)
        return Drawing(_heigen.draw_histogram, title, r"$\lambda_1$", self.largest.tolist(), count, levels)

    def _repr_svg_(self) -> str:
        return self.plot().svg

    def __repr__(self) -> str:
        least, middle, most = np.quantile(self.largest, [0.0, 0.5, 1.0])
        whole = "" if self.full is None else f"; {self.full[0]:.4g} of all samples"
        return f"MinibatchEigenvalues({len(self.values)} batches, lambda_1 {least:.4g} to {most:.4g}, median {middle:.4g}{whole})"


def minibatch_eigenvalues(
    model: nn.Module,
    loader: Any,
    loss_fn: Any = None,
    *,
    batches: int | None = None,
    batch_size: int | None = None,
    k: int = 1,
    weight_decay: float = 0.0,
    full: bool = True,
    seed: int = 0,
    tol: float = 1e-6,
    params: Choice = None,
    progress: Progress = None,
    **options: Any,
) -> MinibatchEigenvalues:
    """The distribution of the Hessian's ``k`` largest eigenvalues over mini-batches.

    >>> import torch, heigen.torch
    >>> _ = torch.manual_seed(0)
    >>> model = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
    >>> X, y = torch.randn(60, 2), torch.arange(60) % 3
    >>> found = heigen.torch.minibatch_eigenvalues(model, (X, y), "cross_entropy", batch_size=20)
    >>> found.values.shape, bool(found.largest.mean() >= found.full[0])
    ((3, 1), True)

    ``loader`` is one's own: whatever gives batches, with shuffling and augmentation as in training; its batches are taken as they come,
    one pass, or the first ``batches`` of it, of more than one pass where it has fewer. Or it is (X, y) with a ``batch_size``: then the
    batches are those of a random order of ``seed``, the last one of a pass left out where it is smaller. ``weight_decay`` w, as of
    PyTorch's SGD, adds w to every eigenvalue: the penalty is w/2 \\|theta\\|^2.

    ``full`` adds the eigenvalues of the loss over all samples of these batches together, for which the batches are kept. The mode of
    the model is its own: with batch normalisation in training mode each batch has its own statistics. ``params`` and further
    options are those of :class:`Hessian`.
    """
    k, decay, tolerance = integer(k, "k", 1), finite(weight_decay, "weight_decay"), positive(tol, "tol")
    wanted = None if batches is None else integer(batches, "batches", 1)
    kept: list[Any] = []
    values, residuals, sizes, losses, products = [], [], [], [], 0
    with telling(progress) as tell:
        for batch in _batches(loader, batch_size, seed_of(seed), wanted):
            op = Hessian(model, [batch], loss_fn, params=params, **options)
            found = eigsh(op, k, "LA", tolerance, check=False, progress=False)
            values.append(found.eigenvalues + decay)
            residuals.append(found.residuals)
            sizes.append(n_samples(batch))
            losses.append(op.loss)
            products += int(found.products)
            if full:
                kept.append(batch)
            if tell is not None:
                tell("mini-batches", len(values), wanted, "batches")
        if not values:
            raise InputError("there are no batches", "loader", "nothing", "one batch or more")
        whole = None
        if full:
            op = Hessian(model, kept, loss_fn, params=params, **options)
            whole = eigsh(op, k, "LA", tolerance, check=False, progress=False).eigenvalues + decay
    return MinibatchEigenvalues(
        values=np.array(values),
        residuals=np.array(residuals),
        sizes=np.array(sizes, np.int64),
        full=whole,
        losses=np.array(losses),
        weight_decay=decay,
        products=products,
    )


def _batches(loader: Any, batch_size: Any, seed: int, wanted: int | None) -> Iterable[Any]:
    """The batches of a loader, or random ones of (X, y); as many as are wanted."""
    given = 0
    if isinstance(loader, (tuple, list)) and len(loader) == 2 and all(isinstance(part, (Tensor, np.ndarray)) for part in loader):
        X, y = loader
        if batch_size is None:
            raise InputError("(X, y) are all samples together", "batch_size", None, "a number of samples")
        size = integer(batch_size, "batch_size", 1)
        if size > len(X):
            raise InputError("a batch has more samples than there are", "batch_size", size, f"at most {len(X)}")
        order = np.random.RandomState(seed)
        while wanted is None or given < wanted:
            places = order.permutation(len(X))
            for start in range(0, len(X) - size + 1, size):
                if wanted is not None and given == wanted:
                    return
                chosen = places[start : start + size]
                yield X[chosen], y[chosen]
                given += 1
            if wanted is None:
                return
        return
    if batch_size is not None:
        raise InputError("a loader has batches of its own", "batch_size", batch_size, "(X, y), or no batch_size")
    if not hasattr(loader, "__iter__"):
        raise WrongTypeError("this gives no batches", "loader", type(loader).__name__, "a DataLoader, a list of batches, or (X, y)")
    while wanted is None or given < wanted:
        before = given
        for batch in loader:
            if wanted is not None and given == wanted:
                return
            yield batch
            given += 1
        if wanted is None or given == before:
            return
