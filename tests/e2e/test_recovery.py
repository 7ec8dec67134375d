"""Causes that go away: named while they last, waited for; and a version that fails, whose evidence outlives it."""

from __future__ import annotations

import asyncio
from typing import Any

from console.adapters.embedded_postgres import EmbeddedPostgres
from console.model.diagnosis import Cause
from tests.e2e.causes import DATABASE, Gate
from tests.workloads import SERVER, http, serving, shell, web


def late(gate: Gate) -> dict[str, Any]:
    """A server that does not listen before the test lets it."""
    served = serving(200, readinessProbe=http(failureThreshold=1))
    return served | {"command": ["python", "-c", f"{gate.wait}\n{SERVER}"]}


async def test_a_cause_that_goes_away_is_named_while_it_lasts_and_ends_well(patient, gate):
    patient.write(web(late(gate)))

    async with patient.console() as terminal, asyncio.TaskGroup() as tasks:
        await terminal.shows("nothing is known to be wrong")
        deploy = tasks.create_task(patient.deploy())
        await gate.reached()
        await terminal.shows(f"cause     {Cause.PORT_NOT_LISTENED}", "nothing listens on port 8000")
        await patient.says("nothing listens on port 8000")
        gate.open()
        ended = await deploy
        await terminal.until(lambda: "1/1 ready" in terminal.text and "cause  " not in terminal.text)
    assert ended.code == 0, ended.told
    assert any(
        "waiting for web-" in line and "nothing listens on port 8000" in line for line in ended.told.splitlines()
    )
    assert ended.document["verdict"]["evidence"] == []


async def test_a_database_that_goes_away_is_blamed_and_waited_for(patient, gate):
    target = {"here": {"kind": "sandbox", "externals": {"database": {"provision": "embedded"}}}}
    patient.write(web(late(gate)), externals=DATABASE, targets=target)
    database = EmbeddedPostgres(patient.external("database"))
    words = "database cannot be reached, so its readiness probe fails"
    try:
        async with patient.console() as terminal, asyncio.TaskGroup() as tasks:
            await terminal.shows("nothing is known to be wrong")
            deploy = tasks.create_task(patient.deploy())
            await gate.reached()
            await database.stop()
            await terminal.shows(f"cause     {Cause.EXTERNAL_UNREACHABLE}", words, patience=15.0)
            await patient.says(words)
            await database.start()
            gate.open()
            ended = await deploy
    finally:
        await database.stop()
    assert ended.code == 0, ended.told
    assert any("waiting for web-" in line and words in line for line in ended.told.splitlines()), ended.told


async def test_the_evidence_of_what_failed_is_kept_though_the_old_version_is_back(patient):
    patient.write(web(serving(200, readinessProbe=http())))
    assert (await patient.deploy()).code == 0
    patient.write(web(shell("echo last words of the new one; exit 3")))
    ended = await patient.deploy("--rollback")
    assert ended.code == 14, ended.told
    assert "rolled back to release 1" in ended.document["verdict"]["headline"]
    first = ended.document["verdict"]["diagnoses"][0]
    assert (first["cause"], first["changed"].startswith("release 2: ")) == (Cause.CRASH_LOOP, True)
    kept = ended.kept
    assert any("last words of the new one" in text for name, text in kept.items() if name.endswith(".previous.log"))
    assert "last words of the new one" in kept["diff.txt"]
    assert "exits with code 3" in kept["diagnoses.txt"]
    back = patient.cluster.get("deployments", "web")
    assert back["spec"]["template"]["spec"]["containers"][0]["command"][0] == "python"
    assert back["status"]["availableReplicas"] == 1
