"""What a pipeline does with a stack, from nothing to nothing."""

import json
import urllib.request
from xml.etree import ElementTree


def events(text):
    return [json.loads(line) for line in text.splitlines()]


def test_deploy_look_change_and_destroy(stack, cluster, tmp_path):
    # What another test has built is not built again.
    (stack.folder / "hello.py").write_text(f"{(stack.folder / 'hello.py').read_text()}# {stack.name}\n")
    planned = stack.run("plan", "{}", "--exit-code")
    assert planned.returncode == 3, planned.stderr
    assert "+ deployment/hello  create" in planned.stdout
    assert cluster.find("namespaces", stack.name) is None

    deployed = stack.run("deploy", "{}", "--headless")
    assert deployed.returncode == 0, deployed.stderr
    assert "build" in deployed.stdout
    address = next(word for word in deployed.stdout.split() if word.startswith("http://"))
    with urllib.request.urlopen(address) as answer:
        assert answer.read().startswith(b"Hello from hello-")
    assert any(line.split()[1] == "hello" for line in deployed.stderr.splitlines() if len(line.split()) > 1)

    assert stack.run("plan", "{}", "--exit-code").returncode == 0
    again = stack.run("deploy", "{}", "--headless")
    assert again.returncode == 0, again.stderr
    assert "nothing to do" in again.stdout + again.stderr

    status = stack.json("status", "{}")
    assert status["ready"]
    assert [(each["name"], each["state"], each["ready"]) for each in status["services"]] == [("hello", "ready", 2)]
    assert len(status["pods"]) == 2

    history = stack.json("history", "{}")
    assert history["releases"][0]["outcome"] == "done"
    assert "objects" not in history["releases"][0]
    shown = stack.json("history", "show", "{}", history["runs"][0]["run_id"])
    assert shown["run"]["kind"] == "deploy"

    refused = stack.run("destroy", "{}", "--headless")
    assert refused.returncode == 19
    assert "add: --yes" in refused.stderr
    assert "deployment/hello" in refused.stderr
    assert cluster.get("deployments", "hello")

    destroyed = stack.run("destroy", "{}", "--yes", "--report", str(tmp_path / "report.xml"))
    assert destroyed.returncode == 0, destroyed.stderr
    assert cluster.find("deployments", "hello") is None
    assert ElementTree.parse(tmp_path / "report.xml").getroot().get("failures") == "0"
    assert stack.run("status", "{}").returncode == 14


def test_the_stream_of_a_deploy_is_the_run_from_its_start_to_its_verdict(stack):
    done = stack.run("deploy", "{}", "--output", "ndjson")
    assert done.returncode == 0, done.stderr
    stream = events(done.stdout)
    assert all(event["v"] == 1 and event["at"] > 0 for event in stream)
    types = [event["type"] for event in stream]
    assert types.index("run-started") < types.index("step-started") < types.index("run-finished") == len(types) - 1
    verdict = stream[-1]["verdict"]
    assert (verdict["outcome"], verdict["exit_code"], verdict["release"]) == ("done", 0, 1)
    pods = {event["pod"]["name"] for event in stream if event["type"] == "pod-observed"}
    assert len(pods) == 2


def test_logs_are_merged_filtered_and_end_with_their_reader(stack):
    assert stack.run("deploy", "{}", "--headless").returncode == 0
    document = stack.json("deploy", "{}", "--headless")
    address = document["verdict"]["addresses"][0]
    for path in ("one", "two"):
        urllib.request.urlopen(f"{address}/{path}").close()
    lines = stack.json("logs", "{}", "hello", "--no-follow", "--grep", "GET .*/(one|two)")["lines"]
    assert sorted(line["line"].split('"')[1].split("/")[-2].split()[0] for line in lines) == ["one", "two"]
    following = stack.start("logs", "{}", "--output", "ndjson")
    assert json.loads(following.stdout.readline())["type"] == "log"
    following.stdout.close()
    urllib.request.urlopen(f"{address}/three").close()
    assert following.wait(20) == 0
    assert "Traceback" not in following.stderr.read()


def test_a_stack_that_does_not_come_up_says_why_and_ends_with_14(stack, tmp_path):
    stack.edit("hello.yaml", "data: {GREETING: Hello}", 'data: {PORT: "none"}')
    done = stack.run("deploy", "{}", "--output", "json", "--report", str(tmp_path / "report.xml"))
    assert done.returncode == 14, done.stderr
    document = json.loads(done.stdout)
    assert document["verdict"]["outcome"] == "rollout"
    assert {each["service"] for each in document["verdict"]["diagnoses"]} == {"hello"}
    assert "invalid literal for int" in done.stderr
    assert done.stderr.rstrip().splitlines()[-1].strip().startswith("next:")
    assert int(ElementTree.parse(tmp_path / "report.xml").getroot().get("failures")) >= 1
    run = document["run"]["run_id"]
    assert any("invalid literal" in item["text"] for item in stack.json("history", "show", "{}", run)["evidence"])
    assert stack.run("status", "{}").returncode == 14


def test_on_github_the_build_is_folded_and_a_failure_is_an_annotation(stack):
    stack.edit("stack.yaml", "'cp hello.py", "'echo building && false && cp hello.py")
    done = stack.run("deploy", "{}", "--headless", GITHUB_ACTIONS="true")
    assert done.returncode == 11, done.stderr
    lines = done.stderr.splitlines()
    group = next(number for number, line in enumerate(lines) if line.startswith("::group::"))
    assert "| building" in lines[group:]
    assert any(line.startswith("::error title=") for line in lines)


def test_wrong_names_are_told_with_the_nearest_ones(stack):
    done = stack.run("deploy", "{}", "--target", "sandbix", "--headless")
    assert done.returncode == 2
    assert "sandbox" in done.stderr
    stack.edit("stack.yaml", "manifests:", "manifest:")
    done = stack.run("plan", "{}")
    assert done.returncode == 2
    assert "stack.yaml:11:" in done.stderr
    assert "Traceback" not in done.stderr


def test_read_only_and_protected_targets_refuse_and_say_what_to_add(stack, cluster):
    done = stack.run("deploy", "{}", "--headless", "--read-only")
    assert done.returncode == 19
    stack.edit("stack.yaml", "sandbox: {kind: sandbox}", "sandbox: {kind: sandbox, protected: true}")
    for words in ((), ("--yes-i-mean", "another")):
        done = stack.run("deploy", "{}", "--headless", *words)
        assert done.returncode == 19
        assert f"add: --yes-i-mean {stack.name}" in done.stderr
    assert cluster.find("namespaces", stack.name) is None
    assert stack.run("deploy", "{}", "--headless", "--yes-i-mean", stack.name).returncode == 0
    assert stack.run("destroy", "{}", "--headless", "--yes-i-mean", stack.name).returncode == 0


def test_a_container_engine_that_does_not_run_is_told_by_preflight(stack, cluster, tmp_path):
    kubeconfig = stack.environment["STACK_CONSOLE_STATE"] + "/sandbox/kubeconfig"
    stack.edit("stack.yaml", "context: kind-kind", "context: sandbox")
    outside = {"KUBECONFIG": kubeconfig, "DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    done = stack.run("deploy", "{}", "--target", "local", "--headless", **outside)
    assert done.returncode == 10
    assert "none.sock does not run" in done.stderr
    assert "start it" in done.stderr
    assert cluster.find("namespaces", stack.name) is None
