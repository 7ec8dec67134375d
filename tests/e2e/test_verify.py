"""`verify` on a stack of real processes: what is good passes, each planted fault is found by its check and no other."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cluster import Cluster
from tests.e2e.command import Stack, kubeconfig_of
from tests.e2e.shops import TOKEN, by_result, open_shop, store, verified

QUICK = {
    *("deploy-time", "ready-time", "probes-declared", "probe-results", "secrets", "resources", "stateless"),
    *("shutdown-declared", "ingress", "kinds", "database"),
}
DISTURBING = {"scale", "restart", "config", "shutdown"}
ENCODED = base64.b64encode(f"token: {TOKEN}".encode()).decode()


@pytest.fixture
def records() -> Iterator[tuple[str, dict[str, bytes]]]:
    with store() as made:
        yield made


@pytest.fixture
def shop(tmp_path: Path, environment: dict[str, str], records: tuple[str, dict[str, bytes]]) -> Iterator[Stack]:
    """The stack, not deployed yet; its namespace is deleted after the test, without waiting for its end."""
    name = f"shop-{uuid.uuid4().hex[:6]}"
    yield open_shop(name, tmp_path / "stacks" / name, environment, records[0])
    Cluster(kubeconfig_of(environment), name).forget(name)


def deploy(shop: Stack) -> None:
    done = shop.run("deploy", "{}", "--headless", "--drift", "overwrite")
    assert done.returncode == 0, done.stderr


def test_a_good_stack_passes_and_is_reported_in_every_form_and_a_leak_in_a_log_is_worse(
    shop: Stack, tmp_path: Path
) -> None:
    """One test, for a deploy takes seconds."""
    deploy(shop)
    before = Cluster(kubeconfig_of(shop.environment), shop.name).get("deployments", "shop")["metadata"]["generation"]
    done, findings = verified(shop, "--report", str(tmp_path / "report.xml"))
    assert done.returncode == 0, findings
    assert by_result(findings, "passed") == QUICK
    assert by_result(findings, "not made") == {*DISTURBING, "pooling", "autoscaler"}
    assert findings["scale"]["reason"] == "it disturbs the stack: add --disruptive"
    suite = ElementTree.parse(tmp_path / "report.xml").getroot()
    assert (suite.get("failures"), suite.get("skipped")) == ("0", "6")
    runs = [each for each in shop.json("history", "{}")["runs"] if each["kind"] == "verify"]
    assert [each["outcome"] for each in runs] == ["done"]
    shown = shop.run("history", "show", "{}", runs[0]["run_id"]).stdout
    assert "resources passed (0 containers unbounded)\n1 container\n" in shown
    after = Cluster(kubeconfig_of(shop.environment), shop.name).get("deployments", "shop")["metadata"]["generation"]
    assert after == before

    shop.edit("shop.yaml", 'FAULT: ""', "FAULT: log")
    deploy(shop)
    page, summary = tmp_path / "report.html", tmp_path / "summary.md"
    words = ("--only", "secrets", "--baseline", runs[0]["run_id"], "--report", str(page))
    done = shop.run("verify", "{}", "--headless", *words, GITHUB_STEP_SUMMARY=str(summary))
    assert done.returncode == 15
    assert "secret/shop API_TOKEN stands in the log of shop-" in done.stdout
    assert f"worse than in run {runs[0]['run_id']}" in done.stdout
    assert "| failed | secrets | SC-007 |" in summary.read_text()
    for text in (done.stdout, done.stderr, page.read_text(), summary.read_text()):
        assert TOKEN not in text


def test_what_cannot_be_verified_is_refused(shop: Stack) -> None:
    refused = shop.run("verify", "{}", "--headless")
    assert (refused.returncode, "was not deployed there" in refused.stderr) == (10, True)
    wrong = shop.run("verify", "{}", "--only", "sekrets")
    assert (wrong.returncode, "there is no check 'sekrets'" in wrong.stderr) == (2, True)
    asked = shop.run("verify", "{}", "--disruptive", "--headless")
    assert (asked.returncode, "add: --yes" in asked.stderr) == (19, True)
    reading = shop.run("verify", "{}", "--disruptive", "--yes", "--read-only")
    assert reading.returncode == 19


Plant = Callable[[Stack], None]


def in_manifest(old: str, new: str) -> Plant:
    return lambda shop: shop.edit("shop.yaml", old, new)


def in_image(shop: Stack) -> None:
    (shop.folder / "image" / "notes" / "token").write_text(ENCODED)


def on_local_disk(shop: Stack) -> None:
    shop.edit(
        "shop.yaml",
        "          lifecycle:",
        "          volumeMounts: [{name: data, mountPath: /data}]\n          lifecycle:",
    )
    shop.edit("shop.yaml", "      automount", "      volumes: [{name: data, emptyDir: {}}]\n      automount")


FAULTS: dict[str, tuple[str, Plant, str]] = {
    "a secret in a log line": ("secrets", in_manifest('FAULT: ""', "FAULT: log"), "in the log of"),
    "a secret in base64, split over log lines": (
        "secrets",
        in_manifest('FAULT: ""', "FAULT: log-split"),
        "in the log of",
    ),
    "base64 in a ConfigMap": (
        "secrets",
        in_manifest("MOOD: calm", f"MOOD: calm, NOTE: {ENCODED}"),
        "in configmap/shop",
    ),
    "a secret in an image layer": ("secrets", in_image, "in the layer sha256:"),
    "a probe missing": (
        "probes-declared",
        in_manifest("          livenessProbe: {httpGet: {path: /live, port: http}, periodSeconds: 10}\n", ""),
        "no liveness probe",
    ),
    "no limits": ("resources", in_manifest(", limits: {memory: 64Mi}", ""), "no limit of memory"),
    "state on local disk": ("stateless", on_local_disk, "/data is on the local disk"),
    "a slow readiness": (
        "ready-time",
        in_manifest(
            "path: /ready, port: http}, periodSeconds: 2}", "path: /ready, port: http}, initialDelaySeconds: 90}"
        ),
        "shop: ",
    ),
}


@pytest.mark.soak
@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_by_its_check_and_by_no_other(shop: Stack, fault: str) -> None:
    check, plant, words = FAULTS[fault]
    plant(shop)
    deploy(shop)
    done, findings = verified(shop)
    assert (done.returncode, by_result(findings, "failed")) == (15, {check}), findings
    assert any(words in line for line in findings[check]["evidence"]), findings[check]
    assert TOKEN not in done.stdout + done.stderr


@pytest.mark.soak
def test_a_good_stack_is_disturbed_and_put_back(
    shop: Stack, records: tuple[str, dict[str, bytes]], tmp_path: Path
) -> None:
    deploy(shop)
    cluster = Cluster(kubeconfig_of(shop.environment), shop.name)
    page = tmp_path / "report.html"
    done, findings = verified(shop, "--disruptive", "--yes", "--report", str(page))
    assert done.returncode == 0, findings
    assert by_result(findings, "passed") == QUICK | DISTURBING, findings
    assert cluster.get("deployments", "shop")["spec"]["replicas"] == 2
    assert cluster.request("GET", cluster.path("configmaps", "shop"))["data"]["MOOD"] == "calm"
    assert records[1] == {}
    assert page.read_text().count("<svg") >= 6
    assert shop.json("plan", "{}")["plan"]["steps"]


@pytest.mark.soak
@pytest.mark.parametrize(
    ("fault", "replicas", "check", "words"),
    [("deaf", 2, "shutdown", "ended with 137: it was killed"), ("memory", 1, "restart", "5 records lost after")],
)
def test_a_fault_that_only_shows_when_disturbed_is_found_by_its_check(
    shop: Stack, fault: str, replicas: int, check: str, words: str
) -> None:
    shop.edit("shop.yaml", 'FAULT: ""', f"FAULT: {fault}")
    shop.edit("shop.yaml", "replicas: 2", f"replicas: {replicas}")
    deploy(shop)
    done, findings = verified(shop, "--disruptive", "--yes")
    assert (done.returncode, by_result(findings, "failed")) == (15, {check}), json.dumps(findings, indent=1)
    assert any(words in line for line in findings[check]["evidence"]), findings[check]


@pytest.mark.soak
def test_a_verification_that_is_ended_at_its_height_puts_back_what_was(shop: Stack) -> None:
    deploy(shop)
    cluster = Cluster(kubeconfig_of(shop.environment), shop.name)
    process = shop.start("verify", "{}", "--disruptive", "--yes", "--headless", "--only", "scale")
    cluster.until("deployments", "shop", lambda each: each["spec"]["replicas"] == 4)
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert cluster.get("deployments", "shop")["spec"]["replicas"] == 2
    runs = [each["outcome"] for each in shop.json("history", "{}")["runs"] if each["kind"] == "verify"]
    assert runs == ["interrupted"]
