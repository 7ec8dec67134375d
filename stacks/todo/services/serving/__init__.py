"""What the Python services share: settings, logs, health endpoints, and a shutdown that loses no request."""

from __future__ import annotations

import importlib
import signal
import sys
from typing import Any

from serving.health import Health, NotReadyError
from serving.logs import configure, hide
from serving.settings import Settings, read_settings

__all__ = ["Health", "NotReadyError", "Settings", "hide", "read_settings", "run"]


def run(factory: str) -> None:
    """Serves the ASGI application that `factory` ("module:function") makes, until a signal ends it with exit code 0.

    The function gets the `Health` of the process, and says there when the service has started and is ready.
    """
    # Until the server has its own handlers there is nothing to drain. Process 1 would not even have a default action.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    configure()
    from serving.server import DrainingServer, Listen

    listen = read_settings(Listen)
    module, function = factory.split(":")
    create: Any = getattr(importlib.import_module(module), function)
    health = Health()
    DrainingServer(create(health), health, listen).run()
