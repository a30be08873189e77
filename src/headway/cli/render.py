"""The views as words and tables."""

from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from headway.cli.context import View

COLOURS = {
    "completed": "green",
    "running": "cyan",
    "pending": "yellow",
    "paused": "yellow",
    "held": "magenta",
    "parked": "magenta",
    "rolling back": "red",
    "rolled back": "red",
    "given up": "red",
    "cancelled": "dim",
}

DIFF = {"+": "green", "-": "red"}
RISKS = {"low": "green", "medium": "yellow", "high": "red"}


def phase(name: str) -> Text:
    """A phase in its colour."""
    return Text(name, style=COLOURS.get(name, ""))


def status(view: View) -> RenderableType:
    """What runs where, and what is on its way or waits and why."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("service", "environment", "live", "digest", "at"):
        table.add_column(heading)
    lines: list[RenderableType] = [table]
    for place in view["places"]:
        live = place["live"] or {}
        digest = str(live.get("digest", "")).removeprefix("sha256:")[:10]
        branch = place.get("branch") or {}
        at = branch["state"] if branch.get("state") in {"stopped", "leaving"} else place["url"] or "-"
        table.add_row(place["service"], place["environment"], live.get("version", "-"), digest, at)
        lines.extend(_drift_line(place["environment"], one) for one in place.get("drift") or ())
        lines.extend(_rollout_line(rollout) for rollout in place["rollouts"])
        if place.get("given_up"):
            lines.append(Text(f"  {place['environment']}: {place['given_up']}", style="red"))
        if place.get("reset"):
            lines.append(Text(f"  {place['environment']}: its database is made anew by the clock, next at {place['reset']}", style="dim"))
    lines.extend(
        Text(f"  {one['what']}", style="red").append(f"\n      {_first_line(one['why'])}", style="dim") for one in view["unreleased"]
    )
    return Group(*lines)


def _drift_line(environment: str, what: str) -> Text:
    return Text(f"  {environment} is not as it was written", style="red").append(
        f"\n      {what}  [headway drift {environment}]", style="dim"
    )


def drift(view: View) -> RenderableType:
    """A line for each thing that is not as it was written, with what was said of it."""
    if not view["differences"]:
        return Text(f"{view['environment']} is as it was written")
    lines = [Text(one["text"]) for one in view["differences"]]
    for line, one in zip(lines, view["differences"], strict=True):
        if one["accepted"]:
            line.append(f"\n  accepted by {one['accepted']}", style="dim")
    return Group(*lines)


def _first_line(why: list[str]) -> str:
    return why[0].partition("\n")[0] if why else ""


def _rollout_line(rollout: dict[str, Any]) -> Text:
    line = Text.assemble(
        (f"  {rollout['environment']}: ", "bold"), rollout["release"], " ", phase(rollout["phase"]), f" at {rollout['weight']} %"
    )
    return line.append(f"\n      {rollout['why']}  [{rollout['rollout']}]", style="dim")


def rollout(view: View) -> RenderableType:
    """One rollout: where it is, its plan with a mark at the present step, its record."""
    head = Text.assemble((f"{view['release']}", "bold"), f" in {view['environment']}: ", phase(view["phase"]), f" at {view['weight']} %")
    head.append(f"\n{view['why']}", style="dim")
    steps = Table(box=None, show_header=False, padding=(0, 1, 0, 0))
    at = view["step"]["at"] if view["step"] else 0
    for number, sentence in enumerate(view["steps"]):
        mark = "✓" if number < at or view["phase"] == "completed" else "▸" if number == at else " "
        steps.add_row(Text(mark, style="green" if mark == "✓" else "cyan"), escape(sentence))
    back = [Text("the way back:", style="dim"), *(Text(f"  {one}") for one in view["way_back"])]
    return Group(head, steps, *back, *_by_hand(view), events(view))


def _by_hand(view: View) -> list[Text]:
    """What to type when Headway itself is down."""
    if not view["by_hand"]:
        return []
    return [Text("the way back while Headway is down:", style="dim"), *(Text(f"  {one}", style="cyan") for one in view["by_hand"])]


def _on_the_cluster(cluster: View) -> list[RenderableType]:
    """What would be new there and what would change; the whole of what is new is in --json."""
    lines: list[RenderableType] = [Text(f"in the namespace {cluster['namespace']}, as the cluster itself answered:")]
    for one in cluster["objects"]:
        word = {"new": ("+", "new", "green"), "changed": ("~", "changes", "yellow")}.get(one["what"], (" ", "stays as it is", "dim"))
        lines.append(Text(f"  {word[0]} {one['kind']} {one['name']} {word[1]}", style=word[2]))
        if one["what"] == "changed":
            lines += [Text(f"      {line}", style=DIFF.get(line[:1], "dim")) for line in one["diff"]]
    return lines


def events(view: View) -> RenderableType:
    """The record, oldest first."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for event in view["events"]:
        why = "; ".join(event["why"])
        table.add_row(Text(event["at"][11:23], style="dim"), event["who"], escape(event["what"]), Text(why, style="dim"))
    return table


