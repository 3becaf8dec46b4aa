"""Ranking over recorded suites and scoring against their truth; the two are kept apart on purpose."""

import json
import statistics
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from analysis.pipeline import diagnose, situation_from_case
from analysis.ranking.ranker import Ranker
from analysis.rootcause.settings import RootCauseSettings
from models.sources.cases import read_case
from models.sources.suites import iter_suite

NOT_FOUND = 10**9
METRICS_KEPT = 50


def predict_suite(
    directory: str | Path,
    progress: Callable[[int, int], None] | None = None,
    settings: RootCauseSettings | None = None,
    ranker: Ranker | None = None,
    names: Collection[str] | None = None,
) -> dict[str, dict[str, Any]]:
    """Diagnose every case of a suite; never reads its truth.

    Parameters
    ----------
    directory
        The suite.
    progress
        Called with the cases done and the cases in all.
    settings
        None takes the defaults.
    ranker
        Learnt from resolved incidents; None ranks without.
    names
        Only these cases; None takes all.

    Returns
    -------
    dict
        ``{case: {"ranking", "metrics", "confidence", "seconds"}}``, JSON-ready; seconds are those of the diagnosis
        without reading the files.
    """
    cases = [place for place in iter_suite(directory) if names is None or place.name in names]
    predictions: dict[str, dict[str, Any]] = {}
    for done, place in enumerate(cases, start=1):
        situation = situation_from_case(read_case(place))
        started = perf_counter()
        analysis = diagnose(situation, settings, ranker)
        predictions[place.name] = {
            "ranking": list(analysis.ranking),
            "metrics": [[key.component, key.metric] for key in analysis.metric_ranking[:METRICS_KEPT]],
            "confidence": analysis.confidence,
            "seconds": perf_counter() - started,
        }
        if progress is not None:
            progress(done, len(cases))
    return predictions


def score_suite(
    directory: str | Path, predictions: dict[str, dict[str, Any]], split: str | None = None
) -> dict[str, Any]:
    """Compare predictions with the truth of a suite.

    Parameters
    ----------
    directory
        The suite, with ``truth.json``.
    predictions
        As ``predict_suite`` gives them; a missing case and one without a ranking count as misses, by chance too.
    split
        Only the cases whose truth names this split.

    Returns
    -------
    dict
        AC@1, AC@3, AC@5, Avg@5 and n at component level, the same by fault and (where the truth names metrics) by
        metric, the chance AC@1, how many rankings are missing, calibration error of the confidence in ten bins, median
        and largest seconds.
    """
    truth = json.loads((Path(directory) / "truth.json").read_text(encoding="utf-8"))
    cases = [(entry, predictions.get(name, {})) for name, entry in truth.items() if split in {None, entry.get("split")}]
    ranks = [rank_of(made.get("ranking", []), entry["components"]) for entry, made in cases]
    by_fault: dict[str, list[int]] = {}
    for (entry, _), rank in zip(cases, ranks, strict=True):
        by_fault.setdefault(entry.get("fault") or "?", []).append(rank)
    sizes = [len(set(made.get("ranking", []))) for _, made in cases]
    result: dict[str, Any] = {
        "component": accuracy(ranks),
        "chance AC@1": statistics.mean(1 / size if size else 0.0 for size in sizes) if sizes else None,
        "missing": sizes.count(0),
        "by fault": {fault: accuracy(found) for fault, found in sorted(by_fault.items())},
    }
    named = [
        rank_of([tuple(m) for m in made.get("metrics", [])], [tuple(m) for m in entry["metrics"]])
        for entry, made in cases
        if entry.get("metrics")
    ]
    if named:
        result["metric"] = accuracy(named)
    stated = [
        (made["confidence"], rank == 1) for (_, made), rank in zip(cases, ranks, strict=True) if "confidence" in made
    ]
    if stated:
        result["calibration error"] = calibration_error(stated)
    seconds = [made["seconds"] for _, made in cases if "seconds" in made]
    if seconds:
        result["seconds"] = {"median": statistics.median(seconds), "max": max(seconds)}
    return result


def rank_of(ranking: Iterable[Any], truth: Iterable[Any]) -> int:
    """Position of the first true item, repetitions not counted.

    Parameters
    ----------
    ranking
        Best first.
    truth
        Any of these counts.

    Returns
    -------
    int
        From 1; a very large number if none occurs.
    """
    places = {item: place for place, item in enumerate(dict.fromkeys(ranking), start=1)}
    return min((places[item] for item in truth if item in places), default=NOT_FOUND)


def accuracy(ranks: Sequence[int]) -> dict[str, float]:
    """Shares of cases whose truth is among the first k.

    Parameters
    ----------
    ranks
        One a case, from 1.

    Returns
    -------
    dict
        AC@1, AC@3, AC@5, Avg@5 (mean of AC@1 to AC@5) and n.
    """
    at = [sum(rank <= k for rank in ranks) / max(len(ranks), 1) for k in range(1, 6)]
    return {"AC@1": at[0], "AC@3": at[2], "AC@5": at[4], "Avg@5": sum(at) / 5, "n": len(ranks)}


def calibration_error(pairs: Sequence[tuple[float, bool]], bins: int = 10) -> float:
    """Expected calibration error: mean distance between stated confidence and share of hits.

    Parameters
    ----------
    pairs
        Confidence in [0, 1] and whether it was right.
    bins
        Of equal width; 1.0 belongs to the last.

    Returns
    -------
    float
        In [0, 1]; 0 is perfect.
    """
    error = 0.0
    for b in range(bins):
        last = b == bins - 1
        inside = [p for p in pairs if b / bins <= p[0] < (b + 1) / bins or (last and p[0] == 1)]
        if inside:
            gap = statistics.mean(p[0] for p in inside) - statistics.mean(p[1] for p in inside)
            error += len(inside) / len(pairs) * abs(gap)
    return error
