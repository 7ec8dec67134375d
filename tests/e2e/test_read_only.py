"""Read-only: every command of a stack, and nothing but reads reaches the API server; seen from between the two."""

from __future__ import annotations

import asyncio

import pytest
import yaml

from tests.e2e.command import kubeconfig_of
from tests.weather import Weather

REFUSED = [
    ("deploy", "{}", "--headless"),
    ("scale", "{}", "hello=3"),
    ("restart", "{}"),
    ("stop", "{}", "--yes"),
    ("start", "{}"),
    ("rollback", "{}", "--to", "1"),
    ("config", "set", "{}", "hello", "GREETING=hi"),
    ("destroy", "{}", "--yes"),
]
ALLOWED = [
    ("plan", "{}"),
    ("status", "{}"),
    ("history", "{}"),
    ("logs", "{}", "--no-follow"),
    ("config", "show", "{}", "hello"),
]


@pytest.fixture
async def weather(stack, tmp_path):
    """A deployed stack that is reached from now on by way of a recorder."""
    done = await asyncio.to_thread(stack.run, "deploy", "{}", "--headless")
    assert done.returncode == 0, done.stderr
    kubeconfig = kubeconfig_of(stack.environment)
    made = Weather(kubeconfig)
    await made.open()
    context = yaml.safe_load(kubeconfig.read_text())["current-context"]
    registry = stack.json("sandbox", "status")["registry"]
    through = {"targets": {"through": {"kind": "kubernetes", "context": context, "registry": registry}}}
    (stack.folder / "stack.local.yaml").write_text(yaml.safe_dump(through))
    stack.environment["KUBECONFIG"] = str(made.kubeconfig(tmp_path / "through"))
    yield made
    await made.close()
    (stack.folder / "stack.local.yaml").unlink()
    del stack.environment["KUBECONFIG"]


async def test_nothing_but_reads_leaves_the_process(stack, weather):
    async def run(*words):
        return await asyncio.to_thread(stack.run, *words, "--target", "through", "--read-only")

    for words in ALLOWED:
        done = await run(*words)
        # Where no Docker engine is, the plan's preflight says so.
        assert done.returncode in {0, 10, 14}, (words, done.stderr)
    for words in REFUSED:
        done = await run(*words)
        assert (done.returncode, "read-only" in done.stderr) == (19, True), (words, done.stderr)
    assert len(weather.forwarded) > 50
    assert [f"{each.method} {each.path}" for each in weather.forwarded if each.writes] == []
