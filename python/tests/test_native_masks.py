"""Masks of infinite numbers in the native engine: numbers are PyTorch's, and nothing is NaN that is a number there."""

from __future__ import annotations

import math

import heigen
import numpy as np
import pytest

torch = pytest.importorskip("torch")
nn = torch.nn

from native_modules import Case, hessian_of  # noqa: E402
from torch.nn import functional  # noqa: E402

CAUSAL = torch.full((9, 9), -math.inf).triu(1)
#: The second of nine positions sees nothing.
BLIND = torch.where(torch.arange(9)[:, None] == 1, -math.inf, CAUSAL)
PADDED = torch.tensor([-math.inf, 0, 0, -math.inf, 0, 0, -math.inf, 0, 0])


class Masked(nn.Module):
    """Nine positions of four numbers, a function of them and of a mask, and a mean over positions."""

    def __init__(self, function, mask):
        super().__init__()
        self.inner, self.outer, self.function = nn.Linear(2, 4), nn.Linear(4, 3), function
        self.register_buffer("mask", mask)

    def forward(self, x):
        return self.outer(self.function(self.inner(x), self.mask).mean(1))


def attended(h, mask):
    return (h @ h.transpose(1, 2) + mask).softmax(-1) @ h


def log_attended(h, mask):
    return (h @ h.transpose(1, 2) + mask).log_softmax(-1).exp() @ h


def fused(h, mask):
    return functional.scaled_dot_product_attention(h, h, h, mask)


def largest(h, mask):
    return (h + mask[:, None]).amax(1, keepdim=True) + h.tanh()


def log_sum(h, mask):
    return (h + mask[:, None]).logsumexp(1, keepdim=True) + h.tanh()


def chosen(h, mask):
    filled = torch.where(mask[:, None] == 0, h, mask[:, None])
    return torch.where(mask[:, None] == -math.inf, h.tanh(), filled) + filled.softmax(1)


def gated(h, mask):
    return h.tanh() * torch.sigmoid(h + mask[:, None]) + torch.exp(h + mask[:, None]) + torch.maximum(h + mask[:, None], h)


CASES = {
    "softmax": (attended, CAUSAL),
    "log-softmax": (log_attended, CAUSAL),
    "fused attention": (fused, CAUSAL),
    "a position that sees nothing": (fused, BLIND),
    "truth values": (fused, BLIND == 0),
    "largest entries": (largest, PADDED),
    "log-sum-exp": (log_sum, PADDED),
    "comparisons and choices": (chosen, PADDED),
    "functions of infinite numbers": (gated, PADDED),
}


def case(name):
    torch.manual_seed(5)
    return Case(Masked(*CASES[name]), torch.randn(7, 9, 2), torch.arange(7) % 3)


@pytest.mark.parametrize("name", CASES)
def test_masks_of_infinite_numbers_were_refused(name):
    own = case(name)
    analysis = heigen.analyze(own.model, own.X, own.y, progress=False, threads=1)
    wanted = hessian_of(own)
    assert np.isfinite(wanted).all()
    assert np.abs(analysis.operator() @ np.eye(len(wanted)) - wanted).max() < 1e-10 * np.abs(wanted).max()
    assert np.isfinite(analysis.operator("ggn") @ np.ones(len(wanted))).all()
    assert np.isfinite(analysis.alignments).all()


def test_masks_of_files(tmp_path):
    from heigen.torch._export import network_of
    from safetensors.numpy import save_file

    own = case("softmax")
    network = network_of(own.model.eval(), own.X[:2])
    assert any(np.isinf(tensor).any() for tensor in network.tensors.values())
    file = tmp_path / "net.safetensors"
    save_file({name: np.asarray(tensor) for name, tensor in network.tensors.items()}, file)
    analysis = heigen.analyze((network.architecture, file), own.X, own.y, progress=False, folder=tmp_path / "results")
    wanted = np.linalg.eigvalsh(hessian_of(own))
    again = heigen.load(tmp_path / "results")
    for found in (analysis, again):
        assert np.abs(found.eigenvalues - wanted).max() < 1e-10 * np.abs(wanted).max()
    assert np.isfinite(again.operator() @ np.ones(again.n_params)).all()


@pytest.mark.parametrize(("name", "number", "error", "text"), [
    ("mask", math.nan, heigen.InputError, "mask, which is no parameter, has a number that is NaN"),
    ("inner.bias", -math.inf, heigen.NotFiniteError, "parameter inner.bias: the parameter has an entry that is infinite or NaN"),
])  # fmt: skip
def test_what_is_no_number_is_refused(name, number, error, text):
    own = case("softmax")
    with torch.no_grad():
        dict(own.model.named_parameters() if name != "mask" else own.model.named_buffers())[name].flatten()[-1] = number
    with pytest.raises(error, match=text):
        heigen.analyze(own.model, own.X, own.y, progress=False)


def test_samples_that_the_loss_ignores_left_the_batch():
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 3))
    X, y, loss = torch.randn(9, 2), torch.arange(9) % 3, nn.CrossEntropyLoss(ignore_index=2)
    analysis = heigen.analyze(model.train(), X, y, loss=loss, progress=False, threads=1)
    wanted = hessian_of(Case(model, X, y, loss, loss))
    assert np.abs(analysis.operator() @ np.eye(len(wanted)) - wanted).max() < 1e-10 * np.abs(wanted).max()
    assert any("3 samples whose label the loss ignores belong to it" in note for note in analysis.notes)
