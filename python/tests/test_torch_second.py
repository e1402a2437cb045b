"""Functions without a second derivative, or with a wrong one, are computed by their formulas or refused by name."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import heigen  # noqa: E402
import heigen.torch  # noqa: E402
from test_torch_input import CE, matrix  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from torch.nn.utils import parametrizations  # noqa: E402
from torch.utils.checkpoint import checkpoint  # noqa: E402

torch.set_num_threads(1)
Y = torch.arange(7) % 3


class Using(nn.Module):
    """A module with a forward pass of one's own."""

    def __init__(self, forward: Any, **parts: nn.Module) -> None:
        super().__init__()
        self.run = forward
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Tensor) -> Any:
        return self.run(self, x)


def differences(model: nn.Module, X: Tensor, loss: Any, y: Tensor) -> np.ndarray:
    """The Hessian by central differences of the gradient."""
    parameters = list(model.parameters())
    theta = nn.utils.parameters_to_vector(parameters).detach().clone()

    def gradient(at: Tensor) -> Tensor:
        nn.utils.vector_to_parameters(at, parameters)
        model.zero_grad()
        loss(model(X), y).backward()
        parts = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
        return torch.cat([(part.to_dense() if part.is_sparse else part).reshape(-1) for part in parts])

    step = 1e-5
    rows = [(gradient(theta + step * e) - gradient(theta - step * e)) / (2 * step) for e in torch.eye(len(theta)).double()]
    nn.utils.vector_to_parameters(theta, parameters)
    return torch.stack(rows).numpy()


def flash(m: Any, x: Tensor) -> Tensor:
    with nn.attention.sdpa_kernel(nn.attention.SDPBackend.FLASH_ATTENTION):
        q = m.q(x)[:, None]
        return m.h(F.scaled_dot_product_attention(q, q, x[:, None])[:, 0].mean(1))


def bag(mode: str, **options: Any) -> tuple[nn.Module, Tensor]:
    table = nn.EmbeddingBag(5, 4, mode=mode, **options)
    return Using(lambda m, t: m.h(torch.tanh(m.e(t))), e=table, h=nn.Linear(4, 3)), torch.randint(0, 5, (7, 4))


def compiled() -> nn.Module:
    model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))
    model.compile(backend="aot_eager")
    return model


def modules() -> dict[str, tuple[nn.Module, Tensor]]:
    torch.manual_seed(1)
    X, tokens = torch.randn(7, 4).double(), torch.randint(0, 5, (7, 4))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        old = nn.utils.weight_norm(nn.Linear(4, 5).double())
        old_in_all = nn.utils.weight_norm(nn.Linear(4, 5).double(), dim=None)

    def net(first: nn.Module) -> nn.Module:
        return nn.Sequential(first, nn.Tanh(), nn.Linear(5, 3))

    return {
        "weight normalisation": (net(parametrizations.weight_norm(nn.Linear(4, 5))), X),
        "weight normalisation along columns": (net(parametrizations.weight_norm(nn.Linear(4, 5), dim=1)), X),
        "weight normalisation by hooks": (net(old), X),
        "weight normalisation of a whole matrix": (net(old_in_all), X),
        "flash attention": (Using(flash, q=nn.Linear(4, 4), h=nn.Linear(4, 3)), torch.randn(7, 5, 4).double()),
        "a sum of embeddings": bag("sum", padding_idx=0),
        "a mean of embeddings": bag("mean", padding_idx=4),
        "a maximum of embeddings": bag("max"),
        "sparse embeddings": (
            Using(lambda m, t: m.h(torch.tanh(m.e(t)).mean(1)), e=nn.Embedding(5, 4, sparse=True), h=nn.Linear(4, 3)), tokens,
        ),
        "sparse sums of embeddings": bag("sum", sparse=True),
        "a re-entrant checkpoint": (
            Using(lambda m, x: m.h(checkpoint(m.a, x, use_reentrant=True)), a=net(nn.Linear(4, 5)), h=nn.Linear(3, 3)),
            X.requires_grad_(),
        ),
        "a model compiled in place": (compiled(), X.detach()),
    }  # fmt: skip


@pytest.mark.parametrize("name", list(modules()))
def test_fused_functions_had_no_second_derivative_or_a_wrong_one(name: str) -> None:
    model, X = modules()[name]
    model = model.double()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = differences(model, X, CE, Y)
        for batched in (False, True):
            got = matrix(model, (X, Y), CE, batched=batched)
            assert np.abs(got - wanted).max() < 1e-8 * max(1, np.abs(wanted).max())
        ggn = matrix(model, (X, Y), CE, kind=heigen.torch.GGN)
    last = slice(len(wanted) - 3, None)
    # The loss is convex, and the model linear in the last bias.
    assert np.abs(ggn[last, last] - wanted[last, last]).max() < 1e-8 and np.linalg.eigvalsh(ggn)[0] > -1e-12


def test_a_bag_of_given_places_and_weights() -> None:
    torch.manual_seed(2)
    ids, offsets, weights = torch.randint(0, 5, (9,)), torch.tensor([0, 3, 3, 7]), torch.randn(9).double()
    from heigen.torch._unfused import Unfused

    for options in ({"per_sample_weights": weights, "mode": "sum"}, {"mode": "mean"}, {"mode": "max"}, {"padding_idx": -1}):
        table = torch.randn(5, 4).double().requires_grad_()
        wanted = F.embedding_bag(ids, table, offsets, **options)  # type: ignore[arg-type]
        with Unfused():
            got = F.embedding_bag(ids, table, offsets, **options)  # type: ignore[arg-type]
        assert (got - wanted).abs().max() < 1e-15
        slopes = [torch.autograd.grad((z * z).sum(), table)[0] for z in (got, wanted)]
        assert (slopes[0] - slopes[1]).abs().max() < 1e-14


