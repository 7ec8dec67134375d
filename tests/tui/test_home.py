"""Home: what is shown, what is selected, what is narrowed."""

from __future__ import annotations

import pytest

from console.model.events import ClusterChecked, Denied, PodGone, PodObserved, Relisted, WatchLost
from tests.tui.scripted import NOW, ScriptedEngine, crashed, pod
from tests.tui.terminal import opened


async def test_services_pods_and_the_reason_of_a_failure_are_on_the_first_screen(engine: ScriptedEngine) -> None:
    async with opened(engine, (120, 40)) as terminal:
        await terminal.shows("todo > dev", "ns todo", "release 7", "live")
        await terminal.shows("backend", "3/3", "mcp-server", "1/2", "starts", "ai-agent", "0/1", "failing")
        await terminal.shows("CrashLoop", "3/30", "exits with code 1", "MCP_URL is not set")


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (200, 50)])
async def test_every_size_shows_the_probes_of_every_pod(engine: ScriptedEngine, size: tuple[int, int]) -> None:
    async with opened(engine, size) as terminal:
        await terminal.shows("START", "READY", "LIVE", "2xkd8", "zz1k4", "bb7c3", "? Help", ": Go to")


async def test_wide_screens_show_node_and_address(engine: ScriptedEngine) -> None:
    async with opened(engine, (200, 50)) as terminal:
        await terminal.shows("NODE", "node-1", "IP", "10.0.0.7", "SEEN BY", "kubelet metrics")


async def test_the_cursor_stays_on_its_pod_when_others_come_and_go(engine: ScriptedEngine) -> None:
    async with opened(engine, (120, 40)) as terminal:
        await terminal.shows("8 pods")
        await terminal.press("j", "j")
        await terminal.shows("backend-7c9f8d6b5c-xw7hs  serves")
        engine.store.dispatch(PodObserved(pod("backend", "aaaaa")), PodGone("uid-backend-7c9f8d6b5c-2xkd8"))
        await terminal.shows("backend-7c9f8d6b5c-aaaaa", "backend-7c9f8d6b5c-xw7hs  serves")
        await terminal.until(lambda: "2xkd8" not in terminal.text)


async def test_why_follows_the_selection(engine: ScriptedEngine) -> None:
    async with opened(engine, (120, 40)) as terminal:
        await terminal.shows("8 pods")
        await terminal.press("j", "j", "j", "j", "j")
        await terminal.shows("ai-agent: exits with code 1")
        text = terminal.text
        assert "2xkd8  serves" not in text


async def test_a_filter_narrows_marks_the_title_and_is_cleared(engine: ScriptedEngine) -> None:
    async with opened(engine, (120, 40)) as terminal:
        await terminal.shows("8 pods")
        await terminal.press("slash", *"crash")
        await terminal.shows("/crash/", "1 of 8 pods", "zz1k4")
        text = terminal.text
        assert "2xkd8" not in text
        await terminal.press("enter")
        await terminal.press("escape")
        await terminal.shows("2xkd8", " 8 pods")


async def test_what_is_no_regular_expression_changes_nothing(engine: ScriptedEngine) -> None:
    async with opened(engine, (120, 40)) as terminal:
        await terminal.shows("8 pods")
        await terminal.press("slash", "left_square_bracket")
        await terminal.pilot.pause()
        assert terminal.app.screen.query_one("Input").has_class("-invalid")
        await terminal.shows(" 8 pods")


async def test_enter_on_a_service_keeps_to_its_pods(engine: ScriptedEngine) -> None:
    async with opened(engine, (120, 40)) as terminal:
        await terminal.shows("8 pods")
        await terminal.press("shift+tab", "j", "j", "enter")
        await terminal.shows("Pods and probes  ai-agent", "1 of 8 pods")
        text = terminal.text
        assert "frontend-7c9f" not in text


async def test_loading_is_never_shown_as_empty(engine: ScriptedEngine) -> None:
    engine.__post_init__()
    async with opened(engine, (120, 40)) as terminal:
        await terminal.shows("loading pods")
        text = terminal.text
        assert "nothing runs" not in text


