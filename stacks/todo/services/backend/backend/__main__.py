"""`python -m backend`."""

from serving import run

run("backend.app:create")
