"""Every key of headway.yaml: its shape, its default and its meaning, in one table.

Reading, the JSON Schema for editors and docs/reference/headway-yaml.md are all made from this. What keys say of each other (names that
must exist, numbers that must agree) is in `rules.py`.
"""

from headway.releases.policy import CALENDARS
from headway.releases.stamping import KNOWN
from headway.spec.data_keys import DATABASE, MIGRATIONS
from headway.spec.gating_keys import ADVISORY, CHECKLIST, FREEZE, GATE, HOTFIX, NAMES, PEOPLE, SOME, TRAIN
from headway.spec.kinds import (
    BRANCH,
    CHECK_NAME,
    COMMAND,
    COMMIT_TYPE,
    DAY,
    DURATION,
    FACTOR,
    FLAG,
    FOLDER,
    GROUPED,
    HTTP_PATH,
    NAME,
    PATTERN,
    PERCENT,
    SETTING,
    SETTING_NAME,
    SIZE,
    STABLE,
    SYMBOL,
    TAG,
    TEXT,
    TIME,
    TOLD_SECRET,
    VERSION,
    WEBHOOK,
    one_of,
    whole,
)
from headway.spec.kubernetes_keys import KUBERNETES, URL
from headway.spec.local_keys import LOCAL
from headway.spec.records import Key, Record
from headway.spec.shapes import ListOf, MapOf
from headway.spec.strategy_keys import COUNT, STRATEGY

CONFIG = MapOf(SETTING_NAME, SETTING, "a mapping of variables to values", "VARIABLE")
SECRETS = MapOf(SETTING_NAME, TOLD_SECRET, "a mapping of variables to references", "VARIABLE")
SETTING_NAMES = ListOf(SETTING_NAME, "a list of names of variables")
CHECK_NAMES = ListOf(CHECK_NAME, "a list of names of checks")

STAMP = Record(
    "the name of a file, or a mapping with file and find",
    (
        Key("file", FOLDER, "The file, relative to the repository.", required=True),
        Key(
            "find",
            GROUPED,
            "A regular expression that fits exactly one place of the file; its one group is the version.",
            otherwise=f"the form is known by the file's name: {', '.join(KNOWN)}",
        ),
    ),
    short="file",
)

BUILD = Record(
    "a mapping that says how to build",
    (
        Key("checks", CHECK_NAMES, "Checks of this service that must pass before anything is built or stored.", "[]"),
        Key("run", COMMAND, "The command that builds, in a clean export of the commit.", otherwise="nothing is built"),
        Key(
            "stamp",
            ListOf(STAMP, "a file, or a list of files, that carry the version"),
            "Files into which the version is written, in the clean export, before checks and build; nothing of it is committed.",
            "[]",
        ),
        Key("output", FOLDER, "The folder that becomes the artifact, relative to the repository.", '"."'),
        Key("timeout", TIME, "How long the build may take.", "10m"),
    ),
)

LIMITS = Record(
    "a mapping of limits",
    (
        Key("memory", SIZE, "Memory of one replica.", otherwise="what the machine has"),
        Key(
            "open_files", whole(16, 1_000_000), "Files and connections that one replica may have open.", otherwise="what the machine allows"
        ),
    ),
)

CHECK = Record(
    "a command, or a mapping with run or manual",
    (
        Key("run", COMMAND, "The command; its exit status 0 means passed. It sees the URL of the environment in `$HEADWAY_URL`."),
        Key("manual", TEXT, "A sentence for a person, who ticks it after the release runs; the stages after this one wait for that."),
        Key("timeout", TIME, "How long the command may take.", "2m"),
        Key("retries", whole(0, 10), "How often a check that failed is run again before it counts.", "0"),
        Key("settings", SETTING_NAMES, "Variables, secrets included, that the command may see.", "[]"),
        Key(
            "in",
            one_of("headway", "cluster"),
            "Where the command runs: `headway`, where Headway does, in the release's source; `cluster`, in an environment on Kubernetes, "
            "as a Job with the release's image and all that its pods are told (anywhere else as with `headway`).",
            "headway",
        ),
        Key("image", TEXT, "Another image for that Job; it sees no more than `settings`.", otherwise="the release's own"),
    ),
    short="run",
    one_of=("run", "manual"),
)

