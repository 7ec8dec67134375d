"""Logins that expire under a console at work: renewed once for all, and said where they cannot be."""

import asyncio
import sys
import time
from dataclasses import replace

import pytest

from console.adapters.kubernetes.client import KubernetesCluster
from console.adapters.kubernetes.connection import open_transport
from console.engine.observe import WATCHED
from console.engine.watch import keep_watching
from console.model.events import WatchLost
from console.model.outcome import Outcome
from console.model.plan import ObjectRef
from console.model.state import Freshness
from tests.engine.bench import Bench, virtual_deployment
from tests.engine.conftest import leave
from tests.engine.planning_world import world_of
from tests.engine.test_weather import facts, until
from tests.outage import BACK_WITHIN
from tests.stacks import config_map, make_service, make_stack, together
from tests.weather import answer

__all__ = ["facts"]

PLUGIN = """#!{python}
import json, pathlib
here = pathlib.Path(__file__).parent
with (here / "runs").open("a") as runs:
    runs.write(".")
tokens = (here / "tokens").read_text().split()
if not tokens:
    raise SystemExit("session is over, log in again")
status = {{"token": tokens[min(len((here / "runs").read_text()), len(tokens)) - 1]}}
print(json.dumps({{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}}))
"""


class Login:
    """A plugin that gives one token after the other, and counts how often it is asked."""

    def __init__(self, folder, tokens):
        self.folder = folder
        self.give(*tokens)
        program = folder / "plugin"
        program.write_text(PLUGIN.format(python=sys.executable))
        program.chmod(0o700)
        plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program), "interactiveMode": "Never"}
        self.user = {"exec": plugin}

    def give(self, *tokens):
        (self.folder / "tokens").write_text(" ".join(tokens))

    @property
    def runs(self):
        return len((self.folder / "runs").read_text())


@pytest.fixture
async def login(weather, cluster, tmp_path):
    """A plugin with three tokens of an administrator's; the weather decides which of them the API server accepts."""
    cluster.create("serviceaccounts", {"metadata": {"name": "operator"}})
    role = {"kind": "ClusterRole", "name": "cluster-admin", "apiGroup": "rbac.authorization.k8s.io"}
    subject = {"kind": "ServiceAccount", "name": "operator", "namespace": cluster.namespace}
    name, bindings = f"operator-{cluster.namespace}", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
    cluster.request("POST", bindings, {"metadata": {"name": name}, "roleRef": role, "subjects": [subject]})
    path = f"{cluster.path('serviceaccounts', 'operator')}/token"
    spec = [{"spec": {"expirationSeconds": 3600 + number}} for number in range(3)]
    tokens = [cluster.request("POST", path, body)["status"]["token"] for body in spec]
    assert len(set(tokens)) == 3
    made = Login(tmp_path, tokens)
    made.tokens = tokens
    yield made
    cluster.request("DELETE", f"{bindings}/{name}")


@pytest.fixture
async def known(weather, login, tmp_path):
    """A client that logs in with the plugin."""
    file = weather.kubeconfig(tmp_path / "far", login.user)
    client = KubernetesCluster(await open_transport([file], "sandbox"), "sandbox")
    yield client
    await leave(client)


UNAUTHORIZED = answer(401, b'{"kind": "Status", "code": 401, "reason": "Unauthorized", "message": "Unauthorized"}')


def watch_everything(client, store, tasks, namespace):
    for resource in WATCHED:
        tasks.start(f"watch {resource}", keep_watching(client, resource, namespace, store.dispatch, time.time))


def all_live(view):
    found = [view.health.get(resource) for resource in WATCHED]
    return all(each and each.freshness is Freshness.LIVE for each in found)


async def test_a_token_that_expires_is_renewed_once_for_all_and_nobody_sees_it(
    weather, login, known, store, tasks, facts, namespace
):
    watch_everything(known, store, tasks, namespace)
    await until(store, all_live)
    assert login.runs == 1
    weather.fail(lambda request: request.token == login.tokens[0], UNAUTHORIZED)
    ref = ObjectRef("v1", "Namespace", "", namespace)
    found = await asyncio.gather(*(known.get(ref) for _ in range(20)))
    assert all(each["metadata"]["name"] == namespace for each in found)
    assert login.runs == 2
    await weather.reset()
    await until(store, lambda view: view.freshness is Freshness.STALE)
    await until(store, all_live, BACK_WITHIN)
    assert login.runs == 2
    assert not any("credentials" in fact.why for fact in facts if isinstance(fact, WatchLost))


async def test_credentials_that_cannot_be_renewed_are_said_and_tried_again_with_pauses(
    weather, login, known, store, tasks, facts, namespace
):
    watch_everything(known, store, tasks, namespace)
    await until(store, all_live)
    weather.fail(lambda request: request.token == login.tokens[0], UNAUTHORIZED)
    login.give()
    await weather.reset()
    words = "the credentials are not accepted any more, and could not be renewed: no credentials for context 'sandbox'"
    view = await until(store, lambda view: view if words in view.health["pods"].detail else None)
    assert "session is over, log in again" in view.health["pods"].detail
    # All watches are lost for that reason before the plugin has run for each of them.
    await until(store, lambda view: all(words in view.health[each].detail for each in WATCHED))
    assert login.runs <= 5
    login.give(*login.tokens)
    await until(store, all_live, BACK_WITHIN)


async def test_a_token_that_expires_while_objects_are_applied_is_renewed_within_the_run(
    weather, login, known, tasks, tmp_path, cluster, near_client
):
    world = replace(world_of(known, tmp_path), clock=time.time)
    bench = Bench(world, tasks, tmp_path / "console")
    declared = together(virtual_deployment("web"), config_map("web", A="1"))
    bench.observe(make_stack([make_service("web", declared, cluster.namespace)], namespace=cluster.namespace))
    made = await bench.plan()
    over = []

    def expired(request):
        if request.writes and request.path.partition("?")[0].endswith("/deployments/web"):
            over.append(request)
        return bool(over) and request.token == login.tokens[0]

    weather.fail(expired, UNAUTHORIZED)
    verdict = await bench.run(made)
    assert verdict.outcome is Outcome.DONE, verdict
    assert login.runs == 2
    assert bench.told(WatchLost) == []
    assert cluster.get("deployments", "web")["metadata"]["generation"] == 1
    await tasks.close()
    await world.registry.close()
    await world.journal.close()
