"""Pictures of what solvers return: they show themselves in notebooks and save themselves in files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from heigen._arguments import positive
from heigen._errors import InputError, WrongTypeError
from heigen._native import written

__all__ = ["Drawing"]


class Drawing:
    """A picture, drawn when it is first looked at."""

    def __init__(self, draw: Callable[..., bytes], *arguments: Any) -> None:
        self._draw, self._arguments = draw, arguments
        self._svg: str | None = None

    @property
    def svg(self) -> str:
        """The picture as SVG; letters are outlines, so that it looks alike everywhere."""
        if self._svg is None:
            self._svg = self._draw(*self._arguments, "svg", None).decode()
        return self._svg

    def save(self, path: Any, dpi: float | None = None) -> Path:
        """Write the picture to a file: .svg, .pdf or .png (at ``dpi`` dots an inch)."""
        try:
            file = Path(path)
        except TypeError:
            raise WrongTypeError("a path is expected", "path", type(path).__name__) from None
        form = file.suffix[1:].lower()
        if form not in ("svg", "pdf", "png"):
            raise InputError("pictures are saved by the ending of their file", "path", str(file), ".svg, .pdf or .png")
        dpi = None if dpi is None else positive(dpi, "dpi")
        drawn = self._draw(*self._arguments, form, dpi)
        with written(file):
            file.write_bytes(drawn)
        return file

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<drawing {self._arguments[0]!r}>"