SERVICE = Record(
    "a mapping that describes a service",
    (
        Key("build", BUILD, "How an artifact comes from a commit.", "{}", otherwise="the commit as it is"),
        Key(
            "run",
            COMMAND,
            "The command that starts one replica, in the artifact's folder. `$PORT` says where to listen.",
            otherwise="what the image says, where every environment is on Kubernetes; else required",
        ),
        Key("health", HTTP_PATH, "Asked all the time; anything but 200 takes the replica out of traffic.", "/health"),
        Key("ready", HTTP_PATH, "Asked before a replica gets its first request.", otherwise="the path of health"),
        Key("ready_within", TIME, "How long a replica may take to get ready.", "30s"),
        Key("stop_grace", DURATION, "How long a replica may take to stop, after its last request is answered.", "10s"),
        Key("request_timeout", TIME, "After this, a request counts as failed.", "15s"),
        Key("requires", SETTING_NAMES, "Variables without which the release is refused before anything is touched.", "[]"),
        Key("limits", LIMITS, "What one replica may use.", "{}"),
        Key("migrations", MIGRATIONS, "Changes to stored data that ship with a release.", otherwise="it has none"),
        Key("checks", MapOf(CHECK_NAME, CHECK, "a mapping of checks", "CHECK"), "The tests that run against a release, by name.", "{}"),
        Key("local", LOCAL, "What differs for `headway dev`, on this machine, from the working tree; no release knows of it.", "{}"),
    ),
)

TRIGGER = Record(
    "a mapping with push, merge, tag or pulls",
    (
        Key("push", ListOf(PATTERN, "branches, or patterns such as feature/*", 1), "Branches whose every push brings a release here."),
        Key("merge", BRANCH, "The branch whose every merge brings a release here."),
        Key(
            "tag",
            ListOf(PATTERN, "tags, or patterns such as v*", 1),
            "Tags whose commit comes here, under the tag's version where the tag is named like one.",
        ),
        Key(
            "pulls",
            FLAG,
            "Whether every push to a pull request comes here: `refs/pull/N/head` and the like. It runs here before anybody has read it.",
        ),
    ),
    some_of=("push", "merge", "tag", "pulls"),
)

APPROVALS = Record(
    "a number, or a mapping that says who must approve",
    (
        Key("needed", whole(0, 50), "How many different people must say yes.", "1"),
        Key("from", SOME, "Who may.", otherwise="anybody but the author and whoever asked"),
        Key("within", TIME, "How long a yes stays good.", "7d"),
        Key("allow_self", FLAG, "Whether author and asker may approve too; shown loudly wherever it is used.", "false"),
    ),
    short="needed",
)

QUANTILES = {"latency_p50": 0.5, "latency_p90": 0.9, "latency_p95": 0.95, "latency_p99": 0.99}

ANALYSIS = Record(
    "health, thresholds, or a mapping of thresholds",
    (
        Key(
            "mode",
            one_of("thresholds", "health"),
            "`thresholds` measures the traffic; `health` is for where there is none to judge by: replicas and checks alone decide.",
            "thresholds",
        ),
        Key("error_rate", PERCENT, "The share of requests that may fail.", "1%"),
        *(
            Key(
                name,
                TIME,
                f"What {quantile:.0%} of the requests must stay under; one such key at most.",
                otherwise="latency is not judged alone",
            )
            for name, quantile in QUANTILES.items()
        ),
        Key("times_baseline", FACTOR, "How many times as bad as the release beside it the new one may be.", "2"),
        Key("needs", whole(1, 1_000_000), "Requests that the new release must have answered before good news counts.", "50"),
        Key("min_time", DURATION, "How long every weight is watched, at least.", "30s"),
        Key("max_wait", TIME, "How long an undecided canary keeps its traffic; then it goes to weight 0.", "15m"),
        Key("hold_for", DURATION, "How long trouble on our side may last before the traffic goes back.", "5m"),
    ),
    short="mode",
)

PER_BRANCH = Record(
    "true, or a mapping with limit and idle",
    (
        Key("wanted", FLAG, "Whether each branch gets an environment of its own.", "true"),
        Key("limit", whole(1, 500), "How many of them may run at a time; further branches wait for one to end.", "10"),
        Key("idle", TIME, "One that nobody pushed to for so long is stopped; the next push starts it again.", "7d"),
    ),
    short="wanted",
)

