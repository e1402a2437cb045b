"""Analyses by the native engine agree with PyTorch's own derivatives, and say what the command line says."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import heigen
import heigen.torch
import numpy as np
import pytest
import torch
from native_modules import cases, hessian_of
from torch import nn

CASES = list(cases())


@pytest.fixture(scope="module")
def small():
    """An analysis of a small network with everything that may be asked for."""
    case = cases()["a sequence with tanh"]
    analysis = heigen.analyze(
        case.model, case.X, case.y, by_layer=True, density=(4, 20), trace=30, diagonal=50, matrix=True, progress=False
    )
    return case, analysis


@pytest.mark.parametrize("name", CASES)
def test_the_spectrum_is_that_of_pytorchs_own_hessian(name):
    case = cases()[name]
    before = {key: value.clone() for key, value in case.model.state_dict().items()}
    analysis = heigen.analyze(case.model, case.X, case.y, loss=case.loss, progress=False)
    wanted = hessian_of(case)
    values = np.linalg.eigvalsh(wanted)
    scale = np.abs(values).max()
    assert np.abs(analysis.eigenvalues - values).max() < 1e-9 * scale
    # Vectors stand in the order of the module's parameters.
    vectors = analysis.eigenvectors
    kept = analysis.eigenvalues[np.abs(analysis.eigenvalues) > 1e-10 * scale]
    assert vectors.shape == (len(values), len(kept))
    assert np.abs(wanted @ vectors - vectors * kept).max() < 1e-9 * scale
    assert [n for n, _, _ in analysis.names] == [n for n, _ in case.model.named_parameters()]
    assert analysis.certificate.whole and analysis.certificate.residual_max < 1e-9 * scale
    # The module is left as it was.
    for key, value in case.model.state_dict().items():
        assert torch.equal(value, before[key])
    assert all(p.grad is None and p.requires_grad for p in case.model.parameters())


@pytest.mark.parametrize("name", ["images with pools", "residual blocks", "functions and log-probabilities", "label smoothing"])
def test_the_native_way_and_pytorchs_way_agree(name):
    case = cases()[name]
    analysis = heigen.analyze(case.model, case.X, case.y, loss=case.loss, progress=False)
    model, X = cases()[name].model.double(), case.X.double()
    loss = nn.CrossEntropyLoss() if case.loss == "cross_entropy" else case.loss
    spectrum = heigen.spectrum(heigen.torch.Hessian(model, (X, case.y), loss), method="dense", progress=False)
    scale = np.abs(analysis.eigenvalues).max()
    assert np.abs(spectrum.eigenvalues - analysis.eigenvalues).max() < 1e-9 * scale
    mine = heigen.torch.alignments(model, X, analysis.eigenvectors, loss=loss)
    assert np.abs(mine - analysis.alignments).max() < 1e-7
    theirs = heigen.torch.g_theta(model, X, analysis.eigenvalues, analysis.eigenvectors, loss=loss)

    def fixed(measures):
        # The third threshold is that of random directions, which are others where the parameters stand in another order.
        chosen = (one for one in measures if one.definition == "subspaces" and one.eps_source.startswith("fixed"))
        return [(one.rule, one.eps, one.value) for one in chosen]

    wanted = fixed(analysis.g_theta)
    assert len(wanted) == 4
    for got, (rule, eps, value) in zip(fixed(theirs), wanted):
        assert got == (rule, eps, pytest.approx(value, abs=1.5 / analysis.n_params))


@pytest.mark.parametrize("name", ["residual blocks", "label smoothing"])
def test_the_native_operator_multiplies_by_pytorchs_hessian(name):
    case = cases()[name]
    operator = heigen.operator(case.model, case.X, case.y, loss=case.loss)
    wanted = hessian_of(case)
    assert np.abs(operator @ np.eye(len(wanted)) - wanted).max() < 1e-10 * np.abs(wanted).max()
    assert operator.names == [
        (n, a, a + p.numel())
        for (n, p), a in zip(
            case.model.named_parameters(), np.cumsum([0] + [p.numel() for p in case.model.parameters()]).tolist()
        )
    ]


def test_solvers_work_on_the_native_operator(small):
    case, analysis = small
    operator = analysis.operator()
    values = heigen.eigsh(operator, k=3, which="LA").eigenvalues
    assert np.allclose(values, analysis.eigenvalues[::-1][:3], rtol=1e-7)
    shifted = heigen.eigsh(2.0 * operator + heigen.as_operator(np.eye(operator.shape[0])), k=1, which="LA")
    assert np.allclose(shifted.eigenvalues, 2.0 * values[0] + 1.0, rtol=1e-7)
    assert np.allclose(heigen.spectrum(operator).eigenvalues, analysis.eigenvalues, atol=1e-9 * values[0])
    ggn = analysis.operator("ggn")
    assert heigen.eigsh(ggn, k=1, which="SA").eigenvalues[0] > -1e-12
    assert operator.dtype == np.float64 and analysis.operator(dtype="float32").dtype == np.float32


def test_typed_parts_hold_what_was_asked_for(small):
    case, analysis = small
    p, n = sum(v.numel() for v in case.model.parameters()), len(case.X)
    assert (analysis.n_params, analysis.n_samples, analysis.kind) == (p, n, "whole")
    assert analysis.alignments.shape == (analysis.rank, n) and np.abs(analysis.alignments).max() <= 1 + 1e-12
    assert 0 <= analysis.g_theta.value <= 1 and float(analysis.g_theta) == analysis.g_theta.recommended.value
    assert analysis.outliers.count >= 0 and int(analysis.outliers) == analysis.outliers.count
    assert analysis.trace == pytest.approx(analysis.eigenvalues.sum())
    assert np.abs(analysis.matrix - hessian_of(case)).max() < 1e-12
    assert analysis.diagonal.values == pytest.approx(np.diag(analysis.matrix), abs=0.3)
    assert sum(layer.n_params for layer in analysis.layers) == p
    assert analysis.density.grid.shape == (1000,)
    area = np.trapezoid if hasattr(np, "trapezoid") else np.trapz
    assert area(analysis.density.density, analysis.density.grid) == pytest.approx(1, abs=0.05)
    assert analysis.coherence.shape == (n, n) and np.allclose(np.diag(analysis.coherence), 1)
    by_name = analysis.by_name(analysis.eigenvectors[:, -1])
    assert {k: v.shape for k, v in by_name.items()} == {k: tuple(v.shape) for k, v in case.model.named_parameters()}
    X, y = analysis.samples
    assert np.array_equal(X, case.X.numpy()) and np.array_equal(y, case.y.numpy())


def test_the_boundary_is_measured_when_it_is_asked_for(small):
    _, analysis = small
    boundary = analysis.boundary
    assert boundary.complexity is not None and boundary.complexity.length > 0
    assert boundary.margin is not None and boundary.margin.margin == analysis.margin.margin
    assert float(analysis.margin) == min(analysis.margin.distance_most, analysis.margin.distance_least)
    assert len(analysis.margin.starts) == 16 and analysis.margin.x_b.shape == (2,)


def test_a_part_of_a_spectrum_has_residuals_and_refuses_what_needs_the_whole(small):
    case, whole = small
    part = heigen.analyze(case.model, case.X, case.y, k=3, which="BE", progress=False)
    assert part.kind == "part" and part.eigenvectors.shape == (part.n_params, 3)
    ends = np.concatenate([whole.eigenvalues[:2], whole.eigenvalues[-2:]])
    assert all(np.abs(ends - value).min() < 1e-8 for value in part.eigenvalues)
    assert part.residuals.max() < 1e-8 * part.summary["scale"] * 1.01
    with pytest.raises(heigen.InputError, match="needs the whole spectrum"):
        part.certificate
    with pytest.raises(heigen.InputError, match="leave out k="):
        part.plot.spectrum()
    estimates = heigen.analyze(case.model, case.X, case.y, eigenpairs=False, trace=True, progress=False)
    assert estimates.kind == "none" and float(estimates.trace) == pytest.approx(whole.trace, rel=1e-6)
    with pytest.raises(heigen.InputError, match="no eigenvalues"):
        estimates.eigenvalues


def test_frozen_parameters_are_held_fixed(small):
    case = cases()["a sequence with tanh"]
    case.model[0].weight.requires_grad_(False)
    analysis = heigen.analyze(case.model, case.X, case.y, progress=False)
    wanted = hessian_of(case)[16:, 16:]
    assert np.abs(analysis.eigenvalues - np.linalg.eigvalsh(wanted)).max() < 1e-9 * np.abs(wanted).max()
    assert analysis.names[0] == ("0.bias", 0, 8)
    assert any("held fixed" in note for note in analysis.notes)


def test_a_module_in_training_mode_is_warned_of():
    case = cases()["residual blocks"]
    case.model.train()
    with pytest.warns(heigen.Warning, match="statistics of all samples as one batch"):
        heigen.analyze(case.model, case.X, case.y, k=1, progress=False)
    case = cases()["images with pools"]
    case.model.train()
    with pytest.warns(heigen.Warning, match="dropout is left out"):
        heigen.analyze(case.model, case.X, case.y, k=1, progress=False)


def refused(model, X):
    with pytest.raises(heigen.UnsupportedModelError) as caught:
        heigen.analyze(model, X, torch.zeros(len(X), dtype=torch.int64), progress=False)
    return str(caught.value)


def test_what_the_engine_cannot_express_is_named():
    volumes = torch.randn(4, 1, 3, 3, 3)
    text = refused(nn.Sequential(nn.Conv3d(1, 2, 3), nn.Flatten(), nn.Linear(2, 3)), volumes)
    assert "Sequential.0: conv3d has a window of three axes" in text and "heigen.torch.Hessian takes any module" in text

    class Sorted(nn.Module):
        def forward(self, x):
            return x.sort(1).values

    text = refused(nn.Sequential(nn.Linear(4, 4), Sorted(), nn.Linear(4, 3)), torch.randn(4, 4))
    assert "Sequential.1: sort is aten.sort, for which the engine has no operation" in text

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.c = nn.Linear(4, 4), nn.Linear(4, 3)

    class Unused(Twice):
        def forward(self, x):
            return self.c(x)

    assert "a.weight, a.bias take no part in the output" in refused(Unused(), torch.randn(4, 4))

    class Branches(Twice):
        def forward(self, x):
            return self.c(x) if x.sum() > 0 else self.c(self.a(x))

    assert "torch.export cannot follow the module" in refused(Branches(), torch.randn(4, 4))


def test_bad_input_is_an_exception_that_says_so():
    case = cases()["a sequence with tanh"]
    model, X, y = case.model, case.X, case.y
    bad = [
        (lambda: heigen.analyze(model, X), "there are no labels"),
        (lambda: heigen.analyze(model, X, y[:-1]), "every sample needs one label"),
        (lambda: heigen.analyze(model, X[:0], y[:0]), "no samples"),
        (lambda: heigen.analyze(model, X * np.nan, y), "infinite or NaN"),
        (lambda: heigen.analyze(model, X, y + 1), "a label is no class"),
        (lambda: heigen.analyze(model, X, y, loss="hubert"), 'loss is "hubert"; expected "cross_entropy"'),
        (lambda: heigen.analyze(model, X, y, operator="kfac"), 'operator is "kfac"; expected "hessian"'),
        (lambda: heigen.analyze(model, X, y, method="exact", dtype="float32"), 'method="exact" needs dtype="float64"'),
        (lambda: heigen.analyze(model, X, y, which="SA"), "give k, or leave which out"),
        (lambda: heigen.analyze(model, X, y, k=0), "k: the number is out of range; got 0"),
        (lambda: heigen.analyze(model, X, y, layers=["7"]), "layers: .*7"),
        (lambda: heigen.analyze(model, X, y, weight_decay=float("inf")), "weight_decay: the number is not finite"),
        (lambda: heigen.analyze(model, X, y, dtype="float16"), "dtype"),
        (lambda: heigen.analyze(object(), X, y), "this is no network"),
        (lambda: heigen.analyze("nowhere.onnx", X, y), "nowhere.onnx"),
        (lambda: heigen.analyze(("nowhere.json", {"0.weight": np.eye(2)}), X, y), "nowhere.json"),
        (lambda: heigen.analyze(({"layers": []}, {}), X, y), "layers"),
        (lambda: heigen.experiment("gauss/normal_trainin"), "gauss/normal_training"),
        (lambda: heigen.load("nowhere"), "there is no analysis"),
    ]
    for call, text in bad:
        with pytest.raises(heigen.Error, match=text) as caught:
            call()
        assert "--" not in str(caught.value) and "memory:" not in str(caught.value), caught.value


def test_other_forms_of_samples_and_networks_give_the_same_numbers(small, tmp_path):
    case, analysis = small
    model, X, y = case.model, case.X, case.y

    def top(*args, **options):
        return heigen.analyze(*args, k=2, progress=False, **options).eigenvalues

    wanted = top(model, X, y)
    data = torch.utils.data.TensorDataset(X, y)
    assert np.array_equal(top(model, torch.utils.data.DataLoader(data, batch_size=7)), wanted)
    assert np.array_equal(top(model, X.numpy(), y.numpy()), wanted)
    assert np.array_equal(top(model, (X, y)), wanted)
    layers = [
        {"type": "linear", "out_features": 8},
        {"type": "tanh"},
        {"type": "linear", "out_features": 6},
        {"type": "relu"},
        {"type": "linear", "out_features": 3},
    ]
    state = model.state_dict()
    assert np.array_equal(top(({"layers": layers}, state), X, y), wanted)
    torch.save(state, tmp_path / "net.pt")
    (tmp_path / "arch.json").write_text(json.dumps({"layers": layers}))
    assert np.array_equal(top((tmp_path / "arch.json", tmp_path / "net.pt"), X, y), wanted)
    np.savez(tmp_path / "my.npz", X=X.numpy(), y=y.numpy())
    assert np.array_equal(top((layers, state), tmp_path / "my.npz"), wanted)
    renamed = {f"net.{key}": value for key, value in state.items()}
    assert np.array_equal(top((layers, renamed), X, y), wanted)


def test_an_onnx_file_gives_the_same_spectrum(small, tmp_path):
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    case, analysis = small
    weights = {k: v.numpy() for k, v in case.model.state_dict().items()}
    nodes, last = [], "x"
    for place, kind in enumerate(["Gemm", "Tanh", "Gemm", "Relu", "Gemm"]):
        inputs = [last, f"{place}.weight", f"{place}.bias"] if kind == "Gemm" else [last]
        extra = {"transB": 1} if kind == "Gemm" else {}
        nodes.append(helper.make_node(kind, inputs, [f"h{place}"], **extra))
        last = f"h{place}"
    shape = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", d]) for n, d in (("x", 2), (last, 3))]
    initializers = [numpy_helper.from_array(v, k) for k, v in weights.items()]
    graph = helper.make_graph(nodes, "net", shape[:1], shape[1:], initializers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), tmp_path / "net.onnx")
    found = heigen.analyze(tmp_path / "net.onnx", case.X, case.y, progress=False)
    assert np.abs(found.eigenvalues - analysis.eigenvalues).max() < 1e-12


def test_nothing_is_written_unless_asked(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    case, _ = small
    analysis = heigen.analyze(case.model, case.X, case.y, progress=False)
    analysis.boundary, analysis.report(), analysis.plot.spectrum(), analysis._repr_html_()
    heigen.experiment("intro1D/normal_training").analyze(k=1, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_analyses_pickle(small):
    case, analysis = small
    twin = pickle.loads(pickle.dumps(analysis))
    assert twin.summary == {**analysis.summary, "weights": twin.summary["weights"]}
    assert np.array_equal(twin.eigenvectors, analysis.eigenvectors)
    assert twin.names == analysis.names and twin.notes == analysis.notes
    # Nothing is computed anew: the figure is drawn from what was taken along.
    assert twin.plot.density().svg == analysis.plot.density().svg
    assert np.array_equal(twin.operator() @ np.ones(twin.n_params), analysis.operator() @ np.ones(twin.n_params))


def test_arguments_are_refused_with_their_names():
    with pytest.raises(TypeError, match="unexpected keyword"):
        heigen.analyze(None, None, None, top_k=3)
    with pytest.raises(heigen.WrongTypeError, match="there is no keyword top_k"):
        heigen.operator(None, None, None, top_k=3)


def test_progress_and_exceptions_in_it(small):
    case, _ = small
    told = []
    heigen.analyze(case.model, case.X, case.y, progress=lambda *event: told.append(event))
    stages = {stage for stage, *_ in told}
    assert "alignments" in stages and all(done <= (total or done) for _, done, total, _ in told)

    def stop(*_):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        heigen.analyze(case.model, case.X, case.y, progress=stop)


def test_other_threads_run_while_the_engine_works():
    ticks, done = [], threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    begun = time.monotonic()
    heigen.experiment("gauss/normal_training").train(progress=False)
    ended = time.monotonic()
    done.set()
    thread.join()
    within = [t for t in ticks if begun < t < ended]
    assert len(within) > 10 * (ended - begun)


INTERRUPTED = """
import signal, threading, time, os
import heigen
# Whoever started the tests in the background may have had the signal ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
experiment = heigen.experiment("gauss/normal_training")
experiment.train(progress=False)
def strike():
    time.sleep(0.6)
    global struck
    struck = time.monotonic()
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=strike).start()
try:
    experiment.analyze(progress=False)
