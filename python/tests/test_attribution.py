"""What eigenvectors carry: the engine's tables as arrays, and the class structure of modules."""

from __future__ import annotations

import heigen
import heigen.torch
import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call, jacrev


def test_the_tables_of_the_command_are_arrays(tmp_path):
    found = heigen.attribute("gauss/normal_training", vectors=3, folder=tmp_path / "results")
    record = found.record
    assert record["format"] == "heigen attribution" and found.name == "gauss/normal_training"
    analysis = heigen.experiment("gauss/normal_training", folder=tmp_path / "results").analyze()
    assert np.allclose(found.eigenvalues, analysis.eigenvalues[::-1][:3], rtol=1e-12)
    shares, pieces = found.shares, found.pieces
    parts = shares.class_means + shares.cross_class + shares.within + shares.own
    assert np.allclose(parts, shares.total, rtol=1e-9) and np.allclose(shares.pairs.sum((1, 2)), shares.total, rtol=1e-9)
    assert shares.pairs.shape == (3, 3, 3) and np.all(shares.in_class_means <= 1 + 1e-9)
    assert shares.class_means[0] == record["vectors"][0]["shares"]["class"]
    n = len(record["pieces"])
    assert pieces.carried.shape == (n, 3) and pieces.fates.shape == (3, 2, n) and np.all(np.diff(pieces.lengths) <= 0)
    moved = record["vectors"][1]["moved"][0]
    assert pieces.steps[1, 0] == moved["step"] and pieces.fates[1, 0, 0] == moved["fates"][0]["fate"]
    assert set(pieces.fates.ravel()) <= {"removed", "shifted", "unmoved", ""}
    assert found.class_spectrum[0] == max(record["spectra"]["class"]) and found.without_classes is None
    # It stands in the folder, and is found again.
    assert (tmp_path / "results/grads/gauss/normal_training_attribution.json").exists()
    again = heigen.attribute("gauss/normal_training", vectors=3, folder=tmp_path / "results")
    assert again.record == record and "3 eigenvectors" in repr(found)
    with pytest.raises(heigen.InputError, match="vectors"):
        heigen.attribute("gauss/normal_training", vectors=0)


def definition(model, X, y, weight=None):
    """All g_(i,c') and w_(i,c'), from every sample's Jacobian."""
    names, shapes = zip(*[(n, p.shape) for n, p in model.named_parameters()])
    flat = torch.cat([p.detach().reshape(-1) for p in model.parameters()])

    def outputs(theta, x):
        parts = torch.split(theta, [s.numel() for s in shapes])
        return functional_call(model, {n: p.reshape(s) for n, p, s in zip(names, parts, shapes)}, (x[None],))[0]

    p = model(X).softmax(1).detach().numpy()
    mass = np.ones(len(y)) if weight is None else weight.numpy()[y.numpy()]
    w = mass[:, None] * p / mass.sum()
    g = np.zeros((len(y), p.shape[1], len(flat)))
    for i in range(len(y)):
        J = jacrev(outputs)(flat, X[i]).numpy()
        for c in range(p.shape[1]):
            g[i, c] = J.T @ (p[i] - np.eye(p.shape[1])[c])
    return w, g


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ["GGN", "Hessian"])
def test_the_class_structure_of_a_module_is_that_of_its_definition(weighted, kind):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    X, y = torch.randn(25, 2).double(), torch.arange(25) % 3
    weight = torch.tensor([1.0, 2.0, 0.5]).double() if weighted else None
    op = getattr(heigen.torch, kind)(model, [(X[:9], y[:9]), (X[9:], y[9:])], nn.CrossEntropyLoss(weight=weight))
    V = np.random.RandomState(1).randn(op.shape[0], 2)
    found = heigen.torch.class_structure(op, V)
    w, g = definition(model, X, y, weight)
    labels, C = y.numpy(), 3
    own = np.eye(C)[labels]
    for k in range(2):
        slopes = g @ V[:, k]
        wanted = dict(total=0.0, class_means=0.0, cross_class=0.0, within=0.0, own=float((w * own * slopes**2).sum()))
        wanted["total"] = float((w * slopes**2).sum())
        for c in range(C):
            of = labels == c
            others = [d for d in range(C) if d != c]
            w_cd = w[of].sum(0)
            g_cd = {d: (w[of, d, None] * g[of, d]).sum(0) / w_cd[d] for d in others}
            w_c = sum(w_cd[d] for d in others)
            g_c = sum(w_cd[d] * g_cd[d] for d in others) / w_c
            assert np.allclose(found.class_means[:, c], g_c, atol=1e-12) and np.isclose(found.weights[c], w_c)
            wanted["class_means"] += w_c * (g_c @ V[:, k]) ** 2
            wanted["cross_class"] += sum(w_cd[d] * ((g_cd[d] - g_c) @ V[:, k]) ** 2 for d in others)
            wanted["within"] += sum((w[of, d] * ((g[of, d] - g_cd[d]) @ V[:, k]) ** 2).sum() for d in others)
            assert np.allclose(found.shares.pairs[k, c], (w[of] * slopes[of] ** 2).sum(0))
        for part, value in wanted.items():
            assert np.isclose(getattr(found.shares, part)[k], value, rtol=1e-9, atol=1e-14), part
        Q, _ = np.linalg.qr(found.class_means)
        assert np.isclose(found.shares.in_class_means[k], np.sum((Q.T @ V[:, k]) ** 2) / (V[:, k] @ V[:, k]), rtol=1e-8)
    G = sum(w_ * np.outer(g_, g_) for w_, g_ in zip(found.weights, found.class_means.T))
    assert np.allclose(found.class_spectrum, np.linalg.eigvalsh(G)[::-1][:C], atol=1e-12)


def test_other_losses_have_no_class_structure():
    model = nn.Linear(2, 3)
    X, y = torch.randn(9, 2), torch.arange(9) % 3
    for loss, message in [(nn.CrossEntropyLoss(label_smoothing=0.1), "cross-entropy"), (nn.MultiMarginLoss(), "cross-entropy")]:
        op = heigen.torch.GGN(model, (X, y), loss)
        with pytest.raises(heigen.UnsupportedModelError, match=message):
            heigen.torch.class_structure(op, np.ones((9, 1)))
    op = heigen.torch.GGN(model, (X, y), nn.CrossEntropyLoss())
    with pytest.raises(heigen.InputError, match="do not belong"):
        heigen.torch.class_structure(op, np.ones((4, 1)))


def test_the_engine_and_the_module_have_the_same_shares(tmp_path):
    found = heigen.attribute("gauss/normal_training", vectors=2, folder=tmp_path)
    e = heigen.experiment("gauss/normal_training", folder=tmp_path)
    model = nn.Sequential(nn.Linear(2, 100), nn.ReLU(), nn.Linear(100, 100), nn.ReLU(), nn.Linear(100, 3)).double()
    with torch.no_grad():
        for p, w in zip(model.parameters(), e.train().weights.values()):
            p.copy_(torch.as_tensor(w))
    X, y = e.samples
    G = heigen.torch.GGN(model, (torch.as_tensor(X).double(), torch.as_tensor(y)), "cross_entropy")
    vectors = e.analyze().eigenvectors[:, ::-1][:, :2]
    mine = heigen.torch.class_structure(G, np.ascontiguousarray(vectors)).shares
    for part in ("total", "class_means", "cross_class", "within", "own", "in_class_means"):
        assert np.allclose(getattr(mine, part), getattr(found.shares, part), rtol=1e-6, atol=1e-10), part
