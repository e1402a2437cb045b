"""The live page of an analysis: a process of the program serves it, and notebooks show it in a frame."""

from __future__ import annotations

import atexit
import html
import json
import os
import subprocess
import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heigen import _native
from heigen._errors import InputError, InternalError

if TYPE_CHECKING:
    from heigen._analysis import Analysis

__all__ = ["Explorer"]

#: Runs the program of this very package, wherever the child would look for it by itself.
_PROGRAM = "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); from heigen._program import main; sys.exit(main())"
#: Pages in frames have at least this height.
_LEAST_HEIGHT = 100

#: The pages that are open: a frame in a notebook outlives the name that its page was given.
_open: set[Explorer] = set()


class Explorer:
    """A live page that begins at the weights and the samples of an analysis; :meth:`Analysis.explore` makes it.

    In a notebook it shows itself in a frame. Only programs on this machine reach it, and only by its address, which holds a random
    token. It ends with :meth:`close`, with a ``with`` block around it, and with the interpreter.
    """

    def __init__(self, analysis: Analysis, height: int, threads: int) -> None:
        self._name, self._height = analysis.name, height
        self._owner = os.getpid()
        self._folder = tempfile.TemporaryDirectory(prefix="heigen-explorer-")
        try:
            handed = analysis._workspace.hand_over(analysis._record, self._folder.name)
            experiment, weights, images, threads_of_analysis = handed
            arguments = [
                "explore", str(experiment), "--model", str(weights), "--framed", "--until-input-ends",
                "--threads", str(threads or threads_of_analysis), "--data-dir", str(images),
            ]  # fmt: skip
            self._process, self.address = self._started(arguments)
        except BaseException:
            self._folder.cleanup()
            raise
        _open.add(self)

    def _started(self, arguments: list[str]) -> tuple[subprocess.Popen[bytes], str]:
        """The process of the program, and the address that it prints."""
        # Ctrl-C in a cell, which reaches the kernel's group of processes, is none of the page's.
        apart: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        paths = json.dumps([path or os.getcwd() for path in sys.path])
        messages = Path(self._folder.name, "messages.txt")
        with messages.open("wb") as said:
            process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, paths, *arguments],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, **apart,
            )  # fmt: skip
        assert process.stdout is not None
        try:
            address = process.stdout.readline().decode().strip()
            if not address:
                process.wait()
        except BaseException:
            _end(process)
            raise
        if address:
            return process, address
        _end(process)
        said_last = [line for line in messages.read_text(errors="replace").splitlines() if line.startswith("error: ")]
        if not said_last:
            raise InternalError("the explorer ended at once", self._name, messages.read_text(errors="replace")[-2000:])
        raise InputError("the explorer cannot show this analysis: " + said_last[-1].removeprefix("error: "))

    @property
    def closed(self) -> bool:
        """Whether the page has ended."""
        return self._process.poll() is not None

    def close(self) -> None:
        """End the page; what was trained there is forgotten."""
        _open.discard(self)
        # A process that was forked from the one that made the page leaves it alone.
        if os.getpid() == self._owner:
            _end(self._process)
            self._folder.cleanup()

    def open(self) -> bool:
        """Show the page in the browser instead; says whether there is one."""
        return webbrowser.open(self.address)

    def __enter__(self) -> Explorer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<explorer of {self._name}, {'closed' if self.closed else f'at {self.address}'}>"

    def _repr_html_(self) -> str:
        if self.closed:
            return f"<p>The explorer of {html.escape(self._name)} is closed.</p>"
        title = html.escape(f"heigen explorer: {self._name}", quote=True)
        return (
            f'<iframe src="{self.address}" title="{title}" width="100%" height="{self._height}" style="border:0" '
            f'allow="clipboard-write"></iframe>'
            f'<p><a href="{self.address}" target="_blank" rel="noopener">The explorer in a tab of its own</a></p>'
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process that ends with its input."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


@atexit.register
def _close_all() -> None:
    for explorer in list(_open):
        explorer.close()


def explored(analysis: Analysis, height: Any, threads: Any) -> Explorer:
    """The live page of an analysis, after a look at its options."""
    number = _native.counted(height, "height")
    if number < _LEAST_HEIGHT:
        raise InputError("the frame is too low", "height", height, f"{_LEAST_HEIGHT} pixels or more")
    wanted = json.loads(_native.resources(threads))["threads"]
    return Explorer(analysis, number, wanted)
