"""A ranker as arrays and JSON, in a directory; the version is a hash of the content."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.ranking.confidence import ConfidenceCurve
from analysis.ranking.forest import Forest
from analysis.ranking.gate import Comparison
from analysis.ranking.memory import Memory
from analysis.ranking.model import Model
from analysis.ranking.ranker import Ranker, Trial
from analysis.ranking.settings import RankerSettings
from analysis.ranking.signs import Sign
from models.array_files import content_version, read_arrays, read_manifest, write_arrays
from models.errors import BundleError, FaultlineError

FORMAT = "faultline-ranker"
SCHEMA_VERSION = 1
REMEDY = "give the directory of a ranker, or train it again: faultline train-ranker"
FLAGS = ("seen", "shown", "caused")

Arrays = Mapping[str, NDArray[Any]]


def ranker_version(ranker: Ranker) -> str:
    """Name a ranker by its content.

    Parameters
    ----------
    ranker
        Trained.

    Returns
    -------
    str
        ``r`` and 12 hexadecimal digits.
    """
    return content_version("r", _content(ranker), _arrays(ranker))


def save_ranker(ranker: Ranker, directory: Path) -> Path:
    """Write a ranker; one that is there is replaced.

    Parameters
    ----------
    ranker
        Trained.
    directory
        Created if need be.

    Returns
    -------
    Path
        The directory.
    """
    content, arrays = _content(ranker), _arrays(ranker)
    stamp = {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "ranker_version": content_version("r", content, arrays),
    }
    return write_arrays(directory, {**stamp, **content}, arrays)


def load_ranker(directory: Path) -> Ranker:
    """Read a ranker and check that nothing was changed.

    Parameters
    ----------
    directory
        Where ``save_ranker`` wrote to.

    Returns
    -------
    Ranker
        With the same bits.

    Raises
    ------
    BundleError
        If the directory holds no ranker, or one that is damaged, was changed, or is of another schema.
    """
    manifest = read_manifest(directory, file_format=FORMAT, schema_version=SCHEMA_VERSION, remedy=REMEDY)
    arrays = read_arrays(directory, str(manifest.get("arrays_sha256")), remedy=REMEDY)
    try:
        ranker = Ranker(
            homes={name: _restore_trial(each, arrays, f"home/{name}") for name, each in manifest["homes"].items()},
            abroad=None if manifest["abroad"] is None else _restore_trial(manifest["abroad"], arrays, "abroad"),
            settings=RankerSettings(**manifest["settings"]),
            left_out=tuple(manifest["left_out"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, FaultlineError) as error:
        raise BundleError(f"The manifest of {directory} does not fit its arrays: {error!r}.", remedy=REMEDY) from error
    if ranker_version(ranker) != manifest.get("ranker_version"):
        raise BundleError(f"The manifest of {directory} was changed: it is not that of its version.", remedy=REMEDY)
    return ranker


def _trials(ranker: Ranker) -> dict[str, Trial]:
    homes = {f"home/{name}": home for name, home in sorted(ranker.homes.items())}
    return homes | ({} if ranker.abroad is None else {"abroad": ranker.abroad})


def _content(ranker: Ranker) -> dict[str, Any]:
    """All but the arrays, JSON-ready."""
    return {
        "homes": {name: _trial_content(home) for name, home in sorted(ranker.homes.items())},
        "abroad": None if ranker.abroad is None else _trial_content(ranker.abroad),
        "settings": asdict(ranker.settings),
        "left_out": list(ranker.left_out),
    }


def _trial_content(trial: Trial) -> dict[str, Any]:
    memory = trial.model.memory
    return {
        "names": list(trial.model.names),
        "comparison": asdict(trial.comparison),
        "curve": asdict(trial.curve),
        "memory": None
        if memory is None
        else {
            "incidents": list(memory.incidents),
            "components": list(memory.components),
            "signs": [list(sign) for sign in memory.signs],
        },
    }


def _arrays(ranker: Ranker) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    for place, trial in _trials(ranker).items():
        arrays |= {f"{place}/forest/{name}": array for name, array in trial.model.forest.to_arrays().items()}
        if trial.model.memory is not None:
            arrays |= {f"{place}/memory/{name}": getattr(trial.model.memory, name) for name in FLAGS}
    return arrays


def _restore_trial(content: Mapping[str, Any], arrays: Arrays, place: str) -> Trial:
    prefix = f"{place}/forest/"
    forest = Forest.from_arrays({k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)})
    names = tuple(content["names"])
    if int(forest.feature.max(initial=-1)) >= len(names):
        raise ValueError(f"{place}: the forest asks for more than {len(names)} columns")
    memory = None if content["memory"] is None else _restore_memory(content["memory"], arrays, place)
    return Trial(
        model=Model(names=names, forest=forest, memory=memory),
        comparison=Comparison(**content["comparison"]),
        curve=ConfidenceCurve(**content["curve"]),
    )


def _restore_memory(content: Mapping[str, Any], arrays: Arrays, place: str) -> Memory:
    memory = Memory(
        incidents=tuple(content["incidents"]),
        components=tuple(content["components"]),
        signs=tuple(Sign(*sign) for sign in content["signs"]),
        **{name: np.asarray(arrays[f"{place}/memory/{name}"], dtype=bool) for name in FLAGS},
    )
    n = len(memory.incidents)
    wanted = {"seen": len(memory.components), "shown": len(memory.signs), "caused": len(memory.components)}
    for name, columns in wanted.items():
        if (shape := getattr(memory, name).shape) != (n, columns):
            raise ValueError(f"{place}/memory/{name} has the shape {shape}, not {(n, columns)}")
    return memory
