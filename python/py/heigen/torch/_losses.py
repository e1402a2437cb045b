"""Losses of PyTorch, and functions of the user's, as sums over samples with the number that their mean divides by."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from heigen._errors import InputError, WrongTypeError
from heigen.torch._settings import warn

__all__ = ["Loss", "OfModel", "OfOutputs", "as_loss"]

#: PyTorch's functions that are losses, by name, and the modules of the same definition.
_FUNCTIONS: dict[str, type[nn.Module]] = {
    "binary_cross_entropy": nn.BCELoss,
    "binary_cross_entropy_with_logits": nn.BCEWithLogitsLoss,
    "cross_entropy": nn.CrossEntropyLoss,
    "hinge_embedding_loss": nn.HingeEmbeddingLoss,
    "huber_loss": nn.HuberLoss,
    "kl_div": nn.KLDivLoss,
    "l1_loss": nn.L1Loss,
    "mse_loss": nn.MSELoss,
    "multi_margin_loss": nn.MultiMarginLoss,
    "multilabel_margin_loss": nn.MultiLabelMarginLoss,
    "multilabel_soft_margin_loss": nn.MultiLabelSoftMarginLoss,
    "nll_loss": nn.NLLLoss,
    "poisson_nll_loss": nn.PoissonNLLLoss,
    "smooth_l1_loss": nn.SmoothL1Loss,
    "soft_margin_loss": nn.SoftMarginLoss,
}


class _GaussianNLL(nn.Module):
    """The likelihood of normal distributions, of which a model has first all means and then all variances."""

    def __init__(self, given: nn.GaussianNLLLoss | None = None) -> None:
        super().__init__()
        given = given or nn.GaussianNLLLoss()
        self.full, self.eps, self.reduction = given.full, given.eps, given.reduction

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of outputs [N, 2 D] for targets [N, D]."""
        if outputs.ndim != 2 or outputs.shape[1] % 2:
            raise InputError("means and variances are outputs in pairs", "model", tuple(outputs.shape), "(N, 2 D)")
        means, variances = outputs.chunk(2, 1)
        targets = targets.reshape(means.shape) if targets.numel() == means.numel() else targets
        return functional.gaussian_nll_loss(
            means, targets, variances, full=self.full, eps=self.eps, reduction=self.reduction
        )


#: Words for losses, as the native analysis has them.
_WORDS: dict[str, Callable[[], nn.Module]] = {
    "cross_entropy": nn.CrossEntropyLoss,
    "mse": nn.MSELoss,
    "nll": nn.NLLLoss,
    "hinge": nn.MultiMarginLoss,
    "binary_cross_entropy_with_logits": nn.BCEWithLogitsLoss,
    "l1": nn.L1Loss,
    "huber": nn.HuberLoss,
    "smooth_l1": nn.SmoothL1Loss,
    "gaussian_nll": _GaussianNLL,
}
_OTHER_WORDS = {"multi_margin": "hinge", "bce_with_logits": "binary_cross_entropy_with_logits"}
#: Losses whose mean is over the samples, not over all entries of the outputs.
_PER_SAMPLE = (nn.MultiMarginLoss, nn.MultiLabelMarginLoss, nn.MultiLabelSoftMarginLoss)
#: Losses of classes, and those that take a class as its one-hot targets.
_OF_CLASSES = (nn.CrossEntropyLoss, nn.NLLLoss, nn.MultiMarginLoss)
_BY_OUTPUT = (nn.MSELoss, nn.L1Loss, nn.HuberLoss, nn.SmoothL1Loss, nn.BCEWithLogitsLoss)
_WANTED = "a loss of torch.nn, or loss_fn(model, batch)"


class Loss:
    """L = (sum of the terms of all batches) / (sum of their counts), without the division for a sum."""

    reduction: str
    #: Whether the term of a batch is the sum of terms of its samples, so that the batch may be cut.
    additive: bool = True

    def term(self, model: nn.Module, batch: Any, count: int) -> tuple[Tensor, float]:
        """The batch's term and its count; ``count`` is its number of samples."""
        raise NotImplementedError

    def to(self, dtype: torch.dtype) -> Loss:
        """The same loss with its own tensors in another type."""
        return self

    def divisor(self, counts: float) -> float:
        """What the sum of all terms is divided by."""
        return counts if self.reduction == "mean" else 1.0


def call(model: nn.Module, inputs: Any) -> Tensor:
    """The outputs of a model, whatever form its inputs have; of a structure with logits, the logits; of a tuple, the first."""
    if isinstance(inputs, dict) or (hasattr(inputs, "keys") and hasattr(inputs, "__getitem__")):
        outputs = model(**inputs)
    elif isinstance(inputs, (tuple, list)):
        outputs = model(*inputs)
    else:
        outputs = model(inputs)
    outputs = outputs["logits"] if isinstance(outputs, Mapping) and "logits" in outputs else getattr(outputs, "logits", outputs)
    if isinstance(outputs, (tuple, list)) and outputs and isinstance(outputs[0], Tensor):
        outputs = outputs[0]
    if not isinstance(outputs, Tensor):
        got = f"a {type(outputs).__name__}"
        raise WrongTypeError("the model's output is no tensor", "model", got, "a tensor, or loss_fn(model, batch)")
    return outputs


