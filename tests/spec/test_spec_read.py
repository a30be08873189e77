"""What headway.yaml means: the example as nouns, defaults, merges, and whose file governs."""

from dataclasses import fields
from pathlib import Path

import pytest

from headway.analysis.model import Thresholds
from headway.environments.branches import PerBranch
from headway.environments.model import Configuration, Environment
from headway.errors import Refused
from headway.promotion.model import Approvals, Stage, Trigger
from headway.releases.model import BuildSpec, CheckSpec, Limits, RunSpec
from headway.releases.stamping import Stamp
from headway.rollout.routing import Mark, Routing
from headway.spec.file import Command, File, ReleasePart, Webhook
from headway.spec.read import read
from headway.spec.views import configured, release_part, stages

EXAMPLE = Path(__file__).parents[2] / "examples" / "tally" / "headway.yaml"
SMALLEST = "services: {web: {run: python3 app.py}}\nenvironments: {dev: {}}\n"


def example() -> File:
    return read(EXAMPLE.read_text(encoding="utf-8"))


def stage(lines: str) -> Stage:
    text = f"services: {{web: {{run: app}}}}\nenvironments: {{dev: {{{lines}}}}}\n"
    return stages(read(text), "web")[0]


def test_the_example_says_how_tally_is_built_and_run() -> None:
    part = release_part(example(), "tally")
    assert part.run.argv[0] == "python3"
    assert part.run.argv[-2:] == ("-m", "tally")
    assert part.run == RunSpec(
        argv=part.run.argv,
        health="/health",
        ready="/ready",
        ready_within=10,
        grace=5,
        request_timeout=2,
        limits=Limits(memory_mb=512),
    )
    assert part.build == BuildSpec(argv=("python3", "build.py"), output="dist", checks=("lint", "unit", "together"))
    assert part.requires == ("GREETING",)
    assert part.checks["smoke"] == CheckSpec("smoke", ("python3", "checks/smoke.py"), timeout=10, retries=1)
    assert part.checks["performance"].settings == ("BUDGET_MS",)
    assert part.checks["uat"] == CheckSpec("uat", manual="somebody from QA counts a vote and finds it in the list")


def test_stamps_are_files_by_name_or_with_the_place_to_find() -> None:
    text = "services: {web: {run: app, build: {stamp: [./VERSION, {file: a.py, find: 'v = (.*)'}]}}}\nenvironments: {dev: {}}\n"
    assert release_part(read(text), "web").build.stamps == (Stamp("VERSION"), Stamp("a.py", "v = (.*)"))


def test_the_example_says_what_tally_must_pass() -> None:
    dev, staging, production = stages(example(), "tally")
    assert dev.trigger == Trigger(push=("feature/*",))
    assert dev.newer == "supersedes"
    assert staging.trigger == Trigger(merge="main")
    assert staging.checks == ("smoke", "integration", "e2e", "performance", "security")
    assert staging.manual == ("uat",)
    assert staging.thresholds.mode == "health"
    assert production == Stage(
        service="tally",
        environment=Environment(
            "production", 3, Configuration({"BUDGET_MS": "150", "GREETING": "hello", "LOG_LEVEL": "warning"}), "local", None
        ),
        after=("staging",),
        approvals=Approvals(1, ("bob", "carol"), 7 * 86400.0),
        strategy="canary",
        weights=(10, 50),
        thresholds=Thresholds("thresholds", 0.01, 300, 0.95, 2, 30, 3, 120, 60),
        soak=900,
        keep_warm=900,
        notify=("oncall",),
    )
    assert example().notify == {"oncall": Command(("python3", "-c", "import sys; print('alert:', sys.stdin.read())"))}


def test_what_is_not_written_is_what_the_nouns_take_for_granted() -> None:
    file = read(SMALLEST)
    assert release_part(file, "web") == ReleasePart(RunSpec(("python3", "app.py")))
    assert stages(file, "web") == (Stage("web", Environment("dev"), thresholds=Thresholds(mode="health")),)


def test_a_canary_is_judged_by_thresholds_unless_told_otherwise() -> None:
    assert stage("strategy: canary").thresholds == Thresholds()
    assert stage("strategy: canary, analysis: health").thresholds.mode == "health"
    assert stage("analysis: thresholds").thresholds == Thresholds()
    assert stage("analysis: {error_rate: 0.5%, latency_p99: 1s500ms}").thresholds == Thresholds(
        error_rate=0.005, latency_ms=1500, quantile=0.99
    )


