"""The command ``heigen``, the same program as the one that cargo installs."""

import sys

from heigen import _heigen


def main() -> int:
    """Run the program with the arguments of the process."""
    return _heigen.run_program(["heigen", *sys.argv[1:]])
