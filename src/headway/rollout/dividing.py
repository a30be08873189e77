"""Without a gateway it is pods that divide the traffic: which weights can really be had, and what becomes of connections that are open."""

from headway.analysis.model import Thresholds
from headway.environments.model import Cluster
from headway.rollout.model import ALL, NONE, Plan, Scale, Shift, Side


def pods_for(percent: int, beside: int, most: int) -> int:
    """How many new pods, beside so many of the old release, come nearest to this share; the fewer, if two come as near."""
    return min(range(1, most + 1), key=lambda new: (abs(100 * new / (new + beside) - percent), new))


def share(new: int, old: int) -> int:
    """Which share of the new connections the new pods get, in percent."""
    return round(100 * new / (new + old)) if new + old else 0


def had(plan: Plan) -> tuple[str, ...]:
    """What each step of a plan comes to without a gateway; empty where it is what the step says."""
    told: list[str] = []
    new, old = 0, plan.beside
    for step in plan.steps:
        says = ""
        if isinstance(step, Scale):
            new, old = (step.replicas, old) if step.side is Side.NEW else (new, step.replicas)
        elif isinstance(step, Shift) and plan.beside and plan.old is not None and step.weight > NONE:
            if step.weight < ALL:
                says = f": about {share(new, old)} % of new connections, by {new} pods beside {old} of {plan.old.version}"
            else:
                says = f": new connections; those that are open stay with {plan.old.version} until it stops"
        told.append(says)
    return tuple(told)


def sentences(plan: Plan) -> tuple[str, ...]:
    """How traffic moves, and by what the release is judged, for whoever reads the plan of a rollout on Kubernetes."""
    if plan.new.cluster is None or plan.old is None:
        return ()
    judging = judged(plan.thresholds, plan.new.cluster)
    if not plan.beside:
        return (judging,)
    old, new = plan.old.version, plan.new.version
    ends = f"{plan.keep_warm:g} s after completion (keep_warm), the time that they have to end" if plan.keep_warm else "at completion"
    return (
        f"no HTTPRoute leads to it, so pods divide the traffic, {plan.beside} of {old} and those of {new}: by connections, not by requests",
        f"who keeps a connection to {old} open stays there; it is stopped {ends}",
        judging,
    )


def moved(gated: bool) -> str:
    """By what traffic moves, in a few words."""
    return "the weights of its HTTPRoute" if gated else "its Service's selector: new connections only, shared by the number of pods"


def judged(thresholds: Thresholds, cluster: Cluster) -> str:
    """By what a release there is judged."""
    if thresholds.mode == "health":
        return "judged by the replicas' health and by checks alone: no request is measured"
    pods = cluster.prometheus is not None and cluster.prometheus.counts == "pods"
    who = "its own pods" if pods else "the gateway"
    asked = "Prometheus" if cluster.prometheus is not None else "its statistics"
    return f"judged by its requests beside those of the release that it replaces, as {who} count{'' if pods else 's'} them, by {asked}"


def unsuited(thresholds: Thresholds, cluster: Cluster, *, testers: bool) -> tuple[str, ...]:
    """What an environment asks for and only a gateway could do, where no HTTPRoute leads to the Service."""
    found = []
    if testers:
        found.append("its canary has route:, and no HTTPRoute of its manifests leads to its Service: nobody would send testers to it")
    counts = cluster.prometheus is not None and (cluster.prometheus.counts == "pods" or cluster.prometheus.requests)
    if thresholds.mode != "health" and not counts:
        why = "its requests are to be judged as the gateway counts them, and no HTTPRoute of its manifests leads to its Service"
        found.append(f"{why}: count by its own pods (kubernetes: prometheus: {{counts: pods}}), or say analysis: health")
    return tuple(found)
