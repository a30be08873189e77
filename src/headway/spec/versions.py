"""What headway.yaml says of versions. Read alone, so that a file without services may have it, and a fault elsewhere is no obstacle."""

from headway.releases.levels import Level
from headway.releases.policy import Api, Policy, Waiver
from headway.spec.compose import compose
from headway.spec.faults import Faults
from headway.spec.keys import VERSIONS
from headway.spec.shapes import Found


def read_versions(text: str | bytes, path: str = "headway.yaml") -> Policy:
    """The policy; InvalidSpec has every fault of this part of the file."""
    faults = Faults(path)
    root = compose(text, faults)
    pairs = root.pairs if root is not None else ()
    found = next((VERSIONS.read(value, key, "versions", faults) for key, value in pairs if key.text == "versions"), None)
    faults.check()
    return policy(found) if found is not None else Policy()


def policy(found: Found) -> Policy:
    """The part of the file as nouns; nothing in it may be faulty."""
    return Policy(
        breaking=Level(found["breaking"].value),
        first=found["first"].value,
        types={name: Level(level.value) for name, level in found["types"].parts()},
        calendar=found["calendar"].value,
        tag=found["tag"].value,
        folders={name: folder.value.strip("/") for name, folder in found["folders"].parts()},
        api=Api(found["api"]["python"].values(), found["api"]["openapi"].values()),
        waivers={name: Waiver(one["reason"].value, one["until"].value) for name, one in found["waivers"].parts()},
        migrations=found["migrations"].value,
        contract=Level(found["contract"].value),
    )