except KeyboardInterrupt:
    late = time.monotonic() - struck
    assert late < 1.0, late
    assert heigen.experiment("intro1D/normal_training").analyze(k=1, progress=False).n_params > 0
    print("stopped")
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_an_interrupt_stops_within_a_second_and_leaves_the_interpreter_usable():
    ran = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=120)
    assert ran.stdout.strip() == "stopped", ran.stderr


def test_warnings_about_the_weights_are_warnings(small):
    case = cases()["a sequence with tanh"]
    with pytest.warns(heigen.Warning, match="no minimum"):
        analysis = heigen.analyze(case.model, case.X, case.y, progress=False)
    # The page repeats it, and says it no second time.
    with warnings.catch_warnings():
        warnings.simplefilter("error", heigen.Warning)
        page = analysis.report()
    assert "no minimum" in page and any("no minimum" in warning for warning in analysis.warnings)


def test_float64_samples_that_float32_rounds_are_noted():
    case = cases()["a sequence with tanh"]
    analysis = heigen.analyze(case.model, case.X.double() + 1e-12, case.y, k=1, progress=False)
    assert any("rounded to float32" in note for note in analysis.notes)


def test_labels_may_be_texts():
    case = cases()["a sequence with tanh"]
    names = np.array(["ant", "bee", "cat"])[case.y.numpy()]
    analysis = heigen.analyze(case.model, case.X, names, class_names=["ant", "bee", "cat"], k=1, progress=False)
    assert analysis.classes == ["ant", "bee", "cat"]
