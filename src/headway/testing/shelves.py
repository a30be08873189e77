"""Shelves of backups in virtual time."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime

from headway.environments.model import Database
from headway.migration.keeping import Attempt, Chore, Shelf
from headway.ports import Clock


@dataclass
class FakeShelves:
    """By the reference of the URL. Every chore is done at once, or fails as `fails` says; `begun` counts them."""

    clock: Clock
    shelves: dict[str, Shelf] = field(default_factory=dict)
    fails: str = ""
    begun: Counter[str] = field(default_factory=Counter)

    def look(self, database: Database) -> Shelf:
        return self.shelves.get(database.url, Shelf(database.url))

    def start(self, database: Database, chore: Chore, now: datetime) -> None:
        self.begun[chore] += 1
        shelf, good = self.look(database), not self.fails
        done = Attempt(now, ended=True, good=good, text=self.fails or f"the {chore} is there")
        if chore == "backup":
            shelf = replace(shelf, backup=done, newest=now if good else shelf.newest)
        else:
            shelf = replace(shelf, drill=done, drilled=now if good else shelf.drilled)
        self.shelves[database.url] = shelf
