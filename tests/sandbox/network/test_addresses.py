"""Loopback ranges and addresses."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from console.sandbox.failures import SandboxError
from console.sandbox.network.addresses import AddressPool, lock_range, release_ranges


def state(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return folder / name


def test_two_clusters_get_ranges_of_their_own_and_keep_them(tmp_path: Path) -> None:
    one, two = state(tmp_path, "one"), state(tmp_path, "two")
    first, second = lock_range(tmp_path / "run", one), lock_range(tmp_path / "run", two)
    assert first.octet != second.octet
    assert not first.pods.overlaps(first.services)
    for each in (first, second):
        each.close()
    again = lock_range(tmp_path / "run", two)
    assert again.octet == second.octet
    again.close()


def test_a_range_is_free_again_when_its_cluster_is_removed(tmp_path: Path) -> None:
    one, two = state(tmp_path, "one"), state(tmp_path, "two")
    lock_range(tmp_path / "run", one).close()
    release_ranges(tmp_path / "run", one)
    taken = lock_range(tmp_path / "run", two)
    assert taken.octet == 1
    taken.close()
    two.rmdir()
    three = lock_range(tmp_path / "run", state(tmp_path, "three"))
    assert three.octet == 1, "the folder of its owner is gone"
    three.close()


def test_a_range_that_is_asked_for_and_in_use_is_refused(tmp_path: Path) -> None:
    held = lock_range(tmp_path / "run", state(tmp_path, "one"), 7)
    with pytest.raises(SandboxError, match=r"127\.7\.0\.0/16 is in use by another sandbox .* stop one"):
        lock_range(tmp_path / "run", state(tmp_path, "two"), 7)
    held.close()


def test_addresses_are_given_once_and_reused_as_late_as_possible() -> None:
    pool = AddressPool(IPv4Network("127.9.0.0/28"), held=["127.9.0.11", "127.8.0.1"])
    assert [pool.take() for _ in range(4)] == ["127.9.0.10", "127.9.0.12", "127.9.0.13", "127.9.0.14"]
    with pytest.raises(SandboxError, match=r"no address is left in 127\.9\.0\.0/28"):
        pool.take()
    pool.release("127.9.0.13")
    assert pool.take() == "127.9.0.13"


def test_an_address_can_be_held_only_once_and_only_inside() -> None:
    pool = AddressPool(IPv4Network("127.9.0.0/24"))
    assert pool.hold("127.9.0.50")
    assert not pool.hold("127.9.0.50")
    assert not pool.hold("127.10.0.50")
