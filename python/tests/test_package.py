"""The package as it was installed: version, command, types."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

import heigen

SAMPLE = '''
import numpy as np
from numpy.typing import NDArray

import heigen

class Mine(heigen.Operator):
    def __init__(self) -> None:
        self._length = 5
        self._dtype = np.dtype(np.float64)

    def _apply_into(self, rows: NDArray[np.float64], out: NDArray[np.float64]) -> None:
        out[...] = 2.0 * rows

pairs: heigen.EigenPairs = heigen.eigsh(2.0 * Mine().shift(1.0), k=3, which="LA", tol=1e-8, progress=False)
values: NDArray[np.float64] = pairs.eigenvalues
found: heigen.Spectrum = heigen.spectrum(np.eye(3), progress=lambda stage, done, total, unit: print(stage, done))
bound: float = found.certificate.outside_bound
count: int = found.outliers().count
estimate: float = heigen.trace(Mine()).standard_error
try:
    heigen.solve(Mine(), np.ones(5), damping=0.1).error_bound
except heigen.NotConvergedError as error:
    print(error.what, error.where)
heigen.eigsh(Mine(), k="three")  # an error
heigen.density(Mine()).nodes.no_such_thing  # an error
'''


def test_it_is_the_installed_package():
    assert "site-packages" in heigen.__file__, heigen.__file__


def test_the_version_comes_from_one_place():
    distribution = importlib.metadata.metadata("heigen")
    assert distribution["Version"] == heigen.__version__
    assert distribution["License"] == "MIT OR Apache-2.0"
    assert distribution["Requires-Python"] == ">=3.10"
    licences = [f.name for f in importlib.metadata.files("heigen") if "licenses" in str(f)]
    assert sorted(licences) == ["LICENSE-APACHE", "LICENSE-MIT"]
    hard = [r for r in importlib.metadata.requires("heigen") if "extra" not in r]
    assert [re.split("[<>=]", r)[0] for r in hard] == ["numpy"], "numpy is the only hard dependency"


def test_the_command_is_there():
    command = Path(sys.executable).with_name("heigen")
    version = subprocess.run([command, "--version"], capture_output=True, text=True)
    assert version.returncode == 0 and version.stdout.strip() == f"heigen {heigen.__version__}"
    wrong = subprocess.run([command, "no-such-command"], capture_output=True, text=True)
    assert wrong.returncode == 2 and "no-such-command" in wrong.stderr
    failed = subprocess.run([command, "show", "no/such/experiment"], capture_output=True, text=True)
    assert failed.returncode == 1 and failed.stderr.startswith("error:")


def test_importing_brings_nothing_heavy():
    script = "import sys, heigen; print([m for m in ('torch', 'jax', 'scipy', 'tqdm', 'matplotlib') if m in sys.modules])"
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"


def test_a_type_checker_accepts_what_is_right_and_sees_what_is_wrong(tmp_path):
    pytest.importorskip("mypy")
    sample = tmp_path / "sample.py"
    sample.write_text(SAMPLE)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(sample)]
    output = subprocess.run(command, capture_output=True, text=True).stdout
    wrong = [i for i, line in enumerate(SAMPLE.splitlines(), 1) if line.endswith("# an error")]
    seen = sorted(int(line.split(":")[1]) for line in output.splitlines() if "error:" in line)
    assert seen == wrong, output


def test_the_package_itself_is_typed(tmp_path):
    pytest.importorskip("mypy")
    folder = Path(heigen.__file__).parent
    settings = Path(__file__).parents[1] / "pyproject.toml"
    command = [sys.executable, "-m", "mypy", "--config-file", settings, "--cache-dir", tmp_path / "cache", "-p", "heigen"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert (folder / "py.typed").exists()


def test_stubs_say_what_the_extension_module_has():
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", "mypy.stubtest", "heigen._heigen", "--ignore-missing-stub"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_everything_public_is_documented():
    for name in heigen.__all__:
        if not name.startswith("__"):
            assert getattr(heigen, name).__doc__, name


def test_the_examples_of_the_readme_run(capsys):
    text = (Path(__file__).parents[1] / "README.md").read_text()
    examples = re.findall("```python\n(.*?)```", text, re.S)
    assert examples
    for example in examples:
        exec(example, {})
    assert "+-" in capsys.readouterr().out
