"""`python -m console.sandbox up|serve|status|down|reset`."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import fields
from typing import Any

from console.sandbox import lifecycle
from console.sandbox.failures import EXIT_REFUSED, SandboxError
from console.sandbox.settings import Settings

_ABOUT = {
    "up": "start the sandbox, or find that it runs",
    "serve": "run the sandbox in the foreground",
    "status": "say what runs, and where",
    "down": "end all pods and the sandbox; objects are kept",
    "reset": "end the sandbox and remove all that it keeps",
}
_HELP = {
    "state": "folder that holds everything this sandbox keeps",
    "port": "port of the API server (default: a free one, kept)",
    "registry_port": "port of the image registry (default: a free one, kept)",
    "ingress_port": "port of the HTTP listener for Ingresses (default: a free one, kept)",
    "time_scale": "multiplies probe periods and back-off steps",
    "pod_mode": "auto, namespaces or plain",
    "nodes": "how many nodes run pods as processes",
    "virtual_nodes": "how many nodes run pods with scripted lives",
    "bundle_cache": "folder where images are unpacked, shared between sandboxes",
    "image_bytes": "how much images may hold, unpacked and in the registry, before unused ones go (default: 10 GiB)",
    "image_age": "seconds after which images that nothing uses go (default: a week)",
    "runtime": "folder of the locks on loopback ranges",
    "loopback": "second octet of the 127.x.0.0/16 to use",
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox", description="The embedded cluster: a small Kubernetes on loopback."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, about in _ABOUT.items():
        command = commands.add_parser(name, help=about, description=about)
        for field in fields(Settings):
            command.add_argument(f"--{field.name.replace('_', '-')}", default=None, help=_HELP[field.name])
        command.add_argument("--output", choices=("text", "json"), default="text", help="form of the answer")
        if name == "serve":
            command.add_argument("--ready-fd", type=int, default=None, help=argparse.SUPPRESS)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; returns the exit code: 0, 2 for wrong usage, 10 when it cannot be done."""
    parser = _parser()
    given = vars(parser.parse_args(arguments))
    command, output, ready = given.pop("command"), given.pop("output"), given.pop("ready_fd", None)
    try:
        settings = Settings.load(given)
    except ValueError as error:
        parser.error(str(error))
    try:
        if command == "serve":
            from console.sandbox.daemon import serve

            return serve(settings, ready)
        _print(_run(command, settings, given), output)
    except SandboxError as error:
        print(f"sandbox {command}: {error}", file=sys.stderr)
        return EXIT_REFUSED
    return 0


def _run(command: str, settings: Settings, flags: dict[str, Any]) -> lifecycle.Status:
    if command == "up":
        return lifecycle.up(settings, flags)
    if command == "status":
        return lifecycle.status(settings.state)
    return lifecycle.reset(settings) if command == "reset" else lifecycle.down(settings.state)


def _print(status: lifecycle.Status, output: str) -> None:
    if output == "json":
        print(json.dumps(status, indent=1))
    elif not status["running"]:
        print(f"not running{', objects are kept' if status.get('kept') else ''} ({status['state']})")
    else:
        for name in ("server", "kubeconfig", "registry", "ingress", "nodes", "pod_mode", "not_enforced"):
            value = status.get(name)
            if value:
                print(f"{name + ':':14}{', '.join(value) if isinstance(value, list) else value}")


if __name__ == "__main__":
    sys.exit(main())
