"""What an answer says of a request: whether it failed, why, and whose address it names."""

import pytest

from console.engine.answering import addresses_in, reason_of
from console.engine.ports import Answer


@pytest.mark.parametrize("status", [200, 204, 301, 304, 400, 401, 403, 405])
def test_who_answers_serves(status):
    assert reason_of(Answer(status, "")) == ""


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(404, "404 page not found"), "404 Not Found"),
        (Answer(429, ""), "429 Too Many Requests"),
        (Answer(500, "<html>"), "500 Internal Server Error"),
        (Answer(503, "no available server"), "503 Service Unavailable"),
        (Answer(599, ""), "599"),
        (Answer(None, "Connection refused"), "connection refused"),
        (Answer(None, "Connection reset by peer"), "connection reset"),
        (
            Answer(None, "error trying to reach service: dial tcp 10.244.1.7:8000: connect: connection refused"),
            "connection refused",
        ),
        (Answer(None, "error trying to reach service: EOF"), "the connection was closed without an answer"),
        (Answer(None, 'no endpoints available for service "web"'), "no endpoints: no pod is ready"),
        (
            Answer(None, "error trying to reach service: dial tcp 10.244.1.7:80: i/o timeout"),
            "the pod did not answer in time",
        ),
        (Answer(None, "no route\n  to 10.244.1.7:80"), "no route to a pod"),
    ],
)
def test_who_does_not_fails_for_one_of_few_reasons_without_addresses(answer, reason):
    assert reason_of(answer) == reason


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("dial tcp 10.244.1.7:8000: connect: connection refused", ["10.244.1.7"]),
        ("dial tcp [fd00:10:244::7]:8000: connect: connection refused", ["fd00:10:244::7"]),
        ("cannot connect to 10.0.0.1:80 and 10.0.0.2:80", ["10.0.0.1", "10.0.0.2"]),
        ("version 1.2.3.4.5 of nothing, at 12:30:45", []),
    ],
)
def test_addresses_are_found_wherever_a_proxy_puts_them(text, addresses):
    assert addresses_in(text) == addresses
