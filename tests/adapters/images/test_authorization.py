"""Registries that want a login get it: Basic, or a token of the service that they name."""

import base64
import json

import pytest
from aiohttp import web

from console.adapters.images.credentials import DockerCredentials
from console.adapters.images.registry import OciRegistry
from console.engine.ports import PullAnswer
from console.model.errors import PushError

BASIC = "Basic " + base64.b64encode(b"anna:right").decode()


async def basic(request):
    if request.headers.get("Authorization") != BASIC:
        return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="registry"'})
    return None


class Tokens:
    """A token service beside the registry: what a token allows stands in it."""

    def __init__(self, shelf, *, anonymous=False, identity=""):
        self.shelf = shelf
        self.anonymous = anonymous
        self.identity = identity
        self.asked = []

    async def __call__(self, request):
        if request.path == "/token":
            return await self._token(request)
        need = "pull" if request.method in {"GET", "HEAD"} and "manifests" in request.path else "pull,push"
        if request.headers.get("Authorization") in {f"Bearer {need}", "Bearer pull,push"}:
            return None
        host = self.shelf.prefix.partition("/")[0]
        challenge = f'Bearer realm="http://{host}/token",service="shelf",scope="repository:acme/todo-app:{need}"'
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})

    async def _token(self, request):
        form = await request.post()
        scope = form.get("scope") or request.query["scope"]
        self.asked.append((request.method, scope))
        known = request.headers.get("Authorization") == BASIC or (form.get("refresh_token", "-") == self.identity)
        if not known and not self.anonymous:
            return web.Response(status=401)
        return web.json_response({"token": scope.rpartition(":")[2]})


@pytest.fixture
async def registry(shelf, tmp_path):
    registry = OciRegistry(shelf.prefix, DockerCredentials({"DOCKER_CONFIG": str(tmp_path)}))
    yield registry
    await registry.close()


@pytest.fixture
def log_in(shelf, tmp_path):
    def log_in(**entry):
        host = shelf.prefix.partition("/")[0]
        (tmp_path / "config.json").write_text(json.dumps({"auths": {host: entry}}))

    return log_in


async def test_basic_authentication_is_answered_and_kept(shelf, registry, image, log_in):
    shelf.guard = basic
    log_in(username="anna", password="right")
    assert await registry.push(image, lambda progress: None) == image.digest
    assert [sent for _, _, sent in shelf.seen].count("") == 1


async def test_a_token_is_asked_for_with_the_scope_that_is_wanted(shelf, registry, image, log_in):
    shelf.guard = tokens = Tokens(shelf)
    log_in(username="anna", password="right")
    assert await registry.has(image.name, image.tag) is None
    assert await registry.push(image, lambda progress: None) == image.digest
    scope = "repository:acme/todo-app"
    assert tokens.asked == [("GET", f"{scope}:pull"), ("GET", f"{scope}:pull,push")]


async def test_an_identity_token_is_exchanged(shelf, registry, image, log_in):
    shelf.guard = tokens = Tokens(shelf, identity="long-lived")
    log_in(identitytoken="long-lived")
    await registry.check_push(image.name)
    assert tokens.asked == [("POST", "repository:acme/todo-app:pull,push")]


async def test_what_everybody_may_read_needs_no_login(shelf, registry):
    shelf.guard = Tokens(shelf, anonymous=True)
    assert await registry.has("todo-app", "1") is None


@pytest.mark.parametrize("login", [{}, {"username": "anna", "password": "wrong"}])
async def test_a_login_that_is_missing_or_wrong_is_told_once(shelf, registry, log_in, login):
    shelf.guard = basic
    log_in(**login)
    with pytest.raises(PushError, match="todo-app cannot be pushed") as caught:
        await registry.check_push("todo-app")
    assert "docker login 127.0.0.1" in caught.value.hint
    assert len(shelf.seen) <= 2


async def test_a_token_service_that_refuses_is_named(shelf, registry, log_in):
    shelf.guard = Tokens(shelf)
    log_in(username="anna", password="wrong")
    with pytest.raises(PushError, match="does not let us in") as caught:
        await registry.has("todo-app", "1")
    assert "anna" in caught.value.why
    assert "wrong" not in str(caught.value)
    assert caught.value.where.endswith("/token")


async def test_a_registry_that_tells_no_digest_is_read(shelf, registry, image):
    await registry.push(image, lambda progress: None)
    shelf.tell_digest = False
    assert await registry.has(image.name, image.tag) == image.digest


def pull_secret(shelf, password="right", place=""):
    """The content of a pull secret with a login for the shelf, or for a path of it."""
    host = shelf.prefix.partition("/")[0]
    auth = base64.b64encode(f"anna:{password}".encode()).decode()
    return json.dumps({"auths": {f"{host}{place}": {"auth": auth}}})


@pytest.mark.parametrize("guard", [basic, Tokens], ids=["basic", "token"])
async def test_a_pull_secret_is_tried_in_place_of_our_own_login(shelf, registry, log_in, guard):
    shelf.guard = guard if guard is basic else guard(shelf)
    log_in(username="anna", password="right")
    assert await registry.try_pull("todo-app") is PullAnswer.LOGIN
    assert await registry.try_pull("todo-app", "no JSON") is PullAnswer.LOGIN
    assert await registry.try_pull("todo-app", pull_secret(shelf, "wrong")) is PullAnswer.LOGIN
    assert await registry.try_pull("todo-app", pull_secret(shelf)) is PullAnswer.ALLOWED
    assert await registry.try_pull("todo-app", pull_secret(shelf, place="/acme")) is PullAnswer.ALLOWED


async def test_a_registry_that_lets_somebody_in_and_not_pull_is_told_apart(shelf, registry):
    async def forbidden(request):
        return web.Response(status=403)

    shelf.guard = forbidden
    assert await registry.try_pull("todo-app") is PullAnswer.FORBIDDEN
    shelf.guard = None
    assert await registry.try_pull("todo-app") is PullAnswer.ALLOWED


@pytest.mark.parametrize(
    ("prefix", "address", "reached"),
    [
        ("localhost:5001", "127.0.0.1", True),
        ("127.0.0.1:5001/acme", "::1", True),
        ("localhost:5001", "203.0.113.7", False),
        ("localhost:5001", "", False),
        ("registry.example.com", "203.0.113.7", True),
    ],
)
def test_a_registry_on_loopback_is_reached_from_this_machine_only(prefix, address, reached):
    assert OciRegistry(prefix).reached_from(address) is reached
