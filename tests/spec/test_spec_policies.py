"""The server's own file: what repositories inherit from it, and what they cannot say against it."""

from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as some

from headway.errors import InvalidSpec
from headway.promotion.floors import short_of
from headway.promotion.model import Approvals, BreakGlass, Stage
from headway.spec.file import Command, File
from headway.spec.policies import Policies, read_policies
from headway.spec.read import read
from headway.spec.views import configured, stages

POLICIES = """\
headway: 1
people:
  groups: {managers: [rita, ravi]}
  break_glass: [rita]
  revoked: [mallory]
freezes:
  holidays: {from: 2026-12-20 00:00, until: 2027-01-02 00:00, environments: [production]}
gates:
  early: time.hour < 16
notify:
  oncall: {command: [pager]}
policies:
  prod*:
    approvals: {needed: 1, from: [managers]}
    soak: 15m
    replicas: 2
    strategy: [canary, blue-green]
    analysis: {error_rate: 1%, needs: 100}
    checks: [smoke]
    after: [staging]
    gates: [early]
    notify: [oncall]
defaults:
  config: {LOG_FORMAT: json, REGION: north}
  notify:
    chat: {command: [chat]}
  environments:
    staging: {soak: 5m, trigger: {merge: main}}
    production:
      strategy: {canary: [10, 50]}
      holdback: 5
      keep_warm: 30m
      notify: [chat]
"""
OURS = """\
services:
  shop: {run: ./run, checks: {smoke: ./smoke}}
environments:
  staging: {}
  production: {after: staging}
"""


def policies(text: str = POLICIES) -> Policies:
    return read_policies(dedent(text), "policies.yaml")


def under(text: str, server: str = POLICIES, *, governs: bool = True) -> File:
    return read(dedent(text), "headway.yaml", policies(server), governs=governs)


def production(text: str, server: str = POLICIES) -> Stage:
    return next(one for one in stages(under(text, server), "shop") if one.environment.name == "production")


def faults(text: str, server: str = POLICIES) -> tuple[str, ...]:
    with pytest.raises(InvalidSpec) as error:
        under(text, server)
    return error.value.faults


class TestInheriting:
    def test_what_a_file_does_not_say_it_inherits(self) -> None:
        stage = production(OURS)
        assert (stage.strategy, stage.weights, stage.holdback, stage.keep_warm) == ("canary", (10, 50), 5, 1800)
        assert under(OURS).environments["staging"].stage.soak == 300
        assert under(OURS).environments["staging"].stage.trigger.merge == "main"

    def test_what_it_says_is_its_own_whole(self) -> None:
        stage = production(OURS.replace("{after: staging}", "{after: staging, strategy: blue-green, keep_warm: 1h}"))
        assert (stage.strategy, stage.weights, stage.keep_warm) == ("blue-green", (), 3600)
        assert stage.holdback == 0  # it went with the canary, which was not taken

    def test_names_are_put_together_and_the_files_own_win(self) -> None:
        file = under(OURS + "config: {REGION: south}\nsecrets: {LOG_FORMAT: env:FORMAT}\nnotify: {mine: {command: [mine]}}\n")
        told = configured(file, "shop", "staging")
        assert (told.configuration.values, told.configuration.secrets) == ({"REGION": "south"}, {"LOG_FORMAT": "env:FORMAT"})
        assert file.notify == {"mine": Command(("mine",)), "chat": Command(("chat",))}

    def test_a_file_without_environments_has_those_of_the_server(self) -> None:
        file = under("services: {shop: {run: ./run, checks: {smoke: ./smoke}}}")
        assert list(file.environments) == ["staging", "production"]
        assert list(under(OURS.replace("  production: {after: staging}\n", "")).environments) == ["staging"]

    def test_every_inherited_value_says_where_it_is_from(self) -> None:
        assert configured(under(OURS), "shop", "staging").origins["LOG_FORMAT"] == "policies.yaml:24"
        origins = production(OURS).origins
        assert origins["keep_warm"] == "policies.yaml:32:7"
        assert origins["replicas"] == "the policy prod* at policies.yaml:16:15"
        assert "after" not in origins

    def test_a_fault_in_what_is_inherited_is_told_where_it_was_written(self) -> None:
        server = POLICIES.replace("notify: [chat]", "notify: [nobody]")
        assert faults(OURS, server)[0].startswith('policies.yaml:33:16: environments.production.notify names "nobody"')

    def test_a_commit_that_does_not_govern_inherits_and_is_not_judged(self) -> None:
        weak = OURS.replace("{after: staging}", "{after: staging, soak: 1s}")
        assert under(weak, governs=False).environments["production"].stage.soak == 1
        assert faults(weak)


