"""What the ablation takes away or adds, one row each: other settings, or a change to a copy of the sources.

A change to the sources is text: kernels take constants and each other when they are compiled, so that nothing in a
running process can be exchanged. A constant or a function is exchanged by a second definition at the end of its module.
"""

import ast
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SHIPPED = "as shipped"
KEPT = "_shipped"
"""What an appended definition may call the one that it replaces."""
SEASON, SPREAD, TAIL, ALERTS = "online/season.py", "online/spread.py", "online/tail.py", "online/alerts.py"
CALIBRATION, RESIDUALS, COMPONENT = "calibration.py", "residuals.py", "detectors/component_residual.py"

ONE_SPREAD = '''
@compiled
def usual(state: SpreadState, kind: int, hour: int) -> float:
    """Spread of all hours."""
    if state.counts[0] == 0:
        return TO_SD * math.exp(state.prior[kind])
    whole = math.exp(state.whole[kind])
    return TO_SD * (max(whole, math.exp(state.prior[kind])) if state.counts[0] < SETTLED_HOURS else whole)
'''
NOTHING_RETURNS = '''
@compiled
def _agreed(pair: NDArray[np.float32]) -> float:
    """No part of a week or a month."""
    return 0.0
'''
NO_GRAIN = '''
def _grain(values: Array, unit: Array) -> Array:
    """No step between values."""
    return np.zeros(len(values))
'''
NO_LENGTH = '''
_shipped = _measured


def _measured(*given):
    """One of the lengths counts nothing."""
    pattern = _shipped(*given)
    pattern.units[kernel.{part}] = np.inf
    return pattern
'''
SEEN_LEVEL = """        if seen > 0.0:
            boundary = min(boundary, seen)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change to one module.

    Parameters
    ----------
    module
        Path below ``models``.
    appended
        Definitions of names that the module has already.
    removed
        Lines that are in it exactly once.
    """

    module: str
    appended: str = ""
    removed: str = ""

    def apply(self, models: Path) -> None:
        """Change a copy of the package.

        Parameters
        ----------
        models
            The copy.

        Raises
        ------
        ValueError
            If the module is no longer as the change expects it.
        """
        path = models / self.module
        text = path.read_text(encoding="utf-8")
        unknown = {name for name in _defined(self.appended) - _defined(text) if name != KEPT}
        if unknown:
            raise ValueError(f"{self.module} does not define {', '.join(sorted(unknown))}; adapt the ablation")
        if self.removed and text.count(self.removed) != 1:
            raise ValueError(f"{self.module} holds {self.removed!r} {text.count(self.removed)} times; adapt it")
        without = text.replace(self.removed, "") if self.removed else text
        path.write_text(f"{without}\n{self.appended}", encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One row of the ablation.

    Parameters
    ----------
    name
        Of the row.
    settings
        What TrainingSettings are given, ``rules`` as a mapping; the rest is as shipped.
    changes
        To the sources.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()


def all_parts() -> dict[str, Part]:
    """All rows by name, the shipped one first.

    Returns
    -------
    dict of str to Part
        The detectors are those of the registry.
    """
    from models.registry import DETECTORS, ENSEMBLE

    def chosen(name: str, *detectors: str) -> Part:
        return Part(name=name, settings={"detectors": detectors})

    parts = [
        Part(name=SHIPPED),
        *(chosen(f"without {name}", *(each for each in ENSEMBLE if each != name)) for name in ENSEMBLE),
        *(chosen(f"{name} alone", name) for name in ENSEMBLE),
        *(chosen(f"with {name}", *ENSEMBLE, name) for name in DETECTORS if name not in ENSEMBLE),
        *(
            Part(
                name=f"component: no {part.lower()}",
                changes=(Change(module=COMPONENT, appended=NO_LENGTH.format(part=part)),),
            )
            for part in ("SEASON", "HOUR", "PATTERN")
        ),
        _constants("season: no profile of the day", SEASON, GAIN="0.0", SURE="1e300"),
        Part(
            name="season: no week, no month",
            changes=(Change(module=SEASON, appended=NOTHING_RETURNS),),
        ),
        Part(name="spread: no hour of the day", changes=(Change(module=SPREAD, appended=ONE_SPREAD),)),
        Part(name="floor: no grain", changes=(Change(module=RESIDUALS, appended=NO_GRAIN),)),
        _constants("tail: no prior", TAIL, PRIOR_PEAKS="1e-9"),
        _constants("tail: no common boundary", CALIBRATION, MOST_COMMON="0.0"),
        Part(name="tail: no empirical return level", changes=(Change(module=TAIL, removed=SEEN_LEVEL),)),
        _constants("tail: no guard", TAIL, GUARD_PER_DAY="1e9"),
        Part(name="conformal instead of the tail", settings={"calibration": "conformal"}),
        Part(name="alerts: every row", settings={"rules": {"refractory_rows": 0}}),
        _constants("alerts: no fatigue", ALERTS, FATIGUE="0.0"),
        _constants("alerts: onset at the boundary", ALERTS, ONSET="1.0"),
    ]
    return {part.name: part for part in parts}


def copy_models(source: Path, place: Path, changes: tuple[Change, ...] = ()) -> None:
    """Make a directory from which a changed package is imported.

    Parameters
    ----------
    source
        Directory that holds ``models``.
    place
        Created; gets ``models`` without what was compiled.
    changes
        To make in it.
    """
    shutil.copytree(source / "models", place / "models", ignore=shutil.ignore_patterns("__pycache__"))
    for change in changes:
        change.apply(place / "models")


def _constants(name: str, module: str, **values: str) -> Part:
    lines = "".join(f"{constant} = {value}\n" for constant, value in values.items())
    return Part(name=name, changes=(Change(module=module, appended=lines),))


def _defined(text: str) -> set[str]:
    """Names that the top level of a module defines."""
    names: set[str] = set()
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        for target in node.targets if isinstance(node, ast.Assign) else ():
            names |= {each.id for each in ast.walk(target) if isinstance(each, ast.Name)}
    return names
