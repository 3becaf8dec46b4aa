"""What a metric measures, told from its name: the one place in which names are allowed to mean something.

Only the general vocabulary of monitoring is used (words and units), never the naming of a data set. A name without a
known word is OTHER, which every collector treats neutrally.
"""

import re
from enum import StrEnum
from functools import lru_cache


class MetricKind(StrEnum):
    """What a metric measures, and therefore how its trouble travels.

    Latency and errors are felt by callers, so they may be symptoms. Saturation stays where it is. Traffic comes from
    the callers.
    """

    LATENCY = "LATENCY"
    ERRORS = "ERRORS"
    SATURATION = "SATURATION"
    TRAFFIC = "TRAFFIC"
    OTHER = "OTHER"

    @property
    def is_symptomatic(self) -> bool:
        """Whether trouble of this kind travels from callee to caller."""
        return self in {MetricKind.LATENCY, MetricKind.ERRORS}


ERRORS = """
error errors err errs fail failed fails failure failures fault faults exception exceptions availability success
successes reject rejected rejections timeout timeouts abort aborted drop dropped drops loss lost retransmit retransmits
retransmission retries retry restart restarts 4xx 5xx sr
"""
SATURATION = """
cpu processor mem memory heap rss disk filesystem fs inode inodes swap io iops iowait blkio saturation utilization
utilisation usage queue queued backlog depth pool connections conn conns thread threads goroutines socket sockets fd fds
descriptors throttled throttling gc load load1 load5 load15 lag
"""
LATENCY = """
latency latencies lat duration durations delay rtt rt mrt elapsed response seconds millis milliseconds ms p50 p75 p90
p95 p99 p999 time
"""
TRAFFIC = """
request requests req reqs call calls rate rps qps tps ops throughput traffic workload hits count total network net bytes
packets receive received transmit transmitted rx tx ingress egress invocations messages sum
"""
WORDS: tuple[tuple[MetricKind, frozenset[str]], ...] = (
    (MetricKind.ERRORS, frozenset(ERRORS.split())),
    (MetricKind.SATURATION, frozenset(SATURATION.split())),
    (MetricKind.LATENCY, frozenset(LATENCY.split())),
    (MetricKind.TRAFFIC, frozenset(TRAFFIC.split())),
)
"""Looked up in this order; the first kind with a word of the name wins, so that ``cpu_seconds`` is saturation,
``request_errors`` errors and ``request_duration`` latency."""

DATA_STORE = """
sql query queries transaction transactions commit commits rollback rollbacks deadlock deadlocks lock locks replication
tuple tuples row rows wal table tables cursor cursors keyspace
"""
"""Words of metrics that only data stores have."""

DISK = frozenset({"disk", "disks", "filesystem", "filesystems", "fs", "inode", "inodes", "volume"})
DISK_WORK = frozenset({"io", "iops", "iowait", "blkio", "read", "reads", "write", "writes", "queue", "time", "latency"})
"""Words of metrics of storage, and of those among them that tell how busy it is, not how full."""

_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SPLIT = re.compile(r"[^0-9A-Za-z]+")


@lru_cache(maxsize=65_536)
def classify(metric: str) -> MetricKind:
    """Tell the kind of a metric from its name.

    Parameters
    ----------
    metric
        Any string; case, separators and camelCase do not matter.

    Returns
    -------
    MetricKind
        OTHER if no word is known.

    Examples
    --------
    >>> classify("http_request_duration_p99"), classify("PodCpuUsage(%)"), classify("zyx")
    (<MetricKind.LATENCY: 'LATENCY'>, <MetricKind.SATURATION: 'SATURATION'>, <MetricKind.OTHER: 'OTHER'>)
    """
    words = _words(metric)
    return next((kind for kind, known in WORDS if words & known), MetricKind.OTHER)


def is_of_data_store(metric: str) -> bool:
    """Whether a metric tells of a data store.

    Parameters
    ----------
    metric
        Any string; case, separators and camelCase do not matter.

    Returns
    -------
    bool
        False if no known word is in it.
    """
    return not _words(metric).isdisjoint(DATA_STORE.split())


def is_of_disk_space(metric: str) -> bool:
    """Whether a metric tells how full a disk or file system is.

    Parameters
    ----------
    metric
        Any string; case, separators and camelCase do not matter.

    Returns
    -------
    bool
        False for metrics of how busy it is.
    """
    words = _words(metric)
    return bool(words & DISK) and not words & DISK_WORK


def _words(metric: str) -> set[str]:
    """The words of a name, in lower case."""
    return {word.lower() for part in _SPLIT.split(metric) for word in _HUMP.split(part)}
