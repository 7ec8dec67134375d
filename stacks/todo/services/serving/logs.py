"""Logs as one JSON object a line on stdout, without secrets."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from datetime import UTC, datetime

_USER_INFO = re.compile(r"(\w+://)[^\s/@]+@")
_MASK = "***"
_hidden: set[str] = set()


def hide(secret: str) -> None:
    """From now on this value is masked in every log line. Shorter than 8 characters would mask ordinary words."""
    if len(secret) >= 8:
        _hidden.add(secret)


class JsonFormatter(logging.Formatter):
    """Time in UTC, level, logger, message, and whatever `extra={"fields": {...}}` adds."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, masked as a whole, so that a traceback cannot give anything away either."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return mask(json.dumps(line, ensure_ascii=False, default=str))


def mask(text: str) -> str:
    """Text without the secrets that were told to `hide`, and without the user info of any URL."""
    for secret in _hidden:
        text = text.replace(secret, _MASK)
    return _USER_INFO.sub(rf"\1{_MASK}@", text)


def configure() -> None:
    """Sends all logs of the process to stdout, from LOG_LEVEL up (info unless told)."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    level = os.environ.get("LOG_LEVEL", "").upper()
    logging.basicConfig(
        handlers=[handler], level=level if level in logging.getLevelNamesMapping() else "INFO", force=True
    )
    for chatty in ("httpx2", "httpcore2", "openai", "mcp"):
        logging.getLogger(chatty).setLevel("WARNING")
