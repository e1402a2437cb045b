"""The guide's Python runs and prints what the guide shows; its pages of functions are those of the docstrings."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
from pathlib import Path

import heigen
import heigen.torch
import pytest
import torch

ROOT = next((p for p in Path(__file__).resolve().parents if (p / "docs/guide/src").is_dir()), None)
pytestmark = pytest.mark.skipif(ROOT is None, reason="the guide is in the repository")


def chapter(name: str) -> str:
    return (ROOT / "docs/guide/src" / name).read_text(encoding="utf-8")


def examples(text: str) -> list[tuple[str, str | None]]:
    """Every block of Python, with the output that is shown right behind it."""
    pattern = r"```python\n(.*?)```\n(?:\n```text\n(.*?)```)?"
    return [(m[1], m[2]) for m in re.finditer(pattern, text, re.S)]


def fits(wanted: list[str], got: list[str]) -> bool:
    """Whether lines are those shown, where ``...`` stands for any lines and ``[..]`` for any characters."""
    if not wanted:
        return not got
    if wanted[0] == "...":
        return any(fits(wanted[1:], got[i:]) for i in range(len(got) + 1))
    line = ".*".join(re.escape(part) for part in wanted[0].split("[..]"))
    return bool(got) and re.fullmatch(line, got[0]) is not None and fits(wanted[1:], got[1:])


def test_the_chapter_runs_and_prints_what_it_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)
    names: dict[str, object] = {}
    blocks = examples(chapter("python.md"))
    assert len(blocks) > 8
    for code, shown in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "python.md", "exec"), names)
        if shown is not None:
            got = printed.getvalue().rstrip().splitlines()
            assert fits(shown.rstrip().splitlines(), got), f"{code}\nprints\n{printed.getvalue()}instead of\n{shown}"
    written = {p.relative_to(tmp_path).parts[0] for p in tmp_path.rglob("*")}
    assert written == {"moons.pdf", "moons.html", "results"}


def test_calls_that_replace_those_of_others_are_there():
    text = chapter("python-from-others.md")
    ours = [line.split("|")[2] for line in text.splitlines() if line.startswith("| `")]
    called = set(re.findall(r"heigen(?:\.torch)?\.\w+", "\n".join(ours)))
    assert len(called) >= 10
    for name in called:
        thing: object = heigen
        for part in name.split(".")[1:]:
            thing = getattr(thing, part)
        assert callable(thing), name


@pytest.mark.filterwarnings("ignore")
def test_calls_that_replace_those_of_others_run():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3))
    X, y = torch.randn(24, 2), torch.arange(24) % 3
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, y), batch_size=10)
    names = dict(model=model, X=X, y=y, loader=loader, loss=torch.nn.CrossEntropyLoss(), data=loader, damping=1.0)
    names |= dict(num_matvecs=30, n=20, num_repeats=3, ncv=10, rows=range(3), V=torch.eye(33), b=torch.ones(33), k=2)
    exec("import heigen, heigen.torch\nop = heigen.torch.Hessian(model, loader, loss)", names)
    run = 0
    for line in chapter("python-from-others.md").splitlines():
        if not line.startswith("| `"):
            continue
        for code in re.findall(r"`([^`]*)`", line.split("|")[2]):
            if re.search(r"hf_|names\b|analysis|\.\.\.|batch\)\.loss|\*\*batch", code) or not re.search(r"[(.@=]", code):
                continue
            exec(code, names)
            run += 1
    assert run > 15


def test_the_page_of_functions_is_that_of_the_docstrings():
    path = ROOT / "python/tools/api_pages.py"
    spec = importlib.util.spec_from_file_location("api_pages", path)
    api_pages = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(api_pages)
    again = "python python/tools/api_pages.py docs/guide/src/python-api.md"
    assert chapter("python-api.md") == api_pages.page(), f"write it anew: {again}"
