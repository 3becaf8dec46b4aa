"""A ranker learnt from the training splits of suites, as their users would from resolved incidents."""

from collections.abc import Sequence
from pathlib import Path

from analysis.pipeline import situation_from_case
from analysis.ranking.files import save_ranker
from analysis.ranking.ranker import fit_ranker
from analysis.ranking.sight import ResolvedIncident, resolved
from benchmarks.rca.run import RcaSuite
from models.sources.cases import read_case
from models.sources.suites import iter_suite, read_truth

TRAIN = "train"


def learn(suites: Sequence[RcaSuite], place: Path) -> Path | None:
    """Learn from every case of a training split.

    Parameters
    ----------
    suites
        Those without such a split teach nothing.
    place
        Where to write the ranker.

    Returns
    -------
    Path or None
        Where it is; None if no suite has a training split.
    """
    incidents = [incident for suite in suites for incident in _resolved(suite)]
    return save_ranker(fit_ranker(incidents), place) if incidents else None


def _resolved(suite: RcaSuite) -> list[ResolvedIncident]:
    """The cases to learn from, with their causes."""
    truth = read_truth(suite.path)
    return [
        resolved(situation_from_case(read_case(path)), path.name, truth[path.name].components, system=suite.name)
        for path in iter_suite(suite.path)
        if path.name in truth and truth[path.name].split == TRAIN
    ]
