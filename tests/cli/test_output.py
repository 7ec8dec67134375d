"""stdout: three forms, one redactor, and readers that go away."""

import json
import os
from pathlib import Path

import pytest

from console.cli.output import Output
from console.cli.style import PLAIN
from console.model.errors import PreflightError
from console.model.events import PodGone
from tests.cli.conftest import SECRET


@pytest.mark.parametrize(
    ("form", "text", "document", "events"), [("text", 1, 0, 0), ("json", 0, 1, 0), ("ndjson", 0, 0, 2)]
)
def test_each_form_prints_its_own_and_nothing_else(output, form, text, document, events):
    out = output(form)
    out.text(["for people"])
    out.document("plan", {"empty": True})
    out.event("plan", {"empty": True})
    out.fact(PodGone("uid-1"))
    written = out.stream.getvalue()
    assert written.count("for people") == text
    if document:
        assert json.loads(written)["type"] == "plan"
    if events:
        lines = [json.loads(line) for line in written.splitlines()]
        assert [line["type"] for line in lines] == ["plan", "pod-gone"]
        assert all(line["v"] == 1 and line["at"] > 0 for line in lines)


@pytest.mark.parametrize("form", ["text", "json", "ndjson"])
def test_every_form_is_redacted(output, form):
    out = output(form)
    out.text([f"url {SECRET}"])
    out.result("error", {"why": SECRET})
    assert "s3cr3t-pa55word" not in out.stream.getvalue()
    assert out.stream.getvalue()


def test_a_reader_that_went_away_is_not_missed(redactor):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        out = Output(stream, "text", redactor, PLAIN)
        out.text(["nobody reads this"])
        assert out.closed
        out.text(["nor this"])


def test_a_full_disk_is_told(redactor):
    with Path("/dev/full").open("w") as stream:
        out = Output(stream, "json", redactor, PLAIN)
        with pytest.raises(PreflightError, match="stdout cannot be written") as caught:
            out.document("plan", {})
    assert caught.value.why == "No space left on device"
