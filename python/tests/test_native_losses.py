"""Losses of ``torch.nn`` in the native engine, with their options and any targets, against float64 autograd."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import heigen

torch = pytest.importorskip("torch")
nn = torch.nn


def network(outputs: int, variances: int = 0) -> torch.nn.Module:
    torch.manual_seed(outputs)
    net = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, outputs))
    if variances:
        with torch.no_grad():
            net[2].bias[-variances:] += 4
    return net


class Normalised(nn.Module):
    """Log-probabilities that no log-softmax makes."""

    def __init__(self) -> None:
        super().__init__()
        self.net = network(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.net(x)
        return out - out.exp().sum(1, keepdim=True).log()


torch.manual_seed(0)
N = 14
X = torch.randn(N, 2)
CLASSES = torch.arange(N) % 3
HOLES = torch.where(torch.arange(N) % 4 == 1, -100, CLASSES)
LINE = torch.randn(N, 1)
PAIRS = torch.randn(N, 2)
LABELS = (torch.rand(N, 3) < 0.4).float()
SOFT = torch.rand(N, 3).softmax(1)
WEIGHTS = torch.tensor([1.0, 2.0, 0.5])

CASES: dict[str, Callable[[], tuple]] = {
    "weights": lambda: (network(3), CLASSES, nn.CrossEntropyLoss(weight=WEIGHTS)),
    "weights and smoothing": lambda: (network(3), CLASSES, nn.CrossEntropyLoss(weight=WEIGHTS, label_smoothing=0.1)),
    "a sum": lambda: (network(3), CLASSES, nn.CrossEntropyLoss(reduction="sum")),
    "labels that are ignored by default": lambda: (network(3), HOLES, nn.CrossEntropyLoss(weight=WEIGHTS)),
    "a class that is ignored": lambda: (network(3), CLASSES, nn.CrossEntropyLoss(ignore_index=2)),
    "probabilities": lambda: (network(3), SOFT, nn.CrossEntropyLoss()),
    "log-probabilities": lambda: (
        nn.Sequential(*network(3), nn.LogSoftmax(1)), CLASSES, nn.NLLLoss(weight=WEIGHTS)
    ),
    "log-probabilities by arithmetic": lambda: (Normalised(), CLASSES, nn.NLLLoss()),
    "one logit": lambda: (network(1), (LINE > 0).float(), nn.BCEWithLogitsLoss(pos_weight=torch.tensor([3.0]))),
    "several labels": lambda: (network(3), LABELS, nn.BCEWithLogitsLoss(pos_weight=WEIGHTS)),
    "squares of one number": lambda: (network(1), LINE, nn.MSELoss()),
    "squares of several numbers": lambda: (network(2), PAIRS, nn.MSELoss()),
    "a sum of squares": lambda: (network(2), PAIRS, nn.MSELoss(reduction="sum")),
    "absolute errors": lambda: (network(1), LINE, nn.L1Loss()),
    "huber": lambda: (network(2), PAIRS, nn.HuberLoss(delta=0.5)),
    "smooth l1": lambda: (network(2), PAIRS, nn.SmoothL1Loss(beta=2.0)),
}  # fmt: skip


def double(value: object) -> object:
    return value.double() if isinstance(value, torch.Tensor) and value.is_floating_point() else value


def hessian(net: torch.nn.Module, loss: Callable, y: torch.Tensor) -> tuple[float, np.ndarray]:
    net, loss, y = net.double(), loss.double() if isinstance(loss, nn.Module) else loss, double(y)
    names = [n for n, _ in net.named_parameters()]
    values = [p.detach() for p in net.parameters()]

    def of(*parts: torch.Tensor) -> torch.Tensor:
        return loss(torch.func.functional_call(net, dict(zip(names, parts)), (X.double(),)), y)

    sizes = [v.numel() for v in values]
    flat = torch.cat([v.flatten() for v in values])
    split = lambda t: [p.view(v.shape) for p, v in zip(t.split(sizes), values)]  # noqa: E731
    matrix = torch.autograd.functional.hessian(lambda t: of(*split(t)), flat)
    return float(of(*values)), np.linalg.eigvalsh(matrix.numpy())


@pytest.mark.parametrize("name", CASES)
def test_losses_have_the_spectra_of_pytorch(name: str) -> None:
    net, y, loss = CASES[name]()
    found = heigen.analyze(net, X, y, loss=loss, progress=False)
    value, wanted = hessian(net, loss, y)
    assert found.loss == pytest.approx(value, rel=1e-10)
    np.testing.assert_allclose(found.eigenvalues, wanted, rtol=0, atol=1e-8 * abs(wanted).max())
    numbers = y.is_floating_point() and name != "one logit"
    assert (found.accuracy is None) == numbers
    assert any("no classes" in note for note in found.notes) == numbers
    if numbers:
        assert len(found.g_theta) == 0
        np.testing.assert_allclose(found.samples[1], y.numpy(), rtol=0, atol=1e-7)
        with pytest.raises(heigen.Error, match="no classes"):
            _ = found.boundary


def test_logits_are_no_log_probabilities() -> None:
    with pytest.raises(heigen.InputError, match="nll takes log-probabilities, and the outputs of .* are none"):
        heigen.analyze(network(3), X, CLASSES, loss=nn.NLLLoss(), progress=False)


def test_means_and_variances() -> None:
    net = network(4, variances=2)
    loss = nn.GaussianNLLLoss(full=True)
    found = heigen.analyze(net, X, PAIRS, loss=loss, progress=False)
    value, wanted = hessian(net, lambda out, y: loss(out[:, :2], y, out[:, 2:]), PAIRS)
    assert found.loss == pytest.approx(value, rel=1e-10)
    np.testing.assert_allclose(found.eigenvalues, wanted, rtol=0, atol=1e-8 * abs(wanted).max())


def test_tokens_in_both_orders() -> None:
    y = torch.randint(0, 3, (N, 2))
    y[::3, 1] = -100
    for targets, shaped in [
        ("positions", lambda out: out.view(N, 2, 3).transpose(1, 2)),
        (None, lambda out: out.view(N, 3, 2)),
    ]:
        net = network(6)
        found = heigen.analyze(net, X, y, loss=nn.CrossEntropyLoss(), targets=targets, progress=False, batch=4)
        value, wanted = hessian(net, lambda out, y: nn.functional.cross_entropy(shaped(out), y), y)
        assert found.loss == pytest.approx(value, rel=1e-10)
        np.testing.assert_allclose(found.eigenvalues, wanted, rtol=0, atol=1e-8 * abs(wanted).max())
        assert found.accuracy is not None


def test_images_of_targets_need_no_word() -> None:
    """Regression: a class for every pixel, and squared errors of images, were refused without `targets`."""
    classes, numbers = torch.randint(0, 3, (N, 2, 2)), torch.randn(N, 3, 2, 2)
    for y, loss in ((classes, nn.CrossEntropyLoss()), (numbers, nn.MSELoss())):
        net = nn.Sequential(*network(12), nn.Unflatten(1, (3, 2, 2)))
        found = heigen.analyze(net, X, y, loss=loss, progress=False)
        value, wanted = hessian(net, loss, y)
        assert found.loss == pytest.approx(value, rel=1e-10)
        np.testing.assert_allclose(found.eigenvalues, wanted, rtol=0, atol=1e-8 * abs(wanted).max())


def test_options_of_named_losses() -> None:
    net = network(2)
    found = heigen.analyze(net, X, PAIRS, loss="huber", loss_args={"delta": 0.5}, progress=False)
    assert found.loss == pytest.approx(hessian(net, nn.HuberLoss(delta=0.5), PAIRS)[0], rel=1e-10)
    with pytest.raises(heigen.Error, match="`beta` is no option of the loss huber"):
        heigen.analyze(net, X, PAIRS, loss="huber", loss_args={"beta": 0.5}, progress=False)
    with pytest.raises(heigen.Error, match="reduction"):
        heigen.analyze(net, X, PAIRS, loss=nn.MSELoss(reduction="none"), progress=False)