class OfOutputs(Loss):
    """A loss of outputs and targets: a module, or a function of PyTorch's."""

    def __init__(self, module: nn.Module, reduction: str, known: bool) -> None:
        self.module, self.reduction, self.known = module, reduction, known

    def to(self, dtype: torch.dtype) -> OfOutputs:
        """The same loss with its own tensors, such as class weights, in another type."""
        return OfOutputs(copy.deepcopy(self.module).to(dtype), self.reduction, self.known)

    def term(self, model: nn.Module, batch: Any, count: int) -> tuple[Tensor, float]:
        """The sum of the losses of the batch's samples, and what its mean would divide by."""
        from heigen.torch._data import pair

        inputs, targets = pair(batch)
        outputs = call(model, inputs)
        targets = self.targets(outputs, targets)
        self.check(outputs, targets)
        return self.of(outputs, targets, count)

    def targets(self, outputs: Tensor, targets: Any) -> Any:
        """Targets in the type and the shape that the loss wants: labels as integers of 64 bits, all else as the outputs."""
        module = self.module
        if not isinstance(targets, Tensor):
            if self.known:
                raise WrongTypeError("targets are no numbers", "data", f"a {type(targets).__name__}", "a tensor or an array")
            return targets
        if not self.known:
            return targets.to(outputs.dtype) if targets.is_floating_point() else targets
        if isinstance(module, _OF_CLASSES):
            if isinstance(module, nn.CrossEntropyLoss) and targets.is_floating_point() and targets.shape == outputs.shape:
                return targets.to(outputs.dtype)
            wanted = (len(outputs), *outputs.shape[2:]) if outputs.ndim > 1 else ()
            if targets.shape == (*wanted, 1):
                targets = targets.reshape(wanted)
            return self._classes(targets)
        if isinstance(module, nn.MultiLabelMarginLoss):
            return self._classes(targets)
        whole = not targets.is_floating_point()
        if whole and isinstance(module, _BY_OUTPUT) and targets.ndim == 1 and outputs.ndim == 2 and outputs.shape[1] > 1:
            self._in_range(targets, outputs.shape[1])
            targets = functional.one_hot(targets.long(), outputs.shape[1])
        if isinstance(module, (nn.BCELoss, nn.BCEWithLogitsLoss)) and targets.numel() == outputs.numel():
            if targets.shape in ((*outputs.shape, 1), outputs.shape[:-1]):
                targets = targets.reshape(outputs.shape)
        return targets.to(outputs.dtype)

    @staticmethod
    def _classes(targets: Tensor) -> Tensor:
        if targets.is_floating_point() and not bool((targets == targets.round()).all()):
            raise InputError("labels are numbers of classes", "data", f"labels of {targets.dtype}", "integers")
        if targets.is_complex():
            raise InputError("labels are numbers of classes", "data", f"labels of {targets.dtype}", "integers")
        return targets.long()

    @staticmethod
    def _in_range(labels: Tensor, classes: int, ignored: int | None = None) -> None:
        bad = (labels < 0) | (labels >= classes)
        bad = labels[bad if ignored is None else bad & (labels != ignored)]
        if bad.numel():
            raise InputError("a label is out of range", "data", int(bad.flatten()[0]), f"0 to {classes - 1}")

    def of(self, outputs: Tensor, targets: Any, count: int) -> tuple[Tensor, float]:
        """The term and count from outputs and targets."""
        value = self.module(outputs, targets)
        if not self.known:
            return (value, 1.0) if self.reduction == "sum" else (value * count, float(count))
        return value, self._count(outputs, targets, count)

    def _count(self, outputs: Tensor, targets: Tensor, count: int) -> float:
        module = self.module
        if isinstance(module, (nn.CrossEntropyLoss, nn.NLLLoss)):
            if targets.is_floating_point():
                return float(outputs.numel() / outputs.shape[1 if outputs.ndim > 1 else 0])
            kept = targets != module.ignore_index
            if module.weight is None:
                return float(kept.sum())
            return float(module.weight[targets[kept]].sum(dtype=torch.float64))
        if isinstance(module, _PER_SAMPLE) or getattr(module, "heigen_batchmean", False):
            return float(count)
        if isinstance(module, _GaussianNLL):
            return outputs.numel() / 2
        return float(np.prod(np.broadcast_shapes(tuple(outputs.shape), tuple(targets.shape))))

    def check(self, outputs: Tensor, targets: Any) -> None:
        """Refuses targets that PyTorch would stop the whole device for."""
        if not isinstance(self.module, _OF_CLASSES) or not isinstance(targets, Tensor) or targets.is_floating_point():
            return
        classes = outputs.shape[1 if outputs.ndim > 1 else 0]
        self._in_range(targets, classes, getattr(self.module, "ignore_index", None))


