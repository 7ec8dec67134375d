"""Bad weather: whatever the network or the API server does becomes an error with what, where, why and what to do."""

import asyncio
import json

import pytest
from aiohttp import ClientTimeout, web

from console.adapters.kubernetes.connection import open_transport
from console.adapters.kubernetes.failures import Call
from console.model.errors import (
    ApplyError,
    ConflictError,
    DeniedError,
    FieldConflictError,
    NotFoundError,
    RefusedError,
    UnreachableError,
)

from .conftest import status, write_kubeconfig

GET = Call("GET", "/api/v1/namespaces/todo/pods", "list pods in todo", "pods in todo")
PATCH = Call(
    "PATCH",
    "/apis/apps/v1/namespaces/todo/deployments/web",
    "patch deployments.apps in todo",
    "deployment/web",
    body={},
)


def _says(answer: web.Response):
    async def say(request: web.Request) -> web.Response:
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)

    return say


@pytest.mark.parametrize(
    ("call", "answer", "error", "words"),
    [
        (GET, status(401, "Unauthorized", "Unauthorized"), UnreachableError, "log in again"),
        (GET, status(403, "Forbidden", "pods is forbidden"), DeniedError, "not allowed to list pods in todo"),
        (
            PATCH,
            status(403, "Forbidden", "exceeded quota: small, requested: pods=1"),
            ApplyError,
            "exceeded quota: small",
        ),
        (
            PATCH,
            status(403, "Forbidden", 'pods "web" is forbidden: violates PodSecurity "restricted:latest": hostPort'),
            ApplyError,
            'violates PodSecurity "restricted:latest"',
        ),
        (
            PATCH,
            status(403, "Forbidden", 'admission webhook "images" denied the request: unknown registry'),
            ApplyError,
            "unknown registry",
        ),
        (
            GET,
            status(403, "Forbidden", 'pods is forbidden: User "me" cannot list resource "pods"'),
            DeniedError,
            "not allowed to list pods in todo",
        ),
        (GET, status(404, "NotFound", 'namespaces "todo" not found'), NotFoundError, "pods in todo is not there"),
        (PATCH, status(409, "Conflict", "has been modified"), ConflictError, "changed by somebody else"),
        (PATCH, status(409, "AlreadyExists", "already exists"), ConflictError, "exists already"),
        (GET, status(410, "Expired", "too old resource version"), ConflictError, "read it again from the start"),
        (GET, status(500, "InternalError", "etcdserver: no leader"), UnreachableError, "etcdserver: no leader"),
        (PATCH, status(500, "InternalError", 'failed calling webhook "a.b"'), ApplyError, "failed calling webhook"),
        (PATCH, status(500, "", ".spec.replicas: expected numeric"), ApplyError, "expected numeric"),
        (GET, status(503, "ServiceUnavailable", "apiserver not ready"), UnreachableError, "apiserver not ready"),
        (
            GET,
            web.Response(status=502, text="<html>Bad\n Gateway</html>"),
            UnreachableError,
            "<html>Bad Gateway</html>",
        ),
        (GET, web.Response(status=418, text=""), ApplyError, "HTTP 418 without a word"),
    ],
)
async def test_a_refusal_becomes_the_error_of_its_kind(weather, transport, call, answer, error, words):
    weather.answer = _says(answer)
    with pytest.raises(error) as caught:
        await transport.send(call)
    assert type(caught.value) is error
    assert words in str(caught.value)
    assert caught.value.hint or not isinstance(caught.value, UnreachableError)


async def test_a_conflict_of_field_managers_names_fields_and_managers(weather, transport):
    causes = [
        {
            "reason": "FieldManagerConflict",
            "field": ".spec.replicas",
            "message": 'conflict with "kubectl-edit" using apps/v1',
        },
        {"reason": "FieldManagerConflict", "field": ".spec.paused", "message": 'conflict with "hpa" using apps/v1'},
    ]
    weather.answer = _says(status(409, "Conflict", "2 conflicts", causes=causes))
    with pytest.raises(FieldConflictError) as caught:
        await transport.send(PATCH)
    assert caught.value.conflicts == (("spec.replicas", "kubectl-edit"), ("spec.paused", "hpa"))


async def test_an_invalid_object_names_every_field(weather, transport):
    causes = [
        {"reason": "FieldValueInvalid", "field": "spec.replicas", "message": "must be greater than 0"},
        {"reason": "FieldValueRequired", "field": "spec.selector", "message": "Required value"},
    ]
    weather.answer = _says(status(422, "Invalid", "is invalid", causes=causes))
    with pytest.raises(ApplyError) as caught:
        await transport.send(PATCH)
    assert caught.value.why == "spec.replicas: must be greater than 0; spec.selector: Required value"


