"""The guide's chapter about any module runs and prints what it shows."""

from __future__ import annotations

import contextlib
import io

import pytest
import torch
from test_guide import ROOT, chapter, examples, fits


@pytest.mark.skipif(ROOT is None, reason="the guide is in the repository")
def test_the_chapter_about_any_module_runs_and_prints_what_it_shows():
    pytest.importorskip("jax")
    torch.set_num_threads(1)
    names: dict[str, object] = {}
    blocks = examples(chapter("python-modules.md"))
    assert len(blocks) > 7
    for code, shown in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "python-modules.md", "exec"), names)
        got = printed.getvalue().rstrip().splitlines()
        wanted = [] if shown is None else shown.rstrip().splitlines()
        assert fits(wanted, got), f"{code}\nprints\n{printed.getvalue()}instead of\n{shown}"
