"""The wheel brings the reference stack along: beside the package in the tree, inside of it in the wheel."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
FOLDERS = ("stacks/todo", "k8s", "dockerfiles")
# What is not for others: values of Secrets, personal targets, tests, what Python left.
LEFT_OUT = (".env", "stack.local.yaml", "tests", "__pycache__", "*.pyc")


class BuildWithReferenceStack(build_py):
    """Copies the reference stack into `console/reference`, unless the package is installed from its tree."""

    def run(self) -> None:
        """Builds as usual, then copies."""
        super().run()
        if self.editable_mode:
            return
        for folder in FOLDERS:
            to = Path(self.build_lib) / "console" / "reference" / folder
            shutil.copytree(ROOT / folder, to, ignore=shutil.ignore_patterns(*LEFT_OUT), dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildWithReferenceStack})
