"""Which pods go first when there are too many."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from console.sandbox.controllers.ranking import to_delete
from tests.sandbox.controllers.test_fit import pod

NOW = datetime(2026, 1, 2, tzinfo=UTC)
OLD = "2026-01-01T00:00:00Z"
YOUNG = "2026-01-01T23:00:00Z"

BASE = replace(pod(), node="n", phase="Running", ready=True, ready_since=OLD, created=OLD)


def test_the_order_of_loss() -> None:
    """From the cheapest loss to the dearest, each pod differs from the next in one thing."""
    ranked = [
        replace(BASE, uid="0 no node", node=""),
        replace(BASE, uid="1 pending", phase="Pending"),
        replace(BASE, uid="2 not ready", ready=False, ready_since=""),
        replace(BASE, uid="3 cheap", deletion_cost=-1),
        replace(BASE, uid="4 crowded", node="crowd"),
        replace(BASE, uid="5 ready late", ready_since=YOUNG),
        replace(BASE, uid="6 restarted", restarts=2),
        replace(BASE, uid="7 young", created=YOUNG),
        replace(BASE, uid="8"),
        replace(BASE, uid="9"),
    ]
    related = [*ranked, *(replace(BASE, uid=f"other {index}", node="crowd") for index in range(9))]
    assert [each.uid for each in to_delete(ranked[::-1], related, len(ranked), NOW)] == [each.uid for each in ranked]


def test_only_as_many_as_asked_for() -> None:
    pods = [replace(BASE, uid=str(index)) for index in range(3)]
    assert [each.uid for each in to_delete(pods, pods, 2, NOW)] == ["0", "1"]
