"""Which classes the Gauss-Newton matrix of a module, and each of some vectors, comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from heigen._attribution import ClassShares
from heigen._errors import InputError, UnsupportedModelError, WrongTypeError
from heigen.torch._curvature import GGN, Hessian
from heigen.torch._data import pair
from heigen.torch._losses import OfOutputs
from heigen.torch._operators import TorchOperator
from heigen.torch._parameters import State
from heigen.torch._products import Outputs
from heigen.torch._vectors import columns, handed_out

__all__ = ["ClassStructure", "class_structure"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ClassStructure:
    """The Gauss-Newton matrix of a cross-entropy taken apart by classes (arXiv:1901.08244, 2008.11865)."""

    #: The parts of v^T G v for each of the vectors.
    shares: ClassShares
    #: The means g_c of the classes as columns, [P, C].
    class_means: Any
    #: The weights w_c of the means, [C]: the class part is sum_c w_c g_c g_c^T.
    weights: Array
    #: The eigenvalues of the class part, largest first, [C].
    class_spectrum: Array

    def __repr__(self) -> str:
        return f"ClassStructure({len(self.weights)} classes, {self.shares!r})"


def class_structure(op: GGN | Hessian, vectors: Any) -> ClassStructure:
    """The parts by classes of the Gauss-Newton matrix behind an operator, for vectors such as its eigenvectors.

    >>> import torch, heigen, heigen.torch
    >>> _ = torch.manual_seed(0)
    >>> model = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3)).double()
    >>> X, y = torch.randn(60, 2).double(), torch.arange(60) % 3
    >>> G = heigen.torch.GGN(model, (X, y), torch.nn.CrossEntropyLoss())
    >>> pairs = heigen.eigsh(G, 3)
    >>> found = heigen.torch.class_structure(G, pairs)
    >>> bool(abs(found.shares.total - pairs.eigenvalues).max() < 1e-6)
    True

    ``op`` is the :class:`GGN` or the :class:`Hessian` of a model under :class:`torch.nn.CrossEntropyLoss` (class weights and ignored labels
    included, label smoothing not), whose data, loss and parameters are used; G is the Gauss-Newton matrix also for a Hessian. ``vectors``
    is [P, k], or a result that holds eigenvectors. Definitions are those of ``heigen attribute``: g_(i,c') is the gradient of the loss of
    sample i as if it were labelled c', with the weight w_(i,c') = p_(i,c') / N.

    Cost: for each batch k + C reverse passes through the graph of its outputs.
    """
    if not isinstance(op, TorchOperator):
        wanted = "heigen.torch.GGN(model, data, torch.nn.CrossEntropyLoss())"
        raise WrongTypeError("this is no operator of heigen.torch", "op", type(op).__name__, wanted)
    loss = op._loss
    kind = loss.module if isinstance(loss, OfOutputs) else None
    if not isinstance(kind, nn.CrossEntropyLoss) or kind.label_smoothing:
        got = type(kind).__name__ if kind is not None else "a function of one's own"
        raise UnsupportedModelError("parts by classes are those of the cross-entropy", "op", got, "CrossEntropyLoss()")
    if op._modes[1]:
        raise InputError("batch normalisation in training mode makes samples depend on each other", "op", wanted="model.eval()")
    V = columns(vectors, op._length, op._torch_dtype, op._device)
    return _Sums(op, kind, V).structure()


@dataclass(frozen=True)
class _Totals:
    """Sums over the samples of class c, for each label c'."""

    #: Of w g.v, [k, C, C].
    first: Tensor
    #: Of w (g.v)^2, [k, C, C].
    second: Tensor
    #: Of w, [C, C].
    mass: Tensor
    #: Of w g over all other labels, [C, P].
    means: Tensor


class _Sums:
    """Sums over samples of what the parts are made from."""

    def __init__(self, op: TorchOperator, loss: nn.CrossEntropyLoss, V: Tensor) -> None:
        self._op, self._loss, self._V = op, loss, V
        self._k = V.shape[1]
        self._pieces = [part.view(self._k, *s) for part, s in zip(torch.split(V.T.contiguous(), op._sizes, 1), op._shapes)]
        self._totals: _Totals | None = None

    def structure(self) -> ClassStructure:
        """Goes through the data, and puts the parts together."""
        op = self._op
        with op._by_hand() as state:
            for index, part in op._each_part():
                self._add(state, part, index)
        # A process without samples has met no logits; the others know the number of classes.
        classes = int(op._processes.largest(0 if self._totals is None else len(self._totals.mass)))
        totals = self._begun(classes)
        for total in (totals.first, totals.second, totals.mass, totals.means):
            op._processes.sum_(total)
        return self._together(totals)

    def _begun(self, classes: int) -> _Totals:
        """The sums so far; those over no samples at first."""

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=torch.float64, device=self._op._device)

        if self._totals is None:
            each = (classes, classes)
            self._totals = _Totals(
                zeros(self._k, *each), zeros(self._k, *each), zeros(*each), zeros(classes, self._op._length)
            )
        return self._totals

    def _outputs(self, state: State, part: Any, index: int) -> Outputs:
        outputs = Outputs()
        handle = self._op._model.register_forward_hook(outputs)
        try:
            self._op._term(state, part, index)
        finally:
            handle.remove()
        if len(outputs.z) != 1 or outputs.z[0].ndim != 2:
            got = [tuple(z.shape) for z in outputs.z]
            raise UnsupportedModelError("the logits [N, C] of the samples are needed", "op", got, "one output of this shape")
        return outputs

    def _add(self, state: State, part: Any, index: int) -> None:
        op = self._op
        z = self._outputs(state, part, index).z[0]
        classes = z.shape[1]
        labels = self._loss_targets(z, pair(part)[1])
        kept = labels != self._loss.ignore_index
        labels = labels.where(kept, torch.zeros_like(labels))
        p = z.detach().double().softmax(1)
        weight = torch.ones(len(z), dtype=torch.float64, device=z.device)
        if self._loss.weight is not None:
            weight = self._loss.weight.double()[labels]
        w = torch.where(kept, weight, torch.zeros_like(weight))[:, None] * p / op._divisor
        totals = self._begun(classes)
        own = nn.functional.one_hot(labels, classes).double()
        totals.mass.add_(own.T @ w)
        # The tangents of the logits along v: the derivative of u -> J^T u along v, which is linear in u.
        leaves = state.leaves
        u = torch.zeros_like(z, requires_grad=True)
        gradient = torch.autograd.grad(z, leaves, u, create_graph=True, allow_unused=True, materialize_grads=True)
        used = [(g, i) for i, g in enumerate(gradient) if g.requires_grad]
        for k in range(self._k):
            along = [self._pieces[i][k] for _, i in used]
            (t,) = torch.autograd.grad([g for g, _ in used], u, along, retain_graph=True)
            t = t.detach().double()
            slopes = (p * t).sum(1, keepdim=True) - t
            totals.first[k] += own.T @ (w * slopes)
            totals.second[k] += own.T @ (w * slopes.square())
        others = w * (1 - own)
        seeds = others.sum(1, keepdim=True) * p - others
        for c in range(classes):
            seed = (own[:, c : c + 1] * seeds).to(z.dtype)
            back = torch.autograd.grad(z, leaves, seed, retain_graph=True, allow_unused=True, materialize_grads=True)
            totals.means[c] += torch.cat([b.reshape(-1) for b in back]).double()

    def _loss_targets(self, z: Tensor, targets: Any) -> Tensor:
        loss = self._op._loss
        assert isinstance(loss, OfOutputs)
        labels: Tensor = loss.targets(z, targets)
        if labels.is_floating_point():
            raise UnsupportedModelError("samples have one class each", "op", "targets that are probabilities", "labels")
        return labels

    def _together(self, totals: _Totals) -> ClassStructure:
        first, second, mass = (t.cpu().numpy() for t in (totals.first, totals.second, totals.mass))
        classes = len(mass)
        apart = 1.0 - np.eye(classes)
        with np.errstate(divide="ignore", invalid="ignore"):
            w_c = (mass * apart).sum(1)
            means = np.where(mass > 0, first / mass, 0.0)
            of_class = np.where(w_c > 0, (first * apart).sum(2) / w_c, 0.0)
        total, own = second.sum((1, 2)), np.einsum("kcc->k", second)
        class_part = (w_c * of_class**2).sum(1)
        cross = (mass * apart * (means - of_class[:, :, None]) ** 2).sum((1, 2))
        within = ((second - mass * means**2) * apart).sum((1, 2))
        w = torch.as_tensor(w_c, device=totals.means.device)
        g = torch.where(w[:, None] > 0, totals.means / w[:, None].clamp(min=1e-300), torch.zeros_like(totals.means))
        scaled = w.sqrt()[:, None] * g
        gram = (scaled @ scaled.T).cpu().numpy()
        values, turns = np.linalg.eigh(gram)
        inside = values > 1e-12 * max(values[-1], 0.0)
        basis = torch.as_tensor((turns / np.sqrt(np.where(inside, values, 1.0)))[:, inside].T, device=g.device) @ scaled
        V = self._V.double()
        lengths = (V * V).sum(0)
        projected = ((basis @ V) ** 2).sum(0) / torch.where(lengths > 0, lengths, torch.ones_like(lengths))
        shares = ClassShares(
            total=total,
            class_means=class_part,
            cross_class=cross,
            within=within,
            own=own,
            pairs=second,
            in_class_means=projected.cpu().numpy(),
        )
        return ClassStructure(
            shares=shares,
            class_means=handed_out(g.T.to(self._V.dtype)),
            weights=w_c,
            class_spectrum=values[::-1].copy(),
        )
