"""The keys of the local stage: what `headway dev` does with a service."""

from headway.spec.kinds import COMMAND, FOLDER, NAME, SECRET, SETTING, SETTING_NAME, whole
from headway.spec.records import Key, Record
from headway.spec.shapes import ListOf, MapOf

LOCAL = Record(
    "a mapping that says what differs for headway dev",
    (
        Key("run", COMMAND, "The command to run instead of the service's own.", otherwise="that of the service"),
        Key("port", whole(1, 65535), "Where the service listens; always the same, for bookmarks.", "8000"),
        Key(
            "config",
            MapOf(SETTING_NAME, SETTING, "a mapping of variables to values", "VARIABLE"),
            "Variables here; they win over those at the top of the file, and over DEBUG: true and LOG_LEVEL: debug.",
            "{}",
        ),
        Key(
            "secrets",
            MapOf(SETTING_NAME, SECRET, "a mapping of variables to references", "VARIABLE"),
            "Secrets here; they win over those at the top of the file.",
            "{}",
        ),
        Key("seed", COMMAND, "Fills `$HEADWAY_STATE` before the first start, and after `--reset`.", otherwise="it starts empty"),
        Key(
            "mocks",
            MapOf(NAME, COMMAND, "a mapping of names to commands", "NAME"),
            "Stand-ins for neighbours. Each listens at its own `$PORT`; the service finds `payments` in `$PAYMENTS_URL`.",
            "{}",
        ),
        Key(
            "watch",
            ListOf(FOLDER, "a list of patterns such as shop/*.py", 1),
            "Files whose change starts it again; `*` crosses folders.",
            otherwise="source files of the usual languages",
        ),
    ),
)
