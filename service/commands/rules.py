"""``faultline rules``: files of rules that say what may alarm, and when."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from models.bundle import Bundle
    from models.shaping.rules_file import ShapingRules

app = typer.Typer(help="Check rules of what may alarm before they are used.", no_args_is_help=True)


@app.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="YAML file of rules.")],
    bundle: Annotated[Path | None, typer.Option(help="Directory of a bundle: say which series match.")] = None,
    champion: Annotated[bool, typer.Option("--champion", help="Say which series of the champion match.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Validate a file of rules and, with a bundle, say which series each rule matches; one that matches none is named.

    A rule that matches nothing is no error: its series may come with the next training.
    """
    from models.errors import ConfigurationError
    from models.shaping.rules_file import load_rules
    from service.commands import output, trained

    if bundle is not None and champion:
        raise ConfigurationError("Both --bundle and --champion are given.", remedy="give one of them")
    rules = load_rules(file)
    judge = trained.load(bundle) if bundle is not None or champion else None
    entries = list(_entries(rules, judge))
    if as_json:
        version = judge.model_version if judge is not None else None
        output.print_json({"file": str(file), "model_version": version, "entries": entries})
        return
    output.say(f"{file}: {len(rules.rules)} rules and {len(rules.windows)} excluded windows are valid")
    for entry in entries:
        output.say(_line(entry, judge))


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of the file, for editors and forms."""
    from models.shaping.rules_file import rules_schema
    from service.commands import output

    output.print_json(rules_schema())


def _entries(rules: "ShapingRules", bundle: "Bundle | None") -> Iterator[dict[str, Any]]:
    """Each rule and window: where it stands, what it sets, and its series (None without a bundle)."""
    from models.shaping.resolve import resolve
    from service.store.codec import encode

    document = rules.to_document()
    if bundle is not None:
        resolve(rules.rules, bundle.keys)  # together they may leave a series an empty data range
    for name, listed in (("rules", rules.rules), ("excluded_windows", rules.windows)):
        for place, (entry, said) in enumerate(zip(listed, document[name], strict=True)):
            matched = None
            if bundle is not None:
                chosen = entry.selector.matches(bundle.keys)
                matched = [str(key) for key, is_chosen in zip(bundle.keys, chosen, strict=True) if is_chosen]
            yield {"place": f"{name}[{place}]", "says": encode(said), "series": matched}


def _line(entry: dict[str, Any], bundle: "Bundle | None") -> str:
    from service.commands import output

    said = ", ".join(f"{name} {value}" for name, value in entry["says"].items() if name not in {"component", "metric"})
    line = f"{entry['place']} ({entry['says']['component']}/{entry['says']['metric']}) {said}"
    if bundle is None:
        return line
    n = len(entry["series"])
    if n == 0:
        return f"{line}: matches none of the {len(bundle.keys)} series of {bundle.model_version}"
    return f"{line}: {n} series: {output.few(entry['series'])}"
