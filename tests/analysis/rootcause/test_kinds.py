"""What a metric's name says."""

import pytest

from analysis.rootcause.kinds import DATA_STORE, WORDS, MetricKind, classify, is_of_data_store, is_of_disk_space


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("latency_p99", MetricKind.LATENCY),
        ("http_request_duration_seconds", MetricKind.LATENCY),
        ("ResponseTime(ms)", MetricKind.LATENCY),
        ("error_rate", MetricKind.ERRORS),
        ("request_errors_total", MetricKind.ERRORS),
        ("availability", MetricKind.ERRORS),
        ("PodCpuUsage(%)", MetricKind.SATURATION),
        ("container_cpu_seconds_total", MetricKind.SATURATION),
        ("queueDepth", MetricKind.SATURATION),
        ("requests_per_second", MetricKind.TRAFFIC),
        ("NetworkReceiveBytes", MetricKind.TRAFFIC),
        ("zyx", MetricKind.OTHER),
        ("", MetricKind.OTHER),
        ("温度 ☃", MetricKind.OTHER),
    ],
)
def test_kind_follows_the_words(name, kind):
    """Words and units decide, whatever the spelling; anything else is OTHER."""
    assert classify(name) is kind


def test_no_word_has_two_kinds():
    """The order of the table decides between words, never between meanings of one word."""
    words = [word for _, known in WORDS for word in known]
    assert len(words) == len(set(words))


def test_only_latency_and_errors_travel_to_callers():
    """Saturation and traffic are no symptoms of a callee."""
    assert {kind for kind in MetricKind if kind.is_symptomatic} == {MetricKind.LATENCY, MetricKind.ERRORS}


@pytest.mark.parametrize(
    "name", ["mysql_locks", "Innodb-rows", "sqlQueries", "TRANSACTIONS", "wal.size", "replication_lag"]
)
def test_words_of_data_stores_are_known(name):
    """Whatever the spelling."""
    assert is_of_data_store(name)


@pytest.mark.parametrize("name", ["", "cpu", "requests", "blocks", "throws", "☃", "enqueryable"])
def test_other_words_are_of_no_data_store(name):
    """Only whole words count."""
    assert not is_of_data_store(name)


def test_words_of_data_stores_need_no_kind():
    """A word may be both, but none is listed twice."""
    words = DATA_STORE.split()
    assert len(words) == len(set(words))


@pytest.mark.parametrize("name", ["disk_used_bytes", "node_filesystem_avail_bytes", "DiskUsage(%)", "fs.inodes.free"])
def test_the_space_of_disks_is_known(name):
    """Whatever the spelling."""
    assert is_of_disk_space(name)


@pytest.mark.parametrize("name", ["", "disk_io_time", "diskReads", "volume_queue_length", "memory", "diskette"])
def test_how_busy_a_disk_is_says_nothing_of_its_space(name):
    """Neither do other metrics."""
    assert not is_of_disk_space(name)
