"""Spectra along a training: by the engine, and by a recorder in a loop of one's own."""

from __future__ import annotations

import contextlib
import io

import heigen
import heigen.torch
import numpy as np
import pytest
import torch
from test_guide import ROOT, chapter, examples, fits

SMALL = {
    "model": {"type": "FNN_2layer", "args": {"num_neurons_layer1": 8, "num_neurons_layer2": 8}},
    "optimizer": {"type": "SGD", "args": {"lr": 0.1, "momentum": 0.0, "weight_decay": 0.0}},
    "dataset": {"type": "gauss_mixtures", "args": {"random": False}},
    "init_model_at": "",
    "train_fraction": 0.5,
    "test_fraction": 0.2,
    "trainer": {
        "num_epochs": 12, "how_often_save_model": 4, "how_often_compute_grads": 0,
        "how_often_print": 6, "batch_size": 64,
    },
}  # fmt: skip


@pytest.fixture
def small(tmp_path):
    import json

    path = tmp_path / "my" / "small.json"
    path.parent.mkdir()
    path.write_text(json.dumps(SMALL))
    return path


def test_a_training_is_followed(small, tmp_path):
    along = heigen.follow(small, every=4, k=3, lowest=1, whole=1, figures=tmp_path / "pictures")
    assert along.epochs.tolist() == [0, 4, 8, 12] and along.eigenvalues.shape == (4, 4)
    analysis = heigen.experiment(small).analyze()
    assert np.allclose(along.eigenvalues[-1, :3], analysis.eigenvalues[::-1][:3], rtol=1e-9)
    assert np.allclose(along.eigenvalues[-1, 3], analysis.eigenvalues[0], atol=1e-9 * analysis.eigenvalues[-1])
    vectors = along.vectors(-1)
    assert np.abs(vectors.T @ vectors - np.eye(4)).max() < 1e-6
    assert np.all(along.residuals <= 1.01e-6 * along["scale"][:, None])
    # The tracks hold every eigenvalue once.
    assert sum(len(values) for _, values in along.tracks.values()) == along.eigenvalues.size
    for number, (epochs, values) in along.tracks.items():
        for epoch, value in zip(epochs, values):
            row = along.epochs.tolist().index(epoch)
            assert along.eigenvalues[row][along.identities[row] == number].tolist() == [value]
    before, after = along.vectors(0)[:, :3], along.vectors(1)[:, :3]
    assert np.isclose(along["subspace_overlap"][1], np.sum((before.T @ after) ** 2) / 3)
    assert np.isclose(along.subspace_overlaps[0, 1], along["subspace_overlap"][1])
    assert np.isnan(along["subspace_overlap"][0]) and np.isclose(along["sharpness"][-1], along.eigenvalues[-1, 0] * 0.05)
    assert set(along.pictures) == {"spectra", "subspaces", "strip", "film"}
    assert along.pictures["film"][0].read_bytes().startswith(b"\x89PNG")
    assert along.plot().svg.startswith("<svg") and along.plot_subspaces().svg.startswith("<svg")
    assert "4 moments of 3" in repr(along)


def test_results_in_a_folder_are_found_again(small, tmp_path):
    first = heigen.follow(small, every=6, k=2, folder=tmp_path / "results", whole=0)
    again = heigen.follow(small, every=6, k=2, folder=tmp_path / "results", whole=0)
    assert first.record == again.record
    arrays = tmp_path / "results/grads/my/small_along_eigenvalues.npy"
    assert np.array_equal(np.load(arrays), first.eigenvalues)
    assert np.array_equal(np.load(tmp_path / "results/grads/my/small_along/moment_000001_theta.npy"), first.theta(1))


def test_snapshots_and_checkpoints_are_followed(small, tmp_path):
    wanted = heigen.follow(small, every=4, k=2, whole=0)
    results = tmp_path / "results"
    heigen.experiment(small, folder=results).train()
    for weights in ("snapshots", results / "models/my/small_snapshots"):
        found = heigen.follow(small, weights=weights, k=2, folder=results, whole=0)
        assert np.array_equal(found.eigenvalues, wanted.eigenvalues) and found.epochs.tolist() == [0, 4, 8, 12]
        assert np.isnan(found["threshold"]).all()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (dict(every=0), "every"),
        (dict(every="50s"), 'every is "50s"; expected a number from 1, of epochs or as in 50steps'),
        (dict(every="0steps"), "of epochs or as in 50steps"),
        (dict(k=0), "k"),
        (dict(tol=-1.0), "tol"),
        (dict(trace=3), "6 or more"),
        (dict(weights=[]), "empty list"),
        (dict(weights="nowhere.safetensors"), "nowhere.safetensors"),
        (dict(weights="snapshots"), "no weights along its training"),
    ],
)
def test_what_cannot_be_followed_is_said(small, options, said):
    with pytest.raises(heigen.Error, match=said):
        heigen.follow(small, **options)


