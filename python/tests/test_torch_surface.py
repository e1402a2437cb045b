"""Loss surfaces of modules, against loops of PyTorch's own in float64."""

from __future__ import annotations

import json

import heigen
import heigen.torch
import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call, hessian


def small(seed=0, batch_norm=False):
    torch.manual_seed(seed)
    norm = [nn.BatchNorm2d(3)] if batch_norm else []
    model = nn.Sequential(nn.Conv2d(1, 3, 3), *norm, nn.Tanh(), nn.Flatten(), nn.Linear(12, 4), nn.Tanh(), nn.Linear(4, 3))
    X, y = torch.randn(30, 1, 4, 4), torch.arange(30) % 3
    return model.double(), X.double(), y


def at(model, directions, a, b, X, y, loss=nn.functional.cross_entropy):
    """Loss and accuracy of a copy of the model whose weights have moved."""
    moved, place = {}, 0
    for name, p in model.named_parameters():
        step = torch.as_tensor(directions[place : place + p.numel()])
        moved[name] = p.detach() + (a * step[:, 0] + b * step[:, 1]).reshape(p.shape)
        place += p.numel()
    z = functional_call(model, moved, (X,))
    return loss(z, y).item(), float((z.argmax(1) == y).double().mean())


@pytest.mark.parametrize("batch_norm", [False, True])
def test_losses_are_pytorchs_at_every_point(batch_norm):
    model, X, y = small(batch_norm=batch_norm)
    model.eval()
    # Batches of unequal sizes: the loss is the mean over all samples.
    data = [(X[:7], y[:7]), (X[7:], y[7:])]
    before = {name: p.clone() for name, p in model.state_dict().items()}
    surface = heigen.torch.loss_surface(model, data, nn.CrossEntropyLoss(), steps=(5, 4), span=((-1, 1), (-0.5, 1)))
    assert surface.losses.shape == (4, 5) and surface.a[0] == -1 and surface.b[-1] == 1
    for i, b in enumerate(surface.b):
        for j, a in enumerate(surface.a):
            loss, accuracy = at(model, surface.directions, a, b, X, y)
            assert abs(surface.losses[i, j] - loss) < 1e-12 and abs(surface.accuracies[i, j] - accuracy) < 1e-12
    assert abs(surface.loss - nn.functional.cross_entropy(model(X), y).item()) < 1e-12
    assert all(torch.equal(before[name], p) for name, p in model.state_dict().items())
    assert surface.plot().svg.startswith("<svg") and "4 points" in repr(surface)


def test_filters_of_directions_are_as_long_as_those_of_the_weights():
    model, X, y = small(batch_norm=True)
    model.eval()
    surface = heigen.torch.loss_surface(model, (X, y), "cross_entropy", steps=2, seed=3)
    place = 0
    for p in model.parameters():
        step = surface.directions[place : place + p.numel()].T.reshape(2, *p.shape)
        place += p.numel()
        for d in step:
            if p.ndim == 1:
                assert not d.any()
                continue
            got = np.linalg.norm(d.reshape(len(d), -1), axis=1)
            assert np.allclose(got, p.detach().reshape(len(p), -1).norm(dim=1).numpy(), rtol=1e-8)
    again = heigen.torch.loss_surface(model, (X, y), "cross_entropy", steps=2, seed=3)
    other = heigen.torch.loss_surface(model, (X, y), "cross_entropy", steps=2, seed=4)
    assert np.array_equal(surface.losses, again.losses) and not np.array_equal(surface.losses, other.losses)


def trained(model, X, y, steps=40, every=4):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    way = []
    for step in range(steps + 1):
        if step % every == 0:
            way.append({name: p.detach().clone() for name, p in model.state_dict().items()})
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(X), y).backward()
        if step < steps:
            optimizer.step()
    return way


