"""The acceptance report as people read it: a page, JUnit, Markdown; nothing secret, nothing from outside."""

from __future__ import annotations

import html.parser
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from playwright.async_api import Browser, async_playwright

from console.cli.acceptance import page, report_cases, report_lines, summary
from console.cli.report import Report, add_to_summary, save_report
from console.cli.style import PLAIN
from console.model.load import Failure, Load, LoadSecond
from console.model.redaction import Redactor
from console.model.verify.catalogue import CONFIG, DEPLOY_TIME, POOLING, SCALE, SECRETS
from console.model.verify.observed import PastDeploy
from console.model.verify.report import AcceptanceReport, LoadCourse, PastRun
from tests.cli.conftest import SECRET

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
LOAD = Load("http://web/", 20.0, 30.0, 600, 7, (Failure("503 Service Unavailable", "web-1", 7),), 0.004, 0.02, 0.1)
SECONDS = tuple(LoadSecond(float(at), 20, 7 if at == 12 else 0, 0.02) for at in range(30))
DEPLOYS = tuple(PastDeploy(f"d{at}", at, 20.0 + at, (("build", 5.0), ("wait", 15.0 + at))) for at in range(4))
REPORT = AcceptanceReport(
    *("20260101-000000-abcd", "shop", "production", "prod at https://k8s"),
    release=3,
    started=1_767_225_600.0,
    seconds=95.0,
    findings=(
        DEPLOY_TIME.at_most(23.0, 300, ("run d3: build 5.0 s, wait 18 s",)),
        SECRETS.at_most(1, 0, ("secret/shop TOKEN stands in the log of <web-1> & more", f"never {SECRET}")),
        SCALE.at_most(7, 0, ("web to 10: 3 s",)),
        CONFIG.at_most(4.2, 60),
        POOLING.not_made("the stack file names no pool | (acceptance.pool)"),
    ),
    deploy=DEPLOYS[-1],
    courses=(LoadCourse("web to 10", LOAD, SECONDS), LoadCourse("web to 1", LOAD, ())),
    trend=tuple(PastRun(f"r{at}", at, {"config": 3.0 + at, "deploy-time": 20.0}) for at in range(3)),
    deploys=DEPLOYS,
    baseline="20251231-000000-abcd",
    regressions=("scale: 7 failed requests, and 0 failed requests before",),
)


def saved(folder: Path, redactor: Redactor, ending: str) -> Path:
    file = folder / f"report{ending}"
    told = Report(
        "verify", REPORT.headline, REPORT.outcome, 95.0, report_cases(REPORT), {"report": REPORT}, page(REPORT)
    )
    save_report(told, file, redactor)
    return file


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        arguments = [*FLAGS, "--disable-component-update", "--disable-sync"]
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        await browser.close()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: apt-get install chromium")
async def test_the_page_needs_nothing_from_outside_and_shows_everything(
    browser: Browser, tmp_path: Path, redactor: Redactor
) -> None:
    file = saved(tmp_path, redactor, ".html")
    said: list[str] = []
    asked: list[str] = []
    shown = await browser.new_page(viewport={"width": 390, "height": 844})
    shown.on("console", lambda message: said.append(message.text))
    shown.on("pageerror", lambda error: said.append(str(error)))
    shown.on("request", lambda request: asked.append(request.url))
    await shown.goto(file.as_uri())
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
    text = await shown.locator("body").inner_text()
    for words in ("2 passed, 2 failed, 1 not made", "in the log of <web-1> & more", "4.2 of 60 s", "worse than in run"):
        assert words in text, words
    assert SECRET not in await shown.content()
    assert await shown.locator("svg").count() == 5
    assert await shown.locator("svg rect.bad").count() == 1
    for box in [await each.bounding_box() for each in await shown.locator("svg").all()]:
        assert box
        assert box["height"] > 20
    for width in (390, 1200):
        await shown.set_viewport_size({"width": width, "height": 844})
        assert await shown.evaluate("document.documentElement.scrollWidth") <= width
    light = await shown.evaluate("getComputedStyle(document.body).color")
    await shown.emulate_media(color_scheme="dark")
    assert await shown.evaluate("getComputedStyle(document.body).color") != light
    assert len(await shown.pdf()) > 10_000


class Tags(html.parser.HTMLParser):
    """Tags that are open, one in the other."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag without an end is none that stays open."""
        if tag not in {"meta", "link"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Whatever was opened last ends first."""
        assert self.open.pop() == tag


def test_the_page_is_whole_and_has_no_script(tmp_path: Path, redactor: Redactor) -> None:
    text = saved(tmp_path, redactor, ".html").read_text()
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert "<script" not in text
    assert not re.search(r"""(?:src|href)=["'](?!data:)""", text)


def test_junit_has_a_case_a_check_and_what_was_not_made_is_skipped(tmp_path: Path, redactor: Redactor) -> None:
    text = saved(tmp_path, redactor, ".xml").read_text()
    suite = ElementTree.fromstring(text)
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("7", "4", "1")
    cases = {case.get("name"): case for case in suite}
    assert cases["secrets"].get("classname") == "SC-007"
    failure = cases["secrets"].find("failure")
    assert failure is not None
    assert "secret/shop TOKEN stands in the log of <web-1>" in (failure.text or "")
    skipped = cases["pooling"].find("skipped")
    assert skipped is not None
    assert "names no pool" in skipped.get("message", "")
    assert SECRET not in text


def test_the_summary_is_a_table_that_markdown_takes(
    tmp_path: Path, redactor: Redactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "summary.md"
    file.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(file))
    add_to_summary(summary(REPORT), redactor)
    lines = file.read_text().splitlines()
    assert lines[0] == "before"
    rows = [re.split(r"(?<!\\)\|", line) for line in lines if line.startswith("|")]
    assert {len(row) for row in rows} == {7}
    assert len(rows) == len(REPORT.findings) + 2


def test_without_a_file_for_it_no_summary_is_written(
    tmp_path: Path, redactor: Redactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.chdir(tmp_path)
    add_to_summary(summary(REPORT), redactor)
    assert list(tmp_path.iterdir()) == []


def test_the_text_has_the_evidence_of_what_failed_and_why_others_were_not_made() -> None:
    lines = report_lines(REPORT, PLAIN)
    assert "  web to 10: 3 s" in lines
    assert "  pooling: the stack file names no pool | (acceptance.pool)" in lines
    assert lines[-1].startswith("shop on production: 2 passed, 2 failed, 1 not made; worse than run 2025")
