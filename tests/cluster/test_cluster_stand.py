"""The cluster itself: what every other test here rests on."""

from collections.abc import Callable

from stand import Load, Namespace, ask, deployment, route, service, until


def test_a_deployment_gets_ready_with_an_image_pulled_by_its_digest(namespace: Namespace, little: Callable[..., str]) -> None:
    image = little("1.0.0")
    namespace.apply(deployment("shop", image, replicas=2))
    until("two ready replicas", lambda: namespace.get("deployment", "shop")["status"].get("readyReplicas") == 2)
    digests = {status["imageID"].partition("@")[2] for pod in namespace.all("pods") for status in pod["status"]["containerStatuses"]}
    assert digests == {image.partition("@")[2]}


def test_the_weights_of_a_route_move_real_traffic(namespace: Namespace, gateway: str, little: Callable[..., str]) -> None:
    host = f"shop.{namespace.name}.test"
    for name, version in (("old", "1.0.0"), ("new", "1.1.0")):
        namespace.apply(deployment(name, little(version)), service(name))
    until("both are ready", lambda: all(one["status"].get("readyReplicas") for one in namespace.all("deployments")))
    namespace.apply(route("shop", host, {"old": 100, "new": 0}))
    until("the gateway has the route", lambda: _answers(gateway, host))
    with Load(gateway, host) as load:
        until("some traffic", lambda: load.answers.total() > 50)
        assert set(load.answers) == {"1.0.0"}
        namespace.apply(route("shop", host, {"old": 50, "new": 50}))
        until("traffic on both", lambda: load.answers["1.1.0"] > 50)
        namespace.apply(route("shop", host, {"old": 0, "new": 100}))
        until("all traffic on the new one", lambda: _only("1.1.0", load))
    assert load.failures == []


def test_a_job_runs_once_and_says_how_it_ended(namespace: Namespace, little: Callable[..., str]) -> None:
    for name, status in (("good", "0"), ("bad", "7")):
        namespace.apply(_job(name, little("1.0.0"), status))
    until("the good one is complete", lambda: namespace.get("job", "good")["status"].get("succeeded") == 1)
    until("the bad one failed", lambda: namespace.get("job", "bad")["status"].get("failed") == 1)
    assert "TOLD_WHAT=the truth" in namespace.kubectl("logs", "job/good")


def _answers(gateway: str, host: str) -> bool:
    try:
        return bool(ask(gateway, host))
    except OSError:
        return False


def _only(version: str, load: Load) -> bool:
    before = load.answers.copy()
    until("some more traffic", lambda: load.answers.total() > before.total() + 25)
    return set(load.answers - before) == {version}


def _job(name: str, image: str, status: str) -> dict[str, object]:
    told = [{"name": "TOLD_WHAT", "value": "the truth"}]
    container = {"name": "job", "image": image, "args": ["exit", status], "env": told}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"backoffLimit": 0, "template": {"spec": {"restartPolicy": "Never", "containers": [container]}}},
    }
