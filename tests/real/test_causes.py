"""The causes of failure, provoked on a real cluster: told there as on the embedded one (make test-real)."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.e2e.causes import Ground, Patient
from tests.e2e.command import Stack
from tests.e2e.test_causes import CASES, assert_named, follow

pytestmark = pytest.mark.real

PATIENT = {"3s": "20s", "4s": "20s"}
"""What is cured by waiting is waited for longer: nothing runs ten times as fast here."""


@pytest.fixture
def ground(real_registry: str, real_kubeconfig: Path) -> Ground:
    """The real cluster, with the Python that the reference stack is built on."""
    image = f"{real_registry}/console-test/python"
    for line in (("tag", "python:3.11-slim", image), ("push", "--quiet", image)):
        subprocess.run(["docker", *line], check=True, capture_output=True, timeout=120)
    context = yaml.safe_load(real_kubeconfig.read_text())["current-context"]
    return Ground(real_kubeconfig, {"kind": "kubernetes", "context": context}, real_registry, image)


@pytest.fixture
def patient(tmp_path: Path, ground: Ground) -> Iterator[Patient]:
    """A stack that is about to fail; its namespace is deleted after the test, without waiting for its end."""
    name = f"causes-{uuid.uuid4().hex[:6]}"
    (tmp_path / name).mkdir()
    own = {"STACK_CONSOLE_STATE": str(tmp_path / "state"), "KUBECONFIG": str(ground.kubeconfig), "NO_COLOR": "1"}
    patient = Patient(Stack(name, tmp_path / name, {**os.environ, **own}), ground)
    yield patient
    patient.cluster.forget(name)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", CASES)
async def test_a_rollout_that_fails_says_why_on_every_surface(patient, name):
    case = replace(CASES[name], timeout=PATIENT.get(CASES[name].timeout, "180s"))
    patient.write(case.deployment, timeout=case.timeout)
    ended = await follow(patient, case.cause, case.words, case.sign)
    assert ended.code == 14, ended.told
    assert_named(ended, case.cause, case.words, case.kept)
