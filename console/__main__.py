"""`stack-console` and `python -m console`: hands over to the composition root."""

from __future__ import annotations

import gc
import sys

from console.bootstrap import main as start


def main() -> int:
    """Runs the command line of this process; returns its exit code."""
    # What is imported stays: looking for garbage among it by Python's default costs a tenth of the start.
    gc.set_threshold(50_000)
    return start(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