def rollouts(view: View) -> RenderableType:
    """A line a rollout, newest first."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("rollout", "release", "environment", "phase", "why"):
        table.add_column(heading)
    for one in view["rollouts"]:
        table.add_row(one["rollout"], one["release"], one["environment"], phase(one["phase"]), escape(one["why"]))
    return table


def releases(view: View) -> RenderableType:
    """A line a release, newest first."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("release", "commit", "digest", "ref", "cut"):
        table.add_column(heading)
    for one in view["releases"]:
        name = one["release"] + (" (withdrawn)" if one["withdrawn"] else "")
        digest = one["digest"].removeprefix("sha256:")[:10]
        table.add_row(name, one["commit"][:10], digest, one["ref"], f"{one['cut_at'][:16]} by {one['cut_by']}")
    return table


def release(view: View) -> RenderableType:
    """One release: what it is, where it passed, what stands against it."""
    lines = [Text(view["release"], style="bold")]
    lines += [Text(f"  {key}: {view[key]}") for key in ("commit", "ref", "digest", "author", "cut_by", "cut_at")]
    if view["withdrawn"]:
        lines.append(Text(f"  withdrawn: {view['withdrawn']}", style="red"))
    lines += [Text(f"  quarantined by {one['environment']}: {'; '.join(one['why'])}", style="red") for one in view["quarantined"]]
    lines += [
        Text(f"  {'passed' if one['good'] else 'failed'} {one['what']} in {one['environment']} at {one['at'][:19]}")
        for one in view["passed"]
        if one["release"] == view["release"]
    ]
    return Group(*lines, events(view))


def plan(view: View) -> RenderableType:
    """What would happen, the way back, and everything that stands in the way."""
    head = Text.assemble((view["release"], "bold"), f" to {view['environment']}, in place of {view['from'] or 'nothing'}")
    lines: list[RenderableType] = [head, Text(f"  digest {view['digest']}", style="dim")]
    lines += [Text(f"  {one}") for one in view.get("adopts") or ()]
    lines += [Text(f"  {number}. {sentence}") for number, sentence in enumerate(view["steps"], 1)]
    lines += [Text(f"  {one}", style="dim") for one in view.get("traffic") or ()]
    lines += [Text("migrations that wait:"), *(Text(f"  {one}") for one in view["migrations"])] if view["migrations"] else []
    lines += [Text("rehearsed:"), *(Text(f"  {one}") for one in view["rehearsal"])] if view.get("rehearsal") else []
    lines += [Text("the way back:"), *(Text(f"  {one}") for one in view["way_back"])]
    lines += _by_hand(view)
    lines += [Text("settings that change:"), *(Text(f"  {one}") for one in view["configuration"])] if view["configuration"] else []
    lines += _on_the_cluster(view["cluster"]) if view.get("cluster") else []
    lines += [Text("better mended:", style="yellow"), *(Text(f"  {one}") for one in view["warnings"])] if view.get("warnings") else []
    if view.get("origins"):
        lines.append(Text("not from its own file:"))
        lines += [Text(f"  {key}: {origin}", style="dim") for key, origin in view["origins"].items()]
    if view.get("risk"):
        risk = view["risk"]
        lines.append(Text(f"risk: {risk['level']} ({risk['score']} points)", style=RISKS.get(risk["level"], "")))
        lines += [Text(f"  {one}", style="dim") for one in risk["reasons"]]
    if view["objections"]:
        lines += [Text("objections:", style="red" if view["refused"] else "yellow"), *(Text(f"  - {one}") for one in view["objections"])]
    else:
        lines.append(Text("nothing stands in the way", style="green"))
    return Group(*lines)


