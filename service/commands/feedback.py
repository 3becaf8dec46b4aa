"""``faultline feedback``: what operators say of anomalies, into the boundaries of a bundle."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from models.bundle import Bundle
    from models.feedback import Move, Verdict
    from models.frames import SeriesKey


class Word(StrEnum):
    """What was said of an anomaly."""

    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    RESET = "reset"


def feedback(
    bundle: Annotated[Path, typer.Option(help="Directory of the bundle.")],
    series: Annotated[str, typer.Option(help="The series of the anomaly: component/metric.")],
    verdict: Annotated[
        Word, typer.Option(help="confirmed: be more watchful; rejected: less so; reset: as it was learnt.")
    ],
    out: Annotated[Path, typer.Option(help="Directory for the adjusted bundle; may be that of the bundle.")],
    for_group: Annotated[
        bool,
        typer.Option("--for-group", help="The verdict holds for all series of the component, and for it as a whole."),
    ] = False,
    detector: Annotated[
        list[str] | None,
        typer.Option(help="Only this detector's boundary; may be repeated.", show_default="those of the series"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Move the boundaries of a series by 16 % of their distance from the usual, within half and four times of it."""
    from models.bundle import Bundle
    from models.feedback import adjust_thresholds, moves, reset_thresholds
    from service.commands import output
    from service.store.codec import encode

    before = Bundle.load(bundle)
    said = _verdict(before, series, verdict, for_group, detector)
    after = reset_thresholds(before, [said]) if verdict is Word.RESET else adjust_thresholds(before, [said])
    moved = moves(before, after, said)
    after.save(out)
    if as_json:
        versions = {"model_version_before": before.model_version, "model_version": after.model_version}
        output.print_json({**versions, "moves": [{**encode(each), "is_bounded": each.is_bounded} for each in moved]})
        return
    for each in moved:
        output.say(_line(each))
    output.say(f"written: {out} ({before.model_version} -> {after.model_version})")


def _verdict(bundle: "Bundle", series: str, word: Word, for_group: bool, detectors: list[str] | None) -> "Verdict":  # noqa: FBT001  # as the option is
    from models.errors import ConfigurationError
    from models.feedback import Verdict

    usual = [each.detector.name for each in bundle.members if for_group or each.detector.scope == "series"]
    if not detectors and not usual:
        problem = f"No detector of {bundle.model_version} judges single series."
        raise ConfigurationError(problem, remedy="give --for-group, or name a --detector")
    return Verdict(
        key=_key(bundle, series),
        detectors=tuple(detectors or usual),
        is_confirmed=word is Word.CONFIRMED,
        for_group=for_group,
    )


def _key(bundle: "Bundle", series: str) -> "SeriesKey":
    """The series of that name; components and metrics may hold slashes themselves."""
    from models.errors import ConfigurationError, UnknownNameError
    from service.commands import output

    found = [key for key in bundle.keys if str(key) == series]
    if not found:
        raise UnknownNameError("series", series, map(str, bundle.keys))
    if len(found) > 1:
        owners = output.few([repr(key.component) for key in found])
        problem = f"{series} is the name of {len(found)} series, of the components {owners}."
        raise ConfigurationError(problem, remedy="rename one of them, or give the feedback from Python")
    return found[0]


def _line(move: "Move") -> str:
    by = move.factor_after / move.factor_before - 1
    line = f"{move.detector} on {move.of}: boundary {move.before:.4g} -> {move.after:.4g}"
    if by == 0:
        return f"{line}, not moved{': at its bound' if move.is_bounded else ''}"
    total = f"now {move.factor_after:.2f} times the learnt distance from the usual"
    return f"{line}, {by:+.0%}; {total}{', its bound' if move.is_bounded else ''}"
