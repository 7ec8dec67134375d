"""The one way to read and write the cluster: handlers, controllers and kubelets all go through here.

Methods are synchronous (memory and SQLite in this process), so what one of them reads stays true until it returns.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from ipaddress import IPv4Network

from console.sandbox.api import admission, defaults, errors, ownership, times
from console.sandbox.api.addresses import ServiceAddresses
from console.sandbox.api.deletion import Deletion, pending
from console.sandbox.api.events import EventRecorder
from console.sandbox.api.ownership import Writer
from console.sandbox.api.preparation import check_versions, made, merged
from console.sandbox.api.quota import Quotas
from console.sandbox.api.rbac import Authorizer
from console.sandbox.api.reading import Reader, resource_of
from console.sandbox.api.resources import Object, Resource
from console.sandbox.api.users import SYSTEM, User
from console.sandbox.api.validation import validate
from console.sandbox.store import Entry, Key, Store, copy

_CONTROLLERS = Writer("sandbox-controllers")


class Machinery(Reader):
    """Objects with the rules of the API: names, defaults, admission, validation, versions, deletion.

    Args:
        store: where the objects are.
        service_network: the range that Services get their addresses from.
        root_certificate: the PEM that pods trust; given to every namespace as ConfigMap `kube-root-ca.crt`.
    """

    def __init__(self, store: Store, *, service_network: IPv4Network | None = None, root_certificate: str = "") -> None:
        super().__init__(store)
        self.root_certificate = root_certificate
        self._addresses = ServiceAddresses(self, service_network or IPv4Network("127.96.0.0/16"))
        self._quotas = Quotas(self)
        self._events = EventRecorder(self)
        self._authorizer = Authorizer(self)

    # -- writing

    def create(
        self, resource: str, obj: Object, *, user: User = SYSTEM, writer: Writer | None = None, dry_run: bool = False
    ) -> Object:
        """Creates an object, with defaults, admission and validation.

        Raises:
            StatusError: 404 no such namespace, 409 the name is taken, 403 quota, 422 not valid.
        """
        kind = resource_of(resource)
        obj = made(kind, copy(obj))
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
        kind = resource_of(resource)
        given = obj.get("metadata", {})
        entry = self.entry(resource, given.get("namespace", ""), given.get("name", ""))
        old = entry.object
        check_versions(kind, given, old)
        new = merged(kind, copy(obj), old, subresource)
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
        kind = resource_of(resource)
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

    def expect_service(self, namespace: str, name: str) -> str:
        """The address that a Service will get which does not exist yet."""
        return self._addresses.expect(namespace, name)

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
