"""``faultline detect``: the anomalies of a file or a case, judged by a trained bundle."""

import re
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.commands.trained import BundleOption

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.anomalies import Anomaly
    from models.bundle import Bundle
    from models.drift import Drift
    from models.frames import MetricFrame, SeriesKey
    from models.memory import Memory
    from models.scoring import BundleScores
    from models.sources.repairs import Repair

LONGEST_NAME = 120
TRAINED_OPTIONS = ("false_alarms_per_day", "time_zone", "holidays")
"""Options of rules that only a training can follow."""


def detect(
    source: Annotated[Path, typer.Argument(help="CSV or Parquet file, a directory of them, or an incident case.")],
    bundle: BundleOption = None,
    step_s: Annotated[float | None, typer.Option(help="Step of the metrics, seconds; inferred if not given.")] = None,
    rules: Annotated[Path | None, typer.Option(help="File of rules (YAML) instead of those of the training.")] = None,
    memory: Annotated[
        Path | None,
        typer.Option(help="Go on from this file and save to it: only rows behind those of the last call are judged."),
    ] = None,
    show_drift: Annotated[
        bool, typer.Option("--drift", help="Also say which series have left the level or spread of the history.")
    ] = False,
    plot: Annotated[Path | None, typer.Option(help="Directory for a picture (PNG) of each anomalous series.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Find anomalies in metrics with a trained bundle."""
    from service.commands import output, trained
    from service.store.codec import encode

    frame, repairs = _read(source, step_s)
    learnt = trained.load(bundle)
    judge, rule_notes = _with_rules(learnt, rules)
    _check_known(source, frame, judge)
    found = _judge(frame, judge, learnt, memory)
    notes = [*(f"repaired: {repair}" for repair in repairs), *rule_notes, *found.notes]
    drifts = found.drift() if show_drift else ()
    pictures = 0 if plot is None else _plot(plot, found)
    if as_json:
        told = [{**encode(each), "is_drifted": each.is_drifted, "statement": each.statement} for each in drifts]
        listed = [{**encode(each), "goes_on": each in found.going_on} for each in found.anomalies]
        document = {"model_version": judge.model_version, "anomalies": listed, "notes": notes}
        output.print_json({**document, "drift": told} if show_drift else document)
        return
    from rich.console import Console

    from service.commands.report import print_anomalies

    for note in notes:
        typer.echo(note, err=True)
    print_anomalies(Console(), found.new)
    for each in found.going_on:
        output.say(f"goes on since {each.start:%Y-%m-%d %H:%M:%S}: {each.key}: {each.severity} {each.type}")
    if show_drift:
        for line in _drift_lines(drifts):
            output.say(line)
    if plot is not None:
        output.say(f"{pictures} pictures written to {plot}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Found:
    """What was found in the rows that were judged; no scores if there were none."""

    bundle: "Bundle"
    memory: "Memory"
    scores: "BundleScores | None"
    going_on: "tuple[Anomaly, ...]"
    new: "tuple[Anomaly, ...]"
    notes: tuple[str, ...]

    @property
    def anomalies(self) -> "tuple[Anomaly, ...]":
        return (*self.going_on, *self.new)

    def drift(self) -> "tuple[Drift, ...]":
        from models.drift import drift

        return drift(self.bundle, self.memory)


def _read(source: Path, step_s: float | None) -> "tuple[MetricFrame, tuple[Repair, ...]]":
    from models.errors import InputError
    from models.sources.cases import read_case
    from models.sources.files import read_metrics

    if not (source / "incident.json").is_file():
        reading = read_metrics(source, step_s=step_s)
        return reading.frame, reading.repairs
    case = read_case(source)
    if case.frame is None:
        raise InputError("the case has no metrics", source=str(source), remedy="give a case with metrics.parquet")
    return case.frame, case.repairs


def _with_rules(bundle: "Bundle", path: Path | None) -> "tuple[Bundle, tuple[str, ...]]":
    """The bundle under other rules, and what they do not do."""
    from models.shaping.resolve import resolve
    from models.shaping.rules_file import load_rules
    from models.shaping.windows import resolve_windows
    from service.commands import output

    if path is None:
        return bundle, ()
    rules = load_rules(path)
    unmatched = (*resolve(rules.rules, bundle.keys).unmatched, *resolve_windows(rules.windows, bundle.keys).unmatched)
    notes = [f"unmatched: {sentence}" for sentence in unmatched]
    waiting = [name for name in TRAINED_OPTIONS if any(name in rule.options for rule in rules.rules)]
    if waiting:
        notes.append(f"not in force before the next training: {output.few(waiting)}")
    return replace(bundle, shaping=rules), tuple(notes)


def _check_known(source: Path, frame: "MetricFrame", bundle: "Bundle") -> None:
    from models.errors import InputError

    if not set(frame.keys) & set(bundle.keys):
        raise InputError(
            f"has none of the {len(bundle.keys)} series that the bundle {bundle.model_version} knows",
            source=str(source),
            remedy="train on this system, or name its bundle with --bundle",
        )


def _judge(frame: "MetricFrame", judge: "Bundle", learnt: "Bundle", path: Path | None) -> _Found:
    """Judge the rows, or with a memory those that are new; the memory belongs to the bundle as it was learnt."""
    from models.continuing import find_continued
    from models.scoring import Scorer
    from service.commands.stream import go_on

    stream = None if path is None else go_on(path, learnt)
    fresh, notes = (frame, ()) if stream is None else stream.fresh(frame, learnt)
    scorer = Scorer(judge, None if stream is None else stream.memory)
    if not fresh.n_rows:
        return _Found(bundle=judge, memory=scorer.memory, scores=None, going_on=(), new=(), notes=notes)
    scores = scorer.advance(fresh)
    found = find_continued(judge, scores, () if stream is None else stream.still_open)
    if stream is not None:
        stream.save(scorer.memory, learnt, fresh.end, found.still_open)
    return _Found(
        bundle=judge,
        memory=scorer.memory,
        scores=scores,
        going_on=found.going_on,
        new=found.new,
        notes=(*notes, *_series_notes(scores)),
    )


def _series_notes(scores: "BundleScores") -> "Iterator[str]":
    from service.commands import output

    if scores.unknown:
        yield f"not judged, unknown to the bundle: {len(scores.unknown)} series: {output.few(scores.unknown)}"
    if scores.absent:
        yield f"not in the input: {len(scores.absent)} series: {output.few(scores.absent)}"


def _drift_lines(drifts: "Sequence[Drift]") -> "Iterator[str]":
    drifted = [each for each in drifts if each.is_drifted]
    yield f"{len(drifted)} of {len(drifts)} series have drifted since the end of the history"
    for each in sorted(drifted, key=lambda each: -abs(each.shift)):
        yield each.statement
    if drifted:
        yield "what was learnt follows by itself; train again to judge by a history of what is usual now"


def _plot(directory: Path, found: _Found) -> int:
    """A picture of each series with anomalies."""
    from models.plots import plot_series, save_plot

    directory.mkdir(parents=True, exist_ok=True)
    if found.scores is None:
        return 0
    names = _file_names(sorted({anomaly.key for anomaly in found.anomalies}))
    for name, key in names.items():
        save_plot(directory / name, partial(plot_series, scores=found.scores, key=key, anomalies=found.anomalies))
    return len(names)


def _file_names(keys: "Sequence[SeriesKey]") -> "dict[str, SeriesKey]":
    """A name for each series that any file system takes; a number tells apart those that would be the same."""
    names: dict[str, SeriesKey] = {}
    for key in keys:
        safe = re.sub(r"[^a-z0-9_-]+", "_", f"{key.component}--{key.metric}".lower())[:LONGEST_NAME]
        name, number = f"{safe}.png", 1
        while name in names:
            number += 1
            name = f"{safe}-{number}.png"
        names[name] = key
    return names
