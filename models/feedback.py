"""What operators say of anomalies moves the boundaries of their series: bounded, reversible, one verdict at a time."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from models.anomalies import Anomaly
from models.bundle import Bundle
from models.calibration import LEAST_FACTOR, MOST_FACTOR, boundaries
from models.detector import components
from models.errors import UnknownNameError
from models.frames import SeriesKey
from models.scoring import FLAGS


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """An operator's word on one anomaly.

    Parameters
    ----------
    key
        The series.
    detectors
        Those that found it.
    is_confirmed
        True: it was one, be more watchful; False: it was none, be less so.
    for_group
        The verdict holds for all series of the component.
    """

    key: SeriesKey
    detectors: tuple[str, ...]
    is_confirmed: bool
    for_group: bool = False

    @classmethod
    def on(cls, anomaly: Anomaly, *, is_confirmed: bool, for_group: bool = False) -> "Verdict":
        """The verdict on all detectors that found an anomaly.

        Judges of silence and data range have no threshold; change the rules for these.

        Parameters
        ----------
        anomaly
            As it was reported.
        is_confirmed
            Whether it was one.
        for_group
            Whether it holds for all series of the component.

        Returns
        -------
        Verdict
            For ``adjust_thresholds``.
        """
        found_by = tuple(name for name in (anomaly.detector, *anomaly.supporting_detectors) if name not in FLAGS)
        return cls(key=anomaly.key, detectors=found_by, is_confirmed=is_confirmed, for_group=for_group)


def adjust_thresholds(bundle: Bundle, verdicts: Iterable[Verdict]) -> Bundle:
    """Move the boundaries of a bundle by verdicts.

    A verdict moves the boundary of its series by 16 %, or of all series of the component where it is meant for the
    group; for a detector of components that of the component. See ``Calibration.adjusted`` for the bounds. The
    opposite verdict takes it back.

    Parameters
    ----------
    bundle
        Trained.
    verdicts
        In any order; UnknownNameError if one is on a series or a detector that the bundle does not have.

    Returns
    -------
    Bundle
        A new one with a new model version, or an equal one if nothing moved.
    """
    counts: dict[tuple[str, bool], Counter[int]] = {}
    for verdict in verdicts:
        for name, columns in _touched(bundle, verdict).items():
            counts.setdefault((name, verdict.is_confirmed), Counter()).update(columns)
    adjusted = tuple(
        replace(
            member,
            calibration=member.calibration.adjusted(
                rejected=counts.get((member.detector.name, False), {}),
                confirmed=counts.get((member.detector.name, True), {}),
            ),
        )
        for member in bundle.members
    )
    return replace(bundle, members=adjusted)


def reset_thresholds(bundle: Bundle, verdicts: Iterable[Verdict] | None = None) -> Bundle:
    """Take verdicts back.

    Parameters
    ----------
    bundle
        With any feedback.
    verdicts
        The boundaries that one of them would move become those that were learnt, whatever was said of them; errors as
        for ``adjust_thresholds``. None means all boundaries.

    Returns
    -------
    Bundle
        As it was trained, as far as that goes.
    """
    if verdicts is None:
        members = tuple(replace(member, calibration=member.calibration.reset()) for member in bundle.members)
        return replace(bundle, members=members)
    factors = {member.detector.name: member.calibration.factor.copy() for member in bundle.members}
    for verdict in verdicts:
        for name, columns in _touched(bundle, verdict).items():
            factors[name][columns] = 1.0
    members = tuple(
        replace(member, calibration=replace(member.calibration, factor=factors[member.detector.name]))
        for member in bundle.members
    )
    return replace(bundle, members=members)


def _touched(bundle: Bundle, verdict: Verdict) -> dict[str, list[int]]:
    """Columns whose boundaries a verdict moves, by detector."""
    if verdict.key not in bundle.keys:
        raise UnknownNameError("series", str(verdict.key), map(str, bundle.keys))
    members, scopes = components(bundle.keys), {each.detector.name: each.detector.scope for each in bundle.members}
    touched: dict[str, list[int]] = {}
    for name in verdict.detectors:
        if name not in scopes:
            raise UnknownNameError("detector", name, scopes)
        if scopes[name] == "component":
            touched[name] = [list(members).index(verdict.key.component)]
        else:
            touched[name] = members[verdict.key.component] if verdict.for_group else [bundle.keys.index(verdict.key)]
    return touched


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """By how much a boundary was moved.

    Parameters
    ----------
    detector
        Whose boundary.
    of
        The series, or for a detector of components the component.
    before, after
        Raw score of the boundary; NaN where nothing could be learnt, infinite where it cannot alarm yet.
    factor_before, factor_after
        Distance of the boundary from the threshold of the usual, over the learnt distance; in [0.5, 4].
    """

    detector: str
    of: str
    before: float
    after: float
    factor_before: float
    factor_after: float

    @property
    def is_bounded(self) -> bool:
        """It can go no further in this direction."""
        return self.factor_after in {LEAST_FACTOR, MOST_FACTOR}


def moves(before: Bundle, after: Bundle, verdict: Verdict) -> tuple[Move, ...]:
    """Say how far the boundaries that a verdict is on were moved.

    Parameters
    ----------
    before
        Trained, with or without feedback.
    after
        The same with other feedback.
    verdict
        Which boundaries; whether it was confirmed does not matter. Errors as for ``adjust_thresholds``.

    Returns
    -------
    tuple of Move
        By detector in the bundle's order; also those that stayed.
    """
    touched, names = _touched(before, verdict), list(components(before.keys))
    found = []
    for old, new in zip(before.members, after.members, strict=True):
        tail = before.memory.tails[old.detector.name]
        was, now = boundaries(old.calibration, tail), boundaries(new.calibration, tail)
        found += [
            Move(
                detector=old.detector.name,
                of=names[column] if old.detector.scope == "component" else str(before.keys[column]),
                before=float(was[column]),
                after=float(now[column]),
                factor_before=float(old.calibration.factor[column]),
                factor_after=float(new.calibration.factor[column]),
            )
            for column in touched.get(old.detector.name, [])
        ]
    return tuple(found)
