"""The mark by which a rolling restart is asked for: an annotation of the pods' template, the moment it was asked."""

from __future__ import annotations

from datetime import UTC, datetime

from console.model.podspec import pod_template
from console.model.stack import JSON, RESTARTED_ANNOTATION


def restart(body: JSON, now: float) -> None:
    """Marks a workload's pods as to be made anew, as `kubectl rollout restart` does with an annotation of its own."""
    template = pod_template(body) or {}
    meta = template.setdefault("metadata", {})
    moment = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
    meta["annotations"] = {**(meta.get("annotations") or {}), RESTARTED_ANNOTATION: moment}


def keep_restart(body: JSON, live: JSON | None) -> None:
    """Leaves the mark of the last restart where it is: to take it away would restart the pods once more."""
    template, there = pod_template(body), pod_template(live) if live else None
    mark = (((there or {}).get("metadata") or {}).get("annotations") or {}).get(RESTARTED_ANNOTATION)
    if template is not None and mark:
        meta = template.setdefault("metadata", {})
        meta["annotations"] = {**(meta.get("annotations") or {}), RESTARTED_ANNOTATION: mark}
