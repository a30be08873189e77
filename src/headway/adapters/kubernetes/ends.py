"""Who ended the pod of a Job? Of a program that ends well when it is told to go, its exit status says nothing about its work."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from headway.adapters.kubernetes.kinds import Object

CLOCKS = timedelta(seconds=5)
"""What the clocks of a node and of the API server may be apart: of an end so close to the word to go nobody knows which came first."""
_COUNTED = ("active", "succeeded", "failed", "terminating", "uncountedTerminatedPods")


def from_outside(pod: Object, end: Mapping[str, Any]) -> str:
    """Why this end of its container is no word about the work, to follow "the pod"; empty if nobody ended it."""
    status, over = pod.get("status") or {}, _moment(end.get("finishedAt"))
    gone = _moment(pod["metadata"].get("deletionTimestamp"))
    grace = timedelta(seconds=float(pod["metadata"].get("deletionGracePeriodSeconds") or 0))
    if gone is not None and _before(gone - grace, over):
        return "was told to go while it was at work"
    disrupted = _disrupted(pod)
    if disrupted is not None and _before(_moment(disrupted.get("lastTransitionTime")), over):
        return f"was taken away while it was at work ({_said(status) or _said(disrupted)})"
    if status.get("phase") == "Failed" and not end.get("exitCode"):
        # A node that is short of memory, or shuts down, deletes nothing: only here it says that it ended the pod.
        return f"was ended by its node ({_said(status) or 'it does not say why'})"
    return ""


def made_again(thing: Object, pod: Object) -> bool:
    """Did the cluster take it away, for another that is to come? So a Job may say of pods that it lost."""
    return _disrupted(pod) is not None and (pod.get("status") or {}).get("phase") == "Failed" and not _over(thing)


def had_a_pod(thing: Object) -> bool:
    """Was there ever one, by the Job's own count?"""
    return any((thing.get("status") or {}).get(one) for one in _COUNTED)


def _before(told: datetime | None, over: datetime | None) -> bool:
    """Was it told before it was through, as far as anybody can say?"""
    return told is None or over is None or told - CLOCKS <= over


def _disrupted(pod: Object) -> Mapping[str, Any] | None:
    found = (pod.get("status") or {}).get("conditions") or ()
    return next((one for one in found if one.get("type") == "DisruptionTarget" and one.get("status") == "True"), None)


def _over(thing: Object) -> bool:
    found = (thing.get("status") or {}).get("conditions") or ()
    return any(one.get("type") in {"Complete", "Failed"} and one.get("status") == "True" for one in found)


def _said(of: Mapping[str, Any]) -> str:
    return ": ".join(str(of[one]).strip() for one in ("reason", "message") if of.get(one))


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
