"""``faultline run``: the main job on a simulated system, from history to a verified repair, then the page."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from service.config import Settings


def run(
    fault: Annotated[
        str | None, typer.Option(help="Kind of the fault that is injected; a bad deploy of a database if not given.")
    ] = None,
    component: Annotated[str, typer.Option(help="Where; chosen by the seed if not given.")] = "",
    seed: Annotated[int, typer.Option(help="Of the simulated system.", min=0)] = 7,
    days: Annotated[int, typer.Option(help="Days of history to learn from.", min=2, max=60)] = 7,
    port: Annotated[int | None, typer.Option(help="Port of the API and the page; 0 takes a free one.")] = None,
    serve: Annotated[bool, typer.Option(help="Serve the API and the page until Ctrl-C.")] = True,
    checks: Annotated[
        Path | None, typer.Option(help="YAML file of health checks that run while the page is served; docs/health.md.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document; implies --no-serve.")] = False,
) -> None:
    """Train on a simulated history, replay an incident through the live loop, show what was found and done."""
    from contextlib import ExitStack

    from rich.console import Console

    from models.tracking import log_training
    from service.bootstrap import fresh_data_dir
    from service.commands import output
    from service.commands.report import print_story
    from service.config import load_settings
    from service.occupancy import occupied
    from service.replay import Replay, ReplayPlan, history_of, learn

    given: dict[str, Any] = {} if checks is None else {"checks": {"file": checks}}
    settings = load_settings(port=port, **given)
    _check_checks(settings)
    if serve and not as_json:
        from service.api.serving import check_address

        check_address(settings.host, settings.port)
    if settings.store_url:
        _check_empty(settings.store_url)
    kind, where = (fault, component) if fault else ("BAD_DEPLOY", component or "orders-db")
    plan = ReplayPlan.of(kind, where, seed=seed, days=days)
    with occupied(settings.data_dir / "run") as directory, ExitStack() as held:
        with output.Bar("training") as bar:
            bar.stage("simulating a history", 0.0)
            system, history = history_of(plan)
            result = learn(history, system.now, lambda what, done: bar.stage(what, 0.2 + 0.5 * done))
            bar.stage("recording the run in MLflow", 0.7)
            tracked = log_training(result, settings.tracking, history, alias="demo")
        in_force = load_settings(port=port, data_dir=fresh_data_dir(directory), **given)
        replay = Replay.wired(plan, system, result.bundle, history, in_force)
        held.callback(replay.app.store.close)
        with output.Bar(f"replaying {plan.fault.kind} on {plan.fault.component}") as bar:
            story = replay.play(bar.count)
        if as_json:
            output.print_json({"run_id": tracked.run_id, **story.to_json()})
            return
        output.say(f"Trained {result.bundle.model_version} on {days} days; MLflow run {tracked.run_id}, alias demo.")
        print_story(Console(), story)
        if serve:
            from service.serving import serve_live

            serve_live(replay.app, in_force, lambda url: output.say(f"The page and the API: {url} (Ctrl-C ends)"))


def _check_checks(settings: "Settings") -> None:
    """Refuse a wrong file of checks before anything is learnt."""
    from service.checks.assemble import context_of
    from service.checks.file import load_checks

    if settings.checks.file is not None:
        load_checks(settings.checks.file, context_of(settings.checks))


def _check_empty(store_url: str) -> None:
    """A replay begins with the same simulated time each time: an earlier one in the same store would mix with it."""
    from contextlib import closing

    from models.errors import ConfigurationError
    from service.store.sql import SqlStore

    with closing(SqlStore(store_url)) as store:
        if store.records(limit=1):
            raise ConfigurationError(
                f"The store {store_url} is not empty.", remedy="give a replay a store of its own, or none"
            )
