"""The log of a build: each part's lines are marked, each end is told once."""

from dataclasses import replace

from console.adapters.images.docker.partlog import PartLog
from console.engine.ports import BuildWatcher
from console.model.run import Part, PartState

RUN = Part(4, "[2/3] RUN make", PartState.RUNNING, 100.0)


class Told:
    def __init__(self):
        self.text = b""
        self.parts = []
        self.log = PartLog(BuildWatcher(self._output, self.parts.append))

    def _output(self, chunk):
        self.text += chunk

    @property
    def lines(self):
        return self.text.decode().splitlines()


def test_a_part_is_named_before_its_first_line_and_when_it_ends():
    told = Told()
    told.log.tell([RUN])
    told.log.output(RUN, b"one\r\ntw")
    told.log.output(RUN, b"o")
    told.log.tell([replace(RUN, state=PartState.DONE, seconds=1.26)])
    name = "#4 [2/3] RUN make"
    assert told.lines == [name, "#4 one", "#4 two", f"{name}: done in 1.3 s"]
    assert [part.state for [part] in told.parts] == [PartState.RUNNING, PartState.DONE]


def test_an_end_that_is_told_twice_is_written_once():
    told = Told()
    cached = replace(RUN, state=PartState.CACHED, seconds=0.0)
    told.log.tell([cached])
    told.log.tell([replace(cached, seconds=0.001)])
    assert told.lines == ["#4 [2/3] RUN make: cached"]


def test_what_the_builder_does_for_itself_is_told_only_if_it_takes_long_or_fails():
    told = Told()
    load = Part(1, "[internal] load build context", PartState.DONE, 100.0, 0.2)
    told.log.tell([load])
    assert told.lines == []
    told.log.tell([replace(load, seconds=12.0)])
    told.log.tell([replace(load, number=2, state=PartState.FAILED)])
    assert told.lines == [
        "#1 [internal] load build context: done in 12 s",
        "#2 [internal] load build context: FAILED after 0.2 s",
    ]
