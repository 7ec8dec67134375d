"""A server of containers' logs that breaks off when it is told to: what a healthy kubelet seldom does."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import web

_PORTION = 1 << 16


@dataclass
class Run:
    """One run of a container: its stamped lines, and whether it has ended."""

    name: str
    lines: list[bytes] = field(default_factory=list)
    ended: bool = False


class _Runs(defaultdict[str, list[Run]]):
    def __missing__(self, pod: str) -> list[Run]:
        self[pod] = [Run(pod)]
        return self[pod]


class LogServer:
    """Answers `.../pods/POD/log` as a kubelet does (`pkg/kubelet/kuberuntime/logs`): sinceTime counts whole seconds.

    Attributes:
        breaks: streams break off after so many bytes, each in turn.
        asked: how often a log was asked for.
        delay: seconds that pass from line to line on the stamps.
    """

    def __init__(self) -> None:
        self.breaks: list[int] = []
        self.asked = 0
        self.delay = 0.01
        self.server = ""
        self._sent: Counter[str] = Counter()
        self._runs: defaultdict[str, list[Run]] = _Runs()
        self._now = 1_790_000_000.0
        self._news = asyncio.Event()
        self._runner = web.ServerRunner(web.Server(self._answer), shutdown_timeout=0.1)

    async def start(self) -> None:
        """Listens."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.server = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Ends every stream."""
        await self._runner.cleanup()

    def write(self, pod: str, *texts: str) -> None:
        """The container of a pod prints lines."""
        for text in texts:
            self._now += self.delay
            moment = datetime.fromtimestamp(self._now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
            self._runs[pod][-1].lines.append(f"{moment} {text}\n".encode())
        self._tell()

    def end(self, pod: str, *, again: bool = True) -> None:
        """The container ends, and a next run begins if it is started again."""
        self._runs[pod][-1].ended = True
        if again:
            self._runs[pod].append(Run(pod))
        self._tell()

    def left(self, pod: str) -> int:
        """Bytes of a pod that nobody took yet."""
        return sum(len(line) for run in self._runs[pod] for line in run.lines) - self._sent[pod]

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if not request.path.endswith("/log"):
            return self._pod(request.path.rpartition("/")[2])
        self.asked += 1
        pod, query = request.path.split("/")[-2], request.query
        runs = self._runs[pod]
        if "previous" in query and len(runs) < 2:
            return web.json_response({"kind": "Status", "code": 400, "message": "previous terminated"}, status=400)
        run = runs[-2] if "previous" in query else runs[-1]
        since = query.get("sinceTime", "")[:19].encode()
        lines = [line for line in run.lines if line[:19] >= since]
        if "tailLines" in query:
            lines = lines[-int(query["tailLines"]) :]
        response = web.StreamResponse()
        await response.prepare(request)
        await self._send(request, response, run, len(run.lines) - len(lines))
        return response

    def _pod(self, name: str) -> web.Response:
        status = {"containerStatuses": [{"name": "main", "restartCount": len(self._runs[name]) - 1}]}
        return web.json_response({"metadata": {"uid": f"uid-{name}"}, "status": status})

    async def _send(self, request: web.BaseRequest, response: web.StreamResponse, run: Run, sent: int) -> None:
        left = self.breaks.pop(0) if self.breaks else None
        while True:
            data = b"".join(run.lines[sent:])
            sent, news = len(run.lines), self._news
            if left is not None and len(data) >= left:
                await response.write(data[:left])
                assert request.transport
                request.transport.close()
                return
            left = None if left is None else left - len(data)
            for start in range(0, len(data), _PORTION):
                await response.write(data[start : start + _PORTION])
                self._sent[run.name] += len(data[start : start + _PORTION])
            if "follow" not in request.query or run.ended:
                return
            await news.wait()
