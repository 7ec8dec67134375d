"""What names, labels, ports and keys may look like (`k8s.io/apimachinery/pkg/util/validation`).

Each function yields the messages of the rules that a value breaks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"


def _shape(value: str, pattern: str, message: str, *examples: str) -> Iterator[str]:
    if not re.fullmatch(pattern, value):
        shown = " or ".join(f"'{each}', " for each in examples)
        yield f"{message} (e.g. {shown}regex used for validation is '{pattern}')"


def _length(value: str, limit: int) -> Iterator[str]:
    if len(value) > limit:
        yield f"must be no more than {limit} characters"


def dns_label(value: str) -> Iterator[str]:
    """RFC 1123 label: names of namespaces, containers, ports of Services."""
    yield from _length(value, 63)
    if re.fullmatch(_SUBDOMAIN, value) and "." in value:
        yield "must not contain dots"
        return
    message = (
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
        "and must start and end with an alphanumeric character"
    )
    yield from _shape(value, _LABEL, message, "my-name", "123-abc")


def dns_subdomain(value: str) -> Iterator[str]:
    """RFC 1123 subdomain: names of most objects."""
    yield from _length(value, 253)
    message = (
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
        "and must start and end with an alphanumeric character"
    )
    yield from _shape(value, _SUBDOMAIN, message, "example.com")


def dns_1035_label(value: str) -> Iterator[str]:
    """RFC 1035 label: names of Services."""
    yield from _length(value, 63)
    message = (
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
        "start with an alphabetic character, and end with an alphanumeric character"
    )
    yield from _shape(value, _LABEL_1035, message, "my-name", "abc-123")


def path_segment(value: str) -> Iterator[str]:
    """What may stand in a URL: names of roles and bindings."""
    if value in (".", ".."):
        yield f"may not be '{value}'"
    for each in ("/", "%"):
        if each in value:
            yield f"may not contain '{each}'"


def qualified_name(value: str) -> Iterator[str]:
    """Keys of labels and annotations: an optional DNS prefix, a slash, a name."""
    prefix, slash, name = value.rpartition("/")
    if slash and not prefix:
        yield "prefix part must be non-empty"
    elif slash:
        yield from (f"prefix part {each}" for each in dns_subdomain(prefix))
    if not name:
        yield "name part must be non-empty"
    yield from (f"name part {each}" for each in _length(name, 63))
    message = (
        "name part must consist of alphanumeric characters, '-', '_' or '.', "
        "and must start and end with an alphanumeric character"
    )
    yield from _shape(name, _QUALIFIED, message, "MyName", "my.name", "123-abc")


def label_value(value: str) -> Iterator[str]:
    """Values of labels."""
    yield from _length(value, 63)
    message = (
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
        "and must start and end with an alphanumeric character"
    )
    yield from _shape(value, f"({_QUALIFIED})?", message, "MyValue", "my_value", "12345")


def config_key(value: str) -> Iterator[str]:
    """Keys of ConfigMaps and Secrets."""
    yield from _length(value, 253)
    message = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
    yield from _shape(value, _CONFIG_KEY, message, "key.name", "KEY_NAME", "key-name")
    if value in (".", "..") or value.startswith(".."):
        yield f"must not be '{value}'" if value in (".", "..") else "must not start with '..'"


def environment_name(value: str) -> Iterator[str]:
    """Names of environment variables."""
    if not value:
        yield "environment variable name must be non-empty"
    elif not all(" " <= each <= "~" and each != "=" for each in value):
        yield "a valid environment variable name must consist only of printable ASCII characters other than '='"


def port_number(value: object) -> Iterator[str]:
    """A TCP or UDP port."""
    if not isinstance(value, int) or not 1 <= value <= 65535:
        yield "must be between 1 and 65535, inclusive"


def port_name(value: str) -> Iterator[str]:
    """Names of container ports (RFC 6335)."""
    yield from _length(value, 15)
    if not re.fullmatch("[-a-z0-9]+", value):
        yield "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
    if not re.search("[a-z]", value):
        yield "must contain at least one letter (a-z)"
    if "--" in value:
        yield "must not contain consecutive hyphens"
    if value.startswith("-") or value.endswith("-"):
        yield "must not begin or end with a hyphen"
