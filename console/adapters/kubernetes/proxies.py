"""Which proxy leads to a server, as kubectl sees it (Go's golang.org/x/net/http/httpproxy).

aiohttp's own reading of the environment knows no networks (`10.0.0.0/8`) and no ports in NO_PROXY.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit


def proxy_for(server: str, environment: Mapping[str, str]) -> str:
    """The proxy that the environment names for a server; empty for none. Loopback is never sent through one."""
    place = urlsplit(server)
    host, port = (place.hostname or "").rstrip("."), place.port or {"https": 443}.get(place.scheme, 80)
    if host == "localhost" or _address_in(host, "127.0.0.0/8") or _address_in(host, "::1/128"):
        return ""
    excepted = (entry.strip().lower() for entry in _value(environment, "NO_PROXY").split(","))
    if any(_matches(entry, host, port) for entry in excepted if entry):
        return ""
    proxy = _value(environment, f"{place.scheme.upper()}_PROXY")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


def _value(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name) or environment.get(name.lower()) or ""


def _matches(entry: str, host: str, port: int) -> bool:
    """Whether an entry of NO_PROXY means a host: `*`, a network, an address or a domain, the latter two with a port."""
    if entry == "*" or _address_in(host, entry):
        return True
    name, colon, wanted = entry.rpartition(":")
    if colon and wanted.isdigit() and not name.count(":"):
        return int(wanted) == port and _matches(name, host, port)
    domain = entry.removeprefix("*").lstrip(".")
    # With a dot before it, a domain means what lies below it only.
    return host.endswith(f".{domain}") or (host == domain and not entry.startswith((".", "*.")))


def _address_in(host: str, network: str) -> bool:
    try:
        return ip_address(host) in ip_network(network, strict=False)
    except ValueError:
        return False
