"""Results show themselves in notebooks."""

from __future__ import annotations

import pickle
import xml.etree.ElementTree as xml

import numpy as np
import pytest
from conftest import low_rank, matrix_with

import heigen


def drawn(svg):
    root = xml.fromstring(svg)
    assert root.tag.endswith("svg")
    return sum(1 for _ in root.iter())


def test_spectra_and_densities_draw_themselves(tmp_path, rng):
    a, _ = matrix_with(low_rank(300, 40), rng)
    whole, density = heigen.spectrum(a), heigen.density(a, 4, 30)
    for result in (whole, density):
        assert drawn(result._repr_svg_()) > 20
        picture = result.plot("Hessian of mine")
        assert picture.svg != result._repr_svg_() and "Hessian of mine" in repr(picture)
        assert picture.save(tmp_path / "x.svg").read_text() == picture.svg
        assert picture.save(tmp_path / "x.pdf").read_bytes().startswith(b"%PDF")
        small = len(picture.save(tmp_path / "x.png", dpi=50).read_bytes())
        assert len(picture.save(tmp_path / "y.png").read_bytes()) > small
        assert pickle.loads(pickle.dumps(picture)).svg == picture.svg
    with pytest.raises(heigen.InputError, match=r"\.svg, \.pdf or \.png"):
        whole.plot().save(tmp_path / "x.jpg")
    with pytest.raises(heigen.InputError):
        whole.plot("\U0001f600").svg


def test_pairs_are_a_table():
    pairs = heigen.eigsh(np.diag([3.0, 2.0, 1.0]), 2)
    table = xml.fromstring("<div>" + pairs._repr_html_() + "</div>")
    assert [cell.text for cell in table.iter("td")][1] == "3"


@pytest.mark.parametrize("matrix", [np.array([[3.0]]), np.zeros((5, 5)), np.diag([-1.0, -2.0]), np.eye(4)])
def test_spectra_without_much_to_show(matrix):
    assert drawn(heigen.spectrum(matrix)._repr_svg_()) > 5
    if len(matrix) > 1:
        assert drawn(heigen.density(matrix, 2, 3)._repr_svg_()) > 5