def freezes(view: View) -> RenderableType:
    """A line a freeze: whether it is in force, and what it stops."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("freeze", "when", "environments", "now", "stops", "why"):
        table.add_column(heading)
    for one in view["freezes"]:
        now = (
            Text(f"until {one['until'][:16]}", style="red")
            if one["in_force"]
            else Text(f"from {(one['next'] or 'never')[:16]}", style="dim")
        )
        stops = f"{', '.join(one['stops'])} by {', '.join(one['binds'])}"
        table.add_row(one["name"], escape(one["when"]), ", ".join(one["environments"]), now, stops, escape(one["why"]))
    return table


def checklist(view: View) -> RenderableType:
    """A line an item, and on whose word it stands as it does."""
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0))
    for one in view["items"]:
        mark = {"ticked": Text("✓", style="green"), "unticked": Text("✗", style="red")}.get(one["state"], Text("·", style="yellow"))
        word = f"{one['by']}: {one['said']}" if one["by"] and one["said"] else one["by"]
        table.add_row(mark, one["item"], escape(one["text"]), Text(word, style="dim"))
    done = len(view["items"]) - view["open"]
    return Group(table, Text(f"{done} of {len(view['items'])} for {view['release']} in {view['environment']}"))


def trains(view: View) -> RenderableType:
    """What rides and what keeps it, and how often trains leave on time."""
    lines: list[RenderableType] = []
    for one in view["trains"][:10]:
        phase_ = f", in {one['phase']}" if one["phase"] else ""
        style = {"departed": "green", "held": "magenta", "slipped": "red", "cancelled": "red"}.get(one["state"], "cyan")
        head = Text.assemble((one["train"], "bold"), " ", (one["state"] + phase_, style), f"  {one['release'] or 'not cut'}")
        lines.append(head.append(f"  cut {one['cuts'][:16]}, departs {one['departs'][:16]}", style="dim"))
        lines += [Text(f"  + {late['commit'][:10]} {_late(late)}: {late['why']}") for late in one["late"]]
        lines += [Text(f"  {_call(call)}", style="dim" if call["void"] else "") for call in one["calls"]]
        lines += [Text(f"  - {objection}", style="yellow") for objection in one["objections"]]
        lines += [Text(f"  {reason}", style="dim") for reason in one["reasons"]]
    for one in view["timetables"]:
        lines.append(Text(f"{one['service']} {one['timetable']}: {one['departs']}, next {one['next'][:16]} to {one['to']}", style="dim"))
    rate = view["on_time"]
    if rate["rate"] is not None:
        counts = f"{rate['on_time']} on time, {rate['late']} late, {rate['missed']} missed, {rate['carried']} changes carried over"
        lines.append(Text(f"on time: {rate['rate']:.0%} ({counts})"))
    return Group(*(lines or [Text("no trains; see `trains:` in headway.yaml", style="dim")]))


def _late(late: dict[str, Any]) -> str:
    if late["boarded"]:
        return "boarded"
    if late["ejected"]:
        return f"ejected ({late['ejected']})"
    unsaid = f" ({', '.join(late['unsaid'])} said yes to other words)" if late["unsaid"] else ""
    return f"asks to board, yes from {', '.join(late['approved']) or 'nobody'}{unsaid}"


def _call(call: dict[str, Any]) -> str:
    if call["void"]:
        return f"void: {call['void']}"
    why = f" ({call['why']})" if call["why"] else ""
    return f"go: {call['by']}, for {call['release']}{why}" if call["go"] else f"no-go: {call['by']}{why}"


def hotfixes(view: View) -> RenderableType:
    """Every hotfix, and the lines that still lack it."""
    lines: list[RenderableType] = []
    for one in view["hotfixes"]:
        state = Text("finished", style="green") if one["finished"] else Text("open", style="yellow")
        if one.get("dropped"):
            state = Text(f"given up ({one['dropped']})", style="dim")
        elif one["release"] and not one["finished"] and not one.get("out"):
            state = Text("not out yet", style="yellow")
        lines.append(
            Text.assemble((one["branch"], "bold"), " ", state, f"  {one['release'] or 'not shipped'}, fixes {one['live']}: {one['why']}")
        )
        for line in one["lines"]:
            picked = ", picked" if line.get("picked") else ""
            lacking = f"lacks {', '.join(one[:10] for one in line['lacks'])}" if line.get("lacks") else "lacks it"
            word = f"has it ({line['done'][:10]}{picked})" if line["done"] else lacking
            clash = f"; conflicts in {', '.join(line['conflict'])}" if line["conflict"] else ""
            lines.append(Text(f"  {line['branch']} {word}{clash}", style="green" if line["done"] else "yellow"))
    return Group(*(lines or [Text("no hotfixes", style="dim")]))


def tried(one: dict[str, Any]) -> str:
    """One commit that was tried while a culprit was looked for."""
    colour = {"good": "green", "bad": "red"}.get(one["answer"], "yellow")
    return f"  [{colour}]{one['answer']:4}[/{colour}] {one['commit'][:10]} {escape(one['subject'])}: {escape(one['why'])}"


def culprit(view: View) -> RenderableType:
    """Who broke it, and how to take it back."""
    lines = [Text(view["said"], style="red" if view["suspects"] else "yellow")]
    for one in view["suspects"]:
        many = f", which brought {one['brought']} commits" if one["brought"] > 1 else ""
        lines.append(Text(f"  {one['commit'][:10]} {one['subject']}, by {one['author']}{many}"))
    return Group(*lines)
