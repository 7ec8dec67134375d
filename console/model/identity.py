"""Which cluster is meant: what a context of the kubeconfig stood for when the console began to use it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClusterIdentity:
    """A cluster, told apart from every other one by all that is known of it.

    Attributes:
        context: the context's name in the kubeconfig.
        server: where its API server is.
        user: as whom the kubeconfig logs in there, by the name in the kubeconfig.
        authority: digest of the certificates that are trusted there, like `sha256:0f3a...`; empty where it is left to
            the system, or nothing is checked.
        uid: that of the namespace kube-system, which a cluster keeps for life; empty where it may not be read.
    """

    context: str
    server: str
    user: str = ""
    authority: str = ""
    uid: str = ""

    def differences(self, now: ClusterIdentity) -> Iterator[str]:
        """What is not as it was, in words; a uid that is not known proves nothing."""
        if self.server != now.server:
            yield f"its server was {self.server}, and is {now.server or 'not named any more'}"
        if self.authority != now.authority:
            yield f"its certificate authority was {_short(self.authority)}, and is {_short(now.authority)}"
        if self.user != now.user:
            yield f"its user was {self.user or 'nobody'}, and is {now.user or 'nobody'}"
        if self.uid and now.uid and self.uid != now.uid:
            yield f"the cluster (namespace kube-system) was {self.uid}, and is {now.uid}"

    def __str__(self) -> str:
        known = f"cluster {self.uid}" if self.uid else f"certificate authority {_short(self.authority)}"
        return f"{self.context} at {self.server}, {known}"


def _short(authority: str) -> str:
    return authority[: len("sha256:") + 12] or "none of its own"
