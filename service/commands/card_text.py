"""The card of an incident as text, for somebody who was woken up by it: the answer first, then the story."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from analysis.card.values import Branch, Bucket, CardLimits, IncidentCard, Moment, Party, Relation, Times

TEXT_LIMITS = CardLimits(components=12, evidence=4, moments=24, branches=16, roots=5, path=10, names=3)
"""What fits on a screen."""
SHOWN_EVIDENCE = 2
"""Of each component with the critical failure."""
DEEPEST = 8
"""The tree is not indented further."""
FINE_S, DAY_S = 60.0, 86400.0
"""A shorter story is told with milliseconds, if it has any; a longer one with the day."""
MARKS = {
    Bucket.ROOT_CAUSE: "[bold red]root cause[/]",
    Bucket.CRITICAL_FAILURE: "[bold magenta]critical[/]",
    Bucket.AFFECTED: "[yellow]affected[/]",
    Bucket.AT_RISK: "[cyan]at risk[/]",
    Bucket.NONE: "",
}
GROUPS = {
    Relation.DEPENDS_ON_ROOT_CAUSE: "depending on it",
    Relation.CALLED_BY_ROOT_CAUSE: "called by it",
    Relation.NO_KNOWN_CALLS: "odd too, no known calls to it",
    Relation.NO_ROOT_CAUSE: "odd",
}


def print_card(console: Console, card: IncidentCard) -> None:
    """Print the three buckets, when it was, and how it came about.

    Parameters
    ----------
    console
        Where to.
    card
        Made with ``TEXT_LIMITS``, so that it fits.
    """
    console.print(f"[bold]{escape(card.headline)}[/]\n")
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for title, lines in _blocks(card):
        table.add_row(title, "\n".join(lines))
    console.print(table)
    _print_timeline(console, card)
    _print_tree(console, card)


def _blocks(card: IncidentCard) -> Iterator[tuple[str, list[str]]]:
    """The buckets and what belongs to them, each under its title."""
    critical, impact = card.critical_failure, card.impact
    yield "Root cause", list(_root_cause(card))
    yield "Critical failure", list(_critical(critical.parties)) or [escape(critical.why_empty)]
    affected = list(_affected(impact.affected)) or [escape(impact.why_none_affected)]
    yield "Impact: affected", affected + _rest(card, "affected")
    at_risk = list(_at_risk(impact.at_risk)) or [escape(impact.why_none_at_risk)]
    yield "Impact: at risk", at_risk + _rest(card, "at_risk")
    if card.entry_points:
        names = ", ".join(f"{escape(point.component)} ({MARKS[point.bucket]})" for point in card.entry_points)
        yield "Users come in at", [names, *_rest(card, "entry_points")]
    if card.propagation:
        yield "Spread", [escape(" -> ".join(card.propagation))]
    yield "When", [_when(card.times)]
    if card.caveats:
        yield "Mind", [f"[yellow]{escape(said)}[/]" for said in card.caveats]


def _root_cause(card: IncidentCard) -> Iterator[str]:
    root = card.root_cause
    if root.component:
        yield f"[bold red]{escape(root.component)}[/] ({root.category}), {root.confidence:.0%} sure"
        yield from (f"+ {escape(said)}" for said in root.evidence)
        yield from (f"- {escape(said)}" for said in root.against)
    else:
        yield f"[bold yellow]Not named.[/] {escape(root.why_empty)}"
    if root.suspects:
        others = ", ".join(f"{escape(s.component)} {s.likelihood:.0%}" for s in root.suspects)
        yield f"[dim]{'or else' if root.component else 'suspects'}: {others}[/]"


def _critical(parties: Sequence[Party]) -> Iterator[str]:
    """A sentence for each, and what was seen of it."""
    for party in parties:
        yield f"[bold magenta]{escape(party.component)}[/]{_state(party)}: {escape(party.statement)}"
        yield from (f"  {escape(said)}" for said in party.evidence[:SHOWN_EVIDENCE])


def _affected(parties: Sequence[Party]) -> Iterator[str]:
    """One line for each way of standing to the root cause."""
    for relation, title in GROUPS.items():
        group = [party for party in parties if party.relation is relation]
        if group:
            yield f"[dim]{title}:[/] " + ", ".join(f"{_named(party)}{_state(party)}" for party in group)


def _at_risk(parties: Sequence[Party]) -> Iterator[str]:
    """One line for the calm ones, one for those of which nobody knows."""
    titles = {True: "calm so far", False: "not measured, so nobody can tell", None: "no alert names them"}
    for is_measured, title in titles.items():
        group = [party for party in parties if party.is_measured is is_measured]
        if group:
            yield f"[dim]{title}:[/] " + ", ".join(map(_named, group))


def _named(party: Party) -> str:
    n = party.calls_away
    return escape(party.component) + (f" ({n} calls away)" if n is not None and n > 1 else "")


def _state(party: Party) -> str:
    """What is over is told; that it lasts is the rule."""
    return " [green](over)[/]" if party.is_ongoing is False else ""


def _rest(card: IncidentCard, name: str) -> list[str]:
    n = card.left_out.get(name, 0)
    return [f"[dim]and {n} more[/]"] if n else []


def _when(times: Times) -> str:
    if times.began_at is None:
        return f"detected {times.detected_at:%Y-%m-%d %H:%M:%S} UTC; no event was seen"
    delay = times.detected_after_s or 0.0
    noticed = f"{_span(delay)} later" if delay > 0 else f"{_span(-delay)} before" if delay < 0 else "at once"
    n = len(times.ongoing)
    state = {
        True: f"{n} component{'s' if n != 1 else ''} still odd at {times.seen_until:%H:%M:%S}, the end of the data",
        False: f"over before {times.seen_until:%H:%M:%S}, the end of the data",
        None: "alerts do not say whether it is over",
    }[times.is_ongoing]
    return f"began {times.began_at:%Y-%m-%d %H:%M:%S} UTC, detected {times.detected_at:%H:%M:%S} ({noticed}); {state}"


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _print_timeline(console: Console, card: IncidentCard) -> None:
    """One line a moment; where the detection falls is a line too."""
    if not card.timeline:
        return
    clock = _clock_of(card)
    table = Table(box=None, padding=(0, 2, 0, 0), title="\nTimeline (* on the critical path)", title_justify="left")
    for name in ("UTC", ""):
        table.add_column(name, no_wrap=True)
    table.add_column("component", overflow="fold", max_width=44)
    table.add_column("", no_wrap=True)
    table.add_column("what", overflow="fold")
    lines = [
        (m.at, "*" if m.is_on_critical_path else "", m.component, MARKS[m.bucket], _what(m)) for m in card.timeline
    ]
    place = sum(moment.at <= card.times.detected_at for moment in card.timeline)
    lines.insert(place, (card.times.detected_at, "", "", "[bold]detected[/]", ""))
    for at, star, component, mark, what in lines:
        table.add_row(clock(at), star, escape(component), mark, what)
    console.print(table)
    for more in _rest(card, "timeline"):
        console.print(more)


def _clock_of(card: IncidentCard) -> Callable[[datetime], str]:
    """How to write times: with milliseconds where seconds hide the order, with the day where hours repeat."""
    moments = [moment.at for moment in card.timeline]
    span_s = (max(moments) - min(moments)).total_seconds()
    if span_s < FINE_S and any(at.microsecond for at in moments):
        return lambda at: f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"
    return lambda at: f"{at:%m-%d %H:%M:%S}" if span_s >= DAY_S else f"{at:%H:%M:%S}"


def _what(moment: Moment) -> str:
    also = f"; also {', '.join(map(escape, moment.also))}" if moment.also else ""
    more = moment.n_events - 1 - len(moment.also)
    return f"{escape(moment.statement)}{also}" + (f" and {more} more" if more > 0 else "")


def _print_tree(console: Console, card: IncidentCard) -> None:
    """Only where something hangs below something."""
    if not any(branch.depth for branch in card.event_tree):
        return
    console.print("\n[italic]What can have led to what: calls and time allow it[/]")
    clock = _clock_of(card)
    for branch in card.event_tree:
        console.print(_branch(branch, clock), soft_wrap=True)
    for more in _rest(card, "event_tree"):
        console.print(more)


def _branch(branch: Branch, clock: Callable[[datetime], str]) -> str:
    first = branch.first
    indent = "  " * min(branch.depth, DEEPEST) + ("└ " if branch.depth else "")
    count = f" [dim]({branch.n_events} events)[/]" if branch.n_events > 1 else ""
    mark = f" {MARKS[first.bucket]}" if MARKS[first.bucket] else ""
    where = f"{clock(first.at)} {indent}[bold]{escape(first.component)}[/]{mark}"
    return f"{where}: {escape(first.statement)}{count}"
