"""The keys of the server's own file: what repositories inherit, and what none of them may weaken."""

from headway.spec.gating_keys import BREAK_GLASS, CHECKLIST, FREEZE, GATE, NAMES, SOME
from headway.spec.keys import CHECK_NAMES, CONFIG, ENVIRONMENT, SECRETS, TARGET
from headway.spec.kinds import DURATION, FACTOR, FLAG, NAME, PERCENT, PERSON, TIME, VERSION, matching, one_of, whole
from headway.spec.records import Key, Record
from headway.spec.shapes import ListOf, MapOf
from headway.spec.strategy_keys import COUNT

GROUPS = MapOf(NAME, ListOf(PERSON, "a list of people", 1), "a mapping of groups", "GROUP")
PATTERN = matching(r"[a-z*?][a-z0-9*?-]{0,39}", "the name of an environment, or a pattern such as prod*")

LEAST_APPROVALS = Record(
    "a number, or a mapping that says who must approve",
    (
        Key("needed", whole(1, 50), "How many different people must say yes, at least.", "1"),
        Key("from", SOME, "Who they must be. A repository may ask others as well.", otherwise="anybody"),
        Key("within", TIME, "How long a yes may stay good, at most.", "7d"),
        Key("allow_self", FLAG, "Whether a repository may let author and asker approve.", "false"),
    ),
    short="needed",
)

LIMITS = Record(
    "a mapping of limits",
    (
        Key("error_rate", PERCENT, "The share of requests that may fail, at most."),
        Key("times_baseline", FACTOR, "How many times as bad as the release beside it the new one may be, at most."),
        Key("needs", whole(1, 1_000_000), "Requests that it must have answered, at least."),
        Key("min_time", DURATION, "How long every weight is watched, at least."),
    ),
    some_of=("error_rate", "times_baseline", "needs", "min_time"),
)

POLICY = Record(
    "a mapping of what an environment must ask",
    (
        Key("approvals", LEAST_APPROVALS, "Who must say yes, beside whom the repository asks.", otherwise="nobody"),
        Key("soak", DURATION, "How long a release must stay good, at least.", otherwise="any time"),
        Key("keep_warm", DURATION, "How long the old release is kept, at least.", otherwise="any time"),
        Key("replicas", COUNT, "How many instances run, at least.", otherwise="any number"),
        Key("strategy", ListOf(one_of("rolling", "canary", "blue-green"), "strategies", 1), "The only strategies.", otherwise="any"),
        Key("analysis", LIMITS, "How a release is judged; there must be traffic to judge by.", otherwise="as the repository says"),
        Key("checks", CHECK_NAMES, "Checks that every service must have, and that must pass.", "[]"),
        Key("after", NAMES, "Environments that a release must have passed before, hotfixes too.", "[]"),
        Key("gates", NAMES, "Gates of this file that must be open.", "[]"),
        Key("notify", NAMES, "Targets of this file that hear of what goes wrong.", "[]"),
    ),
)

DEFAULTS = Record(
    "a mapping of what repositories inherit",
    (
        Key("config", CONFIG, "Variables, by name.", "{}"),
        Key("secrets", SECRETS, "Secrets, by name.", "{}"),
        Key(
            "environments",
            MapOf(NAME, ENVIRONMENT, "a mapping of environments", "ENVIRONMENT"),
            "Key by key, for the environments that a repository names; all of them for one that names none.",
            "{}",
        ),
        Key("people", Record("a mapping with groups", (Key("groups", GROUPS, "Groups, by name.", "{}"),)), "Groups.", "{}"),
        Key("freezes", MapOf(NAME, FREEZE, "a mapping of freezes", "FREEZE"), "Freezes, by name; a repository may replace them.", "{}"),
        Key("checklists", MapOf(NAME, CHECKLIST, "a mapping of checklists", "CHECKLIST"), "Checklists, by name.", "{}"),
        Key("gates", MapOf(NAME, GATE, "a mapping of gates", "GATE"), "Gates, by name; a repository may replace them.", "{}"),
        Key("notify", MapOf(NAME, TARGET, "a mapping of targets", "TARGET"), "Ways to tell people, by name.", "{}"),
    ),
)

POLICY_PEOPLE = Record(
    "a mapping with groups",
    (
        Key("groups", GROUPS, "Groups by name, for this file; what a repository calls by the same name changes nothing here.", "{}"),
        Key("revoked", ListOf(PERSON, "a list of people"), "People whose word counts no longer, in any repository.", "[]"),
        Key("break_glass", BREAK_GLASS, "Who may lift the freezes of this file.", otherwise="nobody"),
    ),
)

POLICIES = Record(
    "a mapping with policies: or defaults:",
    (
        Key("headway", VERSION, "The version of this format.", "1"),
        Key("defaults", DEFAULTS, "What a repository's file inherits where it says nothing.", "{}"),
        Key(
            "policies",
            MapOf(PATTERN, POLICY, "a mapping of environments", "ENVIRONMENT"),
            "What no repository may weaken, by the name of an environment, or by a pattern such as `prod*`.",
            "{}",
        ),
        Key("people", POLICY_PEOPLE, "Groups, revoked people, and who may break the glass.", "{}"),
        Key("freezes", MapOf(NAME, FREEZE, "a mapping of freezes", "FREEZE"), "Freezes of every repository.", "{}"),
        Key("gates", MapOf(NAME, GATE, "a mapping of gates", "GATE"), "Gates that policies name.", "{}"),
        Key("notify", MapOf(NAME, TARGET, "a mapping of targets", "TARGET"), "Targets that policies name.", "{}"),
    ),
    own="x-",
)