class OfModel(Loss):
    """A function ``loss_fn(model, batch)`` of the user's, which may return (loss, what its mean divides by)."""

    def __init__(self, function: Callable[[nn.Module, Any], Any], reduction: str) -> None:
        self.function, self.reduction = function, reduction

    def term(self, model: nn.Module, batch: Any, count: int) -> tuple[Tensor, float]:
        """The loss of the batch, times its count where it is a mean."""
        value = self.function(model, batch)
        divides: float = count
        if isinstance(value, tuple) and len(value) == 2:
            value, divides = value[0], float(value[1])
        if not isinstance(value, Tensor):
            raise WrongTypeError("the loss is no tensor", "loss_fn", f"a {type(value).__name__}", "a tensor with one number")
        if self.reduction == "sum":
            return value, 1.0
        return value * divides, float(divides)


class OfItself(OfModel):
    """The loss that a model returns by itself when it is called with a batch that has labels (Hugging Face)."""

    def __init__(self) -> None:
        def own(model: nn.Module, batch: Any) -> Tensor:
            if not isinstance(batch, Mapping):
                raise InputError("no loss_fn is given", "loss_fn", None, f"{_WANTED}")
            loss = getattr(model(**batch), "loss", None)
            if loss is None:
                raise InputError("the model returns no loss of its own", "loss_fn", None, "a loss")
            return loss  # type: ignore[no-any-return]

        super().__init__(own, "mean")


def as_loss(loss: Any, reduction: str | None) -> Loss:
    """The loss that is meant by a module, a function of PyTorch's, a word, or ``loss_fn(model, batch)``."""
    if reduction not in (None, "mean", "sum"):
        raise InputError("this is no reduction", "reduction", repr(reduction), "'mean' or 'sum'")
    if loss is None:
        return OfItself()
    if isinstance(loss, str):
        word = loss.removesuffix("_loss")
        word = _OTHER_WORDS.get(word, word)
        if word not in _WORDS:
            raise InputError("this loss is not known by name", "loss_fn", repr(loss), f"one of {', '.join(_WORDS)}")
        loss = _WORDS[word]()
    if isinstance(loss, type) and issubclass(loss, nn.Module):
        got = f"the class {loss.__name__}"
        raise WrongTypeError("a loss is expected, not a class of losses", "loss_fn", got, f"{loss.__name__}()")
    if isinstance(loss, (Tensor, np.ndarray, list, tuple)):
        raise WrongTypeError(
            "data are one argument, and the loss is another", "loss_fn", f"a {type(loss).__name__}", "Hessian(model, (X, y), loss)"
        )
    base: Any = loss
    keywords: dict[str, Any] = {}
    while isinstance(base, functools.partial) and not base.args:
        base, keywords = base.func, {**base.keywords, **keywords}
    name = getattr(base, "__name__", "")
    if name in _FUNCTIONS and getattr(functional, name, None) is base:
        known = {"size_average", "reduce"} ^ keywords.keys() if keywords.keys() & {"size_average", "reduce"} else set()
        if known:
            raise InputError("deprecated options of the loss are not known", "loss_fn", sorted(keywords), "reduction=...")
        accepted = inspect.signature(_FUNCTIONS[name].__init__).parameters
        unknown = [key for key in keywords if key not in accepted]
        if unknown:
            raise InputError("an option of the loss is not known", "loss_fn", unknown[0], f"one of {', '.join(accepted)}")
        loss = _FUNCTIONS[name](**keywords)
    if isinstance(loss, nn.Module):
        return _of_module(loss, reduction)
    if callable(loss):
        return OfModel(loss, reduction or "mean")
    raise WrongTypeError("this is no loss", "loss_fn", f"a {type(loss).__name__}", _WANTED)


def _of_module(module: nn.Module, reduction: str | None) -> Loss:
    own = getattr(module, "reduction", reduction or "mean")
    if own not in ("mean", "sum", "batchmean"):
        raise InputError("the loss is not one number", "loss_fn", f"reduction={own!r}", "reduction 'mean' or 'sum'")
    if reduction is not None and reduction != ("sum" if own == "sum" else "mean"):
        raise InputError("the loss has another reduction of its own", "reduction", repr(reduction), repr(own))
    if type(module) is nn.GaussianNLLLoss:
        module = _GaussianNLL(module)
    kinds: list[Any] = [kind for kind in (*_FUNCTIONS.values(), _GaussianNLL) if isinstance(module, kind)]
    # A class of one's own with the forward pass of one of PyTorch's is that one.
    known = any(type(module).forward is kind.forward for kind in kinds)
    if kinds and not known and own != "sum":
        warn(
            f"{type(module).__name__} has a forward pass of its own: L is the mean of its values over batches, weighted with "
            "their numbers of samples; a loss_fn(model, batch) may return (loss, count)"
        )
    if known:
        module = copy.deepcopy(module)
        setattr(module, "reduction", "sum")
        if own == "batchmean":
            module.heigen_batchmean = True  # type: ignore[assignment]
    return OfOutputs(module, "sum" if own == "sum" else "mean", known)
