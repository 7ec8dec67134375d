"""Can the nodes pull and run what is built: the registry by its name, its login, the machine that the image is for."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from console.engine.ports import PullAnswer, World
from console.engine.together import together
from console.model.checksums import secret_values
from console.model.errors import DeniedError
from console.model.gathered import Gathered, Image
from console.model.nodes import architectures, candidates, unfit
from console.model.plan import ChangeKind, Check, ObjectChange, ObjectRef
from console.model.podspec import containers, pod_spec
from console.model.stack import JSON

# Where a cluster says by which name its nodes reach a registry on the developer's machine (KEP-1755).
_HOSTING = ObjectRef("v1", "ConfigMap", "kube-public", "local-registry-hosting")
_HOSTED = re.compile(r'^\s*host:\s*"?([^"\s]+)', re.MULTILINE)
_PULL_SECRET = ".dockerconfigjson"  # noqa: S105 - the name of a key


@dataclass(frozen=True, slots=True)
class _User:
    """A workload that the plan makes or changes, and the built images that it runs."""

    ref: ObjectRef
    spec: JSON
    images: tuple[Image, ...]


async def check_pulling(gathered: Gathered, changes: Sequence[ObjectChange], world: World) -> list[Check]:
    """Rows about the nodes, for workloads of the plan that run images which the stack builds."""
    users = list(_users(gathered, changes))
    if not users:
        return []
    try:
        nodes = await world.cluster.list("v1", "Node")
    except DeniedError as error:
        what = f"whether the nodes can run and pull the images is not known: {error.what}"
        return [Check("nodes", None, what, error.hint), *await _logins(users, gathered, world)]
    rows = [*await _names(nodes, users, world), *await _logins(users, gathered, world)]
    return [*await _machines(nodes, users, world), *rows]


def _users(gathered: Gathered, changes: Sequence[ObjectChange]) -> Iterator[_User]:
    for state, change in zip(gathered.objects, changes, strict=True):
        spec = pod_spec(state.declared.body)
        if spec is None or change.kind is ChangeKind.UNCHANGED:
            continue
        names = {each.get("image") for each in containers(spec)}
        images = tuple(image for image in gathered.images if image.reference in names)
        if images:
            yield _User(state.declared.ref, spec, images)


async def _names(nodes: Sequence[JSON], users: Sequence[_User], world: World) -> list[Check]:
    """A registry named by loopback is this machine, and each node's own for the nodes."""
    found = (node for user in users for node in candidates(nodes, user.spec))
    addresses = {node["metadata"]["name"]: _address(node) for node in found}
    others = [name for name, address in addresses.items() if not world.registry.reached_from(address)]
    host = users[0].images[0].reference.partition("/")[0]
    if not others or await _hosted(world) == host:
        return [Check("pull", True, f"the nodes reach {host} by that name")]
    named = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
    hint = "push to a registry that the nodes reach by the same name, or let their container runtime mirror it"
    return [Check("pull", None, f"for {named}, {host} is not this machine but the node itself", hint)]


def _address(node: JSON) -> str:
    found = (node.get("status") or {}).get("addresses") or ()
    return next((str(each["address"]) for each in found if each["type"] == "InternalIP"), "")


async def _hosted(world: World) -> str:
    try:
        body = await world.cluster.get(_HOSTING)
    except DeniedError:
        return ""
    found = _HOSTED.search(str(((body or {}).get("data") or {}).get("localRegistryHosting.v1", "")))
    return found[1] if found else ""


async def _machines(nodes: Sequence[JSON], users: Iterable[_User], world: World) -> list[Check]:
    sources = [image.source for user in users for image in user.images]
    platform = await world.builder.platform() if any(not source.platforms for source in sources) else ""
    rows = []
    for user in users:
        known = architectures(candidates(nodes, user.spec))
        for image in user.images:
            built = image.source.platforms or ((platform,) if platform else ())
            if found := unfit(image.source.name, built, known):
                # Taints and affinity may still keep pods away from some of the nodes.
                rows.append(
                    Check("nodes", False if found.all_nodes else None, f"{user.ref}: {found.words}", found.hint)
                )
    return rows


async def _logins(users: Iterable[_User], gathered: Gathered, world: World) -> list[Check]:
    rows = await together((_login(user, gathered, world) for user in users), "preflight: pull")
    return [row for row in rows if row]


async def _login(user: _User, gathered: Gathered, world: World) -> Check | None:
    """A row if the registry would not let the pods' nodes pull without a login, and they have none that it takes."""
    image = user.images[0]
    name = image.reference.partition("@")[0].rpartition(":")[0]
    if await world.registry.try_pull(image.source.name) is PullAnswer.ALLOWED:
        return None
    try:
        secrets = await _pull_secrets(user, gathered, world)
        answers = [await _tried(ref, image, gathered, world) for ref in secrets]
    except DeniedError as error:
        what = f"{user.ref}: {name} wants a login; whether the pods have it is not known: {error.what}"
        return Check("pull", None, what, error.hint)
    if PullAnswer.ALLOWED in answers:
        return None
    if not answers:
        hint = "make one with `kubectl create secret docker-registry`, and name it in imagePullSecrets"
        what = f"{user.ref}: {name} wants a login, and the pods have no imagePullSecrets"
        return Check("pull", None, f"{what}: only nodes with a login of their own can pull it", hint)
    named = ", ".join(map(str, secrets))
    certain = all(answer is PullAnswer.LOGIN for answer in answers)
    hint = f"renew the login in {named} with `kubectl create secret docker-registry`"
    return Check("pull", False if certain else None, f"{user.ref}: {name} does not accept the login of {named}", hint)


async def _pull_secrets(user: _User, gathered: Gathered, world: World) -> list[ObjectRef]:
    """Those of the pod, else those of its service account (kubernetes.io, "Configure Service Accounts")."""
    names = user.spec.get("imagePullSecrets")
    if not names:
        account = user.spec.get("serviceAccountName") or "default"
        ref = ObjectRef("v1", "ServiceAccount", user.ref.namespace, account)
        names = (await _body(ref, gathered, world)).get("imagePullSecrets")
    return [ObjectRef("v1", "Secret", user.ref.namespace, each["name"]) for each in names or ()]


async def _tried(ref: ObjectRef, image: Image, gathered: Gathered, world: World) -> PullAnswer:
    value = secret_values(await _body(ref, gathered, world)).get(_PULL_SECRET, "")
    try:
        config = base64.b64decode(value).decode()
    except (binascii.Error, UnicodeDecodeError):
        config = ""
    return await world.registry.try_pull(image.source.name, config)


async def _body(ref: ObjectRef, gathered: Gathered, world: World) -> JSON:
    """An object as it will be: declared, else live."""
    declared = (state.declared.body for state in gathered.objects if state.declared.ref == ref)
    return next(declared, None) or await world.cluster.get(ref) or {}
