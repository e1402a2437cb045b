"""Modules that are no list of layers reach the native engine as graphs, whose numbers are PyTorch's."""

from __future__ import annotations

import copy
import json
import time

import graph_oracle
import heigen
import heigen.torch
import modules
import numpy as np
import pytest
import torch
from exported_modules import Tokens, Using, token_modules
from exported_modules import modules as exported_modules
from heigen.torch._export import network_of
from native_modules import Case, hessian_of
from torch import nn
from torch.nn import functional

torch.set_num_threads(1)

#: The cases of other tests that the engine had no layers for.
NEW = [
    "attention", "attention with a causal mask", "encoder layer", "fused attention", "GroupNorm and SiLU", "LeakyReLU",
    "depthwise convolution", "dilated convolution", "convolution in one dimension", "LSTM", "GRU in both directions",
    "instance normalisation", "batch normalisation by running statistics", "tied weights and ignore_index",
]  # fmt: skip


def graph_of(model: nn.Module, X: torch.Tensor) -> tuple[dict, dict]:
    """The graph of a module and its tensors."""
    network = network_of(model, X[:2])
    (graph,) = network.architecture["layers"]
    assert graph["type"] == "graph"
    json.dumps(network.architecture, allow_nan=False)
    return network.architecture, network.tensors


def agrees(model: nn.Module, X: torch.Tensor) -> None:
    """Outputs and derivatives of the graph are those of the module."""
    spec, tensors = graph_of(model, X)
    own = copy.deepcopy(model).double()
    wanted = own(X.double() if X.is_floating_point() else X)
    theta = graph_oracle.flattened(spec, tensors).requires_grad_()
    got = graph_oracle.of_theta(spec, tensors, X.numpy())(theta).reshape(wanted.shape)
    scale = wanted.detach().abs().max()
    assert (got - wanted).abs().max() <= 1e-12 * scale
    weights = torch.cos(torch.arange(got.numel(), dtype=torch.float64)).view(got.shape)
    names = [name for name, _ in own.named_parameters()]
    assert graph_oracle.names(spec) == names
    parts = torch.autograd.grad((wanted * weights).sum(), list(own.parameters()))
    gradient = torch.cat([part.flatten() for part in parts])
    (mine,) = torch.autograd.grad((got * weights).sum(), theta)
    # PyTorch's derivative of the hard sigmoid is 1/6 in float32, whatever the type of the numbers.
    rounding = 1e-7 if "hardsigmoid" in json.dumps(spec) else 1e-10
    assert (mine - gradient).abs().max() <= rounding * gradient.abs().max()


@pytest.mark.parametrize("name", exported_modules())
def test_the_graph_computes_what_the_module_computes(name):
    agrees(exported_modules()[name], torch.randn(3, 5, 6, generator=torch.Generator().manual_seed(2)))


@pytest.mark.parametrize("name", token_modules())
def test_the_graph_of_tokens_computes_what_the_module_computes(name):
    tokens = torch.randint(1, 7, (4, 5), generator=torch.Generator().manual_seed(3))
    tokens[:, 4], tokens[1, 3] = 0, 0
    agrees(token_modules()[name], tokens)


def spectrum_of(model: nn.Module, X: torch.Tensor, y: torch.Tensor) -> heigen.Analysis:
    """The analysis of a module, after a comparison with PyTorch's own Hessian."""
    before = {key: value.clone() for key, value in model.state_dict().items()}
    analysis = heigen.analyze(model, X, y, loss=nn.CrossEntropyLoss(), progress=False, threads=1)
    wanted = hessian_of(Case(model, X, y))
    values, scale = np.linalg.eigvalsh(wanted), np.abs(wanted).max()
    assert np.abs(analysis.eigenvalues - values).max() < 1e-9 * scale
    operator = analysis.operator()
    assert np.abs(operator @ np.eye(len(wanted)) - wanted).max() < 1e-9 * scale
    assert [name for name, _, _ in analysis.names] == [name for name, _ in model.named_parameters()]
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    return analysis


