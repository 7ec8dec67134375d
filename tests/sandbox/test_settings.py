"""Settings: flag, else environment, else default; wrong values name the setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.sandbox.settings import Settings


def test_a_flag_wins_over_the_environment_and_that_over_the_default() -> None:
    environment = {"SANDBOX_PORT": "1000", "SANDBOX_NODES": "3", "SANDBOX_STATE": "/var/x", "SANDBOX_TIME_SCALE": "0.1"}
    settings = Settings.load({"port": 2000, "nodes": None}, environment)
    assert (settings.port, settings.nodes, settings.time_scale, settings.pod_mode) == (2000, 3, 0.1, "auto")
    assert settings.state == Path("/var/x")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"port": "many"}, "port is 'many', must be a number"),
        ({"port": 70000}, "port is 70000, must be from 0 to 65535"),
        ({"pod_mode": "magic"}, "pod_mode is 'magic', must be one of auto, namespaces, plain"),
        ({"time_scale": 0}, "time_scale is 0.0, must be from"),
    ],
)
def test_a_wrong_value_is_refused_by_name(flags: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings.load(flags, {})
