"""Broken files: each problem is told with its line, its column, and what would be right."""

from __future__ import annotations

import pytest

from tests.adapters.stackfiles.conftest import STACK, WEB, Shop

S, W = "stack.yaml", "k8s/web.yaml"
LIST = "\n  - {apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {n: 1}}\n"

BROKEN = [
    # the stack file as YAML
    (S, STACK, "name: shop\nname: [", 3, 1, "no valid YAML"),
    (S, STACK, "", 1, 1, "the file is empty; expected one stack description"),
    (S, STACK, STACK + "---\n" + STACK, 1, 1, "there are 2 documents in this file, not one"),
    (S, "name: shop", "name: {{ .Name }}", 2, 7, "this looks like a template; found 'name: {{ .Name }}'; expected"),
    (
        S,
        "namespace: shop",
        "namespace: shop\nnamespace: two",
        4,
        1,
        "the key 'namespace' stands here twice, first in line 3",
    ),
    # keys and values of the stack file
    (S, STACK, "just text", 1, 1, "the file has a value of the wrong type; found 'just text'; expected a mapping"),
    (S, "services:", "servces:", 4, 1, "unknown key 'servces'; did you mean 'services'?"),
    (S, "image: shop-web", "imag: shop-web", 6, 5, "unknown key 'imag' in services.web; did you mean 'image'?"),
    (
        S,
        "{context: web}",
        "{contxt: web}",
        7,
        13,
        "unknown key 'contxt' in services.web.build; did you mean 'context'?",
    ),
    (S, "{context: web}", "{dockerfile: web/Dockerfile}", 7, 5, "services.web.build lacks the key 'context'"),
    (S, "stack-console/v1", "stack-console/v2", 1, 13, "found 'stack-console/v2'; expected stack-console/v1"),
    (S, "name: shop", "name: My_Shop", 2, 7, "name is no valid name; found 'My_Shop'; expected lower-case letters"),
    (S, "name: shop", "name: 12", 2, 7, "name has a value of the wrong type; found '12'; expected text"),
    (S, "  web:\n", "  Web:\n", 5, 3, "services.Web is no valid name"),
    (
        S,
        "after: [database]",
        "after: database",
        9,
        12,
        "services.web.after has a value of the wrong type; found 'database'",
    ),
    (S, "after: [database]", "after: [databse]", 9, 13, "'databse', which is neither a service nor an external"),
    (S, "after: [database]", "after: [web]", 9, 5, "services wait for each other: web after web"),
    (S, "after: [database]", "timeout: soon", 9, 14, "write a duration like 90s, 3m or 1h30m; found 'soon'"),
    (
        S,
        "externals:",
        "probe_load: {service: wbe}\nexternals:",
        10,
        23,
        "no service 'wbe'; found 'wbe'; did you mean 'web'?",
    ),
    (S, "externals:", "probe_load: {path: ready}\nexternals:", 10, 20, "probe_load.path: write a path like /api/todos"),
    (
        S,
        "externals:",
        "probe_load: {rate: 500}\nexternals:",
        10,
        20,
        "found '500'; expected a value should be less than",
    ),
    (S, "externals:", "probe_load: {path: /a/%2e./b}\nexternals:", 10, 20, "without blanks and .."),
    (S, "externals:", "probe_load: {speed: 5}\nexternals:", 10, 14, "unknown key 'speed' in probe_load"),
    (
        S,
        "externals:",
        "drills: [{kind: delete-pot, service: web}]\nexternals:",
        10,
        17,
        "there is no drill 'delete-pot'; found 'delete-pot'; did you mean 'delete-pod'?",
    ),
    (
        S,
        "externals:",
        "drills: [{kind: delete-pod, service: wbe}]\nexternals:",
        10,
        38,
        "there is no service 'wbe'; found 'wbe'; did you mean 'web'?",
    ),
    (
        S,
        "externals:",
        "drills: [{kind: drain, service: web, options: {nod: a}}]\nexternals:",
        10,
        53,
        "drain has no option 'nod'; found 'nod'; did you mean 'node'?",
    ),
    (
        S,
        "externals:",
        "drills: [{kind: drain, service: web, on_protected: [sandbax]}]\nexternals:",
        10,
        53,
        "'sandbax' is none of the targets; found 'sandbax'; did you mean 'sandbox'?",
    ),
    (
        S,
        "externals:",
        "drills: [{kind: drain, service: web, expect: {recover_within: soon}}]\nexternals:",
        10,
        63,
        "write a duration like 90s, 3m or 1h30m",
    ),
    (S, "kind: postgres", "kind: postgre", 11, 20, "found 'postgre'; expected postgres; did you mean 'postgres'?"),
    (S, "{kind: sandbox,", "{kind: sandbx,", 13, 12, "expected kind: sandbox or kubernetes; did you mean 'sandbox'?"),
    (S, "{kind: sandbox,", "{kind: sandbox, context: x,", 13, 28, "unknown key 'context' in targets.sandbox"),
    (
        S,
        "externals: {database: {p",
        "externals: {databse: {p",
        13,
        40,
        "no external 'databse'; did you mean 'database'?",
    ),
    (
        S,
        "targets:",
        "default_target: sandbx\ntargets:",
        12,
        17,
        "'sandbx' is none of the targets; found 'sandbx'; did you",
    ),
    (S, "{context: web}", "{context: wbe}", 7, 22, "there is no such folder; found 'wbe'"),
    (S, "{context: web}", "{context: k8s}", 7, 22, "the context has no Dockerfile; found 'k8s'"),
    (S, "{context: web}", "{context: web, dockerfile: x}", 7, 39, "there is no such file; found 'x'"),
    (S, "k8s/web.yaml", "k8s/wbe.yaml", 8, 17, "there is no such file or folder; found 'k8s/wbe.yaml'"),
    (S, "k8s/web.yaml", "k8s/*.yml", 8, 17, "nothing matches; found 'k8s/*.yml'"),
    (S, "image: shop-web", "image: shop-wbe", 6, 12, "no container of the stack runs the image 'shop-wbe'"),
    # manifests as YAML and as objects
    (W, "data: {LOG_LEVEL: info}", "data: {LOG_LEVEL: {{ .level }}}", 4, 19, "this looks like a template"),
    (W, "data: {LOG_LEVEL: info}", "{{- if x }}", 4, 1, "this looks like a template"),
    (W, "data: {LOG_LEVEL: info}", "data:\n\tLOG_LEVEL: info", 5, 1, "no valid YAML"),
    (W, WEB, "- a\n- b\n", 1, 1, "this is no Kubernetes object; expected apiVersion, kind, metadata"),
    (W, "kind: Service", "knd: Service", 6, 1, "the object lacks the field 'kind'"),
    (
        W,
        "metadata: {name: web}\nspec:\n  selector: {app",
        "metadata: {}\nspec:\n  selector: {app",
        8,
        11,
        "lacks a name",
    ),
    (
        W,
        "kind: Deployment",
        "kind: Deploymnet",
        14,
        7,
        "no kind Deploymnet in apps/v1; found 'Deploymnet'; did",
    ),
    (
        W,
        "apiVersion: apps/v1",
        "apiVersion: v1",
        13,
        13,
        "no kind Deployment in v1; found 'v1'; did you mean 'apps/v1'",
    ),
    (
        W,
        "containers:",
        "contaners:",
        21,
        7,
        "unknown field 'contaners' in spec.template.spec; did you mean 'containers'?",
    ),
    (W, "image: shop-web", "image: [shop-web]", 23, 18, "wrong type; found 'a list'; expected text"),
    (W, "LOG_LEVEL: info", "LOG_LEVEL: 3", 4, 19, "wrong type; found '3'; expected text: write it in quotes, \"3\""),
    (W, "LOG_LEVEL: info", "LOG_LEVEL: yes", 4, 19, "data.LOG_LEVEL has a value of the wrong type"),
    (W, "containerPort: 8000", "containerPort: http", 24, 47, "found 'http'; expected a whole number"),
    (W, "{name: http, containerPort: 8000}", "{name: http}", 24, 19, "ports[0] lacks the field 'containerPort'"),
    (
        W,
        "matchLabels: {app: web}",
        "matchLabels: {app: wbe}",
        17,
        33,
        "its own template does not make; found 'app: wbe'",
    ),
    (W, "targetPort: http", "targetPort: htp", 11, 46, "has a port named 'htp'; found 'htp'; did you mean 'http'?"),
    (W, "path: /ready, port: http", "path: /ready, port: htp", 30, 58, "no port of container web is named 'htp'"),
    (W, "key: LOG_LEVEL", "key: LOG_LEVLE", 27, 61, "configmap/web has no key 'LOG_LEVLE'; found 'LOG_LEVLE'; did you"),
    (W, "image: shop-web", "image: shop-api", 23, 18, "nobody builds the image 'shop-api'; found 'shop-api'; did you"),
    (
        W,
        "data: {LOG_LEVEL: info}",
        "data: {LOG_LEVEL: info}\n---\n" + WEB.split("---")[0],
        8,
        18,
        "second time, first in",
    ),
    # values that a field can never have
    (W, "image: shop-web", "image: shop-web\n          imagePullPolicy: Allways", 24, 28, "did you mean 'Always'?"),
    (W, "port: 80,", "port: 80000,", 11, 30, "ports[0].port is no port; found '80000'; expected 1 to 65535"),
    (W, "env:", "args: [null]\n          env:", 25, 18, "args[0] is empty; expected text"),
    (W, "LOG_LEVEL: info", "LOG_LEVEL: 1.10", 4, 19, "found '1.10'; expected text: write it in quotes, \"1.10\""),
    (W, "LOG_LEVEL: info", "LOG_LEVEL: !!int many", 4, 19, "no valid YAML: this is no int"),
    (W, "LOG_LEVEL: info", "LOG_LEVEL: !!bool maybe", 4, 19, "no valid YAML: this is no bool"),
    (W, "metadata: {name: web}\ndata", "metadata: {name: My_Web}\ndata", 3, 18, "no valid name; found 'My_Web'"),
    (W, "kind: ConfigMap\nmetadata", "kind: ConfigMap\nmetdata", 1, 1, "the object lacks a name"),
    (W, WEB, f"kind: List\napiVersion: v1\nitems:{LIST}", 4, 70, "data.n has a value of the wrong type; found '1'"),
]


