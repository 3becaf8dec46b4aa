"""A simulated system at the end of its history, and the bundle trained on it: made once for all tests that need one."""

import copy
from dataclasses import replace
from functools import cache

from models.simulator import Fault, FaultKind
from service.bootstrap import simulated
from service.config import EngineSettings, Settings
from service.replay import Replay, ReplayPlan, history_of, learn

SEED = 7
DAYS = 3


@cache
def _trained():
    plan = ReplayPlan.of("LATENCY", "payment", seed=SEED, days=DAYS)
    system, history = history_of(plan)
    return system, history, learn(history, system.now).bundle


def a_system():
    """At the end of its history, to be lived with."""
    return copy.deepcopy(_trained()[0])


def a_history():
    """What the system has lived through."""
    return _trained()[1]


def a_bundle():
    """Trained on the history."""
    return _trained()[2]


def an_application(system=None, store_url="sqlite://", **engine):
    """The wired loop around a system."""
    settings = Settings(store_url=store_url, engine=EngineSettings(**engine))
    return simulated(system or a_system(), a_bundle(), a_history(), settings)


def a_replay(kind, component="", **engine):
    """A replay of one fault, on a store in memory."""
    plan = ReplayPlan.of(kind, component, seed=SEED, days=DAYS)
    settings = Settings(store_url="sqlite://", engine=EngineSettings(**engine))
    return Replay.wired(plan, a_system(), a_bundle(), a_history(), settings)


def broken(system, kind=FaultKind.ERRORS, component="payment", **fault):
    """Let something go wrong with the next row."""
    return system.inject(replace(Fault(kind=kind, component=component, **fault), start=system.now))
