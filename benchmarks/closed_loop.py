"""The closed loop on the simulator: every fault kind, many seeds, nothing told to the engine but metrics and topology.

    .venv/bin/python benchmarks/closed_loop.py --seeds 20 --out docs/closed_loop.md

A cell counts replays of the live loop: a week of history, training, half an hour of calm, one fault, up to three and a
half hours to detect, diagnose, decide, act and verify. Prints a Markdown table; --json writes every replay.
"""

import argparse
import copy
import json
import statistics
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from models.simulator import FaultKind
from service.config import Settings
from service.records import RecordKind
from service.replay import Replay, ReplayPlan, history_of, learn


def replays_of(seed: int, kinds: list[str], *, act: bool) -> list[dict]:
    """All fault kinds on the system of one seed; its history is simulated and learnt once."""
    base, history = history_of(ReplayPlan.of(kinds[0], seed=seed))
    bundle = learn(history, base.now).bundle
    rows = []
    for kind in kinds:
        plan = ReplayPlan.of(kind, seed=seed)
        with tempfile.TemporaryDirectory() as scratch:
            settings = Settings(data_dir=Path(scratch), engine={"act": act})
            replay = Replay.wired(plan, copy.deepcopy(base), bundle, history, settings)
            story = replay.play()
            rows.append({"seed": seed, "kind": kind, **summary(story)})
            replay.app.store.close()
    return rows


def summary(story) -> dict:
    """What the table needs of one replay."""
    named = next((r for r in story.records if r.kind is RecordKind.ROOT_CAUSE_FOUND), None)
    finished = [r for r in story.records if r.kind is RecordKind.RECOVERY_FINISHED]
    acted_on = {r.subject for r in story.records if r.kind is RecordKind.RECOVERY_STARTED}
    return {
        "component": story.fault.component,
        "detected": story.incident is not None,
        "detected_after_s": story.detected_after_s,
        "first": story.is_cause_first,
        "ranking": [] if story.analysis is None else list(story.analysis.ranking[:3]),
        "confidence": None if story.analysis is None else story.analysis.confidence,
        "category": None
        if story.analysis is None or not story.analysis.possible_causes
        else story.analysis.possible_causes[0].category,
        "named_after_s": None if named is None else (named.at - story.fault_at).total_seconds(),
        "verified": any(r.data.get("status") == "COMPLETED" for r in finished),
        "resolved_after_s": story.resolved_after_s,
        "wrong_actions": sorted(acted_on - {story.fault.component}),
        "errors": sum(r.kind is RecordKind.ENGINE_ERROR for r in story.records),
    }


def table(rows: list[dict]) -> str:
    """One Markdown row a fault kind, and the sum."""
    lines = [
        (
            "| fault | replays | detected | cause first | repaired and verified | acted on another component | "
            "median s to detect | median s to name the cause |"
        ),
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    kinds = sorted({row["kind"] for row in rows})
    for title, part in [(k, [r for r in rows if r["kind"] == k]) for k in kinds] + [("all", rows)]:
        n = len(part)
        lines.append(
            f"| {title} | {n} | {share(part, 'detected')} | {share(part, 'first')} | {share(part, 'verified')} | "
            f"{sum(bool(r['wrong_actions']) for r in part)} | {median(part, 'detected_after_s')} | "
            f"{median(part, 'named_after_s')} |"
        )
    return "\n".join(lines)


def share(rows: list[dict], name: str) -> str:
    """Per cent of the rows."""
    return f"{sum(bool(r[name]) for r in rows) / len(rows):.0%}"


def median(rows: list[dict], name: str) -> str:
    """Over the rows that have the figure."""
    values = [r[name] for r in rows if r[name] is not None]
    return f"{statistics.median(values):.0f}" if values else "-"


def main() -> None:
    """Run the replays and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=100)
    parser.add_argument("--kinds", nargs="*", default=[kind.value for kind in FaultKind])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--dry-run", action="store_true", help="decide but do not act")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    rows = []
    with ProcessPoolExecutor(args.workers) as pool:
        futures = [pool.submit(replays_of, seed, args.kinds, act=not args.dry_run) for seed in seeds]
        for done, future in enumerate(futures, start=1):
            rows += future.result()
            print(f"{done}/{args.seeds} seeds", file=sys.stderr, flush=True)
    print(table(rows))
    if args.out:
        args.out.write_text(table(rows) + "\n", encoding="utf-8")
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
