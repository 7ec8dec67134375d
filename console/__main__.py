"""`stack-console` and `python -m console`: hands over to the composition root."""

from __future__ import annotations

import sys

from console.bootstrap import main as start


def main() -> int:
    """Runs the command line of this process; returns its exit code."""
    return start(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
