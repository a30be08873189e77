"""The keys about stored data: where a service has its migrations, and which database an environment gives it."""

from headway.spec.kinds import COMMAND, FOLDER, SECRET, SETTING_NAME, TEXT, TIME, TOLD_SECRET, matching, one_of
from headway.spec.moments import CLOCK, CRON
from headway.spec.records import Key, Record
from headway.spec.shapes import ListOf

TOOL = one_of("headway", "alembic", "django", "flyway", "dbmate")

MIGRATIONS = Record(
    "a folder, or a mapping with dir",
    (
        Key("dir", FOLDER, "The folder with the migrations, relative to the repository.", required=True),
        Key("tool", TOOL, "What runs them.", "headway"),
        Key("command", COMMAND, "How a tool other than `headway` is run in that folder.", otherwise="the tool's usual command"),
        Key(
            "in_image",
            COMMAND,
            "How it is run in the release's image, for a database `in: cluster`.",
            otherwise="`command`",
        ),
        Key("url_in", SETTING_NAME, "The variable in which such a tool gets the database's URL.", "DATABASE_URL"),
    ),
    short="dir",
)

KEEP = matching(r"[1-9][0-9]{0,3},[0-9]{1,4},[0-9]{1,4}", "three numbers such as 7,14,8: the newest, of each of so many days, and weeks")

BACKUP = Record(
    "a mapping that says where backups go",
    (
        Key(
            "folder",
            matching(r"/[^\0]*", "an absolute path such as /var/backups"),
            "Where.",
            otherwise="the folder backups in Headway's home",
        ),
        Key("keep", KEEP, "Which stay after a new one was made; they hold for a folder of their own for each database.", otherwise="all"),
        Key("every", TIME, "How often one is made by the clock.", otherwise="only before migrations"),
        Key("at", matching(CLOCK, "a time of the day such as 03:00"), "When one is made each day, by the clock of `people: timezone:`."),
        Key("drill", TIME, "How often the newest is restored to prove that it does, and dropped again.", otherwise="never by itself"),
        Key(
            "at_most",
            TIME,
            "How old the last may be when a migration wants to go, where there is a schedule.",
            otherwise="twice `every`, or 26h",
        ),
        Key("key", SECRET, "The secret that they are encrypted with.", otherwise="they are not encrypted"),
        Key(
            "run",
            COMMAND,
            "With `in: cluster`, the command that makes it, in the pod of the migration; while it fails, nothing is migrated.",
            otherwise="none is made there, and the plan says so",
        ),
        Key("image", TEXT, "The image that `run` is run in.", otherwise="the release's own"),
    ),
)

DATABASE = Record(
    "a reference such as env:DATABASE_URL, or a mapping with url",
    (
        Key(
            "url",
            TOLD_SECRET,
            "Where the database's URL stands: `sqlite:////path/app.db` or `postgresql://…`. A Secret of the cluster, "
            "`kubernetes:NAME/KEY`, only with `in: cluster`.",
            required=True,
        ),
        Key(
            "in",
            one_of("headway", "cluster"),
            "Who reaches it: `headway`, from where it runs; `cluster`, a Job in the environment's namespace that runs the release's own "
            "tool in the release's image.",
            "headway",
        ),
        Key("timeout", TIME, "How long such a Job may take, backup included.", "1h"),
        Key(
            "together",
            one_of("release", "file"),
            "What shares a transaction: all files of a release, or each file by itself, so that locks are short.",
            otherwise="file on PostgreSQL, release on SQLite",
        ),
        Key("lock_timeout", TIME, "How long a statement may wait for a lock; behind it everybody waits. Tried again a few times.", "2s"),
        Key("statement_timeout", TIME, "How long one statement may take.", "15m"),
        Key(
            "contract",
            one_of("hold", "auto"),
            "Files that take something away wait until the old release is gone: `hold` for the next promotion, of this release or a newer "
            "one; `auto` promotes the release once more by itself.",
            "hold",
        ),
        Key(
            "tool",
            TOOL,
            "Which tool may have the URL. One other than `headway` is the release's own code, run as soon as somebody asks for the plan.",
            "headway",
        ),
        Key(
            "seed",
            ListOf(COMMAND, "an SQL file of the repository, a command, or a list of them"),
            "What fills a database that was made anew: SQL files of the release's commit, and commands in a copy of it that find the URL "
            "in `DATABASE_URL`.",
            "[]",
        ),
        Key(
            "reset",
            CRON,
            "When it is made anew from migrations and seed, by the clock of `people: timezone:`; only with `data: synthetic`.",
            otherwise="only when somebody asks",
        ),
        Key(
            "lint",
            one_of("block", "warn", "off"),
            "What becomes of what is dangerous under traffic: it keeps a release out, or is shown. What cannot work keeps it out in "
            "either case.",
            otherwise="block where releases come from another environment or people approve, else warn",
        ),
        Key(
            "rehearse",
            one_of("backup", "copy", "template", "off"),
            "On what migrations are tried before anybody can approve: the restored last `backup`, a fresh `copy`, or PostgreSQL's own "
            "clone, which needs a database without sessions (`template`).",
            "copy",
        ),
        Key(
            "old_release",
            one_of("start", "skip"),
            "Whether the release that runs is started on the migrated clone too, without traffic, and its checks are run: what it does "
            "besides answering, it does there with the settings of the environment and `HEADWAY_REHEARSAL=1`.",
            "start",
        ),
        Key("setting", SETTING_NAME, "The setting in which the service finds the URL.", otherwise="those whose value is the URL"),
        Key("backup", BACKUP, "Where the backup goes that is made before every migration.", "{}"),
    ),
    short="url",
)
