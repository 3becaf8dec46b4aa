"""The strategies and boundaries that ship with Faultline, as YAML beside this module."""

from collections.abc import Iterable
from importlib.resources import files

from service.recovery.boundaries import Boundaries
from service.recovery.documents import read_boundaries, read_strategies
from service.recovery.strategies import Strategies


def default_strategies() -> Strategies:
    """Read the shipped strategies.

    Returns
    -------
    Strategies
        They cover the usual faults; the default one hands a plan to the operator.
    """
    name = "strategies.yaml"
    return read_strategies(files(__name__).joinpath(name).read_text("utf-8"), source=name)


def default_boundaries(components: Iterable[str]) -> Boundaries:
    """Read the shipped boundaries.

    Parameters
    ----------
    components
        Of the system; at least one.

    Returns
    -------
    Boundaries
        One that holds all of them.
    """
    name = "boundaries.yaml"
    return read_boundaries(files(__name__).joinpath(name).read_text("utf-8"), source=name, components=components)