def test_the_plane_of_a_trajectory_is_that_of_its_singular_vectors():
    model, X, y = small(1)
    way = trained(model, X, y)
    surface = heigen.torch.loss_surface(model, (X, y), "cross_entropy", directions="trajectory", trajectory=way, steps=6)
    rows = np.stack([np.concatenate([state[n].reshape(-1) for n, _ in model.named_parameters()]) for state in way])
    assert np.array_equal(rows[-1], torch.cat([p.detach().reshape(-1) for p in model.parameters()]).numpy())
    from_end = rows - rows[-1]
    _, s, vt = np.linalg.svd(from_end - from_end.mean(0), full_matrices=False)
    for i in range(2):
        assert abs(abs(vt[i] @ surface.directions[:, i]) - 1) < 1e-10
    assert np.allclose(surface.explained, s[:2] ** 2 / np.sum(s**2), rtol=1e-10)
    assert np.allclose(surface.path, from_end @ surface.directions, atol=1e-12) and np.array_equal(surface.path[-1], [0, 0])
    # The way lies inside of the plane, and on it the loss is that of the weights there.
    assert surface.a[0] < surface.path[:, 0].min() and surface.b[-1] > surface.path[:, 1].max()
    for i, j in [(0, 0), (5, 2), (3, 5)]:
        loss, _ = at(model, surface.directions, surface.a[j], surface.b[i], X, y)
        assert abs(surface.losses[i, j] - loss) < 1e-12
    assert "way of the training" in surface.plot().svg or surface.plot().svg.startswith("<svg")


def test_weights_that_are_not_the_ways_end_are_put_there():
    model, X, y = small(2)
    way = trained(model, X, y)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.01)
    surface = heigen.torch.loss_surface(model, (X, y), "cross_entropy", directions="trajectory", trajectory=way, steps=2)
    assert len(surface.path) == len(way) + 1
    flat = [np.concatenate([np.asarray(s[n]).reshape(-1) for n, _ in model.named_parameters()]) for s in way]
    same = heigen.torch.loss_surface(model, (X, y), "cross_entropy", directions="trajectory", trajectory=flat, steps=2)
    assert np.array_equal(surface.losses, same.losses)
    wrapped = [{f"module.{name}": value for name, value in state.items()} for state in way]
    same = heigen.torch.loss_surface(model, (X, y), "cross_entropy", directions="trajectory", trajectory=wrapped, steps=2)
    assert np.array_equal(surface.losses, same.losses)


def test_a_recorder_is_a_trajectory():
    model, X, y = small(3)
    H = heigen.torch.Hessian(model, (X, y), "cross_entropy")
    recorder = heigen.torch.Recorder(H, every=1, k=1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    for _ in range(4):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(X), y).backward()
        optimizer.step()
        recorder.step()
    surface = heigen.torch.loss_surface(H, directions="trajectory", trajectory=recorder, steps=3)
    assert len(surface.path) == 4 and surface.path[-1].tolist() == [0, 0]


def test_eigenvectors_and_ones_own_directions():
    model, X, y = small(4)
    flat = torch.cat([p.detach().reshape(-1) for p in model.parameters()])
    shapes = [p.shape for p in model.parameters()]
    names = [name for name, _ in model.named_parameters()]

    def loss(theta):
        parts = torch.split(theta, [s.numel() for s in shapes])
        return nn.functional.cross_entropy(functional_call(model, {n: p.reshape(s) for n, p, s in zip(names, parts, shapes)}, (X,)), y)

    values, vectors = np.linalg.eigh(hessian(loss)(flat).detach().numpy())
    surface = heigen.torch.loss_surface(model, (X, y), "cross_entropy", directions="eigenvectors", steps=3, span=0.1)
    for i in range(2):
        assert abs(abs(vectors[:, -1 - i] @ surface.directions[:, i]) - 1) < 1e-6
    own = heigen.torch.loss_surface(model, (X, y), "cross_entropy", directions=surface.directions, steps=3, span=0.1)
    assert np.array_equal(own.losses, surface.losses) and own.kind == "own"


