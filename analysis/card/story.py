"""How the incident came about: time line, tree of what can have led to what, root events, critical path."""

from collections.abc import Sequence

from analysis.card.scene import Scene, say
from analysis.card.sorting import Sorted
from analysis.card.values import Branch, Bucket, Moment, Relation, Times
from analysis.event_graph import Burst
from analysis.events import Event


class Story:
    """The events of a scene as moments.

    Parameters
    ----------
    scene
        What is known.
    found
        Who is in which bucket.
    """

    def __init__(self, scene: Scene, found: Sorted) -> None:
        self._scene = scene
        self._cause = scene.cause.component if scene.cause else ""
        self._found = found
        self._path = scene.events.critical_path()
        self._on_path = frozenset(self._path)

    def timeline(self) -> tuple[tuple[Moment, ...], int]:
        """The moments in the order of time, the most telling ones if there are too many, and how many are left out."""
        bursts = self._scene.events.bursts
        kept = sorted(range(len(bursts)), key=lambda i: (*self._dispensable(bursts[i]), i))
        kept = sorted(kept[: self._scene.limits.moments])
        return tuple(self._moment(bursts[i]) for i in kept), len(bursts) - len(kept)

    def _dispensable(self, burst: Burst) -> tuple[bool, bool, bool, float]:
        """Sorts what the story needs least to the end."""
        bucket = self._found.bucket_of(burst.component, self._cause)
        is_stranger = bucket is Bucket.NONE
        is_main = bucket is Bucket.ROOT_CAUSE or burst.lead in self._on_path
        return (not burst.is_change or is_stranger, not is_main, is_stranger, -burst.weight)

    def critical_path(self) -> tuple[tuple[Moment, ...], int]:
        """The heaviest chain, a run in one component as one moment, and how many moments are left out."""
        runs: list[list[Event]] = []
        for event in self._path:
            if runs and runs[-1][0].component == event.component:
                runs[-1].append(event)
            else:
                runs.append([event])
        most = self._scene.limits.path
        return tuple(self._of(run[0], run[1:]) for run in runs[:most]), max(0, len(runs) - most)

    def root_events(self) -> tuple[tuple[Moment, ...], int]:
        """What nothing earlier can have led to, in the order of time, and how many are left out."""
        graph, most = self._scene.events, self._scene.limits.roots
        roots = [burst for burst, before in zip(graph.bursts, graph.before, strict=True) if not before]
        kept = sorted(sorted(range(len(roots)), key=lambda i: (*self._dispensable(roots[i]), i))[:most])
        return tuple(self._moment(roots[i]) for i in kept), len(roots) - len(kept)

    def event_tree(self) -> tuple[tuple[Branch, ...], int]:
        """Runs of events, each below the one from which it can have come, and how many are left out."""
        runs = _runs(self._scene.events.bursts, self._scene.events.before)
        parents = _parents(runs, self._scene.events.before)
        order, depths, below = _walk(parents)
        most = self._scene.limits.branches
        found = []
        for i in order[:most]:
            bursts = [self._scene.events.bursts[place] for place in runs[i]]
            found.append(
                Branch(
                    id=i,
                    parent=parents[i],
                    depth=depths[i],
                    first=self._moment(bursts[0]),
                    n_events=sum(len(burst.events) for burst in bursts),
                    until=bursts[-1].at,
                    n_below=below[i],
                )
            )
        return tuple(found), max(0, len(order) - most)

    def times(self) -> Times:
        """When it began, was detected, and whether it lasts."""
        scene = self._scene
        seen = [event for events in scene.odd.values() for event in events]
        close = [e for e in seen if scene.relation_of(e.component) is not Relation.NO_KNOWN_CALLS]
        states = {name: scene.is_ongoing(name) for name in scene.odd}
        is_known = any(state is not None for state in states.values())
        ongoing = tuple(name for name, state in states.items() if state)
        return Times(
            began_at=min((event.at for event in close or seen), default=None),
            detected_at=scene.detected_at,
            seen_until=scene.seen_until,
            ongoing=ongoing,
            is_ongoing=bool(ongoing) if is_known or not states else None,
        )

    def _moment(self, burst: Burst) -> Moment:
        return self._of(burst.lead, burst.events[1:])

    def _of(self, event: Event, others: Sequence[Event]) -> Moment:
        names = dict.fromkeys(other.name for other in others if other.name != event.name)
        return Moment(
            at=event.at,
            component=event.component,
            kind=event.kind,
            name=event.name,
            statement=say(event),
            also=tuple(names)[: self._scene.limits.names],
            n_events=1 + len(others),
            weight=event.weight,
            lasted_s=event.lasted_s,
            bucket=self._found.bucket_of(event.component, self._cause),
            relation=self._scene.relation_of(event.component),
            is_on_critical_path=event in self._on_path,
        )


def _runs(bursts: Sequence[Burst], before: Sequence[Sequence[int]]) -> list[list[int]]:
    """Places of the bursts that follow each other in one component; sorted by their first one."""
    latest: dict[str, int] = {}
    runs: list[list[int]] = []
    for place, (burst, sources) in enumerate(zip(bursts, before, strict=True)):
        run = latest.get(burst.component)
        if run is not None and runs[run][-1] in sources:
            runs[run].append(place)
        else:
            latest[burst.component] = len(runs)
            runs.append([place])
    return runs


def _parents(runs: Sequence[Sequence[int]], before: Sequence[Sequence[int]]) -> list[int | None]:
    """The run from which each can have come: that of the latest possible source of its first burst."""
    run_of = {place: i for i, run in enumerate(runs) for place in run}
    return [run_of[max(before[run[0]])] if before[run[0]] else None for run in runs]


def _walk(parents: Sequence[int | None]) -> tuple[list[int], list[int], list[int]]:
    """Order of the tree written as a list, depth of every run, and how many are below it; parents come first."""
    children: list[list[int]] = [[] for _ in parents]
    depths, below = [0] * len(parents), [0] * len(parents)
    for i, parent in enumerate(parents):
        if parent is not None:
            children[parent].append(i)
            depths[i] = depths[parent] + 1
    for i in range(len(parents) - 1, -1, -1):
        parent = parents[i]
        if parent is not None:
            below[parent] += below[i] + 1
    order: list[int] = []
    waiting = [i for i in range(len(parents) - 1, -1, -1) if parents[i] is None]
    while waiting:
        order.append(waiting.pop())
        waiting.extend(reversed(children[order[-1]]))
    return order, depths, below
