"""What headway.yaml says back when something is wrong with it."""

# ruff: noqa: E501 - each sentence is quoted whole, on one line, so that it can be found

import pytest

from headway.errors import InvalidSpec
from headway.spec.read import read


def faults(text: str | bytes) -> list[str]:
    with pytest.raises(InvalidSpec) as caught:
        read(text)
    return [fault.removeprefix("headway.yaml:") for fault in caught.value.faults]


def service(lines: str) -> str:
    return f"services:\n  web:\n    run: python3 app.py\n    {lines}\nenvironments: {{dev: {{}}}}\n"


def environment(lines: str) -> str:
    head = "services: {web: {run: app, checks: {smoke: ./smoke}}}\nenvironments:\n  dev:\n"
    return f"{head}    {lines}\n"


CLUSTERED = "platform: kubernetes\n    kubernetes: {manifests: k8s, namespace: shop"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("", "1:1: the file is empty, expected a mapping with services: and environments:", id="an empty file"),
        pytest.param("# only\n", "1:1: the file is empty, expected a mapping with services: and environments:", id="only a comment"),
        pytest.param("null", "1:1: the file is empty, expected a mapping with services: and environments:", id="nothing but null"),
        pytest.param("- a\n", "1:1: the file is a list, expected a mapping with services: and environments:", id="a list at the top"),
        pytest.param("a: 1\n---\nb: 2\n", "2:1: a second document starts here, expected one", id="two documents"),
        pytest.param("a:\n\tb: c\n", "2:1: a tab, expected spaces: YAML is indented with spaces only", id="a tab"),
        pytest.param(b"a: b\nc: \xff\n", "2:4: byte 0xff is not UTF-8; save the file as UTF-8", id="not UTF-8"),
        pytest.param("a: b\nc: \x07\n", "2:4: U+0007 is a control character, expected readable text", id="a control character"),
        pytest.param("a" * 1_000_001, "1:1: the file has 1,000,001 characters, at most 1,000,000 are read", id="too large"),
        pytest.param("[" * 100, "1:34: nested more than 32 deep", id="too deep"),
        pytest.param(
            "[" + "a," * 20_001 + "]",
            "1:40000: from here on there are more than 20,000 values (aliases count for all they stand for)",
            id="too many values",
        ),
        pytest.param("a: &a [*a]", "1:8: *a stands inside of what it stands for", id="an alias of itself"),
        pytest.param("a: *b", "1:4: *b stands for nothing: there is no &b before it", id="an alias of nothing"),
        pytest.param(
            "a: b: c",
            '1:5: a second ": " in one line or wrong indentation, expected one key a line; put text with ": " in quotes',
            id="two keys in one line",
        ),
    ],
)
def test_what_cannot_be_read_at_all_is_one_fault(text: str | bytes, fault: str) -> None:
    first, *others = faults(text)
    assert first.startswith(fault)
    assert not others


