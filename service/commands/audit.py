"""``faultline audit``: check the ledger, look at it, hand it out, cut its old end off."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from service.store.audit import Verdict
    from service.store.ledger import Head

app = typer.Typer(help="Check and show the ledger of all that was seen, decided and done.", no_args_is_help=True)

Store = Annotated[
    str, typer.Argument(help="File, data directory or SQLAlchemy URL of the store; that of the settings if not given.")
]
BROKEN = 1
"""Exit code of a ledger that is not what it was."""


@app.command("verify")
def verify(
    store: Store = "",
    anchor: Annotated[
        list[str] | None, typer.Option(help="A head that was kept elsewhere, SEQ:DIGEST; may be repeated.")
    ] = None,
    anchors: Annotated[Path | None, typer.Option(help="File of such heads, one a line.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Check every record of the ledger; exit code 1 and the first broken record if it is not what it was."""
    from service.commands import output
    from service.commands.stores import opened
    from service.store.audit import AuditLog
    from service.store.codec import encode

    heads = [*map(_head, anchor or []), *(map(_head, _lines(anchors)) if anchors else [])]
    with opened(store) as found:
        verdict = AuditLog(found.database).verify(heads)
    if as_json:
        output.print_json(encode(verdict) | {"head": {"seq": verdict.head.seq, "digest": verdict.head.digest}})
    else:
        output.say(_sentence(verdict))
    if not verdict.is_intact:
        raise typer.Exit(BROKEN)


@app.command("head")
def head(store: Store = "") -> None:
    """Print the head of the ledger as SEQ:DIGEST; append it to a file elsewhere, for ``verify --anchors``."""
    from service.commands import output
    from service.commands.stores import opened
    from service.store.audit import AuditLog

    with opened(store) as found:
        newest = AuditLog(found.database).head()
    output.say(f"{newest.seq}:{newest.digest}")


@app.command("show")
def show(
    store: Store = "",
    limit: Annotated[int, typer.Option(help="So many of the newest.", min=1, max=500)] = 20,
    kind: Annotated[str, typer.Option(help="Only this kind, for example ACTION_REFUSED.")] = "",
    subject: Annotated[str, typer.Option(help="Only about this component, breaker, run or incident.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show the newest records, oldest of them first."""
    from models.errors import UnknownNameError
    from service.commands import output
    from service.commands.stores import opened
    from service.records import RecordKind
    from service.store.codec import encode

    if kind and kind not in list(RecordKind):
        raise UnknownNameError("kind of record", kind, list(RecordKind))
    with opened(store) as found:
        records = found.records(
            limit=limit, newest_first=True, kind=RecordKind(kind) if kind else None, subject=subject or None
        )
    if as_json:
        output.print_json([encode(record) for record in reversed(records)])
        return
    for record in reversed(records):
        output.say(
            f"{record.seq:>6} {record.at:%Y-%m-%d %H:%M:%S} {record.kind:<28} {record.subject}: {record.message}"
        )


@app.command("export")
def export(store: Store = "") -> None:
    """Write the whole ledger to standard output, one JSON object a line, so that anybody can check the chain."""
    from service.commands import output
    from service.commands.stores import opened
    from service.store.audit import AuditLog

    with opened(store) as found:
        for line in AuditLog(found.database).lines():
            output.say(line)


@app.command("prune")
def prune(
    keep_days: Annotated[float, typer.Option(help="Records of so many last days stay.", min=0)],
    by: Annotated[str, typer.Option(help="Who you are; recorded.")],
    store: Store = "",
) -> None:
    """Remove the oldest records; the rest stays verifiable. Records since the first of an open incident stay."""
    from service.clock import SystemClock
    from service.commands import output
    from service.commands.stores import opened
    from service.store.audit import AuditLog

    now = SystemClock().now()
    with opened(store) as found:
        done = AuditLog(found.database).prune(now - timedelta(days=keep_days), now=now, by=by)
    output.say(f"{done.removed} records were removed; the ledger begins after record {done.checkpoint.seq}")


def _sentence(verdict: "Verdict") -> str:
    if not verdict.is_intact:
        return (
            f"BROKEN at record {verdict.broken_seq}: {verdict.reason} ({verdict.checked} records before it are intact)"
        )
    since = f" since record {verdict.checkpoint_seq}" if verdict.checkpoint_seq else ""
    anchored = f", {verdict.anchors} kept heads found" if verdict.anchors else ""
    return f"intact: {verdict.checked} records{since}, head {verdict.head.seq}:{verdict.head.digest}{anchored}"


def _lines(file: Path) -> list[str]:
    from models.errors import InputError

    try:
        return [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise InputError(f"it is no text: {error}", source=str(file)) from error


def _head(text: str) -> "Head":
    import re

    from models.errors import InputError
    from service.store.ledger import Head

    match = re.fullmatch(r"([0-9]{1,18}):([0-9a-f]{64})", text)
    if match is None:
        raise InputError(f"{text[:100]!r} is no head of a ledger", remedy="give it as `faultline audit head` prints it")
    return Head(int(match[1]), match[2])
