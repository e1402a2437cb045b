"""Largest eigenvalues over mini-batches, against dense Hessians of PyTorch in float64."""

from __future__ import annotations

import heigen
import heigen.torch
import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call, hessian
from torch.utils.data import DataLoader, TensorDataset


def small():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 3)).double()
    return model, torch.randn(40, 3).double(), torch.randint(0, 3, (40,))


def dense(model, X, y, penalty=0.0):
    """All eigenvalues of the loss with w/2 |theta|^2."""
    names, shapes = zip(*[(n, p.shape) for n, p in model.named_parameters()])
    flat = torch.cat([p.detach().reshape(-1) for p in model.parameters()])

    def loss(theta):
        parts = torch.split(theta, [s.numel() for s in shapes])
        z = functional_call(model, {n: p.reshape(s) for n, p, s in zip(names, parts, shapes)}, (X,))
        return nn.functional.cross_entropy(z, y) + penalty / 2 * theta.square().sum()

    return np.linalg.eigvalsh(hessian(loss)(flat).detach().numpy())[::-1]


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_every_batch_has_the_eigenvalues_of_its_dense_hessian(decay):
    model, X, y = small()
    # One's own loader, with shuffling and noise as augmentation: other batches in each pass.
    torch.manual_seed(5)
    seen = []

    class Noisy(DataLoader):
        def __iter__(self):
            for a, b in super().__iter__():
                batch = a + 0.1 * torch.randn_like(a), b
                seen.append(batch)
                yield batch

    loader = Noisy(TensorDataset(X, y), batch_size=12, shuffle=True)
    found = heigen.torch.minibatch_eigenvalues(model, loader, nn.CrossEntropyLoss(), k=2, weight_decay=decay)
    assert found.sizes.tolist() == [12, 12, 12, 4] and found.values.shape == (4, 2)
    for values, batch in zip(found.values, seen):
        assert np.allclose(values, dense(model, *batch, decay)[:2], rtol=1e-8)
    every = torch.cat([a for a, _ in seen]), torch.cat([b for _, b in seen])
    assert np.allclose(found.full, dense(model, *every, decay)[:2], rtol=1e-8)
    losses = [nn.functional.cross_entropy(model(a), b).item() for a, b in seen]
    assert np.allclose(found.losses, losses, rtol=1e-12)
    assert found.plot().svg.startswith("<svg") and "4 batches" in repr(found)


def test_random_batches_go_on_over_passes_and_repeat_with_their_seed():
    model, X, y = small()
    found = heigen.torch.minibatch_eigenvalues(model, (X, y), "cross_entropy", batch_size=16, batches=5, full=False, seed=3)
    again = heigen.torch.minibatch_eigenvalues(model, (X, y), "cross_entropy", batch_size=16, batches=5, full=False, seed=3)
    other = heigen.torch.minibatch_eigenvalues(model, (X, y), "cross_entropy", batch_size=16, batches=5, full=False, seed=4)
    assert found.values.shape == (5, 1) and found.full is None and set(found.sizes) == {16}
    assert np.array_equal(found.values, again.values) and not np.array_equal(found.values, other.values)
    # Of equal batches of one pass the mean Hessian is the whole one, whose largest eigenvalue is at most the mean.
    one = heigen.torch.minibatch_eigenvalues(model, (X, y), "cross_entropy", batch_size=20)
    assert len(one.values) == 2 and one.largest.mean() >= one.full[0]


def test_a_loader_with_fewer_batches_is_gone_through_again():
    model, X, y = small()
    batches = [(X[:20], y[:20]), (X[20:], y[20:])]
    found = heigen.torch.minibatch_eigenvalues(model, batches, "cross_entropy", batches=5, full=False)
    assert np.array_equal(found.values[0], found.values[2]) and len(found.values) == 5
    assert len(heigen.torch.minibatch_eigenvalues(model, batches, "cross_entropy", batches=1).values) == 1
    for loader, options, message in [
        ((X, y), {}, "all samples together"),
        ((X, y), dict(batch_size=41), "more samples than there are"),
        ([], {}, "no batches"),
        (batches, dict(batch_size=3), "batches of its own"),
        (3, {}, "gives no batches"),
    ]:
        with pytest.raises(heigen.Error, match=message):
            heigen.torch.minibatch_eigenvalues(model, loader, "cross_entropy", **options)


def test_the_engines_batches_have_the_eigenvalues_of_their_dense_hessians(tmp_path):
    import json
    import subprocess
    import sys

    e = heigen.experiment("gauss/normal_training", folder=tmp_path / "results")
    weights = e.train().weights
    X, y = e.samples
    told = subprocess.run(
        [sys.executable, "-m", "heigen", "plot", "minibatches", "gauss/normal_training", "--batch-size", "40", "--batches", "4",
         "--weight-decay", "0.01", "--json", "--results", str(tmp_path / "results"), "--figures", str(tmp_path / "figures")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    theirs = json.loads(told.stdout)
    model = nn.Sequential(nn.Linear(2, 100), nn.ReLU(), nn.Linear(100, 100), nn.ReLU(), nn.Linear(100, 3)).double()
    with torch.no_grad():
        for p, w in zip(model.parameters(), weights.values()):
            p.copy_(torch.as_tensor(w))
    X, y = torch.as_tensor(X).double(), torch.as_tensor(y)
    assert sorted(sum(theirs["batches"][:3], []))[:1] != [] and all(len(set(b)) == 40 for b in theirs["batches"])
    batches = [(X[b], y[b]) for b in theirs["batches"]]
    found = heigen.torch.minibatch_eigenvalues(model, batches, "cross_entropy", weight_decay=0.01, full=False)
    assert np.allclose(theirs["lambda_1"], found.largest, rtol=1e-6)
    H = heigen.torch.Hessian(model, (X, y), "cross_entropy")
    assert np.isclose(theirs["all_samples"], heigen.eigsh(H, 1, "LA").eigenvalues[0] + 0.01, rtol=1e-6)
