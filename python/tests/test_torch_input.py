"""What people hand to the operators of PyTorch modules: data in all forms, parameters by name, and mistakes."""

from __future__ import annotations

import functools
import pickle
import re
import warnings
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import heigen  # noqa: E402
import heigen.torch  # noqa: E402
from modules import Attention, Recurrent, Tied, made  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

torch.set_num_threads(1)
CE = nn.CrossEntropyLoss()


def problem(n: int = 9) -> tuple[nn.Sequential, Tensor, Tensor]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    return model, torch.randn(n, 4, dtype=torch.float64), torch.arange(n) % 3


def matrix(*arguments: Any, kind: Any = None, **options: Any) -> np.ndarray:
    op = (kind or heigen.torch.Hessian)(*arguments, **options)
    return op @ np.eye(op.shape[0], dtype=op.dtype)


class Own(nn.Module):
    """A loss of one's own, which is a mean."""

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(outputs, targets)


class Keyed(nn.Module):
    """A model with keyword arguments, as those of Hugging Face."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, features: Tensor, labels: Tensor | None = None) -> Any:
        class Out(dict):  # type: ignore[type-arg]
            __getattr__ = dict.__getitem__

        logits = self.inner(features)
        return Out(logits=logits, loss=None if labels is None else F.cross_entropy(logits, labels))


def test_the_same_data_in_every_form_give_the_same_operator() -> None:
    model, X, y = problem()
    wanted = matrix(model, (X, y), CE)
    batches = [(X[:2], y[:2]), (X[2:3], y[2:3]), (X[3:], y[3:])]
    keyed = Keyed(model)
    forms: list[tuple[nn.Module, Any, Any]] = [
        (model, [X, y], CE),
        (model, batches, CE),
        (model, DataLoader(TensorDataset(X, y), batch_size=4), CE),
        (model, DataLoader(TensorDataset(X, y), batch_size=4, shuffle=True), CE),
        (model, (X, y), F.cross_entropy),
        (model, batches, functools.partial(F.cross_entropy, label_smoothing=0.0)),
        (model, batches, "cross_entropy"),
        (model, batches, Own()),
        (model, batches, lambda m, batch: F.cross_entropy(m(batch[0]), batch[1])),
        (model, batches, lambda m, batch: (F.cross_entropy(m(batch[0]), batch[1]), len(batch[1]))),
        (model, [{"X": a, "y": b} for a, b in batches], lambda m, batch: F.cross_entropy(m(batch["X"]), batch["y"])),
        (keyed, {"features": X, "labels": y}, None),
        (keyed, [{"features": a, "labels": b} for a, b in batches], None),
        (keyed, [{"features": a, "labels": b} for a, b in batches], CE),
        (nn.DataParallel(model), batches, CE),
    ]
    for number, (module, data, loss) in enumerate(forms):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            got = matrix(module, data, loss)
        assert np.abs(got - wanted).max() < 1e-14, number
    with_nothing = [(X[:0], y[:0]), *batches, (X[:0], y[:0])]
    assert np.array_equal(matrix(model, with_nothing, CE), matrix(model, batches, CE))
    for microbatch in (1, 2, 5, 100):
        assert np.abs(matrix(model, batches, CE, microbatch=microbatch) - wanted).max() < 1e-14
        assert np.abs(matrix(model, (X, y), CE, microbatch=microbatch, memory=0) - wanted).max() < 1e-14
    total = matrix(model, batches, lambda m, b: F.cross_entropy(m(b[0]), b[1], reduction="sum"), reduction="sum")
    assert np.abs(total - 9 * wanted).max() < 1e-13


def test_unequal_batches_weigh_by_their_samples_not_by_their_number() -> None:
    model, X, y = problem()
    wrong = (matrix(model, (X[:1], y[:1]), CE) + matrix(model, (X[1:], y[1:]), CE)) / 2
    right = matrix(model, [(X[:1], y[:1]), (X[1:], y[1:])], CE)
    assert np.abs(right - matrix(model, (X, y), CE)).max() < 1e-14
    assert np.abs(right - wrong).max() > 1e-3


def test_graphs_that_are_not_kept_give_the_same_bytes() -> None:
    model, X, y = problem()
    batches = [(X[:4], y[:4]), (X[4:], y[4:])]
    v = np.random.RandomState(0).randn(43, 5)
    for kind in (heigen.torch.Hessian, heigen.torch.GGN, heigen.torch.EmpiricalFisher):
        kept = kind(model, batches, CE)
        anew = kind(model, batches, CE, memory=0)
        assert np.array_equal(kept @ v, anew @ v)
        assert kept._all_kept and not anew._all_kept
        assert np.array_equal(kept @ v, kept @ v)
        again = pickle.loads(pickle.dumps(kept))
        assert np.array_equal(again @ v, kept @ v)


def test_the_operator_follows_the_model() -> None:
    model, X, y = problem()
    op = heigen.torch.Hessian(model, (X, y), CE)
    v = np.random.RandomState(0).randn(43)
    before = op @ v
    with torch.no_grad():
        model[0].weight.mul_(1.5)
    after = op @ v
    assert np.abs(after - before).max() > 1e-3
    assert np.array_equal(after, heigen.torch.Hessian(model, (X, y), CE) @ v)


def test_parameters_by_name_pattern_list_and_function() -> None:
    model, X, y = problem()
    whole = matrix(model, (X, y), CE)
    spans = {"0.weight": (0, 20), "0.bias": (20, 25), "2.weight": (25, 40), "2.bias": (40, 43)}
    op = heigen.torch.Hessian(model, (X, y), CE)
    assert op.names == [(name, *span) for name, span in spans.items()]
    choices: list[tuple[Any, list[str]]] = [
        ("0.weight", ["0.weight"]),
        ("2", ["2.weight", "2.bias"]),
        (r".*bias", ["0.bias", "2.bias"]),
        (re.compile(r"\d\.weight"), ["0.weight", "2.weight"]),
        (["2.bias", "0.bias"], ["2.bias", "0.bias"]),
        ([model[0].bias, "2"], ["0.bias", "2.weight", "2.bias"]),
        (model[2].weight, ["2.weight"]),
        (lambda name, p: p.ndim == 1, ["0.bias", "2.bias"]),
    ]
    for choice, names in choices:
        part = heigen.torch.Hessian(model, (X, y), CE, params=choice)
        assert [name for name, _, _ in part.names] == names
        index = np.concatenate([np.arange(*spans[name]) for name in names])
        assert np.abs(part @ np.eye(len(index)) - whole[np.ix_(index, index)]).max() < 1e-14
    model[0].weight.requires_grad_(False)
    assert [n for n, _, _ in heigen.torch.Hessian(model, (X, y), CE).names] == ["0.bias", "2.weight", "2.bias"]
    assert [n for n, _, _ in heigen.torch.Hessian(model, (X, y), CE, params=".*weight").names] == ["2.weight"]
    assert [n for n, _, _ in heigen.torch.Hessian(model, (X, y), CE, params="0").names] == ["0.weight", "0.bias"]
    assert np.abs(matrix(model, (X, y), CE, params="0.weight") - whole[:20, :20]).max() < 1e-14
    assert not model[0].weight.requires_grad
    for nothing in ("third", [], ["0.weight", "none"], re.compile("x"), lambda name, p: False):
        with pytest.raises(heigen.InputError, match="params"):
            heigen.torch.Hessian(model, (X, y), CE, params=nothing)
    with pytest.raises(heigen.InputError, match="frozen"):
        heigen.torch.Hessian(model.requires_grad_(False), (X, y), CE)


def test_a_shared_parameter_is_one() -> None:
    model = Tied()
    op = heigen.torch.Hessian(model, (torch.randint(0, 6, (5, 4)), torch.randint(0, 6, (5, 4))), CE)
    assert [name for name, _, _ in op.names] == ["embed.weight", "mix.weight", "mix.bias"]
    by_head = heigen.torch.Hessian(model, (torch.randint(0, 6, (5, 4)), torch.randint(0, 6, (5, 4))), CE, params="head")
    assert by_head.shape == (30, 30)


def test_another_type_is_computed_without_changing_the_model() -> None:
    model, X, y = problem()
    wanted = matrix(model, (X, y), CE)
    single = made("class weights", torch.float32)
    double = made("class weights", torch.float64)
    got = matrix(single.model, single.batches, single.loss, dtype="float64")
    assert got.dtype == np.float64
    assert np.abs(got - matrix(double.model, double.batches, double.loss)).max() < 1e-7
    assert single.model[0].weight.dtype == torch.float32 and single.loss.weight.dtype == torch.float32
    half = model.half()
    op = heigen.torch.Hessian(half, (X.half(), y), CE)
    assert op.dtype == np.float32
    assert np.abs(op @ np.eye(43, dtype=np.float32) - wanted).max() < 1e-2
    assert model[0].weight.dtype == torch.float16
    with pytest.raises(heigen.InputError, match="dtype"):
        heigen.torch.Hessian(model, (X, y), CE, dtype=torch.bfloat16)


def test_everything_is_left_as_found() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Dropout(0.3), nn.Linear(6, 3))
    model[0].bias.requires_grad_(False)
    model[3].eval()
    X, y = torch.randn(8, 4), torch.arange(8) % 3
    X.requires_grad_()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    stream = torch.get_rng_state()
    tf32 = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for kind in (heigen.torch.Hessian, heigen.torch.GGN, heigen.torch.EmpiricalFisher, heigen.torch.Fisher):
            with torch.no_grad(), torch.autocast("cpu"):
                op = kind(model, (X, y), CE)
                first = op @ np.ones((op.shape[0], 2), np.float32)
                assert torch.is_autocast_enabled("cpu") and not torch.is_grad_enabled()
            with torch.inference_mode():
                assert np.array_equal(first, op @ np.ones((op.shape[0], 2), np.float32))
    assert torch.get_float32_matmul_precision() == "high"
    torch.set_float32_matmul_precision(tf32)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), stream)
    assert not model[0].bias.requires_grad and model[0].weight.requires_grad
    assert X.grad is None and all(p.grad is None and p.is_leaf for p in model.parameters())
    assert not model._forward_hooks


def test_batch_normalisation_and_dropout_in_training_mode_are_warned_of() -> None:
    model = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Dropout(0.3), nn.Linear(6, 3))
    X, y = torch.randn(8, 4), torch.arange(8) % 3
    with pytest.warns(heigen.Warning, match="dropout is active in 2") as seen:
        op = heigen.torch.Hessian(model, (X, y), CE)
    assert any("batch normalisation is in training mode in 1" in str(w.message) for w in seen)
    assert all(w.filename == __file__ for w in seen)
    v = np.ones(op.shape[0], np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", heigen.Warning)
        assert np.array_equal(op @ v, heigen.torch.Hessian(model, (X, y), CE, memory=0) @ v)
        with pytest.raises(heigen.InputError, match="microbatch"):
            heigen.torch.Hessian(model, (X, y), CE, microbatch=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        heigen.torch.Hessian(model.eval(), (X, y), CE)
        heigen.torch.Hessian(Attention(), (torch.randint(0, 7, (3, 4)), y[:3]), CE) @ np.ones(Attention_params, np.float32)


Attention_params = sum(p.numel() for p in Attention().parameters())


def test_directions_and_products_share_the_memory_of_the_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    model, X, y = problem()
    op = heigen.torch.Hessian(model, (X, y), CE, batched=False)
    rows, out = np.random.RandomState(0).randn(3, 43), np.empty((3, 43))
    rows.setflags(write=False)
    op._apply_into(rows, out)
    seen: list[int] = []
    graph = op._graphs[0]
    product = type(graph).product

    def spy(self: Any, directions: Any, batched: bool) -> Any:
        seen.append(directions[0].data_ptr())
        return product(self, directions, batched)

    monkeypatch.setattr(type(graph), "product", spy)
    wanted = heigen.torch.Hessian(model, (X, y), CE, batched=False) @ rows.T
    place = out.ctypes.data
    out.fill(np.nan)
    seen.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        op._apply_into(rows, out)
    assert seen == [rows.ctypes.data + 8 * 43 * i for i in range(3)]
    assert out.ctypes.data == place and np.array_equal(out, wanted.T)


def test_directions_together_where_vmap_knows_the_model() -> None:
    model, X, y = problem()
    op = heigen.torch.Hessian(model, (X, y), CE)
    assert op.batched and "small" in op.batched.why

    class Odd(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Tensor:
            (x,) = ctx.saved_tensors
            # Asks for a number, which a batch of directions does not have.
            return 2 * x * g if float(g.detach().abs().max()) >= 0 else g

    class Squared(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return Odd.apply(x)  # type: ignore[no-any-return]

    odd = nn.Sequential(model[0], Squared(), model[2])
    op = heigen.torch.Hessian(odd, (X, y), CE)
    got = op @ np.eye(43)
    assert not op.batched and "vmap" in op.batched.why
    assert np.array_equal(got, matrix(odd, (X, y), CE, batched=False))


class Unsteady:
    """A loader that gives other batches each time."""

    def __init__(self, X: Tensor, y: Tensor, how: str) -> None:
        self.X, self.y, self.how, self.pass_ = X, y, how, 0

    def __iter__(self) -> Any:
        self.pass_ += 1
        noise = 1e-3 * self.pass_ if self.how == "augmented" else 0.0
        size = 9 - (self.pass_ % 2 if self.how == "dropped" else 0)
        return iter([(self.X[:4] + noise, self.y[:4]), (self.X[4:size], self.y[4:size])])


@pytest.mark.parametrize("how", ["augmented", "dropped"])
def test_a_loader_that_gives_other_batches_each_time_is_named(how: str) -> None:
    model, X, y = problem()
    op = heigen.torch.Hessian(model, Unsteady(X, y, how), CE)
    with pytest.raises(heigen.NotDeterministicError, match="data loader gives other samples"):
        op @ np.ones(43)


def test_a_compiled_model_is_unwrapped_and_a_sharded_one_refused() -> None:
    model, X, y = problem()
    assert np.array_equal(matrix(torch.compile(model), (X, y), CE), matrix(model, (X, y), CE))

    class FullyShardedDataParallel(nn.Sequential):
        pass

    with pytest.raises(heigen.InputError, match="FullyShardedDataParallel"):
        heigen.torch.Hessian(FullyShardedDataParallel(*model), (X, y), CE)


def test_a_linear_loss_has_no_curvature() -> None:
    model = nn.Linear(4, 3).double()
    _, X, y = problem()
    assert not matrix(model, (X, torch.randn(9, 3).double()), nn.L1Loss()).any()
    assert not matrix(model, (X, y), lambda m, b: m(b[0]).sum()).any()
    assert not matrix(model, (X, y), lambda m, b: b[0].sum()).any()


def test_a_recurrent_model_on_the_cpu_leaves_onednn_as_it_was() -> None:
    enabled = torch._C._get_mkldnn_enabled()
    matrix(Recurrent(nn.LSTM), (torch.randn(3, 5, 3), torch.arange(3)), CE)
    assert torch._C._get_mkldnn_enabled() == enabled


def test_numbers_are_of_full_precision_inside_whatever_is_set_outside() -> None:
    model, X, y = problem()
    model, X = model.float(), X.float()
    wanted = matrix(model, (X, y), CE)
    with torch.autocast("cpu"), torch.no_grad():
        assert np.array_equal(matrix(model, (X, y), CE), wanted)
        asked = matrix(model, (X, y), CE, mixed_precision=True)
    assert np.abs(asked - wanted).max() > 1e-5


@pytest.mark.parametrize("kind", ["Hessian", "GGN", "EmpiricalFisher", "Fisher"])
@pytest.mark.parametrize("batched", [False, True])
def test_solvers_share_their_memory_with_pytorch_and_nothing_of_it_is_kept(kind: str, batched: bool) -> None:
    from heigen import _heigen

    model, X, y = problem()
    op = getattr(heigen.torch, kind)(model, (X, y), CE, batched=batched)
    before = _heigen.copies_of_kept_memory()
    heigen.eigsh(op, 3, progress=False)
    heigen.density(op, 3, 5, progress=False)
    assert _heigen.copies_of_kept_memory() == before


def test_an_empty_batch_among_others_adds_nothing_where_layers_cannot_take_it() -> None:
    case = made("attention with a causal mask", torch.float64)
    X, y = case.batches[0]
    wanted = matrix(case.model, [(X, y)], CE)
    assert np.array_equal(matrix(case.model, [(X[:0], y[:0]), (X, y)], CE), wanted)


def test_on_a_gpu_recurrent_layers_leave_cudnn_and_tf32_is_off() -> None:
    from heigen.torch._settings import exact

    cudnn = torch.backends.cudnn
    before = cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32
    with warnings.catch_warnings():
        # Without a GPU PyTorch warns of autocast on it.
        warnings.simplefilter("ignore")
        with cudnn.flags(enabled=True, benchmark=True, deterministic=True, allow_tf32=True):
            for recurrent in (False, True):
                with exact(torch.device("cuda"), recurrent, False):
                    assert cudnn.enabled is not recurrent and not cudnn.allow_tf32
                    assert cudnn.benchmark and cudnn.deterministic
                with exact(torch.device("cuda"), recurrent, True):
                    assert cudnn.allow_tf32
                assert cudnn.enabled and cudnn.allow_tf32
    assert before == (cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32)
