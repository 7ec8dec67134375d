"""How a secret may look where it must not be."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote


def forms(value: str) -> list[bytes]:
    """The value as it may be written: plain, escaped, and in base64 at each alignment."""
    data = value.encode()
    shifted = [base64.b64encode(b"x" * by + data)[4 if by else 0 : -4] for by in range(3)]
    return [data, quote(value, safe="").encode(), json.dumps(value)[1:-1].encode(), *shifted]
