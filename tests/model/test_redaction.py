"""Nothing sensitive gets through, however it is encoded and wherever a stream is split."""

from __future__ import annotations

import json
from base64 import b64encode
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.model.redaction import MASK, Redactor, mask_object

URL = "postgres://app:correct-horse-battery@db.example.com:5432/app"


def knowing(*values: str) -> Redactor:
    """A redactor that knows these values."""
    redactor = Redactor()
    for number, value in enumerate(values):
        redactor.add(f"value {number}", value)
    return redactor


@given(
    secret=st.text(alphabet='abcdQ7/+"\\é \n', min_size=8, max_size=20),
    before=st.binary(max_size=20),
    after=st.binary(max_size=20),
    cuts=st.lists(st.integers(0, 80), max_size=4),
)
def test_a_value_is_found_wherever_a_stream_is_split(secret: str, before: bytes, after: bytes, cuts: list[int]) -> None:
    redactor = knowing(secret)
    hidden = b64encode(before + secret.encode() + after)
    for form, told in ((secret.encode(), before + secret.encode() + after), (hidden, hidden)):
        stream, shown, last = redactor.stream(), b"", 0
        for cut in (*sorted(cuts), len(told)):
            shown += stream.feed(told[last:cut])
            last = max(last, cut)
        shown += stream.flush()
        assert form not in shown
        assert secret.encode() not in shown
        assert MASK.encode() in shown


SECRETS = ("correct-horse-battery", "Zq7+/x==\nsecond line of it", URL, "äöüß-äöüß", "aaaaaaaaaaaa")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_no_value_gets_through_in_chunks_of_any_size(size: int) -> None:
    told = b"".join(b"GET /q 200 " + form + b"\nzZqQ " for each in SECRETS for form in forms(each))
    stream = knowing(*SECRETS).stream()
    shown = b"".join(stream.feed(told[at : at + size]) for at in range(0, len(told), size)) + stream.flush()
    assert [each for each in SECRETS for form in forms(each) if form in shown] == []
    assert shown.count(b"GET /q 200 ") == told.count(b"GET /q 200 ")


def forms(secret: str) -> list[bytes]:
    """As a value travels."""
    plain = secret.encode()
    inside = [b64encode(b"x" * offset + plain + b"yyy") for offset in range(3)]
    return [plain, json.dumps(secret).encode(), quote(secret, safe="").encode(), *inside]


def test_a_great_value_costs_no_great_memory() -> None:
    redactor = knowing("\n".join(f"line {number} of a long certificate" for number in range(2000)))
    assert redactor.text("line 1500 of a long certificate") == MASK


def test_values_that_overlap_are_masked_as_one() -> None:
    stream = knowing("xxxxxxab", "abzzzzzz", "abzzzzzzSECRET").stream()
    told = b"..xxxxxxabzzzzzzSECRET.."
    shown = b"".join(stream.feed(bytes([byte])) for byte in told) + stream.flush()
    assert shown.decode() == f"..{MASK}.."


@pytest.mark.parametrize("told", [URL, "correct-horse-battery", "app:correct-horse-battery", quote(URL, safe="")])
def test_of_a_url_the_whole_and_the_password_are_sensitive(told: str) -> None:
    shown = knowing(URL).text(f"connecting to {told}!")
    assert "correct-horse" not in shown
    assert shown.startswith("connecting to ")


def test_what_is_not_sensitive_is_left_alone() -> None:
    text = "GET /api/tasks 200 in 3 ms; app on db.example.com:5432"
    assert knowing(URL).text(text) == text
    assert Redactor().data(b"\xff\x00 not text") == b"\xff\x00 not text"


def test_a_stream_waits_for_no_more_than_it_must() -> None:
    stream = knowing("correct-horse-battery").stream()
    assert stream.feed(b"one line\nand co") == b"one line\nand "
    assert stream.feed(b"ntinues\n") == b"continues\n"


def test_short_values_are_said_to_be_not_searched() -> None:
    redactor = knowing("short", "")
    assert redactor.text("a short text") == "a short text"
    assert redactor.too_short == ["value 0"]


def test_without_values_names_and_urls_stand_in() -> None:
    redactor = Redactor()
    redactor.by_pattern = True
    told = 'DB_PASSWORD=hunter22 "api_key": "k-123456", postgres://u:p@db/app, bearer abcdef.012345, tokens used: '
    masked = f'DB_PASSWORD={MASK} "api_key": "{MASK}", postgres://{MASK}@db/app, bearer {MASK}, tokens used: '
    assert redactor.text(told) == masked


def test_lines_of_a_long_value_are_sensitive_by_themselves() -> None:
    redactor = knowing("-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA1234\n-----END KEY-----\n")
    assert redactor.text("got MIIEpAIBAAKCAQEA1234 here") == f"got {MASK} here"


def test_a_secret_is_shown_without_its_values() -> None:
    applied = {"kubectl.kubernetes.io/last-applied-configuration": "{...}", "team": "a"}
    secret = {"kind": "Secret", "metadata": {"annotations": applied}, "data": {"KEY": "c2VjcmV0"}, "type": "Opaque"}
    assert mask_object(secret) == {
        "kind": "Secret",
        "metadata": {"annotations": {"team": "a"}},
        "data": {"KEY": MASK},
        "type": "Opaque",
    }
    assert secret["data"] == {"KEY": "c2VjcmV0"}
