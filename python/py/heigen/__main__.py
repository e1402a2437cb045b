"""``python -m heigen`` is the command ``heigen``."""

import sys

from heigen._program import main

if __name__ == "__main__":
    sys.exit(main())