def test_a_bomb_of_aliases_is_refused_before_it_is_expanded() -> None:
    rows = ["x-0: &a0 [b, b, b, b, b, b, b, b, b, b]"]
    rows += [f"x-{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert faults("\n".join(rows)) == ["5:11: from here on there are more than 20,000 values (aliases count for all they stand for)"]


NO_SHELL = "is for a shell and no shell runs it: put it in a script, or write [sh, -c, ...]"


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        pytest.param(
            "build: {stamp: [VERSION, about.py]}",
            '4:30: services.web.build.stamp: nobody knows what form "about.py" has, expected find with it, or one of pyproject.toml, '
            "Cargo.toml, package.json, package-lock.json, composer.json, Chart.yaml, VERSION, version.txt",
            id="a stamp into a file of no known form",
        ),
        pytest.param(
            'build: {stamp: [{file: about.py, find: "v = .*"}]}',
            '4:44: an item of services.web.build.stamp.find is "v = .*", expected a regular expression with one group around the version; it has no '
            "group; use (?:…) for those that only hold together",
            id="a stamp that says nowhere",
        ),
        pytest.param("helth: /x", '4:5: services.web has no key "helth"; did you mean "health"?', id="a misspelt key"),
        pytest.param(
            "zzz: 1",
            '4:5: services.web has no key "zzz"; the keys are build, health, ready, ready_within, stop_grace, request_timeout, '
            "requires, limits, migrations, checks, local",
            id="an unknown key",
        ),
        pytest.param("run: again", '4:5: the key "run" is there twice, expected once; the first is on line 3', id="a key twice"),
        pytest.param(
            "stop_grace: 15",
            '4:17: services.web.stop_grace is 15, expected a duration such as 500ms, 15m or 1h30m; did you mean "15s"?',
            id="plain seconds",
        ),
        pytest.param(
            "ready_within: 0s",
            '4:19: services.web.ready_within is "0s", expected a duration such as 500ms, 15m or 1h30m, longer than none; '
            "nothing happens in no time",
            id="no time at all",
        ),
        pytest.param(
            "limits: {memory: 512}",
            '4:22: services.web.limits.memory is 512, expected a size such as 512MB or 2GB; did you mean "512MB"?',
            id="a bare size",
        ),
        pytest.param("health: health", '4:13: services.web.health is "health", expected a path such as /health', id="no path"),
        pytest.param("health: ~", "4:5: services.web.health is empty, expected a path such as /health", id="a key without a value"),
        pytest.param("health: [/a]", "4:13: services.web.health is a list, expected a path such as /health", id="a list for text"),
        pytest.param(
            "requires: [PORT]",
            '4:16: an item of services.web.requires is "PORT", expected letters, digits and _, not starting with a digit; Headway sets it',
            id="what Headway sets itself",
        ),
        pytest.param(
            "build: {output: ../x}",
            '4:21: services.web.build.output is "../x", expected a folder inside of the repository; it is relative to the repository, without ..',
            id="out of the repository",
        ),
        pytest.param(
            "build: {checks: [unit]}",
            '4:22: services.web.build.checks names "unit", which is not there; there are no checks of web',
            id="a build check that is nowhere",
        ),
        pytest.param("build: 1", "4:12: services.web.build is 1, expected a mapping that says how to build", id="a number for a mapping"),
        pytest.param("checks: {a: x | y}", f'4:17: services.web.checks.a is "x | y", expected a command; | {NO_SHELL}', id="a pipe"),
        pytest.param(
            "checks: {a: x && y}", f'4:17: services.web.checks.a is "x && y", expected a command; && {NO_SHELL}', id="two commands"
        ),
        pytest.param("checks: {a: x > y}", f'4:17: services.web.checks.a is "x > y", expected a command; > {NO_SHELL}', id="a redirection"),
        pytest.param(
            "checks: {a: x $(y)}", f'4:17: services.web.checks.a is "x $(y)", expected a command; $( {NO_SHELL}', id="a substitution"
        ),
        pytest.param(
            "checks: {a: x $HOME}", f'4:17: services.web.checks.a is "x $HOME", expected a command; $HOME {NO_SHELL}', id="a variable"
        ),
        pytest.param("checks: {a: x *.py}", f'4:17: services.web.checks.a is "x *.py", expected a command; * {NO_SHELL}', id="a wildcard"),
        pytest.param(
            "checks: {a: A=1 x}", f'4:17: services.web.checks.a is "A=1 x", expected a command; A= {NO_SHELL}', id="an assignment"
        ),
        pytest.param(
            "checks: {a: 'x \"y'}", '4:17: services.web.checks.a is "x "y", expected a command; no closing quotation', id="an open quote"
        ),
        pytest.param(
            "checks: {a: [x, 1]}",
            "4:17: services.web.checks.a is a list, expected a command; 1 is one of its words; put it in quotes",
            id="a number among words",
        ),
        pytest.param(
            "checks: {a: {}}", "4:14: services.web.checks.a has neither run nor manual, expected one of them", id="an empty check"
        ),
        pytest.param(
            "checks: {a: {run: x, manual: y}}", "4:14: services.web.checks.a has both run and manual, expected one of them", id="both"
        ),
        pytest.param(
            "checks: {a: {manual: y, retries: 1}}",
            "4:29: services.web.checks.a is manual and has retries, which only a command uses",
            id="retries of a person",
        ),
        pytest.param(
            "checks: {a: {run: x, image: registry.example/tools:3}}",
            "4:26: services.web.checks.a has an image and runs where Headway does, in none; expected in: cluster beside it",
            id="an image for a check beside Headway",
        ),
        pytest.param(
            "build: {checks: [a]}, checks: {a: {run: x, in: cluster}}".replace("}, checks", "}\n    checks"),
            "5:26: services.web.checks.a runs in a cluster, and build.checks names it: before the build nothing is there",
            id="a check before the build in a cluster",
        ),
        pytest.param(
            "checks: {a: !!python/object:os.system x}",
            "4:17: the tag tag:yaml.org,2002:python/object:os.system, expected none: a value is read as what its key needs",
            id="a Python object",
        ),
    ],
)
def test_a_fault_of_a_service_says_where_what_and_what_instead(lines: str, fault: str) -> None:
    assert faults(service(lines)) == [fault]


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        pytest.param("strategy: {canary: [10, 50, 20]}", "4:33: canary weights must rise; 50 is followed by 20", id="weights that fall"),
        pytest.param(
            "strategy: {canary: [5, 5]}", "4:28: environments.dev.strategy.canary has 5 twice, expected each once", id="a weight twice"
        ),
        pytest.param(
            "strategy: {canary: [0]}",
            "4:25: an item of environments.dev.strategy.canary is 0, expected a whole number from 1 to 100",
            id="no weight",
        ),
        pytest.param(
            "strategy: {canary: [101]}",
            "4:25: an item of environments.dev.strategy.canary is 101, expected a whole number from 1 to 100",
            id="more than all",
        ),
        pytest.param(
            "strategy: {blue-green: {}, rolling: {}}",
            "4:5: environments.dev.strategy has both rolling and blue-green, expected one of them",
            id="two strategies at once",
        ),
        pytest.param(
            "strategy: {canary: {mirror: 0%}}",
            '4:33: environments.dev.strategy.canary.mirror is "0%", expected a whole share from 1% to 100%',
            id="copies of nothing",
        ),
        pytest.param(
            "strategy: {canary: {route: {}}}",
            "4:25: environments.dev.strategy.canary.route has neither header nor cookie, expected at least one of them",
            id="a route of nobody",
        ),
        pytest.param(
            "strategy: {canary: {route: {cookie: {name: a b, value: c}}}}",
            '4:48: environments.dev.strategy.canary.route.cookie.name is "a b", expected the name of a cookie',
            id="a cookie's name with a blank",
        ),
        pytest.param(
            "strategy: {canary: {route: {cookie: {name: a, value: b;c}}}}",
            '4:58: environments.dev.strategy.canary.route.cookie.value is "b;c", expected the exact value; no blank, ";", "," or quote',
            id="a value that no cookie has",
        ),
        pytest.param(
            "strategy: {canary: {sticky: true, alone: 1m}}",
            "4:39: canary has alone, expected route or mirror with it: without them nobody is alone with it",
            id="nobody is alone",
        ),
        pytest.param(
            "holdback: 5",
            "4:5: environments.dev.holdback belongs to a canary, expected strategy: canary with it",
            id="holding back without a canary",
        ),
        pytest.param(
            "strategy: rolling\n    preview: [smoke]",
            "5:5: environments.dev.preview needs an idle side, expected strategy: canary or blue-green with it",
            id="a preview without an idle side",
        ),
        pytest.param(
            "strategy: canry",
            '4:15: environments.dev.strategy is "canry", expected rolling, canary, blue-green, or a mapping with one of them; did you mean "canary"?',
            id="a misspelt strategy",
        ),
        pytest.param(
            "platform: kubernetes",
            "4:15: environments.dev is on kubernetes, expected kubernetes: with manifests and namespace beside it",
            id="a cluster without a word on where",
        ),
        pytest.param(
            "kubernetes: {manifests: k8s, namespace: shop}",
            "4:5: environments.dev has kubernetes:, expected platform: kubernetes with it",
            id="where on a cluster, on this machine",
        ),
        pytest.param(
            "platform: kubernetes\n    port: 80\n    kubernetes: {manifests: k8s, namespace: shop}",
            "5:5: environments.dev.port belongs to the local platform; a Service has its own",
            id="a local port on a cluster",
        ),
        pytest.param(
            "platform: kubernetes\n    strategy: {canary: {mirror: 5%}}\n    analysis: health\n    kubernetes: {manifests: k8s, namespace: shop}",
            "5:25: environments.dev.strategy.canary.mirror belongs to the local platform; a gateway has no route for it",
            id="copies on a cluster",
        ),
        pytest.param(
            "platform: kubernetes\n    strategy: canary\n    kubernetes: {manifests: k8s, namespace: shop}",
            "6:5: environments.dev is judged by its requests and environments.dev.kubernetes names nobody who counts them, "
            "expected stats or prometheus in it, or analysis: health",
            id="a judge without numbers",
        ),
        pytest.param(
            f"{CLUSTERED}, copy_to: registry.prod.example/shop:1.4}}",
            '5:60: environments.dev.kubernetes.copy_to is "registry.prod.example/shop:1.4", expected a repository with its registry, '
            "such as registry.prod.example/shop, without a tag",
            id="a repository with a tag",
        ),
        pytest.param(
            f"{CLUSTERED}, gateway: envoy-gateway, stats: http://10.0.0.7:8002}}",
            "5:75: environments.dev.kubernetes: envoy-gateway counts by rule and not by release, "
            "expected prometheus: {counts: pods} instead of stats",
            id="statistics that tell no releases",
        ),
        pytest.param(
            f"{CLUSTERED}, gateway: envoy-gateway, prometheus: http://p:9090}}",
            "5:75: environments.dev.kubernetes: envoy-gateway counts by rule and not by release, expected counts: pods in prometheus",
            id="statistics that tell no releases, in Prometheus",
        ),
        pytest.param(
            f"{CLUSTERED}, prometheus: {{url: http://p, queries: {{requests: answers}}}}}}",
            "5:79: environments.dev.kubernetes.prometheus.queries has requests without failures, "
            "expected both: one is a share of the other",
            id="a share of nothing",
        ),
        pytest.param(
            f"{CLUSTERED}, prometheus: {{url: http://p, queries: {{latency: 'sum(rate(x[1m]))'}}}}}}",
            '5:98: environments.dev.kubernetes.prometheus.queries.latency is "sum(rate(x[1m]))", expected a selector of a counter, such as '
            'http_requests_total{code=~"5.."}, alone; write the counter alone, without sum() or rate(): Headway adds up itself',
            id="what Prometheus computes",
        ),
        pytest.param(
            f"{CLUSTERED}, prometheus: http://me:secret@p}}",
            "5:63: environments.dev.kubernetes.prometheus is written out, expected a URL such as http://prometheus.monitoring:9090, "
            "without a name or password",
            id="a password in a URL",
        ),
        pytest.param(
            f"{CLUSTERED}, prometheus: {{url: http://p, scraped_every: 1m}}}}\n    strategy: canary",
            "5:79: environments.dev.analysis.min_time is 30s, expected at least 120s: two scrapes of its Prometheus "
            "(scraped_every: 60s), or good news would come from one look",
            id="a judge who would look once",
        ),
        pytest.param(
            "services: {web: {url: http://x}}",
            "4:22: environments.dev.services.web.url belongs to the platform kubernetes",
            id="a cluster's key on this machine",
        ),
        pytest.param(
            "secrets: {KEY: kubernetes:web-secrets/key}",
            "4:15: environments.dev.secrets.KEY is in a cluster, and dev is not; expected env:NAME or file:PATH for it",
            id="a cluster's secret on this machine",
        ),
        pytest.param(
            "checks: [smok]", '4:14: environments.dev.checks names "smok", which is not there; did you mean "smoke"?', id="a misspelt check"
        ),
        pytest.param("checks: [smoke, smoke]", '4:21: environments.dev.checks has "smoke" twice, expected each once', id="a check twice"),
        pytest.param(
            "notify: oncall",
            '4:13: environments.dev.notify names "oncall", which is not there; there are no targets of notify',
            id="nobody to tell",
        ),
        pytest.param(
            "after: dve", '4:12: environments.dev.after names "dve", which is not there; did you mean "dev"?', id="after a misspelt one"
        ),
        pytest.param("after: dev", "4:12: dev after dev: that goes in a circle, expected one to come first", id="after itself"),
        pytest.param(
            "trigger: {}",
            "4:5: environments.dev.trigger has neither push nor merge nor tag nor pulls, expected at least one of them",
            id="an empty trigger",
        ),
        pytest.param(
            "newer: wait", '4:12: environments.dev.newer is "wait", expected waits or supersedes; did you mean "waits"?', id="nearly a word"
        ),
        pytest.param(
            "replicas: two", '4:15: environments.dev.replicas is "two", expected a whole number from 1 to 1000', id="text for a number"
        ),
        pytest.param(
            "services: {wbe: {}}",
            '4:16: environments.dev.services names "wbe", which is not there; did you mean "web"?',
            id="a misspelt service",
        ),
        pytest.param(
            "approvals: {needed: 3, from: [ann, bob]}",
            "4:25: environments.dev.approvals needs 3, but from names 2; that could never open",
            id="more approvals than people",
        ),
        pytest.param(
            "approvals: {needed: 2, from: [ann, ann]}",
            '4:40: environments.dev.approvals.from has "ann" twice, expected each once',
            id="one person twice",
        ),
        pytest.param(
            "analysis: {error_rate: 0.01}",
            '4:28: environments.dev.analysis.error_rate is 0.01, expected a share such as 1% or 0.5%; did you mean "1%"?',
            id="a bare share",
        ),
        pytest.param(
            "analysis: {error_rate: 101%}",
            '4:28: environments.dev.analysis.error_rate is "101%", expected a share such as 1% or 0.5%; 100% is all',
            id="more than all requests",
        ),
        pytest.param(
            "analysis: {latency_p95: 1s, latency_p99: 2s}",
            "4:33: environments.dev.analysis has latency_p99 beside latency_p95, expected one of them",
            id="two latencies",
        ),
        pytest.param(
            "analysis: {min_time: 5m, max_wait: 1m}",
            "4:26: environments.dev.analysis.min_time is longer than max_wait: no verdict could ever come in time",
            id="no time for a verdict",
        ),
        pytest.param(
            "analysis: {mode: health, needs: 3}",
            "4:30: environments.dev.analysis is health and has needs, which only thresholds use",
            id="health has no thresholds",
        ),
        pytest.param(
            "config: {A: [1]}",
            "4:17: environments.dev.config.A is a list, expected text, a number, true or false; a variable of the environment is one value",
            id="a list as a variable",
        ),
        pytest.param(
            "config: {9A: x}",
            "4:14: environments.dev.config.9A is not a name for this, expected letters, digits and _, not starting with a digit",
            id="no name for a variable",
        ),
        pytest.param(
            "{config: {A: x}, secrets: {A: env:A}}",
            "4:32: environments.dev.secrets.A is in environments.dev.config too, expected one of them",
            id="plain and secret",
        ),
        pytest.param("<<: 5", "4:5: << is 5, expected a mapping or an alias of one", id="a merge of a number"),
        pytest.param("? [a]\n    : b", "4:7: a list as a key, expected a name", id="a list as a key"),
    ],
)
def test_a_fault_of_an_environment_says_where_what_and_what_instead(lines: str, fault: str) -> None:
    assert faults(environment(lines)) == [fault]


