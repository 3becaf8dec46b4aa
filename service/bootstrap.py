"""The composition root: picks adapters and wires the parts. Nothing happens at import."""

from dataclasses import dataclass, replace
from pathlib import Path

from analysis.grouping import GroupingSettings
from analysis.ranking.files import load_ranker
from models.bundle import Bundle
from models.frames import MetricFrame
from models.simulator import SimulatedSystem
from service.actuators.simulator import SimulatorActuator
from service.casebook import Casebook
from service.config import EngineSettings, Settings
from service.desk import Desk
from service.engine import Engine, Ledger
from service.health import HealthMonitor
from service.ingest.simulator import SimulatorSource
from service.journal import RecoveryJournal
from service.observer import Observer
from service.recovery.breakers import BreakerBoard
from service.recovery.decisions import GuardSettings
from service.recovery.defaults import default_boundaries, default_strategies
from service.recovery.health import HealthPolicy
from service.responder import Policy, Responder
from service.store.recovery import RecoveryStore
from service.store.sql import SqlStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """A wired engine and what its users talk to.

    Parameters
    ----------
    engine
        The loop; somebody has to call ``step``.
    desk
        For the API and the page.
    store
        To be closed at the end.
    """

    engine: Engine
    desk: Desk
    store: SqlStore


def simulated(system: SimulatedSystem, bundle: Bundle, recent: MetricFrame, settings: Settings) -> Application:
    """Wire the loop to a simulated system.

    Parameters
    ----------
    system
        Watched and acted upon.
    bundle
        Trained on its history.
    recent
        The last rows of that history: context for the first fresh rows.
    settings
        In force; the store must be empty or of the same system.

    Returns
    -------
    Application
        Ready to step.
    """
    source = SimulatorSource(system)
    store = SqlStore(settings.store)
    ledger = Ledger(store)
    policy = _policy(tuple(system.topology.names), settings.engine)
    board = BreakerBoard(
        policy.boundaries.breaker_settings(),
        clock=source.clock,
        listeners=[lambda event: ledger(event.to_record())],
    )
    journal = RecoveryJournal(RecoveryStore(store.database), SimulatorActuator(system), ledger)
    ranker = None if settings.ranker is None else load_ranker(settings.ranker)
    casebook = Casebook(store, ledger, GroupingSettings(), settings.engine.diagnosis_history_rows, ranker)
    engine = Engine(
        source=source,
        clock=source.clock,
        observer=Observer(bundle, recent, settings.engine.window_rows),
        casebook=casebook,
        health=HealthMonitor(HealthPolicy(), ledger),
        responder=Responder(casebook, journal, board, policy, ledger),
        publish=ledger,
    )
    desk = Desk(
        engine=engine, journal=journal, board=board, store=store, clock=source.clock, is_acting=settings.engine.act
    )
    return Application(engine=engine, desk=desk, store=store)


def _policy(components: tuple[str, ...], settings: EngineSettings) -> Policy:
    return Policy(
        boundaries=default_boundaries(components),
        strategies=default_strategies(),
        guard=replace(GuardSettings(), is_dry_run=not settings.act),
        settings=settings,
    )


def fresh_data_dir(directory: Path) -> Path:
    """Make a directory for one replay, and remove the store of the replay before.

    Parameters
    ----------
    directory
        Only the store of an earlier replay is removed from it; nobody else may be using that (``service.occupancy``).

    Returns
    -------
    Path
        The directory.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for name in ("faultline.db", "faultline.db-wal", "faultline.db-shm"):
        (directory / name).unlink(missing_ok=True)
    return directory
