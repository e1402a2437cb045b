"""Mistakes that people make with analyses are named before work begins, and numbers that may mislead are warned of."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import heigen  # noqa: E402
import heigen.torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, Dataset, TensorDataset  # noqa: E402

torch.set_num_threads(1)


def problem() -> tuple[nn.Sequential, Any, Any]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))
    return model, torch.randn(12, 4), torch.arange(12) % 3


@pytest.fixture(scope="module")
def whole() -> heigen.Analysis:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", heigen.Warning)
        return heigen.analyze(*problem())


@pytest.fixture(scope="module")
def part() -> heigen.Analysis:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", heigen.Warning)
        return heigen.analyze(*problem(), k=2)


def test_weights_that_are_no_minimum_are_warned_of_and_the_warning_stays(tmp_path) -> None:
    with pytest.warns(heigen.Warning, match="no minimum of this loss on these samples") as seen:
        analysis = heigen.analyze(*problem())
    assert all(w.filename == __file__ for w in seen)
    assert len(analysis.warnings) == 2 and "most negative eigenvalue" in analysis.warnings[1]
    assert analysis.warnings == [str(w.message) for w in seen]
    analysis.save(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = heigen.load(tmp_path)
        assert loaded.warnings == analysis.warnings
        # The page repeats each once.
        page = loaded.report(progress=False)
    assert page.count("the weights are no minimum of this loss on these samples") == 1


def test_of_other_matrices_than_the_hessian_a_negative_eigenvalue_says_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", heigen.Warning)
        assert heigen.analyze(*problem(), operator="remainder").warnings == []
    with pytest.warns(heigen.Warning) as seen:
        heigen.analyze(*problem(), k=2, which="SA")
    assert not any("no positive eigenvalue" in str(w.message) for w in seen)


@pytest.mark.filterwarnings("ignore::heigen.Warning")
def test_the_bound_on_what_pairs_leave_counts_eigenvalues_whose_vectors_were_left_out() -> None:
    analysis = heigen.analyze(*problem(), weight_decay=2e-11, matrix=True)
    assert analysis.eigenvectors.shape[1] < analysis.n_params
    values, v = analysis.eigenvalues, analysis.eigenvectors
    kept = values[np.abs(values) > 1e-10 * np.abs(values).max()]
    left = np.linalg.norm(analysis.matrix - (v * kept) @ v.T, 2)
    bound = analysis.certificate.outside_bound
    assert 1.9e-11 < left <= bound < 1e-10
    assert bound == analysis.summary["outside_bound"] == analysis.summary["certificate"]["outside_bound"]


def test_what_was_not_asked_for_is_no_attribute(part: heigen.Analysis, whole: heigen.Analysis) -> None:
    for name in ("certificate", "rank", "boundary", "alignments", "coherence", "matrix", "layers", "trace", "diagonal"):
        assert not hasattr(part, name), name
        assert getattr(part, name, None) is None
    assert hasattr(whole, "certificate") and not hasattr(whole, "residuals")
    with pytest.raises(heigen.NotComputedError, match="boundary needs the whole spectrum.*without k=") as caught:
        _ = part.boundary
    assert isinstance(caught.value, heigen.InputError) and isinstance(caught.value, AttributeError)
    with pytest.raises(heigen.NotComputedError, match=r"has no matrix.*matrix=True"):
        _ = whole.matrix


@pytest.mark.filterwarnings("ignore::heigen.Warning")
def test_without_eigenpairs_there_is_no_largest_eigenvalue() -> None:
    analysis = heigen.analyze(*problem(), eigenpairs=False, trace=20)
    for name in ("lambda_max", "lambda_min", "eigenvalues"):
        with pytest.raises(heigen.NotComputedError, match="eigenpairs=True"):
            getattr(analysis, name)


def test_several_outputs_for_every_class_are_refused_as_pytorch_does() -> None:
    model, X, y = nn.Sequential(nn.Linear(4, 5)), torch.randn(6, 3, 4), torch.arange(6) % 3
    with pytest.raises(heigen.InputError, match=r'outputs \(N, 3, 5\) and y \(N,\).*targets="positions"'):
        heigen.analyze(model, X, y)
    with pytest.raises(heigen.InputError, match=r"outputs \(N, 1, 5\)"):
        heigen.analyze(model, X[:, :1], y)
    places = torch.randint(0, 5, (6, 3))
    with pytest.raises(heigen.InputError, match='targets="positions"'):
        heigen.analyze(model, X, places)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", heigen.Warning)
        heigen.analyze(model, X, places, targets="positions")


@pytest.mark.filterwarnings("ignore::heigen.Warning")
def test_one_hot_labels_in_whole_numbers_are_classes(whole: heigen.Analysis) -> None:
    model, X, y = problem()
    for hot in (nn.functional.one_hot(y), nn.functional.one_hot(y).bool()):
        assert np.array_equal(heigen.analyze(model, X, hot).eigenvalues, whole.eigenvalues)
    with pytest.raises(heigen.InputError, match="neither classes nor one-hot"):
        heigen.analyze(model, X, 2 * nn.functional.one_hot(y))


class Noisy(Dataset):  # type: ignore[type-arg]
    """Samples with random augmentation."""

    def __len__(self) -> int:
        return 12

    def __getitem__(self, i: int) -> Any:
        _, X, y = problem()
        return X[i] + 0.1 * torch.tensor(np.random.randn(4), dtype=torch.float32), y[i]


class Flipping(Noisy):
    """Samples of which some are turned round: sums over their numbers do not tell."""

    def __getitem__(self, i: int) -> Any:
        _, X, y = problem()
        return (X[i].flip(0) if np.random.rand() < 0.5 else X[i]), y[i]


def test_a_loader_that_gives_other_samples_each_time_is_refused(whole: heigen.Analysis) -> None:
    model, X, y = problem()
    data = TensorDataset(X, y)
    with pytest.raises(heigen.NotDeterministicError, match="drop_last, which leaves out 2 samples"):
        heigen.analyze(model, DataLoader(data, batch_size=5, shuffle=True, drop_last=True))
    with pytest.raises(heigen.NotDeterministicError, match="other samples each time.*augmentation"):
        heigen.analyze(model, DataLoader(Noisy(), batch_size=5))
    with pytest.raises(heigen.NotDeterministicError, match="other samples each time.*augmentation"):
        heigen.analyze(model, DataLoader(Flipping(), batch_size=5))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", heigen.Warning)
        for loader in (
            DataLoader(data, batch_size=5, shuffle=True),
            DataLoader(data, batch_size=4, shuffle=True, drop_last=True),
            data,
        ):
            found = heigen.analyze(model, loader).eigenvalues
            assert np.abs(found - whole.eigenvalues).max() < 1e-12


def broken(value: float) -> nn.Sequential:
    model, _, _ = problem()
    with torch.no_grad():
        model[0].weight[1, 2] = value
    return model


class TwoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Linear(4, 3)

    def forward(self, x: Any, z: Any) -> Any:
        return self.map(x + z)


def mistakes() -> dict[str, tuple[Any, type[Exception], str]]:
    model, X, y = problem()
    table = nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(12, 3))
    return {
        "weights that are NaN": ((broken(float("nan")), X, y), heigen.NotFiniteError, "parameter 0.weight.*NaN"),
        "weights that are infinite": ((broken(float("inf")), X, y), heigen.NotFiniteError, "parameter 0.weight.*infinite"),
        "a model without values": ((nn.Linear(4, 3, device="meta"), X, y), heigen.InputError, "no values.*device meta"),
        "another number of features": ((model, X[:, :3], y), heigen.InputError, r"^X: the module fails.*float32 \(12, 3\)"),
        "real numbers in a table": ((table, X, y), heigen.InputError, r"^X: the module fails.*Long.*float32 \(12, 4\)"),
        "two inputs": ((TwoInputs(), (X, X), y), heigen.InputError, "one input; got a tuple of 2.*heigen.torch.Hessian"),
        "triples": ((model, [(X, X, y)]), heigen.InputError, r"got a tuple of 3, wanted \(X, y\)"),
    }


@pytest.mark.parametrize("name", list(mistakes()))
def test_mistakes_are_named_before_work_begins(name: str, capfd: Any, caplog: Any) -> None:
    arguments, kind, pattern = mistakes()[name]
    with caplog.at_level(logging.DEBUG), pytest.raises(kind, match=pattern):
        heigen.analyze(*arguments)
    assert capfd.readouterr().err == ""


def test_a_module_that_cannot_be_read_leaves_no_log(capfd: Any) -> None:
    class Branching(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.map = nn.Linear(4, 3)

        def forward(self, x: Any) -> Any:
            return self.map(x) if float(x.sum()) > 0 else -self.map(x)

    _, X, y = problem()
    level = logging.getLogger("torch").level
    with pytest.raises(heigen.UnsupportedModelError):
        heigen.analyze(Branching(), X, y)
    assert capfd.readouterr().err == "" and logging.getLogger("torch").level == level


@pytest.mark.filterwarnings("ignore::heigen.Warning")
def test_a_model_made_under_inference_mode_is_read(whole: heigen.Analysis) -> None:
    with torch.inference_mode():
        model, X, y = problem()
    assert np.abs(heigen.analyze(model, X, y).eigenvalues - whole.eigenvalues).max() < 1e-12


def test_copied_layers_of_a_module_are_not_taken_for_tied_ones() -> None:
    class Copied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True, dropout=0.0)
            self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
            self.head = nn.Linear(4, 3)

        def forward(self, x: Any) -> Any:
            return self.head(self.layers(x).mean(1))

    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", heigen.Warning)
        analysis = heigen.analyze(Copied(), torch.randn(6, 3, 4), torch.arange(6) % 3, k=1)
    assert not any("the same numbers" in warning for warning in analysis.warnings)


def test_what_is_no_operator_says_what_is_one(whole: heigen.Analysis) -> None:
    model, _, _ = problem()
    with pytest.raises(heigen.WrongTypeError, match=r"heigen\.torch\.Hessian"):
        heigen.eigsh(model, 2)
    with pytest.raises(heigen.WrongTypeError, match=r"analysis\.operator\(\)"):
        heigen.spectrum(whole)
    pairs = heigen.eigsh(whole.operator(), 2, which="LA")
    with pytest.raises(heigen.WrongTypeError, match="computed of"):
        heigen.spectrum(pairs)


def test_files_that_cannot_be_written_are_errors_of_heigen(whole: heigen.Analysis, tmp_path: Any) -> None:
    with pytest.raises(heigen.FileError, match="folder of the page is not there"):
        whole.report(tmp_path / "none" / "page.html")
    with pytest.raises(heigen.FileError, match="cannot be written"):
        whole.plot.spectrum().save(tmp_path / "none" / "a.svg")
    (tmp_path / "file").write_text("")
    with pytest.raises(heigen.FileError):
        whole.save(tmp_path / "file" / "below")


def test_long_tuples_of_numbers_have_short_names(whole: heigen.Analysis) -> None:
    assert len(repr(whole.certificate)) < 120 and "whole=True" in repr(whole.certificate)
    plane = heigen.torch.boundary(nn.Sequential(nn.Linear(2, 3)), (-1, 1), (-1, 1), n=9)
    assert len(repr(plane)) < 120 and "pieces" in repr(plane)


OPTIONS = {
    "k": (-1, 2.5, True), "batch": (0, "x"), "trace": (-1, 0), "diagonal": (-5,), "matrix": ("x", 1), "by_layer": (None,),
    "weight_decay": (-1.0, float("nan"), "x"), "tol": (float("inf"),), "label_smoothing": (-0.1,), "layers": ([],),
    "classes": ([],), "decay_only": ([],), "which": (None,), "method": (3,), "max_gib": (-1,), "divide_by": (0, "x"),
    "density": ((2, -3), (0, 3)), "loss_args": ({"weight": "x"}, {"foo": 1}), "loss": (nn.CrossEntropyLoss,),
}  # fmt: skip


@pytest.mark.parametrize("name", list(OPTIONS))
def test_options_that_cannot_be_used_are_named(name: str) -> None:
    for value in OPTIONS[name]:
        with pytest.raises((heigen.InputError, heigen.WrongTypeError), match=f"^{name}[:,] "):
            heigen.analyze(*problem(), **{name: value})


def test_pictures_with_numbers_that_cannot_be_are_refused(whole: heigen.Analysis) -> None:
    for options in ({"vectors": -1}, {"vectors": 0}, {"vectors": "two"}):
        with pytest.raises((heigen.InputError, heigen.WrongTypeError), match="^vectors: "):
            whole.plot.overlaps(**options)
    for draw in (whole.plot.planes, whole.plot.boundary, whole.plot.line):
        with pytest.raises(heigen.InputError, match=r"has 4 features; .*plot\.embedding\(\)"):
            draw()


@pytest.mark.filterwarnings("ignore::heigen.Warning")
def test_arrays_in_another_order_of_bytes_are_numbers(whole: heigen.Analysis) -> None:
    model, X, y = problem()
    found = heigen.analyze(model, X.numpy().astype(">f4"), y.numpy().astype(">i8"))
    assert np.array_equal(found.eigenvalues, whole.eigenvalues)


def test_what_cannot_be_pickled_says_so_and_can_be_copied(whole: heigen.Analysis) -> None:
    import copy
    import pickle

    for thing, word in ((whole.operator(), "analysis"), (heigen.experiment("gauss/normal_training"), "experiment")):
        with pytest.raises(heigen.WrongTypeError, match=f"cannot be pickled.*{word}"):
            pickle.dumps(thing)
        assert copy.deepcopy(thing) is thing


@pytest.mark.filterwarnings("ignore::heigen.Warning")
def test_measures_of_a_loaded_analysis_write_nothing(tmp_path: Any) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 2))
    X = torch.randn(12, 2)
    first = heigen.analyze(model, X, torch.arange(12) % 2)
    first.save(tmp_path)

    def files() -> dict[Any, bytes]:
        return {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    before = files()
    loaded = heigen.load(tmp_path)
    assert loaded.boundary.nearest_among == first.boundary.nearest_among
    assert loaded.report(progress=False).startswith("<!DOCTYPE html>")
    assert loaded.plot.planes(vectors=1, resolution=5).svg.startswith("<svg")
    assert files() == before


@pytest.mark.filterwarnings("ignore::heigen.Warning")
def test_more_eigenpairs_than_there_are_leave_a_note() -> None:
    analysis = heigen.analyze(*problem(), k=1000)
    assert len(analysis.eigenvalues) == 43
    assert "1000 eigenpairs were asked for, and the matrix has 43" in analysis.notes


@pytest.mark.filterwarnings("ignore::heigen.Warning")
def test_the_command_finds_by_its_name_what_python_saved(tmp_path: Any) -> None:
    import json
    import subprocess
    import sys

    torch.manual_seed(0)
    analysis = heigen.analyze(*problem(), operator="ggn", name="own/run2")
    analysis.save(tmp_path)
    command = [sys.executable, "-m", "heigen", "hessian", "own/run2", "--results", str(tmp_path), "--operator", "ggn"]
    done = subprocess.run([*command, "--k", "2", "--json"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["eigenvalues"]
    assert np.abs(np.array(found) - analysis.eigenvalues[::-1][:2]).max() < 1e-6
    none = subprocess.run([*command[:4], "own/run3", *command[5:]], capture_output=True, text=True, timeout=120)
    assert none.returncode == 1 and "own/run3" in none.stderr
