"""HTTPS_PROXY and NO_PROXY as kubectl reads them."""

import pytest

from console.adapters.kubernetes.proxies import proxy_for

PROXY = "http://proxy:3128"


@pytest.mark.parametrize(
    ("server", "direct"),
    [
        ("https://cluster.example.com:6443", "example.com"),
        ("https://cluster.example.com:6443", ".example.com"),
        ("https://cluster.example.com:6443", "*.example.com"),
        ("https://example.com", "other.com, Example.com"),
        ("https://example.com:6443", "example.com:6443"),
        ("https://10.1.2.3:6443", "10.0.0.0/8"),
        ("https://10.1.2.3:6443", "10.1.2.3"),
        ("https://10.1.2.3", "10.1.2.3:443"),
        ("https://[fd00::1]:6443", "fd00::/8"),
        ("https://anything", "*"),
    ],
)
def test_what_no_proxy_means_goes_straight(server, direct):
    assert proxy_for(server, {"HTTPS_PROXY": PROXY, "NO_PROXY": direct}) == ""
    assert proxy_for(server, {"https_proxy": PROXY, "no_proxy": direct}) == ""
    assert proxy_for(server, {"HTTPS_PROXY": PROXY}) == PROXY


@pytest.mark.parametrize(
    ("server", "others"),
    [
        ("https://example.com", ".example.com"),
        ("https://notexample.com", "example.com"),
        ("https://example.com:6443", "example.com:443"),
        ("https://11.1.2.3", "10.0.0.0/8,,"),
        ("https://10.1.2.3.example.com", "10.0.0.0/8"),
    ],
)
def test_what_it_does_not_mean_goes_through_the_proxy(server, others):
    assert proxy_for(server, {"HTTPS_PROXY": PROXY, "NO_PROXY": others}) == PROXY


@pytest.mark.parametrize(
    "server", ["https://localhost:6443", "https://127.0.0.1:6443", "https://127.9.9.9", "https://[::1]"]
)
def test_loopback_goes_straight(server):
    assert proxy_for(server, {"HTTPS_PROXY": PROXY}) == ""


def test_each_scheme_has_its_own_and_a_bare_address_is_http():
    assert proxy_for("http://example.com", {"HTTPS_PROXY": PROXY}) == ""
    assert proxy_for("http://example.com", {"HTTP_PROXY": PROXY}) == PROXY
    assert proxy_for("https://example.com", {"HTTPS_PROXY": "proxy:3128"}) == PROXY
