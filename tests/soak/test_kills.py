"""kill -9 at moments of chance: of the console within a deploy, and of the daemon under writes with pods at work."""

import random
import time

import pytest

from tests.cluster import rolled_out
from tests.sandbox.daemon.test_durability import kill_while_writing

LONGEST_DEPLOY = 5.0
PODS = 3


def seeds(rounds):
    """Fresh seeds, each printed before its round: a failed test shows the one that failed it."""
    for _ in range(rounds):
        seed = random.SystemRandom().randrange(10**6)
        print(f"seed {seed}")
        yield seed


def kill_within_a_deploy(stack, seed):
    """One round: something new is deployed, killed, and deployed again."""
    chance = random.Random(seed)
    greeting = stack.folder / "hello.yaml"
    greeting.write_text(greeting.read_text().replace("GREETING: ", f"GREETING: {chance.randrange(10**6)}"))
    source = stack.folder / "hello.py"
    source.write_text(f"{source.read_text()}# {seed}\n")
    run = stack.start("deploy", "{}", "--headless")
    time.sleep(chance.uniform(0, LONGEST_DEPLOY))  # the moment itself is what is under test
    run.kill()
    run.communicate()
    again = stack.run("deploy", "{}", "--headless")
    assert again.returncode == 0, again.stderr
    assert stack.json("status", "{}")["ready"]


def test_after_a_kill_at_any_moment_of_a_deploy_the_next_one_succeeds(stack):
    for seed in seeds(5):
        kill_within_a_deploy(stack, seed)


@pytest.mark.soak
def test_after_thirty_kills_within_deploys_the_next_one_always_succeeds(stack):
    for seed in seeds(30):
        kill_within_a_deploy(stack, seed)


def kill_daemon_with_pods(own, seed):
    """One round: nothing acknowledged is lost, and every pod is found again, or started again if it ended meanwhile."""
    cluster = own.cluster()
    pods = cluster.list("pods", "app=web")
    before = {pod["metadata"]["uid"]: restarts(pod) for pod in pods}
    kill_while_writing(own, seed)
    cluster = own.cluster()
    cluster.until("deployments", "web", rolled_out)
    after = {pod["metadata"]["uid"]: restarts(pod) for pod in cluster.list("pods", "app=web")}
    assert after.keys() == before.keys()
    assert all(after[uid] >= before[uid] for uid in before)


def restarts(pod):
    return pod["status"]["containerStatuses"][0]["restartCount"]


def run_pods(own):
    own.up()
    labels = {"app": "web"}
    container = {"name": "main", "image": "busybox", "command": ["sleep", "600"]}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": PODS, "selector": {"matchLabels": labels}, "template": template}
    own.cluster().create("deployments", {"metadata": {"name": "web"}, "spec": spec})
    own.cluster().until("deployments", "web", rolled_out)


@pytest.mark.soak
def test_twenty_kills_of_the_daemon_lose_nothing_and_no_pod(own):
    run_pods(own)
    for seed in seeds(20):
        kill_daemon_with_pods(own, seed)


def test_pods_are_found_again_after_kills_of_the_daemon(own):
    run_pods(own)
    for seed in seeds(5):
        kill_daemon_with_pods(own, seed)
