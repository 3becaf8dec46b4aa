"""docs/breakers.md: what it shows runs, and what it says of settings, states, metrics and routes is so."""

import json
import re
import shlex
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import fields
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from service.api.app import create_app
from service.recovery import BreakerOpenError, BreakerSettings, Bulkhead, BulkheadSettings, CircuitBreaker, CircuitState
from service.recovery.breakers.metrics import GuardCollector
from tests.service.api.asgi import AppTransport
from tests.service.api.fakes import FakeBackend, a_snapshot

PAGE = (Path(__file__).parent.parent / "docs" / "breakers.md").read_text(encoding="utf-8")


def blocks(language):
    """The code blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def rows(title):
    """The rows of the table below a heading: their cells."""
    (part,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL)
    lines = [line for line in part.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("code", blocks("python"), ids=["guard", "boundaries", "metrics"])
def test_the_code_runs(code):
    """As an application of its own, with warnings as errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    printed = {"Bulkhead(": "charged o-1 refunded o-2 3\ntry again soon\n", "read_boundaries(": "3\n"}
    assert done.stdout == next((out for word, out in printed.items() if word in code), "")


def test_every_setting_is_told_with_its_default():
    """The table is the dataclass, in its order."""
    told = [(row[0].strip("`"), row[1].strip("`")) for row in rows("Settings")]
    assert told == [(field.name, repr(field.default)) for field in fields(BreakerSettings)]


def test_every_setting_of_the_bulkhead_is_told_with_its_default():
    """Each stands in the sentence with what it is."""
    told = re.findall(r"`(max_\w+)`\s+`([\d.]+)`", PAGE)
    assert told == [(field.name, repr(field.default)) for field in fields(BulkheadSettings)]


@pytest.mark.parametrize("row", rows("States"), ids=lambda row: row[0])
def test_every_state_treats_calls_as_told(row):
    """Passing, refusing, counting and who ends it."""
    state = CircuitState(row[0].strip("`"))
    breaker = CircuitBreaker("x", BreakerSettings(failure_threshold=1))
    if state.is_forced:
        breaker.force(state, "drill")
    elif state is not CircuitState.CLOSED:
        breaker.trip("drill")
    if state is not CircuitState.HALF_OPEN:  # which only time brings
        assert breaker.state is state
        with pytest.raises(BreakerOpenError) if "are refused" in row[1] else nullcontext():
            breaker.call(dict)
        is_counted = breaker.snapshot().recent_calls == 1
        assert is_counted == ("judged" in row[1] or "are counted" in row[1])
    assert state.is_forced == (row[2] == "`reset`, by a person")


def test_every_state_is_told():
    """None is left out."""
    assert [row[0].strip("`") for row in rows("States")] == list(CircuitState)


def test_every_metric_is_told():
    """The names are those of the collector."""
    registry = CollectorRegistry()
    registry.register(GuardCollector(lambda: [CircuitBreaker("x").snapshot()], lambda: [Bulkhead("x").snapshot()]))
    there = set(re.findall(r"^(faultline_\w+)", generate_latest(registry).decode(), flags=re.MULTILINE))
    assert set(re.findall(r"`(faultline_\w+)`", PAGE)) == there


def test_the_requests_are_answered():
    """Each line does what it says, in their order."""
    backend = FakeBackend()
    backend.breakers_by_name = {"orders-db": a_snapshot("orders-db")}
    states = []
    (block,) = blocks("console")
    with httpx.Client(transport=AppTransport(create_app(backend))) as client:
        for line in block.splitlines():
            words = shlex.split(line)
            url = next(f"http://{word}" for word in words if "8321" in word)
            if "-d" in words:
                answer = client.post(url, json=json.loads(words[words.index("-d") + 1]))
                states.append(answer.json()["state"])
            else:
                answer = client.get(url)
            assert answer.status_code == 200, answer.text
    backend.store.close()
    assert states == ["OPEN", "DISABLED", "CLOSED"]
