"""The server's own file: text in, what repositories inherit and what none of them may weaken out, or every fault at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from hashlib import sha256

from headway.promotion.floors import Floor, Limits
from headway.promotion.model import Approvals, BreakGlass, Freeze
from headway.spec import gating_rules
from headway.spec.compose import compose
from headway.spec.faults import Faults
from headway.spec.file import Command, Webhook
from headway.spec.gating import expanded, freezes, gate, groups
from headway.spec.inherit import marked
from headway.spec.nodes import Node
from headway.spec.policy_keys import POLICIES
from headway.spec.shapes import NOWHERE, Found


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that a policy asks for: as it is written, and where."""

    text: str
    place: str


@dataclass(frozen=True, slots=True)
class Policy:
    """What environments of such a name must ask."""

    environments: str
    """A name or a pattern."""
    floor: Floor
    asked: Mapping[str, Asked]


@dataclass(frozen=True, slots=True)
class Policies:
    """What a server says to all of its repositories."""

    path: str = ""
    digest: str = ""
    defaults: Node | None = None
    policies: tuple[Policy, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    frozen: Mapping[str, Asked] = field(default_factory=dict)
    notify: Mapping[str, Webhook | Command] = field(default_factory=dict)

    def of(self, environment: str) -> Iterator[Policy]:
        """Those that an environment of this name stands on."""
        yield from (one for one in self.policies if fnmatchcase(environment, one.environments))
        if here := tuple(one for one in self.freezes if not one.environments or environment in one.environments):
            yield Policy(environment, Floor(freezes=here), {"freezes": self.frozen[here[0].name]})


NONE = Policies()


def read_policies(text: str | bytes, path: str) -> Policies:
    """The file as nouns; InvalidSpec has every fault at once."""
    faults = Faults(path)
    root = compose(text, faults)
    if root is None:
        faults.check()
    assert root is not None
    found = POLICIES.read(root, NOWHERE, "", faults)
    _agree(found, faults)
    faults.check()
    defaults = next((value for key, value in root.pairs if key.text == "defaults"), None)
    known = groups(found)
    glass = found["people"]["break_glass"]
    lifters = BreakGlass(expanded(glass["from"].values(), known), glass["within"].value) if glass.given else BreakGlass()
    revoked = found["people"]["revoked"]
    everywhere = (Policy("*", Floor(revoked=revoked.values()), {"revoked": _asked(revoked, path)}),) if revoked.values() else ()
    whole = text.encode() if isinstance(text, str) else text
    return Policies(
        path=path,
        digest=sha256(whole).hexdigest(),
        defaults=marked(defaults, path) if defaults is not None else None,
        policies=(*(_policy(name, one, found, path) for name, one in found["policies"].parts()), *everywhere),
        freezes=tuple(replace(one, glass=lifters) for one in freezes(found, known)),
        frozen={name: Asked(name, _place(one.key, path)) for name, one in found["freezes"].parts()},
        notify={name: _target(one) for name, one in found["notify"].parts()},
    )


def _agree(file: Found, faults: Faults) -> None:
    """What the keys say of each other."""
    gating_rules.agree(file, faults)
    known = groups(file)
    for name, policy in file["policies"].parts():
        for key, what in (("gates", "gates"), ("notify", "targets of notify")):
            there = file[key].value if isinstance(file[key].value, dict) else {}
            for one in policy[key].items():
                if one.value not in there:
                    faults.unknown(one.node, f'policies.{name}.{key} names "{one.value}", which is not there', one.value, there, what)
        needed, people = policy["approvals"]["needed"], policy["approvals"]["from"]
        named = expanded(people.values(), known)
        if people.given and needed.value is not None and needed.value > len(named):
            faults.add(needed.node, f"policies.{name}.approvals needs {needed.value}, but from names {len(named)}; that could never open")


def _policy(name: str, found: Found, file: Found, path: str) -> Policy:
    known = groups(file)
    approvals, limits = found["approvals"], found["analysis"]
    floor = Floor(
        approvals=Approvals(
            needed=approvals["needed"].value,
            people=expanded(approvals["from"].values(), known),
            within=approvals["within"].value,
            allow_self=approvals["allow_self"].value,
        )
        if approvals.given
        else None,
        soak=found["soak"].value or 0.0,
        keep_warm=found["keep_warm"].value or 0.0,
        replicas=found["replicas"].value or 0,
        strategies=found["strategy"].values(),
        limits=Limits(*(limits[key].value for key in ("error_rate", "times_baseline", "needs", "min_time"))) if limits.given else None,
        checks=found["checks"].values(),
        after=found["after"].values(),
        gates=tuple(gate(one, file) for one in found["gates"].values()),
        notify=found["notify"].values(),
        groups=known if found["gates"].values() else {},
    )
    return Policy(name, floor, {key: _asked(one, path) for key, one in found.parts() if one.given})


def _asked(found: Found, path: str) -> Asked:
    return Asked(_shown(found), _place(found.node, path))


def _shown(found: Found) -> str:
    """As a person would say it."""
    if found.items():
        return " or ".join(str(one) for one in found.values())
    if isinstance(found.value, dict):
        return ", ".join(f"{key}: {_shown(one)}" for key, one in found.parts() if one.given)
    return found.node.text


def _place(node: Node, path: str) -> str:
    return f"{path}:{node.line}:{node.column}"


def _target(found: Found) -> Webhook | Command:
    url = found["webhook"].value
    return Webhook(url) if url else Command(found["command"].value)
