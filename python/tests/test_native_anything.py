"""Whatever is given for whichever argument of an analysis: the answer is a result or an error of heigen's."""

from __future__ import annotations

import functools

import heigen
import numpy as np
import pytest
import torch
from heigen import _analyze
from test_anything import THINGS

rng = np.random.default_rng(1)
X = rng.standard_normal((12, 2)).astype(np.float32)
Y = np.arange(12) % 2
LAYERS = [{"type": "linear", "out_features": 3}, {"type": "tanh"}, {"type": "linear", "out_features": 2}]
WEIGHTS = {
    "0.weight": rng.standard_normal((3, 2)),
    "0.bias": np.zeros(3),
    "2.weight": rng.standard_normal((2, 3)),
    "2.bias": np.zeros(2),
}


def analyze(**given):
    options = {"model": (LAYERS, WEIGHTS), "X": X, "y": Y, "k": 1, "progress": False, **given}
    return heigen.analyze(options.pop("model"), options.pop("X"), options.pop("y"), **options)


@functools.cache
def whole():
    return heigen.analyze((LAYERS, WEIGHTS), X, Y, progress=False)


def picture(x):
    return whole().plot.overlaps(x)


CALLS = {name: (lambda x, name=name: analyze(**{name: x})) for name in (*_analyze._ASKED, *_analyze._DEFAULTS, "loss")}
CALLS |= {
    "model": lambda x: analyze(model=x),
    "architecture": lambda x: analyze(model=(x, WEIGHTS)),
    "weights": lambda x: analyze(model=(LAYERS, x)),
    "a weight": lambda x: analyze(model=(LAYERS, {**WEIGHTS, "0.bias": x})),
    "X": lambda x: analyze(X=x),
    "X alone": lambda x: analyze(X=x, y=None),
    "y": lambda x: analyze(y=x),
    "kind": lambda x: heigen.operator((LAYERS, WEIGHTS), X, Y, kind=x),
    "experiment": lambda x: heigen.experiment(x),
    "images": lambda x: heigen.experiment("gauss/normal_training", images=x),
    "load": lambda x: heigen.load(x),
    "name of load": lambda x: heigen.load("nowhere", x),
    "seed": lambda x: heigen.experiment("intro1D/normal_training").train(seed=x, progress=False),
    "by_name": lambda x: whole().by_name(x),
    "vectors": lambda x: picture(x),
    "weights of an experiment": lambda x: heigen.experiment("intro1D/normal_training").analyze(weights=x, progress=False),
}
#: Folders would be made.
LEFT_OUT = ("folder", "progress")


def thing_of(thing):
    tensors = {"tensor: half": lambda: torch.eye(4).half(), "tensor: grad": lambda: torch.eye(4, requires_grad=True)}
    tensors["tensor: eye"] = lambda: torch.eye(4)
    return tensors[thing]() if isinstance(thing, str) and thing in tensors else thing


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in CALLS if name not in LEFT_OUT])
def test_an_argument_may_be_anything(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for thing in THINGS:
        given = thing_of(thing)
        try:
            CALLS[name](given)
        except heigen.Error as error:
            assert not isinstance(error, heigen.InternalError), (thing, error)
            assert str(error)
        except Exception as error:
            raise AssertionError(f"{name}={thing!r} ends in {type(error).__name__}: {error}") from error
    assert list(tmp_path.iterdir()) == []
