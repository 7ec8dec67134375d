"""`stack.yaml` as it is written: the shape of the file, and the JSON schema that editors check it by.

Heavy to import (pydantic): only what reads stack files does.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from console.model.drills.catalogue import CATALOGUE
from console.model.load import DEFAULT_RATE, HIGHEST_RATE, LOWEST_RATE, URL_PATH, is_plain_path

API_VERSION = "stack-console/v1"
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")
_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"


def seconds(text: str) -> float:
    """Seconds from `90s`, `3m` or `1h30m`. Raises ValueError."""
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise ValueError("write a duration like 90s, 3m or 1h30m")
    hours, minutes, rest = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + rest


def _duration(text: str) -> str:
    if not seconds(text):
        raise ValueError("a duration must be longer than nothing")
    return text


def _url_path(text: str) -> str:
    if not is_plain_path(text):
        raise ValueError("write a path like /api/todos?limit=1, in ASCII, without blanks and ..")
    return text


Name = Annotated[str, StringConstraints(pattern=_LABEL, max_length=63)]
Duration = Annotated[str, AfterValidator(_duration), Field(examples=["90s", "3m", "1h30m"])]
Text = Annotated[str, StringConstraints(min_length=1)]
UrlPath = Annotated[
    str,
    AfterValidator(_url_path),
    Field(examples=["/", "/api/todos?limit=1"], json_schema_extra={"pattern": URL_PATH}),
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Build(_Part):
    """How an image is built."""

    context: Text = Field(description="Folder that the build may read, relative to this file.")
    dockerfile: Text | None = Field(
        default=None, description="The Dockerfile, relative to this file; the one in the context if nothing is said."
    )
    args: dict[str, str] = Field(default={}, description="Build arguments. Never secrets: they stay in the image.")
    target: str | None = Field(default=None, description="The stage of the Dockerfile to build.")
    platforms: list[str] = Field(default=[], description="Platforms such as linux/amd64; the engine's own if empty.")
    network: Literal["default", "host", "none"] | None = Field(default=None, description="Network of the build.")
    secrets: list[str] = Field(default=[], description="BuildKit secret mounts, like id=token,env=TOKEN.")


class SandboxImage(_Part):
    """How the embedded cluster runs the image without a container engine."""

    prepare: list[Text] = Field(default=[], description="Commands that make the tree of the image in $BUNDLE_ROOT.")
    command: list[str] = Field(default=[], description="What is run; may use $(POD_IP) and $(BUNDLE_ROOT).")
    env: dict[str, str] = Field(default={}, description="Environment of the image.")
    passed: list[str] = Field(default=[], description="Variables of your own environment that `prepare` may see.")


class Service(_Part):
    """One service: its image, its manifests, and what must be ready before it."""

    image: Text | None = Field(default=None, description="The image's name in the manifests, without registry and tag.")
    build: Build | None = Field(default=None, description="How it is built; without, the image exists already.")
    manifests: list[Text] = Field(default=[], description="Files, folders or globs, relative to this file.")
    after: list[Name] = Field(default=[], description="Services and externals that must be ready before this one.")
    timeout: Duration | None = Field(default=None, description="How long it may take to become ready.")
    sandbox: SandboxImage | None = Field(default=None, description="For targets of kind sandbox.")


class SecretKey(_Part):
    """A key of a Secret."""

    name: Name = Field(description="The Secret.")
    key: Text = Field(description="The key in it.")


class External(_Part):
    """Something that the stack needs and that is not part of it."""

    kind: Literal["postgres"] = Field(description="What it is.")
    secret: SecretKey = Field(description="Where its URL is given to the services.")


class ProvisionedExternal(_Part):
    """How a target brings an external."""

    provision: Literal["embedded"] = Field(description="embedded: the console starts one of its own.")


class _Target(_Part):
    namespace: Name | None = Field(default=None, description="The namespace here, if it is another one.")
    protected: bool = Field(default=False, description="Changing it asks for the stack's name.")
    config: dict[str, dict[str, str]] = Field(
        default={}, description="By service (or configmap/NAME): keys of its ConfigMap that differ here."
    )
    patches: list[Text] = Field(default=[], description="Strategic merge patches, found by kind and name.")
    manifests: list[Text] = Field(default=[], description="Objects that only this target has.")
    externals: dict[str, ProvisionedExternal] = Field(default={}, description="Externals that this target brings.")


class SandboxTarget(_Target):
    """The embedded cluster of this machine."""

    kind: Literal["sandbox"]


class KubernetesTarget(_Target):
    """A Kubernetes cluster of your kubeconfig."""

    kind: Literal["kubernetes"]
    context: Text = Field(description="The context of the kubeconfig; never its current one by chance.")
    registry: str = Field(default="", description="Where images are pushed to and pulled from.")


Target = Annotated[SandboxTarget | KubernetesTarget, Field(discriminator="kind")]


class Scale(_Part):
    """What the scaling check does."""

    service: Name = Field(description="The service to scale.")
    from_: int = Field(default=1, alias="from", ge=0, description="Replicas at the start and the end.")
    to: int = Field(default=10, ge=1, description="Replicas at the top.")


class HarmlessKey(_Part):
    """A key of a ConfigMap that may be changed for a while."""

    service: Name = Field(description="The service whose ConfigMap it is.")
    key: Text = Field(description="The key; it must do no harm to change it.")
    values: list[str] = Field(min_length=2, description="Values that it may have; one that it has not now is taken.")


class Canary(_Part):
    """Records that are written before a disturbance and read after it, by plain HTTP through the Ingress."""

    path: UrlPath = Field(description="Where a record is written to; {id} stands for a text that is new each time.")
    method: Literal["POST", "PUT"] = Field(default="POST", description="How it is written.")
    body: str = Field(default="", description="What is written; {id} as in the path.")
    content_type: Text = Field(default="application/json", description="What the body is.")
    key: str = Field(default="", description="The field of the answer that {key} stands for in read and remove.")
    read: UrlPath = Field(description="Where it is read; the answer must contain the text of {id}.")
    remove: UrlPath | None = Field(default=None, description="Where it is deleted at the end; left out: it stays.")


class Pool(_Part):
    """Connections that pods may have to an external."""

    external: Name = Field(description="The external.")
    service: Name = Field(description="The service whose pods connect to it.")
    per_pod: int = Field(ge=1, description="Connections of one pod at most.")
    others: int = Field(default=0, ge=0, description="Connections of others that are no matter.")


class Acceptance(_Part):
    """What `verify` measures the stack by."""

    deploy_within: Duration = Field(default="5m", description="The whole stack, from nothing.")
    config_effective_within: Duration = Field(default="1m", description="A changed configuration.")
    scale: Scale | None = Field(default=None, description="The service that is scaled up and down.")
    ready_within: Duration = Field(default="1m", description="From the start of a pod's container until it serves.")
    config: HarmlessKey | None = Field(default=None, description="What is changed to see it become effective.")
    canary: Canary | None = Field(default=None, description="Records that must outlast restarts.")
    pool: Pool | None = Field(default=None, description="Connections to an external under load.")


class ProbeLoad(_Part):
    """Where `--probe-load` sends its requests, and how many."""

    service: Name | None = Field(
        default=None, description="Only this service, through the API server; else the stack's Ingress."
    )
    path: UrlPath | None = Field(
        default=None, description="What is asked for; else the path of the Ingress, or of the readiness probe."
    )
    rate: float = Field(default=DEFAULT_RATE, ge=LOWEST_RATE, le=HIGHEST_RATE, description="Requests a second.")


class Expectation(_Part):
    """What a drill is judged by."""

    recover_within: Duration = Field(default="1m", description="Until the service is ready again.")
    failed_requests: int | None = Field(
        default=None, ge=0, description="Requests that may fail meanwhile; else as many as the kind of drill allows."
    )


class Drill(_Part):
    """A failure that is caused on purpose, measured and undone."""

    kind: Annotated[str, Field(json_schema_extra={"enum": list(CATALOGUE)})] = Field(description="Which failure.")
    service: Name = Field(description="The service that it harms.")
    options: dict[Text, str] = Field(default={}, description="What is said about it; `drill list` tells what can be.")
    expect: Expectation = Field(default=Expectation(), description="What it is judged by.")
    limit: Duration = Field(default="2m", description="It ends and is undone by then, whatever became of it.")
    suites: list[Name] = Field(default=[], description="The suites that it is part of.")
    on_protected: list[Name] = Field(default=[], description="Protected targets that it may be run on.")


class StackFile(_Part):
    """A stack: services, what they need, and where they go."""

    apiVersion: Literal["stack-console/v1"]  # noqa: N815 - as Kubernetes spells it
    name: Name = Field(description="The stack's name; also the label of everything it owns.")
    namespace: Name = Field(description="Where its objects go, unless a target says another one.")
    default_target: str | None = Field(default=None, description="The target when none is named.")
    manifests: list[Text] = Field(default=[], description="What comes before the services.")
    services: dict[Name, Service] = Field(default={}, description="The services by name.")
    externals: dict[Name, External] = Field(default={}, description="What the stack needs that is not part of it.")
    targets: dict[Name, Target] = Field(min_length=1, description="Where the stack can go.")
    acceptance: Acceptance = Field(default=Acceptance(), description="What verify measures it by.")
    probe_load: ProbeLoad = Field(default=ProbeLoad(), description="Where --probe-load sends its requests.")
    drills: list[Drill] = Field(default=[], description="Failures that the stack must bear, for drill run.")


class LocalFile(_Part):
    """`stack.local.yaml`: targets of one person, beside the stack's file and ignored by git."""

    targets: dict[Name, Target] = Field(description="Targets that are added, or take the place of others.")
    default_target: str | None = Field(default=None, description="The target when none is named.")


def json_schema() -> dict[str, Any]:
    """The JSON schema of `stack.yaml`, for editors."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Stack Console: stack.yaml"}
    return StackFile.model_json_schema(by_alias=True) | head
