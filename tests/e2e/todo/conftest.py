"""The reference stack, deployed once a worker on a sandbox of its own: it may be killed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.command import sandboxed
from tests.e2e.todo.reference import Todo


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Todo]:
    """Deploys it; ends it with its sandbox."""
    home = tmp_path_factory.mktemp("todo")
    with sandboxed(home) as environment:
        todo = Todo.copied(home, environment)
        todo.run("deploy", "{}", "--headless", "--report", str(home / "first.html"))
        todo.said.append((home / "first.html").read_text())
        todo.connect()
        yield todo
        for process in todo.stack.started:
            process.kill()
            process.communicate()


@pytest.fixture
def todo(deployed: Todo) -> Todo:
    """The reference stack, all well."""
    deployed.settled()
    return deployed