@pytest.mark.parametrize(
    ("written", "strategy", "weights", "batch"),
    [
        pytest.param("rolling", "rolling", (), 1, id="rolling by one"),
        pytest.param("{rolling: {batch: 3}}", "rolling", (), 3, id="rolling by three"),
        pytest.param("canary", "canary", (10, 50), 1, id="the usual canary"),
        pytest.param("{canary: [5, 25]}", "canary", (5, 25), 1, id="all of it is understood"),
        pytest.param("{canary: [5, 25, 100]}", "canary", (5, 25), 1, id="all of it is written"),
        pytest.param("{canary: 20}", "canary", (20,), 1, id="one weight"),
        pytest.param("{canary: [100]}", "canary", (), 1, id="all at once, but watched"),
    ],
)
def test_a_strategy_says_its_steps(written: str, strategy: str, weights: tuple[int, ...], batch: int) -> None:
    found = stage(f"strategy: {written}")
    assert (found.strategy, found.weights, found.batch) == (strategy, weights, batch)


@pytest.mark.parametrize(
    ("written", "routing"),
    [
        pytest.param("{canary: [10]}", None, id="by weight alone"),
        pytest.param("{canary: {sticky: true}}", Routing(sticky=True), id="users stay"),
        pytest.param("{canary: {mirror: 20%}}", Routing(mirror=20), id="copies"),
        pytest.param(
            "{canary: {route: {header: {name: X-Tester, value: yes}}, alone: 5m}}",
            Routing((Mark("header", "X-Tester", "yes"),), alone=300.0),
            id="who sends a header",
        ),
        pytest.param(
            "{canary: {route: {cookie: {name: beta, value: 1}, header: {name: X-T, value: a b}}}}",
            Routing((Mark("header", "X-T", "a b"), Mark("cookie", "beta", "1"))),
            id="or has a cookie",
        ),
    ],
)
def test_a_canary_says_who_reaches_it_besides(written: str, routing: Routing | None) -> None:
    found = stage(f"strategy: {written}")
    assert (found.strategy, found.routing) == ("canary", routing)
    assert found.weights == ((10,) if "[10]" in written else (10, 50))


@pytest.mark.parametrize(
    ("written", "approvals"),
    [
        pytest.param("0", Approvals(), id="nobody"),
        pytest.param("2", Approvals(2), id="any two"),
        pytest.param("{from: [ann, bob]}", Approvals(1, ("ann", "bob")), id="one of two"),
        pytest.param(
            "{needed: 2, from: [ann, bob], within: 1h, allow_self: true}", Approvals(2, ("ann", "bob"), 3600, True), id="all said"
        ),
    ],
)
def test_approvals_are_a_number_or_a_mapping(written: str, approvals: Approvals) -> None:
    assert stage(f"approvals: {written}").approvals == approvals


def test_words_that_older_yaml_took_for_booleans_are_words() -> None:
    file = read(
        "services: {no: {run: 'on'}}\nenvironments: {on: {trigger: {merge: no}, config: {COUNTRY: NO, VERSION: 1.10, DEBUG: true}}}\n"
    )
    (found,) = stages(file, "no")
    assert found.environment.name == "on"
    assert found.trigger.merge == "no"
    assert found.environment.configuration.values == {"COUNTRY": "NO", "DEBUG": "true", "VERSION": "1.10"}


def test_anchors_and_merge_keys_work_and_what_is_written_out_wins() -> None:
    text = "x-web: &web {replicas: 2, soak: 1m}\nservices: {web: {run: app}}\nenvironments:\n"
    text += "  dev: {<<: *web, replicas: 3}\n  live: {<<: [*web, {soak: 2m, keep_warm: 3m}]}\n"
    dev, live = stages(read(text), "web")
    assert (dev.environment.replicas, dev.soak) == (3, 60)
    assert (live.environment.replicas, live.soak, live.keep_warm) == (2, 60, 180)


def test_the_pipeline_is_a_graph_in_order() -> None:
    text = """\
services: {web: {run: app}}
environments:
  live: {after: [eu, us]}
  dev: {trigger: {push: "*"}}
  eu: {after: dev}
  us: {after: dev}
  demo: {after: []}
  late: {}
"""
    found = stages(read(text), "web")
    assert [(one.environment.name, one.after) for one in found] == [
        ("dev", ()),
        ("demo", ()),
        ("eu", ("dev",)),
        ("us", ("dev",)),
        ("late", ("demo",)),
        ("live", ("eu", "us")),
    ]


