"""service.checks.file: what a file of checks says, and that every mistake in one is named with line and remedy."""

import contextlib
import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigurationError
from service.checks.file import CheckContext, checks_schema, load_checks, parse_checks
from service.checks.probes import METRICS
from service.clock import SystemClock
from service.recovery.health import Direction

CONTEXT = CheckContext(
    clock=SystemClock(),
    commands={"queue": ("/bin/true",)},
    databases={"orders": "sqlite:////var/lib/orders.db"},
    functions={"lag": dict},
    breakers=frozenset({"orders", "orders-db"}),
)
GOOD = """\
version: 1
checks:
  - id: web
    component: orders
    type: HTTP_ENDPOINT
    url: http://127.0.0.1:8080/healthz
    body_contains: ok
    interval_s: 20
    stale_after_s: 90
    thresholds:
      - {metric: latency_s, unit: ms, warning: 250, critical: 1000}
    depends_on: [db]
    trips_breaker: true
    maintenance:
      - {start: 2026-03-01T22:00:00Z, end: 2026-03-01T23:00:00Z, reason: upgrade}
  - id: db
    component: orders-db
    type: DATABASE_QUERY
    database: orders
  - id: disk
    component: orders-db
    type: FILE_SYSTEM
    path: /var/lib
    thresholds:
      - {metric: free_ratio, unit: percent, warning: 20, critical: 10}
      - {metric: free_bytes, unit: GiB, critical: 1}
  - {id: memory, component: orders, type: MEMORY_USAGE, process_name: orders}
  - {id: cpu, component: orders, type: CPU_USAGE, sample_s: 0.2}
  - id: queue
    component: orders
    type: CUSTOM
    command: queue
    metrics: {depth: count, lag: s}
    thresholds:
      - {metric: lag, unit: min, critical: 5}
  - {id: lag, component: orders, type: CUSTOM, function: lag}
"""


def parsed(text):
    """The checks of a text."""
    return parse_checks(text.encode(), "checks.yaml", CONTEXT)


def test_a_file_says_all_of_it():
    """Units are converted, usual directions are known, paces are taken over."""
    checks = parsed(GOOD)
    assert [check.id for check in checks] == ["web", "db", "disk", "memory", "cpu", "queue", "lag"]
    web, disk = checks["web"], checks["disk"]
    assert (web.policy.interval_s, web.policy.stale_s, web.depends_on) == (20, 90, ("db",))
    (latency,) = web.thresholds
    assert (latency.warning, latency.critical, latency.unit) == (0.25, 1.0, "s")
    assert [limit.direction for limit in disk.thresholds] == [Direction.BELOW] * 2
    assert [limit.critical for limit in disk.thresholds] == [0.1, 2.0**30]
    assert checks["queue"].thresholds[0].critical == 300


def test_two_readings_of_a_file_are_equal():
    """What did not change in a file goes on as it is after a reload."""
    assert list(parsed(GOOD)) == list(parsed(GOOD))


