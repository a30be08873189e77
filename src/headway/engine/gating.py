"""What people may say about whether, and when, a release goes on: freezes, checklists, advice, approvals taken back."""

from collections.abc import Callable
from datetime import datetime

from headway.engine.callers import identity
from headway.engine.candidate import Asked, Considered, consider
from headway.engine.commands import Commands
from headway.engine.views import View
from headway.environments.model import Place
from headway.errors import Refused
from headway.ports import Event, Notice, World
from headway.promotion import advisory, breakglass, checklists, freezes
from headway.promotion.model import Advice, Approval, Freeze, ItemRun, Override, Stage, Tick
from headway.promotion.people import same_person
from headway.promotion.windows import covering, upcoming


class Gating:
    """The verbs of freezes, checklists and advice; every surface has them, beside those of Commands."""

    def __init__(self, world: World, commands: Commands) -> None:
        self._world = world
        self._commands = commands

    def verbs(self) -> dict[str, Callable[..., View]]:
        """By name, as surfaces call them."""
        return {
            "freezes": self.freezes,
            "override": self.override,
            "checklist": self.checklist,
            "tick_item": self.tick_item,
            "advise": self.advise,
            "revoke": self.revoke,
        }

    # -- freezes

    def freezes(self, service: str | None = None) -> View:
        """Every freeze, whether it is in force, until when, or when it begins."""
        now = self._world.clock.now()
        services = [service] if service else list(self._world.pipelines.services())
        found: dict[str, View] = {}
        for name in services:
            stages = self._world.pipelines.stages(name)
            for freeze in dict.fromkeys(one for stage in stages for one in stage.freezes):
                hit = [stage.environment.name for stage in stages if freeze in stage.freezes]
                found.setdefault(freeze.name, _freeze_view(freeze, hit, now))
        return {"freezes": list(found.values()), "at": now.isoformat()}

    def override(self, release: str, environment: str, by: str, why: str = "") -> View:
        """Break the glass: lift the freezes in force for exactly this release, configuration and target, for a while."""
        considered, place, now = self._consider(release, environment, by)
        stage = considered.stage
        # Whoever asked for it, or what did: the freezes that keep the waiting one out, not those that would keep this person out.
        waiting = self._waiting(considered.release.name, place)
        actor = waiting or (by, False)
        stopping = freezes.in_force(stage.freezes, environment, "promote", *actor, now)
        frozen = [one.freeze.name for one in stopping]
        # A freeze may have rules of its own: who lifts several at once must be allowed to lift each.
        glasses = list(dict.fromkeys(one.freeze.glass or stage.break_glass for one in stopping)) or [stage.break_glass]
        if against := dict.fromkeys(no for rule in glasses for no in breakglass.objections(by, why, rule, frozen, stage.revoked)):
            raise Refused(f"{environment} stays frozen for {considered.release.name}", (one.text for one in against))
        rule = min(glasses, key=lambda one: one.within)
        said = breakglass.override(considered.candidate, environment, by, why, rule, frozen, now)
        self._world.statements.state(said, _broke(said), _told(said, stage))
        self._commands.wake(place.service)
        again, _, _ = self._consider(release, environment, actor[0], automatic=actor[1])
        return {
            "release": said.release,
            "environment": environment,
            "by": by,
            "freezes": frozen,
            "until": said.until.isoformat(),
            "told": list(stage.notify),
            "waits": [*again.refusals, *again.waits],
        }

    # -- checklists

    def checklist(self, release: str, environment: str) -> View:
        """Every item, how it stands for this release, and on whose word."""
        considered, _, _ = self._consider(release, environment, "")
        about = self._world.statements.statements(considered.release.name, environment)
        said = [one for one in about if isinstance(one, Tick)]
        runs = [one for one in about if isinstance(one, ItemRun)]
        found = checklists.answers(considered.candidate, considered.stage.checklist, said, considered.answers, runs)
        return {
            "release": considered.release.name,
            "environment": environment,
            "digest": considered.release.digest,
            "items": [_item_view(one) for one in found],
            "open": sum(one.state != "ticked" for one in found),
        }

    def tick_item(self, release: str, environment: str, item: str, by: str, good: bool = True, comment: str = "") -> View:
        """Answer an item for exactly this artifact; the last word about an item counts."""
        considered, place, now = self._consider(release, environment, "")
        stage = considered.stage
        found = next((one for one in stage.checklist if one.name == item), None)
        if found is None:
            known = ", ".join(one.name for one in stage.checklist) or "none"
            raise Refused(f"the checklist of {environment} has no {item}", (f"its items: {known}",))
        if why := checklists.may_tick(by, found, stage.revoked):
            raise Refused(f"{item} stays as it is", (why,))
        name = considered.release.name
        tick = Tick(name, environment, by, now, item, considered.release.digest, good, comment)
        word = "ticked" if good else "unticked"
        self._world.statements.state(tick, _said(tick, f"{word} {item} for {environment}", {"digest": tick.digest}))
        self._commands.wake(place.service)
        return self.checklist(name, environment)

    # -- people

    def advise(self, release: str, environment: str, by: str, go: bool = True, comment: str = "") -> View:
        """A member of the change advisory group says go or no-go."""
        considered, place, now = self._consider(release, environment, "")
        rule, name = considered.stage.advisory, considered.release.name
        if rule is None:
            raise Refused(f"{environment} asks no change advisory group", ("see `advisory:` in headway.yaml",))
        if not go and not comment.strip():
            raise Refused(f"a no-go for {name} needs a reason", ("--comment says it",))
        asked_by = self._waiting(name, place)
        asking = considered.candidate if asked_by is None else self._consider(release, environment, asked_by[0])[0].candidate
        if go and (why := advisory.may_advise(by, asking, rule, considered.stage.revoked)):
            raise Refused(f"{by} has no say about {name}", (why,))
        if not any(same_person(by, one) for one in rule.people):
            raise Refused(f"{by} has no say about {name}", (f"{rule.group} are {', '.join(rule.people)}",))
        seen = considered.candidate
        advice = Advice(
            name, environment, by, now, seen.digest, seen.configuration_digest, seen.target_digest, go, comment, seen.data_digest
        )
        self._world.statements.state(advice, _said(advice, f"said {'go' if go else 'no-go'} for {environment}", {"group": rule.group}))
        self._commands.wake(place.service)
        left, _, _ = self._consider(release, environment, asked_by[0] if asked_by else "")
        return {"release": name, "environment": environment, "by": by, "go": go, "waits": [*left.refusals, *left.waits]}

    def revoke(self, release: str, environment: str, by: str, comment: str = "") -> View:
        """Take back one's own approval. A rejection cannot be taken back."""
        considered, place, now = self._consider(release, environment, "")
        name, seen = considered.release.name, considered.candidate
        given = self._world.words.approvals(name, environment)
        if not any(one.yes and same_person(one.by, by) for one in given):
            raise Refused(f"{by} has not approved {name} for {environment}", ("there is nothing to take back",))
        word = Approval(
            name, environment, by, now, seen.digest, seen.configuration_digest, seen.target_digest, yes=False, comment=comment, revokes=True
        )
        why = (comment,) if comment else ()
        self._world.words.approve(word, Event(now, by, f"took back the approval for {environment}", why, {"identity": identity()}))
        self._commands.wake(place.service)
        left, _, _ = self._consider(release, environment, "")
        return {"release": name, "environment": environment, "by": by, "waits": [*left.refusals, *left.waits]}

    # -- small parts

    def _consider(self, release: str, environment: str, by: str, *, automatic: bool = False) -> tuple[Considered, Place, datetime]:
        name = str(self._commands.release(release)["release"])
        place = Place(name.rpartition("@")[0], environment)
        now = self._world.clock.now()
        return consider(Asked(name, place, by, automatic), self._world, now), place, now

    def _waiting(self, release: str, place: Place) -> tuple[str, bool] | None:
        """Who, or what, asked for the rollout that waits there."""
        standing = (one.rollout for one in self._world.records.standings(place=place, ended=False))
        return next(((one.asked_by, one.automatic) for one in standing if one.release == release), None)