@pytest.mark.parametrize(("file", "before", "after", "line", "column", "says"), BROKEN)
def test_what_is_wrong_is_told_at_its_place(
    shop: Shop, file: str, before: str, after: str, line: int, column: int, says: str
) -> None:
    shop.edit(file, before, after)
    problems = shop.problems()
    told = [str(each) for each in problems]
    assert any(each.startswith(f"{file}:{line}:{column}: ") and says in each for each in told), told


def test_what_cannot_be_read_has_no_further_consequences(shop: Shop) -> None:
    """Only what is certain: the image may be used, and the service may be there, in the file that is broken."""
    shop.edit(W, "data: {LOG_LEVEL: info}", "data: {{ .Values.data }}")
    shop.edit(S, "{kind: sandbox,", "{kind: sandbox, config: {web: {LOG_LEVEL: debug}},")
    [problem] = shop.problems()
    assert problem.message == "this looks like a template"


@pytest.mark.parametrize("text", [b"\xff\xfe\x00", b"a: \x00", b"[" * 100_000, b"a: &a [*a]", b"? [a]\n: b", b"<<: 1"])
@pytest.mark.parametrize("file", [S, W])
def test_no_file_is_too_strange(shop: Shop, file: str, text: bytes) -> None:
    shop.write(file, text)
    assert {each.file for each in shop.problems()} >= {file}


