"""``faultline bench``: rankings on suites of recorded incidents, detection on suites of labelled series."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from models.errors import InputError

app = typer.Typer(help="Measure the product on labelled recordings.", no_args_is_help=True)

Suite = Annotated[Path, typer.Argument(help="Directory of the suite: one sub-directory a case.")]
SeriesSuite = Annotated[Path, typer.Argument(help="Directory of the suite: one Parquet file a series.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command("rca")
def rca(
    suite: Suite,
    out: Annotated[Path, typer.Option(help="File for the predictions (JSON).")],
    ranker: Annotated[Path | None, typer.Option(help="Directory that `faultline train-ranker` wrote.")] = None,
    split: Annotated[str | None, typer.Option(help="Only the cases of this split of the truth.")] = None,
) -> None:
    """Rank the causes of every case of a suite; of its truth nothing but the split is read, and that on request."""
    from analysis.benchmark import predict_suite
    from analysis.ranking.files import load_ranker
    from service.commands import output

    learnt = None if ranker is None else load_ranker(ranker)
    names = None if split is None else _cases(suite, split)
    with output.Bar(f"diagnosing {suite.name}") as bar:
        predictions = predict_suite(suite, progress=bar.count, ranker=learnt, names=names)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(predictions, indent=1), encoding="utf-8")
    output.say(f"{len(predictions)} cases written to {out}")


@app.command("score-rca")
def score_rca(
    suite: Suite,
    predictions: Annotated[Path, typer.Argument(help="What `faultline bench rca` wrote.")],
    split: Annotated[str | None, typer.Option(help="Score only this split of the truth.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare predictions with the truth of a suite."""
    from analysis.benchmark import score_suite
    from service.commands import output

    score = score_suite(suite, _read(predictions, _cases(suite, split)), split=split)
    if as_json:
        output.print_json(score)
        return
    for line in _lines(suite.name, score):
        output.say(line)


@app.command("detect")
def detect(
    suite: SeriesSuite,
    out: Annotated[Path, typer.Option(help="Directory for the scores (one Parquet file a series) and report.json.")],
    as_json: AsJson = False,
) -> None:
    """Learn the first rows of every series of a suite and score the rest causally, without reading its truth."""
    from models.detection_benchmark import detect_suite
    from service.commands import output

    with output.Bar(f"detecting in {suite.name}") as bar:
        report = detect_suite(suite, out, progress=bar.count)
    if as_json:
        output.print_json(report)
        return
    for name, reason in report["skipped"].items():
        output.say(f"not scored: {name}: {reason}")
    for name, notes in report["partly_scored"].items():
        output.say(f"partly scored: {name}: {notes}")
    speed = (
        f"{report['points']} points in {report['seconds']:.1f} s, {report['points_per_cpu_second']:.0f} a CPU second"
    )
    output.say(f"{report['series']} series written to {out}; {speed}, peak {report['peak_memory_mb']:.0f} MB")


@app.command("score-detect")
def score_detect(
    suite: SeriesSuite,
    scores: Annotated[Path, typer.Argument(help="What `faultline bench detect` wrote.")],
    as_json: AsJson = False,
) -> None:
    """Compare detection scores with the truth of a suite."""
    from models.evaluation import evaluate_suite
    from service.commands import output

    figures = evaluate_suite(suite, scores)
    if as_json:
        output.print_json(figures)
        return
    for name, value in figures.items():
        shown = f"{value:.3f}" if isinstance(value, float) else ("none" if value is None else value)
        output.say(f"{name:<34} {shown}")


def _cases(suite: Path, split: str | None) -> set[str]:
    """Names of the cases that are to be scored."""
    from models.sources.suites import read_truth

    truth = read_truth(suite)
    cases = {name for name, entry in truth.items() if split in {None, entry.split}}
    if not cases:
        known = ", ".join(sorted({entry.split or "(none)" for entry in truth.values()}))
        raise InputError(f"no case is of the split {split!r}", source=str(suite), remedy=f"use one of: {known}")
    return cases


def _read(path: Path, cases: set[str]) -> dict[str, Any]:
    """Predictions; a case that is missing counts as a miss, but not all of them may be missing."""
    remedy = "give what `faultline bench rca` wrote for this suite"
    try:
        predictions = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {error}", source=str(path), remedy=remedy) from error
    if not isinstance(predictions, dict) or not cases & set(predictions):
        raise InputError("holds no prediction for a case of the suite", source=str(path), remedy=remedy)
    for name, made in predictions.items():
        if not _is_prediction(made):
            raise InputError("is no prediction", source=str(path), column=name, remedy=remedy)
    return predictions


def _is_prediction(made: Any) -> bool:
    """Whether an entry is what ``score_suite`` reads."""
    if not isinstance(made, dict):
        return False
    ranking, metrics = made.get("ranking", []), made.get("metrics", [])
    numbers = [made.get(name, 0.0) for name in ("confidence", "seconds")]
    return (
        isinstance(ranking, list)
        and all(isinstance(name, str) for name in ranking)
        and isinstance(metrics, list)
        and all(isinstance(key, list) and all(isinstance(part, str) for part in key) for key in metrics)
        and all(isinstance(number, int | float) for number in numbers)
    )


def _lines(name: str, score: dict[str, Any]) -> list[str]:
    def row(title: str, accuracy: dict[str, float]) -> str:
        figures = "  ".join(f"{k} {accuracy[k]:.3f}" for k in ("AC@1", "AC@3", "AC@5", "Avg@5"))
        return f"{title:<28} n={accuracy['n']:4d}  {figures}"

    lines = [row(f"  {fault}", accuracy) for fault, accuracy in score["by fault"].items()]
    if "metric" in score:
        lines.append(row("metric level", score["metric"]))
    extras = [f"{k} {score[k]:.3f}" for k in ("chance AC@1", "calibration error") if k in score]
    extras += [f"missing {score['missing']} (counted as misses)"] * bool(score["missing"])
    extras += [f"{k} s {v:.3f}" for k, v in score.get("seconds", {}).items()]
    return [*lines, "  ".join(extras), row(name, score["component"])]