def _freeze_view(freeze: Freeze, environments: list[str], now: datetime) -> View:
    span = covering(freeze.window, freeze.timezone, now)
    following = None if span else upcoming(freeze.window, freeze.timezone, now)
    return {
        "name": freeze.name,
        "when": f"{freeze.window}, {freeze.timezone}",
        "environments": environments,
        "stops": list(freeze.stops),
        "binds": list(freeze.binds),
        "except": list(freeze.exempt),
        "why": freeze.why,
        "in_force": span is not None,
        "until": span.end.isoformat() if span else None,
        "next": following.start.isoformat() if following else None,
    }


def _item_view(answer: checklists.Answer) -> View:
    return {
        "item": answer.item.name,
        "text": answer.item.text,
        "state": answer.state,
        "by": answer.by,
        "said": answer.said,
        "at": at.at.isoformat() if (at := answer.tick or answer.run) else None,
        "machine": answer.item.by_machine,
        "command": list(answer.item.command.check.argv) if answer.item.command else None,
        "log": answer.run.log if answer.run else "",
        "who": list(answer.item.people),
    }


def _said(about: Tick | Advice, what: str, data: dict[str, object]) -> Event:
    return Event(about.at, about.by, what, (about.comment,) if about.comment else (), {**data, "identity": identity()})


def _broke(said: Override) -> Event:
    data: dict[str, object] = {"freezes": list(said.freezes), "until": said.until.isoformat(), "identity": identity()}
    return Event(said.at, said.by, f"broke the glass for {said.environment}", (said.why,), data)


def _told(said: Override, stage: Stage) -> tuple[Notice, ...]:
    """Loud: everybody whom the environment notifies hears of it, at once."""
    title = f"{said.by} broke the glass: {said.release} may enter {said.environment} in spite of {', '.join(said.freezes)}"
    data = {"release": said.release, "environment": said.environment, "by": said.by, "until": said.until.isoformat()}
    return tuple(Notice(target, title, said.why, data) for target in stage.notify)
