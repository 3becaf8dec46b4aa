"""What is carried from row to row while a bundle judges: small arrays, each with the series or components first."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models.errors import BundleError
from models.online.alerts import AlertState
from models.online.arrays import Arrays, below, from_arrays, to_arrays, under
from models.online.residuals import ResidualState
from models.online.tail import TailState
from models.shaping.silence import SilenceState


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Memory:
    """The state of all stages; its arrays are changed in place by those who judge rows.

    Parameters
    ----------
    residuals
        Level, season and spread of each series.
    detectors
        Memory of each detector, by name.
    tails
        Recent scores of each detector, by name.
    alerts, component_alerts
        What was told of each series and of each component.
    silence
        How long each series has been missing, or has not moved.
    silent
        Shape (n_series,): whether that was an alarm in the last row.
    """

    residuals: ResidualState
    detectors: Mapping[str, dict[str, NDArray[Any]]]
    tails: Mapping[str, TailState]
    alerts: AlertState
    component_alerts: AlertState
    silence: SilenceState
    silent: NDArray[np.bool_]

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """All of it, by path; not copied.

        Returns
        -------
        dict of str to ndarray
            For ``from_arrays``.
        """
        arrays = under("residuals", to_arrays(self.residuals))
        for name, memory in self.detectors.items():
            arrays |= under(f"detectors/{name}", memory) | under(f"tails/{name}", to_arrays(self.tails[name]))
        for name in ("alerts", "component_alerts", "silence"):
            arrays |= under(name, to_arrays(getattr(self, name)))
        arrays["silent"] = self.silent
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Arrays, detectors: tuple[str, ...]) -> Self:
        """Take saved arrays, as copies that may be written to.

        Parameters
        ----------
        arrays
            From ``to_arrays``.
        detectors
            Names of the detectors.

        Returns
        -------
        Memory
            To the same bits.
        """
        return cls(
            residuals=from_arrays(ResidualState, below(arrays, "residuals")),
            detectors={
                name: {part: array.copy() for part, array in below(arrays, f"detectors/{name}").items()}
                for name in detectors
            },
            tails={name: from_arrays(TailState, below(arrays, f"tails/{name}")) for name in detectors},
            alerts=from_arrays(AlertState, below(arrays, "alerts")),
            component_alerts=from_arrays(AlertState, below(arrays, "component_alerts")),
            silence=from_arrays(SilenceState, below(arrays, "silence")),
            silent=arrays["silent"].copy(),
        )

    def save(self, path: Path, model_version: str) -> Path:
        """Write to a file, which appears only when it is complete.

        Parameters
        ----------
        path
            Its directory must exist; an existing file is replaced.
        model_version
            Of the bundle that this memory belongs to.

        Returns
        -------
        Path
            The file.
        """
        partial = path.with_name(f".{path.name}.partial")
        with partial.open("wb") as file:
            np.savez(file, allow_pickle=False, model_version=np.array(model_version), **self.to_arrays())
        return partial.replace(path)

    @classmethod
    def load(cls, path: Path, bundle_version: str, detectors: tuple[str, ...]) -> Self:
        """Read what ``save`` wrote.

        Parameters
        ----------
        path
            The file.
        bundle_version
            Of the bundle that shall go on.
        detectors
            Its detectors.

        Returns
        -------
        Memory
            To the same bits.

        Raises
        ------
        BundleError
            If the file is damaged, or belongs to another bundle.
        """
        remedy = "remove the file; the memory then begins behind the history"
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            version = str(arrays.pop("model_version"))
            if version != bundle_version:
                raise BundleError(f"{path} is the memory of bundle {version}, not of {bundle_version}.", remedy=remedy)
            return cls.from_arrays(arrays, detectors)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise BundleError(f"{path} cannot be read as a memory: {error!r}.", remedy=remedy) from error

    def copy(self) -> "Memory":
        """An equal one that shares nothing.

        Returns
        -------
        Memory
            To go on from here twice.
        """
        return Memory.from_arrays(self.to_arrays(), tuple(self.detectors))
