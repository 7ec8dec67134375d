"""Stack descriptions on disk: found, read with line numbers, checked offline, and put onto a target."""

from console.adapters.stackfiles.environment import EnvironmentSecrets
from console.adapters.stackfiles.finding import find_stack, find_stacks
from console.adapters.stackfiles.loading import load_stack

__all__ = ["EnvironmentSecrets", "find_stack", "find_stacks", "load_stack"]
