"""The parts of a build as rows below their step."""

from dataclasses import replace

from console.model.events import StepFinished, StepParts, StepStarted
from console.model.reduce import reduce_run
from console.model.run import Part, PartState, Progress, Run, StepRun
from console.tui.present.glyphs import UNICODE
from console.tui.present.runs import progress_words, row_cells, run_rows
from tests.tui.scripted import NOW, plan

BUILD = "build:backend"
LOAD = Part(1, "[1/2] FROM python", PartState.CACHED, NOW, 0.0)
RUN = Part(2, "[2/2] RUN make", PartState.RUNNING, NOW)


def running(*facts) -> Run:
    course = Run("r", "deploy", plan(), "", NOW, {step.id: StepRun(step.id) for step in plan().steps})
    for fact in (StepStarted("r", BUILD, NOW), *facts):
        course = reduce_run(course, fact)
    return course


def texts(course, key, now=NOW):
    return [text.strip() for text, _ in row_cells(course, key, now, UNICODE)][1:]


def test_parts_stand_below_their_step_with_state_and_time():
    course = running(StepParts("r", BUILD, (LOAD, RUN), NOW))
    assert run_rows(course, "", NOW)[:4] == ["preflight", BUILD, "build:backend#1", "build:backend#2"]
    assert texts(course, "build:backend#1") == ["[1/2] FROM python", "cached", "0.0 s"]
    assert texts(course, "build:backend#2", NOW + 3) == ["[2/2] RUN make", "", "3.0 s"]


def test_a_part_that_changed_takes_the_place_of_what_was_known():
    done = replace(RUN, state=PartState.DONE, seconds=4.2)
    course = running(StepParts("r", BUILD, (LOAD, RUN), NOW), StepParts("r", BUILD, (done,), NOW))
    assert course.steps[BUILD].parts == (LOAD, done)
    assert texts(course, "build:backend#2", NOW + 60) == ["[2/2] RUN make", "done", "4.2 s"]


def test_parts_fold_when_the_step_is_done_but_not_under_the_cursor():
    course = running(StepParts("r", BUILD, (LOAD, RUN), NOW), StepFinished("r", BUILD, "built", NOW + 9))
    assert "build:backend#2" not in run_rows(course, BUILD, NOW)
    assert "build:backend#2" in run_rows(course, "build:backend#1", NOW)


def test_what_the_builder_does_for_itself_is_shown_where_it_takes_time():
    load = Part(3, "[internal] load build context", PartState.RUNNING, NOW)
    course = running(StepParts("r", BUILD, (load,), NOW))
    assert "build:backend#3" not in run_rows(course, "", NOW + 0.5)
    assert "build:backend#3" in run_rows(course, "", NOW + 1.5)


def test_a_row_that_is_not_known_is_empty():
    course = running()
    assert set(texts(course, "build:backend#7") + texts(course, "build:other")) == {""}


def test_a_push_tells_how_fast_it_goes():
    assert progress_words(Progress(1.5e6, 4e6, "bytes", 7.5e5)) == "1.5 MB of 4.0 MB, 750 kB/s"
