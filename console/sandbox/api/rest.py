"""The verbs on stored objects: get, list, watch, create, update, patch, delete, deletecollection."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from console.sandbox.api import decoding, errors, forms, patch, requests, schema, served, table, watches
from console.sandbox.api.apply import Apply
from console.sandbox.api.context import Context
from console.sandbox.api.deletion import delete_options, pending
from console.sandbox.api.errors import StatusError, bad_request
from console.sandbox.api.lists import Match, Pages, list_objects
from console.sandbox.api.ownership import Writer
from console.sandbox.api.resources import Object, Resource
from console.sandbox.store import encode

_APPLY = ("application/apply-patch+yaml", "application/apply-patch+cbor")


class Rest:
    """Serves every stored kind, and the status of those that have one."""

    def __init__(self) -> None:
        self._pages = Pages()

    async def handle(self, context: Context, kind: Resource) -> web.StreamResponse:
        """Answers a request on a kind.

        Raises:
            StatusError: what the client is told.
        """
        forms.check(context.accept)
        info = context.info
        if info.subresource == "status" and (not kind.status or info.verb not in ("get", "update", "patch")):
            raise errors.no_such_path()
        if info.verb == "list":
            return list_objects(context, kind, self._pages)
        if info.verb == "watch":
            return await watches.watch(context, kind)
        handlers = {
            "get": _get,
            "create": _create,
            "update": _update,
            "patch": _patch,
            "delete": _delete,
            "deletecollection": _delete_collection,
        }
        if info.verb not in handlers or bool(info.name) is (info.verb in ("create", "deletecollection")):
            raise errors.method_not_allowed()
        if kind.name == "endpoints":
            context.warnings.append("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice")
        return await handlers[info.verb](context, kind)


def show(context: Context, kind: Resource, obj: Object, *, status: int = 200) -> web.Response:
    """One object as the answer, as a table where one is asked for."""
    obj = served.outward(kind, obj)
    if version := forms.partial(context.accept):
        return context.answer(forms.metadata_of(obj, version), status=status)
    if version := table.wanted(context.accept):
        include = context.query.get("includeObject", "Metadata")
        metadata = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
        rendered = table.render(kind, [obj], include=include, version=version, metadata=metadata)
        return context.answer(rendered, status=status)
    return context.answer(obj, status=status)


async def _get(context: Context, kind: Resource) -> web.Response:
    info = context.info
    return show(context, kind, context.machinery.get(kind.name, info.namespace, info.name))


async def _create(context: Context, kind: Resource) -> web.Response:
    obj = _decoded(context, kind, await context.body())
    _place(context, kind, obj)
    created = context.machinery.create(
        kind.name, obj, user=context.user, writer=context.writer, dry_run=context.dry_run
    )
    return show(context, kind, created, status=201)


def _decoded(context: Context, kind: Resource, body: Any) -> Object:
    obj, warnings = decoding.decode(kind, body, strictness=context.strictness)
    context.warnings += warnings
    return served.inward(kind, obj)


def _place(context: Context, kind: Resource, obj: Object) -> None:
    """The object's namespace (and name, if it has one) must be those of the path; empty ones are taken from it."""
    info, metadata = context.info, obj.setdefault("metadata", {})
    if kind.namespaced:
        if metadata.get("namespace", info.namespace) not in ("", info.namespace):
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
        metadata["namespace"] = info.namespace
    if info.name:
        if metadata.get("name", info.name) != info.name:
            given = metadata["name"]
            raise bad_request(f"the name of the object ({given}) does not match the name on the URL ({info.name})")
        metadata["name"] = info.name


async def _update(context: Context, kind: Resource) -> web.Response:
    obj = _decoded(context, kind, await context.body())
    if not obj.get("metadata", {}).get("name"):
        name = context.info.name
        raise bad_request(f"the name of the object ({name} based on URL) was undeterminable: name must be provided")
    _place(context, kind, obj)
    updated = context.machinery.update(
        kind.name,
        obj,
        subresource=context.info.subresource,
        user=context.user,
        writer=context.writer,
        dry_run=context.dry_run,
    )
    return show(context, kind, updated)


# -- patch


async def _patch(context: Context, kind: Resource) -> web.Response:
    body, content_type = await context.body(), context.request.content_type
    if content_type in _APPLY:
        return _apply(context, kind, body)
    if "force" in context.query:
        problem = errors.forbidden_field("force", "may not be specified for non-apply patch")
        raise requests.invalid_options("patch", problem)
    info = context.info
    live = served.outward(kind, context.machinery.get(kind.name, info.namespace, info.name))
    result = patched(kind, live, body, content_type)
    try:
        obj = _decoded(context, kind, result)
    except StatusError as error:
        raise _bad_patch(result, error) from None
    _place(context, kind, obj)
    updated = context.machinery.update(
        kind.name,
        obj,
        subresource=info.subresource,
        user=context.user,
        writer=context.writer,
        dry_run=context.dry_run,
    )
    return show(context, kind, updated)


