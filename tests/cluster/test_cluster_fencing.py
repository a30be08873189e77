"""The API server itself refuses what an older rollout writes, where somebody let it."""

import json
import subprocess
from collections.abc import Callable, Iterator

import pytest
from kube_stand import PLACE, Stand, manifests, release, standing
from stand import Namespace, until

from headway.adapters.kubernetes import record
from headway.adapters.kubernetes.api import Api
from headway.adapters.kubernetes.fencing import NAME, policy
from headway.adapters.kubernetes.kinds import CONFIG, DEPLOYMENT, SIZER
from headway.errors import Fenced
from headway.rollout.model import Fence, SetReplicas, SetWeights

Image = Callable[..., str]


@pytest.fixture
def stand(namespace: Namespace, little: Image) -> Iterator[Stand]:
    """A place in a namespace whose API server has the policy."""
    mine = f"{NAME}-{namespace.name}"
    namespace.kubectl("apply", "--filename=-", text=policy([namespace.name], mine))
    try:
        with standing(namespace, manifests(little("1.0.0"))) as made:
            yield made
    finally:
        for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
            subprocess.run(["kubectl", "delete", kind, mine], check=True, capture_output=True)


def test_a_lower_generation_is_refused_by_the_api_server_itself(stand: Stand, little: Image) -> None:
    old, new = release("1.0.0", little("1.0.0")), release("1.1.0", little("1.1.0"))
    stand.act(SetReplicas(old, 1), Fence(3, 7))
    name = stand.namespace.all("deployments")[0]["metadata"]["name"]

    def written(fence: str) -> str:
        """As one who looked at nothing and forces everything: what a server that was stopped in the wrong moment might send."""
        argv = ["apply", "--server-side", "--force-conflicts", f"--field-manager={SIZER}", "--filename=-"]
        mark = {"name": name, "annotations": {"headway/fence": fence} if fence else {}}
        thing = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": mark, "spec": {"replicas": 5}}
        whole = ["kubectl", "--namespace", stand.namespace.name, *argv]
        return subprocess.run(whole, input=json.dumps(thing), capture_output=True, text=True, check=False).stderr

    # It takes effect when the API server has heard of it: a second or two, and a minute on a machine that has everything else to do.
    until("the API server knows the policy", lambda: "is too late" in written("1.1"), within=120)
    stand.act(SetReplicas(old, 1), Fence(3, 8))
    assert "it was written by 3.8 of Headway, so 3.7 is too late" in written("3.7")
    assert "so 2.99 is too late" in written("2.99")
    assert "nobody at all is too late" in written("")
    assert stand.group(old.name).wanted == 1

    api = Api("", stand.namespace.name)
    try:
        thing = {"metadata": {"name": name, "annotations": {"headway/fence": "3.1"}}, "spec": {"replicas": 5}}
        with pytest.raises(Fenced, match=r"written by 3\.8 of Headway, so 3\.1 is too late"):
            api.apply(DEPLOYMENT, thing, SIZER, force=True)
        there = api.get(CONFIG, record.name(PLACE))
        assert there is not None
        there["metadata"]["annotations"]["headway/fence"] = "3.1"
        with pytest.raises(Fenced, match=r"so 3\.1 is too late"):
            api.put(CONFIG, there)
    finally:
        api.close()

    # Everybody else goes on as before: Headway's own next moves, a person's hand, the way back.
    until("it is ready", lambda: stand.group(old.name).ready == 1)
    stand.act(SetReplicas(new, 1), Fence(4, 1))
    until("it is ready", lambda: stand.group(new.name).ready == 1)
    stand.act(SetWeights({old.name: 100}), Fence(4, 2))
    stand.act(SetWeights({new.name: 100}), Fence(4, 3))
    for command in stand.platform.by_hand(PLACE, new.name, old.name):
        stand.namespace.shell(command)
    assert stand.weights() == {old.name: 100}
    stand.namespace.kubectl("scale", f"deployment/{name}", "--replicas=2")
    stand.namespace.kubectl("label", f"deployment/{name}", "seen=yes")
