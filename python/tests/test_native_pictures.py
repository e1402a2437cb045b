"""Pictures draw and save themselves; pages hold everything and load nothing."""

from __future__ import annotations

import pickle
import xml.etree.ElementTree as ElementTree

import heigen
import pytest
import torch
from native_modules import cases
from torch import nn


@pytest.fixture(scope="module")
def trained():
    """A network that tells three clouds of points, near a minimum."""
    torch.manual_seed(1)
    centres = torch.tensor([[2.0, -1.0], [-2.0, 0.0], [0.0, 2.0]])
    y = torch.arange(45) % 3
    X = centres[y] + 0.5 * torch.randn(45, 2)
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 3))
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=60)

    def closure():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(X), y) + 1e-3 * sum((p**2).sum() for p in model.parameters())
        loss.backward()
        return loss

    optimizer.step(closure)
    return heigen.analyze(
        model, X, y, weight_decay=2e-3, by_layer=True, density=(4, 20), class_names=["a", "b", "c"], progress=False
    )


KINDS = [
    "spectrum", "overlaps", "samples", "planes", "boundary", "embedding", "eigenvectors", "coherence", "logit_coherence",
    "surface", "minibatches", "density", "layers",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_picture_is_drawn(trained, kind, tmp_path):
    picture = getattr(trained.plot, kind)()
    root = ElementTree.fromstring(picture._repr_svg_())
    assert root.tag.endswith("svg") and len(root) > 0
    assert picture.save(tmp_path / "x.svg").read_text() == picture.svg
    assert pickle.loads(pickle.dumps(picture)).svg == picture.svg


def test_pictures_are_saved_by_the_ending_of_their_file(trained, tmp_path):
    picture = trained.plot.spectrum()
    assert picture.save(tmp_path / "x.pdf").read_bytes().startswith(b"%PDF")
    small, large = (picture.save(tmp_path / "x.png", dpi=dpi).read_bytes() for dpi in (50, 100))
    assert small.startswith(b"\x89PNG") and len(large) > len(small)
    with pytest.raises(heigen.InputError, match=r"\.svg, \.pdf or \.png"):
        picture.save(tmp_path / "x.jpg")
    assert {p.name for p in tmp_path.iterdir()} == {"x.pdf", "x.png"}


def test_a_picture_that_does_not_fit_says_why():
    case = cases()["functions and log-probabilities"]
    analysis = heigen.analyze(case.model, case.X, case.y, loss=case.loss, progress=False)
    with pytest.raises(heigen.InputError, match="4 features"):
        analysis.plot.planes()
    with pytest.raises(heigen.InputError, match='which is "best"; expected "top"'):
        analysis.plot.planes(which="best")


def test_the_picture_of_another_matrix_is_of_that_matrix(trained):
    X, y = trained.samples
    ggn = trained.operator("ggn")
    assert ggn.shape == (trained.n_params,) * 2
    plain = trained.plot.spectrum().svg
    torch.manual_seed(1)
    assert plain == trained.plot.spectrum().svg


def test_an_analysis_shows_itself(trained):
    html = trained._repr_html_()
    assert "data:image/svg+xml;base64," in html and "residuals up to" in html and "<script" not in html
    assert "certified" in repr(trained)


def test_the_page_holds_everything_and_loads_nothing(trained, tmp_path):
    page = trained.report(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page
    for part in ("Spectrum", "Layer by layer", "Decision boundary", "Figures", "Generalization measure"):
        assert part in page
    assert "<script" not in page and 'src="http' not in page
    assert {p.name for p in tmp_path.iterdir()} == {"page.html"}


def test_an_experiment_of_the_papers_has_a_page():
    analysis = heigen.experiment("intro1D/normal_training").train(progress=False).analyze(progress=False)
    assert "intro1D/normal_training" in analysis.report()
    assert analysis.plot.line().svg.startswith("<svg")
