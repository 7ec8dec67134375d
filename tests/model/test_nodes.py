"""Whether an image is made for the nodes that its pods may land on."""

import pytest

from console.model.nodes import architectures, candidates, unfit


def node(arch, *taints, unschedulable=False, **labels):
    own = {"unschedulable": unschedulable, "taints": list(taints)}
    return {"metadata": {"labels": {"kubernetes.io/arch": arch, **labels}}, "spec": own}


def lands(nodes, **spec):
    return architectures(candidates(nodes, spec))


def test_only_nodes_that_take_the_pods_count():
    nodes = [node("amd64"), node("arm64", disk="fast"), node("s390x", unschedulable=True), {"metadata": {}}]
    assert lands(nodes) == {"amd64", "arm64"}
    assert lands(nodes, nodeSelector={"disk": "fast"}) == {"arm64"}
    assert lands(nodes, nodeSelector={"disk": "none"}) == set()


@pytest.mark.parametrize(
    ("toleration", "lets"),
    [
        ({"operator": "Exists"}, True),
        ({"key": "role", "operator": "Exists"}, True),
        ({"key": "role", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "role", "value": "gpu", "effect": "NoSchedule"}, True),
        ({"key": "role", "value": "cpu"}, False),
        ({"key": "other", "operator": "Exists"}, False),
    ],
)
def test_a_taint_keeps_pods_away_that_do_not_tolerate_it(toleration, lets):
    nodes = [node("arm64", {"key": "role", "value": "gpu", "effect": "NoSchedule"})]
    assert lands(nodes) == set()
    assert lands(nodes, tolerations=[toleration]) == ({"arm64"} if lets else set())
    assert lands([node("arm64", {"key": "slow", "effect": "PreferNoSchedule"})]) == {"arm64"}


@pytest.mark.parametrize(
    ("platforms", "nodes"),
    [
        (["linux/amd64"], {"amd64"}),
        (["linux/amd64", "linux/arm64/v8"], {"amd64", "arm64"}),
        ([], {"amd64"}),
        (["linux/amd64"], set()),
    ],
)
def test_an_image_that_fits_or_of_which_nothing_is_known_is_no_matter(platforms, nodes):
    assert unfit("web", platforms, nodes) is None


def test_an_image_for_other_machines_says_what_to_build():
    found = unfit("web", ["linux/amd64"], {"arm64"})
    assert (found.all_nodes, found.words) == (True, "image web is built for amd64, and the nodes are arm64")
    assert found.hint == "set build.platforms of the service to [linux/arm64]"
    found = unfit("web", ["linux/arm/v7"], {"amd64", "arm"})
    assert (found.all_nodes, found.words) == (False, "image web is built for arm, and some nodes are amd64")
    assert "[linux/amd64, linux/arm]" in found.hint
