"""Ctrl-C, progress, and the interpreter while Rust works."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
from conftest import low_rank, matrix_with

import heigen

# Each script tells when it has begun; it ends with the seconds from the signal to the exception.
ENDLESS = {
    "products in Python": """
        def product(v):
            begun()
            end = time.monotonic() + 0.002
            while time.monotonic() < end:
                pass
            return a @ v
        work = lambda: heigen.eigsh(heigen.as_operator(product, n=P), 300, tol=1e-14, max_products=10**9, progress=False)
        """,
    "one product that does not end": """
        def product(v):
            begun()
            while True:
                pass
        work = lambda: heigen.eigsh(heigen.as_operator(product, n=P), 3, progress=False)
        """,
    "work in Rust": """
        def tell(*progress):
            begun()
        work = lambda: heigen.density(heigen.as_operator(lambda v: d * v, n=200_000), 16, 120, progress=tell)
        """,
}


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as on Unix")
@pytest.mark.parametrize("name", ENDLESS)
def test_ctrl_c_stops_within_a_second(name):
    script = textwrap.dedent("""
        import sys, time
        import numpy as np, heigen
        P = 400
        a = np.diag(np.linspace(0, 1, P))
        d = np.linspace(0, 1, 200_000)
        said = False
        def begun():
            global said
            if not said:
                said = True
                print("begun", flush=True)
        {work}
        try:
            work()
        except KeyboardInterrupt:
            print("stopped", time.time(), flush=True)
        print(heigen.eigsh(a, 1).eigenvalues[0], "is still found", flush=True)
        """).replace("{work}", textwrap.dedent(ENDLESS[name]))
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "begun\n", process.stderr.read()
        time.sleep(0.3)
        sent = time.time()
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert "stopped" in output and "is still found" in output, output + errors
    took = float(output.split("stopped ")[1].split()[0]) - sent
    assert took < 1.0, f"{took} seconds"


def test_the_interpreter_is_free_while_rust_works(rng):
    """Another thread goes on during a dense eigenproblem, which is one call of Rust's."""
    a, _ = matrix_with(np.linspace(0, 1, 700), rng)
    ticks, done = [], threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.001)

    stages = {}

    def tell(stage, done_, total, unit):
        stages.setdefault(stage, time.monotonic())

    thread = threading.Thread(target=tick)
    thread.start()
    heigen.spectrum(a, "dense", progress=tell)
    done.set()
    thread.join()
    during = [t for t in ticks if stages["eigenproblem"] < t < stages["certificate"]]
    assert len(during) > 5, "the other thread stood still"


def test_solvers_run_side_by_side_in_threads(rng):
    a, _ = matrix_with(low_rank(100, 30), rng)
    wanted = heigen.eigsh(a, 4).eigenvalues
    found = [None] * 6

    def work(i):
        found[i] = heigen.eigsh(heigen.as_operator(lambda v: a @ v, n=100), 4).eigenvalues

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(found))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in found:
        np.testing.assert_array_equal(one, found[0])
        np.testing.assert_allclose(one, wanted, atol=1e-12)


def test_progress_is_told(rng):
    a, _ = matrix_with(low_rank(300, 30), rng)
    told = []
    heigen.spectrum(a, progress=lambda *progress: told.append(progress))
    stages = [progress[0] for progress in told]
    assert {"range", "projection", "eigenproblem", "certificate"} <= set(stages)
    for stage, done, total, unit in told:
        assert total is None or done <= total
        assert unit == "columns"


def test_an_exception_in_progress_stops(rng):
    class Enough(Exception):
        pass

    def tell(*progress):
        raise Enough

    a, _ = matrix_with(low_rank(300, 30), rng)
    for solver in (heigen.spectrum, heigen.eigsh, heigen.density, heigen.trace, heigen.diagonal):
        with pytest.raises(Enough):
            solver(a, progress=tell)


def test_bars_appear_after_two_seconds(monkeypatch, rng):
    pytest.importorskip("tqdm")
    from heigen import _progress

    a, _ = matrix_with(low_rank(300, 30), rng)
    shown = []

    class Bar:
        def __init__(self, **options):
            shown.append(options)
            self.n = 0

        def update(self, more):
            self.n += more

        def close(self):
            shown.append("closed")

    monkeypatch.setattr("tqdm.auto.tqdm", Bar)
    monkeypatch.setattr(_progress, "_is_terminal", lambda: True)
    heigen.spectrum(a)
    assert shown == [], "short work shows nothing"
    monkeypatch.setattr(_progress, "PATIENCE", 0.0)
    heigen.spectrum(a, progress=False)
    assert shown == []
    heigen.spectrum(a)
    assert shown[0]["desc"] == "range" and shown[-1] == "closed"
    # Files and pipes are kept free of bars that nobody asked for.
    shown.clear()
    monkeypatch.setattr(_progress, "_is_terminal", lambda: False)
    heigen.spectrum(a)
    assert shown == []
    heigen.spectrum(a, progress=True)
    assert shown[-1] == "closed"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")
def test_a_forked_process_has_threads_of_its_own():
    script = """
import os, sys, numpy as np, heigen
a = np.diag(np.linspace(0, 1, 300))
heigen.spectrum(a)
child = os.fork()
if child == 0:
    heigen.spectrum(a, "dense")
    os._exit(7)
_, status = os.waitpid(child, 0)
sys.exit(0 if os.waitstatus_to_exitcode(status) == 7 else 1)
"""
    assert subprocess.run([sys.executable, "-c", script], timeout=120).returncode == 0


def test_nothing_is_imported_at_the_first_array():
    """Regression: NumPy's interface was imported at the first use of an array, and Ctrl-C in that moment was a panic."""
    script = """
import builtins, numpy as np, heigen

def interrupted(*arguments, **options):
    raise KeyboardInterrupt

builtins.__import__ = interrupted
found = heigen.eigsh(np.diag([1.0, 2.0]), 1, progress=False)
print(round(float(found.eigenvalues[0]), 12), flush=True)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.stdout == "2.0\n", done.stderr