async def test_a_server_that_asks_to_slow_down_is_asked_again_after_the_time_it_names(weather, transport):
    async def answer(request: web.Request) -> web.Response:
        if len(weather.asked) > 2:
            return web.json_response({"fine": True})
        return web.Response(status=429, headers={"Retry-After": "0"})

    weather.answer = answer
    assert json.loads(await transport.send(GET)) == {"fine": True}
    assert len(weather.asked) == 3


async def test_a_server_that_never_stops_asking_to_slow_down_is_said_to_be_busy(weather, transport):
    weather.answer = _says(web.Response(status=429, headers={"Retry-After": "0"}))
    with pytest.raises(UnreachableError, match="asks to slow down"):
        await transport.send(GET)


async def _hang_up(request: web.Request) -> web.StreamResponse:
    request.transport.abort()
    return web.Response()


async def _break_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"items": [')
    request.transport.abort()
    return response


@pytest.mark.parametrize("answer", [_hang_up, _break_off])
async def test_a_connection_that_breaks_is_said_to_be_broken(weather, transport, answer):
    weather.answer = answer
    with pytest.raises(UnreachableError, match="broke") as caught:
        await transport.send(GET)
    assert caught.value.where == weather.server


async def test_a_server_that_never_answers_is_given_up(weather, transport):
    async def never(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    weather.answer = never
    with pytest.raises(UnreachableError, match="did not answer in time"):
        await transport.send(GET, ClientTimeout(sock_read=0.05))


async def test_a_stream_that_falls_silent_ends_with_a_word(weather, transport):
    async def half_open(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one\n")
        await asyncio.Event().wait()
        return response

    weather.answer = half_open
    lines = []

    async def read() -> None:
        async with transport.stream(GET, silence=0.05) as body:
            async for chunk in body:
                lines.append(chunk)

    with pytest.raises(UnreachableError, match="did not answer in time"):
        await read()
    assert lines == [b"one\n"]


async def _attempt(tmp_path, server, call=GET):
    transport = await open_transport([write_kubeconfig(tmp_path / "bad", ("bad", server))], "bad")
    try:
        with pytest.raises(UnreachableError) as caught:
            await transport.send(call)
    finally:
        await transport.close()
    return caught.value


async def test_nobody_listening_is_refused_in_the_systems_words(tmp_path):
    error = await _attempt(tmp_path, "http://127.0.0.1:1")
    assert (error.where, error.why) == ("http://127.0.0.1:1", "Connection refused")


async def test_an_unknown_name_is_said_to_be_one(tmp_path):
    error = await _attempt(tmp_path, "https://no-such-host.invalid")
    assert error.what == "the API server's name is not known"


async def test_tls_to_a_server_without_it_is_said(weather, tmp_path):
    error = await _attempt(tmp_path, weather.server.replace("http:", "https:"))
    assert error.what == "TLS with the API server failed"


CHANGES = [
    Call(method, "/api/v1/namespaces/todo/pods/a", "change pods in todo", "pod/a", body={})
    for method in ("POST", "PUT", "PATCH", "DELETE")
]


@pytest.fixture
async def reader(weather, tmp_path):
    file = write_kubeconfig(tmp_path / "reader", ("reader", weather.server))
    transport = await open_transport([file], "reader", read_only=True)
    yield transport
    await transport.close()


@pytest.mark.parametrize("call", [*CHANGES, Call("GET", "/api/v1/namespaces/a/pods/b/exec", "exec", "pod/b")])
async def test_read_only_lets_no_change_through(weather, reader, call):
    with pytest.raises(RefusedError, match="read-only"):
        await reader.send(call)
    assert weather.asked == []


@pytest.mark.parametrize(
    "call",
    [
        GET,
        Call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "ask", "a right", body={}),
        Call("PATCH", PATCH.path, "patch", "deployment/web", (("dryRun", "All"),), {}),
    ],
)
async def test_read_only_lets_questions_through(weather, reader, call):
    assert await reader.send(call) == b"{}"


async def test_what_stands_behind_the_proxy_is_told_from_the_proxy(weather, transport):
    weather.answer = _says(web.Response(status=503, text="not ready: database"))
    assert await transport.pass_on(GET, 1.0) == (503, "not ready: database")
    weather.answer = _says(status(503, "ServiceUnavailable", "error trying to reach service: connection refused"))
    assert await transport.pass_on(GET, 1.0) == (None, "error trying to reach service: connection refused")
    weather.answer = _says(status(403, "Forbidden", "no"))
    with pytest.raises(DeniedError):
        await transport.pass_on(GET, 1.0)
