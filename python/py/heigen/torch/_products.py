"""Products of one batch, from graphs of PyTorch's that are built once for many directions.

A graph of the gradient (or of the outputs and of their reverse pass) is kept as long as the parameters are what they
were; a product is then one reverse pass through it, and no forward pass.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from heigen._errors import InputError
from heigen.torch._losses import Loss, OfOutputs
from heigen.torch._second import differentiable

__all__ = ["GaussNewtonGraph", "Graph", "HessianGraph", "WithLoss", "saved_bytes", "watch_for_samples"]


class WithLoss(nn.Module):
    """A model with its loss: the batch's term and count, as one module whose tensors can be exchanged."""

    def __init__(self, model: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.model = model
        self.loss = loss

    def forward(self, batch: Any, count: int) -> tuple[Tensor, float]:
        """The term of the loss, and its count."""
        return self.loss.term(self.model, batch, count)


class saved_bytes:
    """Counts the bytes of all tensors that graphs save while it is entered, without those in ``known``."""

    def __init__(self, known: Sequence[Tensor]) -> None:
        self._seen = {tensor.untyped_storage().data_ptr() for tensor in known}
        self.total = 0
        self._hooks = torch.autograd.graph.saved_tensors_hooks(self._pack, lambda saved: saved)

    def _pack(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self._seen:
            self._seen.add(storage.data_ptr())
            self.total += storage.nbytes()
        return tensor.detach()

    def __enter__(self) -> saved_bytes:
        self._hooks.__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._hooks.__exit__(*exception)


def backward(outputs: Sequence[Tensor], inputs: Sequence[Tensor], seeds: Sequence[Tensor], batched: bool) -> list[Tensor]:
    """The reverse pass from ``outputs`` with ``seeds``, zeros where an input plays no part; the graph is kept."""
    kept = [(output, seed) for output, seed in zip(outputs, seeds) if output.requires_grad]
    if not kept:
        count = [len(seeds[0])] if batched else []
        return [x.new_zeros([*count, *x.shape]) for x in inputs]
    return list(
        torch.autograd.grad(
            [output for output, _ in kept],
            list(inputs),
            [seed for _, seed in kept],
            retain_graph=True,
            is_grads_batched=batched,
            allow_unused=True,
            materialize_grads=True,
        )
    )


class Graph:
    """What is kept of one batch: ``product(v, batched)`` is A v for one direction, or for several at once."""

    #: Whether the loss depends on any of the parameters.
    depends: bool = True

    def product(self, directions: Sequence[Tensor], batched: bool) -> list[Tensor]:
        """A v, one tensor for each parameter; with ``batched`` all tensors have one dimension more, the first."""
        raise NotImplementedError


class HessianGraph(Graph):
    """The gradient of the batch's part of the loss: its derivative along v is H v."""

    def __init__(self, term: Tensor, leaves: Sequence[Tensor]) -> None:
        self._leaves = leaves
        self.depends = term.requires_grad
        if term.requires_grad:
            self._gradient = differentiable([term], leaves)
        else:
            self._gradient = tuple(torch.zeros_like(leaf) for leaf in leaves)

    @property
    def gradient(self) -> list[Tensor]:
        """The gradient itself, one tensor for each parameter."""
        return [part.detach() for part in self._gradient]

    def product(self, directions: Sequence[Tensor], batched: bool) -> list[Tensor]:
        return backward(self._gradient, self._leaves, directions, batched)


#: Layers with the number of dimensions that a single sample has before them.
_OF_SAMPLE = ((nn.Linear, 1), (nn.Conv1d, 2), (nn.Conv2d, 3), (nn.Conv3d, 4))


def watch_for_samples(model: nn.Module, given: Sequence[Tensor], found: list[str]) -> list[Any]:
    """Hooks that note layers to which a tensor of the data goes as a single sample, without a dimension of samples."""
    places = {(tensor.data_ptr(), tensor.shape) for tensor in given if 0 < tensor.ndim < 5}

    def hook(module: nn.Module, inputs: Any) -> None:
        x = inputs[0] if inputs else None
        if isinstance(x, Tensor) and (x.data_ptr(), x.shape) in places:
            if any(isinstance(module, kind) and x.ndim == ndim for kind, ndim in _OF_SAMPLE):
                found.append(type(module).__name__)

    kinds = tuple(kind for kind, _ in _OF_SAMPLE)
    return [module.register_forward_pre_hook(hook) for module in model.modules() if isinstance(module, kinds)]


class Outputs:
    """A hook on a model that keeps its outputs z and hands leaves of the same values on to the loss."""

    def __init__(self) -> None:
        self.z: list[Tensor] = []
        self.leaves: list[Tensor] = []
        #: The type of what the model has returned, and whether tensors of real numbers were in it.
        self.called = ""
        self.seen = False

    def __call__(self, module: nn.Module, inputs: Any, output: Any) -> Any:
        self.called = type(output).__name__
        return self._replaced(output)

    def _replaced(self, output: Any) -> Any:
        if isinstance(output, Tensor):
            self.seen = self.seen or output.is_floating_point()
            if not output.is_floating_point() or not output.requires_grad:
                return output
            leaf = output.detach().requires_grad_()
            self.z.append(output)
            self.leaves.append(leaf)
            return leaf
        if isinstance(output, dict):
            if isinstance(output.get("loss"), Tensor):
                raise InputError(
                    "the model computes its loss by itself, so that its outputs cannot be told from it",
                    "loss_fn",
                    None,
                    "a loss of the outputs, and batches without labels for the model",
                )
            for key in list(output):
                output[key] = self._replaced(output[key])
            return output
        if isinstance(output, tuple) and hasattr(output, "_fields"):
            return type(output)(*(self._replaced(part) for part in output))
        if isinstance(output, (list, tuple)):
            return type(output)(self._replaced(part) for part in output)
        if isinstance(getattr(output, "logits", None), Tensor) or dataclasses.is_dataclass(output):
            changed = copy.copy(output)
            for key, value in list(vars(output).items()):
                object.__setattr__(changed, key, self._replaced(value))
            return changed
        return output


class GaussNewtonGraph(Graph):
    """J^T A J v: the outputs' tangents J v, a matrix A for every sample, and the reverse pass J^T.

    J v is the derivative of J^T u by u, along v, so that nothing but reverse passes is needed. A is the second derivative
    of the loss by the outputs, or factor sum_s d_s d_s^T with vectors d_s for each sample.
    """

    def __init__(
        self, term: Tensor, outputs: Outputs, leaves: Sequence[Tensor], vectors: list[list[Tensor]] | None, factor: float
    ) -> None:
        self._leaves = leaves
        used = [z for z in outputs.z if z.requires_grad]
        self._z = used
        self.depends = bool(used)
        self._at = [leaf for z, leaf in zip(outputs.z, outputs.leaves) if z.requires_grad]
        self._probes = [torch.zeros_like(z, requires_grad=True) for z in used]
        # With d/dz of a loss that does not depend on z there is nothing to differentiate.
        self._slope: tuple[Tensor, ...] = ()
        self._vectors, self._factor = vectors, factor
        if vectors is None and used and term.requires_grad:
            self._slope = differentiable([term], self._at)
        self._reverse = differentiable(used, leaves, self._probes) if used else ()

    def product(self, directions: Sequence[Tensor], batched: bool) -> list[Tensor]:
        tangents = backward(self._reverse, self._probes, directions, batched) if self._z else []
        if self._vectors is None:
            curved = backward(self._slope, self._at, tangents, batched) if self._slope else []
        else:
            curved = self._rank_one(tangents, batched)
        if not curved:
            count = [len(directions[0])] if batched else []
            return [leaf.new_zeros([*count, *leaf.shape]) for leaf in self._leaves]
        return backward(self._z, self._leaves, curved, batched)

    def _rank_one(self, tangents: Sequence[Tensor], batched: bool) -> list[Tensor]:
        assert self._vectors is not None
        out = [torch.zeros_like(t) for t in tangents]
        start = 2 if batched else 1
        for sample in self._vectors:
            along: Any = 0
            for d, t in zip(sample, tangents):
                product = d * t
                along = along + (product.flatten(start).sum(-1) if product.ndim > start else product)
            for o, d in zip(out, sample):
                o += self._factor * along.reshape([*along.shape, *[1] * (d.ndim - 1)]) * d
        return out


def drawn(loss: Loss, z: Tensor, targets: Tensor, samples: int, generator: torch.Generator) -> list[list[Tensor]]:
    """Derivatives of the loss by the outputs for targets drawn from the model's own prediction.

    The second moment of these vectors is the second derivative of the loss: for the cross-entropy with labels from the
    softmax, for binary cross-entropies with labels from the sigmoid, for the squared error with normal targets around the
    outputs.
    """
    if not isinstance(loss, OfOutputs) or not loss.known:
        raise InputError("a function of one's own has no distribution", "loss_fn", None, "a loss of torch.nn")
    module = loss.module
    if isinstance(module, (nn.CrossEntropyLoss, nn.NLLLoss)):
        if targets.is_floating_point() or (module.weight is not None and isinstance(module, nn.CrossEntropyLoss) and module.label_smoothing):
            wanted = "labels that are classes, and not class weights together with smoothing"
            raise InputError("this cross-entropy has no distribution of labels", "loss_fn", None, wanted)
        rows = z if z.ndim > 1 else z[None]
        probabilities = rows.movedim(1, -1).softmax(-1)
        flat = probabilities.reshape(-1, probabilities.shape[-1])
        labels = torch.multinomial(flat, samples, replacement=True, generator=generator)
        weights = (targets != module.ignore_index).to(z.dtype).reshape(-1, 1)
        if module.weight is not None:
            weights = weights * module.weight[targets.clamp(min=0)].sqrt().reshape(-1, 1)
        out = []
        for s in range(samples):
            d = (flat - nn.functional.one_hot(labels[:, s], flat.shape[-1])) * weights
            out.append([d.reshape(probabilities.shape).movedim(-1, 1).reshape(z.shape)])
        return out
    if isinstance(module, nn.BCEWithLogitsLoss) and module.weight is None and module.pos_weight is None:
        p = z.sigmoid()
        return [[p - torch.bernoulli(p, generator=generator)] for _ in range(samples)]
    if isinstance(module, nn.MSELoss):
        return [[torch.empty_like(z).normal_(generator=generator) * 2**0.5] for _ in range(samples)]
    got = type(module).__name__
    wanted = "CrossEntropyLoss, BCEWithLogitsLoss without weights, or MSELoss"
    raise InputError("the Fisher matrix of this loss is not known", "loss_fn", got, wanted)