@pytest.mark.parametrize(
    "secrets",
    [
        pytest.param("{DB: opensesame}", id="text"),
        pytest.param("{DB: 'open sesame opensesame'}", id="quoted"),
        pytest.param("opensesame", id="in place of the mapping"),
        pytest.param("[opensesame]", id="in a list"),
        pytest.param("{DB: {value: opensesame}}", id="nested"),
        pytest.param("{DB: [opensesame]}", id="in a list behind a name"),
        pytest.param("{DB: !x opensesame}", id="tagged"),
        pytest.param("{DB: env:open-sesame opensesame}", id="a broken reference"),
    ],
)
def test_a_secret_written_out_is_a_fault_that_does_not_repeat_it(secrets: str) -> None:
    told = faults(environment(f"secrets: {secrets}"))
    assert told
    assert all(fault.startswith("4:") for fault in told)
    assert "opensesame" not in "".join(told)


def test_the_url_of_a_webhook_is_not_repeated_either() -> None:
    told = faults("services: {web: {run: app}}\nenvironments: {dev: {}}\nnotify: {chat: {webhook: hooks.example/opensesame}}\n")
    assert told == ["3:26: notify.chat.webhook is written out, expected a URL, or a reference such as env:ONCALL_URL that holds one"]


def test_every_fault_is_told_at_once_in_the_order_of_the_file() -> None:
    text = """\
services:
  web:
    rnu: app
    stop_grace: 5
environments:
  dev:
    checks: [nope]
    strategy: {canary: [50, 10]}
  live:
    aftr: [dev]
    soak: long
"""
    assert faults(text) == [
        '3:5: services.web has no key "rnu"; did you mean "run"?',
        '4:17: services.web.stop_grace is 5, expected a duration such as 500ms, 15m or 1h30m; did you mean "5s"?',
        '7:14: environments.dev.checks names "nope", which is not there; the checks are rollback-drill',
        "8:29: canary weights must rise; 50 is followed by 10",
        '10:5: environments.live has no key "aftr"; did you mean "after"?',
        '11:11: environments.live.soak is "long", expected a duration such as 500ms, 15m or 1h30m',
    ]


