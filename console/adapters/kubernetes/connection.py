"""From a context of the kubeconfig to a client that stays with that one server.

The official client takes a third of a second to import, so it is imported when a connection is made, in a thread.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from console.adapters.kubernetes.client import KubernetesCluster
from console.adapters.kubernetes.kubeconfig import Context, find_context
from console.adapters.kubernetes.pin import Pin
from console.adapters.kubernetes.plugin import ask_plugin
from console.adapters.kubernetes.proxies import proxy_for
from console.adapters.kubernetes.transport import Transport
from console.model.errors import PreflightError

if TYPE_CHECKING:
    from kubernetes.aio.client import ApiClient, Configuration


async def open_cluster(files: Sequence[Path], context: str, *, read_only: bool = False) -> KubernetesCluster:
    """The cluster of that context, pinned: it is checked again before anything is changed (`confirm`).

    Raises:
        UsageError: the files have no such context; the nearest names are given.
        PreflightError: a file is not a kubeconfig, or its credentials cannot be had.
    """
    found = await asyncio.to_thread(find_context, files, context)
    identity = await asyncio.to_thread(lambda: found.identity)
    return KubernetesCluster(await _open(found, read_only), context, Pin(identity, files))


async def open_transport(files: Sequence[Path], context: str, *, read_only: bool = False) -> Transport:
    """A transport to the server of that context; it stays when the files change. Raises as `open_cluster`."""
    return await _open(await asyncio.to_thread(find_context, files, context), read_only)


async def _open(context: Context, read_only: bool) -> Transport:
    if context.missing or not context.server:
        why = f"the kubeconfig has no {context.missing}" if context.missing else "its cluster has no server"
        hint = "repair the context, its cluster or its user in the kubeconfig"
        raise PreflightError(f"context {context.name!r} of the kubeconfig cannot be used", why=why, hint=hint)
    if len(dict(context.acts_as)) < len(context.acts_as):
        hint = "leave one group in as-groups; the client sends a header of a name only once"
        raise PreflightError(f"context {context.name!r} acts as more than one group", hint=hint)
    login = _Login(context)
    client = await login.begin(_proxy(context, os.environ))
    return Transport(client, context.server, read_only=read_only, renew=login.renew)


class _Login:
    """The credentials of one context, and the client that sends them; taken anew once they are refused."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def begin(self, proxy: str) -> ApiClient:
        """The client, whose connections go through the proxy, if there is one."""
        self._configuration = await asyncio.to_thread(_configuration)
        self._configuration.proxy = proxy or None
        # What the environment says was read already, and ~/.netrc knows no logins at clusters.
        self._configuration.client_session_kwargs = {"trust_env": False}
        await self._load()
        with self._errors():
            self._client = await asyncio.to_thread(_client, self._configuration, self._context)
        return self._client

    async def renew(self) -> None:
        """Asks the plugin and reads the files again. Raises PreflightError."""
        await self._load()
        with self._errors():
            if await asyncio.to_thread(_take_certificate, self._client, self._configuration):
                await _leave_connections(self._client)

    async def _load(self) -> None:
        user = await _credentials(self._context)
        loader = _loader(self._context, user)
        with self._errors(), _words() as said:
            await loader.load_and_set(self._configuration)
        if said:
            hint = "log in again with the provider's own tool"
            raise PreflightError(f"no credentials for context {self._context.name!r}", why=said[-1], hint=hint)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        from kubernetes.aio.config import ConfigException

        try:
            yield
        except (ConfigException, OSError, KeyError, TypeError, ValueError, AttributeError) as error:
            what = f"context {self._context.name!r} of the kubeconfig cannot be used"
            why = str(error) or type(error).__name__
            hint = "repair the context, its cluster or its user in the kubeconfig"
            raise PreflightError(what, why=why, hint=hint) from error


def _proxy(context: Context, environment: Mapping[str, str]) -> str:
    """The proxy of the kubeconfig, else that of the environment."""
    own = str(context.cluster.get("proxy-url") or "")
    proxy = own or proxy_for(context.server, environment)
    place = urlsplit(proxy)
    if proxy and place.scheme not in {"http", "https"}:
        # Its user and password, if there are any, are nobody's business.
        why = f"its {'proxy-url' if own else 'proxy in the environment'} is {place.scheme}://{place.hostname}:{place.port}"
        hint = "name an http proxy, or none"
        what = f"context {context.name!r} of the kubeconfig cannot be used"
        raise PreflightError(what, why=f"{why}, and only http proxies are supported", hint=hint)
    return proxy


async def _credentials(context: Context) -> dict[str, Any]:
    """The user's entry, with what its plugin or its token file gives in place of them."""
    user = dict(context.login)
    plugin = user.pop("exec", None)
    # As in client-go: the file goes before the token, and both before the plugin.
    if file := user.pop("tokenFile", None):
        try:
            user["token"] = (await asyncio.to_thread(Path(file).read_text)).strip()
        except OSError as error:
            what, hint = f"no credentials for context {context.name!r}", "write the token there, or correct tokenFile"
            raise PreflightError(what, where=file, why=error.strerror or str(error), hint=hint) from error
    if plugin and not user.get("token"):
        user |= await ask_plugin(context.name, plugin, context.cluster)
    return user


def _loader(context: Context, user: Mapping[str, Any]) -> Any:
    from kubernetes.aio.config.kube_config import KubeConfigLoader

    names = {"cluster": context.name, "user": context.name}
    parts = {
        "contexts": [{"name": context.name, "context": names}],
        "clusters": [{"name": context.name, "cluster": dict(context.cluster)}],
        "users": [{"name": context.name, "user": dict(user)}],
    }
    return KubeConfigLoader(config_dict=parts, active_context=context.name, config_base_path="")


def _configuration() -> Configuration:
    from kubernetes.aio.client import Configuration

    return Configuration(retries=None)


def _client(configuration: Configuration, context: Context) -> ApiClient:
    from kubernetes.aio.client import ApiClient

    with _no_copies():
        client = ApiClient(configuration)
    for name, value in context.acts_as:
        client.set_default_header(name, value)
    return client


def _take_certificate(client: ApiClient, configuration: Configuration) -> bool:
    """Connections made from now on show the certificate that was loaded last; False where there is none."""
    with _no_copies():
        if configuration.cert_file:
            client.rest_client.ssl_context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return bool(configuration.cert_file)


async def _leave_connections(client: ApiClient) -> None:
    """Those that are open have shown the old certificate; watches come back by themselves."""
    session, client.rest_client.pool_manager = client.rest_client.pool_manager, None
    if session is not None:
        await session.close()


@contextmanager
def _no_copies() -> Iterator[None]:
    """The certificate and key are in the TLS context in the end; their copies must not outlive a kill -9."""
    from kubernetes.aio.config.kube_config import _cleanup_temp_files

    try:
        yield
    finally:
        _cleanup_temp_files()


@contextmanager
def _words() -> Iterator[list[str]]:
    """What the client says as an error, instead of letting it write over the screen."""
    logger = logging.getLogger("kubernetes.aio.config.kube_config")
    words = _Words()
    logger.addHandler(words)
    propagate, logger.propagate = logger.propagate, False
    try:
        yield words.said
    finally:
        logger.propagate = propagate
        logger.removeHandler(words)


class _Words(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())
