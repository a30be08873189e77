"""How tags are called, and which tag is another one."""

import pytest

from headway.releases.policy import Policy
from headway.releases.tagging import ReleaseTag, objections, release_tag, tag_name
from headway.testing import sample_release

PLAIN = Policy()


@pytest.mark.parametrize(
    ("policy", "name"),
    [
        pytest.param(PLAIN, "v1.0.0", id="usual"),
        pytest.param(Policy(tag="release-{version}"), "release-1.0.0", id="as the file says"),
        pytest.param(Policy(folders={"tally": "services/tally"}), "services/tally/v1.0.0", id="a folder's own"),
        pytest.param(Policy(folders={"other": "services/other"}), "v1.0.0", id="another service has a folder"),
    ],
)
def test_a_tag_is_named_as_versions_are_read(policy: Policy, name: str) -> None:
    assert tag_name("tally", "1.0.0", policy) == name


RELEASE = sample_release()
WANTED = release_tag(RELEASE, PLAIN)


def test_a_tag_says_version_and_digest() -> None:
    assert ReleaseTag("v1.0.0", RELEASE.commit, f"tally 1.0.0\n\nDigest: {RELEASE.digest}\nCut-by: ada\n") == WANTED


@pytest.mark.parametrize(
    ("there", "count"),
    [
        pytest.param(WANTED, 0, id="the same"),
        pytest.param(ReleaseTag("v1.0.0", RELEASE.commit), 0, id="by hand on the same commit"),
        pytest.param(ReleaseTag("v1.0.0", "f" * 40, WANTED.message), 2, id="another commit, with what to do"),
        pytest.param(ReleaseTag("v1.0.0", RELEASE.commit, f"Digest: sha256:{'e' * 64}\n"), 1, id="another artifact"),
    ],
)
def test_which_tag_is_another(there: ReleaseTag, count: int) -> None:
    assert len(objections(there, WANTED)) == count
