"""kill -9 at moments of chance within operations: what was interrupted is told, then finished or undone on request."""

import json
import random
import time

import pytest

from tests.cluster import Cluster
from tests.e2e.command import kubeconfig_of
from tests.soak.test_kills import seeds

LONGEST = 3.0


class Operated:
    """A small stack that is operated on by commands that are killed."""

    def __init__(self, stack):
        self.stack = stack
        self.cluster = Cluster(kubeconfig_of(stack.environment), stack.name)
        self.must("deploy", "{}", "--headless")

    def must(self, *words):
        done = self.stack.run(*words)
        assert done.returncode == 0, done.stderr
        return done

    @property
    def replicas(self):
        return self.cluster.get("deployments", "hello")["spec"]["replicas"]

    def interrupted(self):
        """The command that the console says was interrupted, if it says so."""
        done = self.stack.run("status", "{}", "--output", "json")
        assert done.returncode in {0, 14}, done.stderr
        told = json.loads(done.stdout)["interrupted"]
        return told["command"] if told else ""

    def kill(self, chance, *words):
        process = self.stack.start(*words)
        time.sleep(chance.uniform(0, LONGEST))  # the moment itself is what is under test
        process.kill()
        process.communicate()

    def round(self, seed):
        """One operation, killed; then finished or undone, whichever chance says."""
        chance, before = random.Random(seed), self.replicas
        wanted = chance.choice([count for count in range(1, 6) if count != before])
        words = chance.choice([("scale", "{}", f"hello={wanted}"), ("restart", "{}"), ("stop", "{}", "--yes")])
        self.kill(chance, *words)
        if left := self.interrupted():
            assert words[0] in left
            self.settle(chance, words, before, wanted)
        elif words[0] == "scale":
            assert self.replicas in {before, wanted}
        if not self.replicas:
            self.must("start", "{}")
        status = self.stack.json("status", "{}")
        assert (status["ready"], status["interrupted"]) == (True, None)

    def settle(self, chance, words, before, wanted):
        if chance.random() < 0.5:
            assert "was interrupted" in self.must(*words).stdout
            expected = {"scale": wanted, "restart": before, "stop": 0}[words[0]]
        else:
            self.must("rollback", "{}")
            expected = before
        assert self.replicas == expected


def test_an_operation_that_is_killed_at_any_moment_is_finished_or_undone(stack):
    operated = Operated(stack)
    for seed in seeds(5):
        operated.round(seed)


@pytest.mark.soak
def test_a_hundred_killed_operations_are_all_finished_or_undone(stack):
    operated = Operated(stack)
    for seed in seeds(100):
        operated.round(seed)
