"""How far a computation is: through tqdm, if it is there, or through a function of the user's."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Union

from heigen._errors import WrongTypeError

__all__ = ["Progress", "telling"]

#: ``None``: a bar in a notebook or a terminal, if tqdm is installed and the computation takes longer than two seconds;
#: ``True``: a bar also where stderr is a file; ``False``: nothing; or a function that is called with (stage, done, total,
#: unit), where total may be None.
Progress = Union[None, bool, Callable[[str, int, Union[int, None], str], Any]]

#: Seconds before a bar appears.
PATIENCE = 2.0


class _Bars:
    """One bar of tqdm at a time, for the step that is being done."""

    def __init__(self, anywhere: bool) -> None:
        self._begun = time.monotonic()
        self._bar: Any = None
        self._stage = ""
        try:
            from tqdm.auto import tqdm
        except ImportError:
            self._tqdm: Any = None
        else:
            in_notebook = any("notebook" in kind.__module__ for kind in tqdm.__mro__)
            self._tqdm = tqdm if anywhere or in_notebook or _is_terminal() else None

    def __call__(self, stage: str, done: int, total: int | None, unit: str) -> None:
        if self._tqdm is None or (self._bar is None and time.monotonic() - self._begun < PATIENCE):
            return
        if self._bar is None or stage != self._stage:
            self.close()
            self._stage = stage
            self._bar = self._tqdm(total=total, desc=stage, unit=f" {unit}", leave=False)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _is_terminal() -> bool:
    """Whether stderr is looked at by somebody: bars in files and pipes are in the way of what else is there."""
    return bool(sys.stderr is not None and hasattr(sys.stderr, "isatty") and sys.stderr.isatty())


@contextmanager
def telling(progress: Progress) -> Iterator[Callable[[str, int, int | None, str], Any] | None]:
    """The function that the extension module calls with what it has to tell, or None."""
    if progress is None or progress is True:
        bars = _Bars(progress is True)
        try:
            yield bars
        finally:
            bars.close()
    elif progress is False:
        yield None
    elif callable(progress):
        yield progress
    else:
        wanted = "None, True, False, or a function of (stage, done, total, unit)"
        raise WrongTypeError("this cannot be told how far a computation is", "progress", type(progress).__name__, wanted)
