"""Makes `field-numbers.json.gz`: `python -m console.sandbox.api.extract_numbers K8S_IO_API K8S_IO_APIMACHINERY`.

A step of development. The arguments are folders of the Go modules `k8s.io/api` and `k8s.io/apimachinery`. Of every
struct it keeps the protobuf number of each field, its JSON name, and whether Go leaves it out when it is zero.

    {"core.v1.Volume": {"1": "name", "2": "=core.v1.VolumeSource"}, "core.v1.PodSpec": {"10": "nodeName?"}}

`=` names a struct that is inlined in JSON; `?` marks a field that is left out when zero.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from pathlib import Path

TARGET = Path(__file__).with_name("field-numbers.json.gz")

_GROUPS = (
    "core/v1 apps/v1 autoscaling/v1 autoscaling/v2 batch/v1 authentication/v1 authorization/v1 coordination/v1 "
    "discovery/v1 events/v1 networking/v1 policy/v1 rbac/v1"
)
_STRUCT = re.compile(r"^type (\w+) struct \{$(.*?)^\}$", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"^\t(?:(\w+) )?(\S+) +`(.*protobuf:.*)`", re.MULTILINE)


def extract(api: Path, machinery: Path) -> dict[str, dict[str, str]]:
    """The numbers by struct, named `core.v1.PodSpec`."""
    found: dict[str, dict[str, str]] = {}
    for group in _GROUPS.split():
        found |= _package(group.replace("/", "."), api / group / "types.go")
    return found | _package("meta.v1", machinery / "pkg/apis/meta/v1/types.go")


def _package(package: str, source: Path) -> dict[str, dict[str, str]]:
    text = source.read_text()
    structs = {f"{package}.{name}": _fields(package, body) for name, body in _STRUCT.findall(text)}
    return {name: fields for name, fields in structs.items() if fields}


def _fields(package: str, body: str) -> dict[str, str]:
    found = {}
    for _, kind, tags in _FIELD.findall(re.sub(r"^(\t\w+) +", r"\1 ", body, flags=re.MULTILINE)):
        name, *options = re.search(r'json:"([^"]*)"', tags)[1].split(",")  # type: ignore[index]
        number = re.search(r'protobuf:"\w+,(\d+)', tags)[1]  # type: ignore[index]
        if not name:
            found[number] = f"={_struct(package, kind)}"
        else:
            found[number] = name + ("?" if "omitempty" in options and not kind.startswith("*") else "")
    return found


def _struct(package: str, kind: str) -> str:
    prefix, _, name = kind.lstrip("*").rpartition(".")
    return f"{'core.v1' if prefix == 'v1' else 'meta.v1' if prefix == 'metav1' else package}.{name}"


if __name__ == "__main__":
    numbers = json.dumps(extract(Path(sys.argv[1]), Path(sys.argv[2])), separators=(",", ":"), sort_keys=True)
    TARGET.write_bytes(gzip.compress(numbers.encode(), 9, mtime=0))
