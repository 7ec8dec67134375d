"""Failures as Kubernetes reports them: a Status object with code, reason, message and details.

Reasons and texts follow `k8s.io/apimachinery/pkg/api/errors` and `.../util/validation/field`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from console.sandbox.api.resources import Object, Resource


class StatusError(Exception):
    """A request that cannot be answered as asked.

    Args:
        code: the HTTP status.
        reason: Kubernetes' machine-readable reason, such as `NotFound`; left out when empty.
        message: the sentence a person reads.
        details: name, group, kind, causes, retryAfterSeconds; left out when None.
    """

    def __init__(self, code: int, reason: str, message: str, details: Object | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self._details = details

    @property
    def details(self) -> Object:
        """The details, to read or to add to."""
        if self._details is None:
            self._details = {}
        return self._details

    def status(self) -> Object:
        """The Status object that the API answers with."""
        status: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        status |= {"reason": self.reason} if self.reason else {}
        return status | ({} if self._details is None else {"details": self._details}) | {"code": self.code}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that is not valid, worded as Kubernetes does.

    Args:
        reason: the cause's reason, `FieldValueRequired` for one.
        field: the path, `spec.containers[0].name`.
        text: the message without the field.
    """

    reason: str
    field: str
    text: str

    @property
    def cause(self) -> Object:
        """The entry for `details.causes`."""
        return {"reason": self.reason, "message": self.text, "field": self.field}


def required(field: str, why: str = "") -> FieldError:
    """The field must be given."""
    return FieldError("FieldValueRequired", field, f"Required value: {why}" if why else "Required value")


def invalid(field: str, value: Any, why: str) -> FieldError:
    """The field's value breaks a rule."""
    return FieldError("FieldValueInvalid", field, f"Invalid value: {_show(value)}: {why}")


def unsupported(field: str, value: Any, supported: Sequence[str]) -> FieldError:
    """The value is not one of a closed list."""
    allowed = ", ".join(json.dumps(each) for each in sorted(supported))
    return FieldError(
        "FieldValueNotSupported", field, f"Unsupported value: {_show(value)}: supported values: {allowed}"
    )


def duplicate(field: str, value: Any) -> FieldError:
    """The value must be unique and is not."""
    return FieldError("FieldValueDuplicate", field, f"Duplicate value: {_show(value)}")


def missing(field: str, value: Any) -> FieldError:
    """The value refers to something that is not there."""
    return FieldError("FieldValueNotFound", field, f"Not found: {_show(value)}")


def forbidden_field(field: str, why: str) -> FieldError:
    """The field may not be set, or not be changed, here."""
    return FieldError("FieldValueForbidden", field, f"Forbidden: {why}")


def too_long(field: str, limit: int) -> FieldError:
    """The value has too many bytes."""
    return FieldError("FieldValueTooLong", field, f"Too long: may not be more than {limit} bytes")


def _show(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def not_valid(resource: Resource, name: str, errors: Sequence[FieldError]) -> StatusError:
    """422: the object breaks rules; every one of them is listed."""
    texts = list(dict.fromkeys(f"{each.field}: {each.text}" for each in errors))
    listed = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    message = f'{resource.qualified_kind} "{name}" is invalid: {listed}'
    causes = [each.cause for each in errors]
    return StatusError(422, "Invalid", message, _details(name, resource.group, resource.kind) | {"causes": causes})


def _details(name: str, group: str, kind: str) -> Object:
    given = {"name": name, "group": group, "kind": kind}
    return {key: value for key, value in given.items() if value}


def _about(resource: Resource, name: str) -> Object:
    return _details(name, resource.group, resource.name)


def not_found(resource: Resource, name: str) -> StatusError:
    """404: no such object."""
    return StatusError(404, "NotFound", f'{resource.qualified} "{name}" not found', _about(resource, name))


def no_such_path() -> StatusError:
    """404: the API serves nothing there."""
    return StatusError(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(resource: Resource, name: str) -> StatusError:
    """409: the name is taken."""
    message = f'{resource.qualified} "{name}" already exists'
    return StatusError(409, "AlreadyExists", message, _about(resource, name))


def conflict(resource: Resource, name: str, why: str) -> StatusError:
    """409: the object is not what the request assumes."""
    message = f'Operation cannot be fulfilled on {resource.qualified} "{name}": {why}'
    return StatusError(409, "Conflict", message, _about(resource, name))


def stale(resource: Resource, name: str) -> StatusError:
    """409: the object has been written since it was read."""
    why = "the object has been modified; please apply your changes to the latest version and try again"
    return conflict(resource, name, why)


def forbidden(resource: Resource, name: str, why: str) -> StatusError:
    """403 by admission: quota, limits, a namespace on its way out."""
    subject = f'{resource.qualified} "{name}"' if name else resource.qualified
    return StatusError(403, "Forbidden", f"{subject} is forbidden: {why}", _about(resource, name))


def bad_request(message: str) -> StatusError:
    """400: the request itself makes no sense."""
    return StatusError(400, "BadRequest", message)


def expired(message: str) -> StatusError:
    """410: the version or page asked for is no longer kept."""
    return StatusError(410, "Expired", message)


def method_not_allowed() -> StatusError:
    """405: the resource knows no such verb."""
    return StatusError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def unauthorized() -> StatusError:
    """401: no token, or one that is not known."""
    return StatusError(401, "Unauthorized", "Unauthorized")
