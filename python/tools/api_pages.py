"""Writes the guide's page of the package's functions and classes from their docstrings.

    python python/tools/api_pages.py docs/guide/src/python-api.md
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
import re
import sys
from pathlib import Path
from typing import Any

#: The modules with what stands at the head of their sections.
MODULES = {
    "heigen": "Needs NumPy only.",
    "heigen.torch": "Operators and boundary measures of any module of PyTorch's.",
    "heigen.jax": "Operators of functions of any tree of JAX's arrays.",
}

HEAD = """# The package's functions and classes

This page is made from the docstrings by `python/tools/api_pages.py`; `help(heigen.eigsh)` shows the same.
"""


def plain(text: str) -> str:
    """A docstring in Markdown."""
    text = re.sub(r":(?:class|func|meth|mod|attr|data):`~?([^`<]*)`", r"`\1`", text)
    return text.replace("``", "`").replace("<", "&lt;") if "`" not in text else _outside_of_code(text.replace("``", "`"))


def _outside_of_code(text: str) -> str:
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else part.replace("<", "&lt;") for part in parts)


def documented(thing: Any) -> str:
    return plain(inspect.cleandoc(thing.__doc__ or "")) if getattr(thing, "__doc__", None) else ""


def signature(thing: Any, name: str) -> str:
    """A call as one writes it, without types."""
    try:
        parameters = list(inspect.signature(thing).parameters.values())
    except (TypeError, ValueError):
        return f"{name}(...)"
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in parameters if p.name != "self"]
    shown = str(inspect.Signature(bare))
    return f"{name}{shown}"


def fields_of(thing: Any) -> list[tuple[str, str]]:
    """The fields of a dataclass, each with the comment above it in its source."""
    try:
        source = inspect.getsource(thing).splitlines()
    except (OSError, TypeError):
        return []
    said: dict[str, str] = {}
    comment: list[str] = []
    for line in source:
        line = line.strip()
        if line.startswith("#:"):
            comment.append(line[2:].strip())
            continue
        found = re.match(r"(\w+)\s*:", line)
        if found:
            said[found[1]] = " ".join(comment)
        comment = []
    return [(field.name, said.get(field.name, "")) for field in dataclasses.fields(thing)]


def members(thing: type) -> list[tuple[str, str]]:
    """The public methods and properties that a class defines itself, each with its first paragraph."""
    found = []
    for name, member in vars(thing).items():
        if name.startswith("_"):
            continue
        if isinstance(member, (property, functools.cached_property)):
            found.append((name, documented(member)))
        elif isinstance(member, (classmethod, staticmethod)):
            found.append((signature(member.__func__, name).replace("(cls, ", "(").replace("(cls)", "()"), documented(member.__func__)))
        elif inspect.isfunction(member):
            found.append((signature(member, name), documented(member)))
    return [(name, text.split("\n\n")[0].replace("\n", " ")) for name, text in found if text]


def section(module: str, name: str, thing: Any) -> str:
    lines = [f"### {module}.{name}", ""]
    if inspect.isclass(thing):
        errors = issubclass(thing, BaseException)
        if not errors and not dataclasses.is_dataclass(thing) and "__init__" in vars(thing):
            lines += ["```text", signature(thing.__init__, name), "```", ""]
        lines += [documented(thing), ""]
        rows = fields_of(thing) if dataclasses.is_dataclass(thing) else []
        rows += [] if errors else members(thing)
        if rows:
            lines += ["| | |", "| --- | --- |"]
            lines += [f"| `{key.replace('|', chr(92) + '|')}` | {plain(text).replace('|', chr(92) + '|')} |" for key, text in rows]
            lines.append("")
    else:
        lines += ["```text", signature(thing, name), "```", "", documented(thing), ""]
    return "\n".join(lines)


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for module, head in MODULES.items():
        try:
            loaded = importlib.import_module(module)
        except ImportError:
            continue
        parts += [f"## {module}", "", head, ""]
        names = [name for name in getattr(loaded, "__all__", []) if not name.startswith("_")]
        things = [(name, getattr(loaded, name)) for name in names]
        functions = [pair for pair in things if not inspect.isclass(pair[1])]
        classes = [pair for pair in things if inspect.isclass(pair[1])]
        parts += [section(module, name, thing) for name, thing in functions + classes]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).rstrip() + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
