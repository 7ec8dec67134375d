"""Pods, services, freshness and the Why pane, as words."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import pytest

from console.engine.store import Store
from console.model.diagnosis import Cause, Diagnosis
from console.model.events import Denied, PodGone, PodObserved, Relisted, WatchLost
from console.model.state import Freshness, View
from console.model.workload import External, ProbeKind, ProbeResult, ProbeSource
from console.tui.present.glyphs import ASCII, UNICODE
from console.tui.present.lines import Line, Tone, plain
from console.tui.present.order import PodOrder
from console.tui.present.pods import COLUMNS, pod_cells, probe_cell, state_cell
from console.tui.present.services import empty_pods, external_cells, freshness, service_cells
from console.tui.present.why import diagnosis_lines, why_lines
from tests.tui.scripted import NOW, PROBES, SERVICES, container, crashed, fill, pod, result, starting


def text(lines: list[Line]) -> str:
    return "\n".join(map(plain, lines))


def store() -> Store:
    return Store("todo", "dev", "todo", SERVICES, [("database", "postgres")])


@pytest.fixture
def view() -> View:
    filled = store()
    fill(filled)
    return filled.view()


def cells_of(view: View, uid: str) -> dict[str, str]:
    cells = pod_cells(view, view.pods[uid], NOW, ASCII)
    return {column.title: words for column, (words, _) in zip(COLUMNS, cells, strict=True)}


def test_a_pod_that_serves_shows_its_last_probe_results_and_their_source(view: View) -> None:
    cells = cells_of(view, pod("backend", "9qdm2").uid)
    assert cells["STATE"] == "* Running"
    assert (cells["START"], cells["READY"], cells["LIVE"]) == ("ok", "ok 1s", "ok 4s")
    assert (cells["REST"], cells["AGE"], cells["CPU"], cells["MEM"]) == ("0", "12m", "3%", "41Mi")
    assert cells["SEEN BY"] == "kubelet metrics"


def test_a_pod_that_starts_shows_how_many_failures_its_startup_probe_has_left(view: View) -> None:
    cells = cells_of(view, starting().uid)
    assert cells["START"] == "3/30"
    assert (cells["READY"], cells["LIVE"], cells["CPU"]) == ("-", "-", "-")


def test_a_pod_that_crashes_says_so_in_words_and_by_glyph(view: View) -> None:
    cells = cells_of(view, crashed().uid)
    assert cells["STATE"] == "! CrashLoop"
    assert cells["REST"] == "4"


def test_probes_that_are_not_known_and_probes_that_are_not_there_differ() -> None:
    probed, unprobed = pod("backend", "a"), pod("backend", "b", containers=(container("backend", probes=()),))
    assert probe_cell(probed, {}, ProbeKind.READINESS, NOW)[0] == "-"
    assert probe_cell(unprobed, {}, ProbeKind.READINESS, NOW)[0] == "."


def test_of_several_containers_the_worst_result_is_shown() -> None:
    both = pod("backend", "a", containers=(container("backend"), container("proxy", probes=PROBES)))
    good, bad = result(ProbeKind.READINESS, True, 9, 1), result(ProbeKind.READINESS, False, 7, 1)
    known = {("backend", ProbeKind.READINESS): good, ("proxy", ProbeKind.READINESS): bad}
    assert probe_cell(both, known, ProbeKind.READINESS, NOW) == ("x 7", Tone.ERROR)


def test_a_result_known_from_status_only_claims_no_age() -> None:
    seen = ProbeResult(ProbeKind.READINESS, True, 1, NOW - 3, ProbeSource.STATUS)
    known = {("backend", ProbeKind.READINESS): seen}
    assert probe_cell(pod("backend", "a"), known, ProbeKind.READINESS, NOW)[0] == "ok"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"deleting": NOW - 1}, "· Ending"),
        ({"phase": "Succeeded"}, "✓ Succeeded"),
        ({"phase": "Pending", "containers": ()}, "◐ Pending"),
        ({"phase": "Failed", "reason": "Evicted", "containers": ()}, "✗ Evicted"),
    ],
)
def test_a_pods_state_is_a_glyph_and_a_word(changes: dict[str, object], words: str) -> None:
    assert state_cell(pod("backend", "a", ready=False, **changes), UNICODE)[0] == words


def test_services_show_ready_of_desired_and_a_word(view: View) -> None:
    rows = {service.name: [words for words, _ in service_cells(service, ASCII)] for service in view.services}
    assert rows["backend"] == ["*", "backend", "3/3", "ready"]
    assert rows["mcp-server"] == ["~", "mcp-server", "1/2", "starts"]
    assert rows["ai-agent"] == ["!", "ai-agent", "0/1", "failing"]


def test_a_service_that_is_not_known_yet_claims_no_count() -> None:
    service = store().view().services[0]
    assert [words for words, _ in service_cells(service, ASCII)] == ["?", "backend", "-", "unknown"]


@pytest.mark.parametrize(("ok", "word"), [(True, "ok"), (False, "lost"), (None, "-")])
def test_an_external_is_ok_lost_or_not_known(ok: bool | None, word: str) -> None:
    assert external_cells(External("database", "postgres", ok, "", NOW), ASCII)[2][0] == word


# -- order and filter


def test_pods_stand_in_the_stacks_order_then_by_name(view: View) -> None:
    order = PodOrder()
    order.rebuild(view)
    members = [view.pods[uid] for uid in order.uids]
    assert [each.service for each in members] == sorted((each.service for each in members), key=SERVICES.index)
    assert [each.name for each in members[:3]] == sorted(each.name for each in members[:3])


def test_a_filter_finds_names_services_states_and_nodes(view: View) -> None:
    order = PodOrder()
    for pattern, count in (("backend", 3), ("crashloop", 1), ("node-1", 8), ("2xkd8|zz1k4", 2), ("nothing", 0)):
        order.pattern = re.compile(pattern, re.IGNORECASE)
        order.rebuild(view)
        assert (pattern, len(order.uids)) == (pattern, count)
        assert order.narrowed


def test_the_order_kept_up_by_changes_is_the_one_made_anew() -> None:
    choice, filled, kept = random.Random(7), store(), PodOrder()
    fill(filled)
    kept.rebuild(filled.view("kept"))
    kept.pattern = re.compile("backend|zz")
    kept.rebuild(filled.view("kept"))
    for turn in range(200):
        one = pod(choice.choice(SERVICES), f"z{choice.randrange(30)}", node=choice.choice(["node-1", "node-2"]))
        filled.dispatch(PodGone(one.uid) if turn % 3 == 0 else PodObserved(one))
        view = filled.view("kept")
        kept.update(view, view.changed)
    anew = PodOrder()
    anew.pattern = kept.pattern
    anew.rebuild(filled.view())
    assert kept.uids == anew.uids
    assert kept.uids


# -- loading, empty, denied and stale are never confused


def states() -> dict[str, View]:
    loading, empty, denied, stale = (store() for _ in range(4))
    for each in (empty, stale):
        each.dispatch(Relisted("pods", frozenset(), NOW - 30))
    denied.dispatch(Denied("pods", "list pods in todo", NOW))
    stale.dispatch(WatchLost("pods", NOW - 12, "connection refused"))
    return {"loading": loading.view(), "empty": empty.view(), "denied": denied.view(), "stale": stale.view()}


def test_each_state_without_pods_has_words_of_its_own() -> None:
    told = {name: text(empty_pods(view, NOW, False)) for name, view in states().items()}
    assert told["loading"] == "loading pods ..."
    assert "nothing runs in namespace todo" in told["empty"]
    assert "D shows what a deploy would do" in told["empty"]
    assert "denied" in told["denied"]
    assert "list pods in todo" in told["denied"]
    assert told["stale"].startswith("stale")
    assert "connection refused" in told["stale"]
    assert [name for name, words in told.items() if "nothing runs" in words] == ["empty"]


def test_a_filter_that_hides_all_is_not_taken_for_an_empty_namespace() -> None:
    assert "no pod matches the filter" in text(empty_pods(states()["empty"], NOW, True))


def test_a_panes_title_says_how_far_it_can_be_believed() -> None:
    words = {name: freshness(view, "pods", NOW)[0] for name, view in states().items()}
    assert words["loading"] == "loading"
    assert words["empty"] == ""
    assert words["denied"] == "denied: list pods in todo"
    assert words["stale"].startswith("stale, ")
    assert states()["stale"].freshness is Freshness.STALE


# -- why


FOUND = Diagnosis(
    Cause.CRASH_LOOP,
    "ai-agent",
    "pod/ai-agent-1",
    True,
    "exits with code 1",
    "MCP_URL is not set\nexit 1",
    "release 7 changed ConfigMap ai-agent",
    ("set MCP_URL in its ConfigMap", "[l] logs", "[p] previous logs", "[U] roll back", "[%] mend it"),
    NOW - 130,
)


def test_a_diagnosis_names_cause_evidence_change_and_what_would_fix_it() -> None:
    told = text(list(diagnosis_lines(FOUND, ASCII, NOW)))
    assert "ai-agent: exits with code 1" in told
    assert "shows it  MCP_URL is not set" in told
    assert "shows it  exit 1" in told
    assert "changed   release 7" in told
    assert "try       set MCP_URL in its ConfigMap" in told
    assert "cause     crash-loop  pod/ai-agent-1  since 2m" in told


def test_only_keys_that_there_are_can_be_hinted_at() -> None:
    told = text(list(diagnosis_lines(FOUND, ASCII, NOW)))
    assert "press     l logs   p previous logs   U roll back" in told
    assert "mend it" not in told


def test_why_begins_with_what_is_selected_and_goes_on_with_what_is_wrong_elsewhere(view: View) -> None:
    mine = text(why_lines(view, "ai-agent", view.pods[crashed().uid], NOW, ASCII))
    assert mine.startswith("! ai-agent: ")
    other = text(why_lines(view, "backend", None, NOW, ASCII))
    assert other.startswith("* backend  all 3 pods serve")
    assert "! ai-agent: " in other


def test_of_a_crowd_in_trouble_why_tells_the_worst_and_how_many_more_there_are(view: View) -> None:
    crowd = tuple(replace(FOUND, service=f"s{number}", terminal=number == 99) for number in range(100))
    told = text(why_lines(replace(view, diagnoses=crowd), "", None, NOW, ASCII))
    assert told.splitlines()[0].startswith(f"{ASCII.bad} s99: ")
    assert "s18: " in told
    assert "s19: " not in told
    assert told.endswith("and 80 more: each service says its own")


def test_why_shows_the_probes_of_a_pod_that_serves(view: View) -> None:
    healthy = replace(view, diagnoses=())
    told = text(why_lines(healthy, "backend", view.pods[pod("backend", "9qdm2").uid], NOW, ASCII))
    assert "serves on node-1" in told
    assert re.search(r"readiness +ok 701 in a row 1s ago +backend, by kubelet metrics", told)


def test_a_lost_connection_stands_above_everything_else(view: View) -> None:
    lost = store()
    fill(lost)
    lost.dispatch(WatchLost("pods", NOW - 12, "connection refused"))
    told = text(why_lines(lost.view(), "backend", None, NOW, ASCII))
    assert re.match(r"connection lost \d+s ago: connection refused", told)


@pytest.mark.parametrize(
    ("state", "words"),
    [("loading", "not known yet"), ("denied", "not known: "), ("empty", "nothing is known to be wrong")],
)
def test_why_never_says_that_all_is_well_while_it_cannot_know(state: str, words: str) -> None:
    assert text(why_lines(states()[state], "", None, NOW, ASCII)).startswith(words)
