"""Mistakes that people make with operators of PyTorch modules are named before work begins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import heigen  # noqa: E402
import heigen.torch  # noqa: E402
from test_torch_input import CE, Keyed, matrix, problem  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from torch.utils.data import IterableDataset, TensorDataset  # noqa: E402


class Samples(IterableDataset):  # type: ignore[type-arg]
    """Single samples, one after another."""

    def __init__(self, X: Any, y: Any) -> None:
        self.X, self.y = X, y

    def __iter__(self) -> Any:
        return iter(zip(self.X, self.y))


def mistakes() -> dict[str, tuple[Any, str]]:
    model, X, y = problem()
    bad = X.clone()
    bad[3, 1] = float("nan")
    loss = lambda m, b: F.cross_entropy(m(b[0]), b[1])  # noqa: E731
    return {
        "no model": ((np.eye(2), (X, y), CE), "no model"),
        "no data": ((model, [], CE), "empty"),
        "an empty batch": ((model, (X[:0], y[:0]), CE), "empty"),
        "a generator": ((model, iter([(X, y)]), CE), "once only"),
        "a data set": ((model, TensorDataset(X, y), CE), "DataLoader"),
        "a number": ((model, 3, CE), "no data"),
        "no targets": ((model, [X], CE), "no targets"),
        "inputs of another width": ((model, (X[:, :3], y), CE), "fails.*shape"),
        "inputs of another type": ((model, (X.float(), y), CE), "fails.*(dtype|Float)"),
        "more labels than inputs": ((model, (X[:-1], y), CE), "fails"),
        "a label out of range": ((model, (X, y + 1), CE), "label is out of range.*3.*0 to 2"),
        "a negative label": ((model, (X, y - 1), CE), "label is out of range.*-1"),
        "labels that are all ignored": ((model, (X, 0 * y - 100), CE), "no sample counts"),
        "an infinite loss": ((model, (bad, y), CE), "not finite"),
        "a loss for each sample": ((model, (X, y), nn.CrossEntropyLoss(reduction="none")), "not one number"),
        "a loss with several numbers": ((model, (X, y), lambda m, b: m(b[0])), "not one number"),
        "a loss that is no tensor": ((model, (X, y), lambda m, b: 1.0), "no tensor"),
        "a loss that fails": ((model, (X, y), lambda m, b: m(b["x"])), "fails.*TypeError"),
        "an unknown word": ((model, (X, y), "crossentropy"), "not known by name"),
        "no loss": ((model, (X, y), 3), "no loss"),
        "another reduction": ((model, (X, y), nn.MSELoss(reduction="sum"), {"reduction": "mean"}), "reduction"),
        "an unknown reduction": ((model, (X, y), loss, {"reduction": "none"}), "reduction"),
        "a part of nothing": ((model, (X, y), CE, {"microbatch": 0}), "microbatch"),
        "data on another device": ((model, (X.to("meta"), y), CE), "different devices.*meta"),
        "a model without values": ((nn.Linear(4, 3, device="meta"), (X, y), CE), "meta"),
        "a model without parameters": ((nn.Tanh(), (X, y), CE), "without parameters"),
        "a lazy layer": ((nn.LazyLinear(3), (X, y), CE), "lazy"),
        "a list of single samples": ((model, list(zip(X, y)), CE), "single sample.*DataLoader"),
        "a list of samples with several targets": ((nn.Sequential(model[0]), list(zip(X, torch.randn(9, 5))), nn.MSELoss()), "single sample"),
        "a data set that gives samples one by one": ((model, Samples(X, y), CE), "single sample.*DataLoader"),
        "the same with a function": ((model, Samples(X, y), lambda m, b: CE(m(b[0]), b[1])), "single sample.*DataLoader"),
        "a function of outputs and targets": ((model, (X, y), lambda z, t: CE(z, t)), "called as loss_fn\\(model, batch\\)"),
        "no loss with a pair": ((model, (X, y), None), "no loss_fn is given"),
        "a class of losses": ((model, (X, y), nn.CrossEntropyLoss), "CrossEntropyLoss\\(\\)"),
        "data as two arguments": ((model, X, y, CE), "one argument, a pair"),
        "data as two arguments without loss": ((model, X, y), "data are one argument"),
        "weight decay": ((model, (X, y), CE, {"weight_decay": 0.001}), "op.shift\\(0.001\\)"),
        "labels that are halves": ((model, (X, y + 0.5), CE), "labels are numbers of classes"),
        "a text as data": ((model, "data.pt", CE), "no data.*text"),
        "texts as data": ((model, ("X", "y"), CE), "no data.*text"),
        "texts as labels": ((model, (X, ["a"] * 9), CE), "targets are no numbers.*list"),
        "an array of objects": ((model, (X, np.array([None] * 9)), CE), "targets are no numbers.*ndarray"),
        "an unknown type": ((model, (X, y), CE, {"dtype": "foo"}), "two types.*foo"),
        "half a sample": ((model, (X, y), CE, {"microbatch": 2.5}), "microbatch.*integer"),
        "parameters by number": ((model, (X, y), CE, {"params": 3}), "params.*int"),
        "memory as a text": ((model, (X, y), CE, {"memory": "x"}), "memory.*number"),
        "yes": ((model, (X, y), CE, {"batched": "yes"}), "batched"),
    }


@pytest.mark.parametrize("name", list(mistakes()))
def test_mistakes_are_named_before_work_begins(name: str) -> None:
    arguments, pattern = mistakes()[name]
    options = arguments[-1] if isinstance(arguments[-1], dict) else {}
    with pytest.raises(heigen.Error, match="(?s)" + pattern) as caught:
        heigen.torch.Hessian(*arguments[: len(arguments) - bool(options)], **options)
    assert len(str(caught.value)) < 400


def test_a_gauss_newton_matrix_needs_the_outputs() -> None:
    model, X, y = problem()
    with pytest.raises(heigen.InputError, match="computes its loss by itself"):
        matrix(Keyed(model), {"features": X, "labels": y}, None, kind=heigen.torch.GGN)
    with pytest.raises(heigen.InputError, match="does not call the model"):
        matrix(model, (X, y), lambda m, b: F.cross_entropy(m[2](m[1](m[0](b[0]))), b[1]), kind=heigen.torch.GGN)
    with pytest.raises(heigen.InputError, match="Fisher matrix of this loss"):
        matrix(model, (X, torch.randn(9, 3).double()), nn.L1Loss(), kind=heigen.torch.Fisher)
    with pytest.raises(heigen.InputError, match="mc_samples"):
        heigen.torch.Fisher(model, (X, y), CE, mc_samples=0)
    with pytest.raises(heigen.WrongTypeError, match="mc_samples"):
        heigen.torch.Fisher(model, (X, y), CE, mc_samples=1.5)
    with pytest.raises(heigen.WrongTypeError, match="seed"):
        heigen.torch.Fisher(model, (X, y), CE, seed="a")
