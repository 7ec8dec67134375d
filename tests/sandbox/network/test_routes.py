"""Which Service a request goes to."""

from __future__ import annotations

from typing import Any

import pytest

from console.sandbox.network.routes import Routes
from console.sandbox.store import Key


def ingress(*rules: tuple[str, str, str, str], name: str = "web", default: str = "") -> dict[str, Any]:
    """An Ingress with rules (host, path, path type, service)."""
    spec: dict[str, Any] = {"rules": []}
    for host, path, kind, service in rules:
        backend = {"service": {"name": service, "port": {"number": 80}}}
        http = {"paths": [{"path": path, "pathType": kind, "backend": backend}]}
        spec["rules"].append({"host": host, "http": http} if host else {"http": http})
    if default:
        spec["defaultBackend"] = {"service": {"name": default, "port": {"number": 80}}}
    return {
        "metadata": {"namespace": "work", "name": name, "uid": name, "creationTimestamp": "2026-01-01"},
        "spec": spec,
    }


def service(routes: Routes, host: str, path: str) -> str | None:
    found = routes.find(host, path)
    assert found is None or found.service == Key("services", "work", found.service.name)
    return found.service.name if found else None


@pytest.mark.parametrize(
    ("path", "wanted"),
    [("/a", "a"), ("/a/", "a"), ("/a/b", "a"), ("/ab", None), ("/", None), ("/a/exact", "exact"), ("/a/exact/", "a")],
)
def test_prefixes_match_whole_elements_and_exact_paths_only_themselves(path: str, wanted: str | None) -> None:
    routes = Routes([ingress(("", "/a", "Prefix", "a"), ("", "/a/exact", "Exact", "exact"))])
    assert service(routes, "any", path) == wanted


def test_the_longest_path_wins_whatever_the_order() -> None:
    rules = [
        ("", "/", "Prefix", "page"),
        ("", "/api", "ImplementationSpecific", "api"),
        ("", "/api/v2", "Prefix", "v2"),
    ]
    for given in (rules, rules[::-1]):
        routes = Routes([ingress(*given)])
        assert [service(routes, "h", path) for path in ("/", "/api/x", "/api/v2/x")] == ["page", "api", "v2"]


def test_a_host_of_its_own_wins_over_a_wildcard_and_that_over_none() -> None:
    rules = [
        ("", "/deep/path", "Prefix", "any"),
        ("*.example.com", "/", "Prefix", "wild"),
        ("a.example.com", "/", "Prefix", "a"),
    ]
    routes = Routes([ingress(*rules)])
    assert service(routes, "a.example.com:8080", "/deep/path") == "a"
    assert service(routes, "B.example.com", "/deep/path") == "wild"
    assert service(routes, "x.y.example.com", "/deep/path") == "any"
    assert service(routes, "example.com", "/") is None


def test_the_default_backend_takes_what_nothing_else_does() -> None:
    routes = Routes([ingress(("h", "/", "Prefix", "h"), default="rest")])
    assert service(routes, "h", "/") == "h"
    assert service(routes, "other", "/x") == "rest"