OVERRIDE = Record(
    "a mapping of what differs for this service",
    (
        Key("replicas", COUNT, "As replicas of the environment.", otherwise="those of the environment"),
        Key("port", whole(1, 65535), "Where users reach this service here.", otherwise="a free one, then kept"),
        Key("manifests", FOLDER, "As manifests of kubernetes.", otherwise="those of the environment"),
        Key("url", URL, "As url of kubernetes.", otherwise="that of the environment"),
        Key("config", CONFIG, "Variables of this service here; they win over the environment's.", "{}"),
        Key("secrets", SECRETS, "Secrets of this service here; they win over the environment's.", "{}"),
        Key("database", DATABASE, "The database of this service here.", otherwise="that of the environment"),
    ),
)

ENVIRONMENT = Record(
    "a mapping that describes an environment",
    (
        Key("trigger", TRIGGER, "What brings a release here by itself.", otherwise="a person promotes it"),
        Key(
            "per_branch",
            PER_BRANCH,
            "Each branch or pull request of the trigger gets an environment of its own, made from this one, until it is merged or gone.",
            "false",
        ),
        Key(
            "diverged",
            one_of("keep", "refuse", "reset"),
            "What a release does that lacks commits of what runs here, where branches share it: come in all the same, wait, or have the "
            "database made anew from migrations and seed; `reset` also where the database has another history than its migrations.",
            "keep",
        ),
        Key(
            "after",
            ListOf(NAME, "the name of an environment, or a list of them"),
            "Environments that a release must have passed before.",
            otherwise="none with a trigger, else the environment before this one in the file",
        ),
        Key("replicas", COUNT, "How many instances of the service run.", "1"),
        Key("platform", one_of("local", "kubernetes"), "Where it runs.", "local"),
        Key("kubernetes", KUBERNETES, "Where on Kubernetes, and from which manifests.", otherwise="on this machine"),
        Key("port", whole(1, 65535), "Where users reach the service, if the file has one service.", otherwise="a free one, then kept"),
        Key("config", CONFIG, "Variables; they win over those at the top of the file.", "{}"),
        Key("secrets", SECRETS, "Secrets; they win over those at the top of the file.", "{}"),
        Key("database", DATABASE, "The database of the service that has migrations.", otherwise="none"),
        Key(
            "data",
            one_of("real", "synthetic"),
            "`synthetic`: nobody misses what the database holds, so it may be made anew. Not in a policy, and not where people approve or "
            "that comes after another environment.",
            "real",
        ),
        Key("services", MapOf(NAME, OVERRIDE, "a mapping of services", "SERVICE"), "What differs for one service here.", "{}"),
        Key("approvals", APPROVALS, "Who must say yes before a release enters.", "0"),
        Key("advisory", ADVISORY, "The change advisory group that must say go before a release enters.", otherwise="none"),
        Key("checklist", NAMES, "Checklists that must be ticked before a release enters.", "[]"),
        Key("gates", NAMES, "Gates that must be open before a release enters.", "[]"),
        Key("strategy", STRATEGY, "How a release takes over.", "rolling"),
        Key("analysis", ANALYSIS, "When the new release is good enough.", otherwise="thresholds with canary, health with rolling"),
        Key(
            "checks",
            CHECK_NAMES,
            "Checks that run against the release here, in this order; `rollback-drill` tries the way back.",
            "[]",
        ),
        Key("preview", CHECK_NAMES, "Checks that run against the new release alone, before it has traffic (canary, blue-green).", "[]"),
        Key(
            "holdback",
            whole(0, 50),
            "Percent of the traffic that a canary leaves on the old release until the soak ends, as something to compare with.",
            "0",
        ),
        Key("soak", DURATION, "How long a release must stay good with all the traffic before it counts as completed.", "15m"),
        Key("keep_warm", DURATION, "How long the old release's instances are kept after that, for an instant way back.", "15m"),
        Key(
            "newer",
            one_of("waits", "supersedes"),
            "What a release does that comes while another still waits here: wait its turn, or take its place.",
            "waits",
        ),
        Key("notify", ListOf(NAME, "a list of targets of notify"), "Who hears of what goes wrong here.", "[]"),
    ),
)