def _bad_patch(result: Object, error: StatusError) -> StatusError:
    """422: the patch makes something of the object that is not of its kind."""
    why = error.message.partition(" cannot be handled as a ")[2].partition(": ")[2] or error.message
    problem = errors.invalid("patch", encode(result).decode(), why)
    return errors.not_valid(Resource("", ""), "", [problem])


def patched(kind: Resource, live: Object, body: Any, content_type: str) -> Object:
    """The object that a patch makes of another.

    Raises:
        StatusError: 400 not such a patch, 415 a type of patch that is not known.
    """
    if content_type == "application/json-patch+json":
        return patch.json_patch(live, body)
    if not isinstance(body, dict):
        raise bad_request("error decoding patch: the patch is not an object")
    if content_type == "application/merge-patch+json":
        merged: Object = patch.merge_patch(live, body)
        return merged
    if content_type == "application/strategic-merge-patch+json":
        return patch.strategic_patch(schema.of(kind), live, body)
    raise StatusError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})


def _apply(context: Context, kind: Resource, body: Any) -> web.Response:
    if not context.query.get("fieldManager"):
        problem = errors.required("fieldManager", "is required for apply patch")
        raise requests.invalid_options("patch", problem)
    config = _apply_configuration(context, kind, body)
    info, machinery = context.info, context.machinery
    writer = Writer(context.query["fieldManager"], "Apply")
    force = requests.flag(context.query, "force")
    live = machinery.find(kind.name, info.namespace, info.name)
    if live is None and (info.subresource or config["metadata"].get("uid")):
        raise errors.not_found(kind, info.name)
    wanted = Apply(kind, config, writer.manager, force, info.subresource).onto(live)
    options: dict[str, Any] = {"user": context.user, "writer": writer, "dry_run": context.dry_run}
    if live is None:
        return show(context, kind, machinery.create(kind.name, wanted, **options), status=201)
    return show(context, kind, machinery.update(kind.name, wanted, subresource=info.subresource, **options))


def _apply_configuration(context: Context, kind: Resource, body: Any) -> Object:
    """What the writer wants; unlike elsewhere an unknown field is an error here, whatever `fieldValidation` says."""
    given = body if isinstance(body, dict) else {}
    if (given.get("apiVersion"), given.get("kind")) != (kind.api_version, kind.kind):
        raise bad_request(f"invalid object type: /{given.get('apiVersion', '')}, Kind={given.get('kind', '')}")
    if (given.get("metadata") or {}).get("managedFields") is not None:
        raise bad_request("metadata.managedFields must be nil")
    config, unknown = decoding.decode(kind, body, strictness="Warn")
    if unknown:
        name = f"{config.get('metadata', {}).get('namespace', '')}/{context.info.name}"
        where = f"{name}; {kind.api_version}, Kind={kind.kind}"
        field = unknown[0].split('"')[1]
        message = f"failed to create typed patch object ({where}): .{field}: field not declared in schema"
        raise StatusError(500, "InternalError", message)
    config = served.inward(kind, config)
    _place(context, kind, config)
    return config


# -- delete


async def _delete(context: Context, kind: Resource) -> web.Response:
    info, options = context.info, delete_options(await context.body(), context.query)
    deleted = context.machinery.delete(kind.name, info.namespace, info.name, **options)
    if pending(deleted) or kind.name == "pods":
        return show(context, kind, deleted)
    details = {"name": info.name, "group": kind.group, "kind": kind.name, "uid": deleted["metadata"]["uid"]}
    return context.answer(
        {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": {key: value for key, value in details.items() if value},
        }
    )


async def _delete_collection(context: Context, kind: Resource) -> web.Response:
    if kind.name == "namespaces":
        raise errors.method_not_allowed()
    options = delete_options(await context.body(), context.query)
    match = Match.of(context)
    store = context.machinery.store
    gone = []
    for entry in store.entries(kind.name, context.info.namespace if kind.namespaced else ""):
        if match(entry):
            gone.append(context.machinery.delete(kind.name, entry.key.namespace, entry.key.name, **options))
    metadata = {"resourceVersion": str(store.version)}
    items = [served.outward(kind, each) for each in gone]
    head = {"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": metadata}
    return context.answer(head | {"items": items})
