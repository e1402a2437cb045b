"""Losses of sequences in the native engine: classes of positions, on graphs that keep positions apart, against float64 PyTorch."""

from __future__ import annotations

import math

import heigen
import numpy as np
import pytest

torch = pytest.importorskip("torch")
nn = torch.nn

from native_modules import Case, hessian_of  # noqa: E402

N, STEPS, CLASSES = 7, 5, 3


class Sequence(nn.Module):
    """Tokens, an attention to what came before, and classes of every position: outputs are [N, positions, classes]."""

    def __init__(self, classes_first):
        super().__init__()
        self.table, self.fc, self.head = nn.Embedding(6, 4), nn.Linear(4, 4), nn.Linear(4, CLASSES, bias=False)
        self.register_buffer("mask", torch.full((STEPS, STEPS), -math.inf).triu(1))
        self.classes_first = classes_first

    def forward(self, tokens):
        h = self.table(tokens)
        h = h + (self.fc(h) @ h.transpose(1, 2) + self.mask).softmax(-1) @ h
        out = self.head(nn.functional.silu(h))
        return out.transpose(1, 2) if self.classes_first else out


WEIGHTS = torch.tensor([1.0, 2.0, 0.5])
LOSSES = {
    "plain": nn.CrossEntropyLoss(),
    "padding": nn.CrossEntropyLoss(ignore_index=0),
    "weights and smoothing": nn.CrossEntropyLoss(WEIGHTS, label_smoothing=0.1),
    "a sum": nn.CrossEntropyLoss(WEIGHTS, reduction="sum"),
}


def case(loss, classes_first):
    torch.manual_seed(4)
    model, X, y = Sequence(classes_first), torch.randint(0, 6, (N, STEPS)), torch.randint(0, CLASSES, (N, STEPS))
    if loss.ignore_index == -100:
        # Positions that do not count, and a sample that does not count at all.
        y[::2, 3:], y[3] = -100, -100
    loss = nn.CrossEntropyLoss(
        None if loss.weight is None else loss.weight.double(), ignore_index=loss.ignore_index,
        label_smoothing=loss.label_smoothing, reduction=loss.reduction,
    )  # fmt: skip
    return Case(model, X, y, loss, lambda out, y: loss(out if classes_first else out.transpose(1, 2), y))


def parts_of(own):
    """The gradient that every sample brings along, by the objective with the divisor of all of them."""
    model = own.model.double()
    names, values = zip(*model.named_parameters())
    out = model(own.X)
    (slope,) = torch.autograd.grad(own.function(out, own.y), out)
    rows = []
    for n in range(N):
        one = torch.func.functional_call(model, dict(zip(names, values)), (own.X[n : n + 1],))
        found = torch.autograd.grad(one, values, slope[n : n + 1])
        rows.append(torch.cat([part.flatten() for part in found]))
    return torch.stack(rows).numpy()


@pytest.mark.parametrize("batch", [None, 3])
@pytest.mark.parametrize("classes_first", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_losses_of_positions_have_the_matrices_of_pytorch(name, classes_first, batch):
    own = case(LOSSES[name], classes_first)
    settings = {"targets": None if classes_first else "positions", "batch": batch, "progress": False, "threads": 1}
    analysis = heigen.analyze(own.model, own.X, own.y, loss=own.loss, **settings)
    wanted = hessian_of(own)
    scale = np.abs(wanted).max()
    near = lambda got, wanted: np.abs(got - wanted).max() < 1e-10 * scale  # noqa: E731
    eye = np.eye(len(wanted))
    assert near(analysis.operator() @ eye, wanted)
    assert analysis.loss == pytest.approx(own.function(own.model.double()(own.X), own.y).item(), rel=1e-12)
    parts = parts_of(own)
    assert analysis.grad_norm == pytest.approx(np.linalg.norm(parts.sum(0)), rel=1e-9)
    counted = int((own.y != own.loss.ignore_index).any(1).sum())
    factor = counted if own.loss.reduction == "mean" else 1
    assert near(analysis.operator("fisher") @ eye, factor * parts.T @ parts)
    ggn = analysis.operator("ggn") @ eye
    assert near(ggn + analysis.operator("remainder") @ eye, wanted)
    assert np.linalg.eigvalsh(ggn)[0] > -1e-10 * scale