async def test_an_empty_namespace_says_what_to_do(engine: ScriptedEngine) -> None:
    engine.__post_init__()
    engine.store.dispatch(Relisted("pods", frozenset(), NOW))
    async with opened(engine, (120, 40)) as terminal:
        await terminal.shows("nothing runs in namespace todo yet", "D shows what a deploy would do", "0 pods")


async def test_a_missing_right_is_named(engine: ScriptedEngine) -> None:
    engine.__post_init__()
    engine.store.dispatch(Denied("pods", "list pods in todo", NOW))
    async with opened(engine, (120, 40)) as terminal:
        await terminal.shows("denied", "list pods in todo")


async def test_a_right_to_figures_that_is_missing_is_named_with_what_stands_in_their_place(
    engine: ScriptedEngine,
) -> None:
    engine.store.dispatch(Denied("probes", "get nodes/proxy", NOW), Denied("usage", "list pods.metrics.k8s.io", NOW))
    async with opened(engine, (160, 40)) as terminal:
        await terminal.shows("no get nodes/proxy: probes by status and events")
        await terminal.shows("no list pods.metrics.k8s.io: no CPU and memory")
        await terminal.press("enter")
        await terminal.shows("Probes", "no get nodes/proxy: probes by status and events")


async def test_a_context_that_stands_for_another_cluster_is_an_error_at_the_top(engine: ScriptedEngine) -> None:
    engine.store.dispatch(ClusterChecked("context 'kind-dev' was changed since the console started: its server", NOW))
    async with opened(engine, (120, 40)) as terminal:
        await terminal.shows("another cluster: start again", "context 'kind-dev' was changed")
        engine.store.dispatch(ClusterChecked("", NOW))
        await terminal.until(lambda: "another cluster" not in terminal.text)


async def test_a_lost_connection_keeps_the_data_and_counts_the_seconds(engine: ScriptedEngine) -> None:
    now = [NOW]
    async with opened(engine, (120, 40), clock=lambda: now[0]) as terminal:
        await terminal.shows("8 pods", "live")
        engine.store.dispatch(WatchLost("pods", NOW, "connection refused"))
        now[0] = NOW + 9
        await terminal.shows("stale", "12s behind", "connection lost", "connection refused", "2xkd8")
        engine.store.dispatch(Relisted("pods", frozenset(terminal.app.bridge.view.pods), NOW + 10))  # type: ignore[union-attr]
        await terminal.shows("live")
        await terminal.until(lambda: "stale" not in terminal.text)


async def test_ages_go_on_while_nothing_is_heard(engine: ScriptedEngine) -> None:
    now = [NOW]
    async with opened(engine, (120, 40), clock=lambda: now[0]) as terminal:
        await terminal.shows("ok 2s")
        now[0] = NOW + 7
        await terminal.shows("ok 9s")


async def test_copy_says_what_was_copied_and_masks_it(engine: ScriptedEngine) -> None:
    engine.redactor.add("secret/x", crashed().name)
    async with opened(engine, (120, 40)) as terminal:
        await terminal.shows("8 pods")
        await terminal.press("c")
        assert terminal.app.clipboard == "backend-7c9f8d6b5c-2xkd8"
        await terminal.shows("copied: backend-7c9f8d6b5c-2xkd8")
        await terminal.press("j", "j", "j", "j", "j", "c")
        assert crashed().name not in terminal.app.clipboard


async def test_ascii_glyphs_where_the_locale_asks(engine: ScriptedEngine) -> None:
    async with opened(engine, (120, 40), environ={"LANG": "C"}) as terminal:
        await terminal.shows("* backend", "! ai-agent", "! CrashLoop")
        text = terminal.text
        assert text.isascii(), {char for char in text if not char.isascii()}


async def test_a_click_chooses_and_a_second_one_opens(engine: ScriptedEngine) -> None:
    async with opened(engine, (120, 40)) as terminal:
        await terminal.shows("8 pods")
        await terminal.pilot.click("#pods", offset=(10, 4))
        await terminal.shows("xw7hs  serves")
        await terminal.pilot.click("#pods", offset=(10, 4), times=2)
        await terminal.shows("Probes", "Conditions")
