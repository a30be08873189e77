"""What does a release's tag say, and is a tag that is already there that one?"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from headway.releases.lines import naming
from headway.releases.model import Release
from headway.releases.policy import Policy
from headway.releases.version import version

_DIGEST = re.compile(r"^Digest: (sha256:[0-9a-f]{64})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ReleaseTag:
    """A tag in the users' repository: where it leads, and what it says."""

    name: str
    commit: str
    message: str = ""
    """Empty when it is not annotated."""
    signed: bool = False


def tag_name(service: str, wanted: str, policy: Policy) -> str:
    """How the tag of this version is called: `v1.4.0`; `services/api/v1.4.0` where a folder has versions of its own."""
    found = version(wanted)
    assert found is not None, f"{wanted} passed as a version"
    folder = policy.folders.get(service, "")
    return naming(folder, None if folder else policy.tag).tag(found)


def release_tag(release: Release, policy: Policy, *, signed: bool = False) -> ReleaseTag:
    """The tag that this release gets."""
    about = (f"{release.service} {release.version}", "", f"Digest: {release.digest}", f"Cut-by: {release.cut_by}")
    return ReleaseTag(tag_name(release.service, release.version, policy), release.commit, "\n".join(about) + "\n", signed)


def objections(there: ReleaseTag, wanted: ReleaseTag) -> Sequence[str]:
    """Why the tag that is there is another one; empty when it will do. One that people made by hand, on the same commit, will do."""
    if there.commit != wanted.commit:
        moved = "a tag is never moved: choose another version, or delete it yourself if it is wrong"
        return (f"{there.name} leads to {there.commit[:10]}, not to {wanted.commit[:10]}", moved)
    found = []
    says, said = _DIGEST.search(wanted.message), _DIGEST.search(there.message)
    if says and said and says[1] != said[1]:
        found.append(f"{there.name} names the artifact {said[1]}, the release is {says[1]}")
    if wanted.signed and not there.signed:
        found.append(f"{there.name} is there and is not signed; leave out --sign, or delete it yourself and ask again")
    return found
