"""Requests to a Service through the API server: its answers are told from those of the API server itself."""

import pytest
from aiohttp import web

from console.adapters.kubernetes.client import KubernetesCluster
from console.engine.ports import Answer
from console.model.errors import DeniedError, RefusedError, UnreachableError

from .conftest import status


def says(*answers):
    left = list(answers)

    async def say(request):
        answer = left.pop(0) if len(left) > 1 else left[0]
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)

    return say


@pytest.fixture
def client(transport):
    return KubernetesCluster(transport, "here")


async def test_the_service_is_asked_by_its_port_scheme_and_path(weather, client):
    weather.answer = says(web.Response(text="hello", headers={"X-Pod-Name": "web-1"}))
    assert await client.service_get("todo", "web", 80, "/api/todos?limit=1&q=a%20b") == Answer(200, "hello", "web-1")
    assert weather.asked[0].path == "/api/v1/namespaces/todo/services/web:80/proxy/api/todos"
    assert dict(weather.asked[0].query) == {"limit": "1", "q": "a b"}
    await client.service_get("todo", "web", 443, "/", "HTTPS")
    assert weather.asked[1].path == "/api/v1/namespaces/todo/services/https:web:443/proxy/"


async def test_what_the_service_says_is_told_from_what_the_api_server_says(weather, client):
    weather.answer = says(web.Response(status=503, text="not ready: database"))
    assert await client.service_get("todo", "web", 80, "/") == Answer(503, "not ready: database")
    weather.answer = says(status(503, "ServiceUnavailable", 'no endpoints available for service "web"'))
    assert await client.service_get("todo", "web", 80, "/") == Answer(None, 'no endpoints available for service "web"')


async def test_a_redirect_is_an_answer_and_is_not_followed(weather, client):
    weather.answer = says(web.Response(status=302, headers={"Location": f"{weather.server}/elsewhere"}))
    assert (await client.service_get("todo", "web", 80, "/")).status == 302
    assert len(weather.asked) == 1


async def test_a_missing_right_is_named(weather, client):
    weather.answer = says(status(403, "Forbidden", "services is forbidden"))
    with pytest.raises(DeniedError, match="get services/proxy in todo"):
        await client.service_get("todo", "web", 80, "/")


async def test_credentials_that_were_refused_are_taken_anew_once(weather, client):
    weather.answer = says(status(401, "Unauthorized", "Unauthorized"), web.Response(text="hello"))
    assert (await client.service_get("todo", "web", 80, "/")).status == 200
    weather.answer = says(status(401, "Unauthorized", "Unauthorized"))
    with pytest.raises(UnreachableError):
        await client.service_get("todo", "web", 80, "/")


async def test_what_is_written_takes_its_body_along_and_its_own_right(weather, client):
    weather.answer = says(web.Response(status=201, text="made"))
    sent = await client.service_send(
        "POST", "todo", "web", 80, "/api/todos", body="{}", content_type="application/json"
    )
    assert sent == Answer(201, "made")
    asked = weather.asked[0]
    assert (asked.method, asked.path) == ("POST", "/api/v1/namespaces/todo/services/web:80/proxy/api/todos")
    assert (asked.headers["Content-Type"], asked.headers["Content-Length"]) == ("application/json", "2")
    weather.answer = says(status(403, "Forbidden", "services is forbidden"))
    with pytest.raises(DeniedError, match="delete services/proxy in todo"):
        await client.service_send("DELETE", "todo", "web", 80, "/api/todos/1")


async def test_nothing_is_written_in_read_only_mode(weather, client, transport):
    transport.read_only = True
    with pytest.raises(RefusedError):
        await client.service_send("PUT", "todo", "web", 80, "/api/todos/1", body="x")
    assert not weather.asked