def test_each_service_gets_its_own_checks_replicas_port_and_variables() -> None:
    text = """\
services:
  web: {run: web, checks: {smoke: a}}
  api: {run: api, checks: {smoke: b, load: c}}
config: {LOG: info}
secrets: {KEY: env:KEY}
environments:
  dev:
    replicas: 2
    checks: [load, smoke]
    config: {LOG: debug}
    services:
      api: {replicas: 4, port: 8001, config: {KEY: none, WHO: api}}
"""
    file = read(text)
    (web,) = stages(file, "web")
    (api,) = stages(file, "api")
    assert (web.checks, api.checks) == (("smoke",), ("load", "smoke"))
    assert web.environment == Environment("dev", 2, Configuration({"LOG": "debug"}, {"KEY": "env:KEY"}))
    assert api.environment == Environment("dev", 4, Configuration({"KEY": "none", "LOG": "debug", "WHO": "api"}), port=8001)
    assert configured(file, "api", "dev").origins == {"KEY": "headway.yaml:12", "LOG": "headway.yaml:10", "WHO": "headway.yaml:12"}
    assert configured(file, "web", "dev").origins == {"KEY": "headway.yaml:5", "LOG": "headway.yaml:10"}


def test_people_are_told_by_a_webhook_or_a_command() -> None:
    file = read(
        SMALLEST + "notify: {a: {webhook: 'https://chat.example/x'}, b: {webhook: env:CHAT}, c: {command: [sh, -c, 'cat | mail x']}}\n"
    )
    assert file.notify == {"a": Webhook("https://chat.example/x"), "b": Webhook("env:CHAT"), "c": Command(("sh", "-c", "cat | mail x"))}


def test_a_command_may_name_the_port_and_quote_what_a_shell_would_take() -> None:
    file = read("services: {web: {run: \"serve --port $PORT --only 'a | b' x\\\\;\"}}\nenvironments: {dev: {}}\n")
    assert release_part(file, "web").run.argv == ("serve", "--port", "$PORT", "--only", "a | b", "x;")


def test_readiness_is_health_when_nothing_else_is_said() -> None:
    file = read("services: {web: {run: app, health: /up}}\nenvironments: {dev: {}}\n")
    assert release_part(file, "web").run.ready == "/up"


def test_a_service_or_environment_that_is_not_there_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(Refused, match=r'headway\.yaml has no service "taly"; did you mean "tally"\?'):
        stages(example(), "taly")
    with pytest.raises(Refused, match=r'headway\.yaml has no service "web"; the services are tally'):
        release_part(example(), "web")
    with pytest.raises(Refused, match=r'headway\.yaml has no environment "stagin"; did you mean "staging"\?'):
        configured(example(), "tally", "stagin")


def test_a_file_with_a_byte_order_mark_is_read() -> None:
    assert read(b"\xef\xbb\xbf" + SMALLEST.encode()) == read(SMALLEST)


def test_every_field_of_the_stage_can_be_said_in_the_file() -> None:
    """A field that the file can never set would be a gate that nobody can close."""
    plain = stages(read(SMALLEST), "web")[0]
    text = """\
services: {web: {run: app, checks: {smoke: ./s, uat: {manual: look}}}}
notify: {ops: {command: x}}
people: {groups: {cab: [dana]}, revoked: mallory, break_glass: dana, timezone: Asia/Tokyo}
freezes: {nights: {cron: 0 22 * * *, lasts: 8h}}
checklists: {usual: {usual: true}}
gates: {early: time.hour < 16}
hotfix: {skips: one}
environments:
  one: {}
  two: {trigger: {push: x}, approvals: 1, checks: [smoke, uat, rollback-drill], preview: smoke,
        holdback: 5, strategy: {canary: {weights: [7], sticky: true}}, soak: 1s,
        keep_warm: 1s, after: one, diverged: refuse,
        newer: supersedes, notify: ops, analysis: {needs: 3}, replicas: 2, port: 8000, config: {A: b}, checklist: usual, gates: early,
        advisory: cab}
  three: {strategy: {rolling: {batch: 2}}, trigger: {push: y}, after: two, per_branch: true}
"""
    _, two, three = stages(read(text), "web")
    same = {one.name for one in fields(Stage) if getattr(two, one.name) == getattr(plain, one.name)}
    assert same == {"service", "batch", "per_branch", "also", "origins"}  # the last two are the server's to say
    assert (three.batch, three.per_branch) == (2, PerBranch())