@pytest.mark.parametrize("name", NEW)
def test_the_native_spectrum_is_that_of_pytorchs_products(name):
    case = modules.made(name, torch.float32)
    X, y = (torch.cat([batch[i] for batch in case.batches]) for i in range(2))
    analysis = spectrum_of(case.model.eval(), X, y)
    double = case.to(torch.float64)
    theirs = heigen.spectrum(heigen.torch.Hessian(double.model, double.batches, double.loss), method="dense", progress=False)
    assert np.abs(theirs.eigenvalues - analysis.eigenvalues).max() < 1e-9 * np.abs(theirs.eigenvalues).max()


class Tied(nn.Module):
    """A classifier of tokens whose head has the weights of its table."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.mix, self.head = nn.Embedding(6, 5), nn.Linear(5, 5), nn.Linear(5, 6, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.head(torch.tanh(self.mix(self.embed(tokens))).mean(1))


def test_tied_weights_are_one_parameter():
    torch.manual_seed(1)
    X, y = torch.randint(0, 6, (7, 4)), torch.arange(7) % 6
    analysis = spectrum_of(Tied().eval(), X, y)
    assert [name for name, _, _ in analysis.names] == ["embed.weight", "mix.weight", "mix.bias"]


def test_images_that_are_not_square():
    torch.manual_seed(2)
    model = nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(18, 3)
    )
    model[1].running_mean.normal_()
    spectrum_of(model.eval(), torch.randn(5, 2, 4, 7), torch.arange(5) % 3)


def test_sequences_were_taken_for_features():
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(15, 3))
    spectrum_of(model.eval(), torch.randn(6, 5, 4), torch.arange(6) % 3)


def test_batch_normalisation_in_training_mode_beside_other_operations():
    torch.manual_seed(4)
    model = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.SiLU(), nn.Linear(5, 3))
    X, y = torch.randn(9, 4), torch.arange(9) % 3
    with pytest.warns(heigen.Warning, match="statistics of all samples as one batch"):
        analysis = heigen.analyze(model, X, y, progress=False, threads=1)
    wanted = hessian_of(Case(model, X, y))
    assert np.abs(analysis.eigenvalues - np.linalg.eigvalsh(wanted)).max() < 1e-9 * np.abs(wanted).max()


def test_frozen_parameters_of_a_graph_are_held():
    torch.manual_seed(5)
    model = nn.Sequential(nn.Linear(4, 5), nn.SiLU(), nn.Linear(5, 3))
    model[0].weight.requires_grad_(False)
    X, y = torch.randn(9, 4), torch.arange(9) % 3
    analysis = heigen.analyze(model, X, y, progress=False, threads=1)
    wanted = np.linalg.eigvalsh(hessian_of(Case(model, X, y))[20:, 20:])
    assert np.abs(analysis.eigenvalues - wanted).max() < 1e-9 * np.abs(wanted).max()


class PerColumn(nn.Module):
    """A constant for each column of an image, which has as many columns as channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 4, 3, padding=1), nn.Linear(64, 3)
        self.register_buffer("shift", torch.randn(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(torch.relu(self.conv(x) + self.shift).flatten(1))


def test_a_constant_for_each_column_was_taken_for_one_for_each_channel():
    torch.manual_seed(6)
    agrees(PerColumn(), torch.randn(3, 1, 4, 4))


def test_a_detached_value_was_differentiated():
    assert "detach cuts the derivative" in refused(Using(lambda m, x: x * x.detach()))


def test_parts_without_gradient_were_differentiated():
    def scaled(x):
        with torch.no_grad():
            largest = x.amax(-1, keepdim=True)
        return x / largest

    assert "the derivative by fc.weight is not that" in refused(Using(lambda m, x: scaled(x)))


class OwnDerivative(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * x

    @staticmethod
    def backward(ctx, grad):
        return 3 * grad


def test_a_function_with_a_derivative_of_its_own_was_differentiated_as_its_operations():
    assert "has a derivative of its own" in refused(Using(lambda m, x: OwnDerivative.apply(x)))


def test_a_module_that_mixes_samples_was_read_as_one_of_single_samples():
    assert "depends on the other samples" in refused(Using(lambda m, x: x - x.mean(0)))
    assert "depends on the other samples" in refused(Using(lambda m, x: x + torch.randn(5, 6)))


def refused(model: nn.Module, X: torch.Tensor | None = None) -> str:
    X = torch.randn(3, 5, 6) if X is None else X
    with pytest.raises(heigen.UnsupportedModelError) as caught:
        network_of(model.eval(), X[:2])
    assert "heigen.torch.Hessian takes any module" in str(caught.value)
    return str(caught.value)


def test_what_no_graph_expresses_is_named_with_its_place():
    class Inner(nn.Module):
        def forward(self, x):
            return x.topk(2, 2).values

    model = nn.Sequential(nn.Linear(6, 6), nn.Sequential(nn.SiLU(), Inner()), nn.Flatten())
    text = refused(model)
    assert "Sequential.1.1: topk is aten.topk, for which the engine has no operation (`return x.topk(2, 2).values`)" in text
    assert "aten._fft_r2c" in refused(Using(lambda m, x: torch.fft.rfft(x).abs()))
    assert "a window of three axes" in refused(Using(lambda m, x: m.c(x.view(-1, 1, 5, 3, 2)), c=nn.Conv3d(1, 2, 2)))
    assert "by indices that depend on parameters" in refused(Using(lambda m, x: x.gather(1, (x > 0).long())))


def test_reading_residual_blocks_took_twice_as_long_for_each():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3, 3)

        def forward(self, x):
            return torch.relu(x + self.fc(x))

    begun = time.monotonic()
    network = network_of(nn.Sequential(*(Block() for _ in range(24))), torch.randn(2, 3))
    assert network.architecture["layers"][0]["type"] == "residual" and time.monotonic() - begun < 60


def test_a_single_output_without_an_axis_of_its_own():
    torch.manual_seed(7)
    model = nn.Sequential(nn.Linear(4, 6), nn.ELU(), nn.Linear(6, 1), nn.Flatten(0))
    X, y = torch.randn(9, 4), torch.arange(9) % 2
    analysis = heigen.analyze(model, X, y, loss=nn.BCEWithLogitsLoss(), progress=False, threads=1)
    case = Case(model, X, y, None, lambda out, y: functional.binary_cross_entropy_with_logits(out, y.to(out.dtype)))
    wanted = np.linalg.eigvalsh(hessian_of(case))
    assert np.abs(analysis.eigenvalues - wanted).max() < 1e-9 * np.abs(wanted).max()


def test_padding_of_a_table_had_a_derivative():
    tokens = torch.tensor([[0, 1, 2, 3, 0]] * 3)
    model = Tokens(lambda m, t: m.fc(m.table(t).sum(1))).eval()
    spec, tensors = graph_of(model, tokens)
    _, gradient = graph_oracle.loss_and_gradient(spec, tensors, tokens.numpy(), torch.arange(3), functional.cross_entropy)
    assert np.all(gradient[:4] == 0) and np.abs(gradient[4:8]).max() > 0


@pytest.mark.parametrize("kind", ["without statistics", "without weights", "beside one with statistics"])
def test_batch_normalisation_by_the_batch(kind):
    torch.manual_seed(8)
    norms = {
        "without statistics": [nn.BatchNorm1d(5, track_running_stats=False).eval()],
        "without weights": [nn.BatchNorm1d(5, affine=False)],
        "beside one with statistics": [nn.BatchNorm1d(5), nn.BatchNorm1d(5).eval()],
    }
    model = nn.Sequential(nn.Linear(4, 5), *norms[kind], nn.Tanh(), nn.Linear(5, 3))
    X, y = torch.randn(9, 4), torch.arange(9) % 3
    network = network_of(model, X[:2])
    if network.architecture["layers"][0]["type"] == "graph":
        got = graph_oracle.run(network.architecture, network.tensors, X.numpy())
        wanted = copy.deepcopy(model).double()(X.double())
        assert (got - wanted).abs().max() < 1e-12
    analysis = heigen.analyze(model, X, y, progress=False, threads=1)
    wanted = hessian_of(Case(copy.deepcopy(model), X, y))
    assert np.abs(analysis.eigenvalues - np.linalg.eigvalsh(wanted)).max() < 1e-9 * np.abs(wanted).max()