def test_a_circle_of_environments_is_shown_whole() -> None:
    text = "services: {web: {run: app}}\nenvironments: {a: {after: c}, b: {after: a}, c: {after: b}, d: {after: e}, e: {after: d}}\n"
    assert faults(text) == [
        "2:27: a after c after b after a: that goes in a circle, expected one to come first",
        "2:72: d after e after d: that goes in a circle, expected one to come first",
    ]


def test_one_port_is_not_given_twice() -> None:
    text = "services: {web: {run: a}, api: {run: a}}\nenvironments:\n"
    text += "  dev: {port: 8000}\n  live: {services: {web: {port: 8001}, api: {port: 8001}}}\n"
    assert faults(text) == [
        "3:15: environments.dev.port is one port for 2 services; put it under environments.dev.services",
        "4:52: environments.live.services.api.port is 8001, which environments.live.services.web.port has",
    ]


def test_a_file_of_nothing_but_faults_tells_the_first_hundred() -> None:
    told = faults("".join(f"k{n}: v\n" for n in range(500)))
    assert len(told) == 101
    assert told[-1] == " and 402 more; mend these first"


def test_the_faults_name_the_file_they_were_found_in() -> None:
    with pytest.raises(InvalidSpec, match=r"^main:headway\.yaml:1:1: "):
        read("", path="main:headway.yaml")
