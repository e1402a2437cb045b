"""Labels, data and losses in the forms that people have them in, as the native analysis takes them."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import heigen  # noqa: E402
import heigen.torch  # noqa: E402
from test_torch_input import CE, matrix, problem  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

torch.set_num_threads(1)


def test_labels_of_any_type_and_data_of_numpy() -> None:
    model, X, y = problem()
    wanted = matrix(model, (X, y), CE)
    x, labels = X.numpy(), y.numpy()
    forms: list[Any] = [
        (X, y.int()),
        (X, y.to(torch.uint8)),
        (X, y.double()),
        (X, y[:, None]),
        (x, labels),
        (x, labels.astype(np.uint16)),
        (x, labels.astype(">i4")),
        (X, labels),
        (x, labels.tolist()),
        (X.tolist(), y.tolist()),
        [X.tolist(), y.tolist()],
        [x, labels],
        [(x[:4], labels[:4]), (x[4:], labels[4:])],
        [[x[:4], labels[:4].tolist()], [x[4:], labels[4:].tolist()]],
    ]
    for number, data in enumerate(forms):
        for kind in (heigen.torch.Hessian, heigen.torch.GGN):
            got = matrix(model, data, CE, kind=kind)
            assert np.abs(got - matrix(model, (X, y), CE, kind=kind)).max() < 1e-14, number
    fisher = [matrix(model, data, CE, kind=heigen.torch.Fisher) for data in ((X, y), (x, labels.astype(np.int16)))]
    assert np.array_equal(*fisher)
    # Arrays are float64 more often than models are.
    single = model.float()
    assert np.abs(matrix(single, (x, labels), CE) - wanted).max() < 1e-5


def test_batches_have_texts_and_numbers_beside_their_tensors() -> None:
    model, X, y = problem()
    wanted = matrix(model, (X, y), CE)
    names = ["a"] * 9
    for batch in ({"x": X, "y": y, "name": names, "step": 3}, {"x": X, "y": y, "name": np.array(names, object)}):
        assert np.array_equal(matrix(model, [batch], lambda m, b: CE(m(b["x"]), b["y"])), wanted)
    assert np.array_equal(matrix(model, [(X, names, y)], lambda m, b: CE(m(b[0]), b[2])), wanted)
    assert np.array_equal(matrix(model, [(X, y, 0.5)], lambda m, b: CE(m(b[0]), b[1])), wanted)


def test_read_only_arrays_stay_as_they_are() -> None:
    model, X, y = problem()
    x = X.numpy().copy()
    x.setflags(write=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.abs(matrix(model, (x, y), CE) - matrix(model, (X, y), CE)).max() < 1e-15


def test_classes_are_one_hot_targets_of_losses_by_output() -> None:
    model, X, y = problem()
    hot = F.one_hot(y, 3).double()
    for loss in (nn.MSELoss(), nn.BCEWithLogitsLoss(), nn.HuberLoss(), "smooth_l1"):
        assert np.array_equal(matrix(model, (X, y), loss), matrix(model, (X, hot), loss))
    single = nn.Sequential(*model[:2], nn.Linear(5, 1).double())
    one = (y > 0).long()
    wanted = matrix(single, (X, one.double()[:, None]), nn.BCEWithLogitsLoss())
    assert np.array_equal(matrix(single, (X, one), nn.BCEWithLogitsLoss()), wanted)


WORDS = {
    "cross_entropy": nn.CrossEntropyLoss(),
    "mse": nn.MSELoss(),
    "mse_loss": nn.MSELoss(),
    "hinge": nn.MultiMarginLoss(),
    "multi_margin": nn.MultiMarginLoss(),
    "bce_with_logits": nn.BCEWithLogitsLoss(),
    "binary_cross_entropy_with_logits": nn.BCEWithLogitsLoss(),
    "l1": nn.L1Loss(),
    "huber": nn.HuberLoss(),
    "smooth_l1_loss": nn.SmoothL1Loss(),
}


@pytest.mark.parametrize("word", list(WORDS))
def test_words_of_the_native_analysis(word: str) -> None:
    model, X, y = problem()
    assert np.array_equal(matrix(model, (X, y), word), matrix(model, (X, y), WORDS[word]))


@pytest.mark.parametrize("loss", ["gaussian_nll", nn.GaussianNLLLoss(), nn.GaussianNLLLoss(reduction="sum", full=True)])
def test_means_and_variances(loss: Any) -> None:
    _, X, _ = problem()
    targets = torch.randn(9, 2, dtype=torch.float64)

    class Positive(nn.Module):
        def forward(self, z: Tensor) -> Tensor:
            return torch.cat([z[:, :2], F.softplus(z[:, 2:])], 1)

    model = nn.Sequential(nn.Linear(4, 4).double(), Positive())
    given = loss if isinstance(loss, nn.Module) else nn.GaussianNLLLoss()

    def own(m: nn.Module, batch: Any) -> Any:
        means, variances = m(batch[0]).chunk(2, 1)
        return given(means, batch[1], variances)

    batches = [(X[:3], targets[:3]), (X[3:], targets[3:])]
    wanted = matrix(model, (X, targets), own, reduction=given.reduction)
    assert np.abs(matrix(model, batches, loss) - wanted).max() < 1e-13 * np.abs(wanted).max()
    line = nn.Sequential(nn.Linear(4, 2).double(), nn.Softplus())
    assert matrix(line, (X, targets[:, 0]), loss).shape == (10, 10)


class Named(nn.CrossEntropyLoss):
    """A class of one's own with PyTorch's forward pass."""


class Halved(nn.CrossEntropyLoss):
    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return super().forward(outputs, targets) / 2


def test_a_subclass_of_a_weighted_loss_took_the_mean_over_samples() -> None:
    model, X, y = problem()
    batches = [(X[:2], y[:2]), (X[2:5], y[2:5]), (X[5:], y[5:])]
    for options in ({"weight": torch.tensor([0.2, 1.0, 3.0]).double()}, {"ignore_index": 1}):
        wanted = matrix(model, (X, y), functools.partial(F.cross_entropy, **options))  # type: ignore[arg-type]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert np.abs(matrix(model, batches, Named(**options)) - wanted).max() < 1e-14  # type: ignore[arg-type]
        with pytest.warns(heigen.Warning, match="Halved has a forward pass of its own"):
            heigen.torch.Hessian(model, batches, Halved(**options))  # type: ignore[arg-type]


def test_the_first_of_several_outputs_and_a_shift_for_weight_decay() -> None:
    model, X, y = problem()

    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return self.inner(x), x

    wanted = matrix(model, (X, y), CE)
    assert np.array_equal(matrix(Two(), (X, y), CE), wanted)

    def decayed(m: nn.Module, batch: Any) -> Tensor:
        return CE(m(batch[0]), batch[1]) + 0.05 * sum((p**2).sum() for p in m.parameters())

    shifted = heigen.torch.Hessian(model, (X, y), CE).shift(0.1) @ np.eye(43)
    assert np.abs(shifted - matrix(model, (X, y), decayed)).max() < 1e-13


def test_a_model_that_was_made_in_inference_mode() -> None:
    _, X, y = problem()
    with torch.inference_mode():
        model = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 3)).double().eval()
        inputs = X.clone()
    op = heigen.torch.Hessian(model, (inputs, y), CE)
    usual = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 3)).double().eval()
    usual.load_state_dict({name: tensor.clone() for name, tensor in model.state_dict().items()})
    wanted = heigen.torch.Hessian(usual, (X, y), CE)
    v = np.random.RandomState(0).randn(op.shape[0])
    assert np.abs(op @ v - wanted @ v).max() < 1e-14
    with torch.inference_mode():
        model[0].weight.mul_(2)
    assert np.abs(op @ v - wanted @ v).max() > 1e-6
