"""What the command line writes Python reads, and the other way round; numbers are those of the stored references."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import heigen
import numpy as np
import pytest
from native_modules import cases

PROGRAM = [sys.executable, "-c", "import sys; from heigen._program import main; sys.exit(main())"]


def program(*arguments, cwd):
    """Runs the program that the package brings along."""
    ran = subprocess.run([*PROGRAM, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=240)
    assert ran.returncode == 0, ran.stderr
    return ran


def fixtures() -> Path:
    """The repository's stored references; the tests of an installed package lie in a checkout."""
    return next(p / "tests/fixtures/golden" for p in Path(__file__).resolve().parents if (p / "crates").is_dir())


@pytest.mark.parametrize(
    ("name", "loss", "arch"),
    [("gauss_30_ce", "cross_entropy", "FNN_2layer"), ("gauss_30_mse", "mse", "FNN_2layer")],
)
def test_the_stored_minimum_has_its_stored_spectrum(name, loss, arch):
    golden = np.load(fixtures() / f"{name}.npz")
    weights = fixtures() / f"{name}.safetensors"
    analysis = heigen.analyze((arch, weights), golden["X"], golden["y"], loss=loss, progress=False)
    scale = np.abs(golden["eigenvalues"]).max()
    assert np.abs(analysis.eigenvalues - golden["eigenvalues"]).max() < 1e-10 * scale
    assert analysis.loss == pytest.approx(float(golden["loss"]), rel=1e-12)
    assert analysis.grad_norm == pytest.approx(float(golden["grad_norm"]), rel=1e-9)
    assert analysis.trace == pytest.approx(float(golden["trace"]), rel=1e-9)
    leading = np.abs(analysis.alignments[::-1][:3])
    assert np.abs(leading - np.abs(golden["alignment_top"][:3])).max() < 1e-6


def test_the_keyword_that_the_message_about_a_large_file_names_is_there(tmp_path):
    golden = np.load(fixtures() / "gauss_30_ce.npz")
    np.savez(tmp_path / "samples.npz", X=golden["X"], y=golden["y"])
    network = ("FNN_2layer", fixtures() / "gauss_30_ce.safetensors")
    with open(tmp_path / "large.npz", "wb") as file:
        file.truncate(3 << 30)
    with pytest.raises(heigen.Error, match="max_gib="):
        heigen.analyze(network, tmp_path / "large.npz", progress=False)
    with pytest.raises(heigen.Error, match="max_gib: .*out of range; got 0"):
        heigen.analyze(network, tmp_path / "samples.npz", max_gib=0, progress=False)
    analysis = heigen.analyze(network, tmp_path / "samples.npz", max_gib=1, k=1, progress=False)
    assert analysis.loss == pytest.approx(float(golden["loss"]), rel=1e-12)


def test_training_an_experiment_gives_the_command_lines_weights(tmp_path):
    trained = heigen.experiment("intro1D/normal_training").train(progress=False)
    record = json.loads(program("train", "intro1D/normal_training", "--json", cwd=tmp_path).stdout)
    assert trained.record["weights_hash"] == record["weights_hash"]
    assert trained.epochs_trained == record["epochs_trained"] and len(trained.history) == len(record["epochs"])
    from safetensors.numpy import load_file

    theirs = load_file(tmp_path / "results/models/intro1D/normal_training.safetensors")
    assert {k: v.shape for k, v in trained.weights.items()} == {k: v.shape for k, v in theirs.items()}
    assert all(np.array_equal(v, theirs[k]) for k, v in trained.weights.items())


def test_what_the_program_wrote_is_loaded_and_saved_and_found_again(tmp_path):
    case = cases()["a sequence with tanh"]
    np.savez(tmp_path / "net.npz", **{k: v.numpy() for k, v in case.model.state_dict().items()})
    np.savez(tmp_path / "my.npz", X=case.X.numpy(), y=case.y.numpy())
    widths = [("linear", 8), ("tanh", None), ("linear", 6), ("relu", None), ("linear", 3)]
    layers = [{"type": t} if n is None else {"type": t, "out_features": n} for t, n in widths]
    (tmp_path / "arch.json").write_text(json.dumps({"layers": layers}))
    ran = program("analyze", "--model", "net.npz", "--arch", "arch.json", "--data", "my.npz", "--json", cwd=tmp_path)
    told = json.loads(ran.stdout)
    analysis = heigen.load(tmp_path / "results")
    assert analysis.summary == told["analysis"]
    grads = tmp_path / "results/grads/own"
    assert np.array_equal(analysis.eigenvalues, np.load(grads / "net_heigenvalues.npy"))
    assert np.array_equal(analysis.alignments, np.load(grads / "net_overlaps.npy"))
    by_file = heigen.load(grads / "net_analysis.json")
    assert by_file.summary == analysis.summary
    # Saved elsewhere, the program finds it up to date there.
    analysis.save(tmp_path / "saved")
    again = program("hessian", "saved/experiments/own/net.json", "--results", "saved", "--json", cwd=tmp_path)
    assert "reused saved/grads/own/net_analysis.json" in again.stderr
    assert json.loads(again.stdout)["eigenvalues_top"] == told["analysis"]["eigenvalues_top"]


