"""What people use instead of Faultline, one file each: fitted on the first rows of a series, causal on the rest.

To add one, write a file with a ``Rival`` and name it in ``RIVALS``.
"""

from benchmarks.rivals import (
    ecod,
    global_z,
    half_space_trees,
    hourly_quantiles,
    isolation_forest,
    kmeans_consensus,
    no_detector,
    rolling_z,
    spectral_residual,
)
from benchmarks.rivals.contract import Rival

RIVALS: dict[str, Rival] = {
    "global-z": global_z.RIVAL,
    "rolling-z": rolling_z.RIVAL,
    "hourly-quantiles": hourly_quantiles.RIVAL,
    "isolation-forest": isolation_forest.RIVAL,
    "kmeans-consensus": kmeans_consensus.RIVAL,
    "half-space-trees": half_space_trees.RIVAL,
    "ecod": ecod.RIVAL,
    "spectral-residual": spectral_residual.RIVAL,
    "no-detector": no_detector.RIVAL,
}
"""By the name that the command line takes, in the order of the table."""