class TestPolicies:
    def test_what_a_file_leaves_open_is_raised(self) -> None:
        stage = production(OURS)
        assert stage.also == (Approvals(1, ("rita", "ravi")),)
        assert (stage.environment.replicas, stage.soak, stage.checks) == (2, 900, ("smoke",))
        assert (stage.thresholds.needs, stage.thresholds.error_rate) == (100, 0.01)
        assert stage.notify == ("chat", "oncall")
        assert [gate.name for gate in stage.gates] == ["early"]
        assert [(freeze.name, freeze.glass) for freeze in stage.freezes] == [("holidays", BreakGlass(("rita",)))]
        assert stage.revoked == ("mallory",)

    def test_other_environments_are_left_alone(self) -> None:
        stage = under(OURS).environments["staging"].stage
        assert (stage.also, stage.freezes, stage.gates, stage.environment.replicas) == ((), (), (), 1)

    def test_more_than_asked_is_kept(self) -> None:
        stage = production(OURS.replace("{after: staging}", "{after: staging, soak: 1h, approvals: {needed: 2, from: [ann, bob]}}"))
        assert (stage.soak, stage.approvals) == (3600, Approvals(2, ("ann", "bob")))
        assert stage.also == (Approvals(1, ("rita", "ravi")),)

    @pytest.mark.parametrize(
        ("says", "fault"),
        [
            pytest.param(
                "soak: 5m",
                "headway.yaml:6:11: environments.production.soak is 5m, but the policy prod* asks for at least 15m (policies.yaml:15:11)",
                id="a shorter soak",
            ),
            pytest.param("replicas: 1", "replicas is 1, but the policy prod* asks for at least 2 (policies.yaml:16:15)", id="one replica"),
            pytest.param("services: {shop: {replicas: 1}}", "services.shop.replicas is 1", id="one replica of one service"),
            pytest.param("strategy: rolling", "headway.yaml:6:15: environments.production.strategy is rolling", id="another strategy"),
            pytest.param("approvals: 0", "headway.yaml:6:16: environments.production.approvals needs 0", id="no approval"),
            pytest.param("approvals: {allow_self: true}", "approvals.allow_self is true", id="one's own approval"),
            pytest.param("approvals: {within: 30d}", "approvals.within is 30d", id="approvals that never grow old"),
            pytest.param("analysis: health", "headway.yaml:6:15: environments.production.analysis is health", id="no measuring"),
            pytest.param("analysis: {error_rate: 5%}", "headway.yaml:6:28: environments.production.analysis.error_rate is 5%", id="laxer"),
            pytest.param("analysis: {needs: 10}", "analysis.needs is 10", id="fewer requests"),
        ],
    )
    def test_a_file_that_says_less_is_told_both_places(self, says: str, fault: str) -> None:
        text = OURS.replace("  production: {after: staging}\n", f"  production:\n    {says}\n    after: staging\n")
        found = faults(text)
        assert len(found) == 1, found
        assert fault in found[0]
        assert "(policies.yaml:" in found[0]

    def test_the_way_to_production_cannot_leave_a_stage_out(self) -> None:
        assert "after leaves out staging" in faults(OURS.replace("after: staging", "after: []"))[0]
        assert "hotfix.skips names staging" in faults(OURS + "hotfix: {skips: [staging]}\n")[0]
        roundabout = OURS.replace("  production: {after: staging}", "  last: {after: staging}\n  production: {after: last}")
        assert production(roundabout).after == ("last",)

    def test_every_service_must_have_the_check_and_not_leave_it_to_a_person(self) -> None:
        assert faults(OURS.replace(", checks: {smoke: ./smoke}", "")) == (
            "headway.yaml:2:3: services.shop has no check smoke, but the policy prod* asks for it (policies.yaml:19:13)",
        )
        assert "leaves the check smoke to a person" in faults(OURS.replace("./smoke", "{manual: look}"))[0]

    def test_a_group_of_the_repository_is_no_group_of_the_policy(self) -> None:
        stage = production(OURS + "people: {groups: {managers: [eve]}}\n")
        assert stage.also == (Approvals(1, ("rita", "ravi")),)
        assert stage.groups["managers"] == ("rita", "ravi")

    def test_a_default_that_contradicts_a_policy_is_the_servers_own_fault(self) -> None:
        server = POLICIES.replace("keep_warm: 30m", "soak: 1m")
        assert faults(OURS, server)[0].startswith("policies.yaml:32:13: environments.production.soak is 1m, but the policy prod*")

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            pytest.param("policies: {production: {sok: 15m}}", 'did you mean "soak"?', id="a slip"),
            pytest.param("policies: {production: {gates: [x]}}", 'policies.production.gates names "x"', id="a gate that is not there"),
            pytest.param("policies: {production: {approvals: {needed: 3, from: [a]}}}", "that could never open", id="too many"),
            pytest.param("services: {}", "has no key", id="a repository's part"),
            pytest.param("defaults: {environments: {dev: {soak: x}}}", "defaults.environments.dev.soak", id="a default of a wrong type"),
        ],
    )
    def test_a_faulty_file_is_told_like_any_other(self, text: str, fault: str) -> None:
        with pytest.raises(InvalidSpec, match=r"policies\.yaml:1:") as error:
            policies(text)
        assert fault in str(error.value)