def test_what_python_analysed_the_program_goes_on_with(tmp_path):
    case = cases()["a sequence with tanh"]
    analysis = heigen.analyze(case.model, case.X, case.y, progress=False)
    ggn = heigen.analyze(case.model, case.X, case.y, operator="ggn", k=2, progress=False)
    analysis.save(tmp_path / "results")
    ggn.save(tmp_path / "results")
    again = program("hessian", "results/experiments/own/Sequential.json", "--json", cwd=tmp_path)
    assert "reused results/grads/own/Sequential_analysis.json" in again.stderr
    assert json.loads(again.stdout)["eigenvalues_top"] == analysis.summary["eigenvalues_top"]
    # New results of the program's lie beside them, and all are found.
    program("boundary", "results/experiments/own/Sequential.json", cwd=tmp_path)
    plain = heigen.load(tmp_path / "results")
    assert np.array_equal(plain.eigenvectors, analysis.eigenvectors)
    part = heigen.load(tmp_path / "results", "own/Sequential+ggn+largest-2")
    assert np.array_equal(part.eigenvalues, ggn.eigenvalues) and part.operator_kind == "ggn"
    with pytest.raises(heigen.InputError, match="own/Sequential"):
        heigen.load(tmp_path / "results", "own/other")
    # A folder that was moved is found where it is.
    (tmp_path / "results").rename(tmp_path / "moved")
    moved = heigen.load(tmp_path / "moved")
    analysed = (tmp_path / "moved/grads/own/Sequential_analysis.json").stat().st_mtime_ns
    moved.plot.spectrum()
    assert (tmp_path / "moved/grads/own/Sequential_analysis.json").stat().st_mtime_ns == analysed
    assert np.array_equal(moved.operator() @ np.ones(moved.n_params), analysis.operator() @ np.ones(moved.n_params))
    assert moved.boundary.margin is not None


def test_other_weights_under_the_same_name_are_not_replaced_unless_asked(tmp_path):
    case, other = cases()["a sequence with tanh"], cases()["label smoothing"]
    heigen.analyze(case.model, case.X, case.y, k=1, progress=False).save(tmp_path)
    theirs = heigen.analyze(other.model, other.X, other.y, k=1, progress=False)
    with pytest.raises(heigen.InputError, match="force=True replaces it"):
        theirs.save(tmp_path)
    theirs.save(tmp_path, force=True)


def test_a_folder_is_used_like_the_command_lines(tmp_path):
    case = cases()["a sequence with tanh"]
    options = dict(folder=tmp_path / "results", name="mine/net", progress=False)
    first = heigen.analyze(case.model, case.X, case.y, **options)
    files = {p: p.stat().st_mtime_ns for p in (tmp_path / "results/grads").rglob("*.npy")}
    second = heigen.analyze(case.model, case.X, case.y, **options)
    assert second.summary == first.summary
    assert files and {p: p.stat().st_mtime_ns for p in files} == files
    with pytest.raises(heigen.InputError, match='name="folder/name" chooses another, force=True replaces it'):
        heigen.analyze(cases()["label smoothing"].model, case.X, case.y, **options)


def test_a_damaged_array_is_refused_and_named(tmp_path):
    case = cases()["a sequence with tanh"]
    heigen.analyze(case.model, case.X, case.y, progress=False).save(tmp_path)
    array = tmp_path / "grads/own/Sequential_heigenvalues.npy"
    content = bytearray(array.read_bytes())
    content[-1] ^= 1
    array.write_bytes(content)
    with pytest.raises(heigen.FileError, match="Sequential_heigenvalues.npy is not as it was written"):
        heigen.load(tmp_path)
