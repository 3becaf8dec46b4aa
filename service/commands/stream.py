"""Judging a file as the next piece of a stream: what is carried lies in a file between two calls.

The file is that of ``models.memory`` with two more arrays: up to which time rows were judged, and the anomalies that
may go on.
"""

import json
import zipfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from models.anomalies import Anomaly
from models.bundle import Bundle
from models.errors import BundleError, InputError
from models.feedback import reset_thresholds
from models.frames import MetricFrame, to_datetime, to_datetime64
from models.memory import Memory
from service.store.codec import decode, dumps

JUDGED_TO, STILL_OPEN = "judged_to", "still_open"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stream:
    """Where an earlier call stopped.

    Parameters
    ----------
    path
        The file; need not exist yet.
    memory
        What is carried; None begins behind the history.
    judged_to
        UTC: rows before this time were judged or learnt.
    still_open
        Anomalies that may go on in the next row.
    """

    path: Path
    memory: Memory | None
    judged_to: datetime
    still_open: tuple[Anomaly, ...] = ()

    def fresh(self, frame: MetricFrame, bundle: Bundle) -> tuple[MetricFrame, tuple[str, ...]]:
        """The rows that come next.

        Parameters
        ----------
        frame
            May reach back into what was judged already.
        bundle
            That judges.

        Returns
        -------
        tuple of MetricFrame and tuple of str
            Rows of the bundle's series and of those that it does not know, behind rows without values for a gap since
            the last call; and what is to be said of it. May have no rows.

        Raises
        ------
        InputError
            If the new rows lie off the grid of those that were judged, have another step, or the gap is too long.
        """
        if abs(frame.step_s - bundle.step_s) > 1e-6:
            raise InputError(
                f"the frame has a step of {frame.step_s} s, the bundle was trained on {bundle.step_s} s",
                remedy="resample the frame or train on this step",
            )
        end = to_datetime64(self.judged_to)
        new = frame.between(end, frame.end)
        if not new.n_rows:
            return new, (f"no row is behind {self.judged_to.isoformat()}, up to which all was judged or learnt",)
        notes = (
            [f"{frame.n_rows - new.n_rows} rows left out: judged or learnt before"] if new.n_rows < frame.n_rows else []
        )
        if self.memory is None:
            return new, tuple(notes)
        nothing = MetricFrame(start=end, step_s=frame.step_s, keys=frame.keys, values=np.empty((0, frame.n_series)))
        laid = nothing.append(new)
        if laid.n_rows > new.n_rows:
            notes.append(f"{laid.n_rows - new.n_rows} rows are missing since {self.judged_to.isoformat()}")
        return laid, tuple(notes)

    def save(self, memory: Memory, bundle: Bundle, judged_to: np.datetime64, still_open: tuple[Anomaly, ...]) -> None:
        """Keep what the next call goes on from; the file appears only when it is complete.

        Parameters
        ----------
        memory
            After the last row.
        bundle
            That judged.
        judged_to
            One step after the last row.
        still_open
            Anomalies that may go on.
        """
        beside = memory.save(self.path.with_name(f".{self.path.name}.next"), _version(bundle))
        added = {JUDGED_TO: np.array(judged_to), STILL_OPEN: np.array(dumps(still_open))}
        with zipfile.ZipFile(beside, "a") as archive:
            for name, array in added.items():
                with archive.open(f"{name}.npy", "w") as file:
                    np.lib.format.write_array(file, array, allow_pickle=False)
        beside.replace(self.path)


def go_on(path: Path, bundle: Bundle) -> Stream:
    """Where to go on.

    Parameters
    ----------
    path
        Of the carried memory; without a file judging begins behind the history.
    bundle
        That shall judge.

    Returns
    -------
    Stream
        Of this bundle, with or without feedback.

    Raises
    ------
    BundleError
        If the file is damaged, or belongs to another bundle.
    """
    if not path.exists():
        return Stream(path=path, memory=None, judged_to=bundle.history.end)
    memory = Memory.load(path, _version(bundle), bundle.detectors)
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        if not {JUDGED_TO, STILL_OPEN} <= set(archive.files):
            problem = f"{path} does not say up to which time rows were judged."
            raise BundleError(problem, remedy="give a file that `faultline detect --memory` wrote")
        judged_to, still_open = archive[JUDGED_TO], str(archive[STILL_OPEN])
    return Stream(
        path=path,
        memory=memory,
        judged_to=to_datetime(judged_to[()]),
        still_open=decode(tuple[Anomaly, ...], json.loads(still_open)),
    )


def _version(bundle: Bundle) -> str:
    """Of the training: feedback moves boundaries, it does not change what is carried."""
    return reset_thresholds(bundle).model_version
