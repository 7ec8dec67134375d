"""The stack and the cluster of the tests of whole commands, for the long runs."""

from tests.e2e.conftest import cluster, environment, stack
from tests.sandbox.daemon.conftest import own

__all__ = ["cluster", "environment", "own", "stack"]