def test_everything_that_is_wrong_is_told_at_once(shop: Shop) -> None:
    shop.edit(S, "after: [database]", "after: [databse]")
    shop.edit(W, "targetPort: http", "targetPort: htp")
    shop.edit(W, "key: LOG_LEVEL", "key: LOG")
    assert [(each.file, each.line) for each in shop.problems()] == [(W, 11), (W, 27), (S, 9)]


def test_the_value_of_a_secret_in_a_file_is_refused_and_not_repeated(shop: Shop) -> None:
    secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: api}\nstringData: {KEY: correct-horse}\n"
    shop.write(W, WEB + secret)
    [problem] = shop.problems()
    assert (problem.line, problem.column) == (35, 14)
    assert "the value of a Secret stands in a file: secret/api KEY" in str(problem)
    assert "correct-horse" not in str(problem)


@pytest.mark.parametrize("broken", ["{KEY: 98765432}", "{KEY: correct-horse: [}", "{KEY: {{ correct-horse }}}"])
def test_a_broken_secret_is_not_repeated_either(shop: Shop, broken: str) -> None:
    shop.write(W, WEB + f"---\napiVersion: v1\nkind: Secret\nmetadata: {{name: api}}\nstringData: {broken}\n")
    told = " ".join(str(each) for each in shop.problems())
    assert "k8s/web.yaml:35:" in told
    assert "98765432" not in told
    assert "correct-horse" not in told


def test_the_value_of_a_secret_in_a_patch_is_told_in_the_patch(shop: Shop) -> None:
    shop.write(W, WEB + "---\napiVersion: v1\nkind: Secret\nmetadata: {name: api}\n")
    shop.write("patch.yaml", "kind: Secret\nmetadata: {name: api}\nstringData: {KEY: correct-horse}\n")
    shop.edit(S, "{kind: sandbox,", "{kind: sandbox, patches: [patch.yaml],")
    [problem] = shop.problems()
    assert str(problem).startswith("patch.yaml:3:14: the value of a Secret stands in a file: secret/api KEY")


def test_a_manifest_belongs_to_one_service(shop: Shop) -> None:
    shop.edit(S, "namespace: shop", "namespace: shop\nmanifests: [k8s]")
    assert "k8s/web.yaml belongs to the shared manifests already" in str(shop.problems()[0])
