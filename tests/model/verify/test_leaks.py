"""Values are found in whatever form they travel, and their names are told only."""

import base64
import json
from urllib.parse import quote

import pytest

from console.model.verify.leaks import Leaks, LeakStream

VALUE = 'postgresql://app:s3cr-tü"+x@db.example.com:5432/shop'
NAME = "secret/postgres DATABASE_URL"


@pytest.fixture
def leaks():
    made = Leaks()
    made.add(NAME, VALUE)
    return made


def forms():
    """The value as it may be written: as it is, escaped, and in base64 behind something else."""
    yield from (VALUE, quote(VALUE, safe=""), json.dumps(VALUE), json.dumps(VALUE, ensure_ascii=False))
    for before in ("", "a", "ab", "user:"):
        encoded = base64.b64encode(f"{before}{VALUE} and more".encode())
        yield from (encoded.decode(), encoded.decode().replace("+", "-").replace("/", "_"))


@pytest.mark.parametrize("form", list(forms()))
def test_every_form_is_found(leaks, form):
    assert leaks.names_in(b"2026-11-25 started with " + form.encode() + b" in its hand") == {NAME}


@pytest.mark.parametrize("ending", ["\n", "\r\n  ", '" \\\n    "', "\\n"])
@pytest.mark.parametrize("form", [VALUE, base64.b64encode(VALUE.encode()).decode()])
def test_what_is_split_over_lines_is_found(leaks, form, ending):
    split = ending.join(form[at : at + 16] for at in range(0, len(form), 16))
    assert leaks.names_in(f"data: {split}".encode()) == {NAME}
    assert leaks.names_in(json.dumps({"data": split}, ensure_ascii=False).encode()) == {NAME}


def test_the_password_of_a_url_alone_is_found(leaks):
    assert leaks.names_in('the password s3cr-tü"+x was refused'.encode()) == {NAME}


def test_what_is_no_value_is_not_found(leaks):
    assert leaks.names_in(b"postgresql://app:other-one@db.example.com:5432/shop") == set()
    assert leaks.names_in(VALUE.encode().replace(b"cr-t", b"xr-t")) == set()


def test_a_short_value_is_named_and_not_searched(leaks):
    leaks.add("secret/mail PORT", "587")
    assert leaks.too_short == ["secret/mail PORT"]
    assert leaks.searched == [NAME]
    assert leaks.names_in(b"port 587") == set()


def test_of_two_values_each_is_told_by_its_own_name(leaks):
    leaks.add("secret/mail PASSWORD", "correct horse battery")
    assert leaks.names_in(b"correct horse battery") == {"secret/mail PASSWORD"}


@pytest.mark.parametrize("at", range(1, len(VALUE.encode()), 7))
def test_what_is_split_over_two_pieces_is_found(leaks, at):
    stream = LeakStream(leaks)
    stream.feed(b"x" * 100 + VALUE.encode()[:at])
    stream.feed(VALUE.encode()[at:] + b"y")
    assert stream.names == {NAME}
    assert stream.size == 101 + len(VALUE.encode())
