"""The one way to read and write the cluster: handlers, controllers and kubelets all go through here.

Methods are synchronous (memory and SQLite in this process), so what one of them reads stays true until it returns.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from datetime import timedelta
from ipaddress import IPv4Network

from console.sandbox.api import admission, defaults, errors, ownership, times
from console.sandbox.api.addresses import ServiceAddresses
from console.sandbox.api.deletion import Deletion, pending
from console.sandbox.api.events import EventRecorder
from console.sandbox.api.ownership import Writer
from console.sandbox.api.quota import Quotas
from console.sandbox.api.rbac import Authorizer
from console.sandbox.api.resources import RESOURCES, Object, Resource
from console.sandbox.api.selectors import Selector
from console.sandbox.api.users import SYSTEM, User
from console.sandbox.api.validation import validate, validate_name
from console.sandbox.api.watching import Watch
from console.sandbox.store import Entry, Key, Store, copy

Objects = list[Object]
_CONTROLLERS = Writer("sandbox-controllers")
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_KEPT_METADATA = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "selfLink",
)


def suffix(length: int = 5) -> str:
    """Random letters for generated names, without vowels, as Kubernetes makes them."""
    return "".join(random.choices(_ALPHABET, k=length))  # noqa: S311 - names, not secrets


class Machinery:
    """Objects with the rules of the API: names, defaults, admission, validation, versions, deletion.

    Args:
        store: where the objects are.
        service_network: the range that Services get their addresses from.
        root_certificate: the PEM that pods trust; given to every namespace as ConfigMap `kube-root-ca.crt`.
    """

    def __init__(self, store: Store, *, service_network: IPv4Network | None = None, root_certificate: str = "") -> None:
        self.store = store
        self.root_certificate = root_certificate
        self._addresses = ServiceAddresses(self, service_network or IPv4Network("127.96.0.0/16"))
        self._quotas = Quotas(self)
        self._events = EventRecorder(self)
        self._authorizer = Authorizer(self)

    # -- reading

    def _resource(self, name: str) -> Resource:
        try:
            return RESOURCES[name]
        except KeyError:
            raise errors.no_such_path() from None

    def entry(self, resource: str, namespace: str, name: str) -> Entry:
        """The stored entry.

        Raises:
            StatusError: 404.
        """
        kind = self._resource(resource)
        found = self.store.get(Key(resource, namespace if kind.namespaced else "", name))
        if not found:
            raise errors.not_found(kind, name)
        return found

    def find(self, resource: str, namespace: str, name: str) -> Object | None:
        """The object, or None."""
        found = self.store.get(Key(resource, namespace if RESOURCES[resource].namespaced else "", name))
        return found.object if found else None

    def get(self, resource: str, namespace: str, name: str) -> Object:
        """The object.

        Raises:
            StatusError: 404.
        """
        return self.entry(resource, namespace, name).object

    def list(self, resource: str, namespace: str = "", *, labels: Selector | None = None) -> Objects:
        """The objects of a kind in one namespace or in all, ordered by namespace and name."""
        entries = self.store.entries(resource, namespace)
        return [each.object for each in entries if labels is None or labels.matches(each.labels)]

    def owned_by(self, uid: str, resource: str) -> Objects:
        """The objects of a kind whose controller is the object with this uid."""
        entries = self.store.dependents(uid)
        return [each.object for each in entries if each.key.resource == resource and each.controller == uid]

    def dependents(self, uid: str) -> Objects:
        """Every object, of any kind, that names this uid among its owners."""
        return [each.object for each in self.store.dependents(uid)]

    def on_node(self, node: str) -> Objects:
        """The pods bound to a node."""
        return [each.object for each in self.store.on_node(node)]

    def watch(self, resource: str, namespace: str = "", *, since: int | None = None) -> Watch:
        """Follows a kind. Without `since` it begins with what exists, as `ADDED`.

        Raises:
            StatusError: 410, `since` is older than the history.
        """
        self._resource(resource)
        return Watch(self.store, resource, namespace, since=since)

    # -- writing

    def create(
        self, resource: str, obj: Object, *, user: User = SYSTEM, writer: Writer | None = None, dry_run: bool = False
    ) -> Object:
        """Creates an object, with defaults, admission and validation.

        Raises:
            StatusError: 404 no such namespace, 409 the name is taken, 403 quota, 422 not valid.
        """
        kind = self._resource(resource)
        obj = self._prepare(kind, copy(obj))
        key = Key(resource, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        admission.namespace(self, kind, obj)
        if self.store.get(key):
            raise errors.already_exists(kind, key.name)
        defaults.apply(kind, obj)
        admission.mutate(self, kind, obj)
        self._addresses.assign(kind, obj, None)
        validate(kind, obj)
        self._authorizer.check_grant(user, kind, obj)
        self._quotas.admit(kind, obj, None)
        if writer and writer.operation != "Apply":
            ownership.track(kind, None, obj, writer)
        if dry_run:
            return obj
        return self._write(key, obj, None)

    def _prepare(self, kind: Resource, obj: Object) -> Object:
        metadata = obj.setdefault("metadata", {})
        prefix = metadata.get("generateName")
        if prefix and not metadata.get("name"):
            metadata["name"] = prefix[:58] + suffix()
        if not kind.namespaced:
            metadata.pop("namespace", None)
        validate_name(kind, metadata)
        for name in ("resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"):
            metadata.pop(name, None)
        metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": times.time()}
        if kind.generation:
            metadata["generation"] = 1
        if kind.status and kind.name != "nodes":
            obj.pop("status", None)
        return obj | {"apiVersion": kind.api_version, "kind": kind.kind}

    def update(
        self,
        resource: str,
        obj: Object,
        *,
        subresource: str = "",
        user: User = SYSTEM,
        writer: Writer | None = None,
        dry_run: bool = False,
    ) -> Object:
        """Replaces an object, or only its status with `subresource="status"`. Nothing is written when nothing changed.

        Raises:
            StatusError: 404, 409 `metadata.resourceVersion` is set and stale, 422 not valid.
        """
        kind = self._resource(resource)
        given = obj.get("metadata", {})
        entry = self.entry(resource, given.get("namespace", ""), given.get("name", ""))
        old = entry.object
        self._check_versions(kind, given, old)
        new = self._merge(kind, copy(obj), old, subresource)
        if subresource not in ("status", "finalize"):
            defaults.apply(kind, new)
            self._addresses.assign(kind, new, old)
        if subresource != "finalize":
            validate(kind, new, old, subresource=subresource)
        if kind.generation and _spec(new) != _spec(old):
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
        self._track(kind, old, new, writer, subresource)
        if new == old:
            return old
        self._authorizer.check_grant(user, kind, new)
        self._quotas.admit(kind, new, old)
        if dry_run:
            return new
        return self._write(entry.key, new, old)

    def _track(self, kind: Resource, old: Object, new: Object, writer: Writer | None, subresource: str) -> None:
        if writer and writer.operation == "Apply":
            return
        if writer or (old["metadata"].get("managedFields") and subresource != "status"):
            ownership.track(kind, old, new, writer or _CONTROLLERS, subresource)

    def _check_versions(self, kind: Resource, given: Object, old: Object) -> None:
        metadata = old["metadata"]
        if given.get("resourceVersion") not in (None, "", metadata["resourceVersion"]):
            raise errors.stale(kind, metadata["name"])
        if given.get("uid") not in (None, "", metadata["uid"]):
            why = f"Precondition failed: UID in precondition: {given['uid']}, UID in object meta: {metadata['uid']}"
            raise errors.conflict(kind, metadata["name"], why)

    def _merge(self, kind: Resource, obj: Object, old: Object, subresource: str) -> Object:
        """What the request may change, on top of what it may not."""
        if subresource == "status":
            managed = obj.get("metadata", {}).get("managedFields")
            metadata = old["metadata"] | ({"managedFields": managed} if managed else {})
            kept = {key: value for key, value in old.items() if key != "status"}
            return kept | {"metadata": metadata} | ({"status": obj["status"]} if "status" in obj else {})
        metadata = {key: value for key, value in obj["metadata"].items() if key not in _KEPT_METADATA}
        metadata |= {key: value for key, value in old["metadata"].items() if key in _KEPT_METADATA}
        new = obj | {"metadata": metadata, "apiVersion": kind.api_version, "kind": kind.kind}
        metadata["resourceVersion"] = old["metadata"]["resourceVersion"]
        if kind.status and subresource != "binding":
            new.pop("status", None)
            new |= {"status": old["status"]} if "status" in old else {}
        if kind.name == "namespaces" and subresource != "finalize":
            new["spec"] = old["spec"]
        return new

    def mutate(
        self,
        resource: str,
        namespace: str,
        name: str,
        change: Callable[[Object], None],
        *,
        subresource: str = "",
        writer: Writer | None = None,
        dry_run: bool = False,
    ) -> Object:
        """Reads, lets `change` alter a copy in place, and writes it if it is different.

        Raises:
            StatusError: as `get` and `update`.
        """
        entry = self.entry(resource, namespace, name)
        obj = entry.object
        change(obj)
        if obj == entry.object:
            return obj
        return self.update(resource, obj, subresource=subresource, writer=writer, dry_run=dry_run)

    def bind(self, namespace: str, name: str, node: str) -> Object:
        """Assigns a pod to a node, once.

        Raises:
            StatusError: 404 no such pod, 409 it has a node already.
        """
        pod = self.get("pods", namespace, name)
        if given := pod["spec"].get("nodeName"):
            kind = Resource("pods/binding", "Binding")
            raise errors.conflict(kind, name, f'pod {name} is already assigned to node "{given}"')
        pod["spec"]["nodeName"] = node
        condition = {
            "type": "PodScheduled",
            "status": "True",
            "lastProbeTime": None,
            "lastTransitionTime": times.time(),
        }
        others = [each for each in pod["status"].get("conditions", ()) if each["type"] != "PodScheduled"]
        pod["status"]["conditions"] = [*others, condition]
        return self.update("pods", pod, subresource="binding")

    def delete(
        self,
        resource: str,
        namespace: str,
        name: str,
        *,
        grace: int | None = None,
        propagation: str | None = None,
        uid: str | None = None,
        version: str | None = None,
        dry_run: bool = False,
    ) -> Object:
        """Deletes, or marks for deletion when a grace period or finalizers have to pass first.

        `grace` is the seconds that a pod has to end; None takes the pod's own, 0 removes it now (what the kubelet does
        at the end). `propagation` says what becomes of the dependents: `Background` (default), `Foreground`, `Orphan`.
        With `uid` and `version` only if the object still is this one, in this resourceVersion.

        Returns:
            The object's last state; see whether it is still there with `find`.

        Raises:
            StatusError: 404, 409 a precondition failed.
        """
        kind = self._resource(resource)
        entry = self.entry(resource, namespace, name)
        deletion = Deletion(kind, entry.object, grace=grace, propagation=propagation)
        deletion.check(uid, version)
        admission.deletion(kind, name)
        marked = deletion.mark(times.now())
        if dry_run:
            return marked
        if deletion.immediate:
            return self._remove(entry, marked)
        return self._write(entry.key, marked, entry.object)

    def _write(self, key: Key, new: Object, old: Object | None) -> Object:
        if old and new["metadata"].get("deletionTimestamp") and not pending(new):
            return self._remove(self.store.get(key) or self.entry(*key), new)
        stored = self.store.put(key, new).object
        self._quotas.account(key.resource, stored, old)
        if old is None and key.resource == "namespaces":
            self.furnish(key.name)
        return stored

    def _remove(self, entry: Entry, last: Object) -> Object:
        removed = self.store.remove(entry.key).object
        self._quotas.account(entry.key.resource, None, removed)
        return last | {"metadata": last["metadata"] | {"resourceVersion": removed["metadata"]["resourceVersion"]}}

    def furnish(self, namespace: str) -> None:
        """Gives a namespace what every namespace has, as far as it is not there."""
        metadata = {"name": "default", "namespace": namespace}
        if not self.find("serviceaccounts", namespace, "default"):
            self.create("serviceaccounts", {"metadata": metadata})
        if self.root_certificate and not self.find("configmaps", namespace, "kube-root-ca.crt"):
            metadata = {"name": "kube-root-ca.crt", "namespace": namespace}
            self.create("configmaps", {"metadata": metadata, "data": {"ca.crt": self.root_certificate}})

    # -- events

    def event(self, about: Object, *, type: str, reason: str, message: str, source: str) -> None:
        """Records an Event about an object; the same one again counts up.

        `type` is `Normal` or `Warning`, `source` the component that reports: `deployment-controller`; `kubelet, node-1`
        names the host too.
        """
        self._events.record(about, type=type, reason=reason, message=message, source=source)

    def expire_events(self, age: timedelta = timedelta(hours=1), *, most: int = 200) -> bool:
        """Removes Events that nothing was added to for `age`, as Kubernetes does after an hour.

        Returns:
            Whether there may be more: at most `most` are removed at once.
        """
        return self._events.expire(age, most)


def _spec(obj: Object) -> Object:
    return {key: value for key, value in obj.items() if key not in ("metadata", "status", "apiVersion", "kind")}