def test_the_schema_fits_the_file():
    """The file is valid by the published schema, which refuses what is misspelt."""
    schema = checks_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    document = json.loads(json.dumps(yaml.safe_load(GOOD), default=lambda moment: moment.isoformat()))
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(document)
    document["checks"][0]["intervall_s"] = 1
    assert not validator.is_valid(document)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("version: 1", "version: 2", 1, "version"),
        ("interval_s: 20", "intervall_s: 20", 8, "the nearest is 'interval_s'"),
        ("interval_s: 20", "interval_s: soon", 8, "interval_s"),
        ("interval_s: 20", "interval_s: 0", 8, "interval_s"),
        ("stale_after_s: 90", "stale_after_s: 5", 3, "more than interval_s"),
        ("type: HTTP_ENDPOINT", "type: HTTP", 3, "HTTP_ENDPOINT"),
        ("    url: http://127.0.0.1:8080/healthz\n", "", 3, "url"),
        ("http://127.0.0.1", "ftp://127.0.0.1", 6, "url"),
        ("unit: ms", "unit: MiB", 11, "measures something else than s. Remedy: use one of: s, ms"),
        ("unit: ms", "unit: parsec", 11, "unknown"),
        (", unit: ms", "", 11, "unit"),
        ("metric: latency_s", "metric: latency", 11, "the nearest is 'latency_s'"),
        ("warning: 250, critical: 1000", "warning: 2000, critical: 1000", 11, "above is bad"),
        ("warning: 20, critical: 10", "warning: 10, critical: 20", 25, "below is bad"),
        ("warning: 250, critical: 1000", "warning: .inf", 11, "finite"),
        (", warning: 250, critical: 1000", "", 11, "one or two numbers"),
        ("depends_on: [db]", "depends_on: [dbs]", 12, "the nearest is 'db'"),
        ("depends_on: [db]", "depends_on: [web]", 12, "circle: web -> web"),
        ("    database: orders\n", "    database: orders\n    depends_on: [web]\n", 12, "circle: web -> db -> web"),
        ("id: db\n", "id: web\n", 16, "as in line 3"),
        ("id: db\n", "id: ../db\n", 16, "id"),
        ("database: orders", "database: billing", 16, "use one of: orders"),
        ("database: orders", "url: mysql://h/d", 16, "PostgreSQL"),
        ("database: orders", "url: sqlite://", 16, "file"),
        ("database: orders", "query: SELECT 1", 16, "one of url and database"),
        ("path: /var/lib", "path: var/lib", 23, "path"),
        ("command: queue", "command: rm", 29, "checks.commands"),
        ("command: queue", "command: queue\n    function: lag", 29, "one of command and function"),
        ("function: lag", "function: leg", 36, "not registered"),
        ("lag: s}", "lag: parsecs}", 33, "no unit"),
        ("end: 2026-03-01T23", "end: 2026-03-01T21", 15, "before it starts"),
        ("start: 2026-03-01T22:00:00Z", "start: 2026-03-01T22:00:00", 15, "timezone"),
        ("component: orders\n    type: HTTP", "component: carts\n    type: HTTP", 13, "no breaker"),
        ("process_name: orders}", "process_name: orders, pid_file: /run/x}", 27, "Both"),
        ("    body_contains: ok", "    body_contains: ok\n    method: HEAD", 3, "HEAD"),
        ("checks:", "checks: []\nchecked:", 2, "checks"),
        ("component: orders\n", "component: *a\n", 4, "alias"),
    ],
)
def test_a_mistake_is_refused_with_its_line_and_a_remedy(old, new, line, said):
    """Nothing of a file with a mistake is taken."""
    assert old in GOOD
    with pytest.raises(ConfigurationError) as caught:
        parsed(GOOD.replace(old, new, 1))
    assert f"checks.yaml: line {line}:" in str(caught.value)
    assert said.lower() in str(caught.value).lower()
    assert caught.value.remedy


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b"a: [", b"version: 1", b"x" * ((1 << 20) + 1), b"null", b"1"])
def test_what_is_no_such_file_is_refused(data):
    """Whatever is given, the answer is a ConfigurationError that names the file."""
    with pytest.raises(ConfigurationError, match=r"checks\.yaml"):
        parse_checks(data, "checks.yaml", CONTEXT)


@given(st.data())
def test_no_damage_breaks_the_reader(data):
    """A file with any character run replaced is read or refused, nothing else."""
    start = data.draw(st.integers(0, len(GOOD)))
    length = data.draw(st.integers(0, 30))
    text = GOOD[:start] + data.draw(st.text(max_size=10)) + GOOD[start + length :]
    with contextlib.suppress(ConfigurationError):
        parsed(text)


def test_a_missing_file_is_named(tmp_path):
    """The path and a remedy are told."""
    with pytest.raises(ConfigurationError, match=r"nowhere\.yaml"):
        load_checks(tmp_path / "nowhere.yaml", CONTEXT)


def test_the_documentation_shows_a_valid_file_and_every_metric():
    """The example of the documentation is read by the code, and its table names what is measured."""
    page = (Path(__file__).parents[3] / "docs" / "health.md").read_text(encoding="utf-8")
    example = page.split("```yaml\n")[1].split("```")[0]
    context = CheckContext(
        clock=SystemClock(), commands={"queue-depth": ("/bin/true",)}, databases={"orders": "sqlite:////x.db"}
    )
    assert len(parse_checks(example.encode(), "docs/health.md", context)) >= 6
    for kind, metrics in METRICS.items():
        assert kind.value in page
        assert all(f"`{metric}`" in page for metric in metrics)
