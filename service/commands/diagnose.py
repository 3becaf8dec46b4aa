"""``faultline diagnose``: the root cause of one recorded incident."""

from pathlib import Path
from typing import Annotated

import typer


def diagnose(
    case: Annotated[Path, typer.Option(help="Directory of the incident, in the case format (see README).")],
    ranker: Annotated[Path | None, typer.Option(help="Directory that `faultline train-ranker` wrote.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Tell root cause, critical failure and impact of a recorded incident, with evidence and timeline."""
    from analysis.card.make import card_of_situation
    from analysis.pipeline import diagnose as analyse
    from analysis.pipeline import situation_from_case
    from analysis.ranking.files import load_ranker
    from models.sources.cases import read_case
    from service.commands import output
    from service.store.codec import encode

    recorded = read_case(case)
    situation = situation_from_case(recorded)
    analysis = analyse(situation, ranker=None if ranker is None else load_ranker(ranker))
    if as_json:
        repairs = [str(repair) for repair in recorded.repairs]
        card = card_of_situation(situation, analysis)
        output.print_json({"case": recorded.name, **encode(analysis), "card": encode(card), "repairs": repairs})
        return
    from rich.console import Console

    from service.commands.card_text import TEXT_LIMITS, print_card
    from service.commands.report import print_causes

    for repair in recorded.repairs:
        output.say(f"repaired: {repair}")
    console = Console()
    print_card(console, card_of_situation(situation, analysis, TEXT_LIMITS))
    print_causes(console, analysis, first=0 if analysis.most_likely_cause is None else 1)