def test_numbers_that_moments_do_not_have_are_named(small):
    along = heigen.follow(small, every=12, k=2, whole=0)
    with pytest.raises(heigen.InputError, match="grad_norm"):
        along["gradnorm"]
    with pytest.raises(heigen.WrongTypeError, match="no single number"):
        along["eigenvalues"]
    with pytest.raises(heigen.InputError, match="no such moment"):
        along.theta(9)


def module():
    torch.manual_seed(0)
    X, y = torch.randn(40, 2).double(), torch.arange(40) % 3
    model = torch.nn.Sequential(torch.nn.Linear(2, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3)).double()
    return model, X, y, torch.nn.CrossEntropyLoss()


def written_out(model, X, y, loss):
    """The gradient and the Hessian by PyTorch's own functions."""
    names = [name for name, _ in model.named_parameters()]
    shapes = [p.shape for p in model.parameters()]

    def of(theta):
        pieces = torch.split(theta, [s.numel() for s in shapes])
        tensors = {name: piece.view(shape) for name, piece, shape in zip(names, pieces, shapes)}
        return loss(torch.func.functional_call(model, tensors, (X,)), y)

    theta = torch.nn.utils.parameters_to_vector(model.parameters()).detach()
    return torch.func.grad(of)(theta).numpy(), torch.func.hessian(of)(theta).numpy()


@pytest.mark.parametrize("kind", ["plain", "polyak", "nesterov", "averaged", "adam", "rmsprop"])
def test_a_recorder_agrees_with_the_dense_hessian_at_every_look(kind):
    model, X, y, loss = module()
    make = {
        "plain": lambda p: torch.optim.SGD(p, lr=0.5, weight_decay=0.01),
        "polyak": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
        "nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
        "averaged": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.9),
        "adam": lambda p: torch.optim.Adam(p, lr=0.01),
        "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01),
    }
    thresholds = {"plain": 4.0, "polyak": 38.0, "nesterov": 38 / 2.8, "averaged": 380.0, "adam": 3800.0, "rmsprop": 200.0}
    optimizer = make[kind](model.parameters())
    op = heigen.torch.Hessian(model, (X, y), loss)
    recorder = heigen.torch.Recorder(op, every=5, k=3, lowest=2, tol=1e-7, optimizer=optimizer)
    looks, before = 0, None
    for _ in range(30):
        optimizer.zero_grad()
        loss(model(X), y).backward()
        optimizer.step()
        if not recorder.step(anything=1.5):
            continue
        looks += 1
        gradient, hessian = written_out(model, X, y, loss)
        assert np.allclose(op.gradient(), gradient)
        values, vectors = np.linalg.eigh(hessian)
        moment = recorder.along.moments[-1]
        wanted = np.concatenate([values[::-1][:3], values[:2]])
        assert np.allclose(moment["eigenvalues"], wanted, rtol=0, atol=1e-9 * values[-1])
        top = vectors[:, -3:]
        share = np.sum((top.T @ gradient) ** 2) / np.sum(gradient**2)
        assert np.isclose(moment["gradient_in_top"], share, atol=1e-5)
        assert np.isclose(moment["grad_norm"], np.linalg.norm(gradient)) and moment["anything"] == 1.5
        if before is not None:
            assert np.isclose(moment["subspace_overlap"], np.sum((before.T @ top) ** 2) / 3, atol=1e-5)
        before = top
        assert np.isclose(moment["threshold"], thresholds[kind])
        met = values[-1] + (0.01 if kind == "plain" else 0)
        if kind in ("adam", "rmsprop"):
            states = [optimizer.state[p] for p in model.parameters()]
            square = [s["exp_avg_sq"] / (1 - 0.999 ** float(s["step"])) if kind == "adam" else s["square_avg"] for s in states]
            scale = torch.cat([v.sqrt().reshape(-1) + 1e-8 for v in square]).numpy()
            met = np.linalg.eigvals(hessian / scale[:, None]).real.max()
            assert np.isclose(moment["preconditioned"], met, rtol=1e-8)
        assert np.isclose(moment["sharpness"], met / thresholds[kind])
    assert looks == len(recorder.along) == 6
    along = recorder.along
    assert np.allclose(along.theta(-1), torch.nn.utils.parameters_to_vector(model.parameters()).detach())
    assert along.plot().svg.startswith("<svg") and "6 moments" in repr(recorder)