TARGET = Record(
    "a mapping with webhook or command",
    (
        Key("webhook", WEBHOOK, "The URL that gets the message as JSON."),
        Key("command", COMMAND, "The command that gets the message as JSON on its standard input."),
    ),
    one_of=("webhook", "command"),
)

LEVEL = one_of("patch", "minor", "major")

API = Record(
    "a mapping with python or openapi",
    (
        Key("python", ListOf(FOLDER, "the folder of a Python package, or a list of them", 1), "Packages whose public names are compared."),
        Key("openapi", ListOf(FOLDER, "an OpenAPI document, or a list of them", 1), "Documents in the repository that are compared."),
    ),
    some_of=("python", "openapi"),
)

WAIVER = Record(
    "a mapping with reason and until",
    (
        Key("reason", TEXT, "Why nobody will miss it.", required=True),
        Key("until", DAY, "The last day on which this holds; after it the finding counts again.", required=True),
    ),
)

VERSIONS = Record(
    "a mapping that says how versions are numbered",
    (
        Key("first", STABLE, "The first version of all.", "0.1.0"),
        Key("breaking", one_of("minor", "major"), "What a breaking change is while the version is 0.x.", "minor"),
        Key("types", MapOf(COMMIT_TYPE, LEVEL, "a mapping of types to levels", "TYPE"), "Levels of types besides feat and fix.", "{}"),
        Key("calendar", one_of(*CALENDARS), "Number by date instead of by level.", otherwise="SemVer"),
        Key("tag", TAG, "How tags are named; every other form is then ignored.", otherwise="v{version}, read with and without the v"),
        Key(
            "folders",
            MapOf(NAME, FOLDER, "a mapping of services to folders", "SERVICE"),
            "Services with versions and tags of their own: only commits that touch the folder count.",
            otherwise="the whole repository has one version",
        ),
        Key("api", API, "What is compared with the last release.", otherwise="no interface is compared"),
        Key(
            "waivers", MapOf(SYMBOL, WAIVER, "a mapping of findings", "FINDING"), "Findings that shall not count, by what they name.", "{}"
        ),
        Key("migrations", FOLDER, "Where migrations are; those that contract count.", otherwise="migrations do not count"),
        Key("contract", LEVEL, "What a migration that takes something away means to users.", "major"),
    ),
)

FILE = Record(
    "a mapping with services: and environments:",
    (
        Key("headway", VERSION, "The version of this format.", "1"),
        Key("services", MapOf(NAME, SERVICE, "a mapping of services", "SERVICE", 1), "What is shipped, by name.", required=True),
        Key("config", CONFIG, "Variables of every service in every environment.", "{}"),
        Key("secrets", SECRETS, "Secrets of every service in every environment, by reference; the value exists only in the process.", "{}"),
        Key(
            "environments",
            MapOf(NAME, ENVIRONMENT, "a mapping of environments", "ENVIRONMENT", 1),
            "Where it is shipped to, in order.",
            required=True,
        ),
        Key(
            "differs",
            SETTING_NAMES,
            "Variables that shall differ between environments; `headway config diff` calls every other difference drift.",
            "[]",
        ),
        Key("versions", VERSIONS, "How versions are numbered.", "{}"),
        Key("people", PEOPLE, "Groups, and who may break the glass.", "{}"),
        Key("freezes", MapOf(NAME, FREEZE, "a mapping of freezes", "FREEZE"), "Times in which nothing new goes out, by name.", "{}"),
        Key("checklists", MapOf(NAME, CHECKLIST, "a mapping of checklists", "CHECKLIST"), "Checklists, by name.", "{}"),
        Key("gates", MapOf(NAME, GATE, "a mapping of gates", "GATE"), "Questions that must be true, by name.", "{}"),
        Key("trains", MapOf(NAME, TRAIN, "a mapping of trains", "TRAIN"), "Timetables by which releases leave, by name.", "{}"),
        Key("hotfix", HOTFIX, "The shorter path of a hotfix.", "{}"),
        Key("notify", MapOf(NAME, TARGET, "a mapping of targets", "TARGET"), "Ways to tell people, by name.", "{}"),
    ),
    own="x-",
)
