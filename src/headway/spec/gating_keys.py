"""The keys that say when, by whom and after what a release may go on: freezes, checklists, gates, advice, trains, people."""

from headway.promotion.model import LEVELS
from headway.spec.kinds import BRANCH, COMMAND, FLAG, NAME, PERSON, SETTING_NAME, TEXT, TIME, one_of, whole
from headway.spec.moments import CRON, MOMENT, QUESTION, WEEKLY, ZONE
from headway.spec.records import Key, Record
from headway.spec.shapes import ListOf, MapOf
from headway.trains.model import LATE, MISSED

SOME = ListOf(PERSON, "a list of people or groups", 1)
NAMES = ListOf(NAME, "a list of names")
KINDS = ListOf(one_of("major", "minor", "patch", "pre-release", "first", "hotfix"), "a list of kinds of releases", 1)

BREAK_GLASS = Record(
    "a list of people or groups, or a mapping with from",
    (
        Key("from", SOME, "Who may lift a freeze, with a reason; everybody whom the environment notifies hears of it.", required=True),
        Key("within", TIME, "How long that holds; it lifts the freezes in force, for one release, and nothing else.", "1h"),
    ),
    short="from",
)

PEOPLE = Record(
    "a mapping with groups",
    (
        Key(
            "groups",
            MapOf(NAME, ListOf(PERSON, "a list of people", 1), "a mapping of groups", "GROUP"),
            "Groups by name; wherever people are named, a group stands for its people.",
            "{}",
        ),
        Key("revoked", ListOf(PERSON, "a list of people"), "People whose word counts no longer, whatever they said before.", "[]"),
        Key("timezone", ZONE, "By whose clock the team works: for risk, and for freezes, gates and trains that name no other.", "UTC"),
        Key("break_glass", BREAK_GLASS, "Who may lift a freeze in an emergency.", otherwise="nobody"),
    ),
)

FREEZE = Record(
    "a mapping with weekly, cron or from",
    (
        Key("weekly", WEEKLY, "Every week, by the local clock."),
        Key("cron", CRON, "From whenever this says, by the local clock; `lasts` says how long."),
        Key("lasts", TIME, "How long a freeze by cron lasts.", otherwise="needed with cron"),
        Key("from", MOMENT, "Once, from this local time."),
        Key("until", MOMENT, "And until this one.", otherwise="needed with from"),
        Key("timezone", ZONE, "By whose clock.", otherwise="that of `people`, or UTC"),
        Key("environments", NAMES, "Which environments are frozen.", "[]", otherwise="all"),
        Key("stops", ListOf(one_of("promote", "approve"), "promote or approve, or both", 1), "What it stops.", "promote"),
        Key("binds", ListOf(one_of("people", "automation"), "people or automation, or both", 1), "Whom it stops.", "[people, automation]"),
        Key("except", SOME, "People whom it does not stop; what runs by itself in their name is stopped.", otherwise="nobody"),
        Key("why", TEXT, "The reason, shown to whoever meets it.", otherwise="none is shown"),
    ),
    one_of=("weekly", "cron", "from"),
)

ITEM = Record(
    "a sentence, or a mapping with text",
    (
        Key("text", TEXT, "What must be true, in a sentence.", required=True),
        Key("when", QUESTION, "An expression that answers it by itself; nobody can tick it then.", otherwise="a person ticks it"),
        Key("run", COMMAND, "A command that answers it, by exit status 0, in the release's own source; nobody can tick it then."),
        Key("against", NAME, "The environment whose URL the command sees.", otherwise="the one before, else the one to be entered"),
        Key("timeout", TIME, "How long the command may take.", otherwise="2m"),
        Key("settings", ListOf(SETTING_NAME, "a list of names of variables"), "Variables of that environment that the command may see."),
        Key("by", SOME, "Who may tick it.", otherwise="anybody"),
        Key("for", KINDS, "The kinds of releases that it concerns.", otherwise="all"),
    ),
    short="text",
)

CHECKLIST = Record(
    "a mapping with items, or usual",
    (
        Key("usual", FLAG, "Starts with the usual items: rehearsed, read, ready, written, told.", "false"),
        Key("items", MapOf(NAME, ITEM, "a mapping of items", "ITEM"), "The items, by name; one named like a usual one replaces it.", "{}"),
    ),
)

GATE = Record(
    "an expression, or a mapping with when",
    (
        Key("when", QUESTION, "True lets the release in. What cannot be answered does not.", required=True),
        Key("why", TEXT, "What it is for, shown to whoever meets it.", otherwise="the expression is shown"),
        Key("timezone", ZONE, "By whose clock `time` is told.", otherwise="that of `people`, or UTC"),
    ),
    short="when",
)

ADVISORY = Record(
    "the name of a group, or a mapping with group",
    (
        Key("group", NAME, "The group of people that must say go (`headway advise`).", required=True),
        Key("needed", whole(1, 50), "How many of them.", "1"),
        Key("within", TIME, "How long a go holds.", "7d"),
        Key("risk", one_of(*LEVELS), "Only changes of this risk or more need them.", otherwise="all need them"),
    ),
    short="group",
)

PHASE = Record(
    "a mapping with begins",
    (
        Key("begins", TIME, "How long before departure the phase begins.", required=True),
        Key("late", one_of(*LATE), "What may still board: any change, fixes, only what blocks the departure, or none.", "fixes"),
        Key("approvals", whole(0, 50), "How many people must say yes to a late change.", "1"),
        Key("gates", NAMES, "Gates that must be open before the train leaves this phase.", "[]"),
    ),
)

GO = Record(
    "a group, or a mapping with from",
    (
        Key("from", SOME, "Who says go.", required=True),
        Key("needed", whole(1, 50), "How many of them.", "1"),
    ),
    short="from",
)

HOTFIX = Record(
    "a mapping with skips",
    (Key("skips", NAMES, "Environments that a hotfix may leave out on its way, each by its name.", "[]"),),
)

TRAIN = Record(
    "a mapping with departs and cut",
    (
        Key("departs", CRON, "When trains depart, by the local clock.", required=True),
        Key("timezone", ZONE, "By whose clock.", otherwise="that of `people`, or UTC"),
        Key("cut", TIME, "How long before departure the branch is cut; a day is a day by the local clock.", required=True),
        Key("service", NAME, "Whose releases ride.", otherwise="the file's only service"),
        Key("branch", BRANCH, "What is cut.", "main"),
        Key("to", NAME, "Which environment it departs into.", otherwise="the last one"),
        Key(
            "phases",
            MapOf(NAME, PHASE, "a mapping of phases", "PHASE"),
            "From cut to departure; later phases never ask less.",
            "{}",
            otherwise="one, in which fixes board with one yes",
        ),
        Key(
            "missed",
            one_of(*MISSED),
            "What becomes of a train that is not good to go: it waits, throws out late changes, takes the next, or ends.",
            "hold",
        ),
        Key("grace", TIME, "How late a held train may still leave; then it slips.", "1h"),
        Key("late_within", TIME, "How long the yes to a late change holds.", "1d"),
        Key("go", GO, "Who must say go before it departs.", otherwise="nobody"),
    ),
)