def recorded(folder, stops=()):
    """A training with a recorder, which is made anew at every stop, as if the program had begun again there."""
    model, X, y, loss = module()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)

    def made():
        return heigen.torch.Recorder(heigen.torch.Hessian(model, (X, y), loss), every=2, k=3, folder=folder, keep=4)

    recorder = made()
    for step in range(40):
        if step in stops:
            recorder = made()
        optimizer.zero_grad()
        loss(model(X), y).backward()
        optimizer.step()
        recorder.step()
    return recorder


def test_a_recorder_of_a_folder_goes_on_where_it_was(tmp_path):
    whole, broken = recorded(tmp_path / "a"), recorded(tmp_path / "b", stops=(10, 12, 30))
    assert len(whole.along) == 20
    given = [moment["identities_given"] for moment in whole.along.moments]
    assert given[5] > 4 and given[-1] > given[6], "vectors come in before and after the stops, else the test shows little"
    for a, b in zip(whole.along.moments, broken.along.moments):
        assert a["eigenvalues"] == pytest.approx(b["eigenvalues"], abs=1e-9) and a["identities"] == b["identities"]
    # Of many moments some keep their vectors, evenly spread, the last among them.
    assert whole.along.kept.tolist() == broken.along.kept.tolist() == [0, 8, 16, 19]
    assert whole.along.subspace_overlaps.shape == (4, 4)
    with pytest.raises(heigen.NotComputedError):
        whole.along.vectors(1)
    file = np.load(tmp_path / "a/moment_000003.npz")
    assert file["vectors"].shape == (33, 4) and '"epoch": 8' in str(file["record"])
    (tmp_path / "a/moment_000002.npz").write_bytes(b"no")
    with pytest.raises(heigen.FileError, match="moment_000002"):
        recorded(tmp_path / "a")


def test_what_recorders_cannot_do_is_said(tmp_path):
    model, X, y, loss = module()
    op = heigen.torch.Hessian(model, (X, y), loss)
    with pytest.raises(heigen.WrongTypeError, match=r"heigen\.torch"):
        heigen.torch.Recorder(np.eye(3))
    with pytest.raises(heigen.UnsupportedModelError, match="LBFGS"):
        heigen.torch.Recorder(op, optimizer=torch.optim.LBFGS(model.parameters()))
    others = torch.optim.SGD([torch.nn.Parameter(torch.ones(2))], lr=0.1)
    with pytest.raises(heigen.InputError, match="none of the operator's parameters"):
        heigen.torch.Recorder(op, optimizer=others)
    groups = [{"params": model[0].parameters(), "lr": 0.1}, {"params": model[2].parameters(), "lr": 0.2}]
    with pytest.raises(heigen.UnsupportedModelError, match="groups of parameters differ"):
        heigen.torch.Recorder(op, optimizer=torch.optim.SGD(groups))
    heigen.torch.Recorder(op, folder=tmp_path).look()
    small = torch.nn.Linear(2, 3).double()
    with pytest.raises(heigen.InputError, match="another operator"):
        heigen.torch.Recorder(heigen.torch.Hessian(small, (X, y), loss), folder=tmp_path)


@pytest.mark.skipif(ROOT is None, reason="the guide is in the repository")
def test_the_chapter_about_trainings_runs_and_prints_what_it_shows():
    torch.set_num_threads(1)
    names: dict[str, object] = {}
    blocks = examples(chapter("along.md"))
    assert len(blocks) == 2
    for code, shown in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "along.md", "exec"), names)
        got, wanted = printed.getvalue().rstrip().splitlines(), (shown or "").rstrip().splitlines()
        assert fits(wanted, got), f"{code}\nprints\n{printed.getvalue()}instead of\n{shown}"
