"""A release's own objects: the team's, with a name, a label, an image and a configuration of their own."""

import json
from dataclasses import replace

import pytest
from kube_things import ALL, DEPLOYMENT, IMAGE, PLACE, SERVICE, changed, workload

from headway.adapters.kubernetes.pattern import Pattern, pattern
from headway.adapters.kubernetes.render import Rendered, own_name, render, repository
from headway.environments.model import Configuration
from headway.errors import InvalidSpec
from headway.rollout.model import Workload

PATTERN = pattern(ALL, "shop", "prod", "k8s")


def keyed(text: str) -> str:
    return f"{sum(text.encode()):010d}"


def made(workload: Workload, pattern: Pattern = PATTERN, **told: str) -> Rendered:
    return render(pattern, PLACE, workload, told, keyed)


def test_it_is_named_by_service_and_release_and_never_too_long() -> None:
    assert own_name(PATTERN, workload()) == "shop-1-4-0-7f3a91c2"
    long = Pattern(changed(DEPLOYMENT, "metadata", "name", to="s" * 80), SERVICE)
    assert len(own_name(long, workload())) == 63


def test_the_releases_label_joins_the_teams_own() -> None:
    spec = made(workload()).deployment["spec"]
    assert spec["selector"]["matchLabels"] == {"app": "shop", "headway/workload": "v1-4-0-7f3a91c2"}
    assert spec["template"]["metadata"]["labels"] == {
        "app": "shop",
        "headway/service": "shop",
        "headway/environment": "production",
        "headway/workload": "v1-4-0-7f3a91c2",
    }


def test_the_image_goes_to_the_container_it_is_for_and_the_size_is_not_in_it() -> None:
    spec = made(workload()).deployment["spec"]
    assert [one["image"] for one in spec["template"]["spec"]["containers"]] == [IMAGE, "registry.example/proxy:2"]
    assert "replicas" not in spec


def test_a_secret_of_the_cluster_is_named_and_never_copied() -> None:
    env = [{"name": "DATABASE_URL", "value": "x"}]
    own = replace(workload(), configuration=Configuration({}, {"DATABASE_URL": "kubernetes:shop-secrets/url", "A": "env:A"}))
    told = changed(DEPLOYMENT, "spec", "template", "spec", "containers", to=[{"name": "shop", "env": env}])
    rendered = made(own, Pattern(told, SERVICE), A="a value for this test")
    (container,) = rendered.deployment["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "shop-secrets", "key": "url"}}}]
    (secret,) = [one for one in rendered.settings if one["kind"] == "Secret"]
    assert secret["stringData"] == {"A": "a value for this test"}


def test_nobody_knows_which_container_is_meant() -> None:
    pods = DEPLOYMENT["spec"]["template"]["spec"]
    strangers = changed(DEPLOYMENT, "spec", "template", "spec", "containers", to=[{**one, "image": "x"} for one in pods["containers"]])
    with pytest.raises(InvalidSpec, match=r"none of the containers web, proxy is for registry\.example/shop"):
        made(workload(), Pattern(strangers, SERVICE))


def test_its_service_selects_it_alone_and_takes_no_port_of_the_nodes() -> None:
    spec = made(workload()).service["spec"]
    assert spec == {
        "type": "ClusterIP",
        "selector": {"app": "shop", "headway/workload": "v1-4-0-7f3a91c2"},
        "ports": [{"port": 80}],
    }


def test_every_reference_leads_to_the_releases_own_copy_and_others_stay() -> None:
    pods = made(workload()).deployment["spec"]["template"]["spec"]
    settings, key = (one["metadata"]["name"] for one in made(workload()).settings)
    assert settings.startswith("settings-")
    assert pods["containers"][0]["envFrom"] == [{"configMapRef": {"name": settings}}]
    assert pods["volumes"][0]["secret"]["secretName"] == key
    assert pods["volumes"][1]["projected"]["sources"] == [{"secret": {"name": key}}, {"configMap": {"name": "elsewhere"}}]


def test_what_headway_yaml_tells_the_service_becomes_objects_of_the_release() -> None:
    rendered = made(workload(COLOUR="red"), PASSWORD="open-sesame")
    config, secret = rendered.settings[-2:]
    assert (config["data"], secret["stringData"]) == ({"COLOUR": "red"}, {"PASSWORD": "open-sesame"})
    told = rendered.deployment["spec"]["template"]["spec"]["containers"][0]["envFrom"][1:]
    assert told == [{"configMapRef": {"name": config["metadata"]["name"]}}, {"secretRef": {"name": secret["metadata"]["name"]}}]
    assert "open-sesame" not in json.dumps([rendered.deployment, rendered.service])


def test_another_configuration_is_another_object_and_the_same_is_the_same() -> None:
    names = [made(workload(COLOUR=colour)).settings[-1]["metadata"]["name"] for colour in ("red", "red", "blue")]
    assert names[0] == names[1] != names[2]


def test_nothing_that_a_cluster_or_kubectl_added_is_sent_back() -> None:
    seen = changed(DEPLOYMENT, "metadata", "resourceVersion", to="7") | {"status": {"replicas": 3}}
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": "open-sesame", "note": "kept"}
    rendered = made(workload(), Pattern(changed(seen, "metadata", "annotations", to=annotations), SERVICE))
    assert "status" not in rendered.deployment
    assert "resourceVersion" not in rendered.deployment["metadata"]
    assert "open-sesame" not in json.dumps(rendered.deployment)
    assert rendered.deployment["metadata"]["annotations"]["note"] == "kept"


def test_the_pattern_itself_is_left_as_it_was() -> None:
    before = json.dumps(ALL)
    made(workload(COLOUR="red"), PASSWORD="open-sesame")
    assert json.dumps(ALL) == before


@pytest.mark.parametrize(
    ("image", "name"),
    [
        pytest.param("shop", "shop", id="a bare name"),
        pytest.param("shop:1.4", "shop", id="a tag"),
        pytest.param("127.0.0.1:5000/shop", "127.0.0.1:5000/shop", id="a registry's port is no tag"),
        pytest.param("127.0.0.1:5000/shop:1@sha256:ab", "127.0.0.1:5000/shop", id="everything at once"),
    ],
)
def test_the_repository_of_an_image(image: str, name: str) -> None:
    assert repository(image) == name
