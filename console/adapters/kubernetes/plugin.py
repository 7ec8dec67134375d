"""Credentials from an exec plugin of the kubeconfig (kubernetes.io, "Authentication", client-go credential plugins).

A plugin never gets the terminal: the console draws on it. It has no input, no controlling terminal, and a time limit.
"""

from __future__ import annotations

import asyncio
import base64
import os
import shlex
import signal
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec

from console.adapters.errnos import system_words
from console.model.errors import PreflightError

API_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
PATIENCE = 60.0
"""Seconds that a plugin may take: some wait for somebody to log in with a browser."""
_EXTENSION = "client.authentication.k8s.io/exec"
_CLUSTER = ("server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority-data", "proxy-url")
_LONGEST = 500


async def ask_plugin(
    context: str, plugin: Mapping[str, Any], cluster: Mapping[str, Any], patience: float = PATIENCE
) -> dict[str, str]:
    """What the plugin gives, in the words of a kubeconfig's user: `token`, `client-certificate-data`, ...

    Args:
        context: named in errors.
        plugin: the `exec` part of the user.
        cluster: the cluster's entry, of which a plugin is told if it asks for it.
        patience: seconds.

    Raises:
        PreflightError: it is not installed (with the kubeconfig's `installHint`), fails, wants to talk to somebody,
            takes too long, or says what is no credential.
    """
    asking = _Asking(context, plugin)
    code, out, err = await asking.run(_told(plugin, cluster), patience)
    words = err.decode(errors="replace").strip()[-_LONGEST:]
    if code:
        why = words or f"exit code {code}"
        raise asking.failed(why, f"run `{asking.line}` in a terminal: it may want you to log in")
    try:
        answer = msgspec.json.decode(out, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise asking.failed(f"what it says is no JSON ({error})", asking.look) from error
    if answer.get("apiVersion") != plugin["apiVersion"] or answer.get("kind") != "ExecCredential":
        said = f"{answer.get('kind')} of {answer.get('apiVersion')}"
        raise asking.failed(f"it says {said}, asked for was ExecCredential of {plugin['apiVersion']}", asking.look)
    status = answer.get("status")
    given = _given(status if isinstance(status, dict) else {})
    if not given:
        raise asking.failed("it gives neither a token nor a client certificate with its key", asking.look)
    return given


class _Asking:
    """One plugin, and the words for what goes wrong with it."""

    def __init__(self, context: str, plugin: Mapping[str, Any]) -> None:
        self._context = context
        self._plugin = plugin
        self._words = [str(plugin.get("command", "")), *map(str, plugin.get("args") or ())]
        # Arguments may name accounts, never secrets: those come by the environment.
        self.line = shlex.join(self._words)
        self.look = "look whether the plugin and the kubeconfig fit together, and update the older one"
        self._refuse_unfit()

    def _refuse_unfit(self) -> None:
        if not self._words[0]:
            raise self.failed("the kubeconfig names no command", "add `command` to exec of this user in the kubeconfig")
        if self._plugin.get("apiVersion") not in API_VERSIONS:
            why = f"apiVersion {self._plugin.get('apiVersion')} of exec is not supported"
            raise self.failed(why, f"update the plugin, and write {' or '.join(API_VERSIONS)}")
        if self._plugin.get("interactiveMode") == "Always":
            hint = "use a login that works without (interactiveMode IfAvailable or Never), such as a token"
            raise self.failed("it wants to talk to somebody at a terminal, which the console keeps to itself", hint)

    def failed(self, why: str, hint: str) -> PreflightError:
        what = f"no credentials for context {self._context!r}"
        return PreflightError(what, where=f"plugin {self._words[0]}", why=why, hint=hint)

    async def run(self, told: str, patience: float) -> tuple[int, bytes, bytes]:
        """Its exit code, stdout and stderr; nothing of it is left behind."""
        extra = {str(each["name"]): str(each["value"]) for each in self._plugin.get("env") or ()}
        environment = {**os.environ, **extra, "KUBERNETES_EXEC_INFO": told}
        pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        try:
            process = await asyncio.create_subprocess_exec(
                *self._words, env=environment, stdin=nothing, stdout=pipe, stderr=pipe, start_new_session=True
            )
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            why = "it is not installed" if missing else f"it cannot be started: {system_words(error)}"
            hint = " ".join(str(self._plugin.get("installHint") or "").split())
            raise self.failed(why, hint or f"install {self._words[0]}, or put it on the PATH") from error
        try:
            async with asyncio.timeout(patience):
                out, err = await process.communicate()
        except TimeoutError as error:
            hint = f"run `{self.line}` in a terminal: it may want you to log in"
            raise self.failed(f"it did not answer in {patience:g} s", hint) from error
        finally:
            # Its session is its own: what it started goes with it.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        return process.returncode or 0, out, err


def _told(plugin: Mapping[str, Any], cluster: Mapping[str, Any]) -> str:
    """What the plugin is told, as `KUBERNETES_EXEC_INFO`."""
    spec: dict[str, Any] = {"interactive": False}
    if plugin.get("provideClusterInfo"):
        spec["cluster"] = {name: cluster[name] for name in _CLUSTER if cluster.get(name)}
        for extension in cluster.get("extensions") or ():
            if extension.get("name") == _EXTENSION:
                spec["cluster"]["config"] = extension.get("extension")
    info = {"apiVersion": plugin["apiVersion"], "kind": "ExecCredential", "spec": spec}
    return msgspec.json.encode(info).decode()


def _given(status: Mapping[str, Any]) -> dict[str, str]:
    given = {"token": str(status["token"])} if status.get("token") else {}
    certificate, key = status.get("clientCertificateData"), status.get("clientKeyData")
    if certificate and key:
        data = {"client-certificate-data": str(certificate), "client-key-data": str(key)}
        given |= {name: base64.b64encode(text.encode()).decode() for name, text in data.items()}
    return given