def test_losses_without_classes_have_no_accuracy_and_a_word_for_each_mistake():
    model, X, y = small(5)
    surface = heigen.torch.loss_surface(model, (X, torch.randn(30, 3).double()), nn.MSELoss(), steps=2)
    assert surface.accuracies is None
    for options, message in [
        (dict(directions="random"), "these directions are not known"),
        (dict(directions="trajectory"), "the way of the training is needed"),
        (dict(trajectory=[1, 2]), "a trajectory has directions of its own"),
        (dict(directions="trajectory", trajectory=[model.state_dict()] * 3), "stand on one line"),
        (dict(directions="trajectory", trajectory=[{"a": torch.zeros(1)}] * 3), "other tensors than the model"),
        (dict(directions=np.ones((3, 2))), "the directions do not belong to these parameters"),
        (dict(steps=1), "steps"),
        (dict(span=((1, -1), (0, 1))), "do not ascend"),
    ]:
        with pytest.raises(heigen.Error, match=message):
            heigen.torch.loss_surface(model, (X, y), "cross_entropy", **options)
    with pytest.raises(heigen.InputError, match="an operator has its own"):
        heigen.torch.loss_surface(heigen.torch.Hessian(model, (X, y), "cross_entropy"), (X, y))


def test_the_engines_surface_is_that_of_a_module_with_its_weights(tmp_path):
    e = heigen.experiment("gauss/normal_training", folder=tmp_path / "results")
    weights = e.train().weights
    X, y = e.samples
    layers = [nn.Linear(2, 100), nn.ReLU(), nn.Linear(100, 100), nn.ReLU(), nn.Linear(100, 3)]
    model = nn.Sequential(*layers).double()
    with torch.no_grad():
        for p, w in zip(model.parameters(), weights.values()):
            p.copy_(torch.as_tensor(w))
    data = torch.as_tensor(X).double(), torch.as_tensor(y)
    mine = heigen.torch.loss_surface(model, data, "cross_entropy", steps=5, seed=2)
    import subprocess
    import sys

    told = subprocess.run(
        [sys.executable, "-m", "heigen", "plot", "surface", "gauss/normal_training", "--directions", "filter-normalised",
         "--direction-seed", "2", "--points", "5", "--json", "--results", str(tmp_path / "results"),
         "--figures", str(tmp_path / "figures")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    theirs = json.loads(told.stdout)
    assert np.allclose(theirs["losses"], mine.losses, rtol=1e-10) and np.allclose(theirs["a"], mine.a)
    assert np.allclose(theirs["accuracies"], mine.accuracies)


def test_the_chapter_about_surfaces_runs_and_prints_what_it_shows(tmp_path, monkeypatch):
    import contextlib
    import io

    from test_guide import ROOT, chapter, examples, fits

    if ROOT is None:
        pytest.skip("the guide is in the repository")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for code, shown in examples(chapter("surfaces.md")):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "surfaces.md", "exec"), names)
        assert fits(shown.rstrip().splitlines(), printed.getvalue().rstrip().splitlines()), printed.getvalue()
    assert (tmp_path / "around.png").read_bytes().startswith(b"\x89PNG")


class Counted:
    """Batches that count how often they are gone through."""

    def __init__(self, batches):
        self.batches, self.passes = batches, 0

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        self.passes += 1
        return iter(self.batches)


def test_all_points_are_evaluated_in_one_pass_over_the_data():
    model, X, y = small(6)
    data = Counted([(X[:11], y[:11]), (X[11:], y[11:])])
    op = heigen.torch.Hessian(model, data, "cross_entropy")
    before = data.passes
    surface = heigen.torch.loss_surface(op, steps=(3, 2))
    assert data.passes == before + 1
    assert abs(surface.loss - nn.functional.cross_entropy(model(X), y).item()) < 1e-12
