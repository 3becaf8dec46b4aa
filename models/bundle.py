"""The trained artefact: parameters as arrays and JSON, versioned, hashed, and never a pickle.

A bundle on disk is a directory with ``manifest.json`` and ``arrays.npz``. The model version is a hash of the content,
so two trainings on the same history with the same settings give the same version, and a changed file is noticed.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.array_files import ARRAYS, MANIFEST, content_version, read_arrays
from models.calendar import Calendar
from models.calibration import Calibration, Method
from models.detector import Detector
from models.errors import BundleError, FaultlineError
from models.features import Array
from models.frames import SeriesKey
from models.memory import Memory
from models.online.arrays import Arrays, below, under
from models.registry import make_detector
from models.residuals import ResidualModel
from models.segments import SegmentRules
from models.shaping.rules_file import ShapingRules, rules_from_document
from models.shaping.silence import SilenceHistory

FORMAT = "faultline-bundle"
SCHEMA_VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Member:
    """One fitted detector of a bundle, with what its scores mean.

    Parameters
    ----------
    detector
        Fitted.
    calibration
        Of its scores, for each series or component.
    """

    detector: Detector
    calibration: Calibration


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What the bundle was trained on.

    Parameters
    ----------
    start, end
        UTC; ``end`` is one step after the last row.
    n_rows
        Rows on the grid.
    fingerprint
        SHA-256 over keys, grid and values.
    """

    start: datetime
    end: datetime
    n_rows: int
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bundle:
    """Everything that is needed to judge new rows of the trained series.

    Parameters
    ----------
    created
        UTC, given by the caller; not part of the model version.
    step_s
        Interval of the series, seconds.
    keys
        The trained series, in the order of all arrays.
    residuals
        What is expected of each series.
    members
        The detectors, in the order of the settings.
    rules
        How scores become anomalies.
    shaping
        What the user wants to be told, and of which series.
    silence
        How often each series was missing or at rest in the history.
    strangeness, component_strangeness
        Shapes (n_series,) and (n_components,): the 98 % quantile of the density of strange rows in the history.
    memory
        As it was at the end of the history; not to be changed, see ``Memory.copy``.
    history
        What it was trained on.
    settings
        The training settings, JSON-ready.

    Attributes
    ----------
    model_version : str
        ``m`` and 12 hexadecimal digits of the content's hash.
    """

    created: datetime
    step_s: float
    keys: tuple[SeriesKey, ...]
    residuals: ResidualModel
    members: tuple[Member, ...]
    rules: SegmentRules
    shaping: ShapingRules
    silence: SilenceHistory
    strangeness: Array
    component_strangeness: Array
    memory: Memory
    history: History
    settings: Mapping[str, Any]
    model_version: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "model_version", content_version("m", self._content(), self.to_arrays()))

    @property
    def detectors(self) -> tuple[str, ...]:
        """Names of the detectors."""
        return tuple(member.detector.name for member in self.members)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """All that was learnt.

        Returns
        -------
        dict of str to ndarray
            By path, such as ``memory/residuals/season/profile``.
        """
        arrays = under("residuals", self.residuals.to_arrays()) | under("memory", self.memory.to_arrays())
        arrays |= under("silence", {each: getattr(self.silence, each) for each in self.silence.__slots__})
        arrays |= {"strangeness": self.strangeness, "component_strangeness": self.component_strangeness}
        for member in self.members:
            for part, state in (("state", member.detector), ("calibration", member.calibration)):
                arrays |= under(f"{member.detector.name}/{part}", state.to_arrays())
        return arrays

    def save(self, directory: Path) -> Path:
        """Write to a directory, which is created; an existing bundle there is replaced.

        Parameters
        ----------
        directory
            Where to.

        Returns
        -------
        Path
            The directory.
        """
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / ARRAYS).open("wb") as file:
            np.savez(file, allow_pickle=False, **self.to_arrays())
        manifest = {
            "format": FORMAT,
            "schema_version": SCHEMA_VERSION,
            "model_version": self.model_version,
            "created": self.created.isoformat(),
            "arrays_sha256": hashlib.sha256((directory / ARRAYS).read_bytes()).hexdigest(),
            **self._content(),
        }
        (directory / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True), encoding="utf-8")
        return directory

    @classmethod
    def load(cls, directory: Path) -> "Bundle":
        """Read from a directory and check that nothing was changed.

        Parameters
        ----------
        directory
            Where ``save`` wrote to.

        Returns
        -------
        Bundle
            With the same bits and the same model version.

        Raises
        ------
        BundleError
            If the directory is no bundle, is damaged, was changed, or is of a newer schema.
        """
        manifest = _read_manifest(directory)
        arrays = read_arrays(directory, str(manifest.get("arrays_sha256")), remedy="restore it or train again")
        try:
            bundle = cls._restore(manifest, arrays)
        except (KeyError, TypeError, ValueError, FaultlineError) as error:
            raise BundleError(
                f"The manifest of {directory} does not fit its arrays: {error!r}.", remedy="train again"
            ) from error
        if bundle.model_version != manifest.get("model_version"):
            raise BundleError(
                f"The content of {directory} is not that of its version {manifest.get('model_version')}.",
                remedy="the manifest was changed; restore it or train again",
            )
        return bundle

    def _content(self) -> dict[str, Any]:
        """All but arrays and date, JSON-ready."""
        return {
            "step_s": self.step_s,
            "keys": [[key.component, key.metric] for key in self.keys],
            "calendars": [calendar.parameters() for calendar in self.residuals.calendars],
            "detectors": [
                {
                    "name": member.detector.name,
                    "parameters": member.detector.parameters(),
                    "sigma": member.calibration.sigma,
                    "method": member.calibration.method,
                }
                for member in self.members
            ],
            "shaping": self.shaping.to_document(),
            "rules": asdict(self.rules),
            "history": {
                "start": self.history.start.isoformat(),
                "end": self.history.end.isoformat(),
                "n_rows": self.history.n_rows,
                "fingerprint": self.history.fingerprint,
            },
            "settings": dict(self.settings),
        }

    @classmethod
    def _restore(cls, manifest: Mapping[str, Any], arrays: Arrays) -> "Bundle":
        history, step_s = manifest["history"], float(manifest["step_s"])
        calendars = tuple(Calendar.from_parameters(each) for each in manifest["calendars"])
        return cls(
            created=datetime.fromisoformat(manifest["created"]),
            step_s=step_s,
            keys=tuple(SeriesKey(component, metric) for component, metric in manifest["keys"]),
            residuals=ResidualModel(step_s=step_s, calendars=calendars).from_arrays(below(arrays, "residuals")),
            members=tuple(_member(entry, step_s, arrays) for entry in manifest["detectors"]),
            rules=SegmentRules(**manifest["rules"]),
            shaping=rules_from_document(manifest["shaping"], "the bundle's manifest"),
            silence=SilenceHistory(**below(arrays, "silence")),
            strangeness=arrays["strangeness"],
            component_strangeness=arrays["component_strangeness"],
            memory=Memory.from_arrays(
                below(arrays, "memory"), tuple(str(entry["name"]) for entry in manifest["detectors"])
            ),
            history=History(
                start=datetime.fromisoformat(history["start"]),
                end=datetime.fromisoformat(history["end"]),
                n_rows=int(history["n_rows"]),
                fingerprint=str(history["fingerprint"]),
            ),
            settings=manifest["settings"],
        )


def _member(entry: Mapping[str, Any], step_s: float, arrays: Arrays) -> Member:
    method: Method = entry["method"]
    return Member(
        detector=make_detector(entry["name"], entry["parameters"]).from_arrays(below(arrays, f"{entry['name']}/state")),
        calibration=Calibration.from_arrays(
            below(arrays, f"{entry['name']}/calibration"), sigma=float(entry["sigma"]), step_s=step_s, method=method
        ),
    )


def _read_manifest(directory: Path) -> dict[str, Any]:
    path = directory / MANIFEST
    if not path.is_file():
        raise BundleError(
            f"{directory} is not a bundle: it holds no {MANIFEST}.", remedy="give the directory of a bundle"
        )
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BundleError(f"{path} is not readable JSON.", remedy="restore the file or train again") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise BundleError(f"{path} does not describe a Faultline bundle.", remedy="give the directory of a bundle")
    schema = manifest.get("schema_version")
    if schema != SCHEMA_VERSION:
        raise BundleError(
            f"{directory} has schema version {schema}; this program reads version {SCHEMA_VERSION}.",
            remedy="upgrade Faultline" if isinstance(schema, int) and schema > SCHEMA_VERSION else "train again",
        )
    return manifest
