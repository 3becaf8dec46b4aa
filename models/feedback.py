"""What operators say of anomalies moves the boundaries of their series: bounded, reversible, one verdict at a time."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from models.anomalies import Anomaly
from models.bundle import Bundle
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
        In any order.

    Returns
    -------
    Bundle
        A new one with a new model version, or an equal one if nothing moved.

    Raises
    ------
    UnknownNameError
        If a verdict is on a series or a detector that the bundle does not have.
    """
    column = {key: place for place, key in enumerate(bundle.keys)}
    members = components(bundle.keys)
    place_of = {name: place for place, name in enumerate(members)}
    scopes = {member.detector.name: member.detector.scope for member in bundle.members}
    counts: dict[tuple[str, bool], Counter[int]] = {}
    for verdict in verdicts:
        if verdict.key not in column:
            raise UnknownNameError("series", str(verdict.key), map(str, bundle.keys))
        for name in verdict.detectors:
            if name not in scopes:
                raise UnknownNameError("detector", name, scopes)
            if scopes[name] == "component":
                columns = [place_of[verdict.key.component]]
            else:
                columns = members[verdict.key.component] if verdict.for_group else [column[verdict.key]]
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


def reset_thresholds(bundle: Bundle) -> Bundle:
    """Take all verdicts back.

    Parameters
    ----------
    bundle
        With any feedback.

    Returns
    -------
    Bundle
        As it was trained.
    """
    members = tuple(replace(member, calibration=member.calibration.reset()) for member in bundle.members)
    return replace(bundle, members=members)
