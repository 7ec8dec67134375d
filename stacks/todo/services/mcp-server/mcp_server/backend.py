"""The client of the backend: timeouts on everything, and a few tries, since every request may safely be sent twice."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import httpx2

_PAUSES = (0.1, 0.4, 1.0)
_AGAIN = {502, 503, 504}


class BackendError(Exception):
    """The backend refused, or did not answer. The text is for whoever uses the tool."""


class Backend:
    """Tasks over HTTP. Owns a connection pool: close it with `aclose`.

    Args:
        url: where the backend is.
        timeout: for each try, in seconds.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self._http = httpx2.AsyncClient(base_url=url, timeout=timeout, headers={"accept": "application/json"})

    async def aclose(self) -> None:
        """Closes all connections."""
        await self._http.aclose()

    async def is_ready(self) -> bool:
        """Whether the backend says that it is ready."""
        try:
            return (await self._http.get("/health/ready")).is_success
        except httpx2.TransportError:
            return False

    async def request(self, method: str, path: str, **content: Any) -> Any:
        """The answer's JSON, None if it has none. Raises BackendError."""
        # With the key a repeated POST adds nothing; the other methods can be repeated as they are.
        headers = {"idempotency-key": uuid.uuid4().hex} if method == "POST" else {}
        for pause in (*_PAUSES, None):
            try:
                response = await self._http.request(method, f"/api/tasks{path}", headers=headers, **content)
            except httpx2.TransportError as error:
                problem = f"the backend cannot be reached ({type(error).__name__})"
            else:
                if response.status_code not in _AGAIN:
                    return _content(response)
                problem = f"the backend is not ready (HTTP {response.status_code})"
            if pause is not None:
                await asyncio.sleep(pause)
        raise BackendError(f"{problem}; try again in a moment")


def _content(response: httpx2.Response) -> Any:
    if response.is_success:
        return response.json() if response.content else None
    try:
        detail = response.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = f"the backend answered HTTP {response.status_code}"
    if isinstance(detail, list):
        detail = "; ".join(f"{problem['loc'][-1]}: {problem['msg']}" for problem in detail)
    raise BackendError(str(detail))
