"""Operators follow every change of the model, threads do not disturb each other, and other data are noticed."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import heigen  # noqa: E402
import heigen.torch  # noqa: E402
from test_torch_input import CE, matrix, problem  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.utils.data import DataLoader, Dataset, TensorDataset  # noqa: E402

torch.set_num_threads(1)


def test_threads_exchanged_the_tensors_of_one_model() -> None:
    model, X, y = problem(600)
    before, stream = dict(model.named_parameters()), torch.get_rng_state()
    wanted = matrix(model, (X, y), CE)
    errors: list[float] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for memory in (0, None, 0):
                errors.append(np.abs(matrix(model, (X, y), CE, memory=memory) - wanted).max())
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures and len(errors) == 9 and max(errors) < 1e-12
    after = dict(model.named_parameters())
    assert list(after) == list(before) and all(after[name] is before[name] for name in before)
    assert torch.backends.mha.get_fastpath_enabled() and torch.backends.cuda.flash_sdp_enabled()
    assert torch.equal(torch.get_rng_state(), stream)


def test_an_operator_inside_of_a_loss_waits_for_nobody() -> None:
    model, X, y = problem()
    inner = heigen.torch.Hessian(nn.Linear(4, 3).double(), (X, y), CE)

    def loss(m: nn.Module, batch: Any) -> Tensor:
        inner @ np.ones(15)
        return CE(m(batch[0]), batch[1])

    assert np.array_equal(matrix(model, (X, y), loss), matrix(model, (X, y), CE))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not copied here")
def test_a_copy_of_the_process_waited_for_a_thread_that_it_does_not_have() -> None:
    from heigen.torch import _settings

    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with _settings.exclusive():
            entered.set()
            leave.wait(60)

    patience, _settings._PATIENCE = _settings._PATIENCE, 0.1
    thread = threading.Thread(target=hold)
    try:
        thread.start()
        entered.wait(60)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            child = os.fork()
        if child == 0:
            os._exit(0 if _settings._lock.acquire(timeout=20) else 1)
        assert os.waitpid(child, 0)[1] == 0
    finally:
        _settings._PATIENCE = patience
        leave.set()
        thread.join()


def changes() -> dict[str, Callable[[nn.Sequential, Tensor, Tensor], Any]]:
    def step(m: nn.Sequential, X: Tensor, y: Tensor) -> None:
        optimizer = torch.optim.AdamW(m.parameters(), 0.1, fused=True)
        CE(m(X), y).backward()
        optimizer.step()

    def swapped(m: nn.Sequential, *_: Any) -> None:
        m[0].bias.data.copy_(m[0].bias.data.flip(0))

    def written(m: nn.Sequential, *_: Any) -> None:
        m[0].weight.detach().numpy()[...] *= 1.5

    def given(m: nn.Sequential, *_: Any) -> None:
        m[0].weight = nn.Parameter(m[0].weight.detach() * 2)

    def assigned(m: nn.Sequential, *_: Any) -> None:
        m.load_state_dict({name: 1.2 * tensor for name, tensor in m.state_dict().items()}, assign=True)

    def activation(m: nn.Sequential, *_: Any) -> None:
        m[2] = nn.Sigmoid()

    def slope(m: nn.Sequential, *_: Any) -> None:
        m[4].negative_slope = 0.9

    return {
        "a step of a fused optimizer": step,
        "a product with the data of a parameter": lambda m, X, y: m[0].weight.data.mul_(1.5),
        "two values that are exchanged": swapped,
        "a write through an array": written,
        "a new parameter": given,
        "loading by assignment": assigned,
        "a buffer": lambda m, X, y: m[1].running_var.data.mul_(3),
        "the mode": lambda m, X, y: m.train(),
        "a layer": activation,
        "a number of a layer": slope,
    }


@pytest.mark.parametrize("name", list(changes()))
@pytest.mark.parametrize("kind", ["Hessian", "GGN"])
def test_a_changed_model_had_the_products_of_the_old_one(name: str, kind: str) -> None:
    torch.manual_seed(0)
    layers = [nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 3), nn.LeakyReLU(0.1)]
    model = nn.Sequential(*layers).double().eval()
    X, y = torch.randn(9, 4, dtype=torch.float64), torch.arange(9) % 3
    make = getattr(heigen.torch, kind)
    op = make(model, (X, y), CE)
    v = np.random.RandomState(0).randn(op.shape[0])
    before = op @ v
    assert op._all_kept and np.array_equal(op @ v, before)
    graphs = op._graphs
    assert np.array_equal(op @ v, before) and op._graphs is graphs
    changes()[name](model, X, y)
    model.zero_grad()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        after = op @ v
        assert np.abs(after - before).max() > 1e-6
        assert np.abs(after - make(model, (X, y), CE) @ v).max() < 1e-15


def test_a_model_that_counts_its_calls_keeps_its_graphs() -> None:
    model, X, y = problem()

    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.calls, self.last = model, 0, torch.zeros(1)

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            self.last = self.inner(x)
            return self.last

    op = heigen.torch.Hessian(Counting(), (X, y), CE)
    op @ np.ones(43)
    graph = op._graphs[0]
    op @ np.ones(43)
    assert op._graphs[0] is graph


def test_a_parameter_of_another_shape_is_named() -> None:
    model, X, y = problem()
    op = heigen.torch.Hessian(model, (X, y), CE)
    model[0], model[2] = nn.Linear(4, 6).double(), nn.Linear(6, 3).double()
    with pytest.raises(heigen.InputError, match="has been changed since.*shape \\(6, 4\\)"):
        op @ np.ones(43)
    model[0], model[2] = nn.Linear(4, 5).double(), nn.Identity()
    with pytest.raises(heigen.InputError, match="2.weight: the model has been changed.*no such parameter"):
        op @ np.ones(43)


@pytest.mark.parametrize("size", [1, 7, 8, 4096, 70_000, 300_001])
def test_every_byte_and_its_place_counts(size: int) -> None:
    from heigen.torch._contents import _sum_on_device, sums

    numbers = torch.randn(size, generator=torch.Generator().manual_seed(0))
    first, on_device = sums([numbers]), int(_sum_on_device(numbers))
    assert sums([numbers.clone()]) == first
    for place in {0, size // 2, size - 1}:
        other = numbers.clone()
        other[place] = torch.nextafter(other[place], torch.tensor(100.0))
        assert sums([other]) != first and int(_sum_on_device(other)) != on_device
    if size > 1:
        assert sums([numbers.flip(0)]) != first and int(_sum_on_device(numbers.flip(0))) != on_device
    assert sums([numbers[::2]]) == sums([numbers[::2].clone()])


def test_data_that_were_changed_in_place_gave_a_mixture() -> None:
    for change in (lambda a, X: X.mul_(2), lambda a, X: a.__imul__(2)):
        model, X, y = problem()
        op = heigen.torch.Hessian(model, (X, y), CE)
        op @ np.ones(43)
        change(X.numpy(), X)
        with pytest.raises(heigen.NotDeterministicError, match="changed in place"):
            op @ np.ones(43)


def test_a_shuffled_loader_of_which_a_part_was_kept_lost_and_doubled_samples() -> None:
    model, X, y = problem(30)
    loader = DataLoader(TensorDataset(X, y), batch_size=7, shuffle=True)
    wanted = matrix(model, (X, y), CE)
    work = heigen.torch.Hessian(model, loader, CE)._work
    for graphs in (0, 1, 3, 5):
        op = heigen.torch.Hessian(model, loader, CE, memory=graphs * work)
        for _ in range(3):
            assert np.abs(op @ np.eye(43) - wanted).max() < 1e-14
            assert len(op._graphs) == (5 if graphs == 5 else 0)


def test_graphs_of_a_loader_that_was_stopped_are_not_kept() -> None:
    model, X, y = problem(30)

    class Stopped:
        def __init__(self) -> None:
            self.order, self.stop = [0, 1, 2], False

        def __iter__(self) -> Iterator[Any]:
            for number, place in enumerate(self.order):
                if self.stop and number == 2:
                    raise KeyboardInterrupt
                yield X[10 * place : 10 * place + 10], y[10 * place : 10 * place + 10]

    data = Stopped()
    op = heigen.torch.Hessian(model, data, CE)
    data.stop = True
    with pytest.raises(KeyboardInterrupt):
        op @ np.ones(43)
    data.stop, data.order = False, [2, 0, 1]
    assert np.abs(op @ np.eye(43) - matrix(model, (X, y), CE)).max() < 1e-14


class Augmented(Dataset):  # type: ignore[type-arg]
    """Samples whose entries are exchanged by chance, or whose labels are."""

    def __init__(self, X: Tensor, y: Tensor, how: str) -> None:
        self.X, self.y, self.how = X, y, how

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        x, other = self.X[index], int(torch.randint(len(self.X), ()))
        if self.how == "flipped":
            x = x.flip(0) if torch.rand(()) < 0.5 else x
        if self.how == "permuted":
            x = x[torch.randperm(len(x))]
        return x, self.y[other] if self.how == "other labels" else self.y[index]


@pytest.mark.parametrize("how", ["flipped", "permuted", "other labels"])
def test_entries_that_changed_places_were_not_noticed(how: str) -> None:
    model, X, y = problem(12)
    op = heigen.torch.Hessian(model, DataLoader(Augmented(X, y, how), batch_size=5), CE, memory=0)
    with pytest.raises(heigen.NotDeterministicError, match="other samples"):
        op @ np.ones(43)


def test_labels_that_were_exchanged_between_samples_were_not_noticed() -> None:
    model, X, y = problem(12)

    class Rolled:
        turns = 0

        def __iter__(self) -> Iterator[Any]:
            self.turns += 1
            return iter([(X[:5], y.roll(self.turns)[:5]), (X[5:], y.roll(self.turns)[5:])])

    with pytest.raises(heigen.NotDeterministicError, match="other samples"):
        heigen.torch.Hessian(model, Rolled(), CE) @ np.ones(43)


def test_draws_that_belong_to_batches_changed_with_the_order_of_samples() -> None:
    model, X, y = problem(12)
    loader = DataLoader(TensorDataset(X, y), batch_size=5, shuffle=True)
    torch.manual_seed(0)
    with pytest.raises(heigen.NotDeterministicError, match="another order"):
        heigen.torch.Fisher(model, loader, CE, memory=0) @ np.ones(43)
    kept = heigen.torch.Fisher(model, loader, CE)
    assert np.array_equal(kept @ np.ones(43), kept @ np.ones(43))
    heigen.torch.GGN(model, loader, CE, memory=0) @ np.ones(43)
