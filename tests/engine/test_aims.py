"""Which Service stands for a stack where its Ingress has no address."""

import yaml

from console.engine.aims import http_port
from console.model.gathered import Declared
from console.model.plan import ObjectRef
from tests.stacks import deployment, make_service, make_stack, together

PROBE = {"httpGet": {"path": "/ready", "port": 8000}}


def service(name):
    spec = {"selector": {"app.kubernetes.io/name": name}, "ports": [{"port": 80, "targetPort": 8000}]}
    return yaml.safe_dump({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec})


def ingress(name):
    rule = {"http": {"paths": [{"path": "/", "backend": {"service": {"name": name, "port": {"number": 80}}}}]}}
    head = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "shop"}}
    return yaml.safe_dump({**head, "spec": {"rules": [rule]}})


def found(*more, wanted=""):
    texts = {name: together(deployment(name, readinessProbe=PROBE), service(name)) for name in ("api", "page")}
    services = [make_service(name, together(text, *more) if name == "api" else text) for name, text in texts.items()]
    stack = make_stack(services)
    declared = [Declared(ObjectRef.of(each.body), each.service, each.body) for each in stack.manifests]
    return http_port(stack, declared, wanted)


def test_the_first_service_is_asked_and_rather_the_one_behind_the_ingress():
    assert found().name == "api"
    assert found(ingress("page")).name == "page"
    assert (found().number, found().path) == (80, "/ready")


def test_a_service_that_is_named_is_asked_whatever_the_ingress_leads_to():
    assert found(ingress("page"), wanted="api").name == "api"
    assert found(wanted="nothing") is None
