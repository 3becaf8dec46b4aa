"""``faultline train-ranker``: learn from resolved incidents how to order the candidates, and prove that it helps."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from analysis.ranking.gate import Comparison
    from analysis.ranking.ranker import Ranker
    from analysis.ranking.sight import ResolvedIncident

ROWS = ("AC@1", "AC@3", "AC@5", "Avg@5")


def train_ranker(
    suites: Annotated[
        list[Path], typer.Argument(help="Directories of resolved incidents with their truth.json; one a system.")
    ],
    out: Annotated[Path, typer.Option(help="Directory for the ranker.")],
    split: Annotated[
        str | None, typer.Option(help="Learn only from this split of the truth, where there is one.")
    ] = None,
    folds: Annotated[int, typer.Option(help="Of the cross-validation.", min=2)] = 5,
    seed: Annotated[int, typer.Option(help="Of folds, trees and bootstrap.", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Learn from resolved incidents how to order candidates; it is used only where cross-validation says it helps."""
    from dataclasses import asdict

    from analysis.ranking.files import ranker_version, save_ranker
    from analysis.ranking.ranker import fit_ranker
    from analysis.ranking.settings import RankerSettings
    from models.tracking import log_ranker
    from service.clock import SystemClock
    from service.commands import output
    from service.config import load_settings

    settings = RankerSettings(folds=folds, seed=seed)
    incidents = [incident for suite in suites for incident in _read(suite, split)]
    if not as_json:
        output.say(_plan(incidents, settings.folds, settings.trees))
    with output.Bar("training") as bar:
        ranker = fit_ranker(incidents, settings, progress=bar.stage)
    save_ranker(ranker, out)
    service = load_settings()
    service.data_dir.mkdir(parents=True, exist_ok=True)
    names = ", ".join(suite.name for suite in suites)
    run = log_ranker(
        out,
        service.tracking,
        ranker_version=ranker_version(ranker),
        created=SystemClock().now(),
        parameters={**asdict(settings), "data": {"suites": names, "split": split or "", "incidents": len(incidents)}},
        metrics=_metrics(ranker),
        alias="champion" if ranker.is_used else None,
    )
    if as_json:
        output.print_json(_document(ranker, ranker_version(ranker), run.run_id))
        return
    for line in _lines(ranker):
        output.say(line)
    output.say(f"written: {out} ({ranker_version(ranker)}); MLflow run {run.run_id} in {service.tracking}")


def _read(suite: Path, split: str | None) -> "Iterator[ResolvedIncident]":
    """Look at every resolved incident of a suite; here, in training, the truth may be read."""
    from analysis.pipeline import situation_from_case
    from analysis.ranking.sight import resolved
    from models.errors import InputError
    from models.sources.cases import read_case
    from models.sources.suites import iter_suite, read_suite, read_truth
    from service.commands import output

    truth = read_truth(suite)
    places = [p for p in iter_suite(suite) if p.name in truth and split in {None, truth[p.name].split}]
    if not places:
        known = ", ".join(sorted({entry.split or "(none)" for entry in truth.values()}))
        raise InputError(f"no case is of the split {split!r}", source=str(suite), remedy=f"use one of: {known}")
    system = read_suite(suite).name if (suite / "suite.json").is_file() else suite.name
    with output.Bar(f"looking at {suite.name}") as bar:
        for done, place in enumerate(places, start=1):
            yield resolved(
                situation_from_case(read_case(place)), place.name, truth[place.name].components, system=system
            )
            bar.count(done, len(places))


def _plan(incidents: "Sequence[ResolvedIncident]", folds: int, trees: int) -> str:
    causes = {(each.system, cause) for each in incidents for cause in each.causes}
    systems = sorted({each.system for each in incidents})
    abroad = f", and each of {len(systems)} systems left out once" if len(systems) > 1 else ""
    return (
        f"plan: {len(incidents)} resolved incidents of {', '.join(systems)}, {len(causes)} causes; "
        f"{folds} folds of {trees} trees{abroad}"
    )


def _comparisons(ranker: "Ranker") -> "dict[str, Comparison]":
    abroad = {} if ranker.abroad is None else {"other systems": ranker.abroad.comparison}
    return {name: home.comparison for name, home in sorted(ranker.homes.items())} | abroad


def _metrics(ranker: "Ranker") -> dict[str, float]:
    homes = {f"home.{_metric_name(name)}": home.comparison for name, home in sorted(ranker.homes.items())}
    trials = homes | ({} if ranker.abroad is None else {"abroad": ranker.abroad.comparison})
    return {f"{place}.{name}": value for place, each in trials.items() for name, value in each.metrics().items()}


def _metric_name(system: str) -> str:
    """What MLflow takes for a name."""
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_") else "_" for letter in system)


def _document(ranker: "Ranker", version: str, run_id: str) -> dict[str, object]:
    from dataclasses import asdict

    return {
        "ranker_version": version,
        "run_id": run_id,
        "left_out": list(ranker.left_out),
        "homes": {name: asdict(home.comparison) for name, home in sorted(ranker.homes.items())},
        "abroad": None if ranker.abroad is None else asdict(ranker.abroad.comparison),
    }


def _lines(ranker: "Ranker") -> Iterator[str]:
    for place, each in _comparisons(ranker).items():
        yield f"in {place} ({each.n} incidents, each ranked without having been learnt from):"
        for title, row in (("without", each.before), ("learnt", each.after)):
            yield f"  {title:<10}" + "  ".join(f"{name} {row[name]:.3f}" for name in ROWS)
        yield f"  first place gained {each.first_gained}, lost {each.first_lost} times (p = {each.p_value:.2g})"
        yield f"  {'used' if each.is_used else 'NOT used'}: {each.reason}"
    if ranker.abroad is None:
        yield "in other systems: NOT used: the incidents are of one system only."
    if ranker.left_out:
        yield f"left out, as the cause is no candidate: {len(ranker.left_out)} incidents"