MARGINS = {
    "hinge": ("hinge", F.multi_margin_loss, Y),
    "hinge with options": (
        nn.MultiMarginLoss(p=2, margin=0.7, weight=torch.tensor([1.0, 2.0, 0.5]).double()),
        lambda z, y: F.multi_margin_loss(z, y, 2, 0.7, torch.tensor([1.0, 2.0, 0.5]).double()), Y,
    ),
    "several labels": (
        nn.MultiLabelMarginLoss(), F.multilabel_margin_loss,
        torch.tensor([[0, 2, -1], [1, -1, 0], [2, 1, 0], [-1, 0, 1], [0, -1, -1], [2, -1, 2], [1, 0, -1]]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(MARGINS))
def test_losses_of_margins_had_no_second_derivative(name: str) -> None:
    loss, function, y = MARGINS[name]
    torch.manual_seed(0)
    model, X = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double(), torch.randn(7, 4).double()
    op = heigen.torch.Hessian(model, [(X[:3], y[:3]), (X[3:], y[3:])], loss)
    wanted = differences(model, X, function, y)
    assert np.abs(op @ np.eye(op.shape[0]) - wanted).max() < 1e-8
    assert abs(op.loss - float(function(model(X), y).detach())) < 1e-15


class Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[misc]
    def backward(ctx: Any, g: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return g * 3 * x**2


class Detached(Once):
    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return torch.from_numpy(g.detach().numpy() * 3 * x.detach().numpy() ** 2)


class Right(Once):
    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return g * 3 * x**2


def cube(function: Any) -> nn.Module:
    torch.manual_seed(0)
    return Using(lambda m, x: m.b(function.apply(m.a(x))), a=nn.Linear(4, 5), b=nn.Linear(5, 3)).double()


@pytest.mark.parametrize("kind", ["Hessian", "GGN", "EmpiricalFisher", "Fisher"])
@pytest.mark.parametrize("function", [Once, Detached])
@pytest.mark.parametrize("params", [None, "a"])
def test_a_function_without_second_derivative_had_a_matrix_of_zeros(kind: str, function: Any, params: Any) -> None:
    X = torch.randn(7, 4).double()
    make = getattr(heigen.torch, kind)
    with pytest.raises(heigen.InputError, match=f"no second derivative; got {function.__name__}"):
        make(cube(function), (X, Y), CE, params=params)
    right = cube(Right)
    op = make(right, (X, Y), CE, params=params)
    if kind == "Hessian" and params is None:
        assert np.abs(op @ np.eye(op.shape[0]) - differences(right, X, CE, Y)).max() < 1e-7
    # The gradient of the head has nothing to do with it.
    if kind != "Hessian":
        make(cube(function), (X, Y), CE, params="b")


def test_a_function_without_second_derivative_behind_a_constant_slope() -> None:
    X = torch.randn(7, 4).double()
    model = Using(lambda m, x: Once.apply(m.a(x)), a=nn.Linear(4, 3)).double()
    with pytest.raises(heigen.InputError, match="no second derivative; got Once"):
        heigen.torch.Hessian(model, (X, Y), lambda m, b: m(b[0]).sum())


def test_the_engine_differentiates_the_operations_of_such_a_function() -> None:
    X = torch.randn(7, 4).double()
    try:
        analysis = heigen.analyze(cube(Once), X, Y, progress=False, threads=1)
    except heigen.UnsupportedModelError:
        return
    wanted = np.linalg.eigvalsh(differences(cube(Right), X, CE, Y))
    assert np.abs(analysis.eigenvalues - wanted).max() < 1e-6 * np.abs(wanted).max()


def segments(m: Any, x: Tensor) -> Tensor:
    return torch.segment_reduce(m.a(x).repeat_interleave(2, 0), "mean", lengths=torch.full((len(x),), 2))


def test_a_missing_derivative_of_pytorch_showed_at_the_first_product() -> None:
    for kind in (heigen.torch.Hessian, heigen.torch.GGN):
        with pytest.raises(heigen.InputError, match="batch 0: the second derivative fails: .*not implemented"):
            kind(Using(segments, a=nn.Linear(4, 3)), (torch.randn(7, 4), Y), CE)


def test_a_fisher_matrix_of_an_unknown_loss_showed_at_the_first_product() -> None:
    model = nn.Linear(4, 3)
    with pytest.raises(heigen.InputError, match="no distribution"):
        heigen.torch.Fisher(model, (torch.randn(7, 4), Y), lambda m, b: CE(m(b[0]), b[1]))


def test_outputs_in_a_structure_were_not_seen() -> None:
    X = torch.randn(7, 4).double()
    plain = nn.Linear(4, 3).double()
    wanted = matrix(plain, (X, Y), CE, kind=heigen.torch.GGN)
    forms: list[Any] = [lambda z: SimpleNamespace(logits=z), lambda z: {"logits": z}, lambda z: (z, None), lambda z: [z]]
    for form in forms:
        model = Using(lambda m, x, form=form: form(m.a(x)), a=plain)
        for kind in (heigen.torch.GGN, heigen.torch.Hessian):
            assert np.abs(matrix(model, (X, Y), CE, kind=kind) - wanted).max() < 1e-15


def test_a_loss_without_the_parameters_is_warned_of() -> None:
    model = Using(lambda m, x: m.a(x).detach(), a=nn.Linear(4, 3))
    for kind in (heigen.torch.Hessian, heigen.torch.GGN):
        with pytest.warns(heigen.Warning, match="does not depend on the parameters"):
            assert not matrix(model, (torch.randn(7, 4), Y), CE, kind=kind).any()
