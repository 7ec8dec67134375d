"""What BuildKit tells becomes parts with state, time and output."""

import base64
import json

import msgspec
import pytest

from console.adapters.images.docker.solve import Failure, Solve, SolveStatus
from console.model.run import Part, PartState

NOW = 1_800_000_000.0
FIRST, SECOND = "2026-11-25T03:48:10.508133708Z", "2026-11-25T03:48:12.05Z"


def status(**content) -> SolveStatus:
    return msgspec.json.decode(json.dumps(content), type=SolveStatus)


def vertex(digest="a", name="[2/3] RUN make", **content):
    return {"digest": digest, "name": name, **content}


def log(digest, text):
    return {"vertex": digest, "stream": 1, "data": base64.b64encode(text.encode()).decode(), "timestamp": FIRST}


def test_parts_are_numbered_as_they_come_and_wait_first():
    solve = Solve()
    news = solve.take(status(vertexes=[vertex("a", "[1/2] FROM  x"), vertex("b")]), NOW)
    assert news.parts == [Part(1, "[1/2] FROM x"), Part(2, "[2/3] RUN make")]


@pytest.mark.parametrize(
    ("content", "state", "seconds"),
    [
        ({"started": FIRST}, PartState.RUNNING, None),
        ({"started": FIRST, "completed": SECOND}, PartState.DONE, 1.542),
        ({"started": FIRST, "completed": FIRST, "cached": True}, PartState.CACHED, 0.0),
        ({"started": FIRST, "completed": SECOND, "error": "exit code: 3"}, PartState.FAILED, 1.542),
    ],
)
def test_the_state_of_a_part_follows_its_times(content, state, seconds):
    [part] = Solve().take(status(vertexes=[vertex(**content)]), NOW).parts
    assert (part.state, part.seconds) == (state, seconds)


def test_what_did_not_change_is_not_told_again():
    solve = Solve()
    solve.take(status(vertexes=[vertex(started=FIRST)]), NOW)
    assert solve.take(status(vertexes=[vertex(started=FIRST)]), NOW + 9).parts == []


def test_a_cached_part_stays_cached_when_it_is_told_as_done():
    solve = Solve()
    solve.take(status(vertexes=[vertex(started=FIRST, completed=FIRST, cached=True)]), NOW)
    assert solve.take(status(vertexes=[vertex(started=FIRST, completed=FIRST)]), NOW).parts == []


def test_output_belongs_to_its_part_also_in_the_message_that_starts_it():
    news = Solve().take(status(vertexes=[vertex(started=FIRST)], logs=[log("a", "one\n"), log("?", "lost")]), NOW)
    assert news.output == [(news.parts[0], b"one\n")]


def test_warnings_are_output():
    warning = {"vertex": "a", "level": 1, "short": base64.b64encode(b"casing").decode(), "range": None}
    news = Solve().take(status(vertexes=[vertex()], warnings=[warning]), NOW)
    assert [data for _, data in news.output] == [b"warning: casing\n"]


def test_the_first_failure_counts_and_has_the_last_output():
    solve = Solve()
    solve.take(status(vertexes=[vertex("a", started=FIRST), vertex("b", "[2/2] COPY x", started=FIRST)]), NOW)
    solve.take(status(logs=[log("a", "x" * 5000), log("a", "oh no\n")]), NOW)
    ended = {"started": FIRST, "completed": SECOND}
    broken = vertex("b", "[2/2] COPY x", **ended, error="context canceled")
    solve.take(status(vertexes=[broken, vertex("a", **ended, error="exit code: 3")]), NOW)
    assert solve.failure == Failure("[2/3] RUN make", "exit code: 3", ("x" * 5000 + "oh no\n")[-4000:])


def test_without_an_error_there_is_no_failure():
    solve = Solve()
    solve.take(status(vertexes=[vertex(started=FIRST)], statuses=[{"id": "x", "vertex": "a", "current": 3}]), NOW)
    assert solve.failure is None
