"""The composition root: picks adapters and wires the parts. Nothing happens at import."""

from dataclasses import dataclass
from pathlib import Path
from socket import gethostname

from analysis.grouping import GroupingSettings
from analysis.ranking.files import load_ranker
from models.bundle import Bundle
from models.errors import ConfigurationError
from models.frames import MetricFrame
from models.simulator import SimulatedSystem
from service.actuators.base import PeerActuator
from service.actuators.haproxy_routes import HaproxyRoutes
from service.actuators.registry import actuators_of
from service.actuators.router import ActuatorRouter
from service.actuators.settings import HaproxySettings
from service.actuators.simulator import SimulatorActuator
from service.casebook import Casebook
from service.checks.assemble import context_of, runner_of
from service.checks.runner import CheckRunner
from service.clock import SystemClock
from service.config import EngineSettings, Settings
from service.degradations import DegradationKeeper, Situation, load_ladders
from service.desk import Desk
from service.engine import Engine, Ledger
from service.health import HealthMonitor
from service.ingest.simulator import SimulatorSource
from service.journal import JournalSettings, RecoveryJournal
from service.observer import Observer
from service.policies import PolicyDesk, PolicySet, load_policies
from service.recovery.breakers import BreakerBoard
from service.recovery.capability import check_plans
from service.recovery.health import HealthPolicy
from service.responder import Policy, Responder
from service.safety import ActionSwitch, Controls, StoppableActuator
from service.safety_desk import SafetyDesk
from service.store.degradations import DegradationStore
from service.store.recovery import RecoveryStore
from service.store.sql import SqlStore
from service.store.switch import SwitchStore


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
    checks
        The health checks; they run while this is entered.
    """

    engine: Engine
    desk: Desk
    store: SqlStore
    checks: CheckRunner


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
    loaded = _loaded(system, settings)
    policy = _policy(loaded, settings.engine)
    board = BreakerBoard(
        policy.boundaries.breaker_settings(),
        clock=source.clock,
        listeners=[lambda event: ledger(event.to_record())],
    )
    switch = ActionSwitch(SwitchStore(store.database))
    router = _hand(system, policy, settings)
    hand = StoppableActuator(router, switch)
    journal = RecoveryJournal(RecoveryStore(store.database), hand, ledger, _journal_settings(settings))
    ranker = None if settings.ranker is None else load_ranker(settings.ranker)
    rows = settings.engine.diagnosis_history_rows
    casebook = Casebook(store, ledger, GroupingSettings(), rows, ranker, source.attributes)
    health = HealthMonitor(HealthPolicy(), ledger)
    controls = Controls(stopped=lambda: switch.stopped, unhealthy=lambda: health.unhealthy, refuses=hand.refusal)
    ladders = load_ladders(settings.engine.degradations, system.topology.names)
    levels = DegradationKeeper(ladders, DegradationStore(store.database))
    responder = Responder(casebook, journal, board, policy, ledger, controls)
    engine = Engine(
        source=source,
        clock=source.clock,
        observer=Observer(bundle, recent, settings.engine.window_rows),
        casebook=casebook,
        health=health,
        responder=responder,
        publish=ledger,
        degrade=lambda now: levels.observe(_situation(engine, journal, board), now),
    )
    safety = SafetyDesk(
        switch=switch,
        degradations=levels,
        runs=journal,
        store=store,
        guard=policy.guard,
        now=source.clock.now,
        approvers=settings.engine.approvers,
    )
    checks = runner_of(
        settings.checks,
        context_of(settings.checks, breakers=frozenset(board.components)),
        database=store.database,
        now=source.clock.now,
        publish=ledger,
        trip=board.trip,
    )
    policies = PolicyDesk(
        loaded,
        load=lambda: _loaded(system, settings),
        check=lambda new: check_plans(new.strategies, new.boundaries, router.refusal),
        use=lambda new: _use(engine, responder, new),
        isolations=journal.isolations,
        now=source.clock.now,
        publish=ledger,
    )
    desk = Desk(
        engine=engine,
        journal=journal,
        board=board,
        store=store,
        clock=source.clock,
        is_acting=settings.engine.act,
        safety=safety,
        checks=checks,
        policies=policies,
    )
    return Application(engine=engine, desk=desk, store=store, checks=checks)


def _situation(engine: Engine, journal: RecoveryJournal, board: BreakerBoard) -> Situation:
    return Situation(
        scores=engine.observer.scores,
        health=engine.health.statuses,
        breakers=board.snapshots(),
        isolated=journal.isolations().isolated,
        incidents=engine.casebook.open,
        edges=engine.edges or (),
    )


def real_actuators(settings: Settings) -> ActuatorRouter:
    """Make the actuators of the settings; nobody is contacted.

    Parameters
    ----------
    settings
        In force.

    Returns
    -------
    ActuatorRouter
        What none of them may do is refused; ConfigurationError if two would do the same, or one takes too long.
    """
    return ActuatorRouter(_actuators(settings))


def _actuators(settings: Settings) -> dict[str, PeerActuator]:
    """Make them, unless the journal would give up on one of them while it still works."""
    limit_s = settings.engine.journal.action_timeout_s
    for name, chosen in settings.actuators.items():
        if chosen.longest_s > limit_s:
            raise ConfigurationError(
                f"An action of {name} may take {chosen.longest_s:g} s, and the journal waits {limit_s:g} s.",
                remedy="raise engine.journal.action_timeout_s, or lower the times of the actuator.",
            )
    return actuators_of(settings.actuators, SystemClock())


def route_maps(settings: Settings) -> tuple[HaproxyRoutes, ...]:
    """Find the HAProxies that look up which routes are closed.

    Parameters
    ----------
    settings
        In force.

    Returns
    -------
    tuple of HaproxyRoutes
        Nobody is contacted.
    """
    proxies = ((name, chosen) for name, chosen in settings.actuators.items() if isinstance(chosen, HaproxySettings))
    return tuple(HaproxyRoutes(name, chosen) for name, chosen in proxies if chosen.routes_map)


def _hand(system: SimulatedSystem, policy: Policy, settings: Settings) -> ActuatorRouter:
    """What the settings assign to an actuator is done by it, and everything else on the simulated system."""
    made = _actuators(settings)
    for name, actuator in made.items():
        unknown = sorted(actuator.components - set(system.topology.names))
        if unknown:
            raise ConfigurationError(
                f"The actuator {name} names the component {unknown[0]}, which the simulated system does not have.",
                remedy=f"use one of: {', '.join(sorted(system.topology.names))}; or take the actuator out.",
            )
    hand = ActuatorRouter(made, otherwise=SimulatorActuator(system), is_real_time=False)
    check_plans(policy.strategies, policy.boundaries, hand.refusal)
    return hand


def _journal_settings(settings: Settings) -> JournalSettings:
    """One process at a time is in a data directory (``service.occupancy``), so it names an instance."""
    chosen = settings.engine.journal
    instance = chosen.instance or f"{gethostname()}:{settings.data_dir.resolve()}"
    return JournalSettings(**chosen.model_dump() | {"instance": instance})


def _loaded(system: SimulatedSystem, settings: Settings) -> PolicySet:
    return load_policies(settings.engine.strategies, settings.engine.boundaries, tuple(system.topology.names))


def _use(engine: Engine, responder: Responder, loaded: PolicySet) -> None:
    with engine.lock:
        responder.use(loaded.boundaries, loaded.strategies)


def _policy(loaded: PolicySet, settings: EngineSettings) -> Policy:
    return Policy(
        boundaries=loaded.boundaries,
        strategies=loaded.strategies,
        guard=settings.guard.settings(is_dry_run=not settings.act),
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
