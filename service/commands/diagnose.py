"""``faultline diagnose``: the root cause of one recorded incident."""

from pathlib import Path
from typing import Annotated

import typer


def diagnose(
    case: Annotated[Path, typer.Option(help="Directory of the incident, in the case format (see README).")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Rank the likely root causes of a recorded incident, with evidence."""
    from analysis.pipeline import diagnose as analyse
    from analysis.pipeline import situation_from_case
    from models.sources.cases import read_case
    from service.commands import output
    from service.store.codec import encode

    recorded = read_case(case)
    analysis = analyse(situation_from_case(recorded))
    if as_json:
        repairs = [str(repair) for repair in recorded.repairs]
        output.print_json({"case": recorded.name, **encode(analysis), "repairs": repairs})
        return
    from rich.console import Console

    from service.commands.report import print_analysis

    for repair in recorded.repairs:
        output.say(f"repaired: {repair}")
    print_analysis(Console(), analysis)
