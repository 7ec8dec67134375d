"""kill -9 of the console at moments of chance within drills: whatever was injected is undone from the cluster alone."""

import json
import random
import time

import pytest

from console.model.diff import clean
from tests.cluster import Cluster
from tests.e2e.command import kubeconfig_of
from tests.soak.test_kills import seeds

LONGEST = 6.0
KINDS = ("image-missing", "crash-at-start", "never-ready", "config-key-lost", "dependency-gone", "quota-used-up")
DRILLED = ("configmaps", "deployments", "secrets", "resourcequotas")


class Drilled:
    """A small stack that is drilled by commands that are killed."""

    def __init__(self, stack):
        self.stack = stack
        self.cluster = Cluster(kubeconfig_of(stack.environment), stack.name)
        self.must("deploy", "{}", "--headless")
        self.opened = 0

    def must(self, *words):
        done = self.stack.run(*words)
        assert done.returncode == 0, done.stderr
        return done

    def objects(self):
        """Everything that a drill may touch, but for what the API server keeps for itself."""
        bodies = ((kind, body) for kind in DRILLED for body in self.cluster.list(kind))
        return {(kind, body["metadata"]["name"]): json.dumps(clean(body), sort_keys=True) for kind, body in bodies}

    def record(self):
        return any("stack-console-drill" in name for _, name in self.objects())

    def round(self, seed):
        """One drill, killed; then undone by the next command."""
        chance, before = random.Random(seed), self.objects()
        kind = chance.choice(KINDS)
        process = self.stack.start("drill", "run", "{}", kind, "hello", "--headless", "--yes")
        time.sleep(chance.uniform(0, LONGEST))  # the moment itself is what is under test
        process.kill()
        process.communicate()
        if self.record():
            self.opened += 1
            refused = self.stack.run("scale", "{}", "hello=3", "--headless")
            assert refused.returncode == 17, refused.stderr
        self.must("drill", "undo", "{}")
        assert self.objects() == before, kind
        assert self.stack.json("status", "{}")["ready"]


@pytest.mark.soak
def test_a_drill_that_is_killed_at_any_moment_is_undone(stack):
    drilled = Drilled(stack)
    for seed in seeds(5):
        drilled.round(seed)


@pytest.mark.soak
def test_sixty_killed_drills_are_all_undone(stack):
    drilled = Drilled(stack)
    for seed in seeds(60):
        drilled.round(seed)
    assert drilled.opened >= 15