def test_the_example_of_the_manual_is_a_good_file_and_does_what_it_says() -> None:
    page = (Path(__file__).parents[2] / "docs/how-to/policies.md").read_text()
    server = page.partition("```yml\n")[2].partition("```")[0]
    stage = production(OURS, server)
    assert (stage.strategy, stage.soak, stage.environment.replicas) == ("canary", 900, 2)
    said = page.partition("```\nheadway.yaml:")[2].partition("\n")[0].partition(": ")[2]
    assert faults(OURS.replace("{after: staging}", "{after: staging, soak: 5m}"), server)[0].endswith(said)


WORDS = some.fixed_dictionaries(
    {},
    optional={
        "soak": some.sampled_from(["1s", "15m", "1h"]),
        "replicas": some.sampled_from(["1", "2", "5"]),
        "approvals": some.sampled_from(["0", "2", "{from: [rita]}", "{needed: 2, from: [ann, bob]}", "{allow_self: true}"]),
        "strategy": some.sampled_from(["rolling", "blue-green", "{canary: [5]}"]),
        "analysis": some.sampled_from(["health", "{error_rate: 0.5%}", "{needs: 10}", "{latency_p95: 300ms}"]),
        "checks": some.sampled_from(["[smoke]", "[load]", "[]"]),
        "after": some.sampled_from(["staging", "[]"]),
        "keep_warm": some.sampled_from(["0s", "1h"]),
        "gates": some.just("[own]"),
    },
)


@given(WORDS)
def test_whatever_a_repository_writes_it_is_refused_or_stands_on_the_floor(words: dict[str, str]) -> None:
    lines = "\n".join(f"    {key}: {value}" for key, value in words.items())
    text = OURS.replace("checks: {smoke: ./smoke}", "checks: {smoke: ./smoke, load: ./load}").replace(
        "  production: {after: staging}\n", f"  production:\n{lines or '    platform: local'}\ngates: {{own: 'true'}}\n"
    )
    try:
        file = under(text)
    except InvalidSpec as error:
        assert all("but the policy prod* asks for" in fault for fault in error.faults)
        return
    stage = file.environments["production"].stage
    for policy in policies().of("production"):
        assert short_of(stage, policy.floor, before=("staging",)) == ()
